"""Laser terminals: never more copies at a time than there are, and none refused that would fit."""

from hypothesis import given
from hypothesis import strategies as st

from uplink.transfers.spreading.terminals import Terminals

spans = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 12)), max_size=12)


@given(spans, st.integers(1, 3), st.integers(1, 12), st.integers(0, 50))
def test_the_first_free_moment_is_found(asked, count, takes, from_s):
    terminals, busy = Terminals({1: count, 2: 100}), []
    for at, long in asked:
        begins = terminals.free_for(1, 2, at, long)
        terminals.take(1, begins, begins + long)
        busy.append((begins, begins + long))

    def at_once(at):
        return sum(begin <= at < end for begin, end in busy)

    def fits(at):
        return all(at_once(at + k) < count for k in range(takes))

    assert max((at_once(k) for k in range(600)), default=0) <= count
    found = terminals.free_for(1, 2, from_s, takes)
    assert found == next(k for k in range(from_s, 1000) if fits(k))


def test_a_branch_keeps_to_itself_what_it_takes():
    terminals = Terminals({1: 1})
    terminals.take(1, 0.0, 10.0)
    branch = terminals.branch()
    branch.take(1, 10.0, 20.0)
    assert branch.free_for(1, 9, 0.0, 5.0) == 20.0
    assert terminals.free_for(1, 9, 0.0, 5.0) == 10.0
    # A gap is used, and who has no terminal never gets a copy.
    terminals.take(1, 30.0, 40.0)
    assert terminals.free_for(1, 9, 0.0, 5.0) == 10.0
    assert terminals.free_for(1, 9, 0.0, 25.0) == 40.0
    assert Terminals({1: 0}).free_for(1, 9, 0.0, 1.0) == float("inf")
