"""What satellites say that they hold of an artefact, and from where: the ground's map of packs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from constellation.contacts.models import Contact
from constellation.models import Satellite
from telemetry import onboard
from telemetry.packets.handlers import StoredPacket
from uplink.commands import authentication
from uplink.registry.models import Artefact
from uplink.registry.trust import inventory
from uplink.transfers import progress
from uplink.transfers.models import Holding, State, Transfer
from uplink.transfers.spreading import holdings
from uplink.transfers.spreading.ranges import Ranges


def take(packet: StoredPacket, *, now: datetime) -> None:
    """Handle a HOLDINGS packet, of the satellite itself or of a neighbour that it was handed by.

    `BadHoldings` when whoever it is about did not sign it. An older report that comes by playback
    or over another contact says nothing new.
    """
    entity_id = holdings.entity_of(packet.payload)
    satellite = Satellite.objects.filter(entity_id=entity_id).first()
    if satellite is None:
        raise holdings.BadHoldings(f"there is no satellite {entity_id}")
    master = authentication.master_key(settings.COMMAND_KEY_FILE)
    key = inventory.key_of(master, satellite.code)
    said = holdings.Holdings.decode(packet.payload, satellite.code, key)
    if not Artefact.objects.filter(pk=said.artefact).exists():
        return
    # What a neighbour hands on touches no row of the satellite that it is about: two contacts that
    # tell of each other would wait for each other. `spreads` looks at it.
    is_news = _keep(satellite, said, _in_contact(packet))
    if is_news is not None and satellite.pk == packet.satellite_id:
        _settle(satellite, said, is_news=is_news, now=now)


def _in_contact(packet: StoredPacket) -> int:
    """Return the satellite over whose contact a packet came down; its own need not be it."""
    rows = Contact.objects.filter(pk=packet.contact_id)
    return rows.values_list("satellite_id", flat=True).first() or packet.satellite_id


def _keep(satellite: Satellite, said: holdings.Holdings, told_by: int) -> bool | None:
    """Write what was said, and return whether it differs from what was said before; None when
    something newer is known."""
    key = {"satellite": satellite, "artefact_id": said.artefact, "told_by_id": told_by}
    row = Holding.objects.select_for_update().filter(**key).first()
    if row is not None and row.reported_ns > said.at_ns:
        return None
    spans = [[span.source, span.first, span.last] for span in said.spans]
    if row is not None and row.packs == said.packs:
        spans += _outside(row.spans, said.first, said.first + said.count)
    told = {
        "packs": said.packs,
        "spans": sorted(spans, key=lambda span: span[1]),
        "refused": list(said.refused),
        "laser_bytes": said.laser_bytes,
    }
    is_news = row is None or any(getattr(row, name) != value for name, value in told.items())
    Holding.objects.update_or_create(**key, defaults={**told, "reported_ns": said.at_ns})
    return is_news


def _outside(spans: Ranges, start: int, end: int) -> Ranges:
    """Return what of the spans lies before `start` and from `end` on."""
    before = [[source, first, min(last, start - 1)] for source, first, last in spans]
    behind = [[source, max(first, end), last] for source, first, last in spans]
    return [span for span in before + behind if span[1] <= span[2]]


def _settle(satellite: Satellite, said: holdings.Holdings, *, is_news: bool, now: datetime) -> None:
    """Packs that are on board need not go up, however they came.

    A satellite in contact says every second what it holds: what says nothing new, while something
    is still to come, is not told on.
    """
    rows = Transfer.objects.select_for_update(of=["self"]).select_related("satellite", "artefact")
    for transfer in rows.filter(
        satellite=satellite,
        artefact_id=said.artefact,
        package=None,
        state__in=[State.QUEUED, State.SENDING, State.SUSPENDED],
    ):
        numbers = [n for span in said.spans for n in range(span.first, span.last + 1)]
        waiting = transfer.shipments.filter(number__in=numbers, delivered=False)
        names = list(waiting.values_list("name", flat=True))
        progress.count_what_left(transfer.shipments.filter(number__in=_from_ground(said)))
        if names:
            progress.files_delivered(transfer, names, now=now)
        elif is_news or not transfer.shipments.filter(delivered=False).exists():
            progress.settle(transfer, now=now)


def _from_ground(said: holdings.Holdings) -> list[int]:
    spans = [span for span in said.spans if span.source == onboard.GROUND_ENTITY_ID]
    return [n for span in spans for n in range(span.first, span.last + 1)]


def newest(**wanted: Any) -> QuerySet[Holding]:
    """Return the newest report of each satellite about each artefact."""
    rows = Holding.objects.filter(**wanted).select_related("satellite")
    return rows.order_by("artefact_id", "satellite_id", "-reported_ns").distinct(
        "artefact_id", "satellite_id"
    )
