"""Samples on their way out: CSV, Parquet or columnar JSON, a piece at a time however much it is.

One row (or place in the columns) a sample, parameter after parameter, each in the order in which it
was made on board.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson
import pyarrow
from pyarrow import parquet

from telemetry import times
from telemetry.archive import columns, reading

SAMPLES_AT_ONCE = 200_000
"""About so many samples of a parameter are read at once."""
SHORTEST_NS = 10**9
"""What is denser than that in a second is read at once all the same."""
FORMATS = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
}
_INSTANT = pyarrow.timestamp("ns", tz="UTC")
_SCHEMA = pyarrow.schema(
    [
        ("generated_at", _INSTANT),
        ("received_at", _INSTANT),
        ("parameter", pyarrow.dictionary(pyarrow.int32(), pyarrow.string())),
        ("raw", pyarrow.float64()),
        ("value", pyarrow.float64()),
        ("text", pyarrow.string()),
    ]
)


@dataclass(frozen=True, slots=True)
class Piece:
    """Samples of one parameter."""

    parameter: str
    samples: columns.Samples

    @property
    def column(self) -> columns.Column:
        return self.samples.columns[self.parameter]


def pieces(wanted: Sequence[tuple[str, reading.Span]]) -> Iterator[Piece]:
    """Yield the samples of parameters over their spans, at most a window at once."""
    for name, span in wanted:
        bounds = reading.bounds(span)
        if bounds is None:
            continue
        for window in _windows(replace(span, first_ns=bounds[0], end_ns=bounds[1])):
            if (found := reading.read_each(window, [name]).get(name)) is not None:
                yield Piece(name, found)


def _windows(span: reading.Span) -> Iterator[reading.Span]:
    """Halve a span until each part holds few enough samples; parts without any are left out."""
    count = reading.count(span)
    if count > SAMPLES_AT_ONCE and span.end_ns - span.first_ns > SHORTEST_NS:
        middle_ns = (span.first_ns + span.end_ns) // 2
        yield from _windows(replace(span, end_ns=middle_ns))
        yield from _windows(replace(span, first_ns=middle_ns))
    elif count:
        yield span


def as_csv(found: Iterator[Piece]) -> Iterator[bytes]:
    """Yield lines: generated_at, received_at, parameter, raw, value."""
    yield b"generated_at,received_at,parameter,raw,value\r\n"
    for piece in found:
        text = io.StringIO()
        csv.writer(text).writerows(
            zip(
                map(times.text, piece.samples.generated_ns.tolist()),
                map(times.text, piece.samples.received_ns.tolist()),
                [piece.parameter] * len(piece.samples),
                columns.raws(piece.column),
                map(_inert, columns.values(piece.column)),
                strict=True,
            )
        )
        yield text.getvalue().encode()


def _inert(value: Any) -> Any:
    """Keep a spreadsheet from taking a satellite's text for a formula (OWASP, CSV injection)."""
    is_risky = isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r")
    return f"'{value}" if is_risky else value


def as_json(found: Iterator[Piece]) -> Iterator[bytes]:
    """Yield one object: {"pieces": [{parameter, generated_ns, received_ns, raw, values}, …]}."""
    yield b'{"pieces":['
    is_first = True
    for piece in found:
        body = {
            "parameter": piece.parameter,
            "generated_ns": piece.samples.generated_ns.tolist(),
            "received_ns": piece.samples.received_ns.tolist(),
            "raw": columns.raws(piece.column),
            "values": columns.values(piece.column),
        }
        yield (b"" if is_first else b",") + orjson.dumps(body)
        is_first = False
    yield b"]}"


def as_parquet(found: Iterator[Piece]) -> Iterator[bytes]:
    """Yield a Parquet file, one row group a piece. Labels, texts and octets are in `text`."""
    sink = _Sink()
    with parquet.ParquetWriter(sink, _SCHEMA, compression="zstd") as writer:
        for piece in found:
            writer.write_batch(_batch(piece))
            yield sink.taken()
    yield sink.taken()


class _Sink(io.RawIOBase):
    """What was written and not taken yet; nothing that was taken is kept."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []
        self._at = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        part = bytes(data)
        self._parts.append(part)
        self._at += len(part)
        return len(part)

    def tell(self) -> int:
        return self._at

    def taken(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


def _batch(piece: Piece) -> pyarrow.RecordBatch:
    n = len(piece.samples)
    numbers = columns.numbers(piece.column)
    raw = columns.numbers(piece.column, is_raw=True)
    text = None
    if numbers is None:
        text = [None if each is None else str(each) for each in columns.values(piece.column)]
    return pyarrow.record_batch(
        [
            pyarrow.array(piece.samples.generated_ns).cast(_INSTANT),
            pyarrow.array(piece.samples.received_ns).cast(_INSTANT),
            pyarrow.DictionaryArray.from_arrays(
                pyarrow.array([0] * n, pyarrow.int32()), pyarrow.array([piece.parameter])
            ),
            pyarrow.nulls(n, pyarrow.float64()) if raw is None else pyarrow.array(raw),
            pyarrow.nulls(n, pyarrow.float64()) if numbers is None else pyarrow.array(numbers),
            pyarrow.nulls(n, pyarrow.string()) if text is None else pyarrow.array(text),
        ],
        schema=_SCHEMA,
    )


WRITERS = {"csv": as_csv, "json": as_json, "parquet": as_parquet}
