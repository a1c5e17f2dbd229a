"""What a rollout tells, and who wakes it."""

from __future__ import annotations

import functools

from django.db import transaction

from ops.live import events
from uplink.rollouts.models import Rollout, Target
from uplink.transfers.models import Transfer

STREAM = "rollouts"
EXPIRES_S = 10


def tell(rollout: Rollout, kind: str = "rollout") -> None:
    """Write the event that a rollout or something in it changed."""
    told = {"rollout": str(rollout.pk), "state": rollout.state, "reason": rollout.reason}
    events.publish(STREAM, kind, told)


def transfer_moved(transfer: Transfer) -> None:
    """Let the rollout look again once this commits. The tick is the floor, this is the pulse."""
    waiting = Target.objects.filter(transfer=transfer, finished_at=None)
    rollout_id = waiting.values_list("rollout_id", flat=True).first()
    if rollout_id is not None:
        transaction.on_commit(functools.partial(_wake, str(rollout_id)), robust=True)


def _wake(rollout_id: str) -> None:
    from uplink.rollouts import tasks

    tasks.look_after_rollout.apply_async(
        kwargs={"rollout_id": rollout_id}, expires=EXPIRES_S, retry=False
    )
