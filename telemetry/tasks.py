"""The doors by which workers come in."""

import time
from uuid import UUID

from celery import shared_task

from ops import clock
from telemetry import ingest, joining, queueing
from telemetry.archive import compaction, retention, rolling
from telemetry.replays import running, settling

SLICE_S = 1.0
"""So long one contact holds a worker while others wait."""
REPLAY_SLICE_S = 4.0
REPLAYS_AT_ONCE = 8


@shared_task(expires=60, time_limit=300)
def decode_reception(contact_id: str, queue: str = queueing.DECODING) -> None:
    """Decode what came down in a contact, what waits together at the time it is read; after a
    slice of wall time, queue the rest behind the others."""
    contact = UUID(str(contact_id))
    queueing.begun(contact, queue)
    until = time.monotonic() + SLICE_S
    most = joining.BATCHES_MAX
    while ingest.decode_reception(contact, now=clock.now(), most=most):
        if time.monotonic() > until:
            queueing.ask(contact, queue=queue)
            return


@shared_task(expires=10)
def requeue_undecoded() -> None:
    """Queue again what is stored and not decoded: a lost message is a delay, never a loss."""
    for contact_id in ingest.undecoded_contacts():
        queueing.ask(contact_id)


@shared_task(expires=60, time_limit=300)
def compact_segments() -> None:
    """Swap short segments for long ones, and let roll-ups grow."""
    compaction.compact()
    rolling.grow()


@shared_task(expires=10)
def go_on_with_replays() -> None:
    """Queue what replays have left to do, and erase what nobody reads any more."""
    for part_id in running.unfinished()[:REPLAYS_AT_ONCE]:
        replay_part.delay(part_id)
    running.sweep()
    settling.clear()


@shared_task(expires=30, time_limit=120)
def replay_part(part_id: int) -> None:
    """Move one satellite's part of a replay on for a slice of wall time."""
    until = time.monotonic() + REPLAY_SLICE_S
    while running.run(part_id, now=clock.now()) and time.monotonic() < until:
        pass


@shared_task(expires=600, time_limit=1800)
def tidy_telemetry() -> None:
    """Remove what is older than the operator wants it kept."""
    settling.settle_old(now=clock.now())
    retention.tidy(now=clock.now())
