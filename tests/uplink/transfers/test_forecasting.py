"""Forecasts hold what they say: counted over runs of other luck, and by the rule of places."""

import numpy as np
import pytest

from uplink.transfers.forecasting import links, runs
from uplink.transfers.forecasting.links import Flown, Link
from uplink.transfers.forecasting.runs import Need, Opening

MBIT = 1_000_000.0
SURE = Link(0.8, 0.0, 0.0, 1e-9, 1.0)
"""Four fifths of the rate, always; nothing fails."""


def opening(number, from_s, until_s, satellite=1, station="KIR", **details):
    return Opening(f"{number}", satellite, station, from_s, until_s, MBIT, **details)


def ask(needs, openings, link=SURE, places=2, **details):
    return runs.forecast(needs, openings, {}, link, places=places, **details)


def test_what_is_certain_is_told_to_the_second():
    # 100,000 B/s: 60 s of the first contact and 40 s of the second.
    openings = [opening(1, 0, 60), opening(2, 1000, 1600, station="SGS")]
    said = ask([Need("t", 1, 10e6)], openings)["t"]
    assert said.median_s == said.likely_s == pytest.approx(1040 + runs.CLOSING_S)
    assert (said.probability, said.contacts, said.stations) == (1.0, 2, ("KIR", "SGS"))
    assert [round(leg.mean_bytes) for leg in said.legs] == [6_000_000, 4_000_000]


def test_transfers_of_a_satellite_go_one_after_another():
    said = ask([Need("first", 1, 1e6), Need("second", 1, 2e6)], [opening(1, 0, 600)])
    assert said["first"].likely_s == pytest.approx(10 + runs.CLOSING_S)
    assert said["second"].likely_s == pytest.approx(30 + runs.CLOSING_S)


def test_a_free_place_goes_to_the_latest_los_and_who_has_begun_goes_on():
    needs = [Need(f"{number}", number, 3e6) for number in (1, 2, 3)]
    openings = [
        opening("a", 0, 100, satellite=1),
        opening("b", 1, 90, satellite=2),
        opening("c", 2, 95, satellite=3),
    ]
    said = ask(needs, openings, places=1)
    # One has the place for its 30 s; then the one that is longest in view, and the last.
    ends = [said[key].likely_s - runs.CLOSING_S for key in ("1", "3", "2")]
    assert ends == pytest.approx([30, 60, 90])


def test_who_holds_a_place_now_keeps_it_whatever_its_los():
    needs = [Need("1", 1, 1e6), Need("2", 2, 1e6)]
    openings = [
        opening("a", 0, 50, satellite=1, holds_place=True, is_open=True),
        opening("b", 0, 500, satellite=2, is_open=True),
    ]
    said = ask(needs, openings, places=1)
    assert said["1"].likely_s < said["2"].likely_s == pytest.approx(20 + runs.CLOSING_S)


def test_a_path_that_needs_no_place_waits_for_none():
    needs = [Need("1", 1, 1e6), Need("2", 2, 1e6)]
    openings = [
        opening("a", 0, 500, satellite=1),
        opening("laser", 1, 500, satellite=2, takes_place=False),
    ]
    said = ask(needs, openings, places=1)
    assert said["2"].likely_s == pytest.approx(11 + runs.CLOSING_S)


def test_too_few_contacts_are_said_to_be_too_few():
    said = ask([Need("t", 1, 10e6)], [opening(1, 0, 60)])["t"]
    assert (said.probability, said.median_s, said.likely_s) == (0.0, None, None)
    assert said.carried_bytes == pytest.approx(6e6)
    assert ask([Need("t", 1, 10e6)], [])["t"].contacts == 0


def test_the_same_question_has_the_same_answer_and_a_new_contact_leaves_the_others_alone():
    link = Link(0.7, 0.05, 0.1, 2.0, 20.0)
    needs = [Need("t", 1, 20e6)]
    openings = [opening(number, number * 1000, number * 1000 + 200) for number in range(8)]
    once, again = ask(needs, openings, link), ask(needs, openings, link)
    assert once == again
    later = ask(needs, [*openings, opening("late", 90_000, 90_200)], link)
    assert later["t"].likely_s == once["t"].likely_s


def test_nineteen_of_twenty_runs_end_by_the_instant_that_was_named():
    # The same assumptions, other luck: of 2,000 fresh runs a share of 0.95 ends by the forecast
    # (0.5 by the median). The 95th of 400 runs is itself known to 0.011, of 2,000 to 0.005: four
    # standard deviations of both together are 0.048, and 0.11 for the median.
    link = Link(0.7, 0.04, 0.1, 2.0, 20.0)
    openings = [
        opening(number, number * 1000, number * 1000 + 200, station=f"S{number % 3}")
        for number in range(12)
    ]
    needs = [Need("first", 1, 15e6), Need("second", 1, 45e6)]
    said = ask(needs, openings, link, runs=400)
    for key in ("first", "second"):
        fresh = _ends(needs, openings, link, key)
        assert np.mean(fresh <= said[key].likely_s) == pytest.approx(0.95, abs=0.048)
        # Runs end together where a contact ends, so that more than half may end by the median.
        assert np.mean(fresh <= said[key].median_s) > 0.39
        assert np.mean(fresh < said[key].median_s) < 0.61


def _ends(needs, openings, link, key, count=2000, seed=99):
    rates = runs._rates(openings, {}, link, count, seed)
    told = {need.key: runs._Told() for need in needs}
    for run in range(count):
        runs._run(needs, openings, rates[run].tolist(), 2, told)
    return np.array(told[key].ends_s)


def test_a_forecast_from_history_covers_what_that_history_came_from():
    # Stations with a share of their own, twelve contacts seen of each; then a transfer over them.
    dice, inside, count = np.random.default_rng(3), 0, 150
    for trial in range(count):
        means = {f"S{number}": dice.normal(0.75, 0.06) for number in range(3)}
        history = [
            Flown(station, float(np.clip(dice.normal(mean, 0.05), 0.01, 1)), dice.random() < 0.05)
            for station, mean in means.items()
            for _ in range(12)
        ]
        fresh, known = links.estimate(history)
        openings = [
            opening(
                f"{trial}-{number}", number * 1000, number * 1000 + 200, station=f"S{number % 3}"
            )
            for number in range(10)
        ]
        said = runs.forecast([Need("t", 1, 40e6)], openings, known, fresh, places=2, runs=200)["t"]
        at_s, left = np.inf, 40e6
        for each in openings:
            share = np.clip(dice.normal(means[each.station], 0.05), 0.01, 1)
            can = 0.0 if dice.random() < 0.05 else share * 200 * MBIT / 8
            if left <= can:
                at_s = each.from_s + left / (can / 200) + runs.CLOSING_S
                break
            left -= can
        inside += at_s <= said.likely_s
    # At least 0.95 less three standard deviations of 150 trials (0.018 each).
    assert inside / count >= 0.95 - 0.054


def test_without_history_links_are_what_costs_are_counted_with():
    fresh, known = links.estimate([])
    assert known == {}
    assert fresh.share == pytest.approx(links.SHARE)
    assert fresh.failed / fresh.flown == pytest.approx(0.05)


def test_a_station_is_drawn_to_the_others_as_long_as_little_is_known_of_it():
    often = [Flown("KIR", 0.6)] * 40
    fresh, known = links.estimate([*often, Flown("SGS", 0.9), Flown("SVL", None, failed=True)])
    assert known["KIR"].share == pytest.approx(0.6, abs=0.01)
    assert known["KIR"].share < known["SGS"].share < 0.9
    assert fresh.share == pytest.approx(known["KIR"].share, abs=0.04)
    assert known["KIR"].share_error < known["SGS"].share_error < fresh.share_error
    assert known["SVL"].failed / known["SVL"].flown > known["KIR"].failed / known["KIR"].flown
