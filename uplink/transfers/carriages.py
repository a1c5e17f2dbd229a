"""Which contact carried how much of which transfer: what forecasts learn from, and pages show."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import F, Max, Min, Sum

from constellation.contacts.models import Contact, State
from uplink.transfers.forecasting.links import Flown
from uplink.transfers.models import Carriage

LEARNT_FROM = 1_000
"""So many of the last contacts are what is learnt from."""
SPAN_LEAST_S = 20.0
"""A shorter span of files says more of their beginning and end than of the link."""


@dataclass(slots=True)
class Carried:
    """What one checkpoint adds to a carriage."""

    sent_bytes: int = 0
    arrived_bytes: int = 0
    files: int = 0

    def add(self, sent_bytes: int, arrived_bytes: int, ended: bool) -> None:
        """Add what became of one file. Of a file that begins anew nothing is taken back."""
        self.sent_bytes += max(sent_bytes, 0)
        self.arrived_bytes += max(arrived_bytes, 0)
        self.files += ended


def begin(contact: Contact, transfer_ids: Collection[UUID], *, now: datetime) -> None:
    """Note that a contact was given files of these transfers; the first time counts."""
    rows = [
        Carriage(transfer_id=one, contact=contact, began_at=now, last_at=now)
        for one in transfer_ids
    ]
    Carriage.objects.bulk_create(rows, ignore_conflicts=True)


def keep(contact: Contact, carried: Mapping[UUID, Carried], *, now: datetime) -> None:
    """Add what a checkpoint brought. The caller holds the contact's lock."""
    moved = {key: one for key, one in carried.items() if one.sent_bytes or one.arrived_bytes}
    begin(contact, moved.keys(), now=now)
    for transfer_id, one in moved.items():
        Carriage.objects.filter(transfer_id=transfer_id, contact=contact).update(
            sent_bytes=F("sent_bytes") + one.sent_bytes,
            arrived_bytes=F("arrived_bytes") + one.arrived_bytes,
            files=F("files") + one.files,
            last_at=now,
        )


def history() -> list[Flown]:
    """Return how the last contacts did that ended, as `links.estimate` takes them.

    Contacts that the clock jumped over say nothing of their station.
    """
    ended = (
        Contact.objects.filter(state__in=[State.COMPLETED, State.FAILED])
        .exclude(reason="clock jumped")
        .order_by("-los_at")
        .values_list("pk", "state", "antenna__station__code", "antenna__uplink_bit_per_s")
    )[:LEARNT_FROM]
    rows = list(ended)
    sums = (
        Carriage.objects.filter(contact__in=[pk for pk, *_ in rows])
        .values("contact")
        .annotate(began=Min("began_at"), last=Max("last_at"), arrived=Sum("arrived_bytes"))
    )
    carried = {one["contact"]: one for one in sums}
    return [
        Flown(station, _share(carried.get(pk), bit_per_s), state == State.FAILED)
        for pk, state, station, bit_per_s in rows
    ]


def _share(one: dict | None, bit_per_s: int) -> float | None:
    if one is None:
        return None
    span_s = (one["last"] - one["began"]).total_seconds()
    return one["arrived"] * 8 / bit_per_s / span_s if span_s >= SPAN_LEAST_S else None
