"""Ticks of the events."""

from celery import shared_task

from ops import clock
from ops.live import events


@shared_task(ignore_result=True, time_limit=300)
def forget_old_events() -> None:
    events.forget_before(clock.wall() - events.KEPT_FOR)
