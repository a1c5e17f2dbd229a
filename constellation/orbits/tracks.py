"""Orbits as polynomials: a few states of SGP4, and everything between them in bulk.

Between two nodes the position is the quintic that takes position, velocity and acceleration of
both (Hermite). The acceleration is gravity's with J2, of which SGP4 is an approximate solution:
in a low orbit the quintic over 120 s is within 0.6 m of SGP4, over 240 s within 1.2 m. It gives
any satellite at any instant in bulk, where SGP4 goes satellite by satellite.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from constellation.orbits import frames
from constellation.orbits.frames import FloatArray
from constellation.orbits.propagation import Orbits
from constellation.orbits.walker import EARTH_RADIUS_M, GRAVITY_M3_S2, J2

STEP_S = 120.0
SATELLITES_AT_ONCE = 128
"""SGP4's own arrays stay small beside the nodes."""
IntArray = np.ndarray


@dataclass(frozen=True)
class Tracks:
    """Nodes of some orbits in TEME, a frame that does not turn."""

    names: Sequence[str]
    instants_s: FloatArray
    """`(n,)`, evenly spaced; the first and the last are the ends of the span."""
    nodes: FloatArray
    """`(satellites, n, 9)`: position (m), velocity (m/s), acceleration (m/s²)."""

    @property
    def step_s(self) -> float:
        """Return how far nodes are apart."""
        return float(self.instants_s[1] - self.instants_s[0])

    def at(self, which: IntArray, at_s: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return position and velocity of satellite `which[k]` at `at_s[k]`, each `(3, k)`."""
        count = len(self.instants_s)
        along = (at_s - self.instants_s[0]) / self.step_s
        node = np.clip(along.astype(np.int64), 0, count - 2)
        flat = self.nodes.reshape(-1, 9)
        row = which * count + node
        ends = np.ascontiguousarray(flat[row].T), np.ascontiguousarray(flat[row + 1].T)
        return _between(*ends, along - node, self.step_s)


def fly(orbits: Orbits, start_s: float, end_s: float, *, step_s: float = STEP_S) -> Tracks:
    """Return the tracks over a span; where SGP4 refuses, a satellite's nodes are not finite."""
    if not end_s > start_s:
        raise ValueError(f"the span ends at {end_s} and starts at {start_s}")
    instants_s = np.linspace(start_s, end_s, max(2, int(np.ceil((end_s - start_s) / step_s)) + 1))
    nodes = np.empty((len(orbits), len(instants_s), 9))
    for first in range(0, len(orbits), SATELLITES_AT_ONCE):
        some = nodes[first : first + SATELLITES_AT_ONCE]
        states = orbits.part(first, first + len(some)).states(instants_s)
        some[..., :3], some[..., 3:6] = frames.teme_from_itrs(
            states.position_m, states.velocity_m_s, instants_s
        )
        some[..., 6:] = acceleration_m_s2(some[..., :3])
    return Tracks(list(orbits.names), instants_s, nodes)


def acceleration_m_s2(position_m: FloatArray) -> FloatArray:
    """Return gravity with J2 at `(..., 3)` positions in TEME (Vallado 2013, equation 8-30)."""
    squared = np.einsum("...i,...i->...", position_m, position_m)[..., None]
    oblate = 1.5 * J2 * EARTH_RADIUS_M**2 / squared
    polar = 5.0 * position_m[..., 2:] ** 2 / squared
    factor = 1.0 + oblate * (np.array([1.0, 1.0, 3.0]) - polar)
    return -GRAVITY_M3_S2 * position_m * factor / (squared * np.sqrt(squared))


def quintic(
    first: tuple[FloatArray, ...], last: tuple[FloatArray, ...], step_s: float
) -> tuple[FloatArray, ...]:
    """Return six coefficients, of powers of the fraction of the step, of Hermite's quintic.

    `first` and `last` are value, first and second derivative by seconds at both ends.
    """
    c0, c1, c2 = first[0], step_s * first[1], (0.5 * step_s**2) * first[2]
    rest = last[0] - c0 - c1 - c2
    slope = step_s * last[1] - c1 - 2.0 * c2
    bend = (0.5 * step_s**2) * last[2] - c2
    return (
        c0,
        c1,
        c2,
        10.0 * rest - 4.0 * slope + bend,
        -15.0 * rest + 7.0 * slope - 2.0 * bend,
        6.0 * rest - 3.0 * slope + bend,
    )


def _between(
    first: FloatArray, last: FloatArray, along: FloatArray, step_s: float
) -> tuple[FloatArray, FloatArray]:
    c0, c1, c2, c3, c4, c5 = quintic(
        (first[:3], first[3:6], first[6:]), (last[:3], last[3:6], last[6:]), step_s
    )
    position_m = c0 + along * (c1 + along * (c2 + along * (c3 + along * (c4 + along * c5))))
    turn = c1 + along * (2 * c2 + along * (3 * c3 + along * (4 * c4 + along * (5 * c5))))
    return position_m, turn / step_s
