"""What telecommands wait for."""

from celery import shared_task

from ops import clock
from uplink.commands import relays


@shared_task(ignore_result=True, expires=10, time_limit=60)
def fall_back() -> None:
    """Let telecommands wait again that were handed on by laser and not acknowledged in time."""
    relays.fall_back(now=clock.now())
