"""What a satellite still needs of an artefact: its answer to a manifest.

A number a chunk: HELD; LACKING, when only an encoding without a base will do; or `FROM_BASE + n`,
when the range that the manifest names in its base number n is there and whole.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from uplink.transfers.packaging import wire
from uplink.transfers.packaging.manifests import BASES_MAX, CHUNKS_MAX

HELD, LACKING, FROM_BASE = 0, 1, 2
VERSION = 1
Wants = npt.NDArray[np.uint8]


def encode(wants: Wants) -> bytes:
    """Return runs of equal numbers: a few bytes when all is well, one or two a change."""
    edges = np.flatnonzero(np.diff(wants)) + 1
    starts = [0, *edges.tolist()] if len(wants) else []
    ends = [*starts[1:], len(wants)]
    parts = [bytes([VERSION]), wire.number(len(wants))]
    for start, end in zip(starts, ends, strict=True) if starts else ():
        parts += [bytes([wants[start]]), wire.number(end - start)]
    return b"".join(parts)


def decode(data: bytes, count: int) -> Wants:
    """Read the wants for a manifest of `count` chunks; `wire.Malformed` when they cannot be."""
    reader = wire.Reader(data)
    if (version := reader.byte()) != VERSION:
        raise wire.Malformed(f"version {version} of a want-list is not known, {VERSION} is")
    if (said := reader.number(CHUNKS_MAX, "the chunks")) != count:
        raise wire.Malformed(f"the want-list speaks of {said} chunks, the manifest of {count}")
    wants = np.zeros(count, np.uint8)
    at = 0
    while at < count:
        value = reader.byte()
        if value >= FROM_BASE + BASES_MAX:
            raise wire.Malformed(f"chunk {at} is wanted from base {value - FROM_BASE}")
        run = reader.number(count - at, "a run")
        if not run:
            raise wire.Malformed("a run of nothing")
        wants[at : at + run] = value
        at += run
    reader.end()
    return wants
