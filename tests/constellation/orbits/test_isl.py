"""Who sees whom over the horizon of the Earth."""

import numpy as np

from constellation.orbits import isl
from tests.constellation.orbits import fleet

RADIUS_M = isl.EARTH_RADIUS_M


def test_the_earth_and_its_air_stand_between():
    here = np.array([RADIUS_M + 500_000.0, 0.0, 0.0])
    beside = np.array([RADIUS_M + 500_000.0, 1_000_000.0, 0.0])
    behind = -here

    assert isl.in_sight(here, beside)
    assert not isl.in_sight(here, behind, range_limit_m=1e9)


def test_a_beam_through_the_air_is_not_in_sight():
    # Two satellites whose chord passes the Earth at exactly a height.
    for height_m, seen in ((79_000.0, False), (81_000.0, True)):
        half = np.sqrt((RADIUS_M + 600_000.0) ** 2 - (RADIUS_M + height_m) ** 2)
        first = np.array([RADIUS_M + height_m, half, 0.0])
        second = np.array([RADIUS_M + height_m, -half, 0.0])
        assert bool(isl.in_sight(first, second, range_limit_m=1e8)) is seen


def test_range_ends_a_link_and_nobody_links_to_himself():
    first = np.array([RADIUS_M + 500_000.0, 0.0, 0.0])
    second = first + [0.0, 1_000_000.0, 0.0]

    assert not isl.in_sight(first, second, range_limit_m=999_999.0)
    assert not isl.in_sight(first, first)
    assert not isl.in_sight(first, np.full(3, np.nan))


def test_six_of_the_first_satellites_see_one_another_all_day():
    # Published with the element sets: A, C, E, F, K and L keep together.
    names = [each.name for each in fleet.element_sets()]
    together = [names.index(f"SCS-01 {letter}") for letter in "ACEFKL"]
    position_m = fleet.orbits().states(fleet.NOON_S + np.arange(0.0, 86_400.0, 600.0)).position_m
    for instant in range(position_m.shape[1]):
        found = isl.links(position_m[together, instant], range_limit_m=1e7)
        assert len(found) == 15, instant
