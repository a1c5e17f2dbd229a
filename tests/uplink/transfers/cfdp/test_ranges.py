"""The interval set against a plain set of integers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uplink.transfers.cfdp.ranges import Ranges

spans = st.tuples(st.integers(0, 60), st.integers(0, 20)).map(lambda p: (p[0], p[0] + p[1]))
changes = st.lists(st.tuples(st.booleans(), spans), max_size=40)


def merged(numbers: set[int]) -> list[tuple[int, int]]:
    out: list[list[int]] = []
    for number in sorted(numbers):
        if out and out[-1][1] == number:
            out[-1][1] += 1
        else:
            out.append([number, number + 1])
    return [tuple(pair) for pair in out]


@given(changes, spans, st.sampled_from([7, 16, 1000]))
def test_ranges_are_a_set_of_integers(steps, window, region_bytes):
    # Regions of a few bytes, so that ranges cross their borders all the time.
    ranges, model = Ranges(region_bytes=region_bytes), set()
    for adds, (start, end) in steps:
        touched = set(range(start, end))
        if adds:
            assert ranges.add(start, end) == len(touched - model)
            model |= touched
        else:
            assert ranges.remove(start, end) == len(touched & model)
            model -= touched

    assert list(ranges) == merged(model)
    assert ranges.total == len(model)
    assert ranges.end == max(model, default=-1) + 1
    assert bool(ranges) == bool(model)
    wanted = set(range(*window))
    assert {n for a, b in ranges.gaps(*window) for n in range(a, b)} == wanted - model
    assert list(ranges.gaps(*window)) == merged(wanted - model)
    assert {n for a, b in ranges.within(*window) for n in range(a, b)} == wanted & model
    assert ranges.covers(*window) == (wanted <= model)
    if model:
        assert ranges.first()[0] == min(model)
    assert Ranges.from_multirange(ranges.to_multirange()) == ranges
    assert Ranges(ranges.to_json()) == ranges == ranges.copy()


def test_a_multirange_is_postgresql_s_text():
    assert Ranges([(0, 10), (20, 30)]).to_multirange() == "{[0,10),[20,30)}"
    assert Ranges().to_multirange() == "{}"
    with pytest.raises(ValueError, match="not a multirange"):
        Ranges.from_multirange("[0,10)")


def test_a_range_that_ends_before_it_starts_is_refused():
    with pytest.raises(ValueError, match="not a range"):
        Ranges().add(5, 4)
