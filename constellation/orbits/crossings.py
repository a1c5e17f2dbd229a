"""Where functions known by value and two derivatives at even steps change their sign.

Between nodes a function is Hermite's quintic. Nothing is missed for falling between nodes: where
it turns over between two that have the same sign, the turn is found first.
"""

from dataclasses import dataclass

import numpy as np

from constellation.orbits import tracks
from constellation.orbits.frames import FloatArray

IntArray = np.ndarray
_ROUNDS = 30
_PRECISION = 1e-7
"""Of the step: some 20 µs."""


@dataclass(frozen=True)
class Sampled:
    """Functions at nodes: `value`, `slope` (1/s) and `bend` (1/s²), each `(nodes, functions)`."""

    value: FloatArray
    slope: FloatArray
    bend: FloatArray
    step_s: float

    def pieces(self, node: IntArray, which: IntArray) -> tuple[FloatArray, ...]:
        """Return the six coefficients of some functions from some nodes to the next."""
        ends = (
            tuple(each[row, which] for each in (self.value, self.slope, self.bend))
            for row in (node, node + 1)
        )
        return tracks.quintic(*ends, self.step_s)

    def between(self, node: IntArray, which: IntArray, along: FloatArray) -> FloatArray:
        """Return values of some functions at fractions of the steps from some nodes on."""
        return _value(self.pieces(node, which), along)


@dataclass(frozen=True)
class Crossings:
    """Changes of sign: which function, how many steps from the first node, and upwards or not."""

    which: IntArray
    steps: FloatArray
    rising: np.ndarray


def crossings(sampled: Sampled) -> Crossings:
    """Find all changes of sign."""
    up = sampled.value > 0.0
    node, which = np.nonzero(up[1:] != up[:-1])
    plain = _roots(sampled, node, which, np.zeros(len(node)), np.ones(len(node)))
    # Two crossings, or none, where it turns over without a change of sign from node to node.
    turn_node, turn_which = _may_turn(sampled, up)
    turn = turns(sampled, turn_node, turn_which)
    value = sampled.between(turn_node, turn_which, turn)
    real = (value > 0.0) != up[turn_node, turn_which]
    turn_node, turn_which, turn = turn_node[real], turn_which[real], turn[real]
    nothing, whole = np.zeros(len(turn)), np.ones(len(turn))
    before = _roots(sampled, turn_node, turn_which, nothing, turn)
    after = _roots(sampled, turn_node, turn_which, turn, whole)
    was_up = up[turn_node, turn_which]
    return Crossings(
        np.concatenate([which, turn_which, turn_which]),
        np.concatenate([node + plain, turn_node + before, turn_node + after]),
        np.concatenate([~up[node, which], ~was_up, was_up]),
    )


def turns(sampled: Sampled, node: IntArray, which: IntArray) -> FloatArray:
    """Return where in the step the slope, of opposite signs at both nodes, crosses zero."""
    c0, c1, c2, c3, c4, c5 = sampled.pieces(node, which)
    del c0
    slope = (c1, 2.0 * c2, 3.0 * c3, 4.0 * c4, 5.0 * c5, np.zeros_like(c5))
    return _solve(slope, np.zeros(len(node)), np.ones(len(node)))


def _may_turn(sampled: Sampled, up: np.ndarray) -> tuple[IntArray, IntArray]:
    """Return where the function turns towards zero and its tangents reach it."""
    falls = sampled.slope < 0.0
    turning = (up[1:] == up[:-1]) & (falls[1:] != falls[:-1]) & (falls[:-1] == up[:-1])
    node, which = np.nonzero(turning)
    value, after = sampled.value[node, which], sampled.value[node + 1, which]
    slope, slope_after = sampled.slope[node, which], sampled.slope[node + 1, which]
    # Where the tangents of both ends meet; the function stays on this side of it, unless it
    # bends both ways within the step: half as much again is left for that.
    meet = (after - value - slope_after * sampled.step_s) / (slope - slope_after)
    reach = value + 1.5 * slope * meet
    wanted = (reach > 0.0) != up[node, which]
    return node[wanted], which[wanted]


def _roots(
    sampled: Sampled, node: IntArray, which: IntArray, low: FloatArray, high: FloatArray
) -> FloatArray:
    return _solve(sampled.pieces(node, which), low, high)


def _value(pieces: tuple[FloatArray, ...], at: FloatArray) -> FloatArray:
    c0, c1, c2, c3, c4, c5 = pieces
    return c0 + at * (c1 + at * (c2 + at * (c3 + at * (c4 + at * c5))))


def _solve(pieces: tuple[FloatArray, ...], low: FloatArray, high: FloatArray) -> FloatArray:
    """Return the root of each polynomial within its bracket (Newton, kept inside by halving)."""
    at_low, at_high = _value(pieces, low), _value(pieces, high)
    low, high, sign = low.copy(), high.copy(), np.where(at_low <= at_high, 1.0, -1.0)
    apart = at_high - at_low
    answer = low - at_low * (high - low) / np.where(apart != 0.0, apart, 1.0)
    active = np.arange(len(low))
    at = answer.copy()
    for _ in range(_ROUNDS):
        if not len(active):
            break
        c0, c1, c2, c3, c4, c5 = pieces
        value = c0 + at * (c1 + at * (c2 + at * (c3 + at * (c4 + at * c5))))
        slope = c1 + at * (2 * c2 + at * (3 * c3 + at * (4 * c4 + at * (5 * c5))))
        below = value * sign < 0.0
        low, high = np.where(below, at, low), np.where(below, high, at)
        following = at - value / np.where(slope != 0.0, slope, 1.0)
        outside = ~((following >= low) & (following <= high))
        following = np.where(outside, 0.5 * (low + high), following)
        moving = np.abs(following - at) > _PRECISION
        answer[active] = at = following
        # Few are left after three rounds; to sort them out before would cost more than it saves.
        if moving.all():
            continue
        active, at, sign = active[moving], at[moving], sign[moving]
        low, high = low[moving], high[moving]
        pieces = tuple(each[moving] for each in pieces)
    return answer
