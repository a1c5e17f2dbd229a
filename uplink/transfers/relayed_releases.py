"""Signed metadata for satellites without a contact, handed on by laser by one that has one.

It is small, and nobody needs to be trusted who carries it: it goes as one packet. The satellite
says what it thinks of it; unheard, it goes again, and in a contact of the satellite's own by CFDP.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet

from telemetry import onboard
from uplink.commands import relays
from uplink.inference.exchange import Outgoing
from uplink.releases import directing
from uplink.releases.models import Assignment
from uplink.releases.models import State as AssignmentState
from uplink.transfers import flying, progress
from uplink.transfers.models import Shipment, State, Transfer
from uplink.transfers.packing import RELEASE

UNHEARD_AFTER = timedelta(seconds=30)
"""At the clock's rate."""
TRIES_MOST = 6
AT_ONCE = 4


def due(
    gateway_id: int, *, now: datetime, rate: float, check: Callable[[], object]
) -> list[Outgoing]:
    """Return packets for satellites that this one, in contact, reaches by laser, and note that they
    were given out. Must not be called inside a transaction; `check` is called in its own, and may
    raise.
    """
    rows = _waiting(now - UNHEARD_AFTER * max(1.0, rate))
    codes = {row.transfer.satellite_id: row.transfer.satellite.code for row in rows}
    near = relays.in_reach(gateway_id, codes, now=now)
    chosen = [row.pk for row in rows if row.transfer.satellite_id in near]
    found = (_give(pk, now=now, check=check) for pk in chosen[:AT_ONCE])
    return [one for one in found if one is not None]


def wanting(satellite_ids: Collection[int]) -> set[int]:
    """Return those of the satellites, all in contact, that may have something to hand on."""
    rows = _open().exclude(transfer__satellite__in=satellite_ids)
    return relays.able(satellite_ids) if rows.exists() else set()


def _open() -> QuerySet[Shipment]:
    return Shipment.objects.filter(
        number=RELEASE,
        delivered=False,
        relays__lt=TRIES_MOST,
        transfer__laser=True,
        transfer__state__in=[State.QUEUED, State.SENDING],
        transfer__satellite__profile__isl_terminals__gt=0,
    )


def _waiting(unheard_since: datetime) -> list[Shipment]:
    rows = _open().filter(Q(relayed_at=None) | Q(relayed_at__lt=unheard_since))
    rows = rows.select_related("transfer__satellite")
    return list(rows.order_by("transfer__created_at", "pk")[:100])


@transaction.atomic
def _give(shipment_id: int, *, now: datetime, check: Callable[[], object]) -> Outgoing | None:
    check()
    transfer = _locked(shipment_id)
    row = Shipment.objects.filter(pk=shipment_id, delivered=False).first()
    if transfer is None or row is None or (row.relayed_at is not None and row.relayed_at >= now):
        return None
    row.transfer = transfer
    if row.engine is None and not _is_usable(row.sha256):
        try:
            flying.write_release(row, now=now)
        except (directing.NotReleased, directing.Withdrawn) as refusal:
            progress.fail(transfer, str(refusal), now=now)
            return None
    row.relayed_at, row.relays = now, row.relays + 1
    row.sent_bytes += row.size_bytes
    row.save()
    begun = Transfer.objects.filter(pk=transfer.pk, state=State.QUEUED)
    begun.update(state=State.SENDING, started_at=now)
    head = onboard.RELAYED_RELEASE_LAYOUT.pack(transfer.satellite.entity_id)
    return Outgoing(onboard.Apid.RELAYED_RELEASE, head + directing.bundle_of(row.sha256))


def _locked(shipment_id: int) -> Transfer | None:
    """Return the file's transfer, locked; None when somebody else is at it, or it is over."""
    rows = Transfer.objects.select_for_update(of=["self"], no_key=True, skip_locked=True)
    return (
        rows.select_related("satellite__profile", "artefact", "version", "organisation")
        .filter(shipments__pk=shipment_id, state__in=[State.QUEUED, State.SENDING])
        .first()
    )


def _is_usable(sha256: str) -> bool:
    rows = Assignment.objects.filter(sha256=sha256).exclude(state=AssignmentState.REFUSED)
    return bool(sha256) and rows.exists()
