"""Columns of samples into bytes and back. Pure.

A segment is a length (u32), a table of contents in JSON, and one block a column, compressed where
that helps; one column can be read without the others. Integers are kept in the fewest bytes that
hold them, times as differences, floats as float32 where nothing is lost by it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
import zstandard
from numpy.typing import NDArray

_LENGTH = struct.Struct(">I")
_LEVEL = 3
_LONGEST_BYTES = 256 * 1024 * 1024


class BadSegment(ValueError):
    """The bytes are no segment."""


@dataclass(slots=True)
class Column:
    """One parameter: `raw`, and `value` where a calibrator made one (else None).

    Arrays of n numbers, or lists of n bytes. `labels` gives the words for raw values.
    """

    raw: NDArray | list[bytes]
    value: NDArray | None = None
    labels: dict[int, Any] | None = None
    is_text: bool = False

    def __len__(self) -> int:
        return len(self.raw)


@dataclass(slots=True)
class Samples:
    """n samples of a group: their times (int64 ns since 1970) and a column a parameter."""

    generated_ns: NDArray[np.int64]
    received_ns: NDArray[np.int64]
    columns: dict[str, Column] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.generated_ns)


def pack(samples: Samples) -> bytes:
    """Return the segment's bytes."""
    blocks: list[bytes] = []
    contents: dict[str, Any] = {
        "n": len(samples),
        "times": [
            _add(blocks, samples.generated_ns, is_time=True),
            _add(blocks, samples.received_ns, is_time=True),
        ],
        "columns": {},
    }
    for name, column in samples.columns.items():
        entry: dict[str, Any] = {"raw": _add(blocks, column.raw)}
        if column.value is not None:
            entry["value"] = _add(blocks, column.value)
        if column.labels is not None:
            entry["labels"] = [[key, label] for key, label in column.labels.items()]
        if column.is_text:
            entry["text"] = True
        contents["columns"][name] = entry
    head = orjson.dumps(contents)
    return _LENGTH.pack(len(head)) + head + b"".join(blocks)


def unpack(data: bytes, names: set[str] | None = None) -> Samples:
    """Return the samples of a segment, of all its columns or of those named that it has."""
    try:
        (length,) = _LENGTH.unpack_from(data)
        contents = orjson.loads(data[_LENGTH.size : _LENGTH.size + length])
        body = memoryview(data)[_LENGTH.size + length :]
        n = contents["n"]
        times = [_read(body, entry, n) for entry in contents["times"]]
        columns = {
            name: _column(body, entry, n)
            for name, entry in contents["columns"].items()
            if names is None or name in names
        }
    except (struct.error, orjson.JSONDecodeError, KeyError, zstandard.ZstdError) as error:
        raise BadSegment(str(error)) from error
    return Samples(times[0], times[1], columns)


def join(parts: list[Samples]) -> Samples:
    """Return the samples of all parts in the order of their generation.

    The parts are of one group; a column that a part lacks is left out of the whole.
    """
    generated = np.concatenate([part.generated_ns for part in parts])
    order = np.argsort(generated, kind="stable")
    shared = [n for n in parts[0].columns if all(n in part.columns for part in parts)]
    return Samples(
        generated[order],
        np.concatenate([part.received_ns for part in parts])[order],
        {name: _joined([part.columns[name] for part in parts], order) for name in shared},
    )


def select(samples: Samples, chosen: NDArray) -> Samples:
    """Return the samples at the given places, or where a mask is true."""
    places = np.flatnonzero(chosen) if chosen.dtype == bool else chosen
    return Samples(
        samples.generated_ns[places],
        samples.received_ns[places],
        {name: _joined([column], places) for name, column in samples.columns.items()},
    )


def values(column: Column) -> list[Any]:
    """Return engineering values as JSON takes them: numbers, words, text, hex; None: no value."""
    if column.labels is not None:
        return [column.labels.get(raw) for raw in column.raw.tolist()]
    if column.value is not None:
        return _finite(column.value)
    if isinstance(column.raw, list):
        if column.is_text:
            return [_text(raw) for raw in column.raw]
        return [raw.hex() for raw in column.raw]
    return _finite(column.raw)


def raws(column: Column) -> list[Any]:
    """Return raw values as JSON takes them."""
    if isinstance(column.raw, list):
        return [raw.hex() for raw in column.raw]
    return _finite(column.raw)


def _text(raw: bytes) -> str:
    """Return a text without its fill of zeros; PostgreSQL's JSON takes none in the middle."""
    return raw.decode("utf-8", "replace").rstrip("\0").replace("\0", "\ufffd")


def _finite(numbers: NDArray) -> list[Any]:
    if numbers.dtype.kind == "f":
        return [x if np.isfinite(x) else None for x in numbers.tolist()]
    return numbers.tolist()


def _joined(parts: list[Column], order: NDArray) -> Column:
    first = parts[0]
    labels = None
    if first.labels is not None:
        labels = {key: label for part in parts for key, label in (part.labels or {}).items()}
    raw = _picked([part.raw for part in parts], order)
    value = None
    if first.value is not None:
        value = _picked([part.value for part in parts], order)
    return Column(raw, value, labels, first.is_text)


def _picked(parts: list, order: NDArray) -> Any:
    if isinstance(parts[0], list):
        whole = [each for part in parts for each in part]
        return [whole[place] for place in order]
    return np.concatenate(parts)[order]


# --- One column -----------------------------------------------------------------------------


def _add(blocks: list[bytes], column: NDArray | list[bytes], is_time: bool = False) -> list[Any]:
    """Append a column's block; return its entry: [form, offset, size, is compressed, first]."""
    first = 0
    if isinstance(column, list):
        form, plain = "bytes", _bytes_block(column)
    elif is_time or column.dtype.kind in "iu":
        numbers = column
        form = "times" if is_time else "int"
        if is_time and len(column):
            first = int(column[0])
            numbers = np.diff(column, prepend=column[:1])
        if numbers.dtype == np.uint64:
            form, plain = "u8", numbers.astype("<u8").tobytes()
        else:
            narrow = _narrowest(numbers)
            form, plain = f"{form}:{narrow}", numbers.astype(narrow).tobytes()
    else:
        with np.errstate(invalid="ignore", over="ignore"):
            single = column.astype("<f4")
            is_exact = np.array_equal(single.astype(np.float64), column, equal_nan=True)
        form = "f4" if is_exact else "f8"
        plain = single.tobytes() if is_exact else column.astype("<f8").tobytes()
    packed = zstandard.ZstdCompressor(level=_LEVEL).compress(plain) if len(plain) > 32 else plain
    block = packed if len(packed) < len(plain) else plain
    offset = sum(map(len, blocks))
    blocks.append(block)
    return [form, offset, len(block), block is not plain, first]


def _narrowest(numbers: NDArray) -> str:
    if not len(numbers):
        return "<i1"
    low, high = int(numbers.min()), int(numbers.max())
    for bits in (8, 16, 32):
        if -(1 << (bits - 1)) <= low and high < 1 << (bits - 1):
            return f"<i{bits // 8}"
    return "<i8"


def _bytes_block(column: list[bytes]) -> bytes:
    lengths = np.array([len(each) for each in column], "<u4").tobytes()
    return lengths + b"".join(column)


def _column(body: memoryview, entry: dict[str, Any], n: int) -> Column:
    labels = entry.get("labels")
    return Column(
        _read(body, entry["raw"], n),
        _read(body, entry["value"], n) if "value" in entry else None,
        dict(map(tuple, labels)) if labels is not None else None,
        entry.get("text", False),
    )


def _read(body: memoryview, entry: list[Any], n: int) -> Any:
    form, offset, size, is_compressed, first = entry
    block = bytes(body[offset : offset + size])
    if is_compressed:
        block = zstandard.ZstdDecompressor().decompress(block, max_output_size=_LONGEST_BYTES)
    kind, _, dtype = form.partition(":")
    match kind:
        case "times":
            return np.cumsum(np.frombuffer(block, dtype).astype(np.int64)) + first
        case "int":
            return np.frombuffer(block, dtype).astype(np.int64)
        case "u8":
            return np.frombuffer(block, "<u8").astype(np.uint64)
        case "f4" | "f8":
            return np.frombuffer(block, f"<{form}").astype(np.float64)
    ends = 4 * n + np.cumsum(np.frombuffer(block, "<u4", n), dtype=np.int64)
    starts = [4 * n, *ends.tolist()]
    return [block[start:end] for start, end in zip(starts, ends.tolist(), strict=False)]
