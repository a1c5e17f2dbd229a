"""Samples of parameters over a span, out of short and long segments alike.

Of each segment only the blocks that are asked for leave the database: a segment of a thousand
parameters costs no more to read one of than a segment of ten.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from django.db import connection

from telemetry.archive import columns, packing, shapes
from telemetry.replays import generations

_SHAPES = """
    SELECT DISTINCT shape_id FROM telemetry_segment
    WHERE satellite_id = %s AND "group" = ANY(%s) AND generation = %s
        AND last_ns >= %s AND first_ns < %s
"""
_ROWS = """
    SELECT count, {blocks} FROM telemetry_segment
    WHERE satellite_id = %s AND "group" = ANY(%s) AND generation = %s
        AND last_ns >= %s AND first_ns < %s AND shape_id = %s{more}
    ORDER BY first_ns, id
"""
_SHORT = " AND batch IS NOT NULL"


@dataclass(frozen=True, slots=True)
class Span:
    """What is read: samples of a group of one satellite, or of several groups that a parameter was
    in by one definition or another, generated in [first_ns, end_ns).

    Without a generation, what holds is read: within the span of a replay what that gave.
    """

    satellite_id: int
    group: str | tuple[str, ...]
    first_ns: int
    end_ns: int
    generation: int | None = None

    @property
    def key(self) -> list[Any]:
        groups = [self.group] if isinstance(self.group, str) else list(self.group)
        return [self.satellite_id, groups, self.generation, self.first_ns, self.end_ns]


def in_force(span: Span) -> list[Span]:
    """Return the parts of a span by the generation that holds in each, in order of time."""
    if span.generation is not None:
        return [span]
    found = generations.pieces(span.satellite_id, span.first_ns, span.end_ns)
    return [replace(span, **piece._asdict()) for piece in found]


def read(
    satellite_id: int, group: str, names: set[str], *, first_ns: int, end_ns: int
) -> columns.Samples | None:
    """Return the samples generated in [first_ns, end_ns), in that order; None when there are none.

    A packet heard twice is kept once, so that no sample appears twice. Parameters that not all
    segments of the span have are left out; `read_each` returns them too.
    """
    return _joined(list(parts(Span(satellite_id, group, first_ns, end_ns), names)))


def read_each(span: Span, names: Iterable[str]) -> dict[str, columns.Samples]:
    """Return by parameter its samples in the span, of those that have any."""
    found = list(parts(span, set(names)))
    whole = {}
    for name in names:
        having = [_only(part, name) for part in found if name in part.columns]
        if (samples := _joined(having)) is not None:
            whole[name] = samples
    return whole


def _only(part: columns.Samples, name: str) -> columns.Samples:
    return columns.Samples(part.generated_ns, part.received_ns, {name: part.columns[name]})


def _joined(found: list[columns.Samples]) -> columns.Samples | None:
    return columns.join(found) if found else None


def parts(span: Span, names: set[str], *, only_short: bool = False) -> Iterator[columns.Samples]:
    """Yield the samples of the span that have any of the parameters, segment by segment.

    Segments come by shape, then by time; one that the span cuts is cut.
    """
    for piece in in_force(span):
        yield from _parts(piece, names, only_short=only_short)


def _parts(span: Span, names: set[str], *, only_short: bool) -> Iterator[columns.Samples]:
    for digest in shapes_of(_SHAPES, span.key):
        shape = shapes.of(digest)
        chosen = [described for described in shape.columns if described.name in names]
        if not chosen:
            continue
        places = list(range(columns.TIMES))
        for described in chosen:
            places += [p for p in shape.places[described.name] if p is not None]
        more = _SHORT if only_short else ""
        for n, *blocks in rows_of(_ROWS, places, [*span.key, digest], more=more):
            samples = columns.from_arrays(chosen, packing.read_all(blocks, n))
            if (cut := _cut(samples, span)) is not None:
                yield cut


def shapes_of(sql: str, key: list[Any]) -> list[str]:
    """Return the digests that `sql` finds, in one order."""
    with connection.cursor() as cursor:
        cursor.execute(sql, key)
        return sorted(digest for (digest,) in cursor.fetchall())


def rows_of(sql: str, places: list[int], key: list[Any], *, more: str = "") -> list[list[Any]]:
    """Return the rows that `sql` finds: a count each, and the blocks at the given places."""
    asked = ", ".join(f"telemetry_block(columns, {place:d})" for place in places)
    with connection.cursor() as cursor:
        cursor.execute(sql.format(blocks=asked, more=more), key)
        found = cursor.fetchall()
    return [
        [n, *((block[0], block[1], block[2], bytes(block[3:])) for block in blocks)]
        for n, *blocks in found
    ]


def _cut(samples: columns.Samples, span: Span) -> columns.Samples | None:
    inside = (samples.generated_ns >= span.first_ns) & (samples.generated_ns < span.end_ns)
    if inside.all():
        return samples
    return columns.select(samples, inside) if inside.any() else None


def bounds(span: Span) -> tuple[int, int] | None:
    """Return the part of the span in which there may be samples, None when there are none."""
    found = [each for each in map(_bounds, in_force(span)) if each is not None]
    return (min(f for f, _ in found), max(e for _, e in found)) if found else None


def _bounds(span: Span) -> tuple[int, int] | None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT min(first_ns), max(last_ns) FROM telemetry_segment
            WHERE satellite_id = %s AND "group" = ANY(%s) AND generation = %s
                AND last_ns >= %s AND first_ns < %s
            """,
            span.key,
        )
        first_ns, last_ns = cursor.fetchone()
    if first_ns is None:
        return None
    return max(span.first_ns, first_ns), min(span.end_ns, last_ns + 1)


def count(span: Span) -> int:
    """Return about how many samples there are: those of all segments that the span touches."""
    return sum(map(_count, in_force(span)))


def _count(span: Span) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT coalesce(sum(count), 0) FROM telemetry_segment
            WHERE satellite_id = %s AND "group" = ANY(%s) AND generation = %s
                AND last_ns >= %s AND first_ns < %s
            """,
            span.key,
        )
        return cursor.fetchone()[0]


def thin(times: np.ndarray, values: list[Any], points: int) -> tuple[np.ndarray, list[Any]]:
    """Return at most about `points` of the samples such that a plot of them looks the same.

    Of numbers, the lowest and the highest of each of points/2 stretches are kept, so that no peak
    is lost; of anything else, every so-manyth.
    """
    n = len(values)
    if n <= max(points, 2):
        return times, values
    if not all(isinstance(value, int | float) for value in values):
        chosen = np.arange(0, n, -(-n // points))
    else:
        numbers = np.asarray(values, np.float64)
        edges = np.linspace(0, n, max(points // 2, 1) + 1).astype(int)
        picked = set()
        for start, end in itertools.pairwise(edges):
            picked.add(start + int(np.argmin(numbers[start:end])))
            picked.add(start + int(np.argmax(numbers[start:end])))
        chosen = np.array(sorted(picked))
    return times[chosen], [values[place] for place in chosen]
