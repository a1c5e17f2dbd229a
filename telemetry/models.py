"""What came down: batches of frames, packets, gaps, samples. Every table is keyed by satellite."""

from django.contrib.postgres.fields import BigIntegerRangeField
from django.contrib.postgres.indexes import GistIndex
from django.db import models

from constellation.contacts.models import Contact
from constellation.models import Satellite, Station


class Reception(models.Model):
    """One contact's downlink: the decoder's state, and the ledger's totals.

    Locked by whoever decodes the contact's batches, in order.
    """

    contact = models.OneToOneField(Contact, models.CASCADE, related_name="reception")
    satellite = models.ForeignKey(Satellite, models.PROTECT, related_name="receptions")
    station = models.ForeignKey(Station, models.PROTECT, related_name="receptions")
    channels = models.JSONField(
        default=dict, help_text="Frame counts and unfinished packets, by virtual channel."
    )
    dropped = models.JSONField(
        default=dict, help_text="Packets of which only a part came down, by reason."
    )
    frames = models.BigIntegerField(default=0)
    frames_rejected = models.BigIntegerField(default=0)
    frames_lost = models.BigIntegerField(default=0, help_text="By the count in the frames.")
    packets = models.BigIntegerField(default=0, help_text="Received whole.")
    stored = models.BigIntegerField(default=0)
    duplicates = models.BigIntegerField(default=0)
    rejected = models.BigIntegerField(default=0)
    unknown = models.BigIntegerField(default=0, help_text="Stored, of an APID nobody knows.")
    bytes = models.BigIntegerField(default=0, help_text="Of frames.")


class RawBatch(models.Model):
    """Frames as the station delivered them, committed before anything else happens to them.

    A batch is itself by its content too: a station that lost its memory numbers from 1 again, and
    what it then delivers is no repetition.
    """

    contact = models.ForeignKey(Contact, models.CASCADE, related_name="raw_batches")
    satellite = models.ForeignKey(Satellite, models.PROTECT, related_name="+")
    station = models.ForeignKey(Station, models.PROTECT, related_name="+")
    number = models.BigIntegerField(help_text="The station's, from 1 for each contact.")
    received_ns = models.BigIntegerField()
    frames = models.BinaryField()
    digest = models.BinaryField(help_text="BLAKE2b, 16 bytes, of time of reception and frames.")
    decoded = models.BooleanField(default=False)
    failure = models.CharField(
        max_length=200, blank=True, help_text="Why it was set aside; empty: it was not."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(name="raw_batch_once", fields=["contact", "number", "digest"])
        ]
        indexes = [
            models.Index(
                name="raw_batch_undecoded",
                fields=["contact", "number"],
                condition=models.Q(decoded=False, failure=""),
            )
        ]


class Packet(models.Model):
    """One space packet, exactly as it was sent. `data` is the whole packet, header included."""

    satellite = models.ForeignKey(Satellite, models.PROTECT, related_name="packets")
    volume = models.BigIntegerField()
    serial = models.BigIntegerField()
    boot = models.IntegerField()
    apid = models.IntegerField()
    sequence = models.IntegerField()
    generated_ns = models.BigIntegerField()
    received_ns = models.BigIntegerField()
    channel = models.SmallIntegerField()
    contact = models.ForeignKey(Contact, models.SET_NULL, null=True, related_name="packets")
    data = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="packet_once", fields=["satellite", "volume", "serial"])
        ]
        indexes = [
            models.Index(name="packet_by_time", fields=["satellite", "apid", "generated_ns"]),
        ]


class RejectedKind(models.TextChoices):
    FRAME = "frame", "Frame"
    PACKET = "packet", "Packet"
    UNREAD = "unread", "Packet stored, but not understood"


class Rejected(models.Model):
    """A frame or a packet that could not be used, kept with the reason."""

    satellite = models.ForeignKey(Satellite, models.PROTECT, related_name="+")
    batch = models.ForeignKey(RawBatch, models.CASCADE, related_name="rejects")
    kind = models.CharField(max_length=10, choices=RejectedKind)
    reason = models.CharField(max_length=200)
    data = models.BinaryField()


class Volume(models.Model):
    """One formatting of one satellite's recorder: which serials there are."""

    satellite = models.ForeignKey(Satellite, models.CASCADE, related_name="volumes")
    volume = models.BigIntegerField()
    following = models.BigIntegerField(default=0, help_text="The highest serial known, and one.")
    oldest = models.BigIntegerField(default=0, help_text="Oldest serial still on board, as told.")
    status_ns = models.BigIntegerField(
        default=0, help_text="When the recorder last told of itself; 0: it never did."
    )

    class Meta:
        constraints = [models.UniqueConstraint(name="volume_once", fields=["satellite", "volume"])]


class GapState(models.TextChoices):
    OPEN = "open", "Open"
    CLOSED = "closed", "Closed"
    LOST = "lost", "Lost for good"


class Gap(models.Model):
    """Serials that did not arrive. Playback closes it, or the satellite says they are gone."""

    satellite = models.ForeignKey(Satellite, models.CASCADE, related_name="gaps")
    volume = models.BigIntegerField()
    serials = BigIntegerRangeField(help_text="Half-open.")
    state = models.CharField(max_length=8, choices=GapState, default=GapState.OPEN)
    reason = models.CharField(max_length=200, blank=True)
    opened_at = models.DateTimeField(help_text="Mission time.")
    closed_at = models.DateTimeField(null=True)
    asked_at = models.DateTimeField(null=True, help_text="When playback was last asked for.")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="gap_is_not_empty", condition=models.Q(serials__isempty=False)
            )
        ]
        indexes = [
            GistIndex(name="gap_by_serials", fields=["satellite", "volume", "serials"]),
            models.Index(
                name="gap_open",
                fields=["satellite", "volume"],
                condition=models.Q(state=GapState.OPEN),
            ),
        ]


class Segment(models.Model):
    """Samples of one parameter group over a span, as compressed columns."""

    satellite = models.ForeignKey(Satellite, models.CASCADE, related_name="segments")
    group = models.CharField(max_length=100, help_text="The container's qualified name.")
    generation = models.PositiveIntegerField(default=1)
    batch = models.BigIntegerField(null=True, help_text="Of a short segment; empty: compacted.")
    first_ns = models.BigIntegerField()
    last_ns = models.BigIntegerField()
    count = models.IntegerField()
    columns = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="segment_once_per_batch",
                fields=["satellite", "group", "generation", "batch"],
            )
        ]
        indexes = [
            models.Index(
                name="segment_by_span", fields=["satellite", "group", "first_ns", "last_ns"]
            ),
            models.Index(
                name="segment_short",
                fields=["satellite", "group"],
                condition=models.Q(batch__isnull=False),
            ),
        ]


class Latest(models.Model):
    """The newest value of each parameter of each satellite."""

    satellite = models.ForeignKey(Satellite, models.CASCADE, related_name="latest")
    parameter = models.CharField(max_length=200, help_text="Qualified name.")
    generated_ns = models.BigIntegerField()
    received_ns = models.BigIntegerField()
    raw = models.JSONField()
    value = models.JSONField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="latest_once", fields=["satellite", "parameter"])
        ]
