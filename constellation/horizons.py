"""What stands around a station, as people give it: corners of azimuth and elevation."""

from math import isfinite
from typing import Any

from ops.errors import Invalid

CORNERS_MAX = 720
"""Two corners a degree: finer than any survey."""


class BadHorizon(Invalid):
    code = "bad_horizon"


def read(given: Any) -> list[list[float]]:
    """Return the corners of a horizon in order of azimuth, in [0, 360).

    Between corners the horizon is straight in azimuth and elevation, and from the last round
    to the first; one corner is the same elevation all round, none an open horizon. Refuses
    what is not such a list, saying which corner is wrong and what it should be.
    """
    if not isinstance(given, list):
        raise BadHorizon(
            "A horizon is a list of corners [azimuth_deg, elevation_deg], such as "
            f"[[0, 5], [90, 12.5], [180, 3]], not {_shown(given)}."
        )
    if len(given) > CORNERS_MAX:
        raise BadHorizon(f"The horizon has {len(given)} corners; at most {CORNERS_MAX} are kept.")
    corners: dict[float, float] = {}
    for number, corner in enumerate(given, start=1):
        azimuth_deg, elevation_deg = _corner(number, corner)
        if azimuth_deg in corners:
            raise BadHorizon(
                f"Corner {number} of the horizon: azimuth {azimuth_deg:g} is given twice."
            )
        corners[azimuth_deg] = elevation_deg
    return [[azimuth_deg, corners[azimuth_deg]] for azimuth_deg in sorted(corners)]


def _corner(number: int, corner: Any) -> tuple[float, float]:
    where = f"Corner {number} of the horizon"
    if not isinstance(corner, list) or len(corner) != 2 or not all(map(_is_number, corner)):
        raise BadHorizon(f"{where} is {_shown(corner)}; it must be [azimuth_deg, elevation_deg].")
    azimuth_deg, elevation_deg = map(float, corner)
    if not 0.0 <= azimuth_deg <= 360.0:
        raise BadHorizon(f"{where}: azimuth {azimuth_deg:g} is outside of 0 to 360.")
    if not -90.0 <= elevation_deg < 90.0:
        raise BadHorizon(f"{where}: elevation {elevation_deg:g} is outside of -90 to below 90.")
    return azimuth_deg % 360.0, elevation_deg


def _is_number(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and isfinite(value)


def _shown(value: Any) -> str:
    words = repr(value)
    return words if len(words) <= 60 else words[:57] + "..."
