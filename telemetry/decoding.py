"""Batches of frames decoded: packets kept, gaps noted, handlers called, samples archived.

Runs inside the transaction that marks the batches decoded. The ledger holds at every commit,
because the database says so: packets received whole = stored + duplicates + rejected.
"""

from __future__ import annotations

import logging
import struct
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from ops import db
from ops.live import events
from telemetry import bits, definitions, gaps, models_ledger, onboard, storing, times
from telemetry.archive import followers, writing
from telemetry.frames import aos, bitstream, reassembly
from telemetry.joining import Joined
from telemetry.ledger import counting, foreign, keeping, origins
from telemetry.models import RawBatch, Reception, Rejected, RejectedKind, Volume
from telemetry.packets import handlers, space
from telemetry.replays import running

log = logging.getLogger(__name__)
_REASON_LONGEST = 200
_LEDGER = [
    *("synchroniser", "corrected_symbols", "skipped_bits", "relocks"),
    *("channels", "dropped", "bytes", "frames", "frames_rejected", "frames_lost"),
    *("packets", "stored", "duplicates", "rejected", "unknown"),
]
Reject = tuple[str, bytes]
"""Why something could not be used, and its bytes."""
_KEPT_WITHOUT_READER = {onboard.Apid.CFDP_DOWN}
"""Known, read by nobody here: the conductor's file engine takes them from the frames itself."""


def decode_batch(reception: Reception, batch: Joined, *, now: datetime) -> None:
    """Decode joined batches of the locked `reception`; all are saved."""
    received = bits.receive(reception, batch)
    batch = received.batch
    heard = _relayed(batch) if batch.is_relayed else _reassemble(reception, received)
    timeline = definitions.timeline(reception.satellite_id)
    edition = timeline.at(batch.received_ns)
    read = origins.sort(reception.satellite_id, heard.packets, edition)
    volumes = gaps.lock(reception.satellite_id, _volumes_of(read))
    others = foreign.place(reception.satellite_id, batch, read.foreign, volumes)
    others, doubted = foreign.date(others, edition)
    arrived = read.ours + others
    kept = storing.store(reception, batch, arrived)
    for number, volume in volumes.items():
        serials = [packet.serial for packet in kept.new if packet.volume == number]
        gaps.note_arrival(volume, serials, contact_id=batch.contact_id, now=now)
    unread = doubted + _take_recorder_status(volumes, kept.new, now=now)
    arrival, undescribed = _decode_values(reception, batch, kept.new, timeline)
    writing.keep(reception.satellite_id, batch.pk, arrival.tables)
    running.follow(reception.satellite_id, batch.pk, kept.new)
    newest = writing.keep_latest(reception.satellite_id, arrival.tables)
    unread += undescribed + _call_followers(arrival, now=now) + _call_handlers(kept.new, now=now)
    refused = read.refused + [_conflict(*conflict) for conflict in kept.conflicts]
    _reject(reception, [_rejected_packet(each, batch) for each in refused])
    _reject(reception, [_unread_packet(*each, batch) for each in unread])
    unknown = {packet.apid for packet in kept.new if not is_known(packet, timeline)}
    _close(reception, batch, heard, kept, refused, unknown)
    if newest:
        _announce(reception, batch, newest)


def _volumes_of(read: origins.Sorted) -> set[int]:
    ours = {packet.downlink.secondary.volume for packet in read.ours}
    return ours | {foreign.volume_of(space.apid_of(packet.data)) for packet in read.foreign}


# --- Frames ---------------------------------------------------------------------------------


def _relayed(batch: Joined) -> reassembly.Harvest:
    """Return the packets that another satellite handed on; each is a batch."""
    channel = models_ledger.RELAYED_CHANNEL
    packets = (bytes(each.frames) for each in batch.batches)
    return reassembly.Harvest(
        [reassembly.Extracted(channel, place, data) for place, data in enumerate(packets)]
    )


def _reassemble(reception: Reception, received: bits.Received) -> reassembly.Harvest:
    """Take the packets out of the batch's frames; frames that cannot be used are set aside."""
    batch = received.batch
    layout, data = aos.DOWNLINK, bytes(batch.frames)
    whole = len(data) // layout.frame_bytes * layout.frame_bytes
    frames = aos.decode(layout, data[:whole])
    faults = frames.faults(spacecraft=reception.satellite.spacecraft_id)
    for index in received.not_corrected:
        faults[index] = bitstream.NOT_CORRECTED
    rejects = [
        (reason, frames.data[index].tobytes(), batch.holding(index))
        for index, reason in enumerate(faults)
        if reason
    ]
    if whole < len(data):
        rejects.append(("wrong length", data[whole:], batch.last))
    reassembler = reassembly.Reassembler.from_json(reception.channels)
    heard = reassembler.feed(frames, faults)
    _reject(
        reception,
        [
            Rejected(kind=RejectedKind.FRAME, code=reason, reason=reason, data=bad, batch=part)
            for reason, bad, part in rejects
        ],
    )
    keeping.enter_frames(
        reception,
        batch,
        channels=np.append(frames.channel, [models_ledger.UNTRUSTED_CHANNEL] * (whole < len(data))),
        faults=[*faults, *["wrong length"] * (whole < len(data))],
        lost=heard.lost_frames,
        corrected=received.symbols,
    )
    reception.channels = reassembler.to_json()
    reception.dropped = dict(Counter(reception.dropped) + heard.dropped)
    reception.bytes += len(data)
    reception.frames += len(frames) + (whole < len(data))
    reception.frames_rejected += len(rejects)
    reception.frames_lost += heard.lost_frames.total()
    return heard


def _reject(reception: Reception, rejects: list[Rejected]) -> None:
    """Keep what could not be used, with the reason."""
    if not rejects:
        return
    for each in rejects:
        each.satellite_id = reception.satellite_id
        each.reason = each.reason[:_REASON_LONGEST]
    Rejected.objects.bulk_create(rejects)


def _conflict(reason: str, packet: storing.Arrived) -> origins.Refused:
    return origins.Refused("conflict", reason, packet.channel, packet.data, packet.frame)


def _rejected_packet(refused: origins.Refused, batch: Joined) -> Rejected:
    return Rejected(
        batch=batch.holding(refused.frame),
        kind=RejectedKind.PACKET,
        code=refused.code,
        reason=refused.reason,
        channel=refused.channel,
        apid=space.apid_of(refused.data),
        data=refused.data,
    )


def _unread_packet(reason: str, data: bytes, batch: Joined) -> Rejected:
    apid = space.apid_of(data) if data else None
    return Rejected(
        batch=batch.last,
        kind=RejectedKind.UNREAD,
        code="unread",
        reason=reason,
        apid=apid,
        data=data,
    )


# --- Packets --------------------------------------------------------------------------------


def _take_recorder_status(
    volumes: dict[int, Volume], packets: list[handlers.StoredPacket], *, now: datetime
) -> list[Reject]:
    rejects = []
    for packet in packets:
        if packet.apid != onboard.Apid.RECORDER_STATUS:
            continue
        try:
            volume, oldest, following, missing = onboard.decode_recorder_status(packet.payload)
            if oldest > following:
                raise ValueError(f"holds serials from {oldest} to {following}")
        except (ValueError, struct.error) as error:
            rejects.append((f"recorder status: {error}", packet.data))
            continue
        if volume != packet.volume:
            gaps.note_formatted(packet.satellite_id, volume, now=now)
            continue
        gaps.note_status(
            volumes[volume],
            oldest=oldest,
            following=following,
            missing=missing,
            told_ns=packet.generated_ns,
            contact_id=packet.contact_id,
            now=now,
        )
    return rejects


def _decode_values(
    reception: Reception,
    batch: Joined,
    packets: list[handlers.StoredPacket],
    timeline: definitions.Timeline,
) -> tuple[followers.Arrival, list[Reject]]:
    """Return samples by group for the packets that the definition describes, and those that it
    should but does not."""
    arrival = followers.Arrival(
        reception.satellite_id, batch.contact_id, batch.pk, batch.received_ns
    )
    by_edition: dict[definitions.Edition, list[handlers.StoredPacket]] = {}
    for packet in packets:
        edition = _edition_of(packet, timeline)
        if edition.describes(packet.apid):
            by_edition.setdefault(edition, []).append(packet)
    unread: list[Reject] = []
    for edition, described in by_edition.items():
        unread += _read_values(arrival, edition, described)
    return arrival, unread


def _edition_of(
    packet: handlers.StoredPacket, timeline: definitions.Timeline
) -> definitions.Edition:
    if packet.volume < 0:
        return timeline.dating(packet.generated_ns, packet.received_ns)
    return timeline.at(packet.generated_ns)


def _read_values(
    arrival: followers.Arrival, edition: definitions.Edition, packets: list[handlers.StoredPacket]
) -> list[Reject]:
    """Add the samples of packets that one edition describes; return those that it cannot read."""
    decoded = edition.xtce.decode([packet.data for packet in packets])
    generated = [packet.generated_ns for packet in packets]
    received = [packet.received_ns for packet in packets]
    is_dump = np.array([packet.channel == onboard.DownlinkChannel.PLAYBACK for packet in packets])
    for table in decoded:
        samples = writing.samples_of(
            edition.xtce, table, generated, received, edition.header_parameters
        )
        if not samples.columns:
            continue
        # A batch that is read by two editions has a group of each, where both call it the same.
        group = table.group if table.group not in arrival.tables else edition.own(table.group)
        arrival.tables[group] = samples
        arrival.playback[group] = is_dump[table.indices]
    is_told = edition.apids is not None
    return [
        (reason, packets[index].data)
        for index, reason in decoded.refused.items()
        if is_told or index not in decoded.undescribed
    ]


def _call_followers(arrival: followers.Arrival, *, now: datetime) -> list[Reject]:
    """Tell every follower of the new samples; return what those that failed said."""
    if not arrival.tables:
        return []
    failures = (_failure(follow, arrival, now=now) for follow in followers.followers())
    return [(f"follower: {failure}", b"") for failure in failures if failure]


def _call_handlers(packets: list[handlers.StoredPacket], *, now: datetime) -> list[Reject]:
    """Call the handler of each new packet. One that fails costs its own packet only."""
    rejects = []
    for packet in packets:
        handle = handlers.handler_of(packet.apid)
        if handle is None:
            continue
        if failure := _failure(handle, packet, now=now):
            log.error("handler of APID 0x%03x failed on packet %d", packet.apid, packet.id)
            rejects.append((f"handler: {failure}", packet.data))
    return rejects


def _failure(call: Callable[..., None], about: Any, *, now: datetime) -> str:
    """Call what another room registered, and undo what it wrote if it fails; return what it said
    then. When it is the database that is away, all of the batch waits for another time."""
    try:
        with transaction.atomic():
            call(about, now=now)
    except Exception as error:
        if db.passing_trouble(error) is not None:
            raise
        log.exception("%s failed", call)
        return f"{type(error).__name__}: {error}"
    return ""


def is_known(packet: handlers.StoredPacket, timeline: definitions.Timeline) -> bool:
    """Say whether anybody reads packets of such an APID."""
    if handlers.handler_of(packet.apid) is not None or packet.apid in _KEPT_WITHOUT_READER:
        return True
    apids = _edition_of(packet, timeline).apids
    return apids is not None and packet.apid in apids


# --- The books ------------------------------------------------------------------------------


def _close(
    reception: Reception,
    batch: Joined,
    heard: reassembly.Harvest,
    kept: storing.Kept,
    refused: list[origins.Refused],
    unknown: set[int],
) -> None:
    bad = {(each.channel, each.data) for each in refused}
    is_good = np.ones(len(heard.packets), bool)
    if bad:
        is_good[:] = [(packet.channel, packet.data) not in bad for packet in heard.packets]
    keeping.enter_packets(
        reception,
        batch,
        counting.Received.of((packet.channel, packet.data) for packet in heard.packets),
        is_good=is_good,
        stored=_keys(kept.new),
        duplicates=_keys(kept.duplicates),
        rejected=[(keeping.key_of(each.channel, each.data), each.code) for each in refused],
        unknown_apids=unknown,
    )
    reception.packets += len(heard.packets)
    reception.stored += len(kept.new)
    reception.duplicates += len(kept.duplicates)
    reception.rejected += len(refused)
    reception.unknown += sum(packet.apid in unknown for packet in kept.new)
    reception.save(update_fields=_LEDGER)
    RawBatch.objects.filter(pk__in=[each.pk for each in batch.batches]).update(decoded=True)


def _keys(packets: Sequence[handlers.StoredPacket | storing.Arrived]) -> NDArray[np.int64]:
    keys = (keeping.key_of(packet.channel, packet.data) for packet in packets)
    return np.fromiter(keys, np.int64, len(packets))


def _announce(reception: Reception, batch: Joined, newest: dict[str, Any]) -> None:
    """Tell who watches the satellite the values that are the newest now: one event a batch at
    most, and none of what a dump brought of the past."""
    events.publish(
        f"telemetry:{reception.satellite.code}",
        "values",
        {"received_at": times.text(batch.received_ns), "values": newest},
    )
