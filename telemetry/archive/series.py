"""What callers are shown of a parameter over a span: its samples, or an envelope, or its states."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from telemetry.archive import columns, plots, reading, shapes

READ_MAX = 500_000
"""Samples looked through for the states of an enumeration; over longer spans, roll-ups are."""
_SHAPE = """
    SELECT DISTINCT shape_id FROM telemetry_segment
    WHERE satellite_id = %s AND "group" = ANY(%s) AND generation = %s
        AND last_ns >= %s AND first_ns < %s
"""


def shown(
    span: reading.Span, name: str, *, points: int, raw: bool = False, form: str = "auto"
) -> dict[str, Any]:
    """Return one parameter over a span as JSON takes it, in about `points` points at most.

    `form` is auto, samples or envelope. Samples are `times_s` and `values`; numbers that are too
    many become an envelope (`low`, `high`, `mean` and `n` of each bucket that begins at `times_s`
    and is `bucket_s` long), labels and texts those samples at which they changed, and where even
    these are too many, of labels the lowest and the highest state of each bucket, and of texts the
    first changes, which is told by `is_cut`.
    """
    described = _described(span, name)
    if described is None:
        return {"form": "samples", "times_s": [], "values": []}
    is_number = described.is_number and (raw or described.labels is None)
    if form == "samples" or (form == "auto" and reading.count(span) <= points):
        found = reading.read_each(span, [name]).get(name)
        if found is None:
            return {"form": "samples", "times_s": [], "values": []}
        if len(found) <= points:
            return _samples(found, name, raw)
        if form == "samples":
            return _cut(_samples(columns.select(found, np.arange(points)), name, raw))
    if is_number:
        return _envelope(plots.envelope(span, name, points=points, raw=raw))
    return _states(span, described, points, raw)


def _described(span: reading.Span, name: str) -> columns.Described | None:
    found = (
        shapes.of(digest).by_name.get(name)
        for piece in reading.in_force(span)
        for digest in reading.shapes_of(_SHAPE, piece.key)
    )
    return next((each for each in found if each is not None), None)


def _samples(found: columns.Samples, name: str, raw: bool) -> dict[str, Any]:
    column = found.columns[name]
    return {
        "form": "samples",
        "times_s": _seconds(found.generated_ns),
        "values": columns.raws(column) if raw else columns.values(column),
    }


def _cut(body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "is_cut": True}


def _envelope(found: plots.Envelope | None) -> dict[str, Any]:
    if found is None:
        return {"form": "envelope", "times_s": [], "low": [], "high": [], "mean": [], "n": []}
    return {
        "form": "envelope",
        "bucket_s": found.width_ns / 1e9,
        "source_s": found.source_s,
        "times_s": _seconds(found.starts_ns),
        "low": _numbers(found.low),
        "high": _numbers(found.high),
        "mean": _numbers(found.mean),
        "n": found.n.tolist(),
    }


def _states(
    span: reading.Span, described: columns.Described, points: int, raw: bool
) -> dict[str, Any]:
    name = described.name
    if described.labels is not None and reading.count(span) > READ_MAX:
        return _state_envelope(span, described, points)
    at, values = [], []
    for part in reading.parts(span, {name}):
        body = _samples(part, name, raw)
        at += part.generated_ns.tolist()
        values += body["values"]
    order = np.argsort(np.array(at, np.int64), kind="stable").tolist()
    changes = [
        place
        for before, place in zip([None, *order], order, strict=False)
        if before is None or values[place] != values[before]
    ]
    body = {
        "form": "states",
        "times_s": [at[place] / 1e9 for place in changes[:points]],
        "values": [values[place] for place in changes[:points]],
    }
    if len(changes) <= points:
        return body
    if described.labels is not None:
        return _state_envelope(span, described, points)
    return _cut(body)


def _state_envelope(
    span: reading.Span, described: columns.Described, points: int
) -> dict[str, Any]:
    """Return the lowest and the highest state of each bucket, in words."""
    body = _envelope(plots.envelope(span, described.name, points=points, raw=True))
    labels = dict(described.labels or ())
    for field in ("low", "high"):
        body[field] = [None if each is None else labels.get(int(each)) for each in body[field]]
    return {**body, "form": "state_envelope", "mean": [None] * len(body["n"])}


def _seconds(at_ns: NDArray[np.int64]) -> list[float]:
    return (at_ns / 1e9).tolist()


def _numbers(numbers: NDArray[np.float64]) -> list[float | None]:
    return [x if np.isfinite(x) else None for x in numbers.tolist()]
