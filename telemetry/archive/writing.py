"""Keeping what was decoded: a short segment a group, and the newest sample of each group."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import orjson

from ops import db
from telemetry import xtce
from telemetry.archive import columns, shapes, wide

GENERATION = 1
"""Decoding anew with another definition writes a generation of its own."""
_LABELS_MAX = 1024
_BOOLEANS = {0: False, 1: True}
_shapes: WeakKeyDictionary[xtce.Definition, dict[str, tuple]] = WeakKeyDictionary()
_INSERT = """
    INSERT INTO telemetry_segment
        (satellite_id, generation, batch, "group", shape_id, first_ns, last_ns, count, columns)
    SELECT %s, %s, %s, * FROM unnest(%b::text[], %b::text[], %b::bigint[], %b::bigint[], %b::int[],
        %b::bytea[])
"""
_UPSERT = """
    INSERT INTO telemetry_newest (satellite_id, "group", generated_ns, received_ns, raw, value)
    SELECT %s, * FROM unnest(%b::text[], %b::bigint[], %b::bigint[], %b::text[]::jsonb[],
        %b::text[]::jsonb[])
    ON CONFLICT (satellite_id, "group") DO UPDATE SET
        generated_ns = EXCLUDED.generated_ns, received_ns = EXCLUDED.received_ns,
        raw = EXCLUDED.raw, value = EXCLUDED.value
    WHERE EXCLUDED.generated_ns >= telemetry_newest.generated_ns
    RETURNING "group"
"""


def samples_of(
    definition: xtce.Definition,
    table: xtce.Table,
    generated_ns: Sequence[int],
    received_ns: Sequence[int],
    skipped: frozenset[str],
) -> columns.Samples:
    """Return a decoded table as samples; the times are those of all packets, by their index."""
    samples = columns.Samples(
        np.asarray(generated_ns, np.int64)[table.indices],
        np.asarray(received_ns, np.int64)[table.indices],
        {
            name: _column(definition.parameters[name], raw, table.values[name])
            for name, raw in table.raw.items()
            if name not in skipped
        },
        invalid=table.invalid,
    )
    samples.known_shape = _shape(definition, table.group or table.container, samples)
    return samples


def _shape(definition: xtce.Definition, group: str, samples: columns.Samples) -> columns.Shape:
    """Return the shape of samples: the one found before, when their columns are the same ones.

    All follows from the definition but labels and sizes that follow from the values.
    """
    marks = [
        (id(column.labels), isinstance(column.raw, list) or column.raw.dtype.kind)
        for column in samples.columns.values()
    ]
    known = _shapes.setdefault(definition, {})
    found = known.get(group)
    if found is None or found[0] != marks:
        # The labels are kept with the marks: no other dictionary gets their id.
        labels = [column.labels for column in samples.columns.values()]
        found = known[group] = (marks, columns.Shape.of(samples), labels)
    return found[1]


def _column(parameter: xtce.model.Parameter, raw: Any, value: Any) -> columns.Column:
    kind = parameter.type
    if kind.kind == "string":
        # Archived text is UTF-8, whatever characters the packet has it in.
        is_utf8 = kind.encoding.characters in ("utf-8", "ascii")
        return columns.Column(raw if is_utf8 else [each.encode() for each in value], is_text=True)
    if kind.kind == "binary":
        return columns.Column(raw)
    if kind.kind in ("enumerated", "boolean"):
        is_boolean = kind.kind == "boolean"
        known = _BOOLEANS if is_boolean else _labels(kind.labels)
        if known is None or (is_boolean and len(raw) and not (0 <= raw.min() <= raw.max() <= 1)):
            known = (known or {}) | dict(zip(raw.tolist(), value.tolist(), strict=True))
        return columns.Column(raw, labels=known)
    if isinstance(kind.calibrator, xtce.model.Polynomial) and not (
        kind.context_calibrators or kind.valid
    ):
        return columns.Column(raw, value=value, terms=kind.calibrator.terms)
    is_calibrated = kind.calibrator is not None or bool(kind.context_calibrators)
    is_other = is_calibrated or kind.kind in ("time", "duration")
    return columns.Column(raw, value=value if is_other else None)


@cache
def _labels(table: tuple[tuple[int, int, str], ...]) -> dict[int, Any] | None:
    """Return the words of an enumeration by raw value, None when they are too many to list."""
    if sum(last - first + 1 for first, last, _ in table) > _LABELS_MAX:
        return None
    known: dict[int, Any] = {}
    for first, last, label in table:
        for raw in range(first, last + 1):
            known.setdefault(raw, label)
    return known


def keep(
    satellite_id: int,
    batch_id: int,
    tables: dict[str, columns.Samples],
    *,
    generation: int = GENERATION,
) -> None:
    """Write a short segment for each group; call inside the batch's transaction.

    No two calls for one generation have a `batch_id` in common.
    """
    described = {group: samples.shape for group, samples in tables.items()}
    shapes.keep(described.values())
    rows = [
        (
            group,
            described[group].digest,
            int(samples.generated_ns.min()),
            int(samples.generated_ns.max()),
            len(samples),
            wide.pack(wide.of(samples), quickly=True),
        )
        for group, samples in tables.items()
    ]
    if rows:
        with db.bulk_cursor() as cursor:
            columns_of_rows = (list(column) for column in zip(*rows, strict=True))
            cursor.execute(_INSERT, [satellite_id, generation, batch_id, *columns_of_rows])


def keep_latest(satellite_id: int, tables: dict[str, columns.Samples]) -> dict[str, Any]:
    """Take the newest sample of each group into the table of newest values, unless a newer one is
    there; return by parameter the values that are the newest now."""
    rows: list[tuple[str, int, int, str, str]] = []
    newest: dict[str, dict[str, Any]] = {}
    for group in sorted(tables):  # two batches of one satellite take the rows in one order
        samples = tables[group]
        place = int(np.argmax(samples.generated_ns))
        raw, newest[group] = {}, {}
        for name, column in samples.columns.items():
            raw[name], newest[group][name] = columns.one(column, place)
        at, received = int(samples.generated_ns[place]), int(samples.received_ns[place])
        rows.append((group, at, received, _json(raw), _json(newest[group])))
    if not rows:
        return {}
    with db.bulk_cursor() as cursor:
        cursor.execute(_UPSERT, [satellite_id, *(list(c) for c in zip(*rows, strict=True))])
        taken = {group for (group,) in cursor.fetchall()}
    return {
        name: value for group in newest if group in taken for name, value in newest[group].items()
    }


def _json(values: dict[str, Any]) -> str:
    return orjson.dumps(values).decode()
