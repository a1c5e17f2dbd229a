"""Moving an artefact to a satellite, over as many contacts as it takes."""

from uuid import uuid4

from django.db import models
from django.db.models import F, Q

from constellation.contacts.models import Contact
from constellation.models import Satellite
from ops.accounts.models import Organisation
from uplink.registry.models import Artefact, Version


class Pack(models.Model):
    """4 to 16 MiB of an artefact, named by their SHA-256; each travels as one CFDP file."""

    artefact = models.ForeignKey(Artefact, models.CASCADE, related_name="packs")
    number = models.PositiveIntegerField()
    offset_bytes = models.BigIntegerField()
    size_bytes = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64, db_index=True)
    crc32c = models.BigIntegerField(help_text="What CFDP checks; the SHA-256 is what we trust.")

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(name="pack_once", fields=["artefact", "number"])]


class PackageState(models.TextChoices):
    PREPARING = "PREPARING"
    READY = "READY"
    NOT_WORTH_IT = "NOT_WORTH_IT", "Not worth it"
    FAILED = "FAILED"


class Package(models.Model):
    """An artefact as chunks for satellites that hold `base`: manifest and packs of differences."""

    artefact = models.ForeignKey(Artefact, models.CASCADE, related_name="packages")
    base = models.ForeignKey(Artefact, models.CASCADE, related_name="+")
    state = models.CharField(max_length=12, choices=PackageState, default=PackageState.PREPARING)
    reason = models.CharField(max_length=300, blank=True)
    manifest = models.BinaryField(default=bytes, help_text="As it travels.")
    chunks = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="package_once", fields=["artefact", "base"]),
            models.CheckConstraint(
                name="package_has_another_base", condition=~Q(artefact=F("base"))
            ),
        ]

    def __str__(self) -> str:
        return f"{self.artefact} from {self.base}"


class PackageFile(models.Model):
    """A pack of chunks; its bytes lie in the content store. `transfer`: made for its repair."""

    package = models.ForeignKey(Package, models.CASCADE, related_name="files")
    number = models.PositiveIntegerField()
    size_bytes = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    crc32c = models.BigIntegerField()
    chunks = models.JSONField(help_text="Numbers of the chunks it carries.")
    transfer = models.ForeignKey("Transfer", models.CASCADE, null=True, related_name="+")

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(name="package_file_once", fields=["package", "number"])
        ]


class State(models.TextChoices):
    QUEUED = "QUEUED"
    SENDING = "SENDING"
    SUSPENDED = "SUSPENDED"
    VERIFYING = "VERIFYING"
    VERIFIED = "VERIFIED"
    ACTIVATING = "ACTIVATING"
    ACTIVE = "ACTIVE"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


UNDER_WAY = [State.QUEUED, State.SENDING, State.VERIFYING]
"""Not on board yet, as far as is known, and nobody holds it back."""
ON_ITS_WAY = [*UNDER_WAY, State.SUSPENDED]
OVER = [State.ACTIVE, State.FAILED, State.CANCELLED]


class Transfer(models.Model):
    """One artefact on its way to one satellite. Without `activate` it ends VERIFIED."""

    id = models.UUIDField(primary_key=True, default=uuid4)
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="transfers")
    satellite = models.ForeignKey(Satellite, models.PROTECT, related_name="transfers")
    artefact = models.ForeignKey(Artefact, models.PROTECT, related_name="transfers")
    version = models.ForeignKey(Version, models.PROTECT, null=True, related_name="transfers")
    package = models.ForeignKey(
        Package, models.PROTECT, null=True, related_name="transfers", help_text="Empty: sent whole."
    )
    activate = models.BooleanField(default=True)
    slot = models.PositiveSmallIntegerField(
        null=True, help_text="1 is A, 2 is B; empty: the one that is not active then."
    )
    laser = models.BooleanField(
        default=True, help_text="May come from other satellites over laser links."
    )
    waits_for_instant = models.BooleanField(
        default=False, help_text="Loaded, and activated at `activate_at` on board's own clock."
    )
    activate_at = models.DateTimeField(null=True, help_text="Empty: not decided yet.")
    priority = models.SmallIntegerField(default=0)
    state = models.CharField(max_length=12, choices=State, default=State.QUEUED)
    reason = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(help_text="Mission time.")
    started_at = models.DateTimeField(null=True)
    verified_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["created_at", "id"]
        indexes = [models.Index(name="transfer_of_satellite", fields=["satellite", "state"])]
        constraints = [
            models.UniqueConstraint(
                name="transfer_of_an_artefact_once_at_a_time",
                fields=["satellite", "artefact"],
                condition=~Q(state__in=["ACTIVE", "VERIFIED", "FAILED", "CANCELLED"]),
            )
        ]


class Repair(models.Model):
    """Chunks that a satellite lacks beyond what was packed for it, until they are packed."""

    transfer = models.OneToOneField(Transfer, models.CASCADE, related_name="repair")
    wanted = models.BinaryField(help_text="A want-list of all chunks.")
    asked_at = models.DateTimeField(help_text="Mission time of the last that was added.")


class Shipment(models.Model):
    """One CFDP transaction of a transfer: signed metadata (`number` -2), the manifest (-1) or a
    pack. Without a transfer it is a notice to a satellite: metadata that comes alone.

    `state` of the engine is kept so that whoever flies the next contact goes on from there:
    what was acknowledged is never sent again.
    """

    transfer = models.ForeignKey(Transfer, models.CASCADE, null=True, related_name="shipments")
    satellite = models.ForeignKey(
        Satellite, models.CASCADE, null=True, related_name="notices", help_text="Of a notice alone."
    )
    number = models.IntegerField()
    name = models.CharField(max_length=100, help_text="Destination file name.")
    size_bytes = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    crc32c = models.BigIntegerField()
    sequence = models.BigIntegerField(null=True, help_text="CFDP transaction sequence number.")
    engine = models.JSONField(null=True, help_text="The sender's state; empty before it starts.")
    sent_bytes = models.BigIntegerField(default=0, help_text="File bytes put on air, repeats too.")
    acknowledged_bytes = models.BigIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0, help_text="Transactions that failed.")
    fault = models.CharField(max_length=60, blank=True, help_text="Condition of the last failure.")
    relayed_at = models.DateTimeField(
        null=True, help_text="When it was last handed on by laser, whole; mission time."
    )
    relays = models.PositiveSmallIntegerField(default=0, help_text="How often it was.")
    delivered = models.BooleanField(default=False, help_text="Finished, or reported as stored.")
    delivered_at = models.DateTimeField(null=True)
    contact = models.ForeignKey(
        Contact, models.SET_NULL, null=True, related_name="shipments", help_text="Last flown in."
    )

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(name="shipment_once", fields=["transfer", "number"]),
            models.UniqueConstraint(
                name="shipment_sequence_never_reused",
                fields=["sequence"],
                condition=Q(sequence__isnull=False),
            ),
            models.CheckConstraint(
                name="shipment_is_of_a_transfer_or_a_notice",
                condition=Q(transfer__isnull=False, satellite__isnull=True)
                | Q(transfer__isnull=True, satellite__isnull=False),
            ),
            models.UniqueConstraint(
                name="notice_once_at_a_time",
                fields=["satellite"],
                condition=Q(satellite__isnull=False, delivered=False),
            ),
        ]


class Carriage(models.Model):
    """What one contact carried of one transfer. Instants are mission time."""

    transfer = models.ForeignKey(Transfer, models.CASCADE, related_name="carriages")
    contact = models.ForeignKey(Contact, models.CASCADE, related_name="carriages")
    began_at = models.DateTimeField(help_text="When it was first given a file of the transfer.")
    last_at = models.DateTimeField(help_text="When something of it last left or arrived.")
    sent_bytes = models.BigIntegerField(default=0, help_text="File bytes put on air, repeats too.")
    arrived_bytes = models.BigIntegerField(default=0, help_text="As acknowledged.")
    files = models.PositiveIntegerField(default=0, help_text="Files that it ended.")

    class Meta:
        ordering = ["began_at", "id"]
        constraints = [
            models.UniqueConstraint(name="carriage_once", fields=["transfer", "contact"])
        ]


class Forecast(models.Model):
    """When a transfer will be delivered, as far as is known; `forecasts` writes it. Mission time.

    `by_at` is empty when the contacts up to `horizon_at` do not suffice: `reason` says so then.
    """

    transfer = models.OneToOneField(
        Transfer, models.CASCADE, primary_key=True, related_name="forecast"
    )
    made_at = models.DateTimeField()
    horizon_at = models.DateTimeField(help_text="Contacts up to here were looked at.")
    probability = models.FloatField(help_text="That it is delivered by the horizon.")
    median_at = models.DateTimeField(null=True)
    by_at = models.DateTimeField(null=True, help_text="Delivered by then with 95 % confidence.")
    contacts = models.PositiveIntegerField(help_text="That carry it, if it takes until `by_at`.")
    stations = models.JSONField(help_text="Codes of their stations, in order.")
    left_bytes = models.BigIntegerField()
    carried_bytes = models.BigIntegerField(help_text="By the horizon, in half of all cases.")
    legs = models.JSONField(help_text="Contacts that may carry it: how likely, and how much.")
    reason = models.CharField(max_length=300, blank=True)
    first_by_at = models.DateTimeField(null=True, help_text="What the first forecast said.")
    basis = models.CharField(max_length=32, help_text="Digest of all that it was made from.")


class Spread(models.Model):
    """How a transfer gets its packs when other satellites may give them: planned anew all the time.

    Files exist only for packs that are planned to go up to this very satellite.
    """

    transfer = models.OneToOneField(Transfer, models.CASCADE, related_name="spread")
    planned_at = models.DateTimeField(null=True, help_text="Mission time; empty: not yet.")
    uploads = models.JSONField(default=list, help_text="Packs planned from the ground: spans.")
    laser = models.JSONField(default=list, help_text="Packs planned from satellites: spans.")
    why = models.CharField(max_length=120, blank=True, help_text="Why some packs go up again.")
    peers = models.JSONField(default=list, help_text="Entity ids in the newest order to fetch.")
    orders = models.PositiveSmallIntegerField(default=0, help_text="Orders to fetch given so far.")
    refused = models.JSONField(
        default=list, help_text="Entities that ever served wrong bytes: never asked again."
    )
    expected_at = models.DateTimeField(null=True, help_text="When all packs should be there.")
    held = models.PositiveIntegerField(default=0, help_text="Packs on board when last looked.")
    due_at = models.DateTimeField(null=True, help_text="By then laser links bring some, or fail.")
    left_to_ground_until = models.DateTimeField(
        null=True, help_text="Laser links did not bring what they should have; contacts do."
    )
    without_package = models.BooleanField(
        default=False, help_text="Its base is gone: differences are of no use to it."
    )
    withdrawn_bytes = models.BigIntegerField(
        default=0, help_text="Sent of files that then went up elsewhere."
    )


class Holding(models.Model):
    """Which packs of an artefact a satellite says, signed, that it holds, and where they are from.

    A row for each that told it, itself or a neighbour, so that reports of two contacts never wait
    for each other; the newest counts (`holding.newest`).
    """

    satellite = models.ForeignKey(Satellite, models.CASCADE, related_name="holdings")
    artefact = models.ForeignKey(Artefact, models.CASCADE, related_name="holdings")
    told_by = models.ForeignKey(
        Satellite, models.CASCADE, related_name="+", help_text="Whose contact it was."
    )
    packs = models.PositiveIntegerField(help_text="In all; 0: it has no manifest.")
    spans = models.JSONField(help_text="[source entity, first, last], by first.")
    refused = models.JSONField(default=list, help_text="Entities that served it wrong bytes.")
    laser_bytes = models.BigIntegerField(default=0)
    reported_ns = models.BigIntegerField(help_text="Mission time of the report, on board.")

    class Meta:
        ordering = ["artefact_id", "satellite_id"]
        constraints = [
            models.UniqueConstraint(
                name="holding_once", fields=["satellite", "artefact", "told_by"]
            )
        ]


class BulkUplink(models.Model):
    """A contact that could carry files now, and whether it may: only a few at once.

    Sending files costs processor time, so that `ZENITH_BULK_UPLINKS` contacts of all conductors
    together do it, the satellite longest in view first. Times are wall time.
    """

    contact = models.OneToOneField(
        Contact, models.CASCADE, primary_key=True, related_name="bulk_uplink"
    )
    los_at = models.DateTimeField(help_text="Mission time; the latest goes first.")
    entered_at = models.DateTimeField()
    renewed_at = models.DateTimeField()
    granted = models.BooleanField(default=False)


class Deployment(models.Model):
    """What a satellite should run and what it says that it runs, apart, so that they can differ."""

    satellite = models.OneToOneField(Satellite, models.CASCADE, related_name="deployment")
    desired = models.ForeignKey(Artefact, models.PROTECT, null=True, related_name="+")
    active_sha256 = models.CharField(max_length=64, blank=True, help_text="As reported, or empty.")
    slot_a_sha256 = models.CharField(max_length=64, blank=True)
    slot_b_sha256 = models.CharField(max_length=64, blank=True)
    reported_ns = models.BigIntegerField(null=True, help_text="Generation time of the report.")
    reported_volume = models.BigIntegerField(null=True, help_text="Of the report's packet.")
    reported_serial = models.BigIntegerField(null=True, help_text="Of the report's packet.")

    def is_older_than(self, *, volume: int, serial: int, generated_ns: int) -> bool:
        """Say whether what is known was reported before that packet; serials outlive clocks."""
        if self.reported_ns is None:
            return True
        if self.reported_volume == volume:
            return self.reported_serial < serial
        return self.reported_ns < generated_ns
