"""A satellite's transmitter for tests: packets with serials, in frames, as the real one sends."""

from __future__ import annotations

import struct
from datetime import datetime

from constellation.contacts.models import Contact
from telemetry import ingest, onboard, times
from telemetry.frames import aos, clcw, packing
from telemetry.onboard import Apid, DownlinkChannel
from telemetry.packets import space
from tests.factories import NOON

OCF = clcw.Clcw().encode()


class Board:
    """Makes packets of one volume, each with the next serial, and frames of one channel each."""

    def __init__(self, spacecraft: int, *, volume: int = 0xC0FFEE, serial: int = 0) -> None:
        self.spacecraft = spacecraft
        self.volume = volume
        self.serial = serial
        self._counts = space.SequenceCounts()
        self._frame_counts: dict[int, int] = {}

    def packet(self, apid: int, payload: bytes, *, at: datetime = NOON) -> bytes:
        secondary = onboard.Secondary(times.to_ns(at), self.volume, 1, self.serial)
        self.serial += 1
        return space.encode_downlink(apid, self._counts.take(apid), secondary, payload)

    def platform(self, *, charge: float = 0.8, at: datetime = NOON) -> bytes:
        """A housekeeping packet; `charge` is the state of the battery, 0 to 1."""
        payload = onboard.HK_PLATFORM_LAYOUT.pack(
            onboard.Mode.CONTACT,
            2,
            round(charge * 1e4),
            -250,
            28_000,
            1850,
            2000,
            -500,
            2100,
            99,
            7,
        )
        return self.packet(Apid.HK_PLATFORM, payload, at=at)

    def status(self, *, oldest: int = 0, missing: tuple = (), at: datetime = NOON) -> bytes:
        payload = onboard.encode_recorder_status(self.volume, oldest, self.serial, list(missing))
        return self.packet(Apid.RECORDER_STATUS, payload, at=at)

    def noise(self, apid: int = 0x7F0) -> bytes:
        """A packet of an APID nobody knows."""
        return self.packet(apid, struct.pack(">I", self.serial))

    def frames(
        self, packets: list[bytes], channel: int = DownlinkChannel.LIVE, *, each: bool = False
    ) -> list[bytes]:
        """Return frames with the packets; with `each`, every packet has a frame of its own."""
        packer = packing.Packer(
            aos.DOWNLINK,
            spacecraft=self.spacecraft,
            channel=channel,
            count=self._frame_counts.get(channel, 0),
        )
        frames = []
        for packet in packets:
            packer.add(packet)
            while (frame := packer.pull(ocf=OCF, flush=each)) is not None:
                frames.append(frame)
        while (frame := packer.pull(ocf=OCF)) is not None:
            frames.append(frame)
        self._frame_counts[channel] = packer.count
        return frames


class Heard:
    """A contact through whose station frames arrive, batch by batch."""

    def __init__(self, contact: Contact, coding: dict | None = None) -> None:
        self.contact = contact
        self.coding = coding
        self.station_id = contact.antenna.station_id
        self.number = 0

    def store(self, frames: list[bytes] | bytes, *, at: datetime = NOON) -> int:
        self.number += 1
        return self.again(self.number, frames, at=at)[0]

    def again(
        self, number: int, frames: list[bytes] | bytes, *, at: datetime = NOON
    ) -> tuple[int, bool]:
        together = frames if isinstance(frames, bytes) else b"".join(frames)
        (told,) = ingest.store_batches(
            [ingest.Delivered(number, at, together, self.coding)],
            contact_id=self.contact.id,
            station_id=self.station_id,
            satellite_id=self.contact.satellite_id,
        )
        return told

    def decode(self, *, now: datetime = NOON) -> int:
        return ingest.decode_reception(self.contact.id, now=now)

    def receive(self, frames: list[bytes] | bytes, *, now: datetime = NOON) -> int:
        """Store and decode."""
        self.store(frames, at=now)
        return self.decode(now=now)
