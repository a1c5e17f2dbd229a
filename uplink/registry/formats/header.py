"""What all formats share: where a tensor lies, a header, its limits, and what is kept of it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

HEADER_BYTES_MAX = 100 * 1024 * 1024
TENSORS_MAX = 65_536
DIMENSIONS_MAX = 8
SIDE_MAX = 2**40
NAME_BYTES_MAX = 1_024
COUNT_MAX = 2**31 - 1
"""Of layers, heads, tokens of context and the like."""
WORD_CHARS_MAX = 200


class MalformedFile(ValueError):
    """The file is not what its format says it should be."""


@dataclass(frozen=True, slots=True)
class Extent:
    """Where one tensor lies: `kind` is its type as the format calls it, `offset` from byte 0."""

    name: str
    kind: str
    shape: tuple[int, ...]
    """As the file has it; GGUF gives the fastest side first."""
    offset: int
    length: int
    block_bytes: int
    """Bytes of one value, or of one block of quantised values; 0 where a value is no whole byte."""


@dataclass(frozen=True, slots=True)
class Header:
    """The tensors by offset, and the scalars and strings that the header gives beside them."""

    form: str
    tensors: list[Extent]
    keys: dict[str, Any]
    type_names: Mapping[str, str] = field(default_factory=dict)

    def type_name(self, tensor: Extent) -> str:
        """Return what people call a tensor's type: `Q4_K`, where the file has 12."""
        return self.type_names.get(tensor.kind, tensor.kind)


def in_order(found: Iterable[Extent], size: int) -> list[Extent]:
    """Return tensors by offset; `MalformedFile` when a name comes twice or does not print, or an
    extent overlaps another or reaches out of a file of `size` bytes."""
    ordered = sorted(found, key=lambda each: (each.offset, each.length, each.name))
    names: set[str] = set()
    end, before = 0, ""
    for each in ordered:
        if not each.name.isprintable():
            raise MalformedFile(f"The name of tensor {each.name!r} holds what does not print.")
        if each.name in names:
            raise MalformedFile(f"Tensor {each.name!r} is there twice.")
        names.add(each.name)
        if each.offset < end:
            raise MalformedFile(f"Tensor {each.name!r} overlaps {before!r}.")
        end, before = each.offset + each.length, each.name
        if end > size:
            raise MalformedFile(
                f"Tensor {each.name!r} ends at byte {end}, outside of the file of {size}."
            )
    return ordered


def word(said: str) -> str:
    """Return a text of a header as it is kept and shown: what does not print is left out, halves
    of surrogate pairs and NUL above all, and what is long is cut."""
    return "".join(filter(str.isprintable, said[:WORD_CHARS_MAX]))


def described(header: Header) -> dict[str, Any]:
    """Return what the registry keeps: the format's own words, counts, and bytes by tensor type."""
    types: dict[str, dict[str, int]] = {}
    for each in header.tensors:
        entry = types.setdefault(header.type_name(each), {"tensors": 0, "bytes": 0, "values": 0})
        entry["tensors"] += 1
        entry["bytes"] += each.length
        entry["values"] += math.prod(each.shape)
    if not types:
        return dict(header.keys)
    return {
        **header.keys,
        "tensors": len(header.tensors),
        "tensor_bytes": sum(entry["bytes"] for entry in types.values()),
        "parameters": sum(entry["values"] for entry in types.values()),
        "types": types,
        "quantisation": max(types, key=lambda name: types[name]["bytes"]),
    }
