"""Doors of Celery: the planner's tick."""

from celery import shared_task

from constellation.contacts import planner
from ops import clock


@shared_task(ignore_result=True, acks_late=True, time_limit=300)
def plan_contacts() -> None:
    """Keep the next day booked. Whoever writes a Demand that cannot wait queues it on commit."""
    planner.plan_contacts(clock.now())
