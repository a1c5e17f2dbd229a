"""Telecommands from the wish to the antenna: claimed durably before the first bit, never retried.

A conductor takes `waiting(satellite_id)`, calls `claim` for each in a thread, radiates the packet
that it returns in a TC frame, and calls `sent`, or `put_back` for what its link did not take.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from constellation.models import Satellite
from ops import errors
from ops.accounts.models import Organisation
from ops.live import events
from telemetry import times
from uplink.commands import authentication, definitions, handovers
from uplink.commands.models import Command, Counter, State
from uplink.conduct import wake

STREAM = "commands"
_COUNTER_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)


class BadCommand(errors.Invalid):
    code = "bad_command"


class AlreadySent(errors.Conflict):
    code = "already_sent"


@dataclass(frozen=True, slots=True)
class Claimed:
    """A telecommand taken for sending, and the packet to send, once."""

    command_id: UUID
    counter: int
    packet: bytes


@dataclass(frozen=True, slots=True)
class Via:
    """The satellite that hands a telecommand on, and until when its copy may be obeyed."""

    satellite_id: int
    until: datetime


@transaction.atomic
def request(
    *,
    command_id: UUID,
    satellite: Satellite,
    name: str,
    arguments: dict[str, Any],
    organisation: Organisation,
    source: str,
    now: datetime,
) -> tuple[Command, bool]:
    """Release a telecommand for the satellite's next contact; return it and whether it is new.

    Safe to repeat: the same call again changes nothing. Raises `BadCommand` for a name or arguments
    that are not defined, `IdReused` when the id names another command.
    """
    try:
        definitions.encode(name, arguments)
    except definitions.BadArguments as error:
        raise BadCommand(str(error)) from error
    wanted = {"satellite": satellite, "name": name, "arguments": arguments}
    command, is_new = Command.objects.get_or_create(
        id=command_id,
        defaults={**wanted, "organisation": organisation, "source": source, "created_at": now},
    )
    if is_new:
        announce(command)
        wake.satellite(satellite.pk)
    elif any(getattr(command, key) != value for key, value in wanted.items()):
        raise errors.IdReused(f"{command_id} already names {command.name}.")
    return command, is_new


_HANDED_ON = Q(state=State.SENT, relay__isnull=False)
"""Of another satellite, which hands it on: its own contact may send it all the same."""


def waiting(satellite_id: int) -> list[UUID]:
    """Return what a contact of the satellite's own may send, the oldest first: its released
    telecommands, and those that others hand on and that it has not acknowledged yet."""
    rows = Command.objects.filter(Q(state=State.RELEASED) | _HANDED_ON, satellite_id=satellite_id)
    return list(rows.order_by("created_at", "id").values_list("id", flat=True))


def wanting(satellite_ids: Collection[int]) -> set[int]:
    """Return those of the satellites for which telecommands wait."""
    waits = Q(state=State.RELEASED) | _HANDED_ON
    rows = Command.objects.filter(waits, satellite_id__in=satellite_ids)
    return set(rows.order_by().values_list("satellite_id", flat=True).distinct())


def claim(
    command_id: UUID,
    *,
    contact_id: UUID,
    now: datetime,
    check: Callable[[], object] | None = None,
    via: Via | None = None,
) -> Claimed | None:
    """Take a telecommand for sending, once; return None when it is taken already.

    The claim and the anti-replay counter are committed when this returns. Should we die before
    `sent`, the command stays SENDING for a person to judge; nothing sends it again. Must not be
    called inside a transaction; `check` is called in its own first, and may raise. With `via` the
    contact is another satellite's, which hands the packet on (see `relays`).
    """
    master = authentication.master_key(settings.COMMAND_KEY_FILE)
    with transaction.atomic(durable=True):
        if check is not None:
            check()
        command = (
            Command.objects.select_for_update(of=["self"], skip_locked=True)
            .select_related("satellite")
            .filter(_claimable(now, via), pk=command_id)
            .first()
        )
        if command is None:
            return None
        command.counter = _next_counter(command.satellite)
        command.state, command.contact_id, command.sent_at = State.SENDING, contact_id, now
        command.relay_id = via and via.satellite_id
        if via is not None:
            command.relay_until = via.until
        command.save()
        handovers.begin(command, now=now)
        announce(command)
    return Claimed(command.pk, command.counter, _packet(command, master, via))


def _claimable(now: datetime, via: Via | None) -> Q:
    if via is None:
        return Q(state=State.RELEASED) | _HANDED_ON
    # Two copies of one telecommand are never handed on at once.
    return Q(state=State.RELEASED) & (Q(relay_until=None) | Q(relay_until__lte=now))


def _packet(command: Command, master: bytes, via: Via | None) -> bytes:
    satellite = command.satellite
    opcode, arguments = definitions.encode(command.name, command.arguments)
    key = authentication.satellite_key(master, satellite.code)
    about = command.pk, command.counter, opcode, arguments
    if via is None:
        return authentication.packet(key, *about)
    until_ns = times.to_ns(via.until)
    return authentication.relayed_packet(key, satellite.entity_id, until_ns, *about)


@transaction.atomic
def sent(command_id: UUID, counter: int | None = None) -> None:
    """The frame left, of the copy under `counter`. A report that was quicker than this stands."""
    command = Command.objects.select_for_update(of=["self"]).select_related("satellite", "relay")
    command = command.get(pk=command_id)
    if command.state == State.SENDING and counter in (None, command.counter):
        command.state = State.SENT
        command.save(update_fields=["state"])
        announce(command)


@transaction.atomic
def put_back(command_id: UUID, counter: int, *, now: datetime) -> bool:
    """Let a telecommand wait again that was claimed under `counter` and never left: no part of it
    was handed to a station. Return whether it was still claimed under it."""
    command = (
        Command.objects.select_for_update(of=["self"])
        .select_related("satellite")
        .filter(pk=command_id, state=State.SENDING, counter=counter)
        .first()
    )
    if command is None:
        return False
    command.state, command.contact, command.sent_at = State.RELEASED, None, None
    if command.relay_id is not None:
        command.relay, command.relay_until = None, None
    command.save(update_fields=["state", "contact", "sent_at", "relay", "relay_until"])
    handovers.close(command, handovers.NOT_LEFT, now=now)
    announce(command)
    wake.satellite(command.satellite_id)
    return True


@transaction.atomic
def cancel(command_id: UUID, *, now: datetime) -> Command:
    """Take a telecommand back that was not sent; `AlreadySent` when it is too late."""
    command = Command.objects.select_for_update().filter(pk=command_id).first()
    if command is None:
        raise errors.NotFound(f"There is no telecommand {command_id}.")
    if command.state == State.CANCELLED:
        return command
    if command.state != State.RELEASED:
        raise AlreadySent(f"{command.name} is {command.state} already.")
    if command.relay_until is not None and command.relay_until > now:
        until = command.relay_until.isoformat(timespec="seconds")
        raise AlreadySent(f"{command.name} was handed on by laser; it may be obeyed until {until}.")
    command.state, command.finished_at = State.CANCELLED, now
    command.save(update_fields=["state", "finished_at"])
    announce(command)
    return command


def _next_counter(satellite: Satellite) -> int:
    """Return an anti-replay counter greater than any given to this satellite before."""
    # It starts at the seconds since 2020: a database that was lost must not begin below what a
    # satellite already accepted.
    start = int((timezone.now() - _COUNTER_EPOCH).total_seconds())
    Counter.objects.get_or_create(satellite=satellite, defaults={"last": start})
    row = Counter.objects.select_for_update().get(satellite=satellite)
    row.last += 1
    row.save(update_fields=["last"])
    return row.last


def announce(command: Command) -> None:
    """Write the event that tells a telecommand's state."""
    events.publish(
        STREAM,
        "command",
        {
            "command": str(command.pk),
            "satellite": command.satellite.code,
            "name": command.name,
            "state": command.state,
            "reason": command.reason,
            "relay": command.relay and command.relay.code,
        },
    )
