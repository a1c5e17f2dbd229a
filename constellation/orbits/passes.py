"""When satellites stand above stations: every pair, whole spans, right to the millisecond.

One SGP4 grid a satellite serves all stations. On it the sine of the elevation above each
station's mask is sampled; where it changes sign, or turns so near to zero between two samples
that it may, the crossing is closed in on with SGP4 itself. Nothing is missed for falling
between samples, and a satellite that never sets is one pass.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from constellation.orbits import look, roots, skyline
from constellation.orbits.frames import FloatArray, Site
from constellation.orbits.propagation import Orbits
from constellation.orbits.sky import IntArray, Sky
from constellation.orbits.skyline import Spans

STEP_S = 60.0
"""A satellite at 300 km crosses a 10-degree cone in five minutes: five samples a pass."""
SATELLITES_AT_ONCE = 32
"""Keeps the grid of a day over 24 stations near 10 MB an array."""


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
    step_s: float = STEP_S,
) -> Found:
    """Find all passes of all satellites over all sites within `[start_s, end_s)`.

    Elevations are geometric (no refraction), above each site's mask and horizon: what stands
    in a satellite's way cuts one rise and set into several passes.
    """
    if not end_s > start_s:
        raise ValueError(f"the span ends at {end_s} and starts at {start_s}")
    instants_s = np.linspace(start_s, end_s, max(3, int(np.ceil((end_s - start_s) / step_s)) + 1))
    parts: list[Passes] = []
    refused: dict[str, str] = {}
    for first in range(0, len(orbits), SATELLITES_AT_ONCE):
        some = orbits.part(first, first + SATELLITES_AT_ONCE)
        states = some.states(instants_s)
        refused |= states.refused
        sky = Sky(some, sites, instants_s, states.position_m, states.velocity_m_s)
        parts.append(_passes(sky, first))
    return Found(_in_order(parts), refused)


def _passes(sky: Sky, first_satellite: int) -> Passes:
    satellites, stations, instants = sky.grid.shape
    flat = sky.grid.reshape(satellites * stations, instants)
    # Where SGP4 refuses, nothing is in view.
    flat = np.where(np.isfinite(flat), flat, -2.0)
    extra = _turns(sky, flat)
    spans = _crossings(sky, flat, extra)
    spans = skyline.above_horizons(sky, spans)
    tca_s = roots.close_in(sky.climb, spans.pairs, spans.low_s, spans.high_s)
    satellite, station = sky.pair(spans.pairs)
    aos, tca, los = (_looks(sky, spans.pairs, at_s) for at_s in (spans.aos_s, tca_s, spans.los_s))
    return Passes(
        satellite=satellite + first_satellite,
        station=station,
        aos_s=spans.aos_s,
        los_s=spans.los_s,
        tca_s=tca_s,
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


def _turns(sky: Sky, flat: FloatArray) -> tuple[IntArray, IntArray, FloatArray, FloatArray]:
    """Find where the sine turns over between samples and changes its sign by it.

    Returns the pair, the sample before, the instant, and the sine there.
    """
    before, here, after = flat[:, :-2], flat[:, 1:-1], flat[:, 2:]
    peak = (here > before) & (here >= after)
    dip = (here < before) & (here <= after)
    # The parabola through three samples rises above the middle one by at most an
    # eighth of the bend; half of the bend is four times what it can reach.
    bend = np.abs(before - 2.0 * here + after)
    reach = 0.5 * bend
    wanted = (peak & (here <= 0.0) & (here + reach > 0.0)) | (
        dip & (here > 0.0) & (here - reach <= 0.0)
    )
    pairs, middle = np.nonzero(wanted)
    # Turns next to the ends have no sample on their other side.
    pairs, low, high = _with_ends(flat, pairs, middle, middle + 2)
    instants_s = sky.instants_s
    at_s = roots.close_in(sky.climb, pairs, instants_s[low], instants_s[high])
    sine = sky.height(pairs, at_s)
    sample = np.searchsorted(instants_s, at_s, side="right") - 1
    sample = np.clip(sample, 0, len(instants_s) - 2)
    apart = (sine > 0.0) != (flat[pairs, sample] > 0.0)
    apart &= np.isfinite(sine)
    return pairs[apart], sample[apart], at_s[apart], sine[apart]


def _with_ends(
    flat: FloatArray, pairs: IntArray, low: IntArray, high: IntArray
) -> tuple[IntArray, IntArray, IntArray]:
    """Add the first and the last interval where both ends are down and the sine may peak."""
    last = flat.shape[1] - 1
    reach = 0.5 * np.abs(np.diff(flat, n=2, axis=1))
    down_first = (flat[:, 0] <= 0) & (flat[:, 1] <= 0) & (flat[:, 0] >= flat[:, 1])
    down_first &= flat[:, 0] + reach[:, 0] > 0
    down_last = (flat[:, last] <= 0) & (flat[:, last - 1] <= 0)
    down_last &= (flat[:, last] >= flat[:, last - 1]) & (flat[:, last] + reach[:, -1] > 0)
    at_first, at_last = np.flatnonzero(down_first), np.flatnonzero(down_last)
    return (
        np.concatenate([pairs, at_first, at_last]),
        np.concatenate([low, np.zeros_like(at_first), np.full_like(at_last, last - 1)]),
        np.concatenate([high, np.ones_like(at_first), np.full_like(at_last, last)]),
    )


def _crossings(
    sky: Sky, flat: FloatArray, extra: tuple[IntArray, IntArray, FloatArray, FloatArray]
) -> Spans:
    """Pair up rises and sets; a pass cut by an end of the span gets that end."""
    instants_s = sky.instants_s
    up = flat > 0.0
    pairs, sample = np.nonzero(up[:, 1:] != up[:, :-1])
    turn_pairs, turn_sample, turn_s, turn_sine = extra
    # An interval with a turn in it that changes the sign holds two crossings, not one or none.
    pairs = np.concatenate([pairs, turn_pairs, turn_pairs])
    low_s = np.concatenate([instants_s[sample], instants_s[turn_sample], turn_s])
    high_s = np.concatenate([instants_s[sample + 1], turn_s, instants_s[turn_sample + 1]])
    rising = np.concatenate([up[pairs[: len(sample)], sample + 1], turn_sine > 0, turn_sine <= 0])
    crossing_s = roots.close_in(sky.height, pairs, low_s, high_s)
    starts, ends = up[:, 0], up[:, -1]
    begun, unended = np.flatnonzero(starts), np.flatnonzero(ends)
    rise_pairs = np.concatenate([begun, pairs[rising]])
    rise_s = np.concatenate([np.full(len(begun), instants_s[0]), crossing_s[rising]])
    set_pairs = np.concatenate([pairs[~rising], unended])
    set_s = np.concatenate([crossing_s[~rising], np.full(len(unended), instants_s[-1])])
    cut_start = np.arange(len(rise_s)) < len(begun)
    cut_end = np.arange(len(set_s)) >= len(set_s) - len(unended)
    by_rise, by_set = np.lexsort((rise_s, rise_pairs)), np.lexsort((set_s, set_pairs))
    # Rises and sets take turns in every pair, so that sorting alone matches them.
    assert np.array_equal(rise_pairs[by_rise], set_pairs[by_set])
    pairs, rise_s, set_s = rise_pairs[by_rise], rise_s[by_rise], set_s[by_set]
    around_s = _around_top(sky, flat, pairs, rise_s, set_s)
    return Spans(pairs, rise_s, set_s, cut_start[by_rise], cut_end[by_set], *around_s)


def _around_top(
    sky: Sky, flat: FloatArray, pairs: IntArray, rise_s: FloatArray, set_s: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return two instants of each pass between which its highest elevation lies."""
    instants_s = sky.instants_s
    first = np.searchsorted(instants_s, rise_s, side="left")
    last = np.searchsorted(instants_s, set_s, side="right") - 1
    top = np.array(
        [
            low + int(np.argmax(flat[pair, low : high + 1])) if high >= low else -1
            for pair, low, high in zip(pairs.tolist(), first.tolist(), last.tolist(), strict=True)
        ],
        dtype=np.int64,
    )
    low_s = np.where(top >= 0, np.maximum(rise_s, instants_s[np.maximum(top - 1, 0)]), rise_s)
    above = np.minimum(top + 1, len(instants_s) - 1)
    high_s = np.where(top >= 0, np.minimum(set_s, instants_s[above]), set_s)
    return low_s, high_s


def _looks(sky: Sky, pairs: IntArray, at_s: FloatArray) -> FloatArray:
    """Return azimuth, elevation, range and range rate of each pair: `(4, pairs)`."""
    _, station = sky.pair(pairs)
    position_m, velocity_m_s = sky.states(pairs, at_s)
    seen = np.empty((4, len(at_s)))
    for number, site in enumerate(sky.sites):
        here = station == number
        angles = look.look_angles(site, position_m[here])
        rate_m_s = look.range_rate_m_s(site, position_m[here], velocity_m_s[here])
        seen[:, here] = angles.azimuth_rad, angles.elevation_rad, angles.range_m, rate_m_s
    return seen


def _in_order(parts: list[Passes]) -> Passes:
    names = list(Passes.__dataclass_fields__)
    if not parts:
        return Passes(*(np.empty(0, dtype=np.int64) for _ in names))
    columns = [np.concatenate([getattr(part, name) for part in parts]) for name in names]
    together = Passes(*columns)
    order = np.lexsort((together.station, together.satellite, together.aos_s))
    return Passes(*(column[order] for column in columns))


def rows(passes: Passes) -> Iterator[dict]:
    """Yield each pass as a dict of plain numbers, by the names of the columns."""
    names = list(Passes.__dataclass_fields__)
    columns = [getattr(passes, name).tolist() for name in names]
    for values in zip(*columns, strict=True):
        yield dict(zip(names, values, strict=True))
