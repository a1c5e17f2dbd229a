"""The sample on which passes are held to other implementations, and how they are compared."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from constellation.orbits import elements, frames, passes
from constellation.orbits.propagation import Orbits
from tests.constellation.orbits import fleet

CATALOGUE = Path(__file__).parents[1] / "reference" / "elements" / "leo-2800.tle"
START_S = fleet.NOON_S
END_S = START_S + 86_400.0
MASK_DEG = 10.0
SHORTEST_S = 1.0
CLEAR_DEG = 1.0
DUT1_S = float(frames.skyfield_time(0.5 * (START_S + END_S)).dut1)
"""UT1-UTC in the middle of the day; it changes by a millisecond over it."""

Oracle = Callable[[Sequence[str], dict], list[tuple[float, float, float]]]
"""Takes the three lines of a TLE and a station; gives AOS, LOS and the top in degrees."""


@cache
def lines() -> list[str]:
    """Return the lines of 2,800 real low orbits, three each."""
    return CATALOGUE.read_text().splitlines()


def pairs(count: int) -> list[tuple[int, int]]:
    """Return random pairs of a satellite and a station, the same every time."""
    every = len(lines()) // 3 * len(fleet.stations())
    chosen = np.random.default_rng(1).choice(every, count, replace=False)
    return [divmod(int(number), len(fleet.stations())) for number in chosen]


@dataclass
class Agreement:
    """What came of a comparison."""

    compared: int = 0
    missed: int = 0
    extra: int = 0
    worst_s: float = 0.0
    worst_clear_s: float = 0.0
    """Of passes that rise `CLEAR_DEG` above the mask."""
    worst_deg: float = 0.0


def compare(oracle: Oracle, count: int) -> Agreement:
    """Hold our passes of some pairs, over a day, to those of another implementation.

    Passes of under a second on either side may be missing on the other.
    """
    seen = Agreement()
    for satellite, station in pairs(count):
        three = lines()[3 * satellite : 3 * satellite + 3]
        place = fleet.stations()[station] | {"mask_deg": MASK_DEG}
        taken = elements.parse("\n".join(three).encode()).taken
        orbits = Orbits([("one", taken[0])])
        ours = passes.find_passes(orbits, [fleet.site(place)], START_S, END_S).passes
        left = {k for k in range(len(ours)) if ours.los_s[k] - ours.aos_s[k] > SHORTEST_S}
        for aos_s, los_s, top_deg in oracle(three, place):
            same = np.flatnonzero((ours.aos_s < los_s) & (ours.los_s > aos_s))
            if len(same) != 1:
                seen.missed += los_s - aos_s > SHORTEST_S
                continue
            k = int(same[0])
            left.discard(k)
            seen.compared += 1
            apart_s = max(abs(ours.aos_s[k] - aos_s), abs(ours.los_s[k] - los_s))
            seen.worst_s = max(seen.worst_s, float(apart_s))
            if top_deg > MASK_DEG + CLEAR_DEG:
                seen.worst_clear_s = max(seen.worst_clear_s, float(apart_s))
            apart_deg = abs(np.degrees(ours.max_elevation_rad[k]) - top_deg)
            seen.worst_deg = max(seen.worst_deg, float(apart_deg))
        seen.extra += len(left)
    return seen
