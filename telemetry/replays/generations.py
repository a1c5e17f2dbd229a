"""Which generation of samples holds when: that of the newest complete replay over an instant."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from django.db import connection

from telemetry import gapmath
from telemetry.models_replays import ReplayState

_HOLDING = """
    SELECT replay.first_ns, replay.end_ns, part.generation
    FROM telemetry_replaypart AS part JOIN telemetry_replay AS replay ON replay.id = part.replay_id
    WHERE part.satellite_id = %s AND replay.state = %s
        AND replay.first_ns < %s AND replay.end_ns > %s
    ORDER BY part.generation DESC
"""
FIRST = 1
"""The generation that packets are decoded into as they come."""


class Piece(NamedTuple):
    """Samples generated in [first_ns, end_ns) are read of this generation."""

    first_ns: int
    end_ns: int
    generation: int


def pieces(satellite_id: int, first_ns: int, end_ns: int) -> list[Piece]:
    """Return the parts of a span by the generation in which each is read, in order of time."""
    with connection.cursor() as cursor:
        cursor.execute(_HOLDING, [satellite_id, ReplayState.COMPLETE, end_ns, first_ns])
        return layered((first_ns, end_ns), cursor.fetchall())


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
