"""Events as a test reads them: in a test's own transaction nothing commits, so they are numbered
at once."""

from django.db import connection
from django.db.models import QuerySet

from ops.live.models import Event


def events_of(stream: str) -> QuerySet[Event]:
    """Return what was published into `stream` so far, in order."""
    connection.check_constraints()  # what a commit would do
    return Event.objects.filter(stream_id=stream).order_by("number")
