"""Who is told of alarms, and what was sent: rows with due times, so that nothing is lost."""

from uuid import uuid4

from django.db import models
from django.db.models import Q

from ops.accounts.models import Organisation
from telemetry.alarms.levels import Level


class Channel(models.TextChoices):
    WEBHOOK = "webhook", "Webhook"
    EMAIL = "email", "E-mail"


class Subscription(models.Model):
    """Somebody who wants to be told. Spans of a day are minutes of UTC; times of sending are wall
    time, because people and servers live in it."""

    id = models.UUIDField(primary_key=True)
    organisation = models.ForeignKey(
        Organisation, models.CASCADE, related_name="alarm_subscriptions"
    )
    name = models.CharField(max_length=100)
    channel = models.CharField(max_length=8, choices=Channel)
    target = models.CharField(max_length=500, help_text="An address: https://… or name@host.")
    secret = models.CharField(max_length=100, help_text="Signs webhooks; shown once.")
    minimum_level = models.PositiveSmallIntegerField(default=Level.WARNING)
    filter = models.JSONField(default=dict, help_text="satellites, roles, profiles, parameters.")
    events = models.JSONField(default=list, help_text="Empty: raise, worsen and return.")
    digest_s = models.FloatField(default=30.0, help_text="What comes within it is one message.")
    hourly_most = models.PositiveIntegerField(default=20, help_text="Messages an hour.")
    quiet_from_min = models.PositiveSmallIntegerField(null=True)
    quiet_until_min = models.PositiveSmallIntegerField(null=True)
    quiet_except_level = models.PositiveSmallIntegerField(
        default=Level.CRITICAL, help_text="From this level on it is sent in quiet hours too."
    )
    is_active = models.BooleanField(default=True)
    created_by = models.CharField(max_length=150)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.CheckConstraint(
                name="subscription_quiet_hours_have_both_ends",
                condition=Q(quiet_from_min=None, quiet_until_min=None)
                | Q(quiet_from_min__lt=1440, quiet_until_min__lt=1440),
            ),
            models.CheckConstraint(
                name="subscription_sends_something", condition=Q(hourly_most__gte=1)
            ),
        ]

    def __str__(self) -> str:
        return self.name


class DeliveryState(models.TextChoices):
    COLLECTING = "collecting", "Collecting"
    SENDING = "sending", "Sending"
    SENT = "sent", "Sent"
    FAILED = "failed", "Given up"


class Delivery(models.Model):
    """One message to one subscription. Its id is what the receiver tells repetitions by."""

    id = models.UUIDField(primary_key=True, default=uuid4)
    subscription = models.ForeignKey(Subscription, models.CASCADE, related_name="deliveries")
    state = models.CharField(max_length=12, choices=DeliveryState, default=DeliveryState.COLLECTING)
    opened_at = models.DateTimeField(help_text="Wall time.")
    due_at = models.DateTimeField(help_text="Wall time of the next attempt, or end of a lease.")
    attempts = models.PositiveIntegerField(default=0)
    error = models.CharField(max_length=300, blank=True)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="delivery_collects_alone",
                fields=["subscription"],
                condition=Q(state=DeliveryState.COLLECTING, attempts=0),
            )
        ]
        indexes = [
            models.Index(
                name="delivery_due",
                fields=["due_at"],
                condition=Q(state__in=[DeliveryState.COLLECTING, DeliveryState.SENDING]),
            ),
            models.Index(name="delivery_of", fields=["subscription", "-opened_at"]),
        ]


class DeliveryItem(models.Model):
    """A transition in a message; to each subscription once."""

    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="items")
    subscription = models.ForeignKey(Subscription, models.CASCADE, related_name="+")
    transition = models.ForeignKey("alarms.Transition", models.CASCADE, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="delivery_item_once", fields=["subscription", "transition"]
            )
        ]
