"""Element sets and ephemerides of satellites, the files they came in, and where files come from."""

from uuid import uuid4

from django.db import models
from django.db.models import F, Q

PUBLIC_PRIORITY = 0
"""Of public catalogue data: whatever anybody else gives goes before it."""
OPERATOR_PRIORITY = 100
MOST_PRIORITY = 99_999
LEAST_INTERVAL_S = 7_200
"""Catalogues are made a few times a day; those who ask more often are shut out."""


class ElementKind(models.TextChoices):
    MEAN = "MEAN", "Mean elements"
    EPHEMERIS = "EPHEMERIS", "Ephemeris"


class ElementState(models.TextChoices):
    """As AWS Ground Station has them. Which of the enabled ones is flown is computed, no state."""

    VALIDATING = "VALIDATING", "Validating"
    INVALID = "INVALID", "Invalid"
    ERROR = "ERROR", "Error"
    ENABLED = "ENABLED", "Enabled"
    DISABLED = "DISABLED", "Disabled"
    EXPIRED = "EXPIRED", "Expired"


FLYABLE = [ElementState.ENABLED, ElementState.EXPIRED]
"""An expired one still counts for the instants before it expired: a replay sees what was flown."""


class ElementSource(models.Model):
    """An address from which element sets are fetched. Its instants are wall time, as HTTP's are.

    It is disabled, never deleted: when it was last asked must outlive every change of mind.
    """

    class Form(models.TextChoices):
        ANY = "any", "Any"
        TLE = "tle", "TLE"
        JSON = "json", "OMM, JSON"
        XML = "xml", "OMM or OEM, XML"
        CSV = "csv", "OMM, CSV"
        KVN = "kvn", "OMM, KVN"
        OEM = "oem", "OEM, KVN"

    id = models.UUIDField(primary_key=True, default=uuid4)
    name = models.CharField(max_length=60, unique=True)
    url = models.CharField(max_length=500, unique=True)
    form = models.CharField(max_length=8, choices=Form, default=Form.ANY)
    priority = models.PositiveIntegerField(default=PUBLIC_PRIORITY)
    interval_s = models.PositiveIntegerField(default=4 * 3600)
    is_enabled = models.BooleanField(default=True)

    etag = models.CharField(max_length=300, blank=True)
    last_modified = models.CharField(max_length=100, blank=True)
    asked_at = models.DateTimeField(null=True, help_text="Wall time.")
    due_at = models.DateTimeField(help_text="Wall time.")
    answered_at = models.DateTimeField(null=True, help_text="Wall time; the last good answer.")
    failures = models.PositiveIntegerField(default=0, help_text="In a row.")
    outcome = models.CharField(max_length=300, blank=True, help_text="Of the last time.")

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                name="element_source_is_asked_at_most_every_2_hours",
                condition=Q(interval_s__gte=LEAST_INTERVAL_S),
            ),
            models.CheckConstraint(
                name="element_source_priority_is_at_most_99999",
                condition=Q(priority__lte=MOST_PRIORITY),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ElementFile(models.Model):
    """A file of element sets as it came, and what was taken of it. Whoever gave it chose the id."""

    id = models.UUIDField(primary_key=True, default=uuid4)
    name = models.CharField(max_length=100, help_text="Who or what the element sets are from.")
    origin = models.ForeignKey(ElementSource, models.PROTECT, null=True, related_name="files")
    given_by = models.CharField(max_length=100, blank=True)
    sha256 = models.CharField(max_length=64)
    size_bytes = models.BigIntegerField()
    priority = models.PositiveIntegerField()
    expires_at = models.DateTimeField(null=True, help_text="As asked; mission time.")
    loaded_at = models.DateTimeField(help_text="Mission time.")
    taken = models.JSONField(default=list, help_text="Codes of satellites.")
    kept = models.JSONField(default=list, help_text="A line each: history only.")
    refused = models.JSONField(default=list, help_text="A line each.")

    class Meta:
        ordering = ["-loaded_at", "id"]


class ElementSet(models.Model):
    """One orbit of one satellite: an OMM (or legacy TLE), or an ephemeris (OEM).

    `omm` is the truth of mean elements, in OMM's own keywords, and `states` that of an ephemeris,
    as `orbits.oem` packs them; `given` is the entry as its file had it.
    """

    satellite = models.ForeignKey(
        "constellation.Satellite", models.CASCADE, related_name="element_sets"
    )
    kind = models.CharField(max_length=12, choices=ElementKind, default=ElementKind.MEAN)
    epoch_at = models.DateTimeField(
        null=True, help_text="Of mean elements; of an ephemeris where it becomes useable."
    )
    source = models.CharField(max_length=100)
    file = models.ForeignKey(ElementFile, models.SET_NULL, null=True, related_name="element_sets")
    priority = models.PositiveIntegerField(default=PUBLIC_PRIORITY)
    newness_at = models.DateTimeField(
        null=True,
        help_text="Decides between equal priorities: the epoch of mean elements, the creation "
        "of an ephemeris.",
    )
    expires_at = models.DateTimeField(null=True, help_text="Mission time; empty: never.")
    state = models.CharField(max_length=16, choices=ElementState, default=ElementState.ENABLED)
    reason = models.CharField(max_length=500, blank=True, help_text="Why it is not flown.")
    loaded_at = models.DateTimeField(help_text="Mission time.")
    digest = models.CharField(max_length=64, blank=True, help_text="Of what it says of the orbit.")
    omm = models.JSONField(null=True, help_text="Mean elements by OMM keyword (CCSDS 502.0-B-3).")
    states = models.BinaryField(null=True)
    given = models.TextField(blank=True)
    drift = models.JSONField(null=True, help_text="How far it is from the one flown before it.")
    contacts_checked = models.BooleanField(
        default=True, help_text="Whether the contacts booked by the one before were looked at."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="element_set_once_per_source",
                fields=["satellite", "source", "digest"],
                condition=~Q(digest=""),
            ),
            models.CheckConstraint(
                name="element_set_in_use_has_an_epoch",
                condition=Q(state__in=["INVALID", "ERROR"])
                | Q(epoch_at__isnull=False, newness_at__isnull=False),
            ),
            models.CheckConstraint(
                name="element_set_in_use_has_its_orbit",
                condition=Q(state__in=["INVALID", "ERROR"])
                | Q(kind="MEAN", omm__isnull=False)
                | Q(kind="EPHEMERIS", states__isnull=False, expires_at__isnull=False),
            ),
            models.CheckConstraint(
                name="element_set_that_is_wrong_says_why",
                condition=~Q(state__in=["INVALID", "ERROR"]) | ~Q(reason=""),
            ),
            models.CheckConstraint(
                name="element_set_priority_is_at_most_99999",
                condition=Q(priority__lte=MOST_PRIORITY),
            ),
        ]
        indexes = [
            models.Index(
                "satellite",
                F("priority").desc(),
                F("newness_at").desc(),
                F("id").desc(),
                name="element_set_choice",
                condition=Q(state__in=["ENABLED", "EXPIRED"]),
            ),
            models.Index(name="element_set_newest", fields=["satellite", "-loaded_at", "-id"]),
            models.Index(
                name="element_set_to_look_after",
                fields=["id"],
                condition=Q(state="VALIDATING") | Q(contacts_checked=False),
            ),
            models.Index(
                name="element_set_expiry", fields=["expires_at"], condition=Q(state="ENABLED")
            ),
        ]
