"""Sets of byte ranges: what was received, what was acknowledged, what is missing.

A file with a hundred thousand gaps is repaired one gap at a time, so that one sorted list of
ranges would move a hundred thousand entries for each. The file is therefore cut into regions
of 8 MiB, each with its own two short sorted lists; a range that crosses a border is two.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator

REGION_BYTES = 8 * 1024 * 1024


class Ranges:
    """A set of integers kept as half-open ranges [start, end), sorted and merged.

    Adding, removing and asking cost the logarithm of the ranges in one region.
    """

    __slots__ = ("_lowest", "_region_bytes", "_regions", "total")

    def __init__(
        self, ranges: Iterable[Iterable[int]] = (), *, region_bytes: int = REGION_BYTES
    ) -> None:
        self._region_bytes = region_bytes
        self._regions: dict[int, tuple[list[int], list[int]]] = {}
        self._lowest: int | None = None  # the lowest region, where it is known
        self.total = 0
        for start, end in ranges:
            self.add(start, end)

    def add(self, start: int, end: int) -> int:
        """Add [start, end); return how many integers are new."""
        if start < 0 or end < start:
            raise ValueError(f"[{start}, {end}) is not a range.")
        size, new = self._region_bytes, 0
        while start < end:
            index = start // size
            stop = min(end, (index + 1) * size)
            region = self._regions.get(index)
            if region is None:
                self._regions[index] = ([start], [stop])
                self._lowest = None
                new += stop - start
            else:
                new += _add(region, start, stop)
            start = stop
        self.total += new
        return new

    def remove(self, start: int, end: int) -> int:
        """Take [start, end) out; return how many integers were there."""
        gone = 0
        for first, last in list(self.within(start, end)):
            gone += self._remove(first, last)
        self.total -= gone
        return gone

    def _remove(self, start: int, end: int) -> int:
        size, gone = self._region_bytes, 0
        while start < end:
            index = start // size
            stop = min(end, (index + 1) * size)
            starts, ends = self._regions[index]
            at = bisect_right(starts, start) - 1
            low, high = starts[at], ends[at]
            pieces = [(a, b) for a, b in ((low, start), (stop, high)) if a < b]
            starts[at : at + 1] = [a for a, _ in pieces]
            ends[at : at + 1] = [b for _, b in pieces]
            if not starts:
                del self._regions[index]
                self._lowest = None
            gone += stop - start
            start = stop
        return gone

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """Yield the ranges in order; neighbours over a region's border come as one."""
        pending: tuple[int, int] | None = None
        for index in sorted(self._regions):
            for start, end in zip(*self._regions[index], strict=True):
                if pending is not None and pending[1] == start:
                    pending = (pending[0], end)
                    continue
                if pending is not None:
                    yield pending
                pending = (start, end)
        if pending is not None:
            yield pending

    def within(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield the parts of the ranges that lie in [start, end), cut at region borders."""
        if start >= end:
            return
        size = self._region_bytes
        first, last = start // size, (end - 1) // size
        if last - first < len(self._regions):
            indices: Iterable[int] = range(first, last + 1)
        else:
            indices = sorted(index for index in self._regions if first <= index <= last)
        for index in indices:
            region = self._regions.get(index)
            if region is None:
                continue
            starts, ends = region
            at = bisect_right(ends, start) if index == first else 0
            while at < len(starts) and starts[at] < end:
                yield max(starts[at], start), min(ends[at], end)
                at += 1

    def gaps(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield, in order, the ranges of [start, end) that are not in the set."""
        for first, last in self.within(start, end):
            if first > start:
                yield start, first
            start = last
        if start < end:
            yield start, end

    def first(self) -> tuple[int, int] | None:
        """Return the lowest range (at most one region long), or nothing."""
        if not self._regions:
            return None
        if self._lowest is None:
            self._lowest = min(self._regions)
        starts, ends = self._regions[self._lowest]
        return starts[0], ends[0]

    def covers(self, start: int, end: int) -> bool:
        """Say whether all of [start, end) is in the set."""
        return next(self.gaps(start, end), None) is None

    @property
    def end(self) -> int:
        """The integer after the highest in the set; 0 when it is empty."""
        return self._regions[max(self._regions)][1][-1] if self._regions else 0

    def copy(self) -> Ranges:
        twin = Ranges(region_bytes=self._region_bytes)
        twin._regions = {
            index: (starts[:], ends[:]) for index, (starts, ends) in self._regions.items()
        }
        twin.total = self.total
        return twin

    def __bool__(self) -> bool:
        return bool(self._regions)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ranges) and list(self) == list(other)

    def __repr__(self) -> str:
        return f"Ranges({list(self)})"

    def to_json(self) -> list[list[int]]:
        return [list(pair) for pair in self]

    def to_multirange(self) -> str:
        """Return PostgreSQL's text of an int8multirange: `{[0,10),[20,30)}`."""
        return "{" + ",".join(f"[{start},{end})" for start, end in self) + "}"

    @classmethod
    def from_multirange(cls, text: str) -> Ranges:
        """Read what `to_multirange` wrote; raise `ValueError` on anything else."""
        if text[:1] != "{" or text[-1:] != "}":
            raise ValueError(f"{text!r} is not a multirange.")
        if text == "{}":
            return cls()
        pairs = text[2:-2].split("),[")
        return cls(tuple(int(number) for number in pair.split(",")) for pair in pairs)


def _add(region: tuple[list[int], list[int]], start: int, end: int) -> int:
    """Add to one region's sorted lists; return how much is new."""
    starts, ends = region
    highest = ends[-1]
    if start == highest:  # the next segment of a file that arrives in order
        ends[-1] = end
        return end - start
    if start > highest:
        starts.append(start)
        ends.append(end)
        return end - start
    low = bisect_left(ends, start)  # the first range that ends at or after the start
    high = bisect_right(starts, end)  # one past the last range that starts at or before the end
    if low == high:
        starts.insert(low, start)
        ends.insert(low, end)
        return end - start
    known = sum(ends[low:high]) - sum(starts[low:high])
    first, last = min(start, starts[low]), max(end, ends[high - 1])
    if high - low == 1:
        starts[low], ends[low] = first, last
    else:
        starts[low:high] = [first]
        ends[low:high] = [last]
    return last - first - known
