"""How far a transfer is, and what follows from that."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import BigIntegerField, Case, Count, F, Q, QuerySet, Sum, When
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce, Greatest

from constellation.contacts.models import Demand
from ops.live import events
from uplink.transfers import sources
from uplink.transfers.models import OVER, Shipment, Spread, State, Transfer

STREAM = "transfers"
DEMAND_VALUE = 10.0
ATTEMPTS_MAX = 3
"""Transactions of one file that the satellite may refuse before the transfer fails."""

_listeners: list[Callable[[Transfer], None]] = []


def listen(moved: Callable[[Transfer], None]) -> None:
    """Have `moved(transfer)` called when a transfer changed its state, in that transaction."""
    _listeners.append(moved)


@transaction.atomic
def settle(transfer: Transfer, *, now: datetime) -> None:
    """Bring a transfer's state, its demand for contacts and its event to what its files say."""
    transfer = Transfer.objects.select_for_update().get(pk=transfer.pk)
    if transfer.state == State.SENDING:
        worn = transfer.shipments.filter(delivered=False, attempts__gte=ATTEMPTS_MAX).first()
        if worn is not None:
            fail(transfer, f"{worn.name} was refused: {worn.fault}", now=now)
            return
        is_all_up = not transfer.shipments.filter(delivered=False).exists()
        if is_all_up and not sources.lacks_packs(transfer):
            move(transfer, State.VERIFYING, now=now)
            return
    _announce(transfer)


def move(transfer: Transfer, state: State, *, now: datetime, reason: str = "") -> None:
    """Put a transfer into `state`, with all that hangs on it."""
    transfer.state, transfer.reason = state, reason[:300]
    if state == State.VERIFIED:
        transfer.verified_at = now
    over = state in OVER or (state == State.VERIFIED and not transfer.activate)
    transfer.finished_at = now if over else None
    transfer.save()
    _announce(transfer)
    for moved in _listeners:
        moved(transfer)


def fail(transfer: Transfer, reason: str, *, now: datetime) -> None:
    move(transfer, State.FAILED, now=now, reason=reason)


def files_delivered(transfer: Transfer, names: Iterable[str], *, now: datetime) -> None:
    """The satellite reported a file as stored, whether or not its Finished reached us."""
    if not Spread.objects.filter(transfer=transfer).exists():  # else it may be a neighbour's copy
        count_what_left(transfer.shipments.filter(name__in=names, delivered=False))
    if transfer.shipments.filter(name__in=names, delivered=False).update(
        delivered=True, delivered_at=now, fault=""
    ):
        settle(transfer, now=now)


def count_what_left(files: QuerySet[Shipment]) -> None:
    """Count as sent what must have left of files that are on board from a contact.

    A conductor that was killed did not live to tell. Another that holds the file now counts on
    from here, and not once more.
    """
    told = Cast(KeyTextTransform("sent_bytes", "engine"), BigIntegerField())
    begun = files.filter(sequence__isnull=False).annotate(told_bytes=told)
    for row in begun.filter(told_bytes__lt=F("size_bytes")):
        least = row.size_bytes - row.engine.get("given_bytes", 0)
        untold = least - row.engine.get("sent_bytes", 0)
        if untold > 0:
            row.sent_bytes += untold
            row.engine = {**row.engine, "sent_bytes": least}
            row.save(update_fields=["sent_bytes", "engine"])


def summary(transfer: Transfer) -> dict[str, Any]:
    """Return a transfer's progress as numbers: packs, bytes there, bytes on air, and how many of
    those had left before."""
    packs = Q(number__gte=0)
    size = Cast("size_bytes", BigIntegerField())
    high_water = Cast(KeyTextTransform("high_water", "engine"), BigIntegerField())
    left_once = Case(When(delivered=True, then=size), default=Coalesce(high_water, 0))
    # What was reported as stored may not have been told by who sent it yet, or ever.
    across = sources.by_laser(transfer)
    begun = Q(delivered=True, sequence__isnull=False) & ~Q(number__in=across)
    left = Case(When(begun, then=Greatest("sent_bytes", size)), default=F("sent_bytes"))
    sums = transfer.shipments.aggregate(
        packs=Count("pk", filter=packs),
        pack_bytes=Sum("size_bytes", filter=packs, default=0),
        delivered_packs=Count("pk", filter=packs & Q(delivered=True)),
        delivered_bytes=Sum("size_bytes", filter=packs & Q(delivered=True), default=0),
        partial_bytes=Sum("acknowledged_bytes", filter=packs & Q(delivered=False), default=0),
        sent=Sum(left, default=0),
        repeated=Sum(Greatest(left - left_once, 0), default=0),
    )
    numbers = {
        "packs": sums["packs"],
        "delivered_packs": sums["delivered_packs"],
        "size_bytes": carried_bytes(transfer, sums["pack_bytes"]),
        "acknowledged_bytes": sums["delivered_bytes"] + sums["partial_bytes"],
        "sent_bytes": sums["sent"],
        "repeated_bytes": int(sums["repeated"]),
    }
    return sources.with_lasers(transfer, numbers)


def carried_bytes(transfer: Transfer, pack_bytes: int) -> int:
    """Return how many bytes have to go up: of an artefact that goes as chunks, those of its packs.

    While they are made, it is the whole artefact: more than it will be.
    """
    return pack_bytes if transfer.package_id and pack_bytes else transfer.artefact.size_bytes


def _announce(transfer: Transfer) -> None:
    numbers = summary(transfer)
    planned_bytes = sources.planned_from_ground_bytes(transfer)
    left_bytes = numbers["size_bytes"] - numbers["acknowledged_bytes"]
    _demand(transfer, left_bytes if planned_bytes is None else planned_bytes)
    events.publish(
        STREAM,
        "transfer",
        {
            "transfer": str(transfer.pk),
            "satellite": transfer.satellite.code,
            "artefact": transfer.artefact_id,
            "state": transfer.state,
            "reason": transfer.reason,
            **numbers,
        },
    )


def _demand(transfer: Transfer, missing_bytes: int) -> None:
    """Tell the planner what this transfer still needs of contacts."""
    source = f"transfer:{transfer.pk}"
    if transfer.verified_at is not None:
        missing_bytes = 0  # it is on board, wherever from
    if transfer.finished_at is not None or transfer.state == State.SUSPENDED:
        Demand.objects.filter(source=source).delete()
        return
    wanted = {
        "satellite_id": transfer.satellite_id,
        "up_bytes": max(missing_bytes, 0),
        "value": DEMAND_VALUE + transfer.priority,
    }
    Demand.objects.update_or_create(source=source, defaults=wanted)
