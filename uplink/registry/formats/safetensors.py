"""safetensors (github.com/huggingface/safetensors, README: Format)."""

from __future__ import annotations

import json
import math
import struct
from typing import Any, BinaryIO

from uplink.registry.formats.header import (
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

_LENGTH_BYTES = 8
_LENGTH_LIKELY = 2**40
_TYPE_BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F4": 4, "F6_E2M3": 6,
    "F6_E3M2": 6, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32,
    "I64": 64, "U64": 64, "F64": 64, "C64": 64,
}  # fmt: skip


def looks_like(begin: bytes) -> bool:
    """Say whether a file may be safetensors: a length, then the start of an object.

    The length may be wrong, of a file that was cut for instance: `read` says so.
    """
    if len(begin) <= _LENGTH_BYTES:
        return False
    (length,) = struct.unpack_from("<Q", begin)
    return begin[_LENGTH_BYTES : _LENGTH_BYTES + 1] == b"{" and length <= _LENGTH_LIKELY


def read(file: BinaryIO, size: int) -> Header:
    """Return the header; `MalformedFile` when anything in it cannot be."""
    (length,) = struct.unpack("<Q", file.read(_LENGTH_BYTES))
    if length > min(HEADER_BYTES_MAX, size - _LENGTH_BYTES):
        raise MalformedFile(
            f"A header of {length} bytes is not possible in a file of {size}; at most "
            f"{HEADER_BYTES_MAX} are read."
        )
    said = _object(file.read(length))
    metadata = said.pop("__metadata__", {})
    if not isinstance(metadata, dict):
        raise MalformedFile("The metadata of the header is not an object.")
    if not said:
        raise MalformedFile("The file has no tensors: it is no model.")
    if len(said) > TENSORS_MAX:
        raise MalformedFile(f"{len(said)} tensors are more than {TENSORS_MAX}.")
    data_at = _LENGTH_BYTES + length
    tensors = in_order((_tensor(*item, data_at) for item in said.items()), size)
    end = data_at
    for each in tensors:
        if each.offset != end:
            raise MalformedFile(f"Tensor {each.name!r} leaves a hole before it.")
        end += each.length
    if end != size:
        raise MalformedFile(f"The tensors have {end - data_at} bytes, the file {size - data_at}.")
    framework = metadata.get("format")
    return Header(
        "safetensors", tensors, {"framework": word(framework) if isinstance(framework, str) else ""}
    )


def _object(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        if isinstance(error, MalformedFile):
            raise
        raise MalformedFile(f"The header is not JSON: {error}.") from error
    if not isinstance(said, dict):
        raise MalformedFile("The header is not an object.")
    return said


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    said = dict(pairs)
    if len(said) != len(pairs):
        raise MalformedFile("A name is there twice in the header.")
    return said


def _tensor(name: str, said: Any, data_at: int) -> Extent:
    try:
        (start, stop), shape, kind = said["data_offsets"], said["shape"], said["dtype"]
        bits = _TYPE_BITS[kind]
        lists = isinstance(shape, list) and isinstance(said["data_offsets"], list)
        whole = lists and all(type(n) is int and 0 <= n <= SIDE_MAX for n in (start, stop, *shape))
    except (TypeError, KeyError, ValueError) as error:
        raise MalformedFile(f"Tensor {name!r} is not described: {error!r}.") from error
    if not whole or len(shape) > DIMENSIONS_MAX or stop < start or len(name) > NAME_BYTES_MAX:
        raise MalformedFile(f"Tensor {name[:NAME_BYTES_MAX]!r} has an impossible shape or place.")
    if (stop - start) * 8 != math.prod(shape) * bits:
        raise MalformedFile(f"Tensor {name!r} does not have the size of its shape.")
    block_bytes = 0 if bits % 8 else bits // 8
    return Extent(name, kind, tuple(shape), data_at + start, stop - start, block_bytes)
