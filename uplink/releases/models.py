"""Signed documents, who was given which, and what satellites say that they hold.

Everything here is public: keys lie in files of their own (`keyfiles`) and never in the database.
"""

from django.db import models
from django.db.models import Q

from constellation.models import Satellite
from ops.accounts.models import Organisation
from uplink.registry.models import Artefact, Version


class Root(models.Model):
    """Whose signatures count. Each is signed by the one before it, too."""

    version = models.PositiveIntegerField(primary_key=True)
    document = models.JSONField()
    made_at = models.DateTimeField(help_text="Mission time.")


class Release(models.Model):
    """An artefact that may be installed, signed for offline under a counter that never goes back.

    `counter` is one row of numbers for all; `line` is the family in which satellites compare them.
    """

    counter = models.PositiveIntegerField(primary_key=True)
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="releases")
    artefact = models.ForeignKey(Artefact, models.PROTECT, related_name="releases")
    version = models.ForeignKey(Version, models.PROTECT, null=True, related_name="releases")
    line = models.CharField(max_length=64)
    profiles = models.JSONField(help_text="Codes of the hardware it is made for.")
    document = models.JSONField()
    signed_at = models.DateTimeField(help_text="Mission time.")
    expires_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_in = models.PositiveIntegerField(
        null=True, help_text="Version of the first snapshot that left it out for that."
    )
    reason = models.CharField(max_length=300, blank=True, help_text="Why it was withdrawn.")

    class Meta:
        ordering = ["-counter"]

    def __str__(self) -> str:
        return f"release {self.counter} of {self.line}"


class Snapshot(models.Model):
    """Which releases may be installed; what the newest leaves out is withdrawn or retired."""

    version = models.PositiveIntegerField(primary_key=True)
    document = models.JSONField()
    made_at = models.DateTimeField(help_text="Mission time.")
    expires_at = models.DateTimeField()


class State(models.TextChoices):
    GIVEN = "GIVEN"
    ACCEPTED = "ACCEPTED"
    REFUSED = "REFUSED"


class Assignment(models.Model):
    """One release given to one satellite, as the file that went up; or a notice, without one."""

    satellite = models.ForeignKey(Satellite, models.CASCADE, related_name="assignments")
    number = models.PositiveIntegerField()
    release = models.ForeignKey(
        Release, models.PROTECT, null=True, related_name="assignments", help_text="None: a notice."
    )
    snapshot = models.PositiveIntegerField(default=0, help_text="Version of the one it names.")
    bans = models.JSONField(default=list, help_text="SHA-256 of artefacts that it bans.")
    bundle = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    nonce = models.DecimalField(max_digits=20, decimal_places=0)
    state = models.CharField(max_length=12, choices=State, default=State.GIVEN)
    reason = models.CharField(max_length=300, blank=True, help_text="The attack it looked like.")
    made_at = models.DateTimeField(help_text="Mission time.")
    expires_at = models.DateTimeField()

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(name="assignment_number_once", fields=["satellite", "number"]),
            models.UniqueConstraint(name="assignment_file_once", fields=["sha256"]),
            models.CheckConstraint(
                name="assignment_refused_with_a_reason",
                condition=~Q(state="REFUSED") | ~Q(reason=""),
            ),
        ]


class Inventory(models.Model):
    """The newest that a satellite said of itself, with a signature that was good."""

    satellite = models.OneToOneField(Satellite, models.CASCADE, related_name="inventory")
    number = models.BigIntegerField(help_text="Of the report; greater than any before.")
    volume = models.BigIntegerField(help_text="Of the report's packet.")
    reported_at = models.DateTimeField(help_text="As the satellite says, mission time.")
    nonce = models.DecimalField(max_digits=20, decimal_places=0)
    attack = models.CharField(max_length=20, help_text="`none`, or the last one seen on board.")
    root = models.BigIntegerField()
    snapshot = models.BigIntegerField()
    assignment = models.BigIntegerField()
    counter = models.BigIntegerField(help_text="The highest release counter known on board.")
    slots = models.JSONField(help_text='{"A": {"state", "sha256", "counter"}, "B": …}')
    mismatch = models.CharField(max_length=300, blank=True, help_text="With what we know.")
