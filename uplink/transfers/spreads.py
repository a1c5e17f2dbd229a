"""Spreading an artefact over laser links: the plan, and what follows from it for each transfer.

All transfers of an artefact are planned together, anew every few seconds, from what satellites have
reported. What is planned to go up to a satellite has files (`Shipment`); the rest it is ordered to
fetch. A gateway that falls silent, or that gives nothing, is planned around.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf

from django.db import connection, transaction
from django.db.models import prefetch_related_objects

from constellation import links
from ops.errors import Refusal
from telemetry import onboard
from uplink.commands import reach as reach_now
from uplink.commands.models import Command
from uplink.conduct import wake
from uplink.registry.models import Artefact
from uplink.transfers import gateways, members, orders, packing, progress
from uplink.transfers.members import Member
from uplink.transfers.models import UNDER_WAY, Shipment, Spread, State, Transfer
from uplink.transfers.spreading import graph, planning, ranges

log = logging.getLogger(__name__)

TOGETHER_MOST = 120
"""Satellites that are planned together; of larger fleets, those of a plane are."""
LATE = timedelta(minutes=3)
"""Links that should have brought packs are waited for so long, then contacts bring them."""
LEFT_TO_GROUND = timedelta(minutes=30)
WINDOWS_FROM = timedelta(minutes=15)
"""Windows are computed from full quarters of an hour on, so that they are there the next time."""
OVERHEAD = 1.2
"""Frames, headers and repeats: bytes on air for one byte of a file."""
_LOCK = 0x5A_53  # of two-part advisory locks: whose spread is planned


def begin(transfer: Transfer) -> bool:
    """Join a new transfer to those of the same artefact, if there are any that may help.

    Then it has no files but its release until the plan gives it some. The caller holds the row.
    """
    if not transfer.laser or not transfer.satellite.profile.isl_terminals:
        return False
    if not members.has_others(transfer):
        return False
    Spread.objects.get_or_create(transfer=transfer)
    return True


def open_artefacts() -> list[Artefact]:
    """Return the artefacts that are being spread, or could be."""
    rows = Transfer.objects.filter(
        laser=True,
        satellite__profile__isl_terminals__gt=0,
        state__in=UNDER_WAY,
        verified_at=None,
    )
    return list(Artefact.objects.filter(pk__in=rows.values("artefact")))


def plan(artefact: Artefact, *, now: datetime, rate: float) -> None:
    """Plan all open transfers of an artefact and bring them to what the plan says.

    Safe to repeat and to race: who comes second leaves it to the first.
    """
    prefetch_related_objects([artefact], "packs")  # asked for once, and not for each satellite
    everybody = members.of(artefact, now=now, rate=rate)
    for group in members.groups(everybody, TOGETHER_MOST):
        if len(group) > 1 or any(hasattr(one.transfer, "spread") for one in group):
            reach = _graph(group, now)
            for linked in gateways.components(group, reach):
                _plan_together(artefact, linked, reach, now=now, rate=rate)


def _graph(group: list[Member], now: datetime) -> graph.Graph:
    """Return when the members' terminals can hold links, by the element sets of record."""
    quarter_s = WINDOWS_FROM.total_seconds()
    start_s = now.timestamp() // quarter_s * quarter_s
    start_at = members.as_instant(start_s)
    able = [one.satellite for one in group if one.satellite.profile.isl_bit_per_s]
    try:
        seen = links.windows_between(
            start_at, start_at + members.HORIZON + WINDOWS_FROM, satellites=able, among=True
        )
    except Refusal as refusal:
        # Without windows every satellite is a group of its own: contacts bring everything.
        log.error("no laser windows to plan with: %s", refusal)
        return graph.Graph([])
    found = seen.windows
    rate = {one.key: one.satellite.profile.isl_bit_per_s for one in group}
    ids = [row.satellite_id for row in seen.element_sets]
    return graph.Graph(
        graph.Window(
            first := ids[int(found.first[k])],
            second := ids[int(found.second[k])],
            float(found.start_s[k]),
            float(found.end_s[k]),
            min(rate[first], rate[second]),
        )
        for k in range(len(seen))
        if found.end_s[k] > now.timestamp()
    )


@transaction.atomic
def _plan_together(
    artefact: Artefact,
    linked: list[Member],
    reach: graph.Graph,
    *,
    now: datetime,
    rate: float,
) -> None:
    with connection.cursor() as cursor:
        key = int(artefact.pk[:7], 16)
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [_LOCK, key])
        if not cursor.fetchone()[0]:
            return
        # Others may hold what we wait for, and wait for what we hold: we can come again.
        cursor.execute("SET LOCAL lock_timeout = '400ms'")
    # Locked as contacts and reports lock them: transfers by id, then their files.
    ids = [one.transfer.pk for one in linked if one.transfer is not None]
    alive = Transfer.objects.select_for_update(of=["self"], no_key=True).filter(
        pk__in=ids, state__in=UNDER_WAY, verified_at=None
    )
    alive = alive.order_by("pk")
    rows = {row.pk: row for row in alive.select_related("satellite__profile", "organisation")}
    for one in linked:
        if one.transfer is not None:
            package = one.transfer.package
            one.transfer = rows.get(one.transfer.pk)
            if one.transfer is not None:
                one.transfer.artefact = artefact
            if one.transfer is not None and one.transfer.package_id:
                one.transfer.package = package
    if len(linked) == 1 and not hasattr(linked[0].transfer, "spread"):
        return
    table = _table([one for one in linked if one.transfer is not None])
    had_package = any(one.transfer is not None and one.transfer.package_id for one in linked)
    coming_s = gateways.choose(linked, table.spreads, now=now)
    if coming_s or had_package:
        table = _table([one for one in linked if one.transfer is not None])
    for one in linked:
        if one.key in table.spreads:
            _judge(one, table.spreads[one.key], now=now)
    problem = _problem(artefact, linked, table, coming_s, reach, now=now)
    found = planning.plan(problem)
    for one in linked:
        if one.transfer is not None:
            _bring_to_plan(one, table, problem, found, now=now)
            _order(one, table, linked, now=now, rate=rate)


@dataclass(frozen=True)
class _Table:
    """What is known of each member's transfer, by satellite."""

    spreads: dict[int, Spread]
    orders: dict[int, Command]
    files: dict[int, dict[int, Shipment]]
    """By number; without the engines' state."""


def _table(wanting: list[Member]) -> _Table:
    transfers = [one.transfer for one in wanting]
    known = {row.transfer_id: row for row in Spread.objects.filter(transfer__in=transfers)}
    spreads = {}
    for one in wanting:
        row = known.get(one.transfer.pk) or Spread.objects.create(transfer=one.transfer)
        row.transfer, spreads[one.key] = one.transfer, row
    newest = orders.newest(spreads.values())
    files: dict[int, dict[int, Shipment]] = {one.key: {} for one in wanting}
    keys = {one.transfer.pk: one.key for one in wanting}
    for file in Shipment.objects.filter(transfer__in=transfers).defer("engine"):
        files[keys[file.transfer_id]][file.number] = file
    given = {key: newest[row.pk] for key, row in spreads.items() if row.pk in newest}
    return _Table(spreads, given, files)


def _problem(
    artefact: Artefact,
    linked: list[Member],
    table: _Table,
    coming_s: dict[int, float],
    reach: graph.Graph,
    *,
    now: datetime,
) -> planning.Problem:
    packs = list(artefact.packs.all())
    seen: set[str] = set()
    numbers = frozenset(
        pack.number for pack in packs if not (pack.sha256 in seen or seen.add(pack.sha256))
    )
    heard = [one for one in linked if not one.is_silent] or linked
    wanting = [one for one in linked if one.transfer is not None and one.key not in coming_s]
    entities = {one.satellite.entity_id: one.key for one in linked}
    in_reach = reach_now.over_contacts(now=now)
    begun = {
        (one.key, number): file.size_bytes - file.acknowledged_bytes
        for one in wanting
        for number, file in table.files[one.key].items()
        if number in numbers and not file.delivered
    }
    return planning.Problem(
        now_s=now.timestamp(),
        sizes=[pack.size_bytes for pack in packs],
        wants={one.key: numbers - one.held for one in wanting},
        holds={one.key: one.held & numbers for one in heard if one.held},
        contacts=[
            planning.Contact(
                contact.pk,
                one.key,
                max(contact.aos_at, now).timestamp(),
                contact.los_at.timestamp(),
                contact.antenna.uplink_bit_per_s / 8 / OVERHEAD,
            )
            for one in heard
            if one.transfer is not None
            for contact in one.contacts
        ],
        graph=reach,
        ready_s={
            key: at_s
            for one in wanting
            for key, at_s in [(one.key, _ready_s(one, table, in_reach, now))]
            if at_s < inf
        },
        coming_s=coming_s,
        begun=begun,
        terminals={one.key: one.satellite.profile.isl_terminals for one in linked},
        refused=frozenset(
            (one.key, entities[entity])
            for one in wanting
            for entity in table.spreads[one.key].refused
            if entity in entities
        ),
    )


def _ready_s(one: Member, table: _Table, in_reach: set[int], now: datetime) -> float:
    """Return from when on a satellite may fetch: its order is on board, or comes over another's
    contact now, or in one of its own."""
    spread = table.spreads[one.key]
    if spread.left_to_ground_until is not None and now < spread.left_to_ground_until:
        return inf
    if one.key in in_reach or orders.is_on_board(table.orders.get(one.key)):
        return now.timestamp()
    return max(now, one.contacts[0].aos_at).timestamp() if one.contacts else inf


def _judge(one: Member, spread: Spread, *, now: datetime) -> None:
    """Leave a satellite to its contacts for a while when links did not bring what they should.

    Who served it wrong bytes is remembered: a new order would be a new chance on board.
    """
    spread.refused = sorted({*spread.refused, *(one.told.refused if one.told else [])})
    if len(one.held) > spread.held:
        spread.held, spread.due_at = len(one.held), None
    told_at = members.as_instant(one.told.reported_ns / 1e9) if one.told else None
    if spread.due_at is not None and told_at is not None and told_at > spread.due_at:
        spread.left_to_ground_until, spread.due_at = now + LEFT_TO_GROUND, None


def _bring_to_plan(
    one: Member,
    table: _Table,
    problem: planning.Problem,
    found: planning.Plan,
    *,
    now: datetime,
) -> None:
    """Give a transfer the files that it is planned to get, and take those back that it is not."""
    transfer, key, spread = one.transfer, one.key, table.spreads[one.key]
    if key in problem.coming_s:  # it goes up as a package
        _note(spread, found, key, frozenset(), now=now)
        spread.expected_at = members.as_instant(problem.coming_s[key])
        spread.save(update_fields=["expected_at"])
        return
    planned = found.uploads_to(key)
    elsewhere = found.by_laser[key] | one.held
    elsewhere |= {upload.pack for upload in found.uploads if upload.satellite != key}
    changed = _take_back(spread, table.files[key], elsewhere - planned, one.held, now=now)
    changed = _add_files(transfer, table.files[key], planned) or changed
    _note(spread, found, key, planned, now=now)
    if changed:
        progress.settle(transfer, now=now)
        wake.satellite(transfer.satellite_id)


def _take_back(
    spread: Spread,
    files: dict[int, Shipment],
    numbers: frozenset[int],
    held: frozenset[int],
    *,
    now: datetime,
) -> bool:
    """Take files back that come another way; those of packs on board are delivered."""
    rows = [files[n] for n in numbers & files.keys() if not files[n].delivered]
    gone = [row for row in rows if row.number not in held]
    spread.withdrawn_bytes += sum(row.sent_bytes for row in gone)
    Shipment.objects.filter(pk__in=[row.pk for row in gone]).delete()
    there = [row.pk for row in rows if row.number in held]
    Shipment.objects.filter(pk__in=there).update(delivered=True, delivered_at=now, fault="")
    return bool(rows)


def _add_files(transfer: Transfer, files: dict[int, Shipment], planned: frozenset[int]) -> bool:
    wanted = set(planned) | ({-1} if planned else set())
    has_release = packing.RELEASE in files or not packing.release_of(transfer)
    if has_release and wanted <= files.keys():
        return False
    new = [
        file
        for file in packing.files_of(transfer)
        if (file.number in wanted or file.number == packing.RELEASE) and file.number not in files
    ]
    Shipment.objects.bulk_create(new)
    return bool(new)


def _note(
    spread: Spread,
    found: planning.Plan,
    key: int,
    planned: frozenset[int],
    *,
    now: datetime,
) -> None:
    """Write down what is planned, and by when links should have brought what others hold."""
    by_laser = found.by_laser.get(key, frozenset())
    arrives_s = found.arrives_s.get(key, inf)
    spread.planned_at = now
    spread.uploads, spread.laser = ranges.ranges_of(planned), ranges.ranges_of(by_laser)
    again = any(u.satellite == key and u.why == planning.QUICKER for u in found.uploads)
    spread.why = planning.QUICKER if again else ""
    spread.expected_at = members.as_instant(arrives_s) if arrives_s < inf else None
    held_s = found.from_held_s.get(key, 0.0)
    if not by_laser or not held_s:
        spread.due_at = None
    elif spread.due_at is None:
        spread.due_at = members.as_instant(held_s) + LATE
    spread.save()


def _order(one: Member, table: _Table, linked: list[Member], *, now: datetime, rate: float) -> None:
    """Let the satellite fetch from all others of its group, but those that lied to it."""
    spread = table.spreads[one.key]
    peers = sorted(
        other.satellite.entity_id
        for other in linked
        if other.key != one.key and other.satellite.entity_id not in spread.refused
    )
    if one.transfer.package_id is None and peers:
        most, last = onboard.FETCH_PEERS_MAX, table.orders.get(one.key)
        orders.give(spread, peers[:most], last=last, now=now, rate=rate)


def moved(transfer: Transfer) -> None:
    """A transfer that ended badly lets its satellite fetch no more."""
    if transfer.state not in (State.FAILED, State.CANCELLED):
        return
    hold(transfer, now=transfer.finished_at)


def hold(transfer: Transfer, *, now: datetime) -> None:
    """Let a suspended transfer's satellite fetch nothing until it is planned again."""
    spread = Spread.objects.filter(transfer=transfer).select_related("transfer__artefact").first()
    if spread is not None:
        orders.withdraw(spread, now=now, rate=1.0)


def give_release(transfer: Transfer) -> None:
    """Give a transfer that joined others its first file, so that nothing waits for the plan."""
    Shipment.objects.bulk_create(packing.release_of(transfer))
