"""Segments as they were written until migration 0003: the writer of that time, kept as it was."""

import struct

import numpy as np
import orjson
import zstandard


def pack(generated_ns, received_ns, columns):
    """Return a segment's bytes; a column is a dict of raw, value, labels and text."""
    blocks = []
    contents = {
        "n": len(generated_ns),
        "times": [_add(blocks, generated_ns, True), _add(blocks, received_ns, True)],
        "columns": {},
    }
    for name, column in columns.items():
        entry = {"raw": _add(blocks, column["raw"])}
        if column.get("value") is not None:
            entry["value"] = _add(blocks, column["value"])
        if column.get("labels") is not None:
            entry["labels"] = [[key, label] for key, label in column["labels"].items()]
        if column.get("text"):
            entry["text"] = True
        contents["columns"][name] = entry
    head = orjson.dumps(contents)
    return struct.pack(">I", len(head)) + head + b"".join(blocks)


def _add(blocks, column, is_time=False):
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
    packed = zstandard.ZstdCompressor(level=3).compress(plain) if len(plain) > 32 else plain
    block = packed if len(packed) < len(plain) else plain
    offset = sum(map(len, blocks))
    blocks.append(block)
    return [form, offset, len(block), block is not plain, first]


def _narrowest(numbers):
    if not len(numbers):
        return "<i1"
    low, high = int(numbers.min()), int(numbers.max())
    for bits in (8, 16, 32):
        if -(1 << (bits - 1)) <= low and high < 1 << (bits - 1):
            return f"<i{bits // 8}"
    return "<i8"


def _bytes_block(column):
    lengths = np.array([len(each) for each in column], "<u4").tobytes()
    return lengths + b"".join(column)
