"""When satellites stand above stations: every pair, whole spans, right to the millisecond.

Low and nearly round orbits, which are nearly all, go through `low`; any other, and those that
SGP4 refuses at some instant, through `sampled`. Both give the same passes; one is fast.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from math import tau

import numpy as np

from constellation.orbits import crew, low, nodes, sampled, skyline
from constellation.orbits.frames import FloatArray, Site
from constellation.orbits.nodes import Nodes
from constellation.orbits.propagation import Orbits
from constellation.orbits.sky import IntArray, Sky, View

SAMPLES_AT_ONCE = 400_000
"""Satellites by stations by nodes that are looked at together: what fits a processor's cache."""

Progress = Callable[[float], None]
"""Is told which part of the work is done, up to 1."""


@dataclass(frozen=True)
class Passes:
    """Passes as columns, ordered by AOS; row k is of `satellite[k]` over `station[k]`.

    Where the span begins or ends within a pass, AOS or LOS is the span's end and
    `begun_before` or `ends_after` says so; TCA is then the highest point inside. Range
    rates are positive where the satellite recedes. `details` tells more of some passes.
    """

    satellite: IntArray
    station: IntArray
    aos_s: FloatArray
    los_s: FloatArray
    tca_s: FloatArray
    max_elevation_rad: FloatArray
    aos_azimuth_rad: FloatArray
    tca_azimuth_rad: FloatArray
    los_azimuth_rad: FloatArray
    aos_range_m: FloatArray
    tca_range_m: FloatArray
    los_range_m: FloatArray
    aos_range_rate_m_s: FloatArray
    tca_range_rate_m_s: FloatArray
    los_range_rate_m_s: FloatArray
    begun_before: np.ndarray
    ends_after: np.ndarray

    def __len__(self) -> int:
        return len(self.aos_s)


@dataclass(frozen=True)
class Found:
    """The passes, and by name the satellites that SGP4 refused, with the reason.

    A refused satellite has the passes of the time in which SGP4 still flew it.
    """

    passes: Passes
    refused: dict[str, str]


def find_passes(
    orbits: Orbits,
    sites: Sequence[Site],
    start_s: float,
    end_s: float,
    *,
    workers: int = 1,
    progress: Progress | None = None,
) -> Found:
    """Find all passes of all satellites over all sites within `[start_s, end_s)`.

    Elevations are geometric (no refraction), above each site's mask and horizon: what stands
    in a satellite's way cuts one rise and set into several passes.

    `workers` over 1 are that many processes, this one among them; a second one is of use after
    half a second. Where a process may have none (a Celery worker's child), it works alone.
    """
    parts = list(find_in_parts(orbits, sites, start_s, end_s, workers=workers, progress=progress))
    refused = {name: why for part in parts for name, why in part.refused.items()}
    return Found(_in_order([part.passes for part in parts]), refused)


def find_in_parts(
    orbits: Orbits,
    sites: Sequence[Site],
    start_s: float,
    end_s: float,
    *,
    workers: int = 1,
    progress: Progress | None = None,
) -> Iterator[Found]:
    """Yield what `find_passes` returns a few satellites at a time, in no order.

    For so many passes that they are better not all held at once.
    """
    if not end_s > start_s:
        raise ValueError(f"the span ends at {end_s} and starts at {start_s}")
    # Whole numbers would make arrays of whole numbers, and cut instants to seconds.
    start_s, end_s = float(start_s), float(end_s)
    # Some pieces for every process, so that none waits long for the last.
    most = -(-len(orbits) // (4 * workers)) if workers > 1 else len(orbits)
    size = max(1, min(most, _satellites_at_once(len(sites), end_s - start_s)))
    pieces = [(first, first + size) for first in range(0, len(orbits), size)]
    work = partial(_of_some, orbits, tuple(sites), start_s, end_s)
    for done, found in enumerate(crew.results(work, pieces, workers), start=1):
        yield found
        if progress is not None:
            progress(done / len(pieces))


def _satellites_at_once(stations: int, lasts_s: float) -> int:
    samples = max(1, stations) * (lasts_s / nodes.STEP_S + 2.0 * nodes.PAD)
    return max(1, int(SAMPLES_AT_ONCE / samples))


def _of_some(
    everybody: Orbits,
    sites: Sequence[Site],
    start_s: float,
    end_s: float,
    piece: tuple[int, int],
) -> Found:
    """Find the passes of the satellites of a slice."""
    orbits, first = everybody.part(*piece), piece[0]
    grid = Nodes.over(orbits, start_s, end_s)
    suited = low.suits(grid)
    while True:
        found, long = low.stretches(grid, np.flatnonzero(suited), sites)
        arcs, spans, lost = low.spans(grid, found, sites, start_s, end_s)
        unsuited = np.union1d(long, lost)
        if not len(unsuited):
            break
        suited[unsuited] = False
    parts = [_columns(arcs, skyline.above_horizons(arcs, spans), first)]
    refused: dict[str, str] = {}
    instants_s = sampled.instants_s(start_s, end_s)
    for number in np.flatnonzero(~suited).tolist():
        one = orbits.part(number, number + 1)
        states = one.states(instants_s)
        refused |= states.refused
        sky = Sky(one, sites, instants_s, states.position_m)
        spans = skyline.above_horizons(sky, sampled.spans(sky))
        parts.append(_columns(sky, spans, first + number))
    return Found(_joined(parts), refused)


def _columns(view: View, spans: skyline.Spans, first_satellite: int) -> Passes:
    satellite, station = view.pair(spans.pairs)
    aos, tca, los = (
        _looks(view, spans.pairs, at_s) for at_s in (spans.aos_s, spans.tca_s, spans.los_s)
    )
    return Passes(
        satellite=satellite + first_satellite,
        station=station,
        aos_s=spans.aos_s,
        los_s=spans.los_s,
        tca_s=spans.tca_s,
        max_elevation_rad=tca[1],
        aos_azimuth_rad=aos[0],
        tca_azimuth_rad=tca[0],
        los_azimuth_rad=los[0],
        aos_range_m=aos[2],
        tca_range_m=tca[2],
        los_range_m=los[2],
        aos_range_rate_m_s=aos[3],
        tca_range_rate_m_s=tca[3],
        los_range_rate_m_s=los[3],
        begun_before=spans.begun_before,
        ends_after=spans.ends_after,
    )


def _looks(view: View, pairs: IntArray, at_s: FloatArray) -> FloatArray:
    """Return azimuth, elevation, range and range rate of each pair: `(4, pairs)`."""
    _, station = view.pair(pairs)
    position_m, velocity_m_s = (vector.T for vector in view.states(pairs, at_s))
    offset_m = position_m - view.place_m.T[:, station]
    axes = view.axes.transpose(1, 2, 0)[:, :, station]
    east_m, north_m, up_m = np.einsum("aik,ik->ak", axes, offset_m)
    range_m = np.sqrt(np.einsum("ik,ik->k", offset_m, offset_m))
    rate_m_s = np.einsum("ik,ik->k", offset_m, velocity_m_s) / range_m
    azimuth_rad = np.arctan2(east_m, north_m)
    azimuth_rad[azimuth_rad < 0.0] += tau
    level_m = np.sqrt(east_m**2 + north_m**2)
    return np.stack([azimuth_rad, np.arctan2(up_m, level_m), range_m, rate_m_s])


def _joined(parts: Sequence[Passes]) -> Passes:
    names = list(Passes.__dataclass_fields__)
    if not parts:
        return Passes(*(np.empty(0, dtype=np.int64) for _ in names))
    return Passes(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _in_order(parts: Sequence[Passes]) -> Passes:
    together = _joined(parts)
    order = np.lexsort((together.station, together.satellite, together.aos_s))
    names = Passes.__dataclass_fields__
    return Passes(*(getattr(together, name)[order] for name in names))


def rows(passes: Passes) -> Iterator[dict]:
    """Yield each pass as a dict of plain numbers, by the names of the columns."""
    names = list(Passes.__dataclass_fields__)
    columns = [getattr(passes, name).tolist() for name in names]
    for values in zip(*columns, strict=True):
        yield dict(zip(names, values, strict=True))
