"""The greedy planner, by itself: what it chooses never conflicts, and it wastes little."""

from collections import defaultdict
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constellation.contacts.greedy import Dish, Problem, Window, Wish, plan

DISH = Dish(antenna=1, station=1, setup_s=60.0, teardown_s=15.0, uplink_bit_per_s=2e7)


def problem(windows, **details):
    wanted = {"start_s": 0.0, "dishes": [DISH], "wishes": {}, "minimum_s": 60.0}
    return Problem(windows=windows, **wanted | details)


def spans(choices):
    return sorted((choice.antenna, choice.aos_s, choice.los_s) for choice in choices)


def test_a_window_becomes_a_contact():
    assert spans(plan(problem([Window(1, 1, 100.0, 500.0)]))) == [(1, 100.0, 500.0)]


def test_a_window_under_way_is_joined():
    assert spans(plan(problem([Window(1, 1, -300.0, 200.0)], start_s=3.0))) == [(1, 3.0, 200.0)]
    assert plan(problem([Window(1, 1, -300.0, 50.0)])) == []


def test_the_longer_goes_first_and_the_other_gets_what_is_left():
    windows = [Window(1, 1, 100.0, 500.0), Window(2, 1, 300.0, 900.0)]
    # The second is whole; the first ends a tear-down and a set-up before it.
    assert spans(plan(problem(windows))) == [(1, 100.0, 225.0), (1, 300.0, 900.0)]


def test_a_second_antenna_takes_the_other():
    other = Dish(2, 1, 60.0, 15.0, 2e7)
    windows = [Window(1, 1, 100.0, 500.0), Window(2, 1, 300.0, 900.0)]
    assert len(plan(problem(windows, dishes=[DISH, other]))) == 2
    assert {choice.antenna for choice in plan(problem(windows, dishes=[DISH, other]))} == {1, 2}


def test_a_satellite_is_at_one_station_at_a_time():
    other = Dish(2, 2, 60.0, 15.0, 2e7)
    windows = [Window(1, 1, 0.0, 500.0), Window(1, 2, 300.0, 900.0)]
    assert spans(plan(problem(windows, dishes=[DISH, other]))) == [
        (1, 0.0, 225.0),
        (2, 300.0, 900.0),
    ]


def test_who_wants_something_goes_before_who_does_not():
    windows = [Window(1, 1, 100.0, 700.0), Window(2, 1, 100.0, 600.0)]
    wishes = {1: Wish(), 2: Wish(up_bytes=1e9, value=1.0)}
    first, *_ = plan(problem(windows, wishes=wishes))
    assert first.window.satellite == 2


def test_a_wish_that_is_served_counts_no_more():
    # Satellite 2 wants what one pass carries; its second pass is as good as anybody's.
    windows = [
        Window(2, 1, 0.0, 600.0),
        Window(1, 1, 10_000.0, 10_600.0),
        Window(2, 1, 10_000.0, 10_500.0),
    ]
    wishes = {1: Wish(), 2: Wish(up_bytes=5e8, value=1.0)}
    chosen = plan(problem(windows, wishes=wishes))
    assert [choice.window for choice in chosen] == windows[:2]


def test_a_satellite_not_heard_of_in_time_goes_first():
    windows = [Window(1, 1, 100.0, 700.0), Window(2, 1, 100.0, 600.0)]
    wishes = {1: Wish(), 2: Wish(health_due_s=300.0)}
    assert plan(problem(windows, wishes=wishes))[0].window.satellite == 2


def test_what_is_busy_stays_busy():
    busy = {"antenna_busy": {1: [(200.0, 300.0)]}}
    assert spans(plan(problem([Window(1, 1, 0.0, 900.0)], **busy))) == [
        (1, 0.0, 185.0),
        (1, 360.0, 900.0),
    ]
    busy = {"satellite_busy": {1: [(0.0, 900.0)]}}
    assert plan(problem([Window(1, 1, 0.0, 900.0)], **busy)) == []


windows = st.builds(
    lambda satellite, station, aos_s, length_s: Window(satellite, station, aos_s, aos_s + length_s),
    st.integers(1, 4),
    st.integers(1, 3),
    st.floats(-600.0, 5_000.0),
    st.floats(1.0, 900.0),
)
dishes = st.builds(
    Dish, st.integers(1, 6), st.integers(1, 3), st.floats(0, 90), st.floats(0, 30), st.just(2e7)
)


@given(
    st.lists(windows, max_size=25, unique=True),
    st.lists(dishes, max_size=6, unique_by=lambda dish: dish.antenna),
    st.dictionaries(
        st.integers(1, 4),
        st.builds(Wish, st.floats(0, 1e10), st.floats(0, 100), st.floats(0, 6_000)),
    ),
)
def test_no_two_choices_conflict_and_nothing_that_fits_is_left(wanted, stations, wishes):
    asked = problem(wanted, dishes=stations, wishes=wishes)
    choices = plan(asked)
    by_antenna = {dish.antenna: dish for dish in stations}
    taken = defaultdict(list)
    for choice in choices:
        dish = by_antenna[choice.antenna]
        assert dish.station == choice.window.station
        assert choice.window.aos_s <= choice.aos_s < choice.los_s <= choice.window.los_s
        assert choice.aos_s >= asked.start_s
        assert choice.los_s - choice.aos_s >= asked.minimum_s
        padded = (choice.aos_s - dish.setup_s, choice.los_s + dish.teardown_s)
        taken["antenna", choice.antenna].append(padded)
        taken["satellite", choice.window.satellite].append(padded)
    for several in taken.values():
        several.sort()
        for (_, end_s), (start_s, _) in pairwise(several):
            assert start_s >= end_s - 1e-6
    # Asked again around what it chose, it finds nothing more.
    again = problem(
        wanted,
        dishes=stations,
        antenna_busy={key[1]: spans for key, spans in taken.items() if key[0] == "antenna"},
        satellite_busy={key[1]: spans for key, spans in taken.items() if key[0] == "satellite"},
    )
    assert plan(again) == []


def test_a_window_shorter_than_the_minimum_is_left():
    assert plan(problem([Window(1, 1, 0.0, 59.0)])) == []
    assert spans(plan(problem([Window(1, 1, 0.0, 61.0)]))) == [(1, 0.0, pytest.approx(61.0))]
