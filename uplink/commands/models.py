"""Telecommands: released once, never retried, verified by what comes down."""

from django.db import models

from constellation.contacts.models import Contact
from constellation.models import Satellite
from ops.accounts.models import Organisation


class State(models.TextChoices):
    RELEASED = "RELEASED"
    SENDING = "SENDING"
    SENT = "SENT"
    ACCEPTED = "ACCEPTED"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class Command(models.Model):
    """One telecommand. SENDING without SENT means that we died on the way: a person judges it."""

    id = models.UUIDField(primary_key=True)
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="commands")
    satellite = models.ForeignKey(Satellite, models.PROTECT, related_name="commands")
    name = models.CharField(max_length=40)
    arguments = models.JSONField(default=dict)
    source = models.CharField(max_length=80, help_text="Who asked: a user, or `transfer:<uuid>`.")
    state = models.CharField(max_length=12, choices=State, default=State.RELEASED)
    counter = models.BigIntegerField(null=True, help_text="Anti-replay; given when it is sent.")
    contact = models.ForeignKey(Contact, models.PROTECT, null=True, related_name="commands")
    created_at = models.DateTimeField(help_text="Mission time.")
    sent_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    code = models.PositiveSmallIntegerField(default=0, help_text="As reported from on board.")
    reason = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["created_at", "id"]
        constraints = [
            models.UniqueConstraint(
                name="command_counter_never_reused", fields=["satellite", "counter"]
            )
        ]
        indexes = [
            models.Index(
                name="command_waiting",
                fields=["satellite", "created_at"],
                condition=models.Q(state=State.RELEASED),
            )
        ]


class Counter(models.Model):
    """The last anti-replay counter given to a satellite; locked while the next is given."""

    satellite = models.OneToOneField(Satellite, models.CASCADE, related_name="command_counter")
    last = models.BigIntegerField(default=0)
