"""The doors by which workers come in."""

from uuid import UUID

from celery import shared_task

from ops import clock
from telemetry import ingest
from telemetry.archive import compaction


@shared_task(expires=60, time_limit=300)
def decode_reception(contact_id: str) -> None:
    """Decode what came down in a contact, each batch at the time it is read: while an answer
    streams down, this goes on for minutes."""
    while ingest.decode_reception(UUID(str(contact_id)), now=clock.now(), most=1):
        pass


@shared_task(expires=10)
def requeue_undecoded() -> None:
    """Queue again what is stored and not decoded: a lost message is a delay, never a loss."""
    for contact_id in ingest.undecoded_contacts():
        decode_reception.delay(str(contact_id))


@shared_task(expires=60, time_limit=300)
def compact_segments() -> None:
    """Swap short segments for long ones."""
    compaction.compact()
