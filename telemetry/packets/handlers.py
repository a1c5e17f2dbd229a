"""Who is called with which packet: upper rooms register a function for an APID.

Called inside the transaction that marks the packet's batch decoded, once for every packet that is
new: what a handler writes is committed with the packet or not at all. An exception undoes the
packet's handler alone, and the packet is kept with the reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from telemetry import onboard
from telemetry.packets import space


@dataclass(frozen=True, slots=True)
class StoredPacket:
    """A packet of a satellite, as stored. Times in ns are int64 since 1970-01-01 UTC."""

    id: int
    satellite_id: int
    contact_id: UUID | None
    apid: int
    sequence_count: int
    volume: int
    boot: int
    serial: int
    channel: int
    generated_ns: int
    received_at: datetime
    data: bytes
    received_ns: int = 0
    station_id: int | None = None

    @property
    def payload(self) -> bytes:
        """What follows the primary header, and the secondary one where it is ours."""
        is_ours = self.volume >= 0
        return self.data[space.HEADER_BYTES + onboard.SECONDARY_BYTES * is_ours :]


class Handler(Protocol):
    """What is registered: a function of the packet and of the present instant."""

    def __call__(self, packet: StoredPacket, *, now: datetime) -> None: ...


_handlers: dict[int, Handler] = {}


def register(apid: int, handle: Handler) -> None:
    """Let `handle(packet, *, now)` be called with every new packet of `apid`.

    ValueError when another function has that APID: two readers of one packet would be a secret.
    """
    known = _handlers.setdefault(apid, handle)
    if known is not handle:
        raise ValueError(f"APID 0x{apid:03x} is already handled by {known}")


def handler_of(apid: int) -> Handler | None:
    """Return the function registered for `apid`, or None."""
    return _handlers.get(apid)
