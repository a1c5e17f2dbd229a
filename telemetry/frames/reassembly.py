"""Frames into packets and units, over frames, batches, losses and contacts.

A packet comes out only when every byte of it came from frames that followed one another without a
gap, and the pointers of the frames agree with the lengths of the packets. What cannot be joined is
dropped and counted by reason, never guessed.
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from telemetry import onboard
from telemetry.frames.batch import NO_HEADER, Batch, Service
from telemetry.packets import encapsulation, space

_SMALL_MODULUS = 256
"""Where counts wrap so soon, a step back cannot be told from many frames lost."""
_MASTER, _MASTER_MODULUS = "master", 256
_UNKNOWN = -1


@dataclass(frozen=True, slots=True)
class Extracted:
    """A packet, the virtual channel it came on, and the frame of the batch in which it ended."""

    channel: int
    frame: int
    data: bytes
    map_id: int = 0


@dataclass(frozen=True, slots=True)
class Unit:
    """A mission's own unit, or a piece of a stream of which `bits` count."""

    channel: int
    map_id: int
    frame: int
    service: Service
    data: bytes
    bits: int


@dataclass(slots=True)
class Harvest:
    """What a batch of frames gave.

    `lost_frames`: by channel, frames missing before frames of this batch; `lost_master_frames`
    the same by the count of the master channel. `dropped`: by reason, packets and units of which a
    part came down and the rest did not, or made no sense. `idle_packets`: those that only filled
    frames up; `idle_frames`: those that carried nothing.
    """

    packets: list[Extracted] = field(default_factory=list)
    units: list[Unit] = field(default_factory=list)
    lost_frames: Counter[int] = field(default_factory=Counter)
    lost_master_frames: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    idle_packets: int = 0
    idle_frames: int = 0


@dataclass(slots=True)
class Stream:
    """Where one map of a virtual channel stands: a packet or unit begun.

    `is_in_step`: the end of the last packet is known, so that the next byte begins one.
    """

    partial: bytearray = field(default_factory=bytearray)
    is_in_step: bool = False


@dataclass(slots=True)
class Channel:
    """Where one virtual channel stands: the counts of the next frames, and its maps."""

    following: list[int | None] = field(default_factory=lambda: [None, None])
    streams: dict[int, Stream] = field(default_factory=dict)

    def stream(self, map_id: int) -> Stream:
        found = self.streams.get(map_id)
        if found is None:
            found = self.streams[map_id] = Stream()
        return found


class Reassembler:
    """Takes packets out of the frames of all virtual channels of one spacecraft's link.

    `longest_bytes` bounds packets and units: whoever announces more is not believed.
    """

    def __init__(
        self,
        *,
        versions: Collection[int] = (0, encapsulation.VERSION),
        longest_bytes: int = onboard.PACKET_MAX_BYTES,
    ) -> None:
        self.channels: dict[int, Channel] = {}
        self.versions = frozenset(versions)
        self.longest_bytes = longest_bytes
        self._master_following: int | None = None

    def feed(self, batch: Batch, faults: list[str] | None = None) -> Harvest:
        """Return the packets that the frames of `batch` complete, in the order they end.

        A frame with a fault (see `Batch.faults`) is left out: for its channel it is as good as
        lost. Without `faults`, none has any but what cannot be read at all.
        """
        harvest = Harvest()
        left_out = {index for index, fault in enumerate(faults) if fault} if faults else set()
        left_out |= batch.troubles.keys()
        self._follow_master(batch, left_out, harvest)
        octets = batch.octets
        columns = (
            *(batch.channel, batch.map_id, batch.service, batch.count, batch.modulus),
            *(batch.series, batch.pointer, batch.zone_starts, batch.zone_ends, batch.completes),
        )
        for index, row in enumerate(zip(*(column.tolist() for column in columns), strict=True)):
            if index in left_out:
                continue
            number, map_id, service, count, modulus, series, pointer, start, end, closes = row
            if service == Service.IDLE:
                harvest.idle_frames += 1
                if number == onboard.DownlinkChannel.IDLE:
                    continue
            channel = self.channels.get(number)
            if channel is None:
                channel = self.channels[number] = Channel()
            if channel.following[series] != count:
                _resume(channel, number, count, modulus, series, harvest)
            channel.following[series] = (count + 1) % modulus if modulus else None
            if service == Service.PACKETS:
                place = _Place(harvest, number, index, map_id)
                self._packets(channel.stream(map_id), octets, start, end, pointer, place)
                if closes:
                    _close(channel.stream(map_id), harvest)
            elif service != Service.IDLE:
                self._unit(channel, batch, index, harvest)
        return harvest

    def _follow_master(self, batch: Batch, left_out: set[int], harvest: Harvest) -> None:
        """Count the frames that are missing by the count of the master channel."""
        if batch.master_count is None:
            return
        for index, count in enumerate(batch.master_count.tolist()):
            if index in left_out:
                continue
            if self._master_following is not None:
                missing = (count - self._master_following) % _MASTER_MODULUS
                harvest.lost_master_frames += missing if missing != _MASTER_MODULUS - 1 else 0
            self._master_following = (count + 1) % _MASTER_MODULUS

    # --- Packets ---

    def _packets(
        self, stream: Stream, octets: bytes, start: int, end: int, pointer: int, place: _Place
    ) -> None:
        """Take the packets that end in a zone, and keep in `stream` the one that goes on."""
        dropped = place.harvest.dropped
        if pointer == NO_HEADER:
            self._join(stream, octets[start:end], place)
            return
        first = start + pointer
        if first >= end:
            if stream.partial:
                self._join(stream, octets[start:end], place)
                _drop_partial(stream, "pointer outside the frame", place.harvest)
            dropped["pointer outside the frame"] += 1
            stream.is_in_step = False
            return
        if stream.partial or pointer:
            self._join(stream, octets[start:first], place)
            _drop_partial(stream, "longer than the pointer says", place.harvest)
        stream.is_in_step = True
        self._walk(stream, octets, first, end, place)

    def _join(self, stream: Stream, tail: bytes, place: _Place) -> None:
        """Add `tail` to a packet begun; it comes out if it ends there exactly, and goes on when it
        is longer."""
        if not stream.partial:
            if tail and stream.is_in_step:
                place.harvest.dropped["continues no packet"] += 1
                stream.is_in_step = False
            return
        partial = stream.partial
        partial += tail
        size = self._size(partial, 0, len(partial), place.harvest)
        if size is None or size > len(partial):
            return
        packet, stream.partial = bytes(partial), bytearray()
        if size == len(packet):
            place.keep(packet)
            return
        stream.is_in_step = False
        if size != _UNKNOWN:
            place.harvest.dropped["shorter than the pointer says"] += 1

    def _walk(self, stream: Stream, octets: bytes, start: int, end: int, place: _Place) -> None:
        """Take the packets that lie whole from `start` on; the rest is kept as begun."""
        while start < end:
            first = octets[start]
            if first < 0x20 and end - start >= space.HEADER_BYTES and 0 in self.versions:
                size = space.HEADER_BYTES + 1 + (octets[start + 4] << 8 | octets[start + 5])
            else:
                size = self._size(octets, start, end, place.harvest)
            if size is None or start + size > end:
                break
            if size == _UNKNOWN:
                stream.is_in_step = False
                return
            place.keep(octets[start : start + size])
            start += size
        stream.partial = bytearray(octets[start:end])

    def _size(
        self, octets: bytes | bytearray, start: int, end: int, harvest: Harvest
    ) -> int | None:
        """Return the length of the packet that begins at `start`; None when that is not known yet,
        _UNKNOWN (and counted) when nobody can tell."""
        version = octets[start] >> 5
        if version not in self.versions:
            harvest.dropped["wrong packet version"] += 1
            return _UNKNOWN
        if version == encapsulation.VERSION:
            size = encapsulation.packet_bytes(octets, start, end)
            if size is not None and not 0 < size <= self.longest_bytes:
                harvest.dropped["impossible packet length"] += 1
                return _UNKNOWN
            return size
        if end - start < space.HEADER_BYTES:
            return None
        return space.HEADER_BYTES + 1 + (octets[start + 4] << 8 | octets[start + 5])

    # --- Units and streams ---

    def _unit(self, channel: Channel, batch: Batch, index: int, harvest: Harvest) -> None:
        number, map_id = int(batch.channel[index]), int(batch.map_id[index])
        service, zone = Service(int(batch.service[index])), batch.zone(index)
        if service != Service.UNITS:
            bits = int(batch.bits[index]) if service == Service.BITS else 8 * len(zone)
            if bits:
                data = zone[: (bits + 7) // 8]
                harvest.units.append(Unit(number, map_id, index, service, data, bits))
            return
        stream = channel.stream(map_id)
        if batch.begins[index]:
            _drop_partial(stream, "cut by the next unit", harvest)
            stream.is_in_step = True
        elif not stream.is_in_step:
            harvest.dropped["continues no unit"] += 1
            return
        stream.partial += zone
        if len(stream.partial) > self.longest_bytes:
            _drop_partial(stream, "longer than allowed", harvest)
            stream.is_in_step = False
        elif batch.completes[index]:
            data, stream.partial, stream.is_in_step = bytes(stream.partial), bytearray(), False
            harvest.units.append(Unit(number, map_id, index, service, data, 8 * len(data)))

    # --- State ---

    def to_json(self) -> dict[str, list]:
        """Return the state for `from_json`: plain values."""
        state: dict[str, list] = {
            str(number): _channel_to_json(channel) for number, channel in self.channels.items()
        }
        if self._master_following is not None:
            state[_MASTER] = [self._master_following]
        return state

    @classmethod
    def from_json(cls, state: dict[str, list], **options: Any) -> Reassembler:
        reassembler = cls(**options)
        for number, kept in state.items():
            if number == _MASTER:
                reassembler._master_following = kept[0]
            else:
                reassembler.channels[int(number)] = _channel_from_json(*kept)
        return reassembler


@dataclass(slots=True)
class _Place:
    """Where a packet ends, and the harvest that it goes to."""

    harvest: Harvest
    channel: int
    frame: int
    map_id: int

    def keep(self, packet: bytes) -> None:
        """Keep a whole packet, unless it only filled a frame."""
        first = packet[0]
        if first >= 0xE0:
            is_idle = encapsulation.is_idle(first)
        else:
            is_idle = first & 7 == 7 and packet[1] == 0xFF
        if is_idle:
            self.harvest.idle_packets += 1
        else:
            self.harvest.packets.append(Extracted(self.channel, self.frame, packet, self.map_id))


def _resume(
    channel: Channel, number: int, count: int, modulus: int, series: int, harvest: Harvest
) -> None:
    """Note that a frame is not the one that should follow, if it is known which that is."""
    expected = channel.following[series]
    if expected is None:
        return
    missing = (count - expected) % modulus if modulus else 0
    # A step back is a satellite that began to count anew, or a frame out of order or repeated.
    most = modulus - 1 if modulus <= _SMALL_MODULUS else modulus // 2
    if missing < most:
        harvest.lost_frames[number] += missing
    for stream in channel.streams.values():
        _drop_partial(stream, "cut by lost frames", harvest)
        stream.is_in_step = False


def _drop_partial(stream: Stream, reason: str, harvest: Harvest) -> None:
    if stream.partial:
        harvest.dropped[reason] += 1
        stream.partial = bytearray()


def _close(stream: Stream, harvest: Harvest) -> None:
    """Nothing goes on behind this frame."""
    _drop_partial(stream, "longer than its frames", harvest)
    stream.is_in_step = False


def _channel_to_json(channel: Channel) -> list:
    """Return what is known of map 0 first: most links have no other."""
    maps = {
        str(number): [base64.b64encode(stream.partial).decode(), stream.is_in_step]
        for number, stream in channel.streams.items()
    }
    partial, is_in_step = maps.pop("0", ["", False])
    kept = [channel.following[0], partial, is_in_step]
    if maps or channel.following[1] is not None:
        kept += [channel.following[1], maps]
    return kept


def _channel_from_json(
    following: int | None,
    partial: str,
    is_in_step: bool = False,
    expedited: int | None = None,
    maps: dict[str, list] | None = None,
) -> Channel:
    """Read a state, also one that was written before there were maps."""
    channel = Channel([following, expedited])
    for number, (data, in_step) in {"0": [partial, is_in_step], **(maps or {})}.items():
        channel.streams[int(number)] = Stream(bytearray(base64.b64decode(data)), in_step)
    return channel
