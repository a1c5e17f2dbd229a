"""Which satellites go first. Pure."""

from collections import Counter

import pytest

from uplink.rollouts import reading, rings


def fleet(planes: int, slots: int) -> tuple[list[rings.Candidate], Counter[str]]:
    found = [
        rings.Candidate(
            plane * slots + slot,
            f"C-{plane}-{slot:02}",
            "inference" if plane % 7 else "training",
            "p",
            f"P{plane}",
            f"S{plane % 3}",
            slot,
        )
        for plane in range(planes)
        for slot in range(slots)
    ]
    return found, Counter(one.plane for one in found)


@pytest.mark.parametrize("percentage", [1, 10, 50, 99, 100])
def test_a_canary_never_takes_a_whole_plane(percentage):
    candidates, sizes = fleet(6, 5)
    canary, rest = rings.share_out(
        [rings.Wanted("canary", percentage, is_canary=True), rings.Wanted("rest")],
        candidates,
        sizes,
    )
    taken = Counter(one.plane for one in canary)
    assert all(taken[plane] < sizes[plane] for plane in taken)
    assert max(taken.values()) - min(taken.values()) <= 1
    assert sorted(one.pk for one in canary + rest) == sorted(one.pk for one in candidates)


def test_a_canary_that_names_a_whole_plane_is_refused():
    candidates, sizes = fleet(2, 2)
    named = rings.Wanted("canary", 100, True, rings.parse_filter({"codes": ["C-0-00", "C-0-01"]}))
    with pytest.raises(rings.Unfillable, match="every satellite of plane P0"):
        rings.share_out([named], candidates, sizes)


def test_a_plane_of_one_is_no_canary():
    candidates, sizes = fleet(3, 1)
    with pytest.raises(rings.Unfillable, match="whole plane"):
        rings.share_out([rings.Wanted("canary", 10, True)], candidates, sizes)


def test_percentages_are_of_what_is_left_and_rounded_up():
    candidates, sizes = fleet(10, 11)
    shared = rings.share_out(
        [rings.Wanted("a", 1), rings.Wanted("b", 10), rings.Wanted("c")], candidates, sizes
    )
    assert [len(ring) for ring in shared] == [2, 11, 97]


@pytest.mark.parametrize(
    ("given", "count"),
    [
        ({"plane": "P1"}, 5),
        ({"plane": ["P1", "P2"], "role": "inference"}, 10),
        ({"shell": "S0"}, 15),
        ({"cluster": ["S0", "P1"]}, 20),
        ({"codes": ["C-0-00"], "profile": "p"}, 1),
        ({}, 45),
    ],
)
def test_filters_choose(given, count):
    candidates, _ = fleet(9, 5)
    chosen = rings.parse_filter(given)
    assert sum(rings.admits(chosen, one) for one in candidates) == count


@pytest.mark.parametrize("given", [[], {"orbit": "x"}, {"plane": []}, {"plane": [1]}, {"codes": 5}])
def test_a_filter_that_cannot_be_read_is_refused(given):
    with pytest.raises(reading.Malformed, match="filter"):
        rings.parse_filter(given)


def test_the_planned_fleet_is_shared_out():
    candidates, sizes = fleet(70, 40)
    wanted = [rings.Wanted("1", 1, True), rings.Wanted("2", 10), rings.Wanted("3")]
    shared = rings.share_out(wanted, candidates, sizes)
    assert [len(ring) for ring in shared] == [28, 278, 2494]
    assert len({one.plane for one in shared[0]}) == 28
