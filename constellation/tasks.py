"""Ticks of the inventory, and passes computed ahead of those who ask."""

from datetime import datetime

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from constellation import clock_relay, feeds, pass_blocks, validation, visibility
from ops import clock


@shared_task(ignore_result=True, time_limit=10)
def tell_the_simulator_the_time() -> None:
    """Bring a simulator that restarted, or missed a change, back to mission time."""
    if settings.ZENITH_SIMULATOR_CONTROL:
        clock_relay.tell(clock.reading())


@shared_task(ignore_result=True, time_limit=600)
def sweep_passes() -> None:
    """Forget passes of the past, and of stations and element sets that count no more."""
    pass_blocks.sweep(clock.now())


@shared_task(ignore_result=True, acks_late=True, time_limit=1800)
def compute_passes(*, start: str, end: str) -> None:
    """Compute the whole fleet's passes of a span (RFC 3339) for whoever waits for them."""
    start_at, end_at = datetime.fromisoformat(start), datetime.fromisoformat(end)
    for _ in visibility.walk(visibility.view_at(start_at), start_at, end_at):
        pass


@shared_task(ignore_result=True, acks_late=False, time_limit=1800)
def fetch_elements() -> None:
    """Ask the sources of element sets of which the time has come."""
    feeds.fetch_due(timezone.now(), clock.now())


@shared_task(ignore_result=True, time_limit=600)
def look_after_elements() -> None:
    """Judge element sets that were left behind, and mark those of which the time is over."""
    now = clock.now()
    validation.judge_what_was_left(now)
    validation.expire(now)
