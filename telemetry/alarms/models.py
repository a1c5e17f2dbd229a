"""Limits with their versions, alarms with their history, and what is remembered of satellites."""

from uuid import uuid4

from django.db import models
from django.db.models import Q

from constellation.models import Satellite
from telemetry.alarms import lifecycle
from telemetry.alarms.levels import Level
from telemetry.alarms.models_notices import Delivery as Delivery
from telemetry.alarms.models_notices import DeliveryItem as DeliveryItem
from telemetry.alarms.models_notices import DeliveryState as DeliveryState
from telemetry.alarms.models_notices import Subscription as Subscription

State = models.TextChoices(
    "State",
    {
        state.name: (state.value, state.value.replace("_", " ").capitalize())
        for state in lifecycle.State
    },
)


class Source(models.TextChoices):
    OPERATOR = "operator", "Operator"
    REFERENCE = "reference", "Reference data"
    DEFINITION = "definition", "XTCE definition"


class Limit(models.Model):
    """A limit of one parameter. What it says stands in its versions; one may be in force."""

    id = models.UUIDField(primary_key=True)
    name = models.CharField(max_length=100)
    parameter = models.CharField(max_length=200)
    source = models.CharField(max_length=12, choices=Source, default=Source.OPERATOR)
    active = models.ForeignKey(
        "LimitVersion",
        models.PROTECT,
        null=True,
        related_name="+",
        help_text="In force; empty: none.",
    )

    class Meta:
        ordering = ["parameter", "name", "id"]

    def __str__(self) -> str:
        return self.name


class LimitVersion(models.Model):
    """What a limit says, for good: a change is another version."""

    limit = models.ForeignKey(Limit, models.CASCADE, related_name="versions")
    version = models.PositiveIntegerField()
    content = models.JSONField(help_text="As `limit_reading.read` takes it.")
    source = models.CharField(max_length=12, choices=Source)
    written_by = models.CharField(max_length=150)
    written_at = models.DateTimeField(help_text="Mission time.")
    reason = models.CharField(max_length=300, blank=True)
    due_at = models.DateTimeField(
        null=True, help_text="Mission time: when its definition takes over, and it holds by itself."
    )

    class Meta:
        ordering = ["-version"]
        constraints = [
            models.UniqueConstraint(name="limit_version_once", fields=["limit", "version"])
        ]
        indexes = [
            models.Index(
                name="limit_version_due", fields=["due_at"], condition=Q(due_at__isnull=False)
            )
        ]


class Activation(models.Model):
    """Which version of a limit came into force when, by whom and why; none: it was withdrawn."""

    limit = models.ForeignKey(Limit, models.CASCADE, related_name="activations")
    version = models.ForeignKey(LimitVersion, models.CASCADE, null=True, related_name="+")
    at = models.DateTimeField(help_text="Mission time.")
    by = models.CharField(max_length=150)
    reason = models.CharField(max_length=300, blank=True)


class Revision(models.Model):
    """One row, counted up whenever the limits in force change: workers then compile anew."""

    number = models.BigIntegerField(default=0)
    looked_at = models.DateTimeField(null=True, help_text="Wall time of the last look on beat.")


class Watch(models.Model):
    """What is remembered of a satellite between batches; locked by whoever judges one."""

    satellite = models.OneToOneField(
        Satellite, models.CASCADE, primary_key=True, related_name="watch"
    )
    newest_ns = models.JSONField(default=dict, help_text="By group: the last live sample judged.")
    heard_ns = models.BigIntegerField(default=0, help_text="Reception of the last live sample.")
    rules = models.JSONField(default=dict)
    values = models.JSONField(default=dict)
    histories = models.JSONField(default=dict)


class Alarm(models.Model):
    """One rule on one satellite: as it stands, over all of its occurrences."""

    id = models.UUIDField(primary_key=True, default=uuid4)
    satellite = models.ForeignKey(Satellite, models.CASCADE, related_name="alarms")
    rule = models.CharField(max_length=100, help_text="A limit's id, or the name of a condition.")
    limit = models.ForeignKey(Limit, models.SET_NULL, null=True, related_name="alarms")
    name = models.CharField(max_length=100)
    parameter = models.CharField(max_length=200, blank=True)
    state = models.CharField(max_length=24, choices=State.choices)
    is_active = models.BooleanField(default=False)
    is_acknowledged = models.BooleanField(default=True)
    is_latched = models.BooleanField(default=False)
    is_latching = models.BooleanField(default=False)
    is_suppressed = models.BooleanField(default=False)
    is_removed = models.BooleanField(default=False, help_text="Out of service.")
    shelved_until = models.DateTimeField(null=True, help_text="Mission time; empty: not shelved.")
    level = models.PositiveSmallIntegerField(choices=[(each.value, each.name) for each in Level])
    worst = models.PositiveSmallIntegerField(help_text="Since it was raised.")
    occurrence = models.PositiveIntegerField(default=0, help_text="How often it was raised.")
    value = models.JSONField(null=True)
    detail = models.CharField(max_length=300, blank=True)
    raised_at = models.DateTimeField(null=True, help_text="Generation of the first sample.")
    returned_at = models.DateTimeField(null=True)
    changed_at = models.DateTimeField(help_text="Mission time of the last transition.")
    acknowledged_by = models.CharField(max_length=150, blank=True)
    acknowledged_at = models.DateTimeField(null=True)
    inhibited_by = models.CharField(max_length=150, blank=True)
    inhibited_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="alarm_once", fields=["satellite", "rule"]),
            models.CheckConstraint(
                name="alarm_calls_or_is_acknowledged",
                condition=~Q(state__in=lifecycle.CALLING) | Q(is_acknowledged=False),
            ),
        ]
        indexes = [
            models.Index(
                name="alarm_open",
                fields=["rule", "level"],
                condition=Q(state__in=lifecycle.OPEN),
            ),
            models.Index(name="alarm_by_change", fields=["-changed_at", "id"]),
            models.Index(
                name="alarm_shelved",
                fields=["shelved_until"],
                condition=Q(shelved_until__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.satellite.code}"

    @property
    def status(self) -> lifecycle.Status:
        return lifecycle.Status(
            self.is_active,
            self.is_acknowledged,
            self.is_latched,
            self.shelved_until is not None,
            self.is_suppressed,
            self.is_removed,
        )

    @status.setter
    def status(self, status: lifecycle.Status) -> None:
        self.is_active = status.is_active
        self.is_acknowledged = status.is_acknowledged
        self.is_latched = status.is_latched
        self.is_suppressed = status.is_suppressed
        self.is_removed = status.is_removed
        self.state = status.state


class Transition(models.Model):
    """What happened to an alarm: when, by whom, why. Never changed."""

    alarm = models.ForeignKey(Alarm, models.CASCADE, related_name="transitions")
    event = models.CharField(max_length=16)
    before = models.CharField(max_length=24)
    after = models.CharField(max_length=24)
    level = models.PositiveSmallIntegerField()
    occurrence = models.PositiveIntegerField()
    value = models.JSONField(null=True)
    at = models.DateTimeField(help_text="Mission time of writing.")
    generated_at = models.DateTimeField(null=True, help_text="Of the sample that caused it.")
    by = models.CharField(max_length=150, blank=True, help_text="Empty: nobody but the process.")
    reason = models.CharField(max_length=300, blank=True)
    is_told = models.BooleanField(default=False, help_text="Handed to the subscriptions.")

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(name="transition_of_alarm", fields=["alarm", "id"]),
            models.Index(name="transition_untold", fields=["id"], condition=Q(is_told=False)),
        ]


class Violation(models.Model):
    """What a recorder dump brought of the past: it raised nothing, and is not forgotten."""

    satellite = models.ForeignKey(Satellite, models.CASCADE, related_name="violations")
    rule = models.CharField(max_length=100)
    name = models.CharField(max_length=100)
    parameter = models.CharField(max_length=200)
    level = models.PositiveSmallIntegerField()
    first_ns = models.BigIntegerField()
    last_ns = models.BigIntegerField()
    count = models.PositiveIntegerField(help_text="Samples.")
    needed = models.PositiveIntegerField(help_text="Samples in a row that would have raised it.")
    value = models.JSONField(null=True)
    recorded_at = models.DateTimeField(help_text="Mission time.")

    class Meta:
        constraints = [
            models.UniqueConstraint(name="violation_once", fields=["satellite", "rule", "first_ns"])
        ]
        indexes = [
            models.Index(name="violation_by_span", fields=["satellite", "rule", "last_ns"]),
            models.Index(name="violation_newest", fields=["-first_ns", "id"]),
        ]


class Cadence(models.Model):
    """How often a group of parameters is expected, and when it is stale."""

    group = models.CharField(max_length=200, primary_key=True)
    in_contact_s = models.FloatField(help_text="Older than this in contact is stale.")
    out_of_contact_s = models.FloatField(help_text="Older than this is stale whatever happens.")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="cadence_is_longer_out_of_contact",
                condition=Q(in_contact_s__gt=0, out_of_contact_s__gte=models.F("in_contact_s")),
            )
        ]


class FreshnessState(models.TextChoices):
    FRESH = "fresh", "Fresh"
    RESTING = "resting", "Not in contact"
    STALE = "stale", "Stale"


class Freshness(models.Model):
    """Whether a satellite's group of parameters can be trusted to tell of the present."""

    satellite = models.ForeignKey(Satellite, models.CASCADE, related_name="freshness")
    group = models.CharField(max_length=200)
    state = models.CharField(max_length=8, choices=FreshnessState)
    since_at = models.DateTimeField(help_text="Mission time.")

    class Meta:
        constraints = [
            models.UniqueConstraint(name="freshness_once", fields=["satellite", "group"])
        ]
