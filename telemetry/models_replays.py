"""Replays: stored packets decoded anew over a span, into a generation of their own."""

from django.db import models
from django.db.models import F, Q

from constellation.models import Satellite
from ops.accounts.models import Organisation


class ReplayState(models.TextChoices):
    RUNNING = "running", "Running"
    COMPLETE = "complete", "Complete, and read"
    CANCELLED = "cancelled", "Cancelled"
    FAILED = "failed", "Failed"
    DROPPED = "dropped", "Dropped: what was before is read again"


class Replay(models.Model):
    """What packets of some satellites, generated in [first_ns, end_ns), say by a definition.

    Readers go on with what they have until all of it is done; then, at once, they read the
    replay's generation within the span. The caller chooses the id.
    """

    id = models.UUIDField(primary_key=True)
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+")
    first_ns = models.BigIntegerField()
    end_ns = models.BigIntegerField()
    definition = models.UUIDField(null=True, help_text="Empty: the one that comes with Zenith.")
    state = models.CharField(
        max_length=10, choices=ReplayState, default=ReplayState.RUNNING, db_index=True
    )
    reason = models.CharField(max_length=200, blank=True)
    asked_by = models.CharField(max_length=150)
    asked_at = models.DateTimeField(help_text="Mission time.")
    ended_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(
        null=True, help_text="Since when what was read before may be erased."
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="replay_span_is_not_empty", condition=Q(end_ns__gt=F("first_ns"))
            )
        ]


class ReplayPart(models.Model):
    """One satellite's part of a replay: how far it is. Locked by whoever moves it.

    Packets are taken by APID, in each by time of generation. Those of which the key is not above
    the cursor are in the generation, also when they came down later.
    """

    replay = models.ForeignKey(Replay, models.CASCADE, related_name="parts")
    satellite = models.ForeignKey(Satellite, models.CASCADE, related_name="+")
    generation = models.PositiveIntegerField()
    begun = models.BooleanField(default=False)
    done = models.BooleanField(default=False)
    swept = models.BooleanField(default=False, help_text="Of a replay that is not read: erased.")
    cleared = models.BooleanField(
        default=False, help_text="Of a settled replay: what it hides is erased."
    )
    apid = models.IntegerField(default=-1, help_text="The cursor: APID, time, packet.")
    at_ns = models.BigIntegerField(default=0)
    packet = models.BigIntegerField(default=0)
    packets = models.BigIntegerField(default=0, help_text="Taken so far.")
    samples = models.BigIntegerField(default=0, help_text="Packets that gave samples.")
    unread = models.BigIntegerField(default=0, help_text="Described, and not understood.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="replay_part_once_per_satellite", fields=["replay", "satellite"]
            ),
            models.UniqueConstraint(
                name="replay_generation_once", fields=["satellite", "generation"]
            ),
        ]
