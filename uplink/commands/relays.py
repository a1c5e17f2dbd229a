"""Telecommands that go up over another satellite's contact, and are handed on by laser.

One copy of one telecommand of a satellite at a time: those behind it wait, so that none overtakes.
The copy says until when it may be obeyed. What was not acknowledged by then is dead, and the
telecommand waits again: for its satellite's own contact, or for another gateway. In a contact of
its own it is sent at once; the copy that comes first is obeyed, the other not (by id and counter).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Q

from constellation.contacts.models import Contact
from constellation.contacts.models import State as ContactState
from constellation.models import Satellite
from uplink.commands import handovers, reach, release
from uplink.commands.models import Command, Handover, State
from uplink.conduct import wake

WITHIN = timedelta(seconds=30)
"""At the clock's rate: a copy that is handed on is obeyed so long, and waited for."""
SOON = timedelta(seconds=10)
"""Whose own contact begins so soon is not spoken to over others."""
TRIES_MOST, TRIES_OF_ONE = 4, 2
"""So often a telecommand is handed on, and by one gateway; then its own contact is waited for."""
LOOKED_AT_MOST = 200


def via(satellite_id: int, *, now: datetime, rate: float) -> release.Via:
    """Return the way over a gateway that is in contact now."""
    return release.Via(satellite_id, now + WITHIN * max(1.0, rate))


def waiting(gateway_id: int, *, now: datetime, most: int) -> list[UUID]:
    """Return telecommands of other satellites that this one, in contact, may hand on now: of each
    satellite that it reaches the one that waits longest."""
    firsts = _firsts(gateway_id)
    if not firsts:
        return []
    codes = {key: one.satellite.code for key, one in firsts.items()}
    near = [firsts[key] for key in in_reach(gateway_id, codes, now=now) - _under_way(codes)]
    tired = _tired(near, gateway_id)
    able = [
        one
        for one in near
        if one.pk not in tired and not (one.relay_until and one.relay_until > now)
    ]
    able.sort(key=lambda one: (one.created_at, one.pk))
    return [one.pk for one in able[:most]]


def wanting(satellite_ids: Collection[int]) -> set[int]:
    """Return those of the satellites, all in contact, that may have something to hand on: with
    lasers, when telecommands wait for others."""
    rows = Command.objects.filter(state=State.RELEASED, satellite__profile__isl_terminals__gt=0)
    return able(satellite_ids) if rows.exclude(satellite__in=satellite_ids).exists() else set()


def able(satellite_ids: Collection[int]) -> set[int]:
    """Return those of the satellites that have lasers."""
    rows = Satellite.objects.filter(pk__in=satellite_ids, profile__isl_terminals__gt=0)
    return set(rows.values_list("pk", flat=True))


def _firsts(gateway_id: int) -> dict[int, Command]:
    rows = Command.objects.filter(state=State.RELEASED, satellite__profile__isl_terminals__gt=0)
    rows = rows.exclude(satellite=gateway_id).select_related("satellite")
    rows = rows.order_by("satellite_id", "created_at", "id").distinct("satellite_id")
    return {one.satellite_id: one for one in rows[:LOOKED_AT_MOST]}


def in_reach(gateway_id: int, codes: Mapping[int, str], *, now: datetime) -> set[int]:
    """Return which satellites, given with their codes, are to be spoken to over a gateway that is
    in contact: it reaches them, and they have no contact of their own, now or soon."""
    if not codes:
        return set()
    gateway = Satellite.objects.get(pk=gateway_id)
    reached = reach.hops_from([gateway.code], now=now)
    near = {key for key, code in codes.items() if code in reached and key != gateway_id}
    open_now = Q(state=ContactState.PASS)
    soon = Q(state__in=[ContactState.SCHEDULED, ContactState.PREPASS], aos_at__lte=now + SOON)
    contacts = Contact.objects.filter(open_now | soon, satellite__in=near, los_at__gt=now)
    return near - set(contacts.values_list("satellite_id", flat=True))


def _under_way(satellite_ids: Iterable[int]) -> set[int]:
    """Return the satellites to which a telecommand is being handed on."""
    rows = Command.objects.filter(
        satellite__in=satellite_ids, state__in=[State.SENDING, State.SENT], relay__isnull=False
    )
    return set(rows.values_list("satellite_id", flat=True))


def _tired(commands: Iterable[Command], gateway_id: int) -> set[UUID]:
    """Return the telecommands that were handed on often enough, or that came to harm here."""
    rows = Handover.objects.filter(command__in=[one.pk for one in commands], relay__isnull=False)
    rows = rows.exclude(outcome=handovers.NOT_LEFT)
    by_one = Q(relay=gateway_id)
    counted = (
        rows.order_by()
        .values("command")
        .annotate(
            all=Count("pk"),
            here=Count("pk", filter=by_one),
            harmed=Count("pk", filter=by_one & Q(outcome__startswith=handovers.REFUSED)),
        )
    )
    return {
        row["command"]
        for row in counted
        if row["all"] >= TRIES_MOST or row["here"] >= TRIES_OF_ONE or row["harmed"]
    }


def fall_back(*, now: datetime) -> int:
    """Let telecommands wait again that nobody acknowledged in time; return how many.

    Their copies are dead by now, whoever has them. Safe to repeat and to race.
    """
    overdue = Q(state__in=[State.SENDING, State.SENT], relay__isnull=False, relay_until__lte=now)
    count = 0
    for command_id in list(Command.objects.filter(overdue).values_list("pk", flat=True)[:500]):
        with transaction.atomic():
            rows = Command.objects.select_for_update(of=["self"], skip_locked=True)
            command = rows.select_related("satellite").filter(overdue, pk=command_id).first()
            if command is None:
                continue
            handovers.close(command, handovers.UNHEARD, now=now)
            command.state, command.relay, command.contact = State.RELEASED, None, None
            command.save(update_fields=["state", "relay", "contact"])
            release.announce(command)
            wake.satellite(command.satellite_id)
            count += 1
    return count
