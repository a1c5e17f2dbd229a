"""The satellite's side: what is here, what is wanted, and putting the artefact together.

It holds one chunk, its base and its encoding at a time. Whatever comes in is checked by digest
before it counts, so that packs may come from anyone, in any order, twice or damaged.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO

import numpy as np

from uplink.transfers.packaging import codec, manifests, packs, wants, wire
from uplink.transfers.packaging.manifests import EXACT, NEAR, Manifest
from uplink.transfers.packaging.wire import NAME_BYTES, Malformed

Read = Callable[[int, int], bytes]
"""`read(offset, count)`: bytes of a file, fewer where it ends."""
Write = Callable[[int, bytes | memoryview], None]
_PIECE_BYTES = 1 << 16


class Assembler:
    """One artefact on its way, into a file that `write` and `read` reach.

    `bases` has a reader for each base of the manifest, None where the satellite has not that base.
    `done` is what `progress()` returned before a restart; the bytes it speaks of must have been on
    disk by then. Everything may be repeated.
    """

    def __init__(
        self,
        manifest: Manifest,
        bases: Sequence[Read | None],
        write: Write,
        read: Read,
        *,
        done: bytes = b"",
    ) -> None:
        if len(bases) != len(manifest.sources):
            raise ValueError(f"{len(manifest.sources)} bases are named, {len(bases)} are given")
        self.manifest = manifest
        self._bases, self._write, self._read = bases, write, read
        self._offsets = manifest.offsets
        self._done = np.zeros(len(manifest), bool)
        if done:
            self._done[:] = np.unpackbits(np.frombuffer(done, np.uint8), count=len(manifest))
        self._twins = manifests.twins(manifest)

    @property
    def is_complete(self) -> bool:
        return bool(self._done.all())

    @property
    def held(self) -> int:
        """How many chunks are there."""
        return int(np.count_nonzero(self._done))

    def progress(self) -> bytes:
        """Return a bit a chunk, for the journal. Sync the file before it is written there."""
        return np.packbits(self._done).tobytes()

    def gather(self) -> Iterator[int]:
        """Copy what bases have as it is; yield the number of each chunk that is there now.

        A range that is damaged is left out: `wants()` asks for it.
        """
        for number in np.flatnonzero(~self._done).tolist():
            for base, read in zip(self.manifest.sources, self._bases, strict=True):
                if self._done[number] or read is None or base.kind[number] != EXACT:
                    continue
                data = read(int(base.offset[number]), int(base.length[number]))
                if self._keep(number, data):
                    yield number

    def wants(self) -> wants.Wants:
        """Return what is missing and how it may come, after reading the ranges it is based on.

        Of chunks with the same bytes the first is wanted: it serves them all.
        """
        wanted = np.zeros(len(self.manifest), np.uint8)
        for number in np.flatnonzero(~self._done).tolist():
            if self._twins.get(number, (number,))[0] != number:
                continue
            wanted[number] = wants.LACKING
            for which in range(len(self._bases)):
                if self._range(which, number) is not None:
                    wanted[number] = wants.FROM_BASE + which
                    break
        return wanted

    def take_pack(self, file: BinaryIO) -> Iterator[tuple[int, str]]:
        """Take a pack's chunks; yield the number of each with "" or why it was refused.

        `Malformed` when the pack itself stops making sense; what came before stays taken.
        """
        for record in packs.read(file, self.manifest.sha256):
            try:
                self.take(record)
            except Malformed as error:
                yield record.number, str(error)
            else:
                yield record.number, ""

    def take(self, record: packs.Record) -> None:
        """Decode one chunk, check it and keep it; `Malformed` names the chunk and the reason."""
        number = record.number
        if number >= len(self.manifest):
            raise Malformed(f"chunk {number} of {len(self.manifest)} is not known")
        if self._done[number]:
            return
        base = self._base_of(record) if record.encoded.needs_base else None
        try:
            data = codec.decode(record.encoded, int(self.manifest.lengths[number]), base)
        except Malformed as error:
            raise Malformed(f"chunk {number}: {error}") from error
        if not self._keep(number, data):
            raise Malformed(f"chunk {number}: what came out has another digest")

    def verify(self) -> bool:
        """Say whether the whole file has the SHA-256 that the manifest names."""
        whole = hashlib.sha256()
        for at in range(0, self.manifest.size, _PIECE_BYTES):
            whole.update(self._read(at, min(_PIECE_BYTES, self.manifest.size - at)))
        return whole.digest() == self.manifest.sha256

    def recheck(self) -> int:
        """Read back every chunk that is there and forget those with another digest; how many."""
        lost = 0
        for number in np.flatnonzero(self._done).tolist():
            length = int(self.manifest.lengths[number])
            data = self._read(int(self._offsets[number]), length)
            if len(data) != length or wire.digest(data) != self.manifest.digest(number):
                self._done[number] = False
                lost += 1
        return lost

    def _keep(self, number: int, data: bytes | memoryview) -> bool:
        if len(data) != self.manifest.lengths[number]:
            return False
        if wire.digest(data) != self.manifest.digest(number):
            return False
        for twin in self._twins.get(number, (number,)):
            self._write(int(self._offsets[twin]), data)
            self._done[twin] = True
        return True

    def _base_of(self, record: packs.Record) -> bytes:
        """Return the range a delta was made against, whole; `Malformed` when it is not here."""
        number = record.number
        named = False
        for which, base in enumerate(self.manifest.sources):
            if base.kind[number] != NEAR or base.name(number) != record.base_name:
                continue
            named = True
            data = self._range(which, number)
            if data is not None:
                return data
        why = "is damaged or not on board" if named else "is not one that the manifest names"
        raise Malformed(f"chunk {number}: its base {record.base_name.hex()} {why}")

    def _range(self, which: int, number: int) -> bytes | None:
        """Return the range that base `which` has near the chunk, None unless it is whole."""
        base, read = self.manifest.sources[which], self._bases[which]
        if read is None or base.kind[number] != NEAR:
            return None
        data = read(int(base.offset[number]), int(base.length[number]))
        return data if wire.digest(data)[:NAME_BYTES] == base.name(number) else None
