"""The arithmetic of mission time: an anchor in wall time, an anchor in mission time, a rate.

Pure, so that the simulator, which has no database, reads time in the very same way.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Clock:
    """One reading of the clock's row: `mission = mission_anchor + (wall - wall_anchor) * rate`.

    `rate` is simulated seconds a second, 0 when paused and 1 for real time; `generation` grows
    with every change, so that the newest of two readings is known.
    """

    simulated: bool
    wall_anchor: datetime
    mission_anchor: datetime
    rate: float
    generation: int

    def at(self, wall: datetime) -> datetime:
        """Return mission time at the wall time `wall`."""
        return self.mission_anchor + (wall - self.wall_anchor) * self.rate

    def wall_of(self, mission: datetime) -> datetime | None:
        """Return when, in wall time, the mission time `mission` is reached; None while paused."""
        if self.rate == 0:
            return None
        return self.wall_anchor + (mission - self.mission_anchor) / self.rate

    def moved(
        self,
        wall: datetime,
        *,
        mission: datetime | None = None,
        rate: float | None = None,
    ) -> Clock:
        """Return the reading that goes on from `wall` with another rate or from a later instant.

        Mission time is continuous over a change of rate. ValueError if it would run backwards.
        """
        now = self.at(wall)
        target = now if mission is None else mission
        if target < now:
            raise ValueError(f"mission time is {now:%Y-%m-%dT%H:%M:%SZ} and never goes back")
        if rate is not None and rate < 0:
            raise ValueError("a rate below 0 would run mission time backwards")
        return Clock(
            simulated=self.simulated,
            wall_anchor=wall,
            mission_anchor=target,
            rate=self.rate if rate is None else rate,
            generation=self.generation + 1,
        )

    def wall_span(self, mission: timedelta) -> timedelta | None:
        """Return how long `mission` lasts on the wall; None while paused."""
        return None if self.rate == 0 else mission / self.rate
