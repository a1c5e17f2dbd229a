"""The inventory: satellites, planes, hardware, stations, antennas, element sets."""

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q

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

    def __str__(self) -> str:
        return self.name


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


class ElementState(models.TextChoices):
    ENABLED = "enabled", "Enabled"
    DISABLED = "disabled", "Disabled"
    SUPERSEDED = "superseded", "Superseded"


class ElementSet(models.Model):
    """One OMM (or legacy TLE) of one satellite. `omm` is the truth, in OMM's own keywords."""

    satellite = models.ForeignKey(Satellite, models.CASCADE, related_name="element_sets")
    epoch_at = models.DateTimeField()
    source = models.CharField(max_length=100)
    omm = models.JSONField(help_text="Mean elements by OMM keyword (CCSDS 502.0-B-3).")
    state = models.CharField(max_length=16, choices=ElementState, default=ElementState.ENABLED)
    loaded_at = models.DateTimeField(help_text="Mission time.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="element_set_once_per_epoch", fields=["satellite", "epoch_at", "source"]
            )
        ]
        indexes = [models.Index(name="element_set_newest", fields=["satellite", "-epoch_at"])]


class Station(models.Model):
    """A ground station. Angles in degrees, as everywhere in the database."""

    code = models.CharField(max_length=16, unique=True, validators=[code_rule])
    name = models.CharField(max_length=100)
    country = models.CharField(max_length=2)
    latitude_deg = models.FloatField()
    longitude_deg = models.FloatField()
    altitude_m = models.FloatField()
    mask_deg = models.FloatField(default=10.0)
    driver = models.CharField(max_length=40, default="simulator")

    class Meta:
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(
                name="station_is_on_earth",
                condition=Q(latitude_deg__gte=-90, latitude_deg__lte=90)
                & Q(longitude_deg__gte=-180, longitude_deg__lte=180),
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
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["code"]
        constraints = [
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
