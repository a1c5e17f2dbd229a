"""The ground's side: a manifest against bases, and the packs that satellites with them need.

A file is read chunk by chunk and never whole: 20 GB take the memory of one chunk, its candidates,
and a few hundred bytes of description a chunk.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from uplink.transfers.packaging import cheapest, codec, manifests, matching, packs, wants, wire
from uplink.transfers.packaging.cutting import Cut
from uplink.transfers.packaging.manifests import EXACT, NEAR, Manifest, Sources
from uplink.transfers.packaging.packs import Pack, Record

_DELTA_IS_SURE = 0.5
"""A delta below this part of its chunk is not compared with an encoding without a base."""
_CHEAP = 1.05
"""An encoding without a base may be so much longer than a delta, for it serves every satellite."""

Reader = Callable[[int, int], bytes]


@dataclass(frozen=True, slots=True)
class Shipment:
    """A pack, and which of the want-lists it was made for."""

    pack: Pack
    serves: frozenset[int]


@dataclass(frozen=True, slots=True)
class Plan:
    """A file against bases: the manifest, and what only the ground has to know."""

    new: Cut
    bases: tuple[Cut, ...]
    manifest: Manifest
    likely: tuple[npt.NDArray[np.int32], ...]
    """For each base and chunk: where in the range its bytes probably begin."""


def plan(new: Cut, bases: Sequence[Cut] = ()) -> Plan:
    """Return the manifest of `new` with what each of `bases` has of it. Reads ranges of them."""
    lengths = np.array([chunk.length for chunk in new.chunks], np.int32)
    digests = np.frombuffer(b"".join(chunk.digest for chunk in new.chunks), np.uint8)
    found = [_sources(new, base) for base in bases]
    manifest = Manifest(
        new.sha256, new.size, lengths, digests.reshape(-1, 32), tuple(one for one, _ in found)
    )
    return Plan(new, tuple(bases), manifest, tuple(likely for _, likely in found))


def _sources(new: Cut, base: Cut) -> tuple[Sources, npt.NDArray[np.int32]]:
    columns = manifests.empty_sources(base.sha256, base.size, len(new.chunks))
    likely = np.zeros(len(new.chunks), np.int32)
    with base.path.open("rb") as file:
        for number, found in enumerate(matching.match(new, base)):
            if found is None:
                continue
            columns.kind[number] = EXACT if found.exact else NEAR
            columns.offset[number], columns.length[number] = found.offset, found.length
            likely[number] = found.likely
            if not found.exact:
                file.seek(found.offset)
                name = wire.digest(file.read(found.length))[: wire.NAME_BYTES]
                columns.names[number] = np.frombuffer(name, np.uint8)
    return columns, likely


def expected(manifest: Manifest, bases: Collection[int]) -> wants.Wants:
    """Return what a satellite will want that holds those bases whole, and nothing else."""
    wanted = np.full(len(manifest), wants.LACKING, np.uint8)
    for number in sorted(bases, reverse=True):
        wanted[manifest.sources[number].kind == NEAR] = wants.FROM_BASE + number
    for number in bases:
        wanted[manifest.sources[number].kind == EXACT] = wants.HELD
    for number, group in manifests.twins(manifest).items():
        if number != group[0]:
            wanted[number] = wants.HELD  # it comes with the first of them
    return wanted


def pack(
    made: Plan,
    wanted: Sequence[wants.Wants],
    folder: Path,
    *,
    pack_bytes: int = packs.PACK_BYTES,
    watch: Callable[[], None] = lambda: None,
) -> list[Shipment]:
    """Write into `folder` the packs that give each want-list what it asks for, and nothing else.

    `watch` is called after each chunk; what it raises ends the work.

    A chunk that several need is encoded once where that is cheap: packs are made for sets of
    want-lists, and a satellite is sent those that serve its own.
    """
    writers: dict[frozenset[int], packs.Writer] = {}
    try:
        for record, serves in _records(made, wanted):
            writer = writers.get(serves)
            if writer is None:
                writer = packs.Writer(folder, made.new.sha256, pack_bytes=pack_bytes)
                writers[serves] = writer
            writer.add(record)
            watch()
        for writer in writers.values():
            writer.close()
    finally:
        for writer in writers.values():
            writer.abandon()
    return [Shipment(one, serves) for serves, writer in writers.items() for one in writer.packs]


def _records(made: Plan, wanted: Sequence[wants.Wants]) -> Iterator[tuple[Record, frozenset[int]]]:
    with ExitStack() as stack:
        readers = [_reader(stack, one) for one in (made.new, *made.bases)]
        for number in range(len(made.new.chunks)):
            asks: dict[int, set[int]] = {}
            for who, one in enumerate(wanted):
                if one[number] != wants.HELD:
                    asks.setdefault(int(one[number]), set()).add(who)
            if asks:
                yield from _of_chunk(number, made, asks, readers)


def _reader(stack: ExitStack, one: Cut) -> Reader:
    file = stack.enter_context(one.path.open("rb"))

    def read(offset: int, count: int) -> bytes:
        file.seek(offset)
        return file.read(count)

    return read


def _of_chunk(
    number: int, made: Plan, asks: dict[int, set[int]], readers: Sequence[Reader]
) -> Iterator[tuple[Record, frozenset[int]]]:
    """Yield a record or several, so that everyone who asks for the chunk can decode one."""
    chunk = made.new.chunks[number]
    data = readers[0](chunk.offset, chunk.length)
    alone = asks.pop(wants.LACKING, set())
    deltas: dict[bytes, tuple[codec.Encoded, set[int]]] = {}
    for value, who in sorted(asks.items()):
        which = value - wants.FROM_BASE
        base = made.manifest.sources[which]
        name = base.name(number)
        if name not in deltas:
            near = readers[1 + which](int(base.offset[number]), int(base.length[number]))
            likely = int(made.likely[which][number])
            encoded = cheapest.delta(data, near, chunk.layout, likely=likely)
            if encoded is None:
                alone |= who
                continue
            deltas[name] = encoded, set()
        deltas[name][1].update(who)
    unsure = any(len(one.payload) > _DELTA_IS_SURE * len(data) for one, _ in deltas.values())
    if alone or unsure:
        whole = cheapest.self_contained(data, chunk.layout)
        ceiling = _CHEAP if alone or len(deltas) > 1 else 1.0
        for name, (encoded, who) in list(deltas.items()):
            if len(whole.payload) <= ceiling * len(encoded.payload):
                alone |= who
                del deltas[name]
        if alone:
            yield Record(number, whole), frozenset(alone)
    for name, (encoded, who) in deltas.items():
        yield Record(number, encoded, name), frozenset(who)
