"""Telecommands from the wish to the antenna: claimed durably before the first bit, never retried.

A conductor takes `waiting(satellite_id)`, calls `claim` for each in a thread, radiates the packet
that it returns in a TC frame, and calls `sent`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from constellation.models import Satellite
from ops import errors
from ops.accounts.models import Organisation
from ops.live import events
from uplink.commands import authentication, definitions
from uplink.commands.models import Command, Counter, State
from uplink.conduct import wake

STREAM = "commands"
_COUNTER_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)


class BadCommand(errors.Invalid):
    code = "bad_command"


class AlreadySent(errors.Conflict):
    code = "already_sent"


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


def waiting(satellite_id: int) -> list[UUID]:
    """Return the released telecommands of a satellite, the oldest first."""
    rows = Command.objects.filter(satellite_id=satellite_id, state=State.RELEASED)
    return list(rows.order_by("created_at", "id").values_list("id", flat=True))


def wanting(satellite_ids: Collection[int]) -> set[int]:
    """Return those of the satellites for which telecommands wait."""
    rows = Command.objects.filter(satellite_id__in=satellite_ids, state=State.RELEASED)
    return set(rows.order_by().values_list("satellite_id", flat=True).distinct())


def claim(
    command_id: UUID,
    *,
    contact_id: UUID,
    now: datetime,
    check: Callable[[], object] | None = None,
) -> bytes | None:
    """Take a telecommand for sending, once: return its packet, or None when it is taken already.

    The claim and the anti-replay counter are committed when this returns. Should we die before
    `sent`, the command stays SENDING for a person to judge; nothing sends it again. Must not be
    called inside a transaction; `check` is called in its own first, and may raise.
    """
    master = authentication.master_key(settings.COMMAND_KEY_FILE)
    with transaction.atomic(durable=True):
        if check is not None:
            check()
        command = (
            Command.objects.select_for_update(of=["self"], skip_locked=True)
            .select_related("satellite")
            .filter(pk=command_id, state=State.RELEASED)
            .first()
        )
        if command is None:
            return None
        command.counter = _next_counter(command.satellite)
        command.state, command.contact_id, command.sent_at = State.SENDING, contact_id, now
        command.save()
        announce(command)
    satellite = command.satellite
    opcode, arguments = definitions.encode(command.name, command.arguments)
    key = authentication.satellite_key(master, satellite.code)
    return authentication.packet(key, command.pk, command.counter, opcode, arguments)


@transaction.atomic
def sent(command_id: UUID) -> None:
    """The frame left. A report that was quicker than this stands."""
    command = Command.objects.select_for_update().get(pk=command_id)
    if command.state == State.SENDING:
        command.state = State.SENT
        command.save(update_fields=["state"])
        announce(command)


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
        },
    )
