"""The moon and the sun against JPL's DE421."""

import numpy as np
import pytest

from constellation.orbits import eclipse, moon
from tests.constellation.orbits import ephemeris


@pytest.mark.parametrize(
    ("body", "position_m", "within_deg", "within_m"),
    [("moon", moon.moon_m, 0.09, 600e3), ("sun", eclipse.sun_m, 0.012, 15e6)],
)
def test_our_series_stay_as_near_to_the_ephemeris_as_they_say(
    body, position_m, within_deg, within_m
):
    # 1970 to 2046, at random: every phase of every term.
    at_s = np.random.default_rng(1).uniform(0.0, 2.4e9, 3_000)
    truth_m = ephemeris.apparent_itrs_m(body, at_s)

    ours_m = position_m(at_s)

    assert np.degrees(ephemeris.apart_rad(ours_m, truth_m)).max() < within_deg
    away_m = np.linalg.norm(ours_m, axis=1) - np.linalg.norm(truth_m, axis=1)
    assert np.abs(away_m).max() < within_m
