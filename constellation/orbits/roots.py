"""Closing in on where functions cross zero, thousands of them at once."""

from collections.abc import Callable

import numpy as np

from constellation.orbits.frames import FloatArray

PRECISION_S = 1e-4
_ROUNDS = 60

Function = Callable[[np.ndarray, FloatArray], FloatArray]
"""Takes numbers that say which function, and where each is asked for."""


def highest(
    slope: Function, pairs: np.ndarray, low_s: FloatArray, high_s: FloatArray
) -> FloatArray:
    """Return where functions with these slopes, which turn once at most, are highest."""
    climbs_to_the_end = slope(pairs, high_s) > 0.0
    falls_from_the_start = slope(pairs, low_s) < 0.0
    turn_s = close_in(slope, pairs, low_s, high_s)
    return np.where(climbs_to_the_end, high_s, np.where(falls_from_the_start, low_s, turn_s))


def close_in(
    function: Function, pairs: np.ndarray, low_s: FloatArray, high_s: FloatArray
) -> FloatArray:
    """Close in on where `function` crosses zero within each bracket (Illinois, in bulk).

    Where it has one sign at both ends, the end nearer to zero is the answer.
    """
    low_s, high_s = low_s.astype(np.float64), high_s.astype(np.float64)
    if not len(pairs):
        return low_s
    at_low, at_high = function(pairs, low_s), function(pairs, high_s)
    answer_s = np.where(np.abs(at_low) <= np.abs(at_high), low_s, high_s)
    # An orbit that SGP4 loses within the bracket ends at its last good sample.
    answer_s = np.where(np.isfinite(at_low), answer_s, high_s)
    answer_s = np.where(np.isfinite(at_high), answer_s, low_s)
    active = np.flatnonzero(np.sign(at_low) * np.sign(at_high) < 0)
    low_s, high_s = low_s[active], high_s[active]
    at_low, at_high = at_low[active], at_high[active]
    for turn in range(_ROUNDS):
        if not len(active):
            break
        guess_s = (low_s * at_high - high_s * at_low) / (at_high - at_low)
        if turn % 8 == 7:  # Bounds the worst case, which Illinois alone does not.
            guess_s = 0.5 * (low_s + high_s)
        guess_s = np.clip(guess_s, low_s, high_s)
        value = function(pairs[active], guess_s)
        moved_s = np.abs(guess_s - answer_s[active])
        answer_s[active] = guess_s
        same_as_low = np.sign(value) == np.sign(at_low)
        # The end that stays put counts half, so that both ends close in.
        at_high = np.where(same_as_low, 0.5 * at_high, value)
        at_low = np.where(same_as_low, value, 0.5 * at_low)
        low_s, high_s = (
            np.where(same_as_low, guess_s, low_s),
            np.where(same_as_low, high_s, guess_s),
        )
        open_ = (moved_s > PRECISION_S) & (high_s - low_s > PRECISION_S)
        open_ &= np.isfinite(value) & (value != 0.0)
        active, low_s, high_s = active[open_], low_s[open_], high_s[open_]
        at_low, at_high = at_low[open_], at_high[open_]
    return answer_s
