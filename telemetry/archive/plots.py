"""What a plot can show of a parameter over any span: an envelope of as many buckets as it has room.

Over short spans the samples themselves are read, over long ones the roll-ups of the widest buckets
that are still fine enough; what no roll-up holds yet is taken from the short segments.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from telemetry.archive import columns, packing, reading, rollups, shapes

SAMPLES_MAX = 2_000_000
"""More samples than these are not read for one plot where there are roll-ups."""
_SHAPES = """
    SELECT DISTINCT shape_id FROM telemetry_rollup
    WHERE satellite_id = %s AND "group" = ANY(%s) AND generation = %s
        AND end_ns > %s AND first_ns < %s
        AND width_s <= %s
"""
_ROWS = """
    SELECT count, {blocks} FROM telemetry_rollup
    WHERE satellite_id = %s AND "group" = ANY(%s) AND generation = %s
        AND end_ns > %s AND first_ns < %s
        AND shape_id = %s AND (width_s = %s OR width_s < %s AND is_part){more}
"""


@dataclass(frozen=True, slots=True)
class Envelope:
    """At most as many buckets as were asked for, those without samples left out.

    `starts_ns`: where each begins; `width_ns`: how long it is; low, high and mean of the n samples
    that are numbers, NaN where there are none. `source_s` is the width of the roll-ups that it was
    made from, 0 for samples.
    """

    starts_ns: NDArray[np.int64]
    width_ns: int
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    mean: NDArray[np.float64]
    n: NDArray[np.int64]
    source_s: int


def envelope(
    span: reading.Span, name: str, *, points: int, raw: bool = False, source_s: int | None = None
) -> Envelope | None:
    """Return the envelope of a number over the span; None when there is nothing to draw.

    `source_s` asks for the roll-ups of one width, 0 for samples; by default the best is chosen.
    """
    width_ns = max(1, -(-(span.end_ns - span.first_ns) // points))
    pieces = reading.in_force(span)
    if source_s is None:
        is_sampled = raw and not all(_has_raw(piece, name) for piece in pieces)
        source_s = _source_s(span, width_ns, is_sampled=is_sampled)
    if source_s:
        found = _together([_rolled(piece, name, source_s, raw=raw) for piece in pieces])
    else:
        found = _sampled(reading.parts(span, {name}), name, raw=raw)
    if found is None:
        return None
    return _envelope(span, found, max(width_ns, source_s * 1_000_000_000), source_s)


def _has_raw(span: reading.Span, name: str) -> bool:
    """Say whether the roll-ups of a parameter know its raw values."""
    for digest in reading.shapes_of(_SHAPES, [*span.key, rollups.WIDTHS_S[-1]]):
        described = shapes.of(digest).by_name.get(name)
        if described is not None and not rollups.knows_raw(described):
            return False
    return True


def _source_s(span: reading.Span, width_ns: int, *, is_sampled: bool) -> int:
    """Return the widest roll-up no wider than a bucket of the plot, 0 for samples."""
    if is_sampled:
        return 0
    fitting = [w for w in rollups.WIDTHS_S if w * 1_000_000_000 <= width_ns]
    if fitting:
        return fitting[-1]
    return 0 if reading.count(span) <= SAMPLES_MAX else rollups.WIDTHS_S[0]


_Found = tuple[NDArray[np.int64], rollups.Rolled]
"""Where each piece is in time, and what it holds in the unit that is asked for."""


def _sampled(parts: object, name: str, *, raw: bool) -> _Found | None:
    at, numbers = [], []
    for part in parts:
        found = columns.numbers(part.columns[name], is_raw=raw)
        if found is None:
            found = columns.numbers(part.columns[name], is_raw=True)
        if found is not None:
            at.append(part.generated_ns)
            numbers.append(found)
    if not at:
        return None
    value = np.concatenate(numbers)
    is_number = np.isfinite(value)
    value = np.where(is_number, value, np.nan)
    return np.concatenate(at), rollups.Rolled(value, value, value, is_number.astype(np.int64))


def _rolled(span: reading.Span, name: str, width_s: int, *, raw: bool) -> _Found | None:
    """Return roll-ups of one width, parts of narrower ones, and what is only in short segments."""
    key = span.key
    found: list[_Found | None] = []
    for digest in reading.shapes_of(_SHAPES, [*key, width_s]):
        shape = shapes.of(digest)
        blocks = rollups.blocks_of(shape, name)
        if blocks is None:
            continue
        described = shape.by_name[name]
        rows = reading.rows_of(_ROWS, [0, 1, *blocks], [*key, digest, width_s, width_s])
        for m, *rest in rows:
            starts, count, *arrays = packing.read_all(rest, m)
            one = rollups.rolled(described, count, arrays, raw=raw)
            found += [(starts, one)] if one is not None else []
    found.append(_sampled(reading.parts(span, {name}, only_short=True), name, raw=raw))
    return _together(found)


def _together(parts: list[_Found | None]) -> _Found | None:
    found = [part for part in parts if part is not None]
    if not found:
        return None
    whole = [np.concatenate([getattr(one, f) for _, one in found]) for f in _FIELDS]
    return np.concatenate([at for at, _ in found]), rollups.Rolled(*whole)


_FIELDS = ("low", "high", "total", "n")


def _envelope(span: reading.Span, found: _Found, width_ns: int, source_s: int) -> Envelope | None:
    at, one = found
    first = span.first_ns // width_ns * width_ns if source_s else span.first_ns
    inside = (at >= span.first_ns - source_s * 1_000_000_000) & (at < span.end_ns)
    if not inside.any():
        return None
    bucket = (at[inside] - first) // width_ns
    order = np.argsort(bucket, kind="stable")
    bucket = bucket[order]
    starts = np.flatnonzero(np.diff(bucket, prepend=bucket[:1] - 1))
    low, high, total, n = (getattr(one, field)[inside][order] for field in _FIELDS)
    n = np.add.reduceat(n, starts)
    total = np.add.reduceat(np.nan_to_num(total), starts)
    with np.errstate(invalid="ignore", divide="ignore"):
        return Envelope(
            first + bucket[starts] * width_ns,
            width_ns,
            np.fmin.reduceat(low, starts),
            np.fmax.reduceat(high, starts),
            np.where(n > 0, total / n, np.nan),
            n,
            source_s,
        )
