"""Laser links: which satellites see each other above the air."""

import numpy as np

from constellation.orbits.frames import FloatArray

EARTH_RADIUS_M = 6_371_008.8
"""Mean radius (IUGG); the margin of `GRAZING_HEIGHT_M` swallows the flattening."""
GRAZING_HEIGHT_M = 80_000.0
"""A beam below this is bent and absorbed by the air."""
RANGE_LIMIT_M = 5_000_000.0
"""A planning value: what a terminal of 100 Gbit/s closes today."""


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
