"""JPL's DE421 as Skyfield reads it, from the package that ships it."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from skyfield.api import load_file
from skyfield.sgp4lib import TEME

from constellation.orbits import frames


@cache
def ephemeris():
    """Return the ephemeris. The package itself is not asked: it warns that other files are old."""
    [folder] = find_spec("skyfield_data").submodule_search_locations
    return load_file(str(Path(folder) / "data" / "de421.bsp"))


def apparent_sun_m(at_s) -> np.ndarray:
    """Return where the sun appears from the Earth's centre, TEME, `(..., 3)`."""
    planets, time = ephemeris(), frames.skyfield_time(at_s)
    seen = planets["earth"].at(time).observe(planets["sun"]).apparent()
    return np.moveaxis(seen.frame_xyz(TEME).m, 0, -1)


def geometric_sun_m(at_s) -> np.ndarray:
    """Return where the sun is, light time and aberration left out, as `is_sunlit` has it."""
    planets, time = ephemeris(), frames.skyfield_time(at_s)
    return np.moveaxis((planets["sun"] - planets["earth"]).at(time).frame_xyz(TEME).m, 0, -1)
