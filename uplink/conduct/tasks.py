"""The contacts queue: a tick that claims what is due and hands it to this worker's conductor."""

from celery import shared_task, signals

from ops import clock
from uplink.conduct import conductor, leases

CLAIM_MOST = 8
"""A worker takes so many contacts a tick, so that two of them share the work."""


@shared_task(ignore_result=True, acks_late=False, time_limit=30)
def claim_contacts() -> None:
    """Claim contacts that begin soon or were left behind, and fly them here."""
    reading, wall = clock.reading(), clock.wall()
    leases.close_missed(clock=reading, wall=wall)
    here = conductor.here()
    most = min(CLAIM_MOST, here.room)
    if most > 0:
        here.take(leases.claim(owner=here.owner, most=most, clock=reading, wall=wall))


@signals.worker_shutting_down.connect
def hand_contacts_over(**_: object) -> None:
    """Give the contacts back when the worker is told to end, so that another goes on at once."""
    conductor.stop()
