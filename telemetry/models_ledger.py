"""The ledger: what became of every frame and packet, by contact, day, virtual channel and APID.

The books balance at every commit, because a constraint says so. APIDs have 11 bits and channels
6, so that the rows of a contact are bounded whatever comes down.
"""

from django.db import models
from django.db.models import F, Func, Q

from constellation.models import Satellite

UNTRUSTED_CHANNEL = -1
"""Of frames whose header cannot be believed: damaged, or not this satellite's."""


RELAYED_CHANNEL = -2
"""Of packets that another satellite handed on: they came in packets of its own."""


class CountsTotal(Func):
    """The sum of a JSON object's numbers (see the migration `ledger`)."""

    function = "telemetry_counts_total"
    output_field = models.BigIntegerField()


class FrameAccount(models.Model):
    """Frames of one virtual channel over one contact: used or rejected, and those that are lost."""

    satellite = models.ForeignKey(Satellite, models.PROTECT, related_name="+")
    reception = models.ForeignKey(
        "telemetry.Reception", models.CASCADE, related_name="frame_accounts"
    )
    day = models.DateField(help_text="UTC, of reception.")
    channel = models.SmallIntegerField(help_text="-1: of frames that cannot be believed.")
    received = models.BigIntegerField(default=0)
    used = models.BigIntegerField(default=0)
    rejected = models.BigIntegerField(default=0)
    reasons = models.JSONField(default=dict, help_text="Rejected frames by reason.")
    lost = models.BigIntegerField(default=0, help_text="By the count in the frames.")
    corrected_symbols = models.BigIntegerField(
        default=0,
        db_default=0,
        help_text="Symbols that Reed-Solomon put right.",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="frame_account_once", fields=["satellite", "reception", "day", "channel"]
            ),
            models.CheckConstraint(
                name="frames_received_are_used_or_rejected",
                condition=Q(received=F("used") + F("rejected")),
            ),
            models.CheckConstraint(
                name="rejected_frames_have_reasons",
                condition=Q(rejected=CountsTotal("reasons")),
            ),
        ]
        indexes = [models.Index(name="frame_account_by_day", fields=["satellite", "day"])]


class PacketAccount(models.Model):
    """Packets of one APID on one virtual channel over one contact: stored, duplicate or rejected.

    `expected` and `heard` follow the packets' own 14-bit counts over the contact: `expected` is
    how many there were from the first heard to the last, `heard` how many of them came.
    """

    satellite = models.ForeignKey(Satellite, models.PROTECT, related_name="+")
    reception = models.ForeignKey(
        "telemetry.Reception", models.CASCADE, related_name="packet_accounts"
    )
    day = models.DateField(help_text="UTC, of reception.")
    channel = models.SmallIntegerField()
    apid = models.IntegerField()
    received = models.BigIntegerField(default=0)
    stored = models.BigIntegerField(default=0)
    duplicates = models.BigIntegerField(default=0)
    rejected = models.BigIntegerField(default=0)
    reasons = models.JSONField(default=dict, help_text="Rejected packets by reason.")
    unknown = models.BigIntegerField(default=0, help_text="Stored, when nobody knew the APID.")
    bytes = models.BigIntegerField(default=0, help_text="Of packets received.")
    expected = models.BigIntegerField(default=0)
    heard = models.BigIntegerField(default=0)
    last_sequence = models.IntegerField(default=-1, help_text="-1: none was good yet.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="packet_account_once",
                fields=["satellite", "reception", "day", "channel", "apid"],
            ),
            models.CheckConstraint(
                name="packets_received_are_stored_duplicate_or_rejected",
                condition=Q(received=F("stored") + F("duplicates") + F("rejected")),
            ),
            models.CheckConstraint(
                name="rejected_packets_have_reasons",
                condition=Q(rejected=CountsTotal("reasons")),
            ),
            models.CheckConstraint(
                name="packets_heard_were_expected", condition=Q(expected__gte=F("heard"))
            ),
        ]
        indexes = [models.Index(name="packet_account_by_day", fields=["satellite", "day"])]
