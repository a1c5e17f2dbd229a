"""Work shared among processes: every piece once, whoever dies."""

import multiprocessing
import os
import signal
from collections import Counter
from functools import partial

import pytest

from constellation.orbits import crew


def squared(home, piece):
    return piece**2, os.getpid() == home


def dies_elsewhere(home, piece):
    if os.getpid() != home:
        os.kill(os.getpid(), signal.SIGKILL)
    return piece


def fails(piece):
    raise LookupError(f"piece {piece}")


def slow(home, piece):
    # Long enough here for another process to start and take some.
    signal.sigtimedwait([], 0.05)
    return piece, os.getpid() == home


def test_every_piece_is_done_once():
    found = list(crew.results(partial(squared, os.getpid()), range(50), 3))
    assert Counter(value for value, _ in found) == Counter(number**2 for number in range(50))


def test_another_process_takes_its_part():
    found = list(crew.results(partial(slow, os.getpid()), range(100), 2))
    assert sorted(piece for piece, _ in found) == list(range(100))
    assert {here for _, here in found} == {True, False}


def test_what_a_killed_process_was_doing_is_done_here():
    found = crew.results(partial(slow_then_dies, os.getpid()), range(60), 2)
    assert sorted(found) == list(range(60))


def slow_then_dies(home, piece):
    signal.sigtimedwait([], 0.05)
    return dies_elsewhere(home, piece)


def test_an_error_comes_through():
    with pytest.raises(LookupError, match="piece"):
        list(crew.results(fails, range(5), 2))


def test_no_process_is_left_when_nobody_wants_the_rest():
    before = set(multiprocessing.active_children())
    given = crew.results(partial(slow, os.getpid()), range(100), 2)
    next(given)
    assert set(multiprocessing.active_children()) > before
    given.close()
    assert set(multiprocessing.active_children()) == before
