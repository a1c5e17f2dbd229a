"""Where functions are lowest between two instants, thousands of them at once."""

import numpy as np

from constellation.orbits.frames import FloatArray
from constellation.orbits.roots import Function

_GOLDEN = 0.5 * (np.sqrt(5.0) - 1.0)
_ROUNDS = 18
"""Half a minute shrinks to 5 ms; at a minimum, that far off, a function has hardly risen."""


def lowest(
    function: Function, numbers: np.ndarray, low_s: FloatArray, high_s: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return where each function is lowest, and its value there (golden sections).

    Each has one minimum between its two instants.
    """
    low_s, high_s = low_s.astype(np.float64), high_s.astype(np.float64)
    if not len(numbers):
        return low_s, low_s.copy()
    for _ in range(_ROUNDS):
        apart_s = _GOLDEN * (high_s - low_s)
        left_s, right_s = high_s - apart_s, low_s + apart_s
        falls = function(numbers, left_s) > function(numbers, right_s)
        low_s, high_s = np.where(falls, left_s, low_s), np.where(falls, high_s, right_s)
    at_s = 0.5 * (low_s + high_s)
    return at_s, function(numbers, at_s)
