"""A satellite whose housekeeping arrives in frames, with whatever is wrong with it."""

from __future__ import annotations

import itertools
from datetime import timedelta

from telemetry import onboard
from telemetry.alarms.models import Alarm
from telemetry.onboard import Apid, DownlinkChannel, Mode, SlotState
from tests.factories import NOON
from tests.telemetry.downlink import Board, Heard

PLATFORM = {
    "mode": Mode.CONTACT, "light": 2, "charge": 0.8, "current_a": 9.0, "bus_v": 30.7,
    "battery_c": 18.0, "panel_c": 55.0, "radiator_c": -10.0, "structure_c": 20.0,
    "solar_w": 1000.0, "uptime_s": 100,
}  # fmt: skip
COMPUTE = {
    "load": 0.02, "temperature_c": 27.0, "power_w": 28.0, "corrected": 10, "uncorrected": 0,
    "memory_mib": 600, "tokens_per_s": 0.0, "queued": 0, "running": 0, "answered": 3,
}  # fmt: skip


class Flown:
    """`seconds(n, heat…)` lets n samples arrive, one a second, each a batch of its own or not."""

    def __init__(self, contact, *, volume: int = 0xC0FFEE) -> None:
        self.contact = contact
        self.satellite = contact.satellite
        self.board = Board(self.satellite.spacecraft_id, volume=volume)
        self.heard = Heard(contact)
        self.at = NOON

    def packets(self, at, **values) -> list[bytes]:
        """One instant's housekeeping of platform and accelerator."""
        p = PLATFORM | {name: value for name, value in values.items() if name in PLATFORM}
        c = COMPUTE | {name: value for name, value in values.items() if name in COMPUTE}
        platform = onboard.HK_PLATFORM_LAYOUT.pack(
            p["mode"], p["light"], round(p["charge"] * 1e4), round(p["current_a"] * 1e3),
            round(p["bus_v"] * 1e3), *(round(p[n] * 100) for n in list(PLATFORM)[5:9]),
            round(p["solar_w"] * 10), p["uptime_s"],
        )  # fmt: skip
        compute = onboard.HK_COMPUTE_LAYOUT.pack(
            round(c["load"] * 1e4), round(c["temperature_c"] * 100), round(c["power_w"] * 10),
            c["corrected"], c["uncorrected"], c["memory_mib"], round(c["tokens_per_s"] * 100),
            SlotState.EMPTY, SlotState.EMPTY, bytes(32), bytes(32), bytes(32),
            c["queued"], c["running"], c["answered"],
        )  # fmt: skip
        return [
            self.board.packet(Apid.HK_PLATFORM, platform, at=at),
            self.board.packet(Apid.HK_COMPUTE, compute, at=at),
        ]

    def seconds(self, count: int, *, at=None, batches: int = 1, dump: bool = False, **values):
        """Let `count` samples come down in so many batches; return what was stored last."""
        start = at or self.at
        instants = [start + timedelta(seconds=n) for n in range(count)]
        size = -(-count // batches)
        for first in range(0, count, size):
            part = instants[first : first + size]
            packets = itertools.chain.from_iterable(self.packets(t, **values) for t in part)
            channel = DownlinkChannel.PLAYBACK if dump else DownlinkChannel.LIVE
            received = self.at if at else part[-1]
            self.heard.store(self.board.frames(list(packets), channel), at=received)
            self.heard.decode(now=received)
        if at is None:
            self.at = instants[-1] + timedelta(seconds=1)

    def alarms(self, **chosen) -> dict[str, Alarm]:
        """The satellite's alarms by name."""
        return {row.name: row for row in Alarm.objects.filter(satellite=self.satellite, **chosen)}

    def states(self) -> dict[str, str]:
        return {name: row.state for name, row in self.alarms().items()}
