"""Everything from the bytes of a link to packets, and an account of what became of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from telemetry.frames import batch, bitstream, reassembly
from telemetry.frames.bitstream import NOT_CORRECTED
from telemetry.frames.links import Link


@dataclass(slots=True)
class Account:
    """What came and what became of it.

    Attributes
    ----------
    frames, usable_frames
        All that were found, and those without a fault.
    faults, dropped
        By reason: frames that cannot be used, and packets that could not be joined.
    channels, lost_frames
        By "spacecraft/channel": frames without a fault, and frames that their counts miss.
    skipped_bits, relocks, corrected_symbols
        Of coded links (`bitstream.Taken`).
    left_bytes
        At the end, bytes that are no whole frame.
    """

    frames: int = 0
    usable_frames: int = 0
    idle_frames: int = 0
    packets: int = 0
    idle_packets: int = 0
    units: int = 0
    lost_master_frames: int = 0
    skipped_bits: int = 0
    relocks: int = 0
    corrected_symbols: int = 0
    left_bytes: int = 0
    channels: Counter[str] = field(default_factory=Counter)
    lost_frames: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)

    def as_dict(self) -> dict[str, Any]:
        told = {each.name: getattr(self, each.name) for each in fields(self)}
        return {
            name: dict(sorted(value.items())) if isinstance(value, Counter) else value
            for name, value in told.items()
        }


class Receiver:
    """Takes the bytes of a link in pieces; every spacecraft on it is reassembled by itself.

    With `spacecraft`, frames of others are faults.
    """

    def __init__(self, link: Link, *, spacecraft: int | None = None) -> None:
        self.link, self.spacecraft = link, spacecraft
        self.account = Account()
        self._bits = bitstream.Decoder(link.coding) if link.coding else None
        self._pending = bytearray()
        self._reassemblers: dict[int, reassembly.Reassembler] = {}

    def feed(self, piece: bytes) -> list[reassembly.Harvest]:
        """Take in a piece; return what its frames give, one harvest a spacecraft."""
        if self._bits is not None:
            return self._coded(self._bits.feed(piece))
        self._pending += piece
        if self.link.frame_bytes is None:
            return []  # where a frame ends is only known from those before it
        whole = len(self._pending) // self.link.frame_bytes * self.link.frame_bytes
        data = bytes(self._pending[:whole])
        del self._pending[:whole]
        return self._frames(data, None)

    def finish(self) -> list[reassembly.Harvest]:
        """Return what is left when nothing more comes."""
        if self._bits is not None:
            return self._coded(self._bits.finish())
        data = bytes(self._pending)
        self._pending.clear()
        if self.link.frame_bytes is None:
            return self._frames(data, None)
        self.account.left_bytes = len(data)
        return []

    def _coded(self, taken: bitstream.Taken) -> list[reassembly.Harvest]:
        self.account.skipped_bits += taken.skipped_bits
        self.account.relocks += taken.relocks
        self.account.corrected_symbols += int(taken.symbols.sum())
        return self._frames(taken.data.tobytes(), taken.is_whole)

    def _frames(self, data: bytes, is_whole: np.ndarray | None) -> list[reassembly.Harvest]:
        frames = self.link.decode(data)
        faults = frames.faults(spacecraft=self.spacecraft)
        if is_whole is not None:
            for index in np.flatnonzero(~is_whole).tolist():
                faults[index] = NOT_CORRECTED
        named = Counter(filter(None, faults))
        self.account.faults += named
        self.account.frames += len(frames)
        self.account.usable_frames += len(frames) - named.total()
        owners = frames.spacecraft.tolist()
        channels = frames.channel.tolist()
        usable = [index for index, fault in enumerate(faults) if not fault]
        self.account.channels.update(f"{owners[index]}/{channels[index]}" for index in usable)
        return [
            self._harvested(owner, frames, faults)
            for owner in sorted({owners[index] for index in usable})
        ]

    def _harvested(self, owner: int, frames: batch.Batch, faults: list[str]) -> reassembly.Harvest:
        """Reassemble the frames of one spacecraft."""
        reassembler = self._reassemblers.setdefault(owner, reassembly.Reassembler())
        others = (frames.spacecraft != owner).tolist()
        left_out = [
            fault or ("of another" if other else "")
            for fault, other in zip(faults, others, strict=True)
        ]
        harvest = reassembler.feed(frames, left_out)
        account = self.account
        account.packets += len(harvest.packets)
        account.units += len(harvest.units)
        account.idle_packets += harvest.idle_packets
        account.idle_frames += harvest.idle_frames
        account.lost_master_frames += harvest.lost_master_frames
        account.dropped += harvest.dropped
        for channel, lost in harvest.lost_frames.items():
            account.lost_frames[f"{owner}/{channel}"] += lost
        return harvest
