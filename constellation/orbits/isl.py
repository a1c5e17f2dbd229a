"""Laser links: what terminals can do, and which satellites see each other above the air.

Instants here; `isl_windows` finds the windows of a span.
"""

from dataclasses import dataclass

import numpy as np

from constellation.orbits.frames import FloatArray

EARTH_RADIUS_M = 6_371_008.8
"""Mean radius (IUGG); the margin of `GRAZING_HEIGHT_M` swallows the flattening."""
GRAZING_HEIGHT_M = 80_000.0
"""A beam below this is bent and absorbed by the air."""
RANGE_LIMIT_M = 5_000_000.0
"""A planning value: what a terminal of 100 Gbit/s closes today."""
SLEW_LIMIT_RAD_PER_S = float(np.radians(1.0))
"""A planning value for a gimballed terminal that tracks; two satellites that meet head-on at
15 km/s exceed it below 860 km."""


@dataclass(frozen=True)
class Terminals:
    """What the laser terminals of a satellite can do; both ends of a link are alike."""

    range_limit_m: float = RANGE_LIMIT_M
    grazing_height_m: float = GRAZING_HEIGHT_M
    """The line between both keeps this height above a sphere of `EARTH_RADIUS_M`."""
    slew_limit_rad_per_s: float = SLEW_LIMIT_RAD_PER_S
    """How fast the line of sight may turn in the satellite's local orbital frame, which itself
    turns once an orbit: neighbours in one plane stand still in it. `inf` for no limit."""
    boresights: tuple[tuple[float, float, float], ...] = ()
    """Axes of the fields of regard in the local orbital frame: ahead (along the velocity's level
    part), left (along the orbit's normal), up. None: terminals look everywhere."""
    field_half_angle_rad: float = float(np.pi)
    """Half the opening of the cone about each axis; the line of sight lies in one of them."""

    def __post_init__(self) -> None:
        """Refuse limits that mean nothing."""
        if not self.range_limit_m > 0.0:
            raise ValueError(f"the range limit is {self.range_limit_m} m; it must be above 0")
        if not self.grazing_height_m > -EARTH_RADIUS_M:
            raise ValueError(f"a grazing height of {self.grazing_height_m} m is below the centre")
        if not self.slew_limit_rad_per_s > 0.0:
            limit = self.slew_limit_rad_per_s
            raise ValueError(f"the slew limit is {limit} rad/s; it must be above 0")
        if not all(np.linalg.norm(axis) > 0.0 for axis in self.boresights):
            raise ValueError("a boresight needs a direction; one is (0, 0, 0)")


def in_sight(
    first_m: FloatArray,
    second_m: FloatArray,
    *,
    grazing_height_m: float = GRAZING_HEIGHT_M,
    range_limit_m: float = RANGE_LIMIT_M,
) -> np.ndarray:
    """Return whether each pair sees each other: near enough, and the Earth not between them.

    Parameters
    ----------
    first_m, second_m : (..., 3) arrays, broadcast against each other
        Positions from the Earth's centre, in one frame. A position that is not
        finite sees nobody.

    Returns
    -------
    (...) array of bool
    """
    between_m = second_m - first_m
    range_squared = np.einsum("...i,...i->...", between_m, between_m)
    # The point of the segment nearest to the centre, as a fraction of the way.
    along = -np.einsum("...i,...i->...", first_m, between_m)
    fraction = np.clip(along / np.where(range_squared > 0.0, range_squared, 1.0), 0.0, 1.0)
    nearest_m = first_m + fraction[..., None] * between_m
    height_m = np.linalg.norm(nearest_m, axis=-1) - EARTH_RADIUS_M
    near = (range_squared > 0.0) & (range_squared <= range_limit_m**2)
    return near & (height_m >= grazing_height_m)


def links(position_m: FloatArray, **limits: float) -> list[tuple[int, int]]:
    """Return the pairs `(i, j)`, `i < j`, of `(n, 3)` positions that see each other."""
    pairs: list[tuple[int, int]] = []
    for first in range(len(position_m) - 1):
        seen = in_sight(position_m[first], position_m[first + 1 :], **limits)
        pairs += ((first, first + 1 + int(other)) for other in np.flatnonzero(seen))
    return pairs


def pointing_margin(
    first: tuple[FloatArray, FloatArray],
    second: tuple[FloatArray, FloatArray],
    terminals: Terminals,
) -> FloatArray:
    """Return by how much the terminals at both ends can follow: negative where one cannot.

    The least, over both ends, of 1 minus the square of the slew rate over its limit, and of the
    cosine of the angle off the nearest boresight minus that of the cone.

    Parameters
    ----------
    first, second : pairs of (3, k) arrays
        Position (m) and velocity (m/s) in a frame that does not turn.
    """
    between_m = second[0] - first[0]
    rate_m_s = second[1] - first[1]
    one = _end_margin(*first, between_m, rate_m_s, terminals)
    return np.minimum(one, _end_margin(*second, -between_m, -rate_m_s, terminals))


def _end_margin(
    position_m: FloatArray,
    velocity_m_s: FloatArray,
    between_m: FloatArray,
    rate_m_s: FloatArray,
    terminals: Terminals,
) -> FloatArray:
    normal = _cross(position_m, velocity_m_s)
    turn_rad_per_s = normal / _dot(position_m, position_m)
    seen_m_s = rate_m_s - _cross(turn_rad_per_s, between_m)
    squared = _dot(between_m, between_m)
    # |d x d'|² = |d|²|d'|² - (d·d')²
    slew_squared = (_dot(seen_m_s, seen_m_s) - _dot(between_m, seen_m_s) ** 2 / squared) / squared
    margin = 1.0 - slew_squared / terminals.slew_limit_rad_per_s**2
    if not terminals.boresights:
        return margin
    up = position_m / np.sqrt(_dot(position_m, position_m))
    left = normal / np.sqrt(_dot(normal, normal))
    ahead = _cross(left, up)
    local = np.stack([_dot(axis, between_m) for axis in (ahead, left, up)]) / np.sqrt(squared)
    axes = np.array(terminals.boresights, dtype=np.float64)
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    nearest = (axes @ local).max(axis=0)
    return np.minimum(margin, nearest - np.cos(terminals.field_half_angle_rad))


def _dot(one: FloatArray, other: FloatArray) -> FloatArray:
    return one[0] * other[0] + one[1] * other[1] + one[2] * other[2]


def _cross(one: FloatArray, other: FloatArray) -> FloatArray:
    return np.stack(
        [
            one[1] * other[2] - one[2] * other[1],
            one[2] * other[0] - one[0] * other[2],
            one[0] * other[1] - one[1] * other[0],
        ]
    )
