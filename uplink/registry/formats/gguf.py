"""GGUF (github.com/ggml-org/ggml, docs/gguf.md)."""

from __future__ import annotations

import math
import struct
from typing import Any, BinaryIO

from uplink.registry.formats.header import (
    COUNT_MAX,
    DIMENSIONS_MAX,
    HEADER_BYTES_MAX,
    NAME_BYTES_MAX,
    SIDE_MAX,
    TENSORS_MAX,
    Extent,
    Header,
    MalformedFile,
    in_order,
    word,
)

MAGIC = b"GGUF"
VERSIONS = (2, 3)
KEYS_MAX = 65_536
STRING_BYTES_MAX = 4 * 1024 * 1024
ARRAY_ITEMS_MAX = 4 * 1024 * 1024
ALIGNMENT_MAX = 65_536
_SCALARS = dict(zip((0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12), "BbHhIif?Qqd", strict=True))
_STRING, _ARRAY, _DEPTH_MAX = 8, 9, 2
_SHORT_ARRAY = 1_024
"""Arrays of numbers up to this length are read: heads of each layer, for instance."""

TYPES = {
    # number: (name, values in a block, bytes of a block), ggml.h and ggml-common.h
    0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20),
    6: ("Q5_0", 32, 22), 7: ("Q5_1", 32, 24), 8: ("Q8_0", 32, 34), 9: ("Q8_1", 32, 40),
    10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110), 12: ("Q4_K", 256, 144),
    13: ("Q5_K", 256, 176), 14: ("Q6_K", 256, 210), 15: ("Q8_K", 256, 292),
    16: ("IQ2_XXS", 256, 66), 17: ("IQ2_XS", 256, 74), 18: ("IQ3_XXS", 256, 98),
    19: ("IQ1_S", 256, 50), 20: ("IQ4_NL", 32, 18), 21: ("IQ3_S", 256, 110),
    22: ("IQ2_S", 256, 82), 23: ("IQ4_XS", 256, 136), 24: ("I8", 1, 1), 25: ("I16", 1, 2),
    26: ("I32", 1, 4), 27: ("I64", 1, 8), 28: ("F64", 1, 8), 29: ("IQ1_M", 256, 56),
    30: ("BF16", 1, 2), 34: ("TQ1_0", 256, 54), 35: ("TQ2_0", 256, 66), 39: ("MXFP4", 32, 17),
}  # fmt: skip
_SPLITS = "split.count"
_NAMES = {str(number): name for number, (name, _, _) in TYPES.items()}
_KEPT = (
    "general.architecture", "general.name", "general.file_type", "general.license",
    "general.type", "adapter.type", "adapter.lora.alpha",
)  # fmt: skip
_OF_ARCHITECTURE = {
    # how every format calls it here: how GGUF calls it behind the architecture's name
    "context_length": "context_length",
    "layers": "block_count",
    "embedding_length": "embedding_length",
    "heads": "attention.head_count",
    "kv_heads": "attention.head_count_kv",
    "key_length": "attention.key_length",
    "value_length": "attention.value_length",
    "vocabulary": "vocab_size",
}


class _Bounded:
    """Reads forward, and never beyond the file or the longest header we accept."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._left = file, min(size, HEADER_BYTES_MAX)
        self.read_bytes = 0

    def take(self, count: int) -> bytes:
        if count > self._left:
            raise MalformedFile(f"The header wants {count} bytes more than there may be.")
        data = self._file.read(count)
        self._left -= count
        self.read_bytes += count
        return data

    def number(self, letter: str) -> Any:
        kind = struct.Struct("<" + letter)
        return kind.unpack(self.take(kind.size))[0]

    def count(self, letter: str, most: int, what: str) -> int:
        value = self.number(letter)
        if value > most:
            raise MalformedFile(f"{value} {what} are more than {most}.")
        return value

    def text(self, most: int = STRING_BYTES_MAX) -> str:
        return self.take(self.count("Q", most, "bytes of a string")).decode()


def read(file: BinaryIO, size: int) -> Header:
    """Return the header; `MalformedFile` when anything in it cannot be."""
    header = _Bounded(file, size)
    if header.take(min(4, size)) != MAGIC:
        raise MalformedFile("The file does not begin with GGUF.")
    version = header.number("I")
    if version & 0xFFFF == 0:
        raise MalformedFile(
            "The file is big-endian GGUF, and satellites read little-endian. Convert it: "
            "`gguf-convert-endian FILE little`, of the package gguf."
        )
    if version not in VERSIONS:
        raise MalformedFile(
            f"GGUF version {version} is not read here (2 and 3 are, little-endian)."
        )
    tensors = header.count("Q", TENSORS_MAX, "tensors")
    keys = header.count("Q", KEYS_MAX, "keys")
    said = _keys(header, keys)
    if not tensors and said.get(_SPLITS, 1) == 1:  # of a split file the first part may have none
        raise MalformedFile("The file has no tensors: it is no model.")
    entries = [_entry(header) for _ in range(tensors)]
    alignment = said.get("general.alignment", 32)
    if type(alignment) is not int or not 1 <= alignment <= ALIGNMENT_MAX or alignment % 8:
        raise MalformedFile(f"An alignment of {alignment!r} cannot be.")
    data_at = math.ceil(header.read_bytes / alignment) * alignment
    placed = (_placed(entry, data_at, alignment) for entry in entries)
    return Header("gguf", in_order(placed, size), {"version": version, **_kept(said)}, _NAMES)


def _keys(header: _Bounded, count: int) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for _ in range(count):
        key = header.text()
        if key in said:
            raise MalformedFile(f"Key {key[:100]!r} is there twice.")
        said[key] = _value(header, header.number("I"))
    return said


def _value(header: _Bounded, kind: int, depth: int = 0) -> Any:
    """Return a scalar, a string, a short list of numbers; of other arrays only their length."""
    if kind in _SCALARS:
        return header.number(_SCALARS[kind])
    if kind == _STRING:
        return header.text()
    if kind != _ARRAY or depth > _DEPTH_MAX:
        raise MalformedFile(f"A value of type {kind} is not known.")
    item, count = header.number("I"), header.count("Q", ARRAY_ITEMS_MAX, "items of an array")
    if item in _SCALARS:
        letter = _SCALARS[item]
        body = header.take(count * struct.calcsize("<" + letter))
        return list(struct.unpack(f"<{count}{letter}", body)) if count <= _SHORT_ARRAY else count
    for _ in range(count):
        _value(header, item, depth + 1)
    return count


def _kept(said: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for key in _KEPT:
        value = said.get(key)
        if isinstance(value, float) and not math.isfinite(value):
            raise MalformedFile(f"Key {key!r} is {value}, which is no number.")
        if isinstance(value, str | int | float):
            kept[key] = word(value) if isinstance(value, str) else value
    architecture = str(said.get("general.architecture"))
    for name, key in _OF_ARCHITECTURE.items():
        value = said.get(f"{architecture}.{key}")
        if isinstance(value, list):
            value = max((n for n in value if type(n) is int), default=None)
        if type(value) is not int or value == 0:  # what has no attention says 0 heads
            continue
        if not 0 < value <= COUNT_MAX:
            raise MalformedFile(f"Key '{word(architecture)}.{key}' is {value}, which is no count.")
        kept[name] = value
    tokens = said.get("tokenizer.ggml.tokens")
    if type(tokens) is int or isinstance(tokens, list):
        kept.setdefault("vocabulary", tokens if type(tokens) is int else len(tokens))
    return kept


def _entry(header: _Bounded) -> tuple[str, list[int], int, int]:
    """Return a tensor's name, shape, number of its type, and offset within the data."""
    name = header.text(NAME_BYTES_MAX)
    shape = [header.number("Q") for _ in range(header.count("I", DIMENSIONS_MAX, "dimensions"))]
    if any(side > SIDE_MAX for side in shape):
        raise MalformedFile(f"Tensor {name!r} has an impossible shape.")
    return name, shape, header.number("I"), header.number("Q")


def _placed(entry: tuple[str, list[int], int, int], data_at: int, alignment: int) -> Extent:
    name, shape, number, offset = entry
    if number not in TYPES:
        raise MalformedFile(f"Tensor {name!r} is of type {number}, which is not known here.")
    _, values, block_bytes = TYPES[number]
    if (shape[0] if shape else 1) % values:
        raise MalformedFile(f"Tensor {name!r} does not hold whole blocks.")
    if offset % alignment:
        raise MalformedFile(f"Tensor {name!r} does not begin at a multiple of {alignment} bytes.")
    length = math.prod(shape) // values * block_bytes
    return Extent(name, str(number), tuple(shape), data_at + offset, length, block_bytes)
