"""The doors by which workers come in."""

from celery import shared_task

from ops import clock
from telemetry.alarms import looking, notices, operating, sending, taking_over


@shared_task(expires=10, time_limit=120)
def look_after_alarms() -> None:
    """Let shelves end and limits begin, and look for silence and staleness."""
    reading, wall = clock.reading(), clock.wall()
    now = reading.at(wall)
    operating.unshelve_due(now=now)
    taking_over.put_due_in_force(now=now)
    if reading.rate:
        looking.look(now=now, rate=reading.rate)
    looking.note_look(wall)


@shared_task(expires=10, time_limit=120)
def send_notices() -> None:
    """Put what happened into messages, and send those that are due."""
    wall = clock.wall()
    notices.distribute(wall=wall)
    sending.send_due(wall=clock.wall)
