"""Beat's ticks for questions; each is safe to run again and to run late."""

from celery import shared_task

from ops import clock
from uplink.inference import queries, routing


@shared_task(ignore_result=True, time_limit=30)
def look_after_queries() -> None:
    """Route what has no satellite yet, and end what has run out of time."""
    now = clock.now()
    routing.route_all(now=now)
    queries.expire(now=now)
