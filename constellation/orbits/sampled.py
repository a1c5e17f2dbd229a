"""Passes of any orbit: heights sampled every minute, crossings closed in on as they are.

Where the sine of the elevation changes its sign between two samples, or turns so near to zero
that it may, the crossing is closed in on with the orbit itself. Nothing is missed for falling
between samples, and a satellite that never sets is one pass.
"""

import numpy as np

from constellation.orbits import roots
from constellation.orbits.frames import FloatArray
from constellation.orbits.sky import IntArray, Sky
from constellation.orbits.skyline import Spans

STEP_S = 60.0
"""A satellite at 300 km crosses a 10-degree cone in five minutes: five samples a pass."""


def instants_s(start_s: float, end_s: float) -> FloatArray:
    """Return when to sample over a span; both ends are among them."""
    return np.linspace(start_s, end_s, max(3, int(np.ceil((end_s - start_s) / STEP_S)) + 1))


def spans(sky: Sky) -> Spans:
    """Return when the pairs of `sky` are in view."""
    satellites, stations, instants = sky.grid.shape
    flat = sky.grid.reshape(satellites * stations, instants)
    # Where SGP4 refuses, nothing is in view.
    flat = np.where(np.isfinite(flat), flat, -2.0)
    return _crossings(sky, flat, _turns(sky, flat))


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
    top_s = roots.highest(sky.climb, pairs, *_around_top(sky, flat, pairs, rise_s, set_s))
    return Spans(pairs, rise_s, set_s, cut_start[by_rise], cut_end[by_set], top_s)


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
