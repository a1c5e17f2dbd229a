"""Who takes part when an artefact is spread: who wants it, who holds what, who is not heard."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.db.models import Max, Q

from constellation.contacts.models import HOLDING, Contact
from constellation.contacts.models import State as ContactState
from constellation.models import Satellite
from telemetry.models import RawBatch
from uplink.registry.models import Artefact
from uplink.transfers import holding
from uplink.transfers.models import UNDER_WAY, Deployment, Holding, State, Transfer
from uplink.transfers.spreading import ranges

HORIZON = timedelta(hours=3)
"""Contacts and laser windows up to here are planned with."""
SILENT = timedelta(seconds=30)
"""A satellite in view tells of itself every second; after this (at the clock's rate) it is lost."""


@dataclass
class Member:
    """One satellite that wants the artefact or can give of it."""

    satellite: Satellite
    transfer: Transfer | None = None
    held: frozenset[int] = frozenset()
    told: Holding | None = None
    contacts: list[Contact] = field(default_factory=list)
    is_silent: bool = False

    @property
    def key(self) -> int:
        return self.satellite.pk


def open_transfers(artefact: Artefact):
    """Return the transfers of an artefact that laser links may help."""
    return Transfer.objects.filter(
        artefact=artefact,
        laser=True,
        satellite__profile__isl_terminals__gt=0,
        state__in=UNDER_WAY,
        verified_at=None,
    )


def has_others(transfer: Transfer) -> bool:
    """Say whether another satellite with laser terminals has the artefact or waits for it."""
    able = {"satellite__profile__isl_terminals__gt": 0}
    others = Transfer.objects.filter(artefact=transfer.artefact, **able).exclude(
        satellite=transfer.satellite
    )
    waiting = others.filter(laser=True, state__in=UNDER_WAY, verified_at=None)
    return waiting.exists() or others.filter(verified_at__isnull=False).exists()


def of(artefact: Artefact, *, now: datetime, rate: float) -> list[Member]:
    """Return all members, by satellite."""
    packs = frozenset(artefact.packs.values_list("number", flat=True))
    found: dict[int, Member] = {}

    def member(satellite: Satellite) -> Member:
        return found.setdefault(satellite.pk, Member(satellite))

    related = ["satellite__profile", "satellite__plane", "package", "artefact", "organisation"]
    for transfer in open_transfers(artefact).select_related(*related):
        member(transfer.satellite).transfer = transfer
    if not found:
        return []
    # Whose transfer is suspended gets nothing, and can still give what it has.
    suspended = artefact.transfers.filter(state=State.SUSPENDED, verified_at=None)
    for transfer in suspended.select_related("satellite__profile", "satellite__plane"):
        if transfer.satellite.profile.isl_terminals:
            member(transfer.satellite)
    for satellite in _whole(artefact):
        member(satellite).held = packs
    for told in holding.newest(artefact=artefact):
        if told.satellite_id in found:
            one = found[told.satellite_id]
            one.told, one.held = told, one.held | ranges.numbers_of(told.spans)
    delivered = artefact.transfers.filter(
        Q(pk__in=[one.transfer.pk for one in found.values() if one.transfer])
        | Q(pk__in=suspended.values("pk")),
        package=None,
        shipments__delivered=True,
        shipments__number__gte=0,
    ).values_list("satellite_id", "shipments__number")
    for satellite_id, number in delivered:
        found[satellite_id].held |= {number}
    _add_contacts(found, now=now)
    for satellite_id in silent(found.values(), now=now, rate=rate):
        found[satellite_id].is_silent = True
    return [found[key] for key in sorted(found)]


def _whole(artefact: Artefact) -> Iterable[Satellite]:
    """Return the satellites that verified the artefact, or say that it lies in a slot."""
    able = Satellite.objects.filter(profile__isl_terminals__gt=0, is_active=True)
    verified = artefact.transfers.filter(verified_at__isnull=False).values("satellite")
    loaded = Deployment.objects.filter(slot_a_sha256=artefact.pk) | Deployment.objects.filter(
        slot_b_sha256=artefact.pk
    )
    chosen = able.filter(pk__in=verified) | able.filter(pk__in=loaded.values("satellite"))
    return chosen.select_related("profile", "plane").distinct()


def _add_contacts(found: dict[int, Member], *, now: datetime) -> None:
    rows = Contact.objects.filter(
        satellite__in=found, state__in=HOLDING, los_at__gt=now, aos_at__lt=now + HORIZON
    )
    for contact in rows.select_related("antenna").order_by("aos_at"):
        found[contact.satellite_id].contacts.append(contact)


def silent(members: Iterable[Member], *, now: datetime, rate: float) -> set[int]:
    """Return the satellites whose last contact heard nothing of them, or nothing any more.

    A report that a neighbour handed on since then says that it lives.
    """
    spoke = {one.key: one.told.reported_ns / 1e9 for one in members if one.told}
    patience = SILENT * max(1.0, rate)
    last: dict[int, Contact] = {}
    rows = Contact.objects.filter(
        satellite__in=[one.key for one in members],
        aos_at__lt=now - patience,
        aos_at__gt=now - timedelta(days=2),
        state__in=[ContactState.PASS, ContactState.POSTPASS, ContactState.COMPLETED],
    )
    for contact in rows.order_by("satellite_id", "-aos_at").distinct("satellite_id"):
        last[contact.satellite_id] = contact
    heard = dict(
        RawBatch.objects.filter(contact__in=[one.pk for one in last.values()])
        .values_list("satellite_id")
        .annotate(last=Max("received_ns"))
    )
    found = set()
    for satellite_id, contact in last.items():
        aos_s, end_s = contact.aos_at.timestamp(), min(now, contact.los_at).timestamp()
        heard_s = max(heard.get(satellite_id, 0) / 1e9, aos_s, spoke.get(satellite_id, 0.0))
        if end_s - heard_s > patience.total_seconds():
            found.add(satellite_id)
    return found


def groups(members: list[Member], most: int) -> list[list[Member]]:
    """Return members in groups that are planned by themselves: all, or plane by plane."""
    if len(members) <= most:
        return [members]
    planes: dict[int | None, list[Member]] = defaultdict(list)
    for one in members:
        planes[one.satellite.plane_id].append(one)
    return [
        plane[at : at + most]
        for plane in (sorted(p, key=lambda m: m.satellite.slot or 0) for p in planes.values())
        for at in range(0, len(plane), most)
    ]


def as_instant(at_s: float) -> datetime:
    return datetime.fromtimestamp(at_s, UTC)
