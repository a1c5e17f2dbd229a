"""Queries: questions to models in orbit, and the answers in numbered segments."""

from uuid import uuid4

from django.db import models
from django.db.models import Q

from constellation.contacts.models import Contact
from constellation.models import Satellite, Station
from ops.accounts.models import Organisation, User
from uplink.registry.models import Version


class State(models.TextChoices):
    QUEUED = "QUEUED"
    ROUTED = "ROUTED"
    UPLINKED = "UPLINKED"
    RUNNING = "RUNNING"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"


OVER = [State.DELIVERED, State.FAILED, State.CANCELLED, State.EXPIRED]


class Query(models.Model):
    """One inference request: up, run on board, down. Instants are mission time."""

    id = models.UUIDField(primary_key=True, default=uuid4)
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="queries")
    user = models.ForeignKey(User, models.PROTECT, null=True, related_name="queries")
    version = models.ForeignKey(Version, models.PROTECT, related_name="queries")
    messages = models.JSONField()
    max_tokens = models.PositiveIntegerField(default=256)
    temperature = models.FloatField(default=0.0)
    seed = models.BigIntegerField(default=0)
    state = models.CharField(max_length=12, choices=State, default=State.QUEUED)
    reason = models.CharField(max_length=300, blank=True)

    only = models.ForeignKey(
        Satellite, models.PROTECT, null=True, related_name="+", help_text="Nobody else may answer."
    )
    satellite = models.ForeignKey(Satellite, models.PROTECT, null=True, related_name="queries")
    contact = models.ForeignKey(Contact, models.PROTECT, null=True, related_name="queries")
    answered_by = models.ForeignKey(
        Satellite, models.PROTECT, null=True, related_name="+", help_text="The first heard from."
    )
    uplink_station = models.ForeignKey(Station, models.PROTECT, null=True, related_name="+")
    downlink_contact = models.ForeignKey(
        Contact, models.PROTECT, null=True, related_name="+", help_text="The last that carried it."
    )
    model_sha256 = models.CharField(max_length=64, blank=True, help_text="Reported from on board.")

    created_at = models.DateTimeField()
    due_at = models.DateTimeField(help_text="Without an answer by then it is EXPIRED.")
    routed_at = models.DateTimeField(null=True)
    uplinked_at = models.DateTimeField(null=True, help_text="The last part left the station.")
    accepted_at = models.DateTimeField(null=True, help_text="On board.")
    started_at = models.DateTimeField(null=True, help_text="On board.")
    first_token_at = models.DateTimeField(null=True, help_text="On the ground.")
    finished_at = models.DateTimeField(null=True, help_text="On board.")
    delivered_at = models.DateTimeField(null=True)
    prompt_tokens = models.PositiveIntegerField(null=True)
    completion_tokens = models.PositiveIntegerField(null=True)
    finish_reason = models.CharField(max_length=20, blank=True)

    class Meta:
        ordering = ["-created_at", "id"]
        indexes = [
            models.Index(
                name="query_open",
                fields=["satellite", "created_at"],
                condition=~Q(state__in=["DELIVERED", "FAILED", "CANCELLED", "EXPIRED"]),
            )
        ]


class Attempt(models.Model):
    """A question given to one satellite: what it still has to be told, and when it was asked."""

    query = models.ForeignKey(Query, models.CASCADE, related_name="attempts")
    satellite = models.ForeignKey(Satellite, models.PROTECT, related_name="+")
    contact = models.ForeignKey(Contact, models.PROTECT, null=True, related_name="+")
    prompts = models.PositiveIntegerField(default=0, help_text="How often it was sent.")
    prompted_at = models.DateTimeField(null=True, help_text="When last; mission time.")
    ack_due = models.BooleanField(default=False, help_text="Segments came since the last.")
    dismiss_due = models.BooleanField(default=False, help_text="To be told that it is off.")
    is_over = models.BooleanField(default=False, help_text="Its END or ERROR is on the ground.")

    class Meta:
        constraints = [models.UniqueConstraint(name="attempt_once", fields=["query", "satellite"])]
        indexes = [
            models.Index(
                name="attempt_to_tell",
                fields=["satellite"],
                condition=Q(ack_due=True) | Q(dismiss_due=True),
            )
        ]


class Segment(models.Model):
    """One numbered piece of an answer, as it came down."""

    query = models.ForeignKey(Query, models.CASCADE, related_name="segments")
    satellite = models.ForeignKey(Satellite, models.PROTECT, related_name="+")
    contact = models.ForeignKey(Contact, models.PROTECT, null=True, related_name="+")
    number = models.BigIntegerField()
    kind = models.PositiveSmallIntegerField()
    text = models.TextField()
    received_at = models.DateTimeField(help_text="Mission time.")

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(name="segment_once", fields=["query", "satellite", "number"])
        ]
