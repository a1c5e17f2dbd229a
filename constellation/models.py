"""The inventory: satellites, planes, hardware, stations, antennas; element sets are beside it."""

from uuid import uuid4

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q

from constellation.models_elements import ElementFile as ElementFile
from constellation.models_elements import ElementKind as ElementKind
from constellation.models_elements import ElementSet as ElementSet
from constellation.models_elements import ElementSource as ElementSource
from constellation.models_elements import ElementState as ElementState
from ops.accounts.models import Organisation

code_rule = RegexValidator(r"^[A-Z0-9][A-Z0-9-]{0,31}$", "Capitals, digits and hyphens.")


class HardwareProfile(models.Model):
    """What a kind of satellite computes with; releases name the profiles an artefact fits."""

    code = models.SlugField(unique=True)
    name = models.CharField(max_length=100)
    tops = models.FloatField(null=True, help_text="10^12 operations/s, as published.")
    accelerator_memory_bytes = models.BigIntegerField(null=True)
    storage_bytes = models.BigIntegerField()
    isl_bit_per_s = models.BigIntegerField(default=0)
    isl_terminals = models.PositiveSmallIntegerField(default=0)
    runtime = models.CharField(max_length=40, default="llama.cpp")
    battery_j = models.FloatField(null=True, help_text="Full; empty: planning sets no bounds.")
    discharge_most = models.FloatField(
        default=0.3, help_text="Share of the battery that one eclipse may take."
    )
    load_w = models.FloatField(default=0.0, help_text="Drawn outside of contacts.")
    contact_w = models.FloatField(
        default=0.0, help_text="Drawn more in a contact: radios, and work that comes up with it."
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="profile_power_is_sensible",
                condition=Q(discharge_most__gt=0, discharge_most__lte=1)
                & Q(load_w__gte=0, contact_w__gte=0)
                & (Q(battery_j__isnull=True) | Q(battery_j__gt=0)),
            )
        ]

    def __str__(self) -> str:
        return self.name


class Direction(models.TextChoices):
    UP = "up", "To the satellite"
    DOWN = "down", "From the satellite"


class Carrier(models.Model):
    """A frequency that satellites of a profile send or receive on: what Doppler is told for."""

    profile = models.ForeignKey(HardwareProfile, models.CASCADE, related_name="carriers")
    code = models.SlugField(max_length=16, help_text="Within the profile: s-up, x-down.")
    direction = models.CharField(max_length=4, choices=Direction)
    frequency_hz = models.BigIntegerField()

    class Meta:
        ordering = ["frequency_hz"]
        constraints = [
            models.UniqueConstraint(name="carrier_code_once_a_profile", fields=["profile", "code"]),
            models.CheckConstraint(
                name="carrier_frequency_is_positive", condition=Q(frequency_hz__gt=0)
            ),
        ]

    def __str__(self) -> str:
        return self.code


class Plane(models.Model):
    """An orbital plane, and the shell it belongs to."""

    code = models.CharField(max_length=32, unique=True, validators=[code_rule])
    shell = models.CharField(max_length=40)
    altitude_km = models.FloatField()
    inclination_deg = models.FloatField()
    raan_deg = models.FloatField(help_text="At the epoch of the plane's element sets.")

    def __str__(self) -> str:
        return self.code


class Role(models.TextChoices):
    INFERENCE = "inference", "Inference"
    TRAINING = "training", "Training"


class Satellite(models.Model):
    """One satellite. Its code is its public name; the spacecraft id only checks frames."""

    code = models.CharField(max_length=32, unique=True, validators=[code_rule])
    name = models.CharField(max_length=100)
    catalogue_number = models.BigIntegerField(null=True, unique=True)
    international_designator = models.CharField(max_length=16, blank=True)
    profile = models.ForeignKey(HardwareProfile, models.PROTECT, related_name="satellites")
    plane = models.ForeignKey(Plane, models.PROTECT, null=True, related_name="satellites")
    slot = models.PositiveSmallIntegerField(null=True, help_text="Place within the plane.")
    role = models.CharField(max_length=16, choices=Role, default=Role.INFERENCE)
    spacecraft_id = models.PositiveSmallIntegerField(help_text="8 bits in AOS frames.")
    entity_id = models.PositiveIntegerField(unique=True, help_text="CFDP entity, 16 bits.")
    is_active = models.BooleanField(default=True)
    planned = models.BooleanField(default=False, help_text="Announced, not launched.")
    launched_on = models.DateField(null=True)

    class Meta:
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(
                name="satellite_spacecraft_id_fits_a_frame", condition=Q(spacecraft_id__lte=255)
            ),
            models.CheckConstraint(
                name="satellite_entity_id_fits_16_bits",
                condition=Q(entity_id__gte=2, entity_id__lte=65535),
            ),
        ]

    def __str__(self) -> str:
        return self.code


class Station(models.Model):
    """A ground station. Angles in degrees, as everywhere in the database."""

    code = models.CharField(max_length=16, unique=True, validators=[code_rule])
    name = models.CharField(max_length=100)
    country = models.CharField(max_length=2)
    latitude_deg = models.FloatField()
    longitude_deg = models.FloatField()
    altitude_m = models.FloatField()
    mask_deg = models.FloatField(default=10.0, help_text="The same at every azimuth.")
    horizon = models.JSONField(
        default=list,
        help_text="What stands around it: corners [azimuth_deg, elevation_deg] joined by straight "
        "lines. Where both mask and horizon are given the higher counts.",
    )
    driver = models.CharField(max_length=40, default="simulator")

    class Meta:
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(
                name="station_is_on_earth",
                condition=Q(latitude_deg__gte=-90, latitude_deg__lte=90)
                & Q(longitude_deg__gte=-180, longitude_deg__lte=180),
            ),
            models.CheckConstraint(
                name="station_mask_is_an_elevation",
                condition=Q(mask_deg__gte=-90, mask_deg__lte=90),
            ),
        ]

    def __str__(self) -> str:
        return self.code


class Antenna(models.Model):
    """One dish: what a contact really books."""

    station = models.ForeignKey(Station, models.PROTECT, related_name="antennas")
    code = models.CharField(max_length=24, unique=True, validators=[code_rule])
    setup_s = models.FloatField(default=60)
    teardown_s = models.FloatField(default=15)
    uplink_bit_per_s = models.BigIntegerField()
    downlink_bit_per_s = models.BigIntegerField()
    azimuth_rate_max_deg_per_s = models.FloatField(
        default=10.0, help_text="How fast the mount turns; a pass that needs more has a keyhole."
    )
    keyhole_deg = models.FloatField(
        null=True, help_text="Elevation above which the mount cannot follow; empty: none."
    )
    sun_limit_deg = models.FloatField(
        default=2.0, help_text="Nearer to the sun than this the receiver hears its noise."
    )
    moon_limit_deg = models.FloatField(default=1.0)
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(
                name="antenna_mount_turns", condition=Q(azimuth_rate_max_deg_per_s__gt=0)
            ),
            models.CheckConstraint(
                name="antenna_keyhole_is_an_elevation",
                condition=Q(keyhole_deg=None) | Q(keyhole_deg__gt=0, keyhole_deg__lte=90),
            ),
            models.CheckConstraint(
                name="antenna_sky_limits_are_angles",
                condition=Q(sun_limit_deg__gte=0, sun_limit_deg__lte=90)
                & Q(moon_limit_deg__gte=0, moon_limit_deg__lte=90),
            ),
            models.CheckConstraint(
                name="antenna_rates_are_positive",
                condition=Q(uplink_bit_per_s__gt=0, downlink_bit_per_s__gt=0),
            ),
            models.CheckConstraint(
                name="antenna_times_are_not_negative",
                condition=Q(setup_s__gte=0) & Q(teardown_s__gte=0),
            ),
        ]

    def __str__(self) -> str:
        return self.code


class Maintenance(models.Model):
    """A span in which an antenna serves nobody."""

    id = models.UUIDField(primary_key=True)
    antenna = models.ForeignKey(Antenna, models.CASCADE, related_name="maintenances")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    reason = models.CharField(max_length=200)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="maintenance_ends_after_it_starts", condition=Q(ends_at__gt=F("starts_at"))
            )
        ]


class PassBlock(models.Model):
    """The passes of one element set over all stations in six hours: a cache, never a promise.

    Every process reads and fills it (`constellation.pass_blocks`). A row says nothing but what
    follows from its key, so that it is never out of date: another element set, or a station
    that moved, is another key. Without a foreign key, so that nothing waits for it.
    """

    block = models.IntegerField(help_text="Which six hours since 1970-01-01 UTC.")
    geometry = models.CharField(max_length=32, help_text="Digest of the stations and the method.")
    orbit = models.BigIntegerField(help_text="`catalogue.orbit_key` of an element set.")
    passes = models.BinaryField(help_text="Rows of `constellation.pass_columns.ROW`.")
    refused = models.TextField(blank=True, help_text="Why SGP4 flew it not at all or not always.")

    class Meta:
        constraints = [
            models.UniqueConstraint(name="pass_block_once", fields=["geometry", "block", "orbit"])
        ]


class CalendarToken(models.Model):
    """What a calendar program shows in the address of a feed, because it can send no header.

    It reads feeds and nothing else, with the rights of its user; only its hash is kept.
    """

    id = models.UUIDField(primary_key=True, default=uuid4)
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="calendar_tokens"
    )
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=16)
    digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the token, in hex.")
    created_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True)
