"""Packets of satellites that others handed on: kept for a decoder of their own.

The packet that brought one belongs to who handed it on; what was in it belongs to whose it is, in
every book. It becomes a batch in the transaction that stores what brought it, and is decoded behind
it: each transaction changes the books of one satellite, so that no two wait for each other.
"""

from __future__ import annotations

import hashlib

from constellation.contacts.models import Contact
from telemetry.models import RawBatch
from telemetry.packets.handlers import StoredPacket


def keep(brought: StoredPacket, satellite_id: int, packet: bytes) -> None:
    """Keep a packet of `satellite_id` that came inside another's. Whoever calls has checked that it
    is that satellite's own. Safe to repeat."""
    if brought.contact_id is None:
        raise ValueError(f"packet {brought.id} came in no contact")
    station_id = brought.station_id
    if station_id is None:
        contact = Contact.objects.select_related("antenna").get(pk=brought.contact_id)
        station_id = contact.antenna.station_id
    name = satellite_id.to_bytes(8) + packet
    RawBatch.objects.bulk_create(
        [
            RawBatch(
                contact_id=brought.contact_id,
                station_id=station_id,
                satellite_id=satellite_id,
                relay_id=brought.satellite_id,
                number=brought.serial,
                received_ns=brought.received_ns,
                frames=packet,
                digest=hashlib.blake2b(name, digest_size=16).digest(),
            )
        ],
        ignore_conflicts=True,
    )
