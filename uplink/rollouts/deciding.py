"""Writing down what was decided about a target, and what it waits for."""

from __future__ import annotations

from datetime import datetime

from uplink.rollouts.models import Outcome, Target


def finish(
    target: Target, outcome: Outcome, *, now: datetime, code: str = "", reason: str = ""
) -> None:
    """Decide about a target."""
    target.outcome, target.finished_at, target.waits_for = outcome, now, ""
    target.code, target.reason = code, reason[:500]
    target.save()


def wait(target: Target, why: str) -> None:
    """Say why nothing happens to it now."""
    if target.waits_for != why[:300]:
        target.waits_for = why[:300]
        target.save(update_fields=["waits_for"])
