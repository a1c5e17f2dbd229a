"""When satellites see each other: windows of all pairs over a span, in bounded memory.

A block of pairs at a time: sight and range at even nodes as products of matrices (`isl_sight`),
their changes of sign on quintics (`crossings`), then, only where satellites come near enough for
it, whether the terminals can follow (`isl.pointing_margin`). Nothing is kept between blocks, so
that memory does not grow with the number of windows; whoever takes them decides what to keep.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from multiprocessing import get_context

import numpy as np

from constellation.orbits import isl, isl_pointing, isl_sight, spans, tracks
from constellation.orbits.crossings import Sampled, crossings, turns
from constellation.orbits.frames import FloatArray
from constellation.orbits.propagation import Orbits

IntArray = np.ndarray

STEP_S = 240.0
"""Some 24 nodes an orbit: quintics are a metre off, which is a millisecond of an edge."""
BLOCK_VALUES = 1_000_000
"""Pairs times nodes in one block: 8 MB an array."""
ROWS = 8
"""Satellites on the first side of a block: enough for BLAS to be busy."""


@dataclass(frozen=True)
class Windows:
    """Windows as columns: row k is of satellites `first[k]` < `second[k]`, by their numbers.

    Where the span begins or ends within a window, its start or end is the span's, and
    `begun_before` or `ends_after` says so. `nearest_s` is when both are nearest in the window;
    `min_range_m` is right to some 20 m.
    """

    first: IntArray
    second: IntArray
    start_s: FloatArray
    end_s: FloatArray
    min_range_m: FloatArray
    nearest_s: FloatArray
    begun_before: np.ndarray
    ends_after: np.ndarray

    def __len__(self) -> int:
        return len(self.start_s)

    def where(self, wanted: np.ndarray) -> "Windows":
        """Return the rows that are wanted."""
        return Windows(*(getattr(self, name)[wanted] for name in self.__dataclass_fields__))


def joined(parts: Sequence[Windows]) -> Windows:
    """Return the windows of all parts as one; whoever joins them has room for them."""
    names = list(Windows.__dataclass_fields__)
    if not parts:
        return Windows(*(np.empty(0, dtype=np.int32) for _ in names))
    return Windows(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


@dataclass(frozen=True)
class Search:
    """What is looked for: satellites flown, and what their terminals can do."""

    orbits: Orbits
    flown: tracks.Tracks
    terminals: isl.Terminals
    min_duration_s: float = 0.0

    def __reduce__(self) -> tuple:
        # To fly the satellites again costs another process less memory than their nodes.
        return _again, (
            self.orbits,
            self.start_s,
            self.end_s,
            self.terminals,
            self.min_duration_s,
            self.flown.step_s,
        )

    @cached_property
    def terms(self) -> isl_sight.Terms:
        """Return what sight and range are products of."""
        return isl_sight.terms(self.flown, self.terminals)

    @property
    def start_s(self) -> float:
        """Return where the span begins."""
        return float(self.flown.instants_s[0])

    @property
    def end_s(self) -> float:
        """Return where the span ends."""
        return float(self.flown.instants_s[-1])


@dataclass(frozen=True)
class Block:
    """All of the first satellites with all of the second, where `kept` says so."""

    first: slice
    second: slice
    kept: np.ndarray
    """`(first, second)`, flat: each pair of the search is kept in one block alone."""

    def ends(self, pair: IntArray) -> tuple[IntArray, IntArray]:
        """Return the satellites of pairs of this block, by their numbers in it."""
        row, column = np.divmod(pair, self.second.stop - self.second.start)
        return self.first.start + row, self.second.start + column


def prepare(
    orbits: Orbits,
    start_s: float,
    end_s: float,
    *,
    terminals: isl.Terminals | None = None,
    min_duration_s: float = 0.0,
    step_s: float = STEP_S,
) -> tuple[Search, dict[str, str]]:
    """Fly the satellites; return the search, and the names of those that SGP4 refuses, and why.

    A satellite refused anywhere in the span has no windows.
    """
    terminals = terminals or isl.Terminals()
    flown = tracks.fly(orbits, start_s, end_s, step_s=step_s)
    lost = np.flatnonzero(~np.isfinite(flown.nodes).all(axis=(1, 2)))
    refused: dict[str, str] = {}
    for number in lost.tolist():
        refused |= orbits.part(number, number + 1).states(flown.instants_s).refused
    # Far from everybody: the refused see nobody.
    flown.nodes[lost] = 1e12
    return Search(orbits, flown, terminals, min_duration_s), refused


def _again(
    orbits: Orbits,
    start_s: float,
    end_s: float,
    terminals: isl.Terminals,
    min_duration_s: float,
    step_s: float,
) -> Search:
    search, _ = prepare(
        orbits,
        start_s,
        end_s,
        terminals=terminals,
        min_duration_s=min_duration_s,
        step_s=step_s,
    )
    return search


def blocks(search: Search, wanted: Sequence[int] | None = None) -> list[Block]:
    """Return the blocks of all pairs, or of the pairs of `wanted` satellites with all others.

    Wanted satellites cost least where they come first.
    """
    count, nodes = len(search.flown.names), len(search.flown.instants_s)
    is_row = np.ones(count, dtype=bool)
    if wanted is not None:
        is_row[:] = False
        is_row[np.asarray(wanted, dtype=np.int64)] = True
    numbers = np.arange(count)
    made: list[Block] = []
    width = max(1, BLOCK_VALUES // (nodes * ROWS))
    for row in range(0, count, ROWS):
        first = slice(row, min(count, row + ROWS))
        if not is_row[first].any():
            continue
        # A pair of two wanted satellites belongs to the lesser.
        first = slice(row, min(first.stop, row + 1 + int(np.flatnonzero(is_row[first])[-1])))
        for start in range(row if is_row.all() else 0, count, width):
            second = slice(start, min(count, start + width))
            own, other = numbers[first, None], numbers[second]
            kept = is_row[first, None] & (~is_row[second] | (own < other)) & (own != other)
            if kept.any():
                made.append(Block(first, second, kept.ravel()))
    return made


def windows(search: Search, made: Iterable[Block], *, workers: int = 1) -> Iterator[Windows]:
    """Yield the windows of each block, ordered within it by pair and start.

    With several workers each is a process of its own, with its own copy of the search.
    """
    if workers <= 1:
        yield from (of_block(search, block) for block in made)
        return
    with ProcessPoolExecutor(
        workers, mp_context=get_context("spawn"), initializer=_take, initargs=(search,)
    ) as pool:
        # A few ahead, and no more: results that nobody has taken yet are memory too.
        made = iter(made)
        ahead = deque(pool.submit(_of_block, each) for each in islice(made, 2 * workers))
        while ahead:
            yield ahead.popleft().result()
            ahead.extend(pool.submit(_of_block, each) for each in islice(made, 1))


_taken: list[Search] = []


def _take(search: Search) -> None:
    _taken[:] = [search]


def _of_block(block: Block) -> Windows:
    return of_block(_taken[0], block)


def of_block(search: Search, block: Block) -> Windows:
    """Return the windows of one block."""
    near = search.terms.sampled(block.first, block.second, graze=False)
    conditions = [near]
    if search.terms.may_graze(block.first, block.second):
        conditions.append(search.terms.sampled(block.first, block.second, graze=True))
    wanted = block.kept.copy()
    events = [_events(search, each, wanted) for each in conditions]
    joined = spans.Events.joined(events)
    joined = joined.where(wanted[joined.pair])
    pointing = isl_pointing.Pointing(search.flown, search.terminals, block.ends)
    approaches = isl_pointing.sharpened(pointing, _approaches(search, near, wanted))
    blocked = isl_pointing.blocked(
        pointing,
        approaches,
        lambda: spans.free(joined, search.start_s, search.end_s),
    )
    found = spans.free(spans.Events.joined([joined, blocked]), search.start_s, search.end_s)
    return _windows(search, block, near, found, approaches)


def _events(search: Search, condition: Sampled, wanted: np.ndarray) -> spans.Events:
    """Return when the condition blocks each pair; take those it always blocks from `wanted`."""
    change = crossings(condition)
    at_first = condition.value[0] <= 0.0
    met = ~at_first
    met[change.which] = True
    wanted &= met
    pairs = np.arange(len(at_first))
    return spans.Events(
        np.concatenate([pairs, change.which]),
        np.concatenate(
            [np.full(len(pairs), search.start_s), search.start_s + change.steps * condition.step_s]
        ),
        np.concatenate([at_first.astype(np.int8), np.where(change.rising, -1, 1).astype(np.int8)]),
    )


def _approaches(search: Search, near: Sampled, wanted: np.ndarray) -> isl_pointing.Approaches:
    """Return when pairs within range come nearest, or are so where the span begins or ends."""
    closing = near.slope > 0.0
    node, pair = np.nonzero(closing[:-1] & ~closing[1:])
    reached = near.value[node, pair] + near.slope[node, pair] * near.step_s > 0.0
    reached &= wanted[pair]
    node, pair = node[reached], pair[reached]
    steps = turns(near, node, pair)
    value = near.between(node, pair, steps)
    first = np.flatnonzero(~closing[0] & (near.value[0] > 0.0) & wanted)
    last = np.flatnonzero(closing[-1] & (near.value[-1] > 0.0) & wanted)
    pair = np.concatenate([pair, first, last])
    steps = np.concatenate(
        [node + steps, np.zeros(len(first)), np.full(len(last), len(closing) - 1.0)]
    )
    value = np.concatenate([value, near.value[0, first], near.value[-1, last]])
    at_s = search.start_s + steps * near.step_s
    order = np.lexsort((at_s, pair))
    order = order[value[order] > 0.0]
    range_m = _range_m(search.terminals, value[order])
    return isl_pointing.Approaches(pair[order], at_s[order], range_m)


def _range_m(terminals: isl.Terminals, value: FloatArray) -> FloatArray:
    return np.sqrt(np.maximum(terminals.range_limit_m**2 - 2.0 * value, 0.0))


def _windows(
    search: Search,
    block: Block,
    near: Sampled,
    found: tuple[IntArray, FloatArray, FloatArray],
    approaches: isl_pointing.Approaches,
) -> Windows:
    pair, start_s, end_s = found
    begun, unended = start_s <= search.start_s, end_s >= search.end_s
    long = (end_s - start_s >= search.min_duration_s) | begun | unended
    pair, start_s, end_s, begun, unended = (
        each[long] for each in (pair, start_s, end_s, begun, unended)
    )
    range_m, nearest_s = _nearest(search, near, (pair, start_s, end_s), approaches)
    ends = block.ends(pair)
    return Windows(
        np.minimum(*ends).astype(np.int32),
        np.maximum(*ends).astype(np.int32),
        start_s,
        end_s,
        range_m,
        nearest_s,
        begun,
        unended,
    )


def _nearest(
    search: Search,
    near: Sampled,
    found: tuple[IntArray, FloatArray, FloatArray],
    approaches: isl_pointing.Approaches,
) -> tuple[FloatArray, FloatArray]:
    """Return the least range within each window, and when: at an approach or at an end."""
    pair, start_s, end_s = found
    range_m, nearest_s = np.full(len(pair), np.inf), start_s.copy()
    for at_s in (start_s, end_s):
        along = (at_s - search.start_s) / near.step_s
        node = np.clip(along.astype(np.int64), 0, len(near.value) - 2)
        here_m = _range_m(search.terminals, near.between(node, pair, along - node))
        nearer = here_m < range_m
        range_m[nearer], nearest_s[nearer] = here_m[nearer], at_s[nearer]
    # Windows and approaches are both ordered by pair and time: one number tells both.
    span_s = search.end_s - search.start_s + 1.0
    key = pair * span_s + (start_s - search.start_s)
    window = np.searchsorted(key, approaches.pair * span_s + approaches.at_s - search.start_s)
    window = np.maximum(window - 1, 0)
    if len(pair):
        inside = (pair[window] == approaches.pair) & (approaches.at_s <= end_s[window])
        inside &= approaches.at_s >= start_s[window]
        inside &= approaches.range_m < range_m[window]
        # The nearest last: it is what stays.
        rows = np.flatnonzero(inside)
        rows = rows[np.argsort(-approaches.range_m[rows], kind="stable")]
        range_m[window[rows]], nearest_s[window[rows]] = (
            approaches.range_m[rows],
            approaches.at_s[rows],
        )
    return range_m, nearest_s
