"""Events: what happened, numbered without holes in each stream."""

from django.db import models


class Stream(models.Model):
    """A stream's counter. Its row is locked by the transaction that writes an event.

    A sequence would lose events: whoever saw number 2 and resumes after it never sees number 1
    when that is committed later.
    """

    name = models.CharField(max_length=100, primary_key=True)
    last_number = models.BigIntegerField(default=0)


class Event(models.Model):
    """One thing that happened in a stream."""

    stream = models.ForeignKey(Stream, models.CASCADE, related_name="events")
    number = models.BigIntegerField()
    kind = models.CharField(max_length=40)
    payload = models.JSONField()
    written_at = models.DateTimeField(auto_now_add=True, help_text="Wall time.")

    class Meta:
        constraints = [
            models.UniqueConstraint(name="event_number_once", fields=["stream", "number"])
        ]
        indexes = [models.Index(name="event_by_age", fields=["written_at"])]
