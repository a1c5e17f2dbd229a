"""What a flight asks of the database, each under its fencing number, each in one transaction."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from constellation.contacts.models import State
from constellation.stations.driver import DownBatch
from telemetry import gaps, ingest, onboard, queueing
from uplink.commands import relays as relays_
from uplink.commands import release
from uplink.conduct import leases, reports, standing
from uplink.conduct.leases import Lease, LeaseLost
from uplink.conduct.reports import Tally
from uplink.inference import exchange
from uplink.inference.exchange import Outgoing
from uplink.transfers import flying, relayed_releases
from uplink.transfers.uplinker import Snapshot, Work

log = logging.getLogger(__name__)
_UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a flight must know of its contact; instants are mission time."""

    satellite: str
    spacecraft_id: int
    entity_id: int
    station: str
    station_id: int
    antenna: str
    aos_at: datetime
    los_at: datetime
    tally: Tally


@transaction.atomic
def plan_of(lease: Lease) -> Plan:
    """Return the plan of the contact, with what earlier holders counted."""
    contact = leases.hold(lease)
    return Plan(
        satellite=contact.satellite.code,
        spacecraft_id=contact.satellite.spacecraft_id,
        entity_id=contact.satellite.entity_id,
        station=contact.antenna.station.code,
        station_id=contact.antenna.station_id,
        antenna=contact.antenna.code,
        aos_at=contact.aos_at,
        los_at=contact.los_at,
        tally=Tally.of(contact.report),
    )


@transaction.atomic
def begin_pass(lease: Lease) -> None:
    """Write down that the pass has begun; a contact taken over stays where it was."""
    contact = leases.hold(lease)
    if contact.state == State.PREPASS:
        standing.move(contact, State.PASS)


@transaction.atomic
def begin_postpass(lease: Lease) -> None:
    """Write down that signal is lost, and only the rest is to be fetched."""
    contact = leases.hold(lease)
    if contact.state == State.PASS:
        standing.move(contact, State.POSTPASS)


def store(lease: Lease, plan: Plan, batches: list[DownBatch]) -> None:
    """Commit batches of frames. Safe to repeat, and the one write that needs no lease: the same
    batch is the same row, whoever brings it."""
    ingest.store_batches(
        [
            ingest.Delivered(
                each.number,
                _UNIX_EPOCH + timedelta(microseconds=each.received_at_ns // 1000),
                each.frames,
                each.coding,
            )
            for each in batches
        ],
        contact_id=lease.contact_id,
        station_id=plan.station_id,
        satellite_id=lease.satellite_id,
    )


def queue_decoding(contact_id: UUID, *, awaited: bool) -> None:
    """Let a worker decode what was committed; lost, the reconciler asks again.

    When somebody waits for an answer from this contact, it goes before all others.
    """
    queueing.ask(contact_id, queue=queueing.ANSWERS if awaited else queueing.DECODING)


@dataclass(slots=True)
class Gathered:
    """What is to be sent now, in order of urgency. Each telecommand is claimed: send it once."""

    commands: list[release.Claimed] = field(default_factory=list)
    packets: list[Outgoing] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    awaited: bool = False
    """Whether somebody waits for an answer from this satellite."""


def wanting(satellite_ids: Collection[int]) -> set[int]:
    """Return those of the satellites for which `gather` or `checkpoint` may find something to do:
    asked once for all that are flown, where each would ask a dozen times and mostly in vain."""
    asked = (
        *(release.wanting, relays_.wanting, relayed_releases.wanting),
        *(exchange.wanting, gaps.wanting, flying.wanting),
    )
    return set().union(*(wanting(satellite_ids) for wanting in asked))


def gather(
    lease: Lease,
    *,
    now: datetime,
    rate: float,
    commands_most: int,
    relays: bool,
    note: Callable[[release.Claimed], object],
) -> Gathered:
    """Claim telecommands, as many as can be sent at once, and collect the packets that are due.
    With `relays` there is room for those of satellites that this one reaches by laser, behind its
    own.

    `note` hears of each claim at once: the caller may have gone when this returns.
    """
    gathered = Gathered(commands=_claimed(lease, now, commands_most, note))
    if relays:
        most = commands_most - len(gathered.commands)
        gathered.commands += _claimed_for_others(lease, now, rate, most, note)
        gathered.packets += relayed_releases.due(
            lease.satellite_id, now=now, rate=rate, check=functools.partial(leases.hold, lease)
        )
    with transaction.atomic():
        leases.hold(lease)
        resend_s = exchange.RESEND_S * max(1.0, rate)
        gathered.packets += exchange.due(
            satellite_id=lease.satellite_id,
            contact_id=lease.contact_id,
            now=now,
            resend_s=resend_s,
        )
        gathered.packets += _gap_requests(lease.satellite_id, now)
        gathered.awaited = exchange.awaited(lease.satellite_id)
    gathered.tally = _tally_of(gathered.packets)
    return gathered


def _claimed(
    lease: Lease, now: datetime, most: int, note: Callable[[release.Claimed], object]
) -> list[release.Claimed]:
    claimed = []
    for command_id in release.waiting(lease.satellite_id)[:most]:
        taken = release.claim(
            command_id,
            contact_id=lease.contact_id,
            now=now,
            check=functools.partial(leases.hold, lease),
        )
        if taken is not None:
            note(taken)
            claimed.append(taken)
    return claimed


def _claimed_for_others(
    lease: Lease, now: datetime, rate: float, most: int, note: Callable[[release.Claimed], object]
) -> list[release.Claimed]:
    if most <= 0:
        return []
    claimed = []
    for command_id in relays_.waiting(lease.satellite_id, now=now, most=most):
        taken = release.claim(
            command_id,
            contact_id=lease.contact_id,
            now=now,
            check=functools.partial(leases.hold, lease),
            via=relays_.via(lease.satellite_id, now=now, rate=rate),
        )
        if taken is not None:
            note(taken)
            claimed.append(taken)
    return claimed


def commands_sent(claimed: Iterable[release.Claimed]) -> None:
    """Write down that these telecommands were handed to the station."""
    for one in claimed:
        release.sent(one.command_id, one.counter)


def settle_commands(claimed: list[release.Claimed], begun: set[object], *, now: datetime) -> None:
    """A link is over: what of its telecommands the station may have is SENT, the others wait again.

    Safe to repeat, and without a lease: nobody else knows what this link did not take.
    """
    for one in claimed:
        if one in begun:
            release.sent(one.command_id, one.counter)
        elif release.put_back(one.command_id, one.counter, now=now):
            log.info("telecommand %s never left, and waits again", one.command_id)


def _gap_requests(satellite_id: int, now: datetime) -> list[Outgoing]:
    ranges: dict[int, list[tuple[int, int]]] = {}
    for volume, first, last in gaps.requests_for(satellite_id, onboard.GAP_RANGES_MAX, now=now):
        ranges.setdefault(volume, []).append((first, last))
    return [
        Outgoing(onboard.Apid.GAP_REQUEST, onboard.encode_gap_request(volume, pairs))
        for volume, pairs in ranges.items()
    ]


@transaction.atomic
def let_forget(lease: Lease) -> Gathered:
    """Collect the packet that lets the recorder forget what is held here, if there is any."""
    leases.hold(lease)
    releasable = gaps.releasable(lease.satellite_id)
    if releasable is None:
        return Gathered()
    payload = onboard.RECORDER_RELEASE_LAYOUT.pack(*releasable)
    packets = [Outgoing(onboard.Apid.RECORDER_RELEASE, payload)]
    return Gathered(packets=packets, tally=_tally_of(packets))


def _tally_of(packets: list[Outgoing]) -> Tally:
    def count(apid: onboard.Apid) -> int:
        return sum(packet.apid == apid for packet in packets)

    return Tally(
        prompts=sum(packet.uplinked is not None for packet in packets),
        acknowledgements=count(onboard.Apid.TOKEN_ACK),
        gap_requests=count(onboard.Apid.GAP_REQUEST),
        releases=count(onboard.Apid.RECORDER_RELEASE),
    )


@transaction.atomic
def uplinked(lease: Lease, query_ids: list[UUID], *, now: datetime) -> None:
    """Write down which questions have left the station."""
    leases.hold(lease)
    exchange.uplinked(query_ids=query_ids, contact_id=lease.contact_id, now=now)


def checkpoint(snapshot: Snapshot, *, now: datetime, last: bool) -> Work:
    """Keep where the files stand and return what to send next."""
    try:
        return flying.checkpoint(snapshot, now=now, last=last)
    except flying.LeaseLost as lost:
        raise LeaseLost(str(lost)) from lost


@transaction.atomic
def keep_tally(lease: Lease, tally: Tally) -> None:
    """Keep what was counted, for whoever takes over."""
    reports.keep(lease, tally)


@transaction.atomic
def end(
    lease: Lease,
    tally: Tally,
    *,
    ended: dict[str, Any] | None,
    trouble: str,
    cancelled: bool,
) -> None:
    """Close the contact with its report: COMPLETED when a link was ever open, else FAILED."""
    contact = leases.hold(lease)
    reason = str(ended.get("reason", "")) if ended else trouble
    report = reports.compose(
        lease.contact_id, tally, fencing=lease.fencing, ended=ended, reason=reason
    )
    if cancelled:
        state, told = State.CANCELLED, contact.reason or "called off during the pass"
    elif tally.links or ended:
        state, told = State.COMPLETED, "" if ended else trouble
    else:
        state, told = State.FAILED, trouble or "no link was ever open"
    standing.move(contact, state, reason=told, report=report)
