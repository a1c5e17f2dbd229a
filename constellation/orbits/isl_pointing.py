"""When terminals cannot follow: the line of sight turns too fast, or leaves the field of regard.

The rate is looked at around each approach, where alone it can be high, in samples that get closer
the faster the two pass. Where a limit is as low as the orbit itself turns, or there is a field
of regard, whole windows are sampled.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from constellation.orbits import isl, roots, spans, turning
from constellation.orbits.frames import FloatArray
from constellation.orbits.tracks import Tracks

IntArray = np.ndarray
Found = tuple[IntArray, FloatArray, FloatArray]

ORBIT_TURN_RAD_PER_S = 1.25e-3
"""No orbit turns faster above the ground."""
SPEED_MOST_M_S = 16_000.0
"""No two satellites pass each other faster."""
EVERYWHERE_BELOW = 4.0
"""Slew limits under so many turns of the orbit are looked for in whole windows."""
SPACING_S = 15.0
SHARP_BELOW_M = 1_000_000.0
SHARPEN_MOST_S = 3.0
"""Over which two satellites pass each other in straight lines."""


@dataclass(frozen=True)
class Approaches:
    """When pairs are nearest, and how near; ordered by pair and instant."""

    pair: IntArray
    at_s: FloatArray
    range_m: FloatArray


@dataclass(frozen=True)
class Regions:
    """Spans of pairs to look at, and how close the samples lie."""

    pair: IntArray
    start_s: FloatArray
    end_s: FloatArray
    spacing_s: FloatArray


@dataclass(frozen=True)
class Pointing:
    """The margin of the terminals of pairs."""

    flown: Tracks
    terminals: isl.Terminals
    ends: Callable[[IntArray], tuple[IntArray, IntArray]]

    def states(self, pair: IntArray, at_s: FloatArray) -> list[tuple[FloatArray, FloatArray]]:
        """Return position and velocity of both satellites of each pair at its instant."""
        return [self.flown.at(end, at_s) for end in self.ends(pair)]

    def margin(self, pair: IntArray, at_s: FloatArray) -> FloatArray:
        """Return by how much the terminals can follow; see `isl.pointing_margin`."""
        return isl.pointing_margin(*self.states(pair, at_s), self.terminals)


def sharpened(pointing: Pointing, approaches: Approaches) -> Approaches:
    """Return near approaches from the satellites' own states.

    The square of the range is a difference of large numbers: right to metres at a thousand
    kilometres, and to a kilometre at ten.
    """
    close = np.flatnonzero(approaches.range_m < SHARP_BELOW_M)
    pair, at_s = approaches.pair[close], approaches.at_s[close]
    one, other = pointing.states(pair, at_s)
    between_m, passing_m_s = other[0] - one[0], other[1] - one[1]
    along = np.einsum("ik,ik->k", between_m, passing_m_s)
    squared = np.einsum("ik,ik->k", passing_m_s, passing_m_s)
    instants_s = pointing.flown.instants_s
    late_s = np.clip(-along / np.maximum(squared, 1e-6), -SHARPEN_MOST_S, SHARPEN_MOST_S)
    late_s = np.clip(at_s + late_s, instants_s[0], instants_s[-1]) - at_s
    range_m, sharp_s = approaches.range_m.copy(), approaches.at_s.copy()
    range_m[close] = np.linalg.norm(between_m + late_s * passing_m_s, axis=0)
    sharp_s[close] += late_s
    return Approaches(approaches.pair, sharp_s, range_m)


def blocked(
    pointing: Pointing, approaches: Approaches, in_sight: Callable[[], Found]
) -> spans.Events:
    """Return when pairs in sight are blocked because a terminal cannot follow."""
    limit = pointing.terminals.slew_limit_rad_per_s
    if pointing.terminals.boresights or limit < EVERYWHERE_BELOW * ORBIT_TURN_RAD_PER_S:
        pair, start_s, end_s = in_sight()
        regions = Regions(pair, start_s, end_s, np.full(len(pair), SPACING_S))
    else:
        regions = _fast(pointing, approaches)
    return _looked_at(pointing, regions)


def _fast(pointing: Pointing, approaches: Approaches) -> Regions:
    """Return the surroundings of the approaches that may be too fast."""
    limit = pointing.terminals.slew_limit_rad_per_s
    reach_m = SPEED_MOST_M_S / (limit - ORBIT_TURN_RAD_PER_S)
    close = np.flatnonzero(approaches.range_m < reach_m)
    pair, at_s = approaches.pair[close], approaches.at_s[close]
    (_, one_m_s), (_, other_m_s) = pointing.states(pair, at_s)
    range_m = np.maximum(approaches.range_m[close], 1.0)
    passing_m_s = np.linalg.norm(other_m_s - one_m_s, axis=0)
    # A fifth more for what a straight line at one speed leaves out of the next minute.
    seen_m_s = 1.2 * (passing_m_s + ORBIT_TURN_RAD_PER_S * range_m)
    fast = seen_m_s > limit * range_m
    around_s = np.sqrt(np.maximum((seen_m_s / limit) ** 2 - range_m**2, 0.0)) / passing_m_s
    spacing_s = np.clip(0.3 * range_m / passing_m_s, SPACING_S, 8.0 * SPACING_S)
    start_s, end_s = _between_others(approaches, close, 1.2 * around_s + SPACING_S)
    instants_s = pointing.flown.instants_s
    return Regions(
        pair[fast],
        np.maximum(start_s, instants_s[0])[fast],
        np.minimum(end_s, instants_s[-1])[fast],
        spacing_s[fast],
    )


def _between_others(
    approaches: Approaches, which: IntArray, around_s: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return spans around some approaches that end halfway to the pair's next."""
    at_s, same = approaches.at_s, approaches.pair[1:] == approaches.pair[:-1]
    halfway_s = 0.5 * (at_s[1:] + at_s[:-1])
    before_s = np.concatenate([[-np.inf], np.where(same, halfway_s, -np.inf)])
    after_s = np.concatenate([np.where(same, halfway_s, np.inf), [np.inf]])
    return (
        np.maximum(at_s[which] - around_s, before_s[which]),
        np.minimum(at_s[which] + around_s, after_s[which]),
    )


def _looked_at(pointing: Pointing, regions: Regions) -> spans.Events:
    """Return when the margin is negative within the regions, as blocks of their pairs."""
    region, at_s = _samples(regions)
    margin = pointing.margin(regions.pair[region], at_s)
    region, at_s, margin = _with_turns(pointing, regions, region, at_s, margin)
    bad = margin <= 0.0
    same = region[1:] == region[:-1]
    change = np.flatnonzero((bad[1:] != bad[:-1]) & same)
    edge_s = roots.close_in(
        pointing.margin, regions.pair[region[change]], at_s[change], at_s[change + 1]
    )
    begins = np.flatnonzero(bad & np.concatenate([[True], ~same])[: len(bad)])
    ends = np.flatnonzero(bad & np.concatenate([~same, [True]])[: len(bad)])
    signs = [np.where(bad[change + 1], 1, -1), np.ones(len(begins)), -np.ones(len(ends))]
    return spans.Events(
        regions.pair[np.concatenate([region[change], region[begins], region[ends]])],
        np.concatenate([edge_s, at_s[begins], at_s[ends]]),
        np.concatenate(signs).astype(np.int8),
    )


def _samples(regions: Regions) -> tuple[IntArray, FloatArray]:
    """Return evenly spaced samples of each region, both ends among them."""
    length_s = regions.end_s - regions.start_s
    steps = np.maximum(2, np.ceil(length_s / regions.spacing_s).astype(np.int64))
    region = np.repeat(np.arange(len(steps)), steps + 1)
    first = np.cumsum(steps + 1) - (steps + 1)
    number = np.arange(len(region)) - first[region]
    return region, regions.start_s[region] + number * (length_s / steps)[region]


def _with_turns(
    pointing: Pointing,
    regions: Regions,
    region: IntArray,
    at_s: FloatArray,
    margin: FloatArray,
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Add samples where the margin may touch zero between samples of one sign."""
    if len(region) < 3:
        return region, at_s, margin
    before, here, after = margin[:-2], margin[1:-1], margin[2:]
    side = np.where(here > 0.0, 1.0, -1.0)
    turns = (side * here < side * before) & (side * here <= side * after)
    turns &= side * here < 0.5 * side * (before - 2.0 * here + after)
    turns &= region[:-2] == region[2:]
    middle = np.flatnonzero(turns) + 1
    pair, sign = regions.pair[region[middle]], side[middle - 1]
    turn_s, value = turning.lowest(
        lambda which, at_s: sign[which] * pointing.margin(pair[which], at_s),
        np.arange(len(middle)),
        at_s[middle - 1],
        at_s[middle + 1],
    )
    region = np.concatenate([region, region[middle]])
    at_s = np.concatenate([at_s, turn_s])
    margin = np.concatenate([margin, sign * value])
    order = np.lexsort((at_s, region))
    return region[order], at_s[order], margin[order]
