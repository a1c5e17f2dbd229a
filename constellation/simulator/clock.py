"""What time it is in the simulation: a line from wall time, told from outside, kept on disk."""

from __future__ import annotations

import json
import math
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

RATE_MAX = 10_000.0


@dataclass(frozen=True, slots=True)
class Reading:
    """Mission time as a line over wall time; unix seconds, rate 0 is a pause."""

    wall_anchor: float
    mission_anchor: float
    rate: float
    generation: int

    def at(self, wall_s: float) -> float:
        return self.mission_anchor + (wall_s - self.wall_anchor) * self.rate

    @classmethod
    def from_json(cls, fields: dict) -> Reading:
        """Read a telling; ValueError or KeyError when it is not one."""
        rate = float(fields["rate"])
        if not 0.0 <= rate <= RATE_MAX:
            raise ValueError(f"the rate {rate} is not between 0 and {RATE_MAX:g}")
        anchors = float(fields["wall_anchor"]), float(fields["mission_anchor"])
        if not all(math.isfinite(anchor) for anchor in anchors):
            raise ValueError("the anchors are not finite")
        return cls(*anchors, rate, int(fields["generation"]))


class Clock:
    """The newest reading that was told, whatever happens to the process."""

    def __init__(self, path: Path, *, start: Reading) -> None:
        self._path = path
        stored = _stored(path)
        self.reading = stored or start
        if stored is None:
            self._save()

    def now_s(self) -> float:
        """Return mission time in unix seconds."""
        return self.reading.at(time.time())

    def tell(self, reading: Reading) -> None:
        """Go by `reading` unless a newer one was told before."""
        if reading.generation <= self.reading.generation:
            return
        self.reading = reading
        self._save()

    def _save(self) -> None:
        replace(self._path, json.dumps(asdict(self.reading)).encode())


def _stored(path: Path) -> Reading | None:
    try:
        return Reading.from_json(json.loads(path.read_bytes()))
    except FileNotFoundError:
        return None


def replace(path: Path, content: bytes) -> None:
    """Write a small file so that a kill leaves the old one or the new one, never half of one."""
    fresh = path.with_name(path.name + ".new")
    fresh.write_bytes(content)
    os.replace(fresh, path)
