"""The on-board recorder: every downlink packet, on disk before it is sent, until released.

A volume (one formatting of the recorder) counts its packets by serial from 0, over restarts.
Beside the packets lie two lists that are never released: what each packet was, and which were
sent at least once. They are the simulator's own account, to hold the ground's against.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from array import array
from bisect import bisect_right
from dataclasses import dataclass, field
from pathlib import Path

from constellation.simulator import journal
from constellation.simulator.clock import replace
from telemetry import onboard
from telemetry.packets import space

SEGMENT_BYTES = 1024 * 1024
_SERIAL_AT = onboard.PACKET_HEADER_BYTES + 13
_ENTRY = struct.Struct(">IHIH8s")


@dataclass
class _Segment:
    path: Path
    first: int
    offsets: array = field(default_factory=lambda: array("I"))
    lengths: array = field(default_factory=lambda: array("I"))

    @property
    def following(self) -> int:
        return self.first + len(self.offsets)


class Recorder:
    """One satellite's recorder. `volume_if_new` names a volume formatted now."""

    def __init__(self, folder: Path, *, volume_if_new: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._meta_path = folder / "volume.json"
        if not self._meta_path.exists():
            fresh = {"volume": volume_if_new, "boot": 0, "released": 0, "counts": {}}
            replace(self._meta_path, json.dumps(fresh).encode())
        self._meta = json.loads(self._meta_path.read_bytes())
        self.volume: int = self._meta["volume"]
        self.boot: int = self._meta["boot"]
        counts = {int(apid): count for apid, count in self._meta["counts"].items()}
        self._counts = space.SequenceCounts(counts)
        self._segments: list[_Segment] = []
        self._open_segments()
        self._entries_path, self._sent_path = folder / "manifest.bin", folder / "sent.bin"
        self._complete_entries()

    # --- writing ---

    @property
    def next_serial(self) -> int:
        return self._segments[-1].following

    @property
    def oldest_serial(self) -> int:
        """The lowest serial that can be played back."""
        return max(self._meta["released"], self._segments[0].first)

    def restart(self) -> None:
        """Count a boot of the satellite."""
        self.boot = (self.boot + 1) & 0xFFFF
        self._save_meta()

    def record(self, apid: int, generated_ns: int, payload: bytes) -> bytes:
        """Give a packet its headers and its serial, keep it, and return its bytes."""
        return self.record_all([(apid, generated_ns, payload)])[0]

    def record_all(self, wanted: list[tuple[int, int, bytes]]) -> list[bytes]:
        """Keep packets of (APID, generation time in unix ns, payload), in one write."""
        if self._journal.size >= SEGMENT_BYTES:
            self._start_segment(self.next_serial)
        first = self.next_serial
        packets = [self._packet(first + n, *one) for n, one in enumerate(wanted)]
        at = self._journal.size
        segment = self._segments[-1]
        self._journal.append(*packets)
        for packet in packets:
            segment.offsets.append(at + journal.HEAD_BYTES)
            segment.lengths.append(len(packet))
            at += journal.HEAD_BYTES + len(packet)
        entries = b"".join(map(self._entry, packets))
        journal.write_at(self._entries_path, entries, first * _ENTRY.size)
        return packets

    def mark_sent(self, serials: list[int]) -> None:
        """Note that packets went on air; runs of serials are noted in one write."""
        start = 0
        for n in range(1, len(serials) + 1):
            if n == len(serials) or serials[n] != serials[n - 1] + 1:
                journal.write_at(self._sent_path, b"\x01" * (n - start), serials[start])
                start = n

    def release(self, upto: int) -> None:
        """Let go of everything below serial `upto`; it is on the ground."""
        upto = min(upto, self.next_serial)
        if upto <= self._meta["released"]:
            return
        self._meta["released"] = upto
        self._save_meta()
        while len(self._segments) > 1 and self._segments[0].following <= upto:
            self._segments.pop(0).path.unlink(missing_ok=True)

    # --- reading ---

    def packet(self, serial: int) -> bytes | None:
        """Return the identical bytes of a packet; None when it is not held."""
        if not self.oldest_serial <= serial < self.next_serial:
            return None
        index = bisect_right(self._segments, serial, key=lambda segment: segment.first) - 1
        segment = self._segments[index]
        place = serial - segment.first
        if place >= len(segment.offsets):
            return None
        with segment.path.open("rb") as file:
            return os.pread(file.fileno(), segment.lengths[place], segment.offsets[place])

    def manifest(self, *, sent_only: bool = True) -> list[tuple[int, int, int, int, str]]:
        """Return (volume, boot, serial, APID, hash) of packets, released ones included."""
        count = self.next_serial
        entries = _content(self._entries_path)[: count * _ENTRY.size]
        sent = _content(self._sent_path)[:count].ljust(count, b"\x00")
        return [
            (volume, boot, serial, apid, digest.hex())
            for (volume, boot, serial, apid, digest), mark in zip(
                _ENTRY.iter_unpack(entries), sent, strict=True
            )
            if mark or not sent_only
        ]

    # --- inside ---

    def _packet(self, serial: int, apid: int, generated_ns: int, payload: bytes) -> bytes:
        secondary = onboard.Secondary(generated_ns, self.volume, self.boot, serial)
        return space.encode_downlink(apid, self._counts.take(apid), secondary, payload)

    def _entry(self, packet: bytes) -> bytes:
        secondary = onboard.Secondary.decode(packet[onboard.PACKET_HEADER_BYTES :][:17])
        digest = hashlib.sha256(packet).digest()[:8]
        return _ENTRY.pack(
            secondary.volume, secondary.boot, secondary.serial, space.apid_of(packet), digest
        )

    def _open_segments(self) -> None:
        for path in sorted(self._folder.glob("*.segment")):
            segment = _Segment(path, int(path.stem))
            for offset, packet in journal.scan(path.read_bytes()):
                segment.offsets.append(offset)
                segment.lengths.append(len(packet))
                header = space.decode_header(packet)
                self._counts.counts[header.apid] = header.sequence_count
                self._counts.take(header.apid)
            self._segments.append(segment)
        if self._segments:
            self._journal = journal.Journal(self._segments[-1].path)
            self._journal.records.clear()
        else:
            self._journal = None
            self._start_segment(0)

    def _start_segment(self, first: int) -> None:
        self._save_meta()
        path = self._folder / f"{first:010d}.segment"
        self._journal = journal.Journal(path)
        self._segments.append(_Segment(path, first))

    def _complete_entries(self) -> None:
        """Add what a kill between the packet and its entry left out."""
        known = len(_content(self._entries_path)) // _ENTRY.size
        for serial in range(known, self.next_serial):
            packet = self.packet(serial)
            if packet is not None:
                entry = self._entry(packet)
                journal.write_at(self._entries_path, entry, serial * _ENTRY.size)

    def _save_meta(self) -> None:
        self._meta["boot"] = self.boot
        self._meta["counts"] = self._counts.counts
        replace(self._meta_path, json.dumps(self._meta).encode())


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def serial_of(packet: bytes) -> int:
    """Return the serial that a downlink packet carries."""
    return int.from_bytes(packet[_SERIAL_AT : _SERIAL_AT + 4])
