"""Artefacts that come as chunks: what the satellite has is copied, the rest decoded as it arrives.

Each artefact under way has a folder: its manifest, its bytes so far, and a journal that says which
chunks they are, written after the bytes. Packs wait in files until they were taken, so that a kill
repeats the decoding of one pack and loses nothing.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import struct
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from constellation.simulator.clock import replace
from constellation.simulator.journal import write_at
from telemetry.onboard import WANT_LIST_BYTES_MAX, WANT_LIST_LAYOUT
from uplink.transfers.packaging import assembling, manifests, packs, wants, wire

log = logging.getLogger(__name__)

WAITING_MOST = 64
"""Packs that wait for their manifest, or for their turn."""
_STATE = struct.Struct(">I 32s")

Find = Callable[[str], Path | None]
"""Return where an artefact lies that is whole and this satellite's own, or None."""


class Delta:
    """One artefact on its way in chunks. No file of it stays open: a fleet has many."""

    def __init__(self, folder: Path, find: Find) -> None:
        """Go on from what is on the disk; `wire.Malformed` when the manifest makes no sense."""
        self.folder = folder
        self.sha = folder.name
        self.manifest = manifests.decode((folder / "manifest").read_bytes())
        self.path = folder / "bytes"
        with self.path.open("ab") as file:
            file.truncate(self.manifest.size)
        self._kind = wire.digest(self.manifest.digests.tobytes())
        self.taken, done = self._load()
        bases = [find(base.sha256.hex()) for base in self.manifest.sources]
        self.assembler = assembling.Assembler(
            self.manifest,
            [None if base is None else partial(_read, base) for base in bases],
            partial(_write, self.path),
            partial(_read, self.path),
            done=done,
        )
        self.asks = True
        """Whether the ground has to be told what is wanted."""
        self._has_refused = False

    def _load(self) -> tuple[int, bytes]:
        """Return the packs taken and the chunks done, as far as they are of this manifest."""
        path = self.folder / "state"
        state = path.read_bytes() if path.exists() else b""
        if len(state) < _STATE.size:
            return 0, b""
        taken, kind = _STATE.unpack_from(state)
        return (taken, state[_STATE.size :]) if kind == self._kind else (0, b"")

    def survey(self) -> None:
        """Copy what is on board as it is."""
        for _ in self.assembler.gather():
            pass
        self._save()

    def take(self, path: Path) -> str:
        """Decode a pack's chunks; return why some of them, or the pack's rest, were refused."""
        refused = []
        with path.open("rb") as file:
            try:
                refused += [why for _, why in self.assembler.take_pack(file) if why]
            except wire.Malformed as error:
                refused.append(str(error))
        self.taken += 1
        self._has_refused = self._has_refused or bool(refused)
        # Until all is here it is said again after each pack: the ground may have been ahead of us.
        self.asks = self.asks or self._has_refused
        self._save()
        return f"{len(refused)} refused, first {refused[0]}" if refused else ""

    def want_lists(self) -> list[bytes]:
        """Return the payloads of WANT_LIST packets that say what is missing."""
        wanted = self.assembler.wants()
        return [self._encode(first, part) for first, part in _parts(wanted)]

    def _encode(self, first: int, part: wants.Wants) -> bytes:
        body = wants.encode(part)
        sha = bytes.fromhex(self.sha)
        return WANT_LIST_LAYOUT.pack(sha, self.taken, first, len(part), len(body)) + body

    def _save(self) -> None:
        state = _STATE.pack(self.taken, self._kind) + self.assembler.progress()
        replace(self.folder / "state", state)


class Deltas:
    """All artefacts that come to one satellite as chunks.

    `arrived` is awaited with the digest of an artefact that is whole and the file that holds it;
    `refused` is told of one whose bytes are not what it is called, `spoilt` of packs that make no
    sense, `report` sends a want-list.
    """

    def __init__(
        self,
        folder: Path,
        *,
        find: Find,
        report: Callable[[bytes], None],
        arrived: Callable[[str, Path], Awaitable[None]],
        refused: Callable[[str, str], None],
        spoilt: Callable[[str, str], None],
    ) -> None:
        self._folder, self._waiting = folder, folder / "waiting"
        self._find, self._report = find, report
        self._arrived, self._refused, self._spoilt = arrived, refused, spoilt
        self._known: dict[str, Delta] = {}
        self._renewed: set[str] = set()
        self._dropped: set[str] = set()
        self._work: asyncio.Task[None] | None = None
        self._has_work = False
        for path in folder.glob("*/manifest"):
            self._known[path.parent.name] = Delta(path.parent, find)

    @property
    def size(self) -> int:
        """Return the bytes that are kept here."""
        waiting = sum(path.stat().st_size for path in self._waiting.glob("*"))
        return waiting + sum(one.manifest.size for one in self._known.values())

    def progress(self, sha: str) -> tuple[int, int]:
        """Return how many chunks are here of how many."""
        delta = self._known.get(sha)
        return (delta.assembler.held, len(delta.manifest)) if delta else (0, 0)

    def begin(self, sha: str, content: bytes) -> None:
        """Take a manifest; `wire.Malformed` when it is none, or that of another artefact."""
        manifest = manifests.decode(content)
        if manifest.sha256.hex() != sha:
            raise wire.Malformed("it names another artefact")
        (self._folder / sha).mkdir(parents=True, exist_ok=True)
        replace(self._folder / sha / "manifest", content)
        if sha in self._known:
            self._renewed.add(sha)  # a thread may be at work with the one before
            self._dropped.discard(sha)
        else:
            self._known[sha] = Delta(self._folder / sha, self._find)
        self.go_on()

    def drop(self, sha: str) -> None:
        """Give an artefact up that comes another way now."""
        if sha in self._known:
            self._dropped.add(sha)
            self.go_on()

    def keep(self, pack_sha: str, path: Path) -> bool:
        """Keep a pack until it is its turn; False when too many wait already."""
        self._waiting.mkdir(parents=True, exist_ok=True)
        target = self._waiting / pack_sha
        if not target.exists() and len(list(self._waiting.glob("*"))) >= WAITING_MOST:
            return False
        shutil.copyfile(path, fresh := self._folder / f"{pack_sha}.new")
        os.replace(fresh, target)
        self.go_on()
        return True

    def go_on(self) -> None:
        """Work on what is there; the work goes on by itself."""
        self._has_work = True
        if self._known and (self._work is None or self._work.done()):
            self._work = asyncio.ensure_future(self._run())

    def close(self) -> None:
        if self._work is not None:
            self._work.cancel()

    async def _run(self) -> None:
        """Take packs one after the other, beside the links; then say what is still wanted."""
        while self._has_work:
            self._has_work = False
            for sha in list(self._known):
                if sha in self._dropped:
                    self._dropped.discard(sha)
                    self._forget(sha)
                    continue
                if sha in self._renewed:
                    self._renewed.discard(sha)
                    self._known[sha] = Delta(self._folder / sha, self._find)
                try:
                    await self._advance(self._known[sha])
                except OSError as error:
                    log.error("artefact %s does not go on: %s", sha, error)

    async def _advance(self, delta: Delta) -> None:
        if delta.asks:
            await asyncio.to_thread(delta.survey)
        for path in self._packs_of(delta.sha):
            why = await asyncio.to_thread(delta.take, path)
            if why:
                self._spoilt(path.name, why)
            path.unlink(missing_ok=True)
        if delta.assembler.is_complete:
            await self._finish(delta)
        elif delta.asks:
            delta.asks = False
            for payload in await asyncio.to_thread(delta.want_lists):
                self._report(payload)

    def _packs_of(self, sha: str) -> list[Path]:
        """Return the waiting packs of an artefact, the oldest first."""
        found = []
        for path in self._waiting.glob("*"):
            if artefact_of(path) == sha:
                found.append((path.stat().st_mtime_ns, path))
        return [path for _, path in sorted(found)]

    async def _finish(self, delta: Delta) -> None:
        if await asyncio.to_thread(delta.assembler.verify):
            await self._arrived(delta.sha, delta.path)
        else:
            self._refused(delta.sha, "its chunks do not hash to the artefact's name")
        self._forget(delta.sha)

    def _forget(self, sha: str) -> None:
        delta = self._known.pop(sha)
        for path in self._packs_of(sha):
            path.unlink(missing_ok=True)
        shutil.rmtree(delta.folder, ignore_errors=True)


def is_chunk_manifest(path: Path) -> bool:
    """Say whether a manifest is one of chunks, and not of plain packs."""
    with path.open("rb") as file:
        return file.read(len(manifests.MAGIC)) == manifests.MAGIC


def artefact_of(path: Path) -> str:
    """Return the digest of the artefact that a pack is of; empty when it is no pack."""
    with path.open("rb") as file:
        found = packs.artefact_of(file)
    return found.hex() if found else ""


def _parts(wanted: wants.Wants) -> list[tuple[int, wants.Wants]]:
    """Cut a want-list so that each part fits a packet; return where they begin, and they."""
    whole, found = [(0, wanted)], []
    while whole:
        first, part = whole.pop()
        if len(wants.encode(part)) <= WANT_LIST_BYTES_MAX:
            found.append((first, part))
        else:
            half = len(part) // 2
            whole += [(first + half, part[half:]), (first, part[:half])]
    return found


def _read(path: Path, offset: int, count: int) -> bytes:
    """Return bytes of a file; fewer where it ends, none when it was dropped."""
    try:
        file = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return b""
    try:
        return os.pread(file, count, offset)
    finally:
        os.close(file)


def _write(path: Path, offset: int, data: bytes | memoryview) -> None:
    write_at(path, data, offset)
