"""What contacts in the Earth's shadow cost, and that plans keep within what batteries allow."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constellation.contacts import shadow
from constellation.contacts.greedy import Dish, Problem, Window, plan

DISH = Dish(antenna=1, station=1, setup_s=60.0, teardown_s=15.0, uplink_bit_per_s=2e7)


def planned(windows, eclipses):
    problem = Problem(
        start_s=0.0, windows=windows, dishes=[DISH], wishes={}, minimum_s=60.0, eclipses=eclipses
    )
    return [(each.window.satellite, each.aos_s, each.los_s) for each in plan(problem)]


def test_an_eclipse_leaves_what_the_load_does_not_take():
    # 30 % of 1,500 Wh are 1.62 MJ; 35 minutes at 232 W take 487 kJ; 360 W take the rest in 3,147 s.
    power = {"battery_j": 5.4e6, "discharge_most": 0.3, "load_w": 232.0, "contact_w": 360.0}
    assert shadow.allowance_s(2_100.0, **power) == pytest.approx(3_146.7, abs=0.1)
    assert shadow.allowance_s(7_000.0, **power) == 0.0
    assert shadow.allowance_s(2_100.0, **power | {"contact_w": 0.0}) == float("inf")


def test_of_two_that_want_an_antenna_the_one_in_the_light_gets_it():
    windows = [Window(1, 1, 100.0, 600.0), Window(2, 1, 100.0, 560.0)]
    assert planned(windows, {}) == [(1, 100.0, 600.0)]
    assert planned(windows, {1: [shadow.Eclipse(0.0, 2_000.0)]}) == [(2, 100.0, 560.0)]


def test_a_much_longer_pass_goes_first_in_the_shadow_too():
    windows = [Window(1, 1, 100.0, 700.0), Window(2, 1, 100.0, 400.0)]
    first, *_ = planned(windows, {1: [shadow.Eclipse(0.0, 2_000.0)]})
    assert first == (1, 100.0, 700.0)


def test_a_contact_ends_when_the_battery_has_given_what_it_may():
    eclipse = {1: [shadow.Eclipse(300.0, 2_400.0, allowance_s=100.0)]}
    assert planned([Window(1, 1, 100.0, 700.0)], eclipse) == [(1, 100.0, 400.0)]
    # One that leaves the shadow begins later; one within it gets the allowance alone.
    assert planned([Window(1, 1, 2_100.0, 2_700.0)], eclipse) == [(1, 2_300.0, 2_700.0)]
    assert planned([Window(1, 1, 500.0, 1_000.0)], eclipse) == [(1, 500.0, 600.0)]


def test_an_eclipse_that_allows_nothing_has_no_contact():
    assert planned([Window(1, 1, 500.0, 1_000.0)], {1: [shadow.Eclipse(300.0, 2_400.0, 0.0)]}) == []


def test_two_passes_in_one_eclipse_share_what_it_allows():
    windows = [Window(1, 1, 400.0, 700.0), Window(1, 1, 1_000.0, 1_200.0)]
    eclipse = {1: [shadow.Eclipse(300.0, 2_400.0, allowance_s=400.0)]}
    assert planned(windows, eclipse) == [(1, 400.0, 700.0), (1, 1_000.0, 1_100.0)]


spans = st.tuples(st.integers(0, 3_000), st.integers(60, 900)).map(lambda s: (s[0], s[0] + s[1]))


@given(
    passes=st.lists(st.tuples(st.integers(1, 3), spans), max_size=8),
    darkness=st.lists(
        st.tuples(st.integers(1, 3), st.integers(0, 2_500), st.integers(0, 400)),
        max_size=3,
        unique_by=lambda each: each[0],
    ),
)
def test_no_plan_uses_an_eclipse_beyond_its_allowance(passes, darkness):
    windows = [Window(satellite, 1, float(low), float(high)) for satellite, (low, high) in passes]
    eclipses = {
        satellite: [shadow.Eclipse(float(entry), entry + 2_000.0, float(allowed))]
        for satellite, entry, allowed in darkness
    }
    choices = planned(windows, eclipses)
    for satellite, (eclipse,) in eclipses.items():
        used_s = sum(
            eclipse.overlap_s((aos_s, los_s))
            for chosen, aos_s, los_s in choices
            if chosen == satellite
        )
        assert used_s <= eclipse.allowance_s + 1e-6
    assert all(los_s - aos_s >= 60.0 for _, aos_s, los_s in choices)
