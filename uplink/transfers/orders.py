"""Orders to fetch packs over laser links: telecommands that may be given again without harm."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from telemetry import onboard
from uplink.commands import release
from uplink.commands.models import Command
from uplink.commands.models import State as CommandState
from uplink.transfers import packing
from uplink.transfers.models import Spread, Transfer

FETCH = onboard.Opcode.FETCH.name
UNHEARD_AFTER = timedelta(seconds=60)
"""A satellite answers at once, but what it says waits for whoever decodes it."""
ORDERS_MOST = 40
_ON_BOARD = (CommandState.ACCEPTED, CommandState.COMPLETED)


def give(
    spread: Spread, peers: list[int], *, last: Command | None, now: datetime, rate: float
) -> None:
    """See to it that a satellite has, or gets, the order to fetch from these peers.

    The caller holds the transfer's lock, and tells the `newest` order. One that is waiting for a
    contact is replaced; one that was sent and came to nothing is given again.
    """
    if spread.peers == peers and (last is None or not _came_to_nothing(last, now, rate)):
        return
    if spread.orders >= ORDERS_MOST:
        return
    _take_back(spread, now=now)
    transfer = spread.transfer
    spread.orders += 1
    spread.peers = peers
    spread.save(update_fields=["orders", "peers"])
    manifest = packing.manifest_of(transfer.artefact)
    release.request(
        command_id=_id(spread),
        satellite=transfer.satellite,
        name=FETCH,
        arguments={
            "artefact": transfer.artefact_id,
            "manifest": packing.digest_of(manifest),
            "peers": peers,
        },
        organisation=transfer.organisation,
        source=_source(transfer),
        now=now,
    )


def withdraw(spread: Spread, *, now: datetime, rate: float) -> None:
    """Let a satellite fetch no more."""
    last = newest([spread]).get(spread.pk)
    _take_back(spread, now=now)
    if last is not None and last.state not in (CommandState.RELEASED, CommandState.CANCELLED):
        give(spread, [], last=last, now=now, rate=rate)


def is_on_board(last: Command | None) -> bool:
    """Say whether an order was taken by the satellite."""
    return last is not None and last.state in _ON_BOARD


def newest(spreads: Iterable[Spread]) -> dict[int, Command]:
    """Return the newest order of each spread that has any, by the spread's key."""
    ids = {_id(spread): spread.pk for spread in spreads if spread.orders}
    return {ids[one.pk]: one for one in Command.objects.filter(pk__in=ids)}


def _id(spread: Spread) -> UUID:
    return uuid5(spread.transfer_id, f"{FETCH} {spread.orders}")


def _source(transfer: Transfer) -> str:
    return f"spread:{transfer.pk}"


def _take_back(spread: Spread, *, now: datetime) -> None:
    waiting = Command.objects.filter(
        source=_source(spread.transfer), state=CommandState.RELEASED
    ).values_list("pk", flat=True)
    for command_id in list(waiting):
        try:
            release.cancel(command_id, now=now)
        except release.AlreadySent:
            continue


def _came_to_nothing(command: Command, now: datetime, rate: float) -> bool:
    if command.state in (CommandState.FAILED, CommandState.CANCELLED):
        return True
    is_sent = command.state in (CommandState.SENDING, CommandState.SENT)
    return is_sent and command.sent_at < now - UNHEARD_AFTER * max(1.0, rate)
