"""The doors by which workers come in."""

from celery import shared_task

from ops import clock
from telemetry.alarms import looking, notices, operating, sending


@shared_task(expires=10, time_limit=120)
def look_after_alarms() -> None:
    """Let shelves end, look for silence and staleness, and hand out what happened."""
    reading, wall = clock.reading(), clock.wall()
    now = reading.at(wall)
    operating.unshelve_due(now=now)
    if reading.rate:
        looking.look(now=now, rate=reading.rate)
    looking.note_look(wall)


@shared_task(expires=10, time_limit=120)
def send_notices() -> None:
    """Put what happened into messages, and send those that are due."""
    wall = clock.wall()
    notices.distribute(wall=wall)
    sending.send_due(wall=clock.wall)
