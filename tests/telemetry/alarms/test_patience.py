"""Minimum violations and conformance, against one sample at a time."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from telemetry.alarms.patience import Tail, run


def one_by_one(pairs, violations, conformance):
    """The rule in words: up to what the last few all reach, down to what they stay under."""
    level, levels = 0, []
    for n in range(len(pairs)):
        last = [out for out, _ in pairs[max(0, n - violations + 1) : n + 1]]
        up = min(last) if len(last) == violations else 0
        back = [inside for _, inside in pairs[max(0, n - conformance + 1) : n + 1]]
        down = max(back) if len(back) == conformance else 9
        level = up if up > level else min(level, down)
        levels.append(level)
    return levels


def pairs():
    """A sample's level, and with the dead band: the same or worse."""
    one = st.tuples(st.integers(0, 5), st.integers(0, 5))
    return st.lists(one.map(lambda each: (min(each), max(each))), max_size=40)


@given(pairs(), st.integers(1, 6), st.integers(1, 6), st.lists(st.integers(0, 40), max_size=4))
def test_batches_give_what_one_sample_at_a_time_gives(given_pairs, violations, conformance, cuts):
    edges = sorted({0, len(given_pairs), *(min(cut, len(given_pairs)) for cut in cuts)})
    tail, found = Tail(), []
    for start, end in itertools.pairwise(edges):
        part = np.array(given_pairs[start:end], np.int8).reshape(-1, 2)
        levels, tail = run(
            part[:, 0], part[:, 1], violations=violations, conformance=conformance, before=tail
        )
        tail = Tail() if tail.is_at_rest else Tail.from_json(tail.to_json())
        found += levels.tolist()

    assert found == one_by_one(given_pairs, violations, conformance)


def test_two_of_three_violations_raise_nothing_and_three_do():
    out = np.array([2, 2, 0, 2, 2, 2], np.int8)
    levels, _ = run(out, out, violations=3, conformance=1, before=Tail())
    assert levels.tolist() == [0, 0, 0, 0, 0, 2]


def test_inside_of_the_limit_but_not_by_the_dead_band_does_not_return():
    out = np.array([2, 0, 0, 0], np.int8)
    inside = np.array([2, 2, 0, 0], np.int8)
    levels, _ = run(out, inside, violations=1, conformance=2, before=Tail())
    assert levels.tolist() == [2, 2, 2, 0]
