"""Events: what happened, numbered without holes in each stream."""

from django.db import models


class Stream(models.Model):
    """A stream's counter. Its row is locked by the transaction that writes an event, at its commit.

    A sequence would lose events: whoever saw number 2 and resumes after it never sees number 1
    when that is committed later.
    """

    name = models.CharField(max_length=100, primary_key=True)
    last_number = models.BigIntegerField(default=0)


class Event(models.Model):
    """One thing that happened in a stream."""

    # Written by the function that writes the counter: a check of its own would lock it once more.
    stream = models.ForeignKey(Stream, models.CASCADE, related_name="events", db_constraint=False)
    number = models.BigIntegerField()
    kind = models.CharField(max_length=40)
    payload = models.JSONField()
    written_at = models.DateTimeField(auto_now_add=True, help_text="Wall time.")

    class Meta:
        constraints = [
            models.UniqueConstraint(name="event_number_once", fields=["stream", "number"])
        ]
        indexes = [models.Index(name="event_by_age", fields=["written_at"])]


class Pending(models.Model):
    """What a transaction has published and not numbered yet; nobody else ever sees these rows.

    The trigger `live_pending_is_numbered` turns them into events when the transaction commits, and
    locks the counters in the order of their names: no two transactions can wait for each other.
    """

    stream = models.CharField(max_length=100)
    kind = models.CharField(max_length=40)
    payload = models.JSONField()
    waited = models.BooleanField(default=False)
