"""Which generation of samples holds when: that of the newest complete replay over an instant."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from telemetry import gapmath
from telemetry.models_replays import ReplayPart, ReplayState

FIRST = 1
"""The generation that packets are decoded into as they come."""


class Piece(NamedTuple):
    """Samples generated in [first_ns, end_ns) are read of this generation."""

    first_ns: int
    end_ns: int
    generation: int


def pieces(satellite_id: int, first_ns: int, end_ns: int) -> list[Piece]:
    """Return the parts of a span by the generation in which each is read, in order of time."""
    rows = ReplayPart.objects.filter(
        satellite_id=satellite_id,
        replay__state=ReplayState.COMPLETE,
        replay__first_ns__lt=end_ns,
        replay__end_ns__gt=first_ns,
    ).order_by("-generation")
    return layered(
        (first_ns, end_ns), rows.values_list("replay__first_ns", "replay__end_ns", "generation")
    )


def layered(span: gapmath.Span, replays: Iterable[tuple[int, int, int]]) -> list[Piece]:
    """Return the parts of `span` that replays (first, end, generation) cover, where the first
    named hide those behind; what none covers is of the first generation."""
    bare, found = [span], []
    for first, end, generation in replays:
        left: list[gapmath.Span] = []
        for each in bare:
            covered = gapmath.overlap(each, [(first, end)])
            found += [Piece(*part, generation) for part in covered]
            left += gapmath.subtract(each, [(first, end)])
        bare = left
    return sorted(found + [Piece(*each, FIRST) for each in bare])
