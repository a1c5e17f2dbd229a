"""Orbits between evenly spaced nodes: polynomials of high degree, checked before they are used.

Fourteen positions, four minutes apart, carry a low orbit to a tenth of a millimetre. The
fourteenth differences of the nodes say whether they do: of an orbit that is too eccentric or too
low, that a manoeuvre bends or that ends inside, they are large or not finite.
"""

from dataclasses import dataclass
from math import factorial

import numpy as np

from constellation.orbits.frames import FloatArray
from constellation.orbits.propagation import Orbits

STEP_S = 240.0
COUNT = 14
"""Nodes a polynomial."""
PAD = COUNT // 2
"""Nodes before and after the span."""
TOLERANCE_M = 0.01
"""On a pass of one second, which stands 1e-6 rad above the mask, a hundredth of a metre moves
AOS by a thousandth of a second."""
_PLACES = np.arange(COUNT) - 0.5 * (COUNT - 1)
_TO_POWERS = np.linalg.inv(np.vander(_PLACES, increasing=True))
_PIECE = 256
_FROM_MIDDLE = np.linspace(0.0, 0.5 * COUNT, 121)
_REMAINDER = np.maximum.accumulate(
    np.abs(np.prod(_FROM_MIDDLE[:, None] - _PLACES, axis=1)) / factorial(COUNT)
)
"""Of Lagrange's interpolation, in such differences: the most up to so far from the middle."""


@dataclass(frozen=True)
class Nodes:
    """Satellites on evenly spaced instants, from `PAD` steps before a span to `PAD` after."""

    first_s: float
    position_m: FloatArray
    """ITRS, `(satellites, instants, 3)`."""

    @classmethod
    def over(cls, orbits: Orbits, start_s: float, end_s: float) -> "Nodes":
        """Fly satellites over a span."""
        count = int(np.ceil((end_s - start_s) / STEP_S)) + 1 + 2 * PAD
        first_s = start_s - PAD * STEP_S
        return cls(first_s, orbits.states(first_s + STEP_S * np.arange(count)).position_m)

    @property
    def count(self) -> int:
        return self.position_m.shape[1]

    def reach_steps(self) -> FloatArray:
        """Return how far from its middle each satellite's polynomials hold `TOLERANCE_M`.

        In steps; below zero where they do not at all.
        """
        differences_m = np.abs(np.diff(self.position_m, n=COUNT, axis=1)).max(axis=(1, 2))
        # Three coordinates, hence the root.
        allowed = TOLERANCE_M / (3.0**0.5 * np.maximum(differences_m, 1e-12))
        steps = _FROM_MIDDLE[np.maximum(np.searchsorted(_REMAINDER, allowed, "right") - 1, 0)]
        return np.where(allowed >= _REMAINDER[0], steps, -1.0)  # Not finite compares as false.


class Polynomials:
    """One polynomial for each of many short arcs."""

    def __init__(self, nodes: Nodes, satellite: np.ndarray, middle_s: FloatArray) -> None:
        """Fit arc k to `satellite[k]` around `middle_s[k]`."""
        before = np.floor((middle_s - nodes.first_s) / STEP_S).astype(np.int64) - (PAD - 1)
        before = np.clip(before, 0, nodes.count - COUNT)
        self.middle_s = nodes.first_s + (before + 0.5 * (COUNT - 1)) * STEP_S
        flat_m = nodes.position_m.reshape(-1, 3).T
        at = satellite * nodes.count + before
        values_m = np.stack([flat_m[:, at + number] for number in range(COUNT)])
        self.powers = _fitted(values_m.reshape(COUNT, -1)).reshape(values_m.shape)

    def states(
        self, at_s: FloatArray, which: np.ndarray | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """Return position and velocity, `(3, arcs)` each, of arcs `which` (all) at `at_s`."""
        powers = self.powers if which is None else self.powers[:, :, which]
        x = (at_s - (self.middle_s if which is None else self.middle_s[which])) / STEP_S
        position_m = powers[-1].copy()
        slope_m = np.zeros_like(position_m)
        for power in powers[-2::-1]:
            slope_m *= x
            slope_m += position_m
            position_m *= x
            position_m += power
        slope_m /= STEP_S
        return position_m, slope_m


def _fitted(values: FloatArray) -> FloatArray:
    """Return the powers of the polynomials through `(COUNT, any)` values on the nodes."""
    powers = np.empty_like(values)
    # In pieces that BLAS leaves to one thread: there are other processes for the others.
    for first in range(0, values.shape[1], _PIECE):
        piece = slice(first, first + _PIECE)
        np.matmul(_TO_POWERS, values[:, piece], out=powers[:, piece])
    return powers
