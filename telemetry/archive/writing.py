"""Keeping what was decoded: a short segment a group, and the newest value of each parameter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson
from django.db import connection

from telemetry import xtce
from telemetry.archive import columns
from telemetry.models import Segment

GENERATION = 1
"""Decoding anew with another definition writes a generation of its own."""


def samples_of(
    definition: xtce.Definition,
    table: xtce.Table,
    generated_ns: Sequence[int],
    received_ns: Sequence[int],
    skipped: frozenset[str],
) -> columns.Samples:
    """Return a decoded table as samples; the times are those of all packets, by their index."""
    return columns.Samples(
        np.array([generated_ns[index] for index in table.indices], np.int64),
        np.array([received_ns[index] for index in table.indices], np.int64),
        {
            name: _column(definition.parameters[name], raw, table.values[name])
            for name, raw in table.raw.items()
            if name not in skipped
        },
    )


def _column(parameter: xtce.model.Parameter, raw: Any, value: Any) -> columns.Column:
    kind = parameter.type
    if kind.kind == "string":
        # Archived text is UTF-8, whatever characters the packet has it in.
        is_utf8 = kind.encoding.characters in ("utf-8", "ascii")
        return columns.Column(raw if is_utf8 else [each.encode() for each in value], is_text=True)
    if kind.kind == "binary":
        return columns.Column(raw)
    if kind.kind in ("enumerated", "boolean"):
        known = dict(zip(raw.tolist(), value.tolist(), strict=True))
        return columns.Column(raw, labels=known)
    is_calibrated = kind.calibrator is not None or bool(kind.context_calibrators)
    is_other = is_calibrated or kind.kind in ("time", "duration")
    return columns.Column(raw, value=value if is_other else None)


def keep(satellite_id: int, batch_id: int, tables: dict[str, columns.Samples]) -> None:
    """Write a short segment for each group; call inside the batch's transaction."""
    Segment.objects.bulk_create(
        [
            Segment(
                satellite_id=satellite_id,
                group=group,
                generation=GENERATION,
                batch=batch_id,
                first_ns=int(samples.generated_ns.min()),
                last_ns=int(samples.generated_ns.max()),
                count=len(samples),
                columns=columns.pack(samples),
            )
            for group, samples in tables.items()
        ]
    )


def keep_latest(satellite_id: int, tables: dict[str, columns.Samples]) -> dict[str, Any]:
    """Take the newest sample of each group into the table of latest values, unless a newer one is
    there; return by parameter the values that are the newest now."""
    rows: list[tuple[str, int, int, bytes, bytes]] = []
    newest: dict[str, Any] = {}
    for samples in tables.values():
        last = columns.select(samples, np.array([int(np.argmax(samples.generated_ns))]))
        at, received = int(last.generated_ns[0]), int(last.received_ns[0])
        for name, column in last.columns.items():
            newest[name] = columns.values(column)[0]
            raw = orjson.dumps(columns.raws(column)[0])
            rows.append((name, at, received, raw, orjson.dumps(newest[name])))
    if not rows:
        return {}
    rows.sort()  # two batches of one satellite take the rows in one order
    taken = _upsert(satellite_id, rows)
    return {name: value for name, value in newest.items() if name in taken}


def _upsert(satellite_id: int, rows: list[tuple[str, int, int, bytes, bytes]]) -> set[str]:
    """Write what is not older than what is there; return the names of what was written."""
    names, generated, received, raws, values = (list(column) for column in zip(*rows, strict=True))
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO telemetry_latest
                (satellite_id, parameter, generated_ns, received_ns, raw, value)
            SELECT %s, * FROM unnest(%s::text[], %s::bigint[], %s::bigint[],
                                     %s::jsonb[], %s::jsonb[])
            ON CONFLICT (satellite_id, parameter) DO UPDATE SET
                generated_ns = EXCLUDED.generated_ns, received_ns = EXCLUDED.received_ns,
                raw = EXCLUDED.raw, value = EXCLUDED.value
            WHERE EXCLUDED.generated_ns >= telemetry_latest.generated_ns
            RETURNING parameter
            """,
            [
                satellite_id,
                names,
                generated,
                received,
                [raw.decode() for raw in raws],
                [value.decode() for value in values],
            ],
        )
        return {name for (name,) in cursor.fetchall()}
