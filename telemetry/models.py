"""What came down: batches of frames, packets, gaps, samples. Every table is keyed by satellite."""

from collections import Counter
from typing import Any

from django.contrib.postgres.fields import BigIntegerRangeField
from django.contrib.postgres.indexes import GistIndex
from django.db import models

from constellation.contacts.models import Contact
from constellation.models import Satellite, Station
from telemetry.models_definitions import Activation as Activation
from telemetry.models_definitions import DefinitionFile as DefinitionFile
from telemetry.models_definitions import DefinitionPart as DefinitionPart
from telemetry.models_ledger import FrameAccount as FrameAccount
from telemetry.models_ledger import PacketAccount as PacketAccount
from telemetry.models_replays import Replay as Replay
from telemetry.models_replays import ReplayPart as ReplayPart

_SUMMED = ["bytes", "frames", "frames_rejected", "frames_lost"]
_SUMMED += ["corrected_symbols", "skipped_bits", "relocks"]
_SUMMED += ["packets", "stored", "duplicates", "rejected", "unknown"]


class Reception(models.Model):
    """One contact's downlink as one station heard it: the decoder's state, and the totals.

    Locked by whoever decodes its batches, in order. A contact has one, one more for each station
    that listened in on it, and one for each satellite whose packets were relayed over it: without
    frames of its own.
    """

    contact = models.ForeignKey(Contact, models.CASCADE, related_name="receptions")
    satellite = models.ForeignKey(Satellite, models.PROTECT, related_name="receptions")
    station = models.ForeignKey(Station, models.PROTECT, related_name="receptions")
    synchroniser = models.JSONField(
        default=dict, help_text="Of a station that delivers bits: where their stream stands."
    )
    channels = models.JSONField(
        default=dict, help_text="Frame counts and unfinished packets, by virtual channel."
    )
    dropped = models.JSONField(
        default=dict, help_text="Packets of which only a part came down, by reason."
    )
    frames = models.BigIntegerField(default=0)
    frames_rejected = models.BigIntegerField(default=0)
    frames_lost = models.BigIntegerField(default=0, help_text="By the count in the frames.")
    corrected_symbols = models.BigIntegerField(default=0, help_text="By Reed-Solomon.")
    skipped_bits = models.BigIntegerField(default=0, help_text="Which belong to no frame.")
    relocks = models.BigIntegerField(default=0, help_text="Frames that did not follow another.")
    packets = models.BigIntegerField(default=0, help_text="Received whole.")
    stored = models.BigIntegerField(default=0)
    duplicates = models.BigIntegerField(default=0)
    rejected = models.BigIntegerField(default=0)
    unknown = models.BigIntegerField(default=0, help_text="Stored, of an APID nobody knows.")
    bytes = models.BigIntegerField(default=0, help_text="Of frames.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="reception_once", fields=["contact", "station", "satellite"]
            ),
            models.CheckConstraint(
                name="reception_balances",
                condition=models.Q(
                    packets=models.F("stored") + models.F("duplicates") + models.F("rejected")
                ),
            ),
        ]

    @classmethod
    def totals(cls, contact: Contact) -> dict[str, Any] | None:
        """Return what came down in a contact of its satellite, summed over the stations that heard
        it, and what was relayed of others; None when nothing came down."""
        of_all = cls.objects.filter(contact=contact).select_related("station", "satellite")
        everything = list(of_all.order_by("pk"))
        rows = [row for row in everything if row.satellite_id == contact.satellite_id]
        if not rows:
            return None
        summed: dict[str, Any] = {name: sum(getattr(row, name) for row in rows) for name in _SUMMED}
        dropped = sum((Counter(row.dropped) for row in rows), Counter())
        relayed = [
            {"satellite": row.satellite.code}
            | {name: getattr(row, name) for name in ("packets", "stored", "duplicates", "rejected")}
            for row in everything
            if row.satellite_id != contact.satellite_id
        ]
        return summed | {
            "dropped": dict(dropped),
            "stations": [row.station.code for row in rows],
            "relayed": relayed,
        }


class RawBatch(models.Model):
    """Frames as the station delivered them, committed before anything else happens to them.

    With `relay` it is one packet of the satellite instead, which another one handed on: checked to
    be its own, and stored with the packet that brought it.

    A batch is itself by its content too: a station that lost its memory numbers from 1 again, and
    what it then delivers is no repetition.
    """

    contact = models.ForeignKey(Contact, models.CASCADE, related_name="raw_batches")
    satellite = models.ForeignKey(Satellite, models.PROTECT, related_name="+")
    station = models.ForeignKey(Station, models.PROTECT, related_name="+")
    relay = models.ForeignKey(
        Satellite,
        models.PROTECT,
        null=True,
        related_name="+",
        db_index=False,
        help_text="Who handed it on.",
    )
    number = models.BigIntegerField(
        help_text="The station's, from 1 for each contact; of a relayed one, the serial under which"
        " it was handed on."
    )
    received_ns = models.BigIntegerField()
    frames = models.BinaryField()
    coding = models.JSONField(
        null=True, help_text="Of bits, how they are coded; empty: they are frames."
    )
    digest = models.BinaryField(help_text="BLAKE2b, 16 bytes, of time of reception and frames.")
    decoded = models.BooleanField(default=False)
    failure = models.CharField(
        max_length=200, blank=True, help_text="Why it was set aside; empty: it was not."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="raw_batch_once", fields=["contact", "station", "number", "digest"]
            )
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

    # Both unique constraint and index begin with the satellite: one of its own would cost alone.
    satellite = models.ForeignKey(Satellite, models.PROTECT, related_name="packets", db_index=False)
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
            models.Index(
                name="packet_by_reception",
                fields=["satellite", "apid", "received_ns"],
                condition=models.Q(volume__lt=0),
            ),
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
    code = models.CharField(max_length=40, default="", help_text="As the ledger counts it.")
    reason = models.CharField(max_length=200)
    channel = models.SmallIntegerField(null=True, help_text="Empty: it cannot be told.")
    apid = models.IntegerField(null=True)
    data = models.BinaryField()

    class Meta:
        indexes = [models.Index(name="rejected_by_satellite", fields=["satellite", "-id"])]


class Volume(models.Model):
    """One formatting of one satellite's recorder: which serials there are.

    Packets without our secondary header have no serial. For those of one APID `volume` is
    -1 - APID, and their serials are the packets' own counts, unwrapped (`telemetry.ledger`).
    """

    satellite = models.ForeignKey(Satellite, models.CASCADE, related_name="volumes")
    volume = models.BigIntegerField()
    beginning = models.BigIntegerField(default=0, help_text="The lowest serial known.")
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
    contact = models.ForeignKey(
        Contact, models.SET_NULL, null=True, related_name="gaps", help_text="Which showed it."
    )
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


class SegmentShape(models.Model):
    """What the columns of segments are (telemetry/archive/columns.py). Never changed, the same for
    all satellites: the one table that is not keyed by satellite, small enough to be everywhere."""

    digest = models.CharField(primary_key=True, max_length=32)
    columns = models.JSONField(
        help_text="[name, kind, labels, polynomial, kind of values] of each column, in order."
    )


class Segment(models.Model):
    """Samples of one parameter group over a span, as packed columns."""

    satellite = models.ForeignKey(
        Satellite, models.CASCADE, related_name="segments", db_index=False
    )
    group = models.CharField(max_length=100, help_text="The container's qualified name.")
    generation = models.PositiveIntegerField(default=1)
    batch = models.BigIntegerField(null=True, help_text="Of a short segment; empty: compacted.")
    shape = models.ForeignKey(SegmentShape, models.PROTECT, related_name="+", db_index=False)
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


class Rollup(models.Model):
    """Lowest, highest, sum and number of a group's samples in buckets of one width.

    Written with the long segment that its samples went into. A row that is a part is not in any
    row of the next width yet: what is read of a width are its rows, and the parts of narrower ones.
    """

    satellite = models.ForeignKey(Satellite, models.CASCADE, related_name="rollups", db_index=False)
    group = models.CharField(max_length=100)
    generation = models.PositiveIntegerField(default=1)
    shape = models.ForeignKey(SegmentShape, models.PROTECT, related_name="+", db_index=False)
    width_s = models.IntegerField()
    is_part = models.BooleanField(default=True)
    first_ns = models.BigIntegerField(help_text="Where the first bucket begins.")
    end_ns = models.BigIntegerField(help_text="Where the last bucket ends.")
    count = models.IntegerField(help_text="Of buckets.")
    columns = models.BinaryField()

    class Meta:
        indexes = [
            models.Index(
                name="rollup_by_span",
                fields=["satellite", "group", "width_s", "first_ns", "end_ns"],
            ),
            models.Index(
                name="rollup_parts",
                fields=["satellite", "group", "width_s"],
                condition=models.Q(is_part=True),
            ),
        ]


class Newest(models.Model):
    """The newest sample of each parameter group of each satellite: one row, however wide it is."""

    satellite = models.ForeignKey(Satellite, models.CASCADE, related_name="newest", db_index=False)
    group = models.CharField(max_length=100, help_text="The container's qualified name.")
    generated_ns = models.BigIntegerField()
    received_ns = models.BigIntegerField()
    raw = models.JSONField(help_text="Raw values by parameter.")
    value = models.JSONField(help_text="Engineering values by parameter.")

    class Meta:
        constraints = [models.UniqueConstraint(name="newest_once", fields=["satellite", "group"])]


class Latest(models.Model):
    """The newest value of each parameter of each satellite: a view of `Newest`, to be read."""

    id = models.CharField(primary_key=True, max_length=300)
    satellite = models.ForeignKey(Satellite, models.DO_NOTHING, related_name="latest")
    group = models.CharField(max_length=100)
    parameter = models.CharField(max_length=200, help_text="Qualified name.")
    generated_ns = models.BigIntegerField()
    received_ns = models.BigIntegerField()
    raw = models.JSONField()
    value = models.JSONField()

    class Meta:
        managed = False
        db_table = "telemetry_latest"
