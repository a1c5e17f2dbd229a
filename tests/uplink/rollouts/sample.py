"""A rollout in the middle of its way, for pages: over whatever satellites there are."""

import hashlib
from datetime import timedelta
from uuid import uuid4

from ops.accounts.models import User
from tests.factories import NOON
from uplink.registry.models import Artefact, GoldenPrompt, Version
from uplink.rollouts import planning
from uplink.rollouts.models import Divergence, Outcome, Rollout
from uplink.transfers.models import Deployment, Transfer

OUTCOMES = [Outcome.ACTIVE, "SOAKING", "ACTIVATING", "SENDING", Outcome.FAILED]


def roll_out(user: User, version: Version) -> Rollout:
    """Plan a rollout of three rings and bring the first two some way."""
    GoldenPrompt.objects.create(
        version=version, number=0, messages=[], expect={"contains": "Paris"}
    )
    rollout, _ = planning.create(
        rollout_id=uuid4(),
        organisation=user.organisation,
        user=user,
        name=f"{version.version} to all",
        version=version,
        kind="SOFT",
        forced_at=None,
        start_at=None,
        priority=0,
        safe_window={"min_charge": 0.5},
        needs_approval=False,
        rings_asked=[
            {
                "name": "canary", "percentage": 10, "soak_orbits": 2, "soak_contacts": 3,
                "on_error": "ROLLBACK_ALL",
                "metrics": [{"metric": "accelerator_temperature", "max": 80}],
            },
            {"name": "half", "percentage": 50, "error": {"percent": 10, "min_finished": 3}},
            {"name": "all"},
        ],
        now=NOON - timedelta(hours=3),
    )  # fmt: skip
    for number, ring in enumerate(rollout.rings.filter(number__lt=2)):
        ring.state = "FINISHED" if number == 0 else "RUNNING"
        ring.save()
        for place, target in enumerate(ring.targets.select_related("satellite")):
            _place(target, version, OUTCOMES[place % 5] if number else Outcome.ACTIVE)
    rollout.state, rollout.started_at = "RUNNING", NOON - timedelta(hours=2)
    rollout.judged_from = rollout.started_at
    rollout.save()
    return rollout


def _place(target, version: Version, where: str) -> None:
    target.begun_at = NOON - timedelta(hours=2)
    if where in Outcome.values:
        target.outcome, target.finished_at = where, NOON
    if where == Outcome.FAILED:
        target.code = "GOLDEN_FAILED"
        target.reason = "Golden prompt 0: The answer does not contain 'Paris'."
    if where == "SOAKING":
        target.active_at, target.waits_for = NOON, "soak: 1.2 of 2 orbits, 1 of 3 contacts"
    if where in ("ACTIVATING", "SENDING"):
        target.transfer = Transfer.objects.create(
            organisation=target.rollout.organisation,
            satellite=target.satellite,
            artefact=version.artefact,
            version=version,
            state=where,
            created_at=NOON,
        )
        target.waits_for = "a safe window: 2 questions wait on board"
    target.save()
    if where in (Outcome.ACTIVE, "SOAKING"):
        Deployment.objects.update_or_create(
            satellite=target.satellite,
            defaults={"desired": version.artefact, "active_sha256": version.artefact_id},
        )


def fall_back(satellite, desired: Artefact) -> Divergence:
    return Divergence.objects.create(
        satellite=satellite,
        desired=desired,
        reported_sha256=hashlib.sha256(b"other").hexdigest(),
        since_at=NOON,
        offers=3,
        is_flagged=True,
        reason="Offered 3 times: the slot refused it: out of memory.",
    )
