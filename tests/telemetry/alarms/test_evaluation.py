"""Columns against limits, by hand-made truth: every kind, context, patience and dead band."""

import numpy as np
import pytest

from telemetry.alarms import evaluation, limit_reading
from telemetry.archive import columns

LABELS = {0: "SAFE", 1: "IDLE", 2: "INFERENCE"}
GROUPS = {"heat": "COMPUTE", "errors": "COMPUTE", "mode": "PLATFORM", "sun": "PLATFORM"}


def table(at_s, **series):
    """Samples at seconds; a series of names is an enumeration."""
    at_ns = (np.array(at_s, np.float64) * 1e9).astype(np.int64)
    found = {}
    for name, values in series.items():
        if isinstance(values[0], str):
            raw = {label: number for number, label in LABELS.items()}
            found[name] = columns.Column(np.array([raw[v] for v in values]), labels=LABELS)
        else:
            found[name] = columns.Column(np.arange(len(values)), np.array(values, np.float64))
    return columns.Samples(at_ns, at_ns, found)


class Judge:
    """One satellite's limits, judged batch by batch."""

    def __init__(self, parameter, **content):
        limit = limit_reading.read(content)
        rule = evaluation.compile_rule("rule", parameter, GROUPS[parameter], limit)
        self.plan = evaluation.Plan.of([rule], GROUPS)
        self.memory = evaluation.Memory()
        self.facts = {}
        self.asked = 0

    def answer(self, name, at_ns):
        self.asked += 1
        return np.array([self.facts[name](at / 1e9) for at in at_ns], bool)

    def take(self, **tables):
        found = evaluation.evaluate(self.plan, tables, self.memory, self.answer)
        return [(change.at_ns / 1e9, change.level) for change in found]

    def look_back(self, **tables):
        return evaluation.look_back(self.plan, tables, self.answer)


def test_static_ranges_rise_through_the_levels_and_return_by_the_dead_band():
    judge = Judge(
        "heat",
        kind="static",
        levels={"warning": {"high": 70}, "distress": {"high": 80}, "severe": {"high": 90}},
        dead_band=2,
    )
    heat = [60, 70, 71, 81, 95, 89, 79, 69, 68, 67]
    #       ok  ok  2   3   5   5>  3   2   2>  0    (a level falls 2 degrees below where it rose)
    assert judge.take(COMPUTE=table(range(10), heat=heat)) == [
        (2, 2), (3, 3), (4, 5), (6, 3), (7, 2), (8, 0)
    ]  # fmt: skip


def test_what_nobody_minds_asks_nothing_and_remembers_nothing():
    judge = Judge(
        "heat",
        kind="static",
        levels={"warning": {"high": 70}},
        suppressed_when=[{"fact": "eclipsed"}],
    )
    assert judge.take(COMPUTE=table(range(3), heat=[1, 2, 70])) == []
    assert (judge.asked, judge.memory.rules) == (0, {})


def test_patience_reaches_over_batches_and_forgets_when_all_is_well():
    judge = Judge(
        "heat",
        kind="static",
        levels={"warning": {"high": 70}},
        minimum_violations=3,
        minimum_conformance=2,
    )
    assert judge.take(COMPUTE=table([0, 1], heat=[75, 75])) == []
    assert judge.take(COMPUTE=table([2], heat=[75])) == [(2, 2)]
    assert judge.take(COMPUTE=table([3], heat=[60])) == []
    assert judge.take(COMPUTE=table([4], heat=[60])) == [(4, 0)]
    judge.take(COMPUTE=table([5], heat=[60]))
    assert judge.memory.rules == {}


def test_values_that_are_no_numbers_neither_raise_nor_return():
    judge = Judge("heat", kind="static", levels={"warning": {"high": 70}})
    nan = float("nan")
    assert judge.take(COMPUTE=table([0, 1, 2], heat=[nan, 71, nan])) == [(1, 2)]
    assert judge.take(COMPUTE=table([3], heat=[nan])) == []
    assert judge.memory.rules["rule"]["level"] == 2


def test_values_that_mean_nothing_neither_raise_nor_return_nor_count():
    judge = Judge("heat", kind="static", levels={"warning": {"high": 70}}, minimum_violations=2)
    bad = table(range(4), heat=[999, 71, 999, 71])
    bad.invalid["heat"] = np.array([True, False, True, False])
    assert judge.take(COMPUTE=bad) == [(3, 2)]
    cold = table([4, 5], heat=[-273, -273])
    cold.invalid["heat"] = np.array([True, True])
    assert judge.take(COMPUTE=cold) == []
    assert judge.look_back(COMPUTE=cold) == []
    assert judge.memory.rules["rule"]["level"] == 2


def test_labels_that_mean_nothing_have_no_level():
    judge = Judge("mode", kind="enumeration", labels={"SAFE": "distress"})
    modes = table(range(3), mode=["IDLE", "SAFE", "IDLE"])
    modes.invalid["mode"] = np.array([False, True, False])
    assert judge.take(PLATFORM=modes) == []


def test_a_range_may_be_forbidden_inside():
    judge = Judge("heat", kind="static", levels={"watch": {"low": 30, "high": 40, "inside": True}})
    assert judge.take(COMPUTE=table(range(4), heat=[29, 30, 40, 41])) == [(1, 1), (3, 0)]


def test_labels_have_levels():
    judge = Judge("mode", kind="enumeration", labels={"SAFE": "distress"})
    modes = ["IDLE", "SAFE", "SAFE", "INFERENCE"]
    assert judge.take(PLATFORM=table(range(4), mode=modes)) == [(1, 3), (3, 0)]
    assert judge.take(PLATFORM=table([5], mode=["IDLE"])) == []


def test_labels_that_are_not_named_may_have_one_too():
    judge = Judge("mode", kind="enumeration", labels={"IDLE": "normal"}, otherwise="watch")
    assert judge.take(PLATFORM=table(range(2), mode=["IDLE", "SAFE"])) == [(1, 1)]


def test_the_first_context_that_holds_takes_the_place_of_the_default():
    judge = Judge(
        "heat",
        kind="static",
        levels={"warning": {"high": 70}},
        contexts=[
            {"when": [{"parameter": "mode", "is": ["SAFE"]}], "levels": {"critical": {"high": 50}}},
            {"when": [{"fact": "sunlit"}], "levels": {"watch": {"high": 65}}},
        ],
    )
    judge.facts["sunlit"] = lambda at_s: at_s >= 3
    platform = table([0, 2, 3], mode=["IDLE", "SAFE", "INFERENCE"])
    heat = table(range(5), heat=[60, 60, 60, 66, 60])
    assert judge.take(PLATFORM=platform, COMPUTE=heat) == [(2, 4), (3, 1), (4, 0)]
    # The platform's packet may come in another batch than the accelerator's.
    judge.take(PLATFORM=table([9], mode=["SAFE"]))
    assert judge.take(COMPUTE=table([10], heat=[60])) == [(10, 4)]


def test_an_unknown_condition_does_not_hold():
    judge = Judge(
        "heat",
        kind="static",
        levels={"warning": {"high": 70}},
        contexts=[{"when": [{"parameter": "mode", "is": ["SAFE"]}], "levels": {}}],
    )
    assert judge.take(COMPUTE=table([0], heat=[75])) == [(0, 2)]


def test_suppression_by_design_is_told_with_the_level():
    judge = Judge(
        "heat",
        kind="static",
        levels={"warning": {"high": 70}},
        suppressed_when=[{"parameter": "mode", "is": ["SAFE"]}],
    )
    tables = {
        "PLATFORM": table(range(3), mode=["IDLE", "SAFE", "IDLE"]),
        "COMPUTE": table(range(3), heat=[75, 75, 75]),
    }
    found = evaluation.evaluate(judge.plan, tables, judge.memory, judge.answer)
    told = [(each.at_ns / 1e9, each.level, each.is_suppressed) for each in found]
    assert told == [(0, 2, False), (1, 2, True), (2, 2, False)]


def test_a_rate_is_measured_over_its_span_and_over_batches():
    judge = Judge(
        "errors", kind="change", basis="per_second", span_s=10, levels={"warning": {"high": 0.5}}
    )
    # One error in a while: 0.1/s. Six in ten seconds: 0.6/s, whichever batch they come in.
    assert judge.take(COMPUTE=table(range(20), errors=[0] * 10 + [1] * 10)) == []
    assert judge.take(COMPUTE=table(range(20, 23), errors=[3, 5, 6])) == []
    assert judge.take(COMPUTE=table(range(23, 25), errors=[7, 7])) == [(23, 2)]
    assert judge.take(COMPUTE=table(range(25, 40), errors=[7] * 15)) == [(30, 0)]


def test_counts_after_a_long_silence_are_no_burst():
    judge = Judge(
        "errors", kind="change", basis="per_second", span_s=10, levels={"warning": {"high": 0.5}}
    )
    judge.take(COMPUTE=table(range(20), errors=[0] * 20))
    assert judge.take(COMPUTE=table([5000, 5001], errors=[40, 40])) == []


def test_the_first_sample_has_nothing_to_differ_from():
    judge = Judge("errors", kind="change", basis="per_second", levels={"warning": {"high": 0.5}})
    assert judge.take(COMPUTE=table([0], errors=[10**6])) == []


def test_a_change_from_sample_to_sample_may_be_in_per_cent():
    judge = Judge(
        "heat",
        kind="change",
        basis="per_sample",
        percentage=True,
        levels={"watch": {"low": -10, "high": 10}},
    )
    assert judge.take(COMPUTE=table([0, 1], heat=[100, 109])) == []
    assert judge.take(COMPUTE=table([2, 3, 4], heat=[125, 124, 100])) == [(2, 1), (3, 0), (4, 1)]


def test_a_dump_is_told_by_its_excursions_and_moves_nothing():
    judge = Judge("heat", kind="static", levels={"warning": {"high": 70}, "critical": {"high": 90}})
    found = judge.look_back(COMPUTE=table(range(7), heat=[60, 75, 95, 72, 60, 71, 60]))

    spans = [(e.first_ns / 1e9, e.last_ns / 1e9, e.count, e.level, e.value) for e in found]
    assert spans == [(1, 3, 3, 4, 95), (5, 5, 1, 2, 71)]
    assert judge.memory == evaluation.Memory()


@pytest.mark.parametrize("rows", [1, 7, 100])
def test_cutting_a_series_into_batches_changes_nothing(rows):
    content = {
        "kind": "static",
        "levels": {"warning": {"low": -1, "high": 1}, "critical": {"low": -2, "high": 2}},
        "minimum_violations": 2,
        "minimum_conformance": 3,
        "dead_band": 0.2,
    }
    heat = np.random.default_rng(5).normal(size=100) * 1.5
    whole = Judge("heat", **content).take(COMPUTE=table(range(100), heat=heat.tolist()))
    judge, found = Judge("heat", **content), []
    for start in range(0, 100, rows):
        part = heat[start : start + rows].tolist()
        found += judge.take(COMPUTE=table(range(start, start + len(part)), heat=part))
    assert found == whole
    assert len(whole) > 5
