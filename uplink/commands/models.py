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
    relay = models.ForeignKey(
        Satellite,
        models.PROTECT,
        null=True,
        related_name="+",
        help_text="Who handed it on by laser when it left last; empty: nobody did.",
    )
    relay_until = models.DateTimeField(
        null=True,
        help_text="Until then (mission time) a copy that was handed on may still be obeyed.",
    )
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
            ),
            models.Index(
                name="command_relayed",
                fields=["relay_until"],
                condition=models.Q(state__in=[State.SENDING, State.SENT], relay__isnull=False),
            ),
        ]


class Handover(models.Model):
    """One time that a telecommand was given to a contact: of the satellite itself, or of another
    that hands it on by laser. A command's story is its handovers, in order."""

    command = models.ForeignKey(Command, models.CASCADE, related_name="handovers")
    counter = models.BigIntegerField(help_text="Under which this copy left.")
    contact = models.ForeignKey(Contact, models.PROTECT, related_name="+")
    relay = models.ForeignKey(Satellite, models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField(help_text="Mission time.")
    until = models.DateTimeField(
        null=True, help_text="A copy that is handed on is not obeyed from then on."
    )
    ended_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=300, blank=True, help_text="Empty: not known yet.")

    class Meta:
        ordering = ["at", "counter"]
        constraints = [models.UniqueConstraint(name="handover_once", fields=["command", "counter"])]

    @property
    def way(self) -> str:
        """Return in words how this copy went."""
        if self.relay is None:
            return "over its own contact"
        return f"relayed by {self.relay.code} over laser"


class Counter(models.Model):
    """The last anti-replay counter given to a satellite; locked while the next is given."""

    satellite = models.OneToOneField(Satellite, models.CASCADE, related_name="command_counter")
    last = models.BigIntegerField(default=0)
