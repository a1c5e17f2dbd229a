"""Where everything truly is: orbits slightly off the published element sets.

The ground predicts with the element sets; here each satellite runs a fraction of a second early
or late and tens of metres beside, so that predictions are as wrong as real ones.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from constellation.orbits import eclipse, isl, look
from constellation.orbits.elements import ElementSet
from constellation.orbits.frames import FloatArray, Site
from constellation.orbits.propagation import Orbits
from constellation.simulator.fleet import Fleet, StationSpec

ALONG_TRACK_SPREAD_S = 0.2
ALONG_TRACK_MOST_S = 0.5
CROSS_TRACK_SPREAD_DEG = 0.0004
"""About 50 m at the height of the fleet."""
INSTANTS_KEPT = 64
PAIRED_MOST = 200
_DAY_S = 86_400.0


def generator(seed: int, *names: str) -> np.random.Generator:
    """Return the random numbers of one named thing: the same for the same seed, every time."""
    return np.random.default_rng([seed, *(zlib.crc32(name.encode()) for name in names)])


def true_elements(published: ElementSet, seed: int, code: str) -> ElementSet:
    """Return the elements that the satellite really flies."""
    drawn = generator(seed, "orbit", code).normal(size=3)
    most_s = ALONG_TRACK_MOST_S
    late_s = float(np.clip(drawn[0] * ALONG_TRACK_SPREAD_S, -most_s, most_s))
    ahead_deg = -late_s * published.mean_motion_rev_per_day * 360.0 / _DAY_S
    # SCS orbits are far from both ends of [0, 180): the shift of inclination cannot leave it.
    return replace(
        published,
        mean_anomaly_deg=(published.mean_anomaly_deg + ahead_deg) % 360.0,
        node_deg=(published.node_deg + drawn[1] * CROSS_TRACK_SPREAD_DEG) % 360.0,
        inclination_deg=abs(published.inclination_deg + drawn[2] * CROSS_TRACK_SPREAD_DEG),
    )


@dataclass(frozen=True, slots=True)
class View:
    """How a satellite stands over a station at one instant."""

    visible: bool
    elevation_deg: float
    range_m: float

    @property
    def light_time_s(self) -> float:
        return self.range_m / look.SPEED_OF_LIGHT_M_S


class Space:
    """All true orbits; nothing is computed before somebody asks."""

    def __init__(self, fleet: Fleet, seed: int) -> None:
        self._fleet = fleet
        self._seed = seed
        self._index = {code: n for n, code in enumerate(fleet.satellites)}
        self._single: dict[str, Orbits] = {}
        self._positions: dict[int, FloatArray] = {}
        self._links: dict[int, dict[str, list[str]]] = {}

    @cached_property
    def _all(self) -> Orbits:
        return Orbits([(code, self._elements(code)) for code in self._fleet.satellites])

    def _elements(self, code: str) -> ElementSet:
        return true_elements(self._fleet.satellites[code].elements, self._seed, code)

    def positions_m(self, code: str, at_s: FloatArray) -> FloatArray:
        """Return ITRS positions of one satellite, `(instants, 3)`."""
        if code not in self._single:
            self._single[code] = Orbits([(code, self._elements(code))])
        return self._single[code].states(at_s).position_m[0]

    def light(self, code: str, at_s: FloatArray) -> FloatArray:
        """Return `eclipse.Light` (0 umbra, 1 penumbra, 2 sun) on one satellite."""
        return eclipse.light(self.positions_m(code, at_s), eclipse.sun_m(at_s))

    def neighbours(self, code: str, at_s: float) -> list[str]:
        """Return the satellites at the other ends of this one's laser links, nearest first.

        Every satellite has a number of terminals, and the nearest pairs that see each other get
        theirs first. In a fleet larger than `PAIRED_MOST` each satellite takes its nearest without
        asking whether they take it.
        """
        instant = round(at_s)
        if len(self._fleet.satellites) > PAIRED_MOST:
            return self._nearest(code, instant)
        if instant not in self._links:
            while len(self._links) >= INSTANTS_KEPT:
                del self._links[next(iter(self._links))]
            self._links[instant] = self._paired(instant)
        return self._links[instant].get(code, [])

    def _paired(self, at_s: int) -> dict[str, list[str]]:
        names = self._all.names
        positions_m = self._everywhere_m(at_s)
        pairs = np.array(isl.links(positions_m), dtype=int).reshape(-1, 2)
        apart_m = np.linalg.norm(positions_m[pairs[:, 0]] - positions_m[pairs[:, 1]], axis=1)
        linked: dict[str, list[str]] = {name: [] for name in names}
        for first, second in pairs[np.argsort(apart_m, kind="stable")].tolist():
            ends = names[first], names[second]
            if all(len(linked[end]) < self._fleet.satellites[end].isl_terminals for end in ends):
                linked[ends[0]].append(ends[1])
                linked[ends[1]].append(ends[0])
        return linked

    def _nearest(self, code: str, at_s: int) -> list[str]:
        everywhere_m = self._everywhere_m(at_s)
        own_m = everywhere_m[self._index[code]]
        seen = np.flatnonzero(isl.in_sight(own_m, everywhere_m))
        nearest = np.argsort(np.linalg.norm(everywhere_m[seen] - own_m, axis=1))
        wanted = self._fleet.satellites[code].isl_terminals
        return [self._all.names[n] for n in seen[nearest[:wanted]]]

    def _everywhere_m(self, at_s: int) -> FloatArray:
        """Return where all satellites are, `(satellites, 3)`; those in view together share it."""
        if at_s not in self._positions:
            while len(self._positions) >= INSTANTS_KEPT:
                del self._positions[next(iter(self._positions))]
            self._positions[at_s] = self._all.states([float(at_s)]).position_m[:, 0]
        return self._positions[at_s]


class Track:
    """One satellite over one station, computed ahead in pieces and read between its nodes.

    Between nodes of `STEP_S` a straight line is within 0.01 degrees and 100 m, which is less than
    the orbit itself is off.
    """

    STEP_S = 0.5
    PIECE_S = 64.0

    def __init__(self, space: Space, satellite: str, station: StationSpec) -> None:
        self._space = space
        self._satellite = satellite
        self._site = Site.from_degrees(
            station.latitude_deg, station.longitude_deg, station.altitude_m
        )
        self._mask_deg = station.mask_deg
        self._at_s = np.empty(0)

    def view(self, at_s: float) -> View:
        if not len(self._at_s) or not self._at_s[0] <= at_s <= self._at_s[-1]:
            self._compute(at_s)
        elevation_deg = float(np.interp(at_s, self._at_s, self._elevation_deg))
        range_m = float(np.interp(at_s, self._at_s, self._range_m))
        return View(elevation_deg >= self._mask_deg, elevation_deg, range_m)

    def _compute(self, start_s: float) -> None:
        self._at_s = start_s - 1.0 + np.arange(0.0, self.PIECE_S, self.STEP_S)
        seen = look.look_angles(self._site, self._space.positions_m(self._satellite, self._at_s))
        self._elevation_deg = np.degrees(seen.elevation_rad)
        self._range_m = seen.range_m
