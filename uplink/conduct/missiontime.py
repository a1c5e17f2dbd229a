"""Mission time in the conductor's loop: the clock's row, looked at often, read without waiting."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime

from django.db import Error

from ops import clock
from ops.clock_reading import Clock
from uplink.conduct.calls import Calls

log = logging.getLogger(__name__)
LOOK_S = 0.2


class MissionTime:
    """The newest reading; while the database is away the last one goes on."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self.reading: Clock | None = None

    async def start(self) -> None:
        """Wait for the first reading."""
        self.reading = await self._calls.insist(clock.reading)

    async def follow(self) -> None:
        """Keep looking, for ever."""
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                self.reading = await self._calls.database(clock.reading)
            except Error as error:
                log.debug("the clock goes on unseen: %s", error)

    def now(self) -> datetime:
        """Return mission time."""
        return self.reading.at(clock.wall())

    @property
    def now_s(self) -> float:
        """Mission time in seconds since 1970."""
        return self.now().timestamp()

    @property
    def rate(self) -> float:
        """Mission seconds a wall second."""
        return self.reading.rate

    async def sleep_until(self, instant: datetime) -> None:
        """Sleep until mission time reaches `instant`, through pauses, jumps and other rates."""
        while (left_s := (instant - self.now()).total_seconds()) > 0:
            wall_s = left_s / self.rate if self.rate else LOOK_S
            await asyncio.sleep(min(wall_s, LOOK_S))
