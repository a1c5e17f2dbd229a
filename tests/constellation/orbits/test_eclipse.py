"""Sun and shadow against the almanac and against geometry."""

from datetime import UTC, datetime

import numpy as np
import pytest

from constellation.orbits import eclipse, propagation
from constellation.orbits.eclipse import Light
from tests.constellation.orbits import fleet


@pytest.mark.parametrize(
    ("at", "longitude_deg"),
    [
        # Seasons of 2026 (US Naval Observatory), to the minute.
        (datetime(2026, 3, 20, 14, 46, tzinfo=UTC), 0.0),
        (datetime(2026, 6, 21, 8, 24, tzinfo=UTC), 90.0),
        (datetime(2026, 9, 23, 0, 5, tzinfo=UTC), 180.0),
        (datetime(2026, 12, 21, 20, 50, tzinfo=UTC), 270.0),
    ],
)
def test_the_seasons_begin_when_the_almanac_says(at, longitude_deg):
    x, y, z = eclipse.sun_teme_m(at.timestamp())
    tilt = np.radians(23.4361)
    longitude = np.arctan2(y * np.cos(tilt) + z * np.sin(tilt), x)
    apart = (np.degrees(longitude) - longitude_deg + 180.0) % 360.0 - 180.0

    assert abs(apart) < 0.015


def test_the_sun_stands_over_greenwich_at_apparent_noon():
    # The equation of time is -3 min 3 s on 2026-08-22: the sun is late.
    at_s = datetime(2026, 8, 22, 12, 3, 0, tzinfo=UTC).timestamp()
    x, y, _ = eclipse.sun_m(at_s)

    assert np.degrees(np.arctan2(y, x)) == pytest.approx(0.0, abs=0.1)


def test_light_behind_beside_and_before_the_earth():
    sun = np.array([eclipse.ASTRONOMICAL_UNIT_M, 0.0, 0.0])
    radius = eclipse.EARTH.radius_m
    places = np.array(
        [
            [-7e6, 0.0, 0.0],
            [7e6, 0.0, 0.0],
            [-2.0e6, radius, 0.0],
            [-2.0e6, radius + 30_000.0, 0.0],
            [-2.0e6, radius - 30_000.0, 0.0],
        ]
    )
    assert eclipse.light(places, sun).tolist() == [
        Light.UMBRA,
        Light.SUNLIT,
        Light.PENUMBRA,
        Light.SUNLIT,
        Light.UMBRA,
    ]


def test_a_dawn_dusk_plane_is_lit_longer_than_one_edge_on():
    at_s = fleet.NOON_S + np.arange(0.0, 6_000.0, 10.0)
    lit = eclipse.light(fleet.orbits().states(at_s).position_m, eclipse.sun_m(at_s))
    shares = (lit == Light.SUNLIT).mean(axis=1)

    assert shares.min() > 0.55
    assert (np.diff((lit == Light.SUNLIT).astype(int), axis=1) != 0).any(axis=1).sum() == 13


def test_beta_is_the_angle_between_plane_and_sun():
    position = np.array([7e6, 0.0, 0.0])
    velocity = np.array([0.0, 7_500.0, 0.0])
    for angle in (-1.2, 0.0, 0.7):
        sun = np.array([np.cos(angle), 0.0, np.sin(angle)]) * 1.5e11
        assert eclipse.beta_rad(position, velocity, sun) == pytest.approx(angle, abs=1e-12)


def test_a_state_that_sgp4_refuses_is_not_called_lit():
    nowhere = propagation.Orbits([]).states([fleet.NOON_S])
    assert eclipse.light(nowhere.position_m, eclipse.sun_m(fleet.NOON_S)).shape == (0, 1)
