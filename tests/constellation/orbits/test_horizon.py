"""Horizons by azimuth: the line itself, and the passes that it leaves."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from constellation.orbits import frames, look, passes
from constellation.orbits.horizon import Horizon
from tests.constellation.orbits import fleet

HOURS_6_S = 21_600.0
MAST = [(0, 5), (99, 5), (100, 40), (102, 40), (103, 5)]
VALLEY = [(350, 30), (10, 30), (80, 2), (100, 2), (170, 45), (190, 45), (260, 0), (280, 0)]


def test_a_horizon_is_straight_from_corner_to_corner_and_all_round():
    horizon = Horizon.from_degrees([(350, 10), (10, 20), (180, 0)])
    for azimuth_deg, elevation_deg in [
        (350, 10.0), (0, 15.0), (360, 15.0), (5, 17.5), (95, 10.0), (180, 0.0), (265, 5.0),
    ]:  # fmt: skip
        assert np.degrees(horizon.at_rad(np.radians(azimuth_deg))) == pytest.approx(elevation_deg)


def test_the_higher_of_mask_and_horizon_counts():
    site = frames.Site.from_degrees(40.0, 116.0, 0.0, 10.0, [(0, 5), (180, 25)])
    assert np.degrees(site.mask_at_rad(np.radians([0.0, 90.0, 180.0]))) == pytest.approx(
        [10.0, 15.0, 25.0]
    )
    assert np.degrees(site.lowest_mask_rad) == pytest.approx(10.0)
    open_ = frames.Site.from_degrees(40.0, 116.0, 0.0, 10.0)
    assert np.degrees(open_.mask_at_rad(np.zeros(2))) == pytest.approx([10.0, 10.0])


@pytest.mark.parametrize(
    ("corners", "problem"),
    [
        ([(0, 5), (400, 5)], "corner 2 of the horizon: azimuth 400 is outside"),
        ([(-1, 5)], "corner 1 of the horizon: azimuth -1 is outside"),
        ([(float("nan"), 5)], "corner 1 of the horizon: azimuth nan is outside"),
        ([(0, 91)], "corner 1 of the horizon: elevation 91 is outside"),
        ([(0, float("nan"))], "corner 1 of the horizon: elevation nan is outside"),
        ([(0, 5), (360, 6)], "corner 2 of the horizon: azimuth 360 is given twice"),
        ([(0, 5, 7)], "corner 1 of the horizon is"),
        ([("north", 5)], "corner 1 of the horizon is"),
        ([7], "corner 1 of the horizon is 7, not"),
    ],
)
def test_a_corner_at_fault_is_named(corners, problem):
    with pytest.raises(ValueError, match=problem):
        Horizon.from_degrees(corners)


def test_a_level_horizon_gives_the_passes_of_the_same_mask():
    start_s, end_s = fleet.NOON_S, fleet.NOON_S + HOURS_6_S
    found = [
        passes.find_passes(fleet.orbits(), [site], start_s, end_s).passes
        for site in (
            frames.Site.from_degrees(40.0, 116.0, 50.0, 12.0),
            frames.Site.from_degrees(40.0, 116.0, 50.0, 0.0, [(77, 12)]),
            frames.Site.from_degrees(40.0, 116.0, 50.0, 12.0, [(0, -3), (180, 12)]),
        )
    ]
    assert len(found[0]) > 10
    for same in found[1:]:
        for name in ("satellite", "begun_before", "ends_after"):
            np.testing.assert_array_equal(getattr(same, name), getattr(found[0], name))
        for name in ("aos_s", "tca_s", "los_s"):
            np.testing.assert_allclose(
                getattr(same, name), getattr(found[0], name), rtol=0, atol=2e-3
            )


@pytest.mark.parametrize("corners", [MAST, VALLEY])
@pytest.mark.parametrize("latitude_deg", [-75.0, 0.0, 48.0])
def test_passes_over_a_horizon_agree_with_a_fine_grid(corners, latitude_deg):
    check_against_a_grid(frames.Site.from_degrees(latitude_deg, 20.0, 0.0, 4.0, corners))


corner_lists = st.lists(
    st.tuples(st.floats(0.0, 359.0), st.floats(-5.0, 60.0)),
    min_size=1,
    max_size=12,
    unique_by=lambda corner: round(corner[0], 1),
)


@settings(max_examples=15, deadline=None)
@given(corners=corner_lists, latitude_deg=st.floats(-90.0, 90.0), mask_deg=st.floats(0.0, 20.0))
def test_any_horizon_agrees_with_a_fine_grid(corners, latitude_deg, mask_deg):
    check_against_a_grid(frames.Site.from_degrees(latitude_deg, 20.0, 0.0, mask_deg, corners))


def check_against_a_grid(site):
    orbits = fleet.orbits().part(0, 3)
    start_s, end_s = fleet.NOON_S, fleet.NOON_S + HOURS_6_S
    found = passes.find_passes(orbits, [site], start_s, end_s).passes
    assert (found.aos_s <= found.tca_s).all()
    assert (found.tca_s <= found.los_s).all()

    grid_s = np.arange(start_s, end_s, 0.5)
    position_m = orbits.states(grid_s).position_m
    for number in range(len(orbits)):
        seen = look.look_angles(site, position_m[number])
        clear_rad = seen.elevation_rad - site.mask_at_rad(seen.azimuth_rad)
        inside = np.zeros(len(grid_s), dtype=bool)
        for k in np.flatnonzero(found.satellite == number):
            here = (grid_s >= found.aos_s[k]) & (grid_s < found.los_s[k])
            inside |= here
            if here.any():
                highest_rad = seen.elevation_rad[here].max()
                # Overhead it changes by up to a degree a second.
                assert -1e-9 <= found.max_elevation_rad[k] - highest_rad < 2e-2
        # What is shorter than two samples may be told apart from nothing, or not.
        short = np.zeros_like(inside)
        for state in (inside, clear_rad > 0.0):
            short[1:-1] |= (state[1:-1] != state[:-2]) | (state[1:-1] != state[2:])
        sure = (np.abs(clear_rad) > 1e-5) & ~short
        np.testing.assert_array_equal(inside[sure], (clear_rad > 0.0)[sure])
