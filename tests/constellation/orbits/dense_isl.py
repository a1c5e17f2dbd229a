"""Windows between satellites by brute force: SGP4 every second, edges by halving.

Nothing is shared with what is tested but SGP4 and the definition of the terminals: sight is the
distance of a segment from the centre, and how fast a terminal turns is how far the direction in
the local frame moves within a fifth of a second.
"""

import numpy as np

from constellation.orbits import isl
from constellation.orbits.propagation import Orbits

RATE_OVER_S = 0.2


def windows(
    orbits: Orbits,
    pair: tuple[int, int],
    start_s: float,
    end_s: float,
    terminals: isl.Terminals,
    *,
    step_s: float = 1.0,
) -> np.ndarray:
    """Return start and end of each window of one pair, `(windows, 2)`."""
    at_s = np.append(np.arange(start_s, end_s, step_s), end_s)
    good = _linked(orbits, pair, at_s, terminals)
    change = np.flatnonzero(good[1:] != good[:-1])
    low_s, high_s, before = at_s[change], at_s[change + 1], good[change]
    for _ in range(14):
        middle_s = 0.5 * (low_s + high_s)
        same = _linked(orbits, pair, middle_s, terminals) == before
        low_s, high_s = np.where(same, middle_s, low_s), np.where(same, high_s, middle_s)
    edges_s = 0.5 * (low_s + high_s)
    if good[0]:
        edges_s = np.concatenate([[start_s], edges_s])
    if good[-1]:
        edges_s = np.append(edges_s, end_s)
    return edges_s.reshape(-1, 2)


def _linked(
    orbits: Orbits, pair: tuple[int, int], at_s: np.ndarray, terminals: isl.Terminals
) -> np.ndarray:
    """Return at which instants the pair is in sight, in range, and can be followed."""
    if not len(at_s):
        return np.empty(0, dtype=bool)
    one, other = (_flown(orbits, number, at_s) for number in pair)
    seen = isl.in_sight(
        one[0],
        other[0],
        grazing_height_m=terminals.grazing_height_m,
        range_limit_m=terminals.range_limit_m,
    )
    before, after = (
        [_flown(orbits, number, at_s + late_s) for number in pair]
        for late_s in (-0.5 * RATE_OVER_S, 0.5 * RATE_OVER_S)
    )
    for own, far in ((0, 1), (1, 0)):
        moved = _local(after[own], after[far]) - _local(before[own], before[far])
        turned_rad = 2.0 * np.arcsin(0.5 * np.linalg.norm(moved, axis=1))
        seen &= turned_rad / RATE_OVER_S <= terminals.slew_limit_rad_per_s
        if terminals.boresights:
            direction = _local((one, other)[own], (one, other)[far])
            axes = np.array(terminals.boresights, dtype=float)
            axes /= np.linalg.norm(axes, axis=1, keepdims=True)
            off_rad = np.arccos(np.clip(direction @ axes.T, -1.0, 1.0))
            seen &= off_rad.min(axis=1) <= terminals.field_half_angle_rad
    return seen


def _flown(orbits: Orbits, number: int, at_s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    position_m, velocity_m_s = orbits.part(number, number + 1).teme(at_s)
    return position_m[0], velocity_m_s[0]


def _local(here: tuple[np.ndarray, np.ndarray], there: tuple[np.ndarray, np.ndarray]):
    """Return the direction to the other satellite as ahead, left and up, `(instants, 3)`."""
    up = here[0] / np.linalg.norm(here[0], axis=1, keepdims=True)
    left = np.cross(*here)
    left /= np.linalg.norm(left, axis=1, keepdims=True)
    between = there[0] - here[0]
    between /= np.linalg.norm(between, axis=1, keepdims=True)
    ahead = np.cross(left, up)
    return np.stack([(between * axis).sum(axis=1) for axis in (ahead, left, up)], axis=1)
