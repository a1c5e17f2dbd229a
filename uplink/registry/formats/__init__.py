"""Model files by their own header, read with bounds: GGUF and safetensors, never pickle.

Pure: a file in, what its header says out. A header is not believed: counts, lengths, offsets and
extents are compared with limits and with the size of the file before anything is made of them.
Only the header is read, so a file of any size takes milliseconds.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from uplink.registry.formats import adapters, gguf, names, safetensors
from uplink.registry.formats.header import Extent, Header, MalformedFile, described

__all__ = [
    "ECHO_MAGIC",
    "Extent",
    "Header",
    "MalformedFile",
    "detect",
    "extents",
    "inspect",
    "read",
]

ECHO_MAGIC = b"ZENITH-ECHO\n"
_MAGIC_BYTES = 16


def read(path: Path, form: str | None = None) -> Header:
    """Return the header of the model file at `path`; `MalformedFile` when it cannot be right.

    `form` is `gguf`, `safetensors` or `echo`; without it the file's first bytes decide.
    """
    form = form or detect(path)
    reader = _READERS.get(form)
    if reader is None:
        raise MalformedFile(f"{form!r} is not a format that is taken.")
    size = path.stat().st_size
    with path.open("rb") as file:
        begin = file.read(_MAGIC_BYTES)
        file.seek(0)
        try:
            return reader(file, size)
        except MalformedFile as error:
            if what := names.of_bytes(begin):
                raise MalformedFile(f"{error} {what}") from error
            raise
        except (struct.error, UnicodeDecodeError, OverflowError) as error:
            raise MalformedFile(f"The {form} header is cut short or broken: {error}.") from error


def inspect(path: Path, form: str | None = None) -> dict[str, Any]:
    """Return what the registry keeps of a header: counts, sizes, types, architecture, adapter."""
    header = read(path, form)
    adapter = adapters.of(header)
    return described(header) | ({"adapter": adapter} if adapter else {})


def extents(path: Path, form: str | None = None) -> list[Extent]:
    """Return where the tensors of a `gguf` or `safetensors` file lie, by where they begin.

    They lie inside of the file and do not overlap; GGUF may leave padding between them.
    `MalformedFile` as `read`, and for a form that has no tensors.
    """
    header = read(path, form)
    if header.form == "echo":
        raise MalformedFile("'echo' has no tensors that are known here.")
    return header.tensors


def detect(path: Path) -> str:
    """Return the format that a file's first bytes show; `MalformedFile` says what else it is."""
    with path.open("rb") as file:
        begin = file.read(_MAGIC_BYTES)
    if begin.startswith(gguf.MAGIC):
        return "gguf"
    if begin.startswith(ECHO_MAGIC):
        return "echo"
    if what := names.of_bytes(begin):
        raise MalformedFile(f"This is neither GGUF nor safetensors. {what}")
    if safetensors.looks_like(begin):
        return "safetensors"
    raise MalformedFile("This is neither GGUF nor safetensors, by its first bytes.")


def _echo(file: BinaryIO, size: int) -> Header:
    if file.read(len(ECHO_MAGIC)) != ECHO_MAGIC:
        raise MalformedFile("The file does not begin with ZENITH-ECHO.")
    return Header("echo", [], {})


_READERS: dict[str, Callable[[BinaryIO, int], Header]] = {
    "gguf": gguf.read,
    "safetensors": safetensors.read,
    "echo": _echo,
}
