"""Ticks of the inventory."""

from celery import shared_task
from django.conf import settings

from constellation import clock_relay
from ops import clock


@shared_task(ignore_result=True, time_limit=10)
def tell_the_simulator_the_time() -> None:
    """Bring a simulator that restarted, or missed a change, back to mission time."""
    if settings.ZENITH_SIMULATOR_CONTROL:
        clock_relay.tell(clock.reading())
