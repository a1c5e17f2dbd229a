"""The sun and the moon by JPL's DE421, through Skyfield: what our short series are held to."""

from functools import cache
from pathlib import Path

import numpy as np
import skyfield_data
from skyfield.api import load_file
from skyfield.framelib import itrs

from constellation.orbits import frames


@cache
def planets():
    """Return the ephemeris that the package `skyfield-data` ships."""
    # Not by the package's own function: that one warns of another file, which is not used.
    return load_file(Path(skyfield_data.__file__).parent / "data" / "de421.bsp")


def apparent_itrs_m(body: str, at_s: np.ndarray) -> np.ndarray:
    """Return where a body appears from the Earth's centre, `(instants, 3)`."""
    seen = planets()["earth"].at(frames.skyfield_time(at_s)).observe(planets()[body])
    return seen.apparent().frame_xyz(itrs).m.T


def apart_rad(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the angles between vectors `(..., 3)`."""
    across = np.linalg.norm(np.cross(first, second), axis=-1)
    return np.arctan2(across, np.einsum("...i,...i->...", first, second))
