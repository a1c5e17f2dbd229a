"""One contact's memory at its station, on disk: fencing, counters, frames not acknowledged yet.

A full disk ends no contact. Frames that cannot be kept were not received, and whoever is told of a
frame may rely on it; all else that is noted adds up or may be repeated, and is noted next time.
"""

from __future__ import annotations

import json
import logging
import struct
from collections import deque
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from constellation.simulator.journal import Journal
from constellation.stations import wire
from telemetry.onboard import FRAME_BYTES

log = logging.getLogger(__name__)
_BATCH = struct.Struct(">Qq")
_NUMBER = struct.Struct(">Q")
_COUNTERS = struct.Struct(">QQQ")


@dataclass
class Counters:
    """What a contact carried; the ground's own report must say the same."""

    radiated_frames: int = 0
    command_frames: int = 0
    command_bytes: int = 0
    down_frames: int = 0
    batches: int = 0
    unspooled_frames: int = 0
    """Heard while the disk was full, and not kept. Since the station started."""
    bit_bytes: int = 0
    """What was handed over as bits, in bytes."""
    unspooled_bytes: int = 0
    """Of bits, as `unspooled_frames` of frames."""

    @property
    def radiated_bytes(self) -> int:
        return self.radiated_frames * FRAME_BYTES

    @property
    def down_bytes(self) -> int:
        return self.down_frames * FRAME_BYTES + self.bit_bytes

    def as_dict(self) -> dict:
        sums = {"radiated_bytes": self.radiated_bytes, "down_bytes": self.down_bytes}
        return asdict(self) | sums


class Spool:
    """Everything about a contact that a restart of the station must not forget."""

    def __init__(self, path: Path) -> None:
        self._journal = Journal(path)
        self.counters = Counters()
        self.unacknowledged: deque[wire.Batch] = deque()
        self.fencing = -1
        self.request: wire.OpenRequest | None = None
        self.end_reason = ""
        self.coding: dict | None = None
        """How the bits are coded that are handed over; None: frames are."""
        for record in self._journal.records:
            self._replay(record[:1], record[1:])
        self._journal.records.clear()

    def _replay(self, kind: bytes, body: bytes) -> None:
        if kind == b"O":
            self.request = wire.decode_open(body)
            self.fencing = self.request.fencing
        elif kind == b"U":
            frames, commands, command_bytes = _COUNTERS.unpack(body)
            self.counters = replace(
                self.counters,
                radiated_frames=frames,
                command_frames=commands,
                command_bytes=command_bytes,
            )
        elif kind == b"D":
            number, received_at_ns = _BATCH.unpack_from(body)
            self._take(wire.Batch(number, received_at_ns, body[_BATCH.size :]))
        elif kind == b"B":
            number, received_at_ns = _BATCH.unpack_from(body)
            self._take(wire.Batch(number, received_at_ns, body[_BATCH.size :], is_bits=True))
        elif kind == b"C":
            self.coding = json.loads(body)
        elif kind == b"N":
            batches, frames, *rest = struct.unpack(f">{len(body) // 8}Q", body)
            self.counters.batches, self.counters.down_frames = batches, frames
            self.counters.bit_bytes = rest[0] if rest else 0
        elif kind == b"K":
            self._drop(_NUMBER.unpack(body)[0])
        elif kind == b"E":
            self.end_reason = body.decode()

    def _note(self, record: bytes) -> None:
        """Write down what the next note says again, or what may be done again, if the disk can."""
        try:
            self._journal.append(record)
        except OSError as error:
            log.warning("%s: %s", self._journal.path.name, error)

    def open(self, request: wire.OpenRequest) -> None:
        """Note a holder; the contact goes on under its fencing number."""
        self._journal.append(b"O" + json.dumps(asdict(request)).encode())
        self.request, self.fencing = request, request.fencing

    def deliver_bits(self, coding: dict) -> None:
        """Note that this contact's downlink is handed over as bits, whatever its station does for
        later ones."""
        self._journal.append(b"C" + json.dumps(coding).encode())
        self.coding = coding

    def radiated(self, frames: int, commands: int, command_bytes: int) -> None:
        """Count frames before anybody is told that they went out."""
        self.counters.radiated_frames += frames
        self.counters.command_frames += commands
        self.counters.command_bytes += command_bytes
        counted = self.counters
        self._note(
            b"U"
            + _COUNTERS.pack(counted.radiated_frames, counted.command_frames, counted.command_bytes)
        )

    def receive(self, received_at_ns: int, frames: bytes) -> wire.Batch:
        """Number received frames, or bits, and keep them until they are acknowledged; OSError when
        the disk is full: then they were not received."""
        is_bits = self.coding is not None
        batch = wire.Batch(self.counters.batches + 1, received_at_ns, frames, is_bits)
        self._journal.append(
            (b"B" if is_bits else b"D") + _BATCH.pack(batch.number, received_at_ns) + frames
        )
        self._take(batch)
        return batch

    def acknowledge(self, number: int) -> None:
        """Let go of every batch up to this one."""
        if self.unacknowledged and self.unacknowledged[0].number <= number:
            self._note(b"K" + _NUMBER.pack(number))
            self._drop(number)
            if self.end_reason and not self.unacknowledged:
                self._shrink()

    def end(self, reason: str) -> None:
        self._note(b"E" + reason.encode())
        self.end_reason = reason
        if not self.unacknowledged:
            self._shrink()

    def _take(self, batch: wire.Batch) -> None:
        self.counters.batches = batch.number
        if batch.is_bits:
            self.counters.bit_bytes += len(batch.frames)
        else:
            self.counters.down_frames += len(batch.frames) // FRAME_BYTES
        self.unacknowledged.append(batch)

    def _drop(self, number: int) -> None:
        while self.unacknowledged and self.unacknowledged[0].number <= number:
            self.unacknowledged.popleft()

    def _shrink(self) -> None:
        """Keep the account and let the frames go: they are committed on the ground."""
        counted = self.counters
        self._rewrite(
            [
                *([b"C" + json.dumps(self.coding).encode()] if self.coding else []),
                b"O" + json.dumps(asdict(self.request)).encode(),
                b"U"
                + _COUNTERS.pack(
                    counted.radiated_frames, counted.command_frames, counted.command_bytes
                ),
                b"N" + struct.pack(">QQQ", counted.batches, counted.down_frames, counted.bit_bytes),
                b"E" + self.end_reason.encode(),
            ]
        )

    def _rewrite(self, records: list[bytes]) -> None:
        try:
            self._journal.rewrite(records)
        except OSError as error:
            log.warning("%s stays as long as it is: %s", self._journal.path.name, error)
