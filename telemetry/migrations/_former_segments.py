"""Segments as they were until migration 0003: how it reads them. Pure."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import orjson
import zstandard

from telemetry.archive.columns import Column, Samples

_LENGTH = struct.Struct(">I")
_LONGEST_BYTES = 256 * 1024 * 1024


def unpack(data: bytes) -> Samples:
    (length,) = _LENGTH.unpack_from(data)
    contents = orjson.loads(data[_LENGTH.size : _LENGTH.size + length])
    body, n = memoryview(data)[_LENGTH.size + length :], contents["n"]
    times = [_read(body, entry, n) for entry in contents["times"]]
    columns = {name: _column(body, entry, n) for name, entry in contents["columns"].items()}
    return Samples(times[0], times[1], columns)


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
