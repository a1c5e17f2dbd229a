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
        index = start // size
        region = self._regions.get(index)
        if region is not None and start < end <= (index + 1) * size:  # most are like this
            new = _add(region, start, end)
            self.total += new
            return new
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

    def add_all(self, ranges: Iterable[tuple[int, int]]) -> None:
        """Add ranges; quickest when they ascend and the regions have nothing above them."""
        starts: list[int] = []
        ends: list[int] = []
        border = new = 0
        for start, end in ranges:
            if start < end <= border and ends[-1] < start:
                starts.append(start)
                ends.append(end)
                new += end - start
            elif start < end:
                self.add(start, end)
                index = (end - 1) // self._region_bytes
                starts, ends = self._regions[index]
                border = (index + 1) * self._region_bytes
        self.total += new

    def remove(self, start: int, end: int) -> int:
        """Take [start, end) out; return how many integers were there."""
        gone = 0
        for index in self._touched(start, end):
            starts, ends = self._regions[index]
            low, high = bisect_right(ends, start), bisect_left(starts, end)
            if low >= high:
                continue
            first, last = starts[low], ends[high - 1]
            gone += sum(ends[low:high]) - sum(starts[low:high])
            left = [(a, b) for a, b in ((first, start), (end, last)) if a < b]
            gone -= sum(b - a for a, b in left)
            starts[low:high] = [a for a, _ in left]
            ends[low:high] = [b for _, b in left]
            if not starts:
                del self._regions[index]
                self._lowest = None
        self.total -= gone
        return gone

    def _touched(self, start: int, end: int) -> list[int]:
        """Return the regions that have anything and reach into [start, end), in order."""
        if start >= end:
            return []
        first, last = start // self._region_bytes, (end - 1) // self._region_bytes
        if last - first < len(self._regions):
            return [index for index in range(first, last + 1) if index in self._regions]
        return sorted(index for index in self._regions if first <= index <= last)

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
        for number, index in enumerate(self._touched(start, end)):
            starts, ends = self._regions[index]
            at = bisect_right(ends, start) if number == 0 else 0
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
    high = bisect_right(
        starts, end, low
    )  # one past the last range that starts at or before the end
    if low == high:
        starts.insert(low, start)
        ends.insert(low, end)
        return end - start
    first, last = starts[low], ends[high - 1]
    first, last = first if first < start else start, last if last > end else end
    if high - low == 1:
        known = ends[low] - starts[low]
    elif high - low == 2:  # a gap is filled
        known = ends[low] - starts[low] + ends[high - 1] - starts[high - 1]
        del starts[high - 1], ends[low]
    else:
        known = sum(ends[low:high]) - sum(starts[low:high])
        del starts[low + 1 : high], ends[low + 1 : high]
    starts[low], ends[low] = first, last
    return last - first - known
