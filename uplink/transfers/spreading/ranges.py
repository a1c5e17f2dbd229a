"""Numbers of packs as ranges, the last included, as plans and reports write them down."""

from __future__ import annotations

from collections.abc import Iterable

Ranges = list[list[int]]
"""[first, last]; where it matters [source, first, last]."""


def numbers_of(ranges: Ranges) -> frozenset[int]:
    """Return the numbers of the packs that ranges with a source tell of."""
    return frozenset(n for _, first, last in ranges for n in range(first, last + 1))


def ranges_of(numbers: Iterable[int]) -> Ranges:
    """Return pairs [first, last] of what is one behind the other."""
    found: Ranges = []
    for number in sorted(numbers):
        if found and found[-1][1] == number - 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return found
