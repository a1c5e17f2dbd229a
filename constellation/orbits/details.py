"""More about passes that somebody asks for: light, how fast the antenna turns, sun and moon.

Each pass is flown again in small steps, so that this is for the passes of a page or of a
plan, some thousand a second, and not for every pass that there is.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import inf, radians

import numpy as np

from constellation.orbits import eclipse, look, moon
from constellation.orbits.frames import FloatArray, Site
from constellation.orbits.passes import Passes
from constellation.orbits.propagation import Orbits

STEP_S = 5.0
STEPS_MOST = 720
"""A pass of over an hour is of a high orbit, and slow: it gets longer steps."""
PASSES_AT_ONCE = 2_000
_GOLDEN = 0.5 * (5.0**0.5 - 1.0)
_NARROWINGS = 30
"""Of ten seconds, to a microsecond."""


@dataclass(frozen=True)
class Mount:
    """What an antenna and its mount can do. The defaults are planning values."""

    keyhole_elevation_rad: float = radians(87.0)
    """An azimuth-elevation mount is warned of passes that go higher; π/2 for a mount without
    a keyhole (X-Y, or a third axis)."""
    azimuth_rate_limit_rad_s: float = radians(10.0)
    """How fast it turns in azimuth; infinite for a mount without a keyhole."""
    sun_limit_rad: float = radians(5.0)
    """Nearer to the antenna's direction than this, the sun's noise disturbs reception."""
    moon_limit_rad: float = radians(2.0)


NO_KEYHOLE = Mount(keyhole_elevation_rad=radians(90.0), azimuth_rate_limit_rad_s=inf)


@dataclass(frozen=True)
class Details:
    """Columns beside `Passes`, one row for each pass asked for, in that order.

    The sun is right to 0.011 degrees, the moon to 0.09 (against JPL's DE421, 1970 to 2046);
    a pass on which sun or moon is below the horizon has its conjunction all the same: only
    what the antenna looks at, above its mask, comes near.
    """

    aos_light: np.ndarray
    """`eclipse.Light` on the satellite, as are the next two: uint8."""
    tca_light: np.ndarray
    los_light: np.ndarray
    max_azimuth_rate_rad_s: FloatArray
    """How fast an azimuth-elevation mount has to turn to follow, at most, either way round."""
    keyhole: np.ndarray
    """Whether it goes above the mount's keyhole elevation or turns faster than the mount."""
    sun_separation_rad: FloatArray
    """The least angle between the antenna's direction and the sun's centre, seen from there."""
    sun_separation_s: FloatArray
    """When that is."""
    sun_conjunction: np.ndarray
    """Whether it is under the mount's limit."""
    moon_separation_rad: FloatArray
    moon_separation_s: FloatArray
    moon_conjunction: np.ndarray

    def __len__(self) -> int:
        return len(self.keyhole)


def details(
    orbits: Orbits,
    sites: Sequence[Site],
    passes: Passes,
    which: Sequence[int] | np.ndarray | None = None,
    *,
    mounts: Mount | Sequence[Mount] = Mount(),
) -> Details:
    """Return details of the passes of rows `which`, by default of all of them.

    `orbits` and `sites` are those that the passes were found with; `mounts` is one for all
    sites or one a site.
    """
    if not isinstance(mounts, Mount) and len(mounts) != len(sites):
        raise ValueError(f"{len(mounts)} mounts for {len(sites)} sites: give one, or one a site")
    chosen = np.arange(len(passes)) if which is None else np.asarray(which, dtype=np.int64)
    parts = [
        _some(orbits, sites, passes, chosen[first : first + PASSES_AT_ONCE], mounts)
        for first in range(0, max(1, len(chosen)), PASSES_AT_ONCE)
    ]
    names = Details.__dataclass_fields__
    return Details(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def rows(found: Details) -> Iterator[dict]:
    """Yield each as a dict of plain numbers, by the names of the columns."""
    names = list(Details.__dataclass_fields__)
    columns = [getattr(found, name).tolist() for name in names]
    for values in zip(*columns, strict=True):
        yield dict(zip(names, values, strict=True))


def _some(
    orbits: Orbits,
    sites: Sequence[Site],
    passes: Passes,
    chosen: np.ndarray,
    mounts: Mount | Sequence[Mount],
) -> Details:
    tracks = _Tracks(orbits, sites, passes, chosen)
    rate_rad_s, _ = tracks.greatest(tracks.azimuth_rate_rad_s)
    sun_cosine, sun_s = tracks.greatest(tracks.cosine_to(eclipse.sun_m))
    moon_cosine, moon_s = tracks.greatest(tracks.cosine_to(moon.moon_m))
    sun_rad, moon_rad = (np.arccos(np.clip(each, -1, 1)) for each in (sun_cosine, moon_cosine))

    def limit(name: str) -> FloatArray:
        if isinstance(mounts, Mount):
            return np.full(len(chosen), getattr(mounts, name))
        return np.array([getattr(mount, name) for mount in mounts])[tracks.station]

    keyhole = passes.max_elevation_rad[chosen] > limit("keyhole_elevation_rad")
    keyhole |= rate_rad_s > limit("azimuth_rate_limit_rad_s")
    return Details(
        *(tracks.light(column[chosen]) for column in (passes.aos_s, passes.tca_s, passes.los_s)),
        max_azimuth_rate_rad_s=rate_rad_s,
        keyhole=keyhole,
        sun_separation_rad=sun_rad,
        sun_separation_s=sun_s,
        sun_conjunction=sun_rad < limit("sun_limit_rad"),
        moon_separation_rad=moon_rad,
        moon_separation_s=moon_s,
        moon_conjunction=moon_rad < limit("moon_limit_rad"),
    )


Measure = Callable[[np.ndarray, FloatArray], FloatArray]
"""Takes numbers of tracks and an instant of each."""


@dataclass
class _Tracks:
    """Some passes, flown in steps."""

    orbits: Orbits
    sites: Sequence[Site]
    passes: Passes
    chosen: np.ndarray
    satellite: np.ndarray = field(init=False)
    station: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.satellite = self.passes.satellite[self.chosen]
        self.station = self.passes.station[self.chosen]
        self.place_m = np.array([site.position_m for site in self.sites]).reshape(-1, 3)
        self.axes = np.array([site.east_north_up for site in self.sites]).reshape(-1, 3, 3)
        self.aos_s, self.los_s = self.passes.aos_s[self.chosen], self.passes.los_s[self.chosen]
        self._sample()

    def _sample(self) -> None:
        """Lay down instants along each track: evenly, and at its TCA, where it turns fastest."""
        lasts_s = self.los_s - self.aos_s
        steps = np.clip(np.ceil(lasts_s / STEP_S), 2, STEPS_MOST).astype(np.int64)
        track = np.repeat(np.arange(len(steps)), steps + 1)
        within = np.arange(len(track)) - np.repeat(np.cumsum(steps + 1) - steps - 1, steps + 1)
        at_s = self.aos_s[track] + within / steps[track] * lasts_s[track]
        track = np.concatenate([track, np.arange(len(steps))])
        at_s = np.concatenate([at_s, self.passes.tca_s[self.chosen]])
        order = np.lexsort((at_s, track))
        self.track, self.at_s = track[order], at_s[order]
        self.starts = np.flatnonzero(np.diff(self.track, prepend=-1))

    def light(self, at_s: FloatArray) -> np.ndarray:
        position_m, _ = self.orbits.states_of(self.satellite, at_s)
        return eclipse.light(position_m, eclipse.sun_m(at_s))

    def azimuth_rate_rad_s(self, track: np.ndarray, at_s: FloatArray) -> FloatArray:
        """Return how fast the azimuth turns, either way round."""
        position_m, velocity_m_s = self.orbits.states_of(self.satellite[track], at_s)
        axes = self.axes[self.station[track]]
        offset_m = position_m - self.place_m[self.station[track]]
        east_m, north_m = np.einsum("kai,ki->ak", axes[:, :2], offset_m)
        east_m_s, north_m_s = np.einsum("kai,ki->ak", axes[:, :2], velocity_m_s)
        level_m2 = np.maximum(east_m**2 + north_m**2, np.finfo(np.float64).tiny)
        return np.abs(east_m_s * north_m - east_m * north_m_s) / level_m2

    def cosine_to(self, body_m: Callable[[FloatArray], FloatArray]) -> Measure:
        """Return the cosine of the angle between the satellite and a body, seen from the site."""

        def cosine(track: np.ndarray, at_s: FloatArray) -> FloatArray:
            position_m, _ = self.orbits.states_of(self.satellite[track], at_s)
            place_m = self.place_m[self.station[track]]
            to_satellite = look.direction(position_m - place_m)
            to_body = look.direction(body_m(at_s) - place_m)
            return np.einsum("ki,ki->k", to_satellite, to_body)

        return cosine

    def greatest(self, measure: Measure) -> tuple[FloatArray, FloatArray]:
        """Return the greatest value along each track and when: a step's best, then closed in."""
        tracks = len(self.chosen)
        if not tracks:
            return np.empty(0), np.empty(0)
        values = measure(self.track, self.at_s)
        # Where SGP4 refuses, at an end of the pass, nothing is the greatest.
        values = np.where(np.isfinite(values), values, -inf)
        best = np.maximum.reduceat(values, self.starts)
        at = np.flatnonzero(values == best[self.track])
        at = at[np.searchsorted(self.track[at], np.arange(tracks))]
        last = np.append(self.starts[1:], len(self.track)) - 1
        low_s = self.at_s[np.maximum(at - 1, self.starts)]
        high_s = self.at_s[np.minimum(at + 1, last)]
        value, when_s = _golden(measure, np.arange(tracks), low_s, high_s)
        better = value > best
        return np.where(better, value, best), np.where(better, when_s, self.at_s[at])


def _golden(
    measure: Measure, track: np.ndarray, low_s: FloatArray, high_s: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Close in on the top of each bracket by golden sections."""
    left_s = high_s - _GOLDEN * (high_s - low_s)
    right_s = low_s + _GOLDEN * (high_s - low_s)
    at_left, at_right = measure(track, left_s), measure(track, right_s)
    for _ in range(_NARROWINGS):
        leftwards = at_left > at_right
        low_s, high_s = np.where(leftwards, low_s, left_s), np.where(leftwards, right_s, high_s)
        fresh_s = np.where(
            leftwards, high_s - _GOLDEN * (high_s - low_s), low_s + _GOLDEN * (high_s - low_s)
        )
        value = measure(track, fresh_s)
        left_s, right_s = (
            np.where(leftwards, fresh_s, right_s),
            np.where(leftwards, left_s, fresh_s),
        )
        at_left, at_right = (
            np.where(leftwards, value, at_right),
            np.where(leftwards, at_left, value),
        )
    return np.maximum(at_left, at_right), np.where(at_left > at_right, left_s, right_s)
