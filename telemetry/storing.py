"""Packets into their table, each serial of a volume once."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from ops import db
from telemetry import joining, times
from telemetry.models import Packet, Reception
from telemetry.packets import handlers, space

_INSERT = """
    INSERT INTO telemetry_packet
        (satellite_id, volume, serial, boot, apid, sequence, generated_ns, received_ns, channel,
         contact_id, data)
    SELECT %s, volume, serial, boot, apid, sequence, generated_ns, received_ns, channel, %s, data
    FROM unnest(%b::bigint[], %b::bigint[], %b::int[], %b::int[], %b::int[], %b::bigint[],
                %b::bigint[], %b::smallint[], %b::bytea[])
        AS arrived(volume, serial, boot, apid, sequence, generated_ns, received_ns, channel, data)
    ON CONFLICT (satellite_id, volume, serial) DO NOTHING
    RETURNING id, volume, serial
"""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A packet read, the virtual channel it came on, its bytes, and the frame in which it ended."""

    downlink: space.Downlink
    channel: int
    data: bytes
    frame: int = 0

    @property
    def key(self) -> tuple[int, int]:
        return self.downlink.secondary.volume, self.downlink.secondary.serial


@dataclass(slots=True)
class Kept:
    """What became of arrived packets: new ones in the order of arrival, those that were there
    already, and those that contradict what is there, with the reason."""

    new: list[handlers.StoredPacket] = field(default_factory=list)
    duplicates: list[Arrived] = field(default_factory=list)
    conflicts: list[tuple[str, Arrived]] = field(default_factory=list)


def store(reception: Reception, batch: joining.Joined, arrived: list[Arrived]) -> Kept:
    """Store the packets that are not there yet, and say what became of each."""
    kept = Kept()
    if not arrived:
        return kept
    ids = _insert(reception, batch, arrived)
    again = []
    for packet in arrived:
        row = ids.pop(packet.key, None)
        if row is None:
            again.append(packet)
        else:
            kept.new.append(_stored(row, reception, batch, packet))
    there = _bytes_of(reception.satellite_id, again)
    for packet in again:
        if there[packet.key] == packet.data:
            kept.duplicates.append(packet)
        else:
            kept.conflicts.append((f"differs from the packet stored as {_name(packet)}", packet))
    return kept


def _name(packet: Arrived) -> str:
    volume, serial = packet.key
    if volume < 0:
        return f"count {serial} of APID {packet.downlink.header.apid}"
    return f"serial {serial} of volume {volume:08x}"


def _insert(
    reception: Reception, batch: joining.Joined, arrived: list[Arrived]
) -> dict[tuple[int, int], int]:
    """Insert in the order of serials, so that two batches wait for each other and never both.

    Of two packets with one serial the first to arrive is inserted.
    """
    first: dict[tuple[int, int], Arrived] = {}
    for packet in arrived:
        first.setdefault(packet.key, packet)
    rows = [
        (
            *key,
            packet.downlink.secondary.boot,
            packet.downlink.header.apid,
            packet.downlink.header.sequence_count,
            packet.downlink.secondary.generated_ns,
            batch.holding(packet.frame).received_ns,
            packet.channel,
            packet.data,
        )
        for key, packet in sorted(first.items(), key=lambda item: item[0])
    ]
    with db.bulk_cursor() as cursor:
        cursor.execute(
            _INSERT,
            [
                reception.satellite_id,
                batch.contact_id,
                *(list(column) for column in zip(*rows, strict=True)),
            ],
        )
        return {(volume, serial): row for row, volume, serial in cursor.fetchall()}


def _bytes_of(satellite_id: int, packets: list[Arrived]) -> dict[tuple[int, int], bytes]:
    if not packets:
        return {}
    rows = Packet.objects.filter(
        satellite_id=satellite_id,
        volume__in={packet.key[0] for packet in packets},
        serial__in={packet.key[1] for packet in packets},
    )
    return {
        (volume, serial): bytes(data)
        for volume, serial, data in rows.values_list("volume", "serial", "data")
    }


@lru_cache(maxsize=1024)
def _instant(received_ns: int) -> datetime:
    """A batch's packets have one time."""
    return times.from_ns(received_ns)


def _stored(
    row: int, reception: Reception, batch: joining.Joined, packet: Arrived
) -> handlers.StoredPacket:
    secondary, header = packet.downlink.secondary, packet.downlink.header
    received_ns = batch.holding(packet.frame).received_ns
    return handlers.StoredPacket(
        id=row,
        satellite_id=reception.satellite_id,
        contact_id=batch.contact_id,
        apid=header.apid,
        sequence_count=header.sequence_count,
        volume=secondary.volume,
        boot=secondary.boot,
        serial=secondary.serial,
        channel=packet.channel,
        generated_ns=secondary.generated_ns,
        received_at=_instant(received_ns),
        data=packet.data,
        received_ns=received_ns,
        station_id=reception.station_id,
    )
