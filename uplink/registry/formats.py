"""Model files by their own header, read with bounds: GGUF and safetensors, never pickle.

Pure: bytes of a file in, what the header says out. A header is not believed: counts, lengths and
offsets are compared with limits and with the size of the file before anything is made of them.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

HEADER_BYTES_MAX = 100 * 1024 * 1024
TENSORS_MAX = 65_536
KEYS_MAX = 65_536
STRING_BYTES_MAX = 4 * 1024 * 1024
ARRAY_ITEMS_MAX = 4 * 1024 * 1024
DIMENSIONS_MAX = 8
ECHO_MAGIC = b"ZENITH-ECHO\n"


class MalformedFile(ValueError):
    """The file is not what its format says it should be."""


@dataclass(frozen=True, slots=True)
class Extent:
    """Where one tensor lies: `kind` is its type as the format calls it, `offset` from byte 0."""

    name: str
    kind: str
    shape: tuple[int, ...]
    offset: int
    length: int
    block_bytes: int
    """Bytes of one value, or of one block of quantised values; 0 for types not known here."""


def inspect(path: Path, form: str) -> dict[str, Any]:
    """Return what the header of the file at `path` says; `MalformedFile` when it cannot be right.

    `form` is `gguf`, `safetensors` or `echo`. Only the header is read.
    """
    reader = _READERS.get(form)
    if reader is None:
        raise MalformedFile(f"{form!r} is not a format that is taken.")
    size = path.stat().st_size
    with path.open("rb") as file:
        try:
            return reader(file, size)
        except (struct.error, UnicodeDecodeError, OverflowError) as error:
            raise MalformedFile(f"The {form} header is cut short or broken: {error}.") from error


def extents(path: Path, form: str) -> list[Extent]:
    """Return where the tensors of a `gguf` or `safetensors` file lie, in the order of its header.

    All lie inside of the file; those of a GGUF may overlap. `MalformedFile` as `inspect`.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        try:
            if form == "gguf":
                return _gguf_header(file, size)[2]
            if form == "safetensors":
                return _safetensors_header(file, size)[1]
        except (struct.error, UnicodeDecodeError, OverflowError) as error:
            raise MalformedFile(f"The {form} header is cut short or broken: {error}.") from error
    raise MalformedFile(f"{form!r} has no tensors that are known here.")


# --- GGUF (github.com/ggml-org/ggml, docs/gguf.md) --------------------------------------------

_SCALARS = dict(zip((0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12), "BbHhIif?Qqd", strict=True))
_STRING, _ARRAY = 8, 9
_BLOCKS = {
    # type: (values in a block, bytes of a block), from ggml.h
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34),
    9: (32, 36), 10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210),
    15: (256, 292), 24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8), 28: (1, 8), 30: (1, 2),
}  # fmt: skip
_KEPT = ("general.architecture", "general.name", "general.file_type", "general.license")


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

    def text(self) -> str:
        return self.take(self.count("Q", STRING_BYTES_MAX, "bytes of a string")).decode()


def _gguf(file: BinaryIO, size: int) -> dict[str, Any]:
    version, said, tensors = _gguf_header(file, size)
    kept = {key: said[key] for key in _KEPT if key in said}
    architecture = said.get("general.architecture")
    if f"{architecture}.context_length" in said:
        kept["context_length"] = said[f"{architecture}.context_length"]
    return {"version": version, "tensors": len(tensors), **kept}


def _gguf_header(file: BinaryIO, size: int) -> tuple[int, dict[str, Any], list[Extent]]:
    """Return the version, what the keys say, and where the tensors lie."""
    header = _Bounded(file, size)
    if header.take(min(4, size)) != b"GGUF":
        raise MalformedFile("The file does not begin with GGUF.")
    version = header.number("I")
    if version not in (2, 3):
        raise MalformedFile(f"GGUF version {version} is not read here.")
    tensors = header.count("Q", TENSORS_MAX, "tensors")
    keys = header.count("Q", KEYS_MAX, "keys")
    said: dict[str, Any] = {}
    for _ in range(keys):
        key = header.text()
        said[key] = _gguf_value(header, header.number("I"))
    relative = [_gguf_tensor(header) for _ in range(tensors)]
    alignment = said.get("general.alignment", 32)
    if not isinstance(alignment, int) or not 1 <= alignment <= 65_536:
        raise MalformedFile(f"An alignment of {alignment!r} cannot be.")
    data_at = math.ceil(header.read_bytes / alignment) * alignment
    found = []
    for name, kind, shape, offset, length, block_bytes in relative:
        if offset % alignment or data_at + offset + length > size:
            raise MalformedFile(f"Tensor {name!r} lies outside of the file.")
        found.append(Extent(name, str(kind), shape, data_at + offset, length, block_bytes))
    return version, said, found


def _gguf_value(header: _Bounded, kind: int, depth: int = 0) -> Any:
    """Return a scalar or a string; arrays are stepped over, and only their length is returned."""
    if kind in _SCALARS:
        return header.number(_SCALARS[kind])
    if kind == _STRING:
        return header.text()
    if kind != _ARRAY or depth > 2:
        raise MalformedFile(f"A value of type {kind} is not known.")
    item, count = header.number("I"), header.count("Q", ARRAY_ITEMS_MAX, "items of an array")
    if item in _SCALARS:
        header.take(count * struct.calcsize("<" + _SCALARS[item]))
    else:
        for _ in range(count):
            _gguf_value(header, item, depth + 1)
    return count


def _gguf_tensor(header: _Bounded) -> tuple[str, int, tuple[int, ...], int, int, int]:
    """Return a tensor's name, type, shape, offset in the data, length and bytes of a block."""
    name = header.text()
    dimensions = header.count("I", DIMENSIONS_MAX, "dimensions")
    shape = tuple(header.number("Q") for _ in range(dimensions))
    kind, offset = header.number("I"), header.number("Q")
    values, block_bytes = _BLOCKS.get(kind, (1, 0))  # newer types: only where they begin is checked
    if shape and shape[0] % values:
        raise MalformedFile(f"Tensor {name!r} does not hold whole blocks.")
    return name, kind, shape, offset, math.prod(shape) // values * block_bytes, block_bytes


# --- safetensors (github.com/huggingface/safetensors, README: Format) ---------------------------

_DTYPE_BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "I16": 16, "U16": 16, "F16": 16,
    "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "I64": 64, "U64": 64, "F64": 64,
}  # fmt: skip


def _safetensors(file: BinaryIO, size: int) -> dict[str, Any]:
    metadata, tensors = _safetensors_header(file, size)
    name = metadata.get("format") if isinstance(metadata, dict) else None
    return {"tensors": len(tensors), "framework": name if isinstance(name, str) else ""}


def _safetensors_header(file: BinaryIO, size: int) -> tuple[Any, list[Extent]]:
    """Return the metadata and where the tensors lie, in the order of their offsets."""
    (length,) = struct.unpack("<Q", file.read(8))
    if length > min(HEADER_BYTES_MAX, size - 8):
        raise MalformedFile(f"A header of {length} bytes is not possible here.")
    try:
        said = json.loads(file.read(length))
    except (ValueError, RecursionError) as error:
        raise MalformedFile(f"The header is not JSON: {error}.") from error
    if not isinstance(said, dict):
        raise MalformedFile("The header is not an object.")
    metadata = said.pop("__metadata__", {})
    if len(said) > TENSORS_MAX:
        raise MalformedFile(f"{len(said)} tensors are more than {TENSORS_MAX}.")
    found = [_safetensors_extent(8 + length, *item) for item in said.items()]
    found.sort(key=lambda one: (one.offset, one.length, one.name))
    end = 8 + length
    for one in found:
        if one.offset != end:
            raise MalformedFile(f"Tensor {one.name!r} overlaps another or leaves a hole.")
        end += one.length
    if end != size:
        raise MalformedFile(
            f"The tensors have {end - 8 - length} bytes, the file {size - 8 - length}."
        )
    return metadata, found


def _safetensors_extent(data_at: int, name: str, said: Any) -> Extent:
    try:
        (start, stop), shape = said["data_offsets"], said["shape"]
        bits = _DTYPE_BITS[said["dtype"]]
        whole = all(type(n) is int and n >= 0 for n in (start, stop, *shape))
        if not whole or len(shape) > DIMENSIONS_MAX:
            raise MalformedFile(f"Tensor {name!r} has an impossible shape.")
    except (TypeError, KeyError, ValueError) as error:
        if isinstance(error, MalformedFile):
            raise
        raise MalformedFile(f"Tensor {name!r} is not described: {error!r}.") from error
    if (stop - start) * 8 != math.prod(shape) * bits:
        raise MalformedFile(f"Tensor {name!r} does not have the size of its shape.")
    length = stop - start
    return Extent(name, said["dtype"], tuple(shape), data_at + start, length, bits // 8)


def _echo(file: BinaryIO, size: int) -> dict[str, Any]:
    if file.read(len(ECHO_MAGIC)) != ECHO_MAGIC:
        raise MalformedFile("The file does not begin with ZENITH-ECHO.")
    return {}


_READERS: dict[str, Callable[[BinaryIO, int], dict[str, Any]]] = {
    "gguf": _gguf,
    "safetensors": _safetensors,
    "echo": _echo,
}
