"""Frames into packets: M_PDUs joined over frames, batches and losses (CCSDS 732.0-B-4, 4.1.4.2).

A packet comes out only when every byte of it came from frames that followed one another without a
gap, and the pointers of the frames agree with the lengths of the packets. What cannot be joined is
dropped and counted, never guessed.
"""

from __future__ import annotations

import base64
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from telemetry import onboard
from telemetry.frames import aos
from telemetry.packets import space


@dataclass(frozen=True, slots=True)
class Extracted:
    """A packet, the virtual channel it came on, and the frame of the batch in which it ended."""

    channel: int
    frame: int
    data: bytes


@dataclass(slots=True)
class Harvest:
    """What a batch of frames gave.

    `lost_frames`: by channel, frames missing before frames of this batch. `dropped`: by reason,
    packets of which a part came down and the rest did not, or made no sense. `idle_packets`: those
    that only filled frames up.
    """

    packets: list[Extracted] = field(default_factory=list)
    lost_frames: Counter[int] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    idle_packets: int = 0


@dataclass(slots=True)
class Channel:
    """Where one virtual channel stands: the count of the next frame, and a packet begun."""

    following: int | None = None
    partial: bytes = b""


class Reassembler:
    """Takes packets out of the frames of all virtual channels of one link."""

    def __init__(self) -> None:
        self.channels: dict[int, Channel] = {}

    def feed(self, batch: aos.Batch, faults: list[str] | None = None) -> Harvest:
        """Return the packets that the frames of `batch` complete, in the order they end.

        A frame with a fault (see `aos.Batch.faults`) is left out: for its channel it is as good
        as lost. Frames of the idle channel are passed over.
        """
        harvest = Harvest()
        columns = np.stack([batch.channel, batch.count, batch.first_header], axis=1).tolist()
        for index, (number, count, first_header) in enumerate(columns):
            if number == onboard.DownlinkChannel.IDLE or (faults and faults[index]):
                continue
            channel = self.channels.setdefault(number, Channel())
            self._follow(channel, number, count, harvest)
            zone = batch.zone(index)
            for packet in _packets(channel, first_header, zone, harvest):
                harvest.packets.append(Extracted(number, index, packet))
        return harvest

    def _follow(self, channel: Channel, number: int, count: int, harvest: Harvest) -> None:
        """Note frame `count` of a channel; a packet begun is dropped when it does not follow."""
        if channel.following is not None and count != channel.following:
            missing = (count - channel.following) % aos.COUNT_MODULUS
            # A step back is a satellite that began to count anew, or a frame out of order.
            if missing < aos.COUNT_MODULUS // 2:
                harvest.lost_frames[number] += missing
            _drop_partial(channel, "cut by lost frames", harvest)
        channel.following = (count + 1) % aos.COUNT_MODULUS

    def to_json(self) -> dict[str, list]:
        """Return the state for `from_json`: plain values."""
        return {
            str(number): [channel.following, base64.b64encode(channel.partial).decode()]
            for number, channel in self.channels.items()
        }

    @classmethod
    def from_json(cls, state: dict[str, list]) -> Reassembler:
        reassembler = cls()
        for number, (following, partial) in state.items():
            reassembler.channels[int(number)] = Channel(following, base64.b64decode(partial))
        return reassembler


def _drop_partial(channel: Channel, reason: str, harvest: Harvest) -> None:
    if channel.partial:
        harvest.dropped[reason] += 1
        channel.partial = b""


def _packets(channel: Channel, first_header: int, zone: bytes, harvest: Harvest) -> list[bytes]:
    """Return the packets that end in `zone`, and keep in `channel` the one that goes on."""
    if first_header == onboard.FIRST_HEADER_IDLE:
        _drop_partial(channel, "cut by idle data", harvest)
        return []
    start = min(first_header, len(zone))
    joined = _joined(channel, zone[:start], harvest)
    if first_header == onboard.FIRST_HEADER_NONE:
        return joined
    if first_header >= len(zone):
        _drop_partial(channel, "pointer outside the frame", harvest)
        harvest.dropped["pointer outside the frame"] += 1
        return []
    _drop_partial(channel, "longer than the pointer says", harvest)
    return joined + _walk(channel, zone, start, harvest)


def _joined(channel: Channel, tail: bytes, harvest: Harvest) -> list[bytes]:
    """Return the packet begun earlier if `tail` ends it exactly; it goes on when it is longer."""
    if not channel.partial:
        return []
    channel.partial += tail
    if len(channel.partial) < space.HEADER_BYTES:
        return []
    announced = space.decode_header(channel.partial).packet_bytes
    if announced > len(channel.partial):
        return []
    packet, channel.partial = channel.partial, b""
    if announced < len(packet):
        harvest.dropped["shorter than the pointer says"] += 1
        return []
    return _kept(packet, harvest)


def _walk(channel: Channel, zone: bytes, start: int, harvest: Harvest) -> list[bytes]:
    """Return the packets that lie whole in `zone` from `start` on; the rest is kept as begun."""
    packets: list[bytes] = []
    while len(zone) - start >= space.HEADER_BYTES:
        if zone[start] >> 5:
            harvest.dropped["wrong packet version"] += 1
            return packets
        end = start + space.HEADER_BYTES + 1 + (zone[start + 4] << 8 | zone[start + 5])
        if end > len(zone):
            break
        packets += _kept(zone[start:end], harvest)
        start = end
    channel.partial = zone[start:]
    return packets


def _kept(packet: bytes, harvest: Harvest) -> list[bytes]:
    """Return the packet in a list, or nothing when it only filled a frame."""
    if packet[0] >> 5:
        harvest.dropped["wrong packet version"] += 1
        return []
    if space.apid_of(packet) == onboard.IDLE_APID:
        harvest.idle_packets += 1
        return []
    return [packet]
