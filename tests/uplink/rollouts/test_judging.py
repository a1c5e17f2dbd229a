"""Conditions, metric gates and safe windows. Pure."""

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uplink.rollouts import conditions, gates, reading, windows
from uplink.rollouts.conditions import Tally
from uplink.rollouts.gates import Reading, Verdict

S, F, U = Verdict.SUCCESSFUL, Verdict.FAILED, Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("condition", "tally", "is_failed"),
    [
        ({"percent": 0}, Tally(10, 0, 0), False),
        ({"percent": 0}, Tally(10, 5, 1), True),
        ({"percent": 20}, Tally(10, 4, 1), False),  # strictly more
        ({"percent": 20}, Tally(10, 3, 1), True),  # of the finished, not of all
        ({"percent": 20, "min_finished": 5}, Tally(10, 3, 1), False),
        ({"percent": 20, "min_finished": 50}, Tally(10, 7, 3), True),  # a sample beyond the ring
        ({"count": 2}, Tally(100, 0, 1), False),
        ({"count": 2}, Tally(100, 98, 2), True),
    ],
)
def test_errors_are_counted_over_the_finished(condition, tally, is_failed):
    assert bool(conditions.failed(conditions.parse_failure(condition), tally)) == is_failed


@pytest.mark.parametrize(
    ("condition", "tally", "is_through"),
    [
        ({}, Tally(4, 4, 0), True),
        ({}, Tally(4, 3, 0), False),
        ({"percent": 75}, Tally(4, 3, 1), True),
        ({"percent": 75, "min_finished": 2}, Tally(4, 2, 0), True),
        ({"percent": 75, "min_finished": 9}, Tally(4, 3, 0), False),
        ({"percent": 1}, Tally(0, 0, 0), False),
    ],
)
def test_success_needs_enough_that_are_finished(condition, tally, is_through):
    assert conditions.succeeded(conditions.parse_success(condition), tally) == is_through


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50), st.integers(1, 60))
def test_a_ring_that_is_finished_is_never_left_hanging_by_a_sample(good, bad, open_, least):
    tally = Tally(good + bad + open_, good, bad)
    condition = conditions.parse_failure({"percent": 0, "min_finished": least})
    if open_ == 0 and bad:
        assert conditions.failed(condition, tally)
    if tally.finished == 0:
        assert not conditions.succeeded(conditions.Success(1.0, 1), tally)


@pytest.mark.parametrize(
    "wrong",
    [
        {"percent": "10"}, {"percent": nan}, {"percent": inf}, {"percent": True}, {"percent": -1},
        {"percent": 100}, {"percent": 10, "of": "all"}, {"count": 0}, {"count": 1.5},
        {"percent": None}, {}, [], "percent > 10", None, {"percent": 1, "min_finished": 0},
    ],
)  # fmt: skip
def test_an_error_condition_that_cannot_be_read_is_refused(wrong):
    with pytest.raises(reading.Malformed, match="error"):
        conditions.parse_failure(wrong)


@pytest.mark.parametrize(
    "wrong", [{"percent": 0}, {"percent": "all"}, {"min_finished": "2"}, {"is": 1}, None, 5]
)
def test_a_success_condition_that_cannot_be_read_is_refused(wrong):
    with pytest.raises(reading.Malformed, match="success"):
        conditions.parse_success(wrong)


def gate(**details) -> gates.Gate:
    return gates.parse([{"metric": "token_rate", "min": 5, **details}])[0]


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        (Reading(5.0, 1.0), S),
        (Reading(4.9, 1.0), F),
        (Reading(None), U),
        (Reading(nan, 1.0), U),
        (Reading(inf, 1.0), U),
        (Reading("fast", 1.0), U),
        (Reading(True, 1.0), U),
        (Reading(50.0, 31.0), U),
    ],
)
def test_what_is_not_known_is_never_a_success(seen, verdict):
    assert gates.measure(gate(), seen).verdict is verdict


@pytest.mark.parametrize(
    ("details", "measured", "verdict"),
    [
        ({}, [], Verdict.RUNNING),
        ({}, [S, S], Verdict.RUNNING),
        ({}, [S, S, S], S),
        ({}, [S, S, F], F),
        ({"failure_limit": 1}, [S, S, F], S),
        ({"failure_limit": 5, "count": 2}, [F, F], Verdict.RUNNING),  # no success among them
        ({}, [U] * 5, Verdict.RUNNING),
        ({}, [U] * 6, U),
        ({}, [U] * 5 + [S, S], Verdict.RUNNING),  # only conclusive ones count
        ({}, [U] * 6 + [F], F),
        ({"failure_limit": 1, "consecutive_successes": 2}, [S, S, F, S], Verdict.RUNNING),
        ({"failure_limit": 1, "consecutive_successes": 2}, [S, S, F, S, S], S),
        ({"dry_run": True}, [F, F, F], S),
    ],
)
def test_gates_are_judged_as_argo_judges_them(details, measured, verdict):
    assert gates.assess(gate(**details), measured).verdict is verdict


@given(st.lists(st.sampled_from([U]), max_size=50), st.integers(1, 10), st.integers(0, 50))
def test_silence_alone_never_succeeds(measured, count, limit):
    judged = gates.assess(gate(count=count, inconclusive_limit=limit), measured)
    assert judged.verdict is not S


@pytest.mark.parametrize(
    "wrong",
    [
        {"metric": "luck", "min": 1}, {"metric": "token_rate"},
        {"metric": "token_rate", "min": "x"},
        {"metric": "token_rate", "min": 2, "max": 1}, {"metric": "token_rate", "min": nan},
        {"metric": "token_rate", "min": 1, "count": 0}, {"metric": "token_rate", "min": 1, "if": 1},
        {"metric": ["token_rate"], "min": 1}, "token_rate > 5",
        {"metric": "error_rate", "max": 5}, {"metric": "latency_s", "max": -1},
    ],
)  # fmt: skip
def test_a_gate_that_cannot_be_read_is_refused(wrong):
    with pytest.raises(reading.Malformed, match=r"metrics\[0\]"):
        gates.parse([wrong])


SAFE = {
    "battery_charge": (0.8, 8000),
    "accelerator_temperature": (40.0, 4000),
    "sunlight": ("SUN", 2),
    "queries_running": (0, 0),
    "queries_queued": (0, 0),
}


def seen(age_s=1.0, **changed):
    known = {**SAFE, **{name: (value, value) for name, value in changed.items()}}
    return {name: windows.Value(value, raw, age_s) for name, (value, raw) in known.items()}


@pytest.mark.parametrize(
    ("known", "gently", "says"),
    [
        (seen(), True, ""),
        ({}, False, "battery_charge is not known"),
        (seen(age_s=31.0), False, "last heard 31 s ago"),
        (seen(battery_charge=0.2), False, "the battery is at 20 %"),
        (seen(battery_charge=nan), False, "the battery is at nan %"),
        (seen(accelerator_temperature=90.0), False, "the accelerator has 90 °C"),
        (seen(accelerator_temperature=nan), False, "the accelerator has nan"),
        (seen(sunlight=0), False, "it is in eclipse"),
        (seen(queries_running=1), False, "is being answered"),
        (seen(queries_queued=1), False, ""),
        (seen(queries_queued=1), True, "1 questions wait on board"),
    ],
)
def test_a_model_changes_in_a_safe_window_alone(known, gently, says):
    rules = windows.parse({"min_charge": 0.5, "in_sunlight": True})
    said = windows.objection(rules, known, gently=gently)
    assert says in said if says else said == ""
    assert windows.objection(rules, seen(), gently=True, open_questions=1)


def test_unknown_names_of_a_window_are_refused():
    with pytest.raises(reading.Malformed, match=r"safe_window\.wind is not known"):
        windows.parse({"wind": 1})
