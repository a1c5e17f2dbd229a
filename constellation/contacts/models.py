"""Contacts: antenna time promised to a satellite, and what asks for it."""

from uuid import uuid4

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeBoundary, RangeOperators
from django.db import models
from django.db.models import F, Func, Q

from constellation.models import Antenna, Satellite
from ops.accounts.models import Organisation


class State(models.TextChoices):
    """What AWS Ground Station taught the field; AVAILABLE is computed and never a row."""

    SCHEDULING = "SCHEDULING"
    FAILED_TO_SCHEDULE = "FAILED_TO_SCHEDULE"
    SCHEDULED = "SCHEDULED"
    PREPASS = "PREPASS"
    PASS = "PASS"
    POSTPASS = "POSTPASS"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLING = "CANCELLING"
    CANCELLED = "CANCELLED"


HOLDING = [State.SCHEDULING, State.SCHEDULED, State.PREPASS, State.PASS, State.POSTPASS]
"""States in which antenna and satellite are taken."""
FLYING = [State.PREPASS, State.PASS, State.POSTPASS]


class Span(Func):
    """A half-open `tstzrange` of two columns."""

    function = "TSTZRANGE"
    output_field = DateTimeRangeField()


class Contact(models.Model):
    """One antenna promised to one satellite. The caller chooses the id.

    `starts_at` and `ends_at` pad AOS and LOS by the antenna's set-up and tear-down: the exclusion
    constraints hold over the padded span, from SCHEDULING to POSTPASS.
    """

    id = models.UUIDField(primary_key=True, default=uuid4)
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="contacts")
    satellite = models.ForeignKey(Satellite, models.PROTECT, related_name="contacts")
    antenna = models.ForeignKey(Antenna, models.PROTECT, related_name="contacts")
    aos_at = models.DateTimeField(help_text="Acquisition of signal, mission time.")
    los_at = models.DateTimeField(help_text="Loss of signal.")
    starts_at = models.DateTimeField(help_text="AOS less the antenna's set-up.")
    ends_at = models.DateTimeField(help_text="LOS and the antenna's tear-down.")
    tca_at = models.DateTimeField(help_text="Time of closest approach.")
    max_elevation_deg = models.FloatField()
    minimum_viable_s = models.FloatField(default=30)
    state = models.CharField(max_length=20, choices=State, default=State.SCHEDULED)
    reason = models.CharField(max_length=300, blank=True, help_text="Of a failure.")
    pass_gone = models.BooleanField(
        default=False, help_text="Cancelled for a new element set, not by somebody."
    )
    booked_by = models.CharField(max_length=100, default="planner")
    version = models.PositiveIntegerField(default=1)
    report = models.JSONField(null=True, help_text="What went up and came down.")
    created_at = models.DateTimeField(auto_now_add=True)

    # The lease of whoever flies it, in wall time. Every write of a conductor names its fencing.
    owner = models.CharField(max_length=100, blank=True)
    fencing = models.PositiveIntegerField(default=0)
    lease_expires_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["aos_at", "id"]
        constraints = [
            models.CheckConstraint(
                name="contact_ends_after_it_starts", condition=Q(los_at__gt=F("aos_at"))
            ),
            models.CheckConstraint(
                name="contact_is_padded_outwards",
                condition=Q(starts_at__lte=F("aos_at"), ends_at__gte=F("los_at")),
            ),
            ExclusionConstraint(
                name="contact_has_its_antenna_alone",
                expressions=[
                    ("antenna", RangeOperators.EQUAL),
                    (Span("starts_at", "ends_at", RangeBoundary()), RangeOperators.OVERLAPS),
                ],
                condition=Q(state__in=HOLDING),
            ),
            ExclusionConstraint(
                name="contact_has_its_satellite_alone",
                expressions=[
                    ("satellite", RangeOperators.EQUAL),
                    (Span("starts_at", "ends_at", RangeBoundary()), RangeOperators.OVERLAPS),
                ],
                condition=Q(state__in=HOLDING),
            ),
        ]
        indexes = [
            models.Index(name="contact_due", fields=["starts_at"], condition=Q(state__in=HOLDING)),
            models.Index(name="contact_of_satellite", fields=["satellite", "aos_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.satellite.code} over {self.antenna.code} at {self.aos_at:%Y-%m-%dT%H:%M:%SZ}"


class ContactVersion(models.Model):
    """What a contact said before it was changed."""

    contact = models.ForeignKey(Contact, models.CASCADE, related_name="versions")
    version = models.PositiveIntegerField()
    aos_at = models.DateTimeField()
    los_at = models.DateTimeField()
    antenna = models.ForeignKey(Antenna, models.PROTECT, related_name="+")
    changed_at = models.DateTimeField(help_text="Mission time.")

    class Meta:
        constraints = [
            models.UniqueConstraint(name="contact_version_once", fields=["contact", "version"])
        ]


class Demand(models.Model):
    """What contacts are for: upper rooms write what a satellite wants, the planner reads it.

    `source` names the writer's kind and id (`transfer:<uuid>`, `query:<uuid>`), so that writing
    again replaces and withdrawing deletes.
    """

    source = models.CharField(max_length=80, unique=True)
    satellite = models.ForeignKey(
        Satellite, models.CASCADE, null=True, related_name="demands", help_text="Empty: any."
    )
    up_bytes = models.BigIntegerField(default=0)
    down_bytes = models.BigIntegerField(default=0)
    value = models.FloatField(default=1.0, help_text="Of serving it wholly; greater goes first.")
    due_at = models.DateTimeField(null=True)
    updated_at = models.DateTimeField(auto_now=True)
