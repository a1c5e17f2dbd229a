"""Beat's ticks for rollouts; each is safe to run again and to run late."""

from uuid import UUID

from celery import shared_task

from ops import clock
from uplink.rollouts import evaluation, reconciling, revoking


@shared_task(ignore_result=True, time_limit=120)
def look_after_rollouts() -> None:
    evaluation.look_after_all(now=clock.now())


@shared_task(ignore_result=True, time_limit=120)
def look_after_rollout(*, rollout_id: str) -> None:
    evaluation.look_after(UUID(rollout_id), now=clock.now())


@shared_task(ignore_result=True, time_limit=120)
def look_after_deployments() -> None:
    """Take what is revoked off every satellite, and set right what runs something else."""
    now = clock.now()
    revoking.enforce(now=now)
    reconciling.reconcile(now=now)
