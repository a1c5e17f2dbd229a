"""Packets without our secondary header: each gets a long count in the place of a serial.

Of one satellite and APID they make a volume of their own (number -1 - APID), so that duplicates,
conflicts and gaps are found as those of our own packets are. A packet is a duplicate when APID,
long count, time and bytes say so: two stations hear one packet at the same time.
"""

from __future__ import annotations

from dataclasses import replace

from django.db import connection

from telemetry import onboard, times
from telemetry.definitions import Edition, generation
from telemetry.frames.reassembly import Extracted
from telemetry.joining import Joined
from telemetry.ledger import unwrapping
from telemetry.models import Gap, GapState, Packet, Volume
from telemetry.packets import space
from telemetry.storing import Arrived

_TELLABLE_NS = 200 * 365 * 86_400 * 10**9
_NEIGHBOURS = """
    SELECT wanted.apid, before.serial, before.received_ns, after.serial, after.received_ns
    FROM unnest(%(apids)s::int[]) AS wanted(apid)
    LEFT JOIN LATERAL (
        SELECT serial, received_ns FROM telemetry_packet
        WHERE satellite_id = %(satellite)s AND apid = wanted.apid
            AND volume = -1 - wanted.apid AND volume < 0 AND received_ns <= %(at)s
        ORDER BY received_ns DESC, serial DESC LIMIT 1) AS before ON true
    LEFT JOIN LATERAL (
        SELECT serial, received_ns FROM telemetry_packet
        WHERE satellite_id = %(satellite)s AND apid = wanted.apid
            AND volume = -1 - wanted.apid AND volume < 0 AND received_ns > %(at)s
        ORDER BY received_ns, serial LIMIT 1) AS after ON true
"""


def volume_of(apid: int) -> int:
    """Return the number under which the packets of a foreign APID are kept."""
    return -1 - apid


def apid_of(volume: int) -> int | None:
    """Return the APID whose packets a volume holds; None for a volume of a recorder."""
    return -1 - volume if volume < 0 else None


def place(
    satellite_id: int, batch: Joined, packets: list[Extracted], volumes: dict[int, Volume]
) -> list[Arrived]:
    """Give each packet its long count. `volumes` holds the locked volumes of their APIDs."""
    by_apid: dict[int, list[Extracted]] = {}
    for packet in packets:
        by_apid.setdefault(space.apid_of(packet.data), []).append(packet)
    if not by_apid:
        return []
    neighbours = _neighbours(satellite_id, list(by_apid), batch.received_ns)
    placed: list[tuple[Extracted, int]] = []
    for apid, members in by_apid.items():
        dumped = [each for each in members if each.channel == onboard.DownlinkChannel.PLAYBACK]
        live = [each for each in members if each.channel != onboard.DownlinkChannel.PLAYBACK]
        placed += _follow(live, batch.received_ns, *neighbours[apid])
        placed += _fit(satellite_id, apid, dumped, batch.received_ns, *neighbours[apid])
    placed = _reconsider(satellite_id, batch, placed, volumes)
    return [_arrived(packet, count, batch.received_ns) for packet, count in placed]


def date(arrived: list[Arrived], edition: Edition) -> tuple[list[Arrived], list[tuple[str, bytes]]]:
    """Give packets the time that they say they were generated at, where the definition knows of
    one; the others have the time at which they came.

    A time long after it is not believed; return also what tells of it, once an APID.
    """
    said = generation.dates(edition.times, edition.xtce, [packet.data for packet in arrived])
    dated, doubted = list(arrived), {}
    for place, at_ns in said.items():
        packet = arrived[place]
        named = packet.downlink.secondary
        if at_ns - named.generated_ns > generation.AHEAD_MOST_NS or at_ns < 0:
            doubted.setdefault(packet.downlink.header.apid, (packet, at_ns))
            continue
        downlink = replace(packet.downlink, secondary=replace(named, generated_ns=at_ns))
        dated[place] = replace(packet, downlink=downlink)
    return dated, [_doubt(*each) for each in doubted.values()]


def _doubt(packet: Arrived, at_ns: int) -> tuple[str, bytes]:
    said = times.text(at_ns) if abs(at_ns) < _TELLABLE_NS else f"{at_ns} ns"
    return f"says {said}: the time at which it came is taken for it", packet.data


def _neighbours(
    satellite_id: int, apids: list[int], at_ns: int
) -> dict[int, tuple[unwrapping.Held | None, unwrapping.Held | None]]:
    with connection.cursor() as cursor:
        cursor.execute(_NEIGHBOURS, {"apids": apids, "satellite": satellite_id, "at": at_ns})
        return {
            apid: (
                None if before is None else unwrapping.Held(before, before_ns),
                None if after is None else unwrapping.Held(after, after_ns),
            )
            for apid, before, before_ns, after, after_ns in cursor.fetchall()
        }


def _count_of(packet: Extracted) -> int:
    return space.decode_header(packet.data).sequence_count


def _follow(
    packets: list[Extracted],
    at_ns: int,
    before: unwrapping.Held | None,
    after: unwrapping.Held | None,
) -> list[tuple[Extracted, int]]:
    """Place packets that came one behind the other."""
    if not packets:
        return []
    counts = [_count_of(packet) for packet in packets]
    first = unwrapping.place(counts[0], at_ns, before, after)
    steps = unwrapping.follow(counts).tolist()
    return [(packet, first + step) for packet, step in zip(packets, steps, strict=True)]


def _fit(
    satellite_id: int,
    apid: int,
    packets: list[Extracted],
    at_ns: int,
    before: unwrapping.Held | None,
    after: unwrapping.Held | None,
) -> list[tuple[Extracted, int]]:
    """Place packets of a recorder dump: where the very same is held, else in the newest open gap
    that has room for its count, else as packets that came live are placed."""
    if not packets:
        return []
    counts = {_count_of(packet) for packet in packets}
    rows = Packet.objects.filter(
        satellite_id=satellite_id, volume=volume_of(apid), apid=apid, sequence__in=counts
    )
    held = {bytes(data): serial for serial, data in rows.values_list("serial", "data")}
    gaps = Gap.objects.filter(
        satellite_id=satellite_id, volume=volume_of(apid), state=GapState.OPEN
    ).order_by("-serials__startswith")
    spans = [(gap.serials.lower, gap.serials.upper) for gap in gaps]
    placed, rest = [], []
    for packet in packets:
        count = held.get(packet.data)
        if count is None:
            count = _room(spans, _count_of(packet))
        if count is None:
            rest.append(packet)
        else:
            placed.append((packet, count))
    return placed + _follow(rest, at_ns, before, after)


def _room(spans: list[tuple[int, int]], count: int) -> int | None:
    for first, end in spans:
        place = first + (count - first) % unwrapping.MODULUS
        if place < end:
            return place
    return None


def _reconsider(
    satellite_id: int,
    batch: Joined,
    placed: list[tuple[Extracted, int]],
    volumes: dict[int, Volume],
) -> list[tuple[Extracted, int]]:
    """Look again at packets whose place another packet has.

    The very same a round earlier or later is what it is a duplicate of. Another packet that came
    long before had its count from before the satellite began to count anew. Else it stays, and is
    a conflict.
    """
    held = _held(satellite_id, placed)
    final, ends = [], {}
    for packet, count in placed:
        apid = space.apid_of(packet.data)
        there = held.get((apid, count))
        if there is None or there[0] == packet.data:
            final.append((packet, count))
            continue
        rounds = (count + unwrapping.MODULUS, count - unwrapping.MODULUS)
        same = [n for n in rounds if held.get((apid, n), (b"",))[0] == packet.data]
        if same:
            count = same[0]
        elif abs(batch.received_ns - there[1]) > unwrapping.NEAR_NS:
            volume = volumes[volume_of(apid)]
            end = ends.setdefault(apid, volume.following)
            count = unwrapping.restarted(_count_of(packet), end)
            # What lies between the old counts and the new ones was never sent.
            volume.following = count if volume.following == end else min(volume.following, count)
        final.append((packet, count))
    return final


def _held(
    satellite_id: int, placed: list[tuple[Extracted, int]]
) -> dict[tuple[int, int], tuple[bytes, int]]:
    """Return bytes and time of the packets at the given places, and a round around them."""
    wanted = {(space.apid_of(packet.data), count) for packet, count in placed}
    turns = (0, unwrapping.MODULUS, -unwrapping.MODULUS)
    keys = [(volume_of(apid), count + turn) for apid, count in wanted for turn in turns]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT packet.apid, packet.serial, packet.data, packet.received_ns
            FROM unnest(%s::bigint[], %s::bigint[]) AS wanted(volume, serial)
            JOIN telemetry_packet AS packet ON packet.satellite_id = %s
                AND packet.volume = wanted.volume AND packet.serial = wanted.serial
            """,
            [[volume for volume, _ in keys], [serial for _, serial in keys], satellite_id],
        )
        return {
            (apid, serial): (bytes(data), at_ns) for apid, serial, data, at_ns in cursor.fetchall()
        }


def _arrived(packet: Extracted, count: int, received_ns: int) -> Arrived:
    header = space.decode_header(packet.data)
    named = onboard.Secondary(received_ns, volume_of(header.apid), 0, count)
    payload = packet.data[space.HEADER_BYTES :]
    return Arrived(
        space.Downlink(header, named, payload), packet.channel, packet.data, packet.frame
    )
