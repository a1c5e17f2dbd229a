"""Passes by `brahe` (Rust): its own search over its own propagator, frames and ellipsoid."""

from collections.abc import Sequence
from math import cos, radians, sin

import brahe
import numpy as np

STEP_S = 2.0
"""Of its search, which misses what is shorter."""
TOLERANCE_S = 1e-4


def turn_the_earth(dut1_s: float) -> None:
    """Give brahe UT1-UTC as Skyfield's tables have it, and no polar motion, as Skyfield."""
    # The order of 1.8.0 is not that of its documentation: polar motion comes first.
    provider = brahe.StaticEOPProvider.from_values(0.0, 0.0, dut1_s, 0.0, 0.0, 0.0)
    assert provider.get_ut1_utc(_MJD) == dut1_s
    brahe.set_global_eop_provider_from_static_provider(provider)


def passes(
    lines: Sequence[str], station: dict, mask_deg: float, start_s: float, end_s: float
) -> list[tuple[float, float, float]]:
    """Return (AOS, LOS, highest elevation in degrees) of each pass of a TLE over a station."""
    # brahe counts leap seconds between two UTC epochs; from a day of the same year none lies.
    day = brahe.Epoch.from_datetime(2026, 8, 22, 0, 0, 0.0, 0.0, brahe.TimeSystem.UTC)
    place = brahe.PointLocation(
        station["longitude_deg"], station["latitude_deg"], station["altitude_m"]
    )
    flown = brahe.SGPPropagator.from_tle(lines[1], lines[2], 60.0)
    windows = brahe.location_accesses(
        place,
        flown,
        day + (start_s - DAY_S),
        day + (end_s - DAY_S),
        brahe.ElevationConstraint(min_elevation_deg=mask_deg, max_elevation_deg=None),
        config=brahe.AccessSearchConfig(
            initial_time_step=STEP_S, adaptive_step=False, time_tolerance=TOLERANCE_S
        ),
    )
    spans_s = [(window.window_open - day, window.window_close - day) for window in windows]
    return [
        (DAY_S + low_s, DAY_S + high_s, _top_deg(flown, place, day, low_s, high_s))
        for low_s, high_s in spans_s
    ]


def _top_deg(flown, place, day, low_s: float, high_s: float) -> float:
    """Return the highest elevation between two instants, from ever finer grids.

    brahe's own `elevation_max` is a sample's, up to degrees lower overhead.
    """
    latitude, longitude = radians(place.lat), radians(place.lon)
    up = np.array([cos(latitude) * cos(longitude), cos(latitude) * sin(longitude), sin(latitude)])
    for _ in range(5):
        grid_s = np.linspace(low_s, high_s, 21)
        offset_m = np.array([flown.state_ecef(day + at_s)[:3] for at_s in grid_s.tolist()])
        offset_m -= np.asarray(place.center_ecef())
        heights = np.degrees(np.arcsin(offset_m @ up / np.linalg.norm(offset_m, axis=1)))
        top = int(np.argmax(heights))
        low_s, high_s = grid_s[max(top - 1, 0)], grid_s[min(top + 1, 20)]
    return float(heights.max())


DAY_S = 1_787_356_800.0
"""2026-08-22T00:00:00Z."""
_MJD = 61_274.0
