"""Doors of Celery: the planner's tick."""

import logging

from celery import shared_task
from kombu.exceptions import OperationalError

from constellation.contacts import planner, recheck
from ops import clock
from ops.clock_reading import Clock

SOON_S = 60
log = logging.getLogger(__name__)


@shared_task(ignore_result=True, acks_late=True, time_limit=600)
def plan_contacts() -> None:
    """Keep the next day booked. Whoever writes a Demand that cannot wait calls `plan_now`."""
    planner.plan_contacts(clock.now())


@shared_task(ignore_result=True, acks_late=True, time_limit=600)
def plan_around_new_elements() -> None:
    """Let contacts follow the element sets that came since they were booked."""
    recheck.look_again(clock.now())


def plan_now() -> None:
    """Let the planner run before its next tick; should the broker be away, the tick does it."""
    try:
        plan_contacts.apply_async(expires=SOON_S, retry=False)
    except OperationalError as error:
        log.warning("the planner waits for its tick: %s", error)


def plan_after_a_change_of_the_clock(_: Clock) -> None:
    """Book the day around the instant that the clock jumped to."""
    plan_now()
