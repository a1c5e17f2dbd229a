"""Serials that arrived against serials that are missing. Pure; spans are half-open."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

Span = tuple[int, int]


def runs(serials: Iterable[int]) -> list[Span]:
    """Return the spans that hold exactly the given serials, in order."""
    found: list[Span] = []
    for serial in sorted(set(serials)):
        if found and found[-1][1] == serial:
            found[-1] = (found[-1][0], serial + 1)
        else:
            found.append((serial, serial + 1))
    return found


def subtract(span: Span, taken: Iterable[Span]) -> list[Span]:
    """Return what is left of `span` without the spans taken, which are in order."""
    left: list[Span] = []
    start, end = span
    for first, last in taken:
        if last <= start or first >= end:
            continue
        if first > start:
            left.append((start, first))
        start = max(start, last)
    if start < end:
        left.append((start, end))
    return left


def overlap(span: Span, taken: Iterable[Span]) -> list[Span]:
    """Return the parts of `span` that the spans taken cover, in order."""
    parts = ((max(span[0], first), min(span[1], last)) for first, last in taken)
    return [part for part in parts if part[0] < part[1]]


@dataclass(frozen=True, slots=True)
class Arrival:
    """What new serials do to a volume: how far it is known, and which gaps open."""

    following: int
    opened: list[Span]


def arrive(following: int, arrived: list[Span]) -> Arrival:
    """Return how far a volume is known once `arrived` (in order) is in, and the gaps it shows."""
    opened = []
    for first, end in arrived:
        if first > following:
            opened.append((following, first))
        following = max(following, end)
    return Arrival(following, opened)
