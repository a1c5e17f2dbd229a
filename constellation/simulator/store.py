"""Packs and artefacts of the whole fleet, named by their SHA-256, each byte on disk once.

A pack enters as a file, checked against its name. When a manifest's packs are all there the
artefact is put together, checked, and its packs live on as ranges of it. A satellite only holds
one bit for each pack that is its own: 2,800 satellites with one model take its bytes once.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import shutil
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from constellation.simulator.clock import replace
from constellation.simulator.journal import Journal, write_at
from telemetry.onboard import PACK_BYTES

CHUNK_BYTES = 1024 * 1024
PACKS_MOST = 65_536
_SHA = re.compile(r"[0-9a-f]{64}")
_ENTRY = struct.Struct(">32sQ")


class BadManifest(ValueError):
    """A manifest that cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """How packs make an artefact: one behind the other."""

    artefact: str
    size: int
    packs: tuple[tuple[str, int], ...]

    @classmethod
    def parse(cls, content: bytes, *, artefact: str) -> Manifest:
        """Read and check a manifest that came up for `artefact`."""
        try:
            fields = json.loads(content)
            packs = tuple((one["sha256"], one["size"]) for one in fields["packs"])
            manifest = cls(fields["artefact"], fields["size"], packs)
        except (ValueError, KeyError, TypeError) as error:
            raise BadManifest(f"unreadable: {error!r}") from error
        if manifest.artefact != artefact:
            raise BadManifest("it names another artefact")
        if not 0 < len(packs) <= PACKS_MOST:
            raise BadManifest(f"{len(packs)} packs")
        for sha, size in packs:
            if not is_sha256(sha) or not isinstance(size, int) or size <= 0:
                raise BadManifest(f"a pack {sha!r} of {size!r} bytes")
        if sum(size for _, size in packs) != manifest.size:
            raise BadManifest("the packs are not as long as the artefact")
        return manifest

    def encode(self) -> bytes:
        packs = [{"sha256": sha, "size": size} for sha, size in self.packs]
        fields = {"artefact": self.artefact, "size": self.size, "packs": packs}
        return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()

    @property
    def digest(self) -> str:
        """SHA-256 of the manifest as the ground sends it: what an order to fetch names it by."""
        return hashlib.sha256(self.encode()).hexdigest()


def is_sha256(text: object) -> bool:
    return isinstance(text, str) and _SHA.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class _Place:
    path: Path
    offset: int
    size: int


class Store:
    """The fleet's content-addressed store."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.assembling = asyncio.Lock()
        """Held by whoever puts an artefact together: one at a time for the fleet."""
        for name in ("packs", "artefacts", "manifests"):
            (root / name).mkdir(parents=True, exist_ok=True)
        self._index = Journal(root / "packs.index")
        self._number: dict[str, int] = {}
        self._size: list[int] = []
        for record in self._index.records:
            digest, size = _ENTRY.unpack(record)
            self._number.setdefault(digest.hex(), len(self._size))
            self._size.append(size)
        self._inside: dict[str, _Place] = {}
        for path in (root / "manifests").glob("*.json"):
            self._adopt(Manifest.parse(path.read_bytes(), artefact=path.stem))

    # --- packs ---

    def number(self, sha: str) -> int | None:
        """Return the number that stands for a pack in the satellites' bitmaps."""
        return self._number.get(sha)

    def size_of(self, number: int) -> int:
        return self._size[number]

    def has_pack(self, sha: str) -> bool:
        return sha in self._inside or self._pack_path(sha).exists()

    def add_pack(self, path: Path, sha: str) -> int | None:
        """Copy a received file in as pack `sha` and return its number; None when its bytes are
        another's. The file itself stays: until its sender knows, a kill must find it again."""
        if digest_of(path) != sha:
            return None
        if not self.has_pack(sha):
            target = self._pack_path(sha)
            target.parent.mkdir(exist_ok=True)
            shutil.copyfile(path, target.with_suffix(".new"))
            os.replace(target.with_suffix(".new"), target)
        return self.number_of_new(sha, path.stat().st_size)

    def read_pack(self, sha: str) -> Iterator[bytes]:
        """Yield a pack's bytes in pieces; FileNotFoundError when it is not here."""
        place = self._inside.get(sha)
        path = place.path if place else self._pack_path(sha)
        with path.open("rb") as file:
            if place:
                file.seek(place.offset)
            left = place.size if place else path.stat().st_size
            while left and (piece := file.read(min(left, CHUNK_BYTES))):
                left -= len(piece)
                yield piece

    # --- artefacts ---

    def artefact_path(self, sha: str) -> Path:
        return self._root / "artefacts" / sha[:2] / sha

    def has_artefact(self, sha: str) -> bool:
        return self.artefact_path(sha).exists()

    def assemble(self, manifest: Manifest) -> bool:
        """Put an artefact together from its packs; False when it does not hash to its name.

        Streams, and may run in a thread: it touches nothing but its own new file.
        """
        known = self._root / "manifests" / f"{manifest.artefact}.json"
        # Another cutting of it, or a lie about it, is put together and hashed like any other.
        is_known = known.exists() and known.read_bytes() == manifest.encode()
        if is_known and self.has_artefact(manifest.artefact):
            return True
        fresh = self._root / "artefacts" / f"{manifest.artefact}.new"
        whole = hashlib.sha256()
        with fresh.open("wb") as file:
            for sha, _ in manifest.packs:
                for piece in self.read_pack(sha):
                    whole.update(piece)
                    file.write(piece)
        if whole.hexdigest() != manifest.artefact:
            fresh.unlink()
            return False
        target = self.artefact_path(manifest.artefact)
        target.parent.mkdir(exist_ok=True)
        os.replace(fresh, target)
        return True

    def adopt(self, path: Path, sha: str) -> Manifest:
        """Keep a verified artefact's file, and return the packs that it would be cut into.

        The file stays where it was, too: a kill must find it until all is settled.

        Streams, and may run in a thread: it touches nothing but the file.
        """
        packs = []
        with path.open("rb") as file:
            while pack := file.read(PACK_BYTES):
                packs.append((hashlib.sha256(pack).hexdigest(), len(pack)))
        manifest = Manifest(sha, path.stat().st_size, tuple(packs))
        target = self.artefact_path(sha)
        if not target.exists():
            target.parent.mkdir(exist_ok=True)
            os.link(path, target)
        return manifest

    def number_of_new(self, sha: str, size: int) -> int:
        """Return the number that stands for a pack, giving one to a pack that has none."""
        if sha not in self._number:
            self._index.append(_ENTRY.pack(bytes.fromhex(sha), size))
            self._number[sha] = len(self._size)
            self._size.append(size)
        return self._number[sha]

    def settle(self, manifest: Manifest) -> None:
        """Let an assembled artefact's packs live on inside of it: each byte lies here once."""
        replace(self._root / "manifests" / f"{manifest.artefact}.json", manifest.encode())
        self._adopt(manifest)
        for sha, _ in manifest.packs:
            self._pack_path(sha).unlink(missing_ok=True)

    def is_sound(self, sha: str) -> bool:
        """Hash an artefact's file against its name."""
        return self.has_artefact(sha) and digest_of(self.artefact_path(sha)) == sha

    def condemn(self, sha: str) -> list[str]:
        """Take a spoilt artefact out; its sound packs stay as files, the others are returned."""
        path = self._root / "manifests" / f"{sha}.json"
        manifest = Manifest.parse(path.read_bytes(), artefact=sha)
        lost = []
        for pack, _ in manifest.packs:
            content = b"".join(self.read_pack(pack))
            if hashlib.sha256(content).hexdigest() == pack:
                target = self._pack_path(pack)
                target.parent.mkdir(exist_ok=True)
                replace(target, content)
            else:
                lost.append(pack)
        for pack, _ in manifest.packs:
            self._inside.pop(pack, None)
        path.unlink()
        self.artefact_path(sha).unlink()
        return lost

    def collect(self, manifest: Manifest) -> bool:
        """Delete the bytes of an artefact, and its packs, if no satellite holds any of them."""
        held = bytearray()
        for path in self._root.glob("satellites/*/packs.bitmap"):
            bits = path.read_bytes()
            held.extend(bytes(max(0, len(bits) - len(held))))
            for place, byte in enumerate(bits):
                held[place] |= byte
        numbers = [self._number[sha] for sha, _ in manifest.packs if sha in self._number]
        if any(held[n >> 3] >> (n & 7) & 1 for n in numbers if n >> 3 < len(held)):
            return False
        for sha, _ in manifest.packs:
            self._inside.pop(sha, None)
            self._pack_path(sha).unlink(missing_ok=True)
        (self._root / "manifests" / f"{manifest.artefact}.json").unlink(missing_ok=True)
        self.artefact_path(manifest.artefact).unlink(missing_ok=True)
        return True

    def _adopt(self, manifest: Manifest) -> None:
        at, path = 0, self.artefact_path(manifest.artefact)
        if not path.exists():
            return
        for sha, size in manifest.packs:
            self._inside.setdefault(sha, _Place(path, at, size))
            at += size

    def _pack_path(self, sha: str) -> Path:
        return self._root / "packs" / sha[:2] / sha


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file in hex, read in pieces."""
    whole = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(CHUNK_BYTES):
            whole.update(piece)
    return whole.hexdigest()


class Holdings:
    """Which packs are one satellite's own: a bitmap over the store's numbers, on disk."""

    def __init__(self, path: Path, store: Store) -> None:
        self._store = store
        self._path = path
        self._bits = bytearray(path.read_bytes() if path.exists() else b"")
        self.count = 0
        self.size = 0
        for number in range(len(self._bits) * 8):
            if self._bits[number >> 3] >> (number & 7) & 1:
                self.count += 1
                self.size += store.size_of(number)

    def __contains__(self, sha: str) -> bool:
        number = self._store.number(sha)
        if number is None or number >> 3 >= len(self._bits):
            return False
        return bool(self._bits[number >> 3] >> (number & 7) & 1) and self._store.has_pack(sha)

    def add(self, number: int) -> None:
        self._set(number, held=True)

    def remove(self, sha: str) -> None:
        number = self._store.number(sha)
        if number is not None:
            self._set(number, held=False)

    def _set(self, number: int, *, held: bool) -> None:
        place, bit = number >> 3, 1 << (number & 7)
        if place >= len(self._bits):
            self._bits.extend(bytes(place + 1 - len(self._bits)))
        if bool(self._bits[place] & bit) == held:
            return
        self._bits[place] ^= bit
        write_at(self._path, self._bits[place : place + 1], place)
        change = 1 if held else -1
        self.count += change
        self.size += change * self._store.size_of(number)
