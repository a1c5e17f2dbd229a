"""Windows between satellites against brute force, and the parts they are made of."""

from dataclasses import replace

import numpy as np
import pytest

from constellation.orbits import crossings, isl, isl_windows, propagation, spans, tracks
from tests.benchmarks.isl import announced
from tests.constellation.orbits import dense_isl, fleet

HOUR_S = 3_600.0
CHOSEN = [0, 1, 2, 49, 50, 398, 402, 438, 900, 951, 1399, 1500, 2000, 2500, 2799]
"""Neighbours in one plane, in planes side by side, and satellites of every shell."""
FOUR_SIDES = ((1.0, 0.0, 0.0), (-1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, -1.0, 0.0))


@pytest.fixture(scope="module")
def orbits():
    whole = announced()
    return propagation.Orbits([whole[number] for number in CHOSEN])


def found(orbits, hours, *, wanted=None, workers=1, **details):
    start_s = fleet.NOON_S
    search, refused = isl_windows.prepare(orbits, start_s, start_s + hours * HOUR_S, **details)
    parts = isl_windows.windows(search, isl_windows.blocks(search, wanted), workers=workers)
    return list(rows(parts)), refused


def rows(parts):
    for part in parts:
        columns = (getattr(part, name).tolist() for name in part.__dataclass_fields__)
        yield from (
            dict(zip(part.__dataclass_fields__, each, strict=True))
            for each in zip(*columns, strict=True)
        )


@pytest.mark.parametrize(
    ("terminals", "edge_s"),
    [
        (isl.Terminals(), 0.02),
        (isl.Terminals(range_limit_m=1_500_000.0, slew_limit_rad_per_s=np.inf), 0.05),
        # A limit near the rate at which orbits turn: the rate crosses it slowly.
        (isl.Terminals(slew_limit_rad_per_s=float(np.radians(0.1))), 0.5),
        (
            isl.Terminals(boresights=FOUR_SIDES, field_half_angle_rad=float(np.radians(35.0))),
            0.02,
        ),
    ],
    ids=["default", "near", "slow", "four sides"],
)
def test_windows_are_those_of_brute_force(orbits, terminals, edge_s):
    # SGP4 every two seconds, other formulae for sight and for how fast a terminal turns. What
    # differs is the metre of the quintics, at the speed with which the edge is crossed.
    windows, _ = found(orbits, 6, terminals=terminals)
    start_s = fleet.NOON_S
    drawn = np.random.default_rng(7)
    everything = [(one, other) for other in range(len(CHOSEN)) for one in range(other)]
    pairs = [(0, 1), (0, 3), (5, 6), (5, 7), (8, 9)]
    pairs += [everything[k] for k in drawn.choice(len(everything), 10, replace=False)]
    compared = 0
    for pair in pairs:
        exact = dense_isl.windows(
            orbits, pair, start_s, start_s + 6 * HOUR_S, terminals, step_s=2.0
        )
        mine = [each for each in windows if (each["first"], each["second"]) == pair]
        mine = [each for each in mine if each["end_s"] - each["start_s"] > 2.0]
        exact = exact[exact[:, 1] - exact[:, 0] > 2.0]
        assert len(mine) == len(exact), pair
        for each, (begins_s, ends_s) in zip(mine, exact, strict=True):
            assert each["start_s"] == pytest.approx(begins_s, abs=edge_s)
            assert each["end_s"] == pytest.approx(ends_s, abs=edge_s)
            compared += 1
    assert compared > 20


def test_the_least_range_is_that_of_the_window(orbits):
    windows, _ = found(orbits, 6)
    flown = {}
    for each in windows[::5]:
        at_s = np.linspace(each["start_s"], each["end_s"], 2_000)
        for end in ("first", "second"):
            flown[end] = orbits.part(each[end], each[end] + 1).teme(at_s)[0][0]
        range_m = np.linalg.norm(flown["first"] - flown["second"], axis=1)
        # Where the window ends nearest, the edge itself is a metre off at most; and between
        # 2,000 instants of a long window the range falls by some metres more.
        assert each["min_range_m"] == pytest.approx(range_m.min(), abs=40.0)
        assert each["start_s"] <= each["nearest_s"] <= each["end_s"]


def test_neighbours_of_one_plane_see_each_other_all_the_time(orbits):
    windows, _ = found(orbits, 3)
    (always,) = [each for each in windows if (each["first"], each["second"]) == (0, 1)]
    assert always["begun_before"]
    assert always["ends_after"]
    assert (always["start_s"], always["end_s"]) == (fleet.NOON_S, fleet.NOON_S + 3 * HOUR_S)
    others = [each for each in windows if not (each["begun_before"] or each["ends_after"])]
    assert others
    assert all(each["start_s"] > fleet.NOON_S for each in others)


def test_each_pair_is_told_once_whoever_is_asked_for(orbits):
    everything, _ = found(orbits, 2)
    some, _ = found(orbits, 2, wanted=[9, 2])
    expected = [each for each in everything if {each["first"], each["second"]} & {2, 9}]

    # BLAS adds in another order for blocks of another shape.
    def told(windows):
        return sorted((w["first"], w["second"], round(w["start_s"], 3)) for w in windows)

    assert told(some) == told(expected)
    assert found(orbits, 2, wanted=[])[0] == []


def test_several_processes_tell_the_same(orbits, monkeypatch):
    alone, _ = found(orbits, 1)
    monkeypatch.setattr(isl_windows, "ROWS", 4)
    together, _ = found(orbits, 1, workers=2)

    def rounded(windows):
        return sorted((w["first"], w["second"], round(w["start_s"], 3)) for w in windows)

    assert rounded(together) == rounded(alone)


def test_short_windows_are_left_out_but_not_those_that_the_span_cuts(orbits):
    windows, _ = found(orbits, 2)
    longer, _ = found(orbits, 2, min_duration_s=600.0)

    def lasts_s(each):
        return each["end_s"] - each["start_s"]

    cut = [each for each in windows if each["begun_before"] or each["ends_after"]]
    assert any(lasts_s(each) < 600.0 for each in cut)
    expected = [each for each in windows if lasts_s(each) >= 600.0 or each in cut]
    assert [each["start_s"] for each in longer] == pytest.approx(
        [each["start_s"] for each in expected], abs=1e-3
    )
    assert len(longer) < len(windows)


def test_a_satellite_that_sgp4_refuses_is_named_and_sees_nobody():
    mean = fleet.element_sets()
    falling = replace(mean[0], mean_motion_rev_per_day=16.6, bstar_per_earth_radius=0.05)
    flown = propagation.Orbits([("FALLING", falling), ("A", mean[0]), ("C", mean[2])])
    search, refused = isl_windows.prepare(flown, fleet.NOON_S, fleet.NOON_S + 24 * HOUR_S)
    windows = list(rows(isl_windows.windows(search, isl_windows.blocks(search))))

    assert list(refused) == ["FALLING"]
    assert {(each["first"], each["second"]) for each in windows} == {(1, 2)}


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"range_limit_m": 0.0}, "range limit is 0.0 m"),
        ({"slew_limit_rad_per_s": -1.0}, "slew limit is -1.0 rad/s"),
        ({"grazing_height_m": -7e6}, "below the centre"),
        ({"boresights": ((0.0, 0.0, 0.0),)}, "needs a direction"),
    ],
)
def test_terminals_that_mean_nothing_are_refused(limits, reason):
    with pytest.raises(ValueError, match=reason):
        isl.Terminals(**limits)


def test_tracks_keep_to_sgp4():
    at_s = fleet.NOON_S + np.linspace(0.0, 24 * HOUR_S, 4_001)
    for step_s, most_m in ((120.0, 1.0), (240.0, 2.0)):
        flown = tracks.fly(fleet.orbits(), fleet.NOON_S, fleet.NOON_S + 24 * HOUR_S, step_s=step_s)
        exact_m, exact_m_s = fleet.orbits().teme(at_s)
        for number in range(len(flown.names)):
            which = np.full(len(at_s), number)
            position_m, velocity_m_s = flown.at(which, at_s)
            assert np.abs(position_m.T - exact_m[number]).max() < most_m
            # SGP4's velocities are themselves centimetres a second off its positions.
            assert np.abs(velocity_m_s.T - exact_m_s[number]).max() < 0.1


def test_crossings_between_nodes_of_one_sign_are_found():
    # sin(x) - c with nodes so far apart that a hump or a dip lies between two of them.
    step_s, level = 0.9, 0.97
    x = 0.3 + step_s * np.arange(60.0)[:, None]
    for sign in (1.0, -1.0):
        sampled = crossings.Sampled(
            sign * (np.sin(x) - level), sign * np.cos(x), -sign * np.sin(x), step_s
        )
        seen = crossings.crossings(sampled)
        at = 0.3 + step_s * np.sort(seen.steps)
        humps = np.arange(-1, 12)[:, None] * 2 * np.pi + [
            np.arcsin(level),
            np.pi - np.arcsin(level),
        ]
        inside = humps[(humps > x[0, 0]) & (humps < x[-1, 0])]
        assert len(at) == len(inside)
        np.testing.assert_allclose(at, np.sort(inside), rtol=0, atol=2e-3)


def test_spans_are_what_nothing_blocks():
    events = spans.Events(
        np.array([3, 3, 3, 3, 3, 3, 8, 9, 9]),
        np.array([0.0, 2.0, 4.0, 3.0, 4.0, 6.0, 0.0, 0.0, 5.0]),
        np.array([1, -1, -1, 1, 1, -1, 0, 2, -1]),
    )
    pair, start_s, end_s = spans.free(events, 0.0, 10.0)
    # One block of 3 ends where the next begins; 9 keeps one of two.
    assert pair.tolist() == [3, 3, 8]
    assert (start_s.tolist(), end_s.tolist()) == ([2.0, 6.0, 0.0], [3.0, 10.0, 10.0])
