"""What a satellite owns: packs, manifests, artefacts. It tells the ground of each change."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable
from pathlib import Path

from constellation.simulator.board.deltas import Deltas, artefact_of, is_chunk_manifest
from constellation.simulator.clock import replace
from constellation.simulator.store import (
    BadManifest,
    Holdings,
    Manifest,
    Store,
    digest_of,
    is_sha256,
)
from telemetry.onboard import (
    CHUNKS_NAME,
    MANIFEST_NAME,
    PACK_NAME,
    RELEASE_NAME,
    STORE_REPORT_LAYOUT,
    StoreEvent,
)
from uplink.transfers.cfdp import Condition
from uplink.transfers.packaging.wire import Malformed

log = logging.getLogger(__name__)

Report = Callable[[bytes], None]


def encode_report(
    event: StoreEvent, sha: str, *, slot: int = 0, held: int = 0, total: int = 0, text: str = ""
) -> bytes:
    """Return the payload of a STORE_REPORT packet."""
    body = text.encode()[:255]
    head = STORE_REPORT_LAYOUT.pack(event, slot, bytes.fromhex(sha), held, total, len(body))
    return head + body


class Packs:
    """One satellite's share of the fleet's store."""

    def __init__(
        self,
        folder: Path,
        store: Store,
        *,
        storage_bytes: int,
        report: Report,
        report_wants: Report,
        take_release: Callable[[str, bytes], bool],
    ) -> None:
        self._folder = folder / "manifests"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._store, self._storage_bytes, self._report = store, storage_bytes, report
        self._take_release = take_release
        self.holdings = Holdings(folder / "packs.bitmap", store)
        self.manifests = {
            path.stem: Manifest.parse(path.read_bytes(), artefact=path.stem)
            for path in self._folder.glob("*.json")
        }
        self._verified = {sha for sha in self.manifests if self._is_complete(sha)} & {
            path.stem for path in self._folder.glob("*.verified")
        }
        self._work: set[asyncio.Task] = set()
        self.deltas = Deltas(
            folder / "deltas",
            find=self._find,
            report=report_wants,
            arrived=self._adopt,
            refused=self._refuse_delta,
            spoilt=self._refuse_chunk,
        )

    @property
    def room_bytes(self) -> int:
        """What may still be stored: the quota is the satellite's own, whoever shares the bytes."""
        return max(0, self._storage_bytes - self.holdings.size - self.deltas.size)

    def has_artefact(self, sha: str) -> bool:
        """Say whether the artefact is whole, verified and this satellite's own."""
        return sha in self._verified and self._store.has_artefact(sha)

    # --- what comes up ---

    def keep(self, name: str, path: Path) -> Condition:
        """Take over a finished file by the name it was sent under."""
        for prefix, take in (
            (PACK_NAME, self._keep_pack),
            (CHUNKS_NAME, self._keep_chunks),
            (MANIFEST_NAME, self._keep_manifest),
            (RELEASE_NAME, self._keep_release),
        ):
            sha = name.removeprefix(prefix)
            if name.startswith(prefix) and is_sha256(sha):
                return take(sha, path)
        return Condition.FILESTORE_REJECTION

    def _keep_pack(self, sha: str, path: Path) -> Condition:
        if path.stat().st_size > self.room_bytes and sha not in self.holdings:
            self._report(encode_report(StoreEvent.PACK_REFUSED, sha, text="storage is full"))
            return Condition.FILESTORE_REJECTION
        number = self._store.add_pack(path, sha)
        if number is None:
            text = "the bytes do not hash to the name"
            self._report(encode_report(StoreEvent.PACK_REFUSED, sha, text=text))
            return Condition.FILE_CHECKSUM_FAILURE
        self.holdings.add(number)
        touched = [one for one in self.manifests.values() if any(sha == p for p, _ in one.packs)]
        for manifest in touched:
            held, total = self._progress(manifest)
            self._report(encode_report(StoreEvent.PACK_STORED, sha, held=held, total=total))
        if not touched:
            self._report(encode_report(StoreEvent.PACK_STORED, sha))
        self.complete()
        return Condition.NO_ERROR

    def _keep_chunks(self, sha: str, path: Path) -> Condition:
        """Take a pack of encoded chunks: it is decoded when its manifest is here."""
        artefact = artefact_of(path)
        if digest_of(path) != sha or not artefact:
            text = "the bytes do not hash to the name, or are no chunks"
            self._report(encode_report(StoreEvent.PACK_REFUSED, sha, text=text))
            return Condition.FILE_CHECKSUM_FAILURE
        if self.has_artefact(artefact):
            self._report(encode_report(StoreEvent.PACK_STORED, sha))
            return Condition.NO_ERROR
        if not self.deltas.keep(sha, path):
            self._report(encode_report(StoreEvent.PACK_REFUSED, sha, text="too many packs wait"))
            return Condition.FILESTORE_REJECTION
        held, total = self.deltas.progress(artefact)
        self._report(encode_report(StoreEvent.PACK_STORED, sha, held=held, total=total))
        return Condition.NO_ERROR

    def _keep_manifest(self, sha: str, path: Path) -> Condition:
        if is_chunk_manifest(path):
            return self._keep_chunk_manifest(sha, path)
        try:
            manifest = Manifest.parse(path.read_bytes(), artefact=sha)
        except BadManifest as error:
            text = f"manifest: {error}"
            self._report(encode_report(StoreEvent.ARTEFACT_REFUSED, sha, text=text))
            return Condition.INVALID_FILE_STRUCTURE
        self._put_manifest(manifest)
        if self.has_artefact(sha):  # from before: a ground that lost its memory is told
            held, total = self._progress(manifest)
            self._report(encode_report(StoreEvent.ARTEFACT_VERIFIED, sha, held=held, total=total))
        self.complete()
        return Condition.NO_ERROR

    def _put_manifest(self, manifest: Manifest) -> None:
        sha = manifest.artefact
        replace(self._folder / f"{sha}.json", manifest.encode())
        self.manifests[sha] = manifest
        self.deltas.drop(sha)
        held, total = self._progress(manifest)
        self._report(encode_report(StoreEvent.MANIFEST_STORED, sha, held=held, total=total))

    # --- what comes from other satellites ---

    def take_manifest(self, sha: str, content: bytes, *, digest: str) -> bool:
        """Keep a manifest if its bytes are what they were ordered to be; say whether they were."""
        try:
            manifest = Manifest.parse(content, artefact=sha)
        except BadManifest:
            return False
        if hashlib.sha256(content).hexdigest() != digest or manifest.digest != digest:
            return False
        self._put_manifest(manifest)
        self.complete()
        return True

    def own(self, sha: str, size: int) -> None:
        """Count a pack as this satellite's own: its bytes were checked, and lie in the store."""
        self.holdings.add(self._store.number_of_new(sha, size))
        self.complete()

    def _keep_release(self, sha: str, path: Path) -> Condition:
        """Hand metadata on to who judges it; its name tells only which file the answer is about."""
        taken = self._take_release(sha, path.read_bytes())
        return Condition.NO_ERROR if taken else Condition.INVALID_FILE_STRUCTURE

    def _keep_chunk_manifest(self, sha: str, path: Path) -> Condition:
        if self.has_artefact(sha):
            self._report(encode_report(StoreEvent.MANIFEST_STORED, sha))
            self._report(encode_report(StoreEvent.ARTEFACT_VERIFIED, sha))
            return Condition.NO_ERROR
        try:
            self.deltas.begin(sha, path.read_bytes())
        except Malformed as error:
            text = f"manifest: {error}"
            self._report(encode_report(StoreEvent.ARTEFACT_REFUSED, sha, text=text))
            return Condition.INVALID_FILE_STRUCTURE
        held, total = self.deltas.progress(sha)
        self._report(encode_report(StoreEvent.MANIFEST_STORED, sha, held=held, total=total))
        return Condition.NO_ERROR

    def _progress(self, manifest: Manifest) -> tuple[int, int]:
        held = sum(pack in self.holdings for pack, _ in manifest.packs)
        return held, len(manifest.packs)

    def _is_complete(self, sha: str) -> bool:
        return all(pack in self.holdings for pack, _ in self.manifests[sha].packs)

    # --- artefacts ---

    def complete(self) -> None:
        """Put together every artefact of which all packs are here; the work goes on by itself."""
        for sha, manifest in self.manifests.items():
            if sha not in self._verified and self._is_complete(sha):
                work = asyncio.ensure_future(self._assemble(manifest))
                self._work.add(work)
                work.add_done_callback(self._work.discard)
        self.deltas.go_on()

    def _find(self, sha: str) -> Path | None:
        return self._store.artefact_path(sha) if self.has_artefact(sha) else None

    async def _adopt(self, sha: str, path: Path) -> None:
        """Take over an artefact that was put together from chunks, as if its packs had come."""
        async with self._store.assembling:
            manifest = await asyncio.to_thread(self._store.adopt, path, sha)
            for pack, size in manifest.packs:
                self.holdings.add(self._store.number_of_new(pack, size))
            self._store.settle(manifest)
            replace(self._folder / f"{sha}.json", manifest.encode())
            (self._folder / f"{sha}.verified").touch()
            self.manifests[sha] = manifest
            self._verified.add(sha)
        held, total = self._progress(manifest)
        self._report(encode_report(StoreEvent.ARTEFACT_VERIFIED, sha, held=held, total=total))

    def _refuse_delta(self, sha: str, reason: str) -> None:
        self._report(encode_report(StoreEvent.ARTEFACT_REFUSED, sha, text=reason))

    def _refuse_chunk(self, pack: str, reason: str) -> None:
        self._report(encode_report(StoreEvent.PACK_REFUSED, pack, text=reason))

    async def _assemble(self, manifest: Manifest) -> None:
        sha = manifest.artefact
        async with self._store.assembling:
            if sha in self._verified or sha not in self.manifests:
                return
            try:
                sound = await asyncio.to_thread(self._store.assemble, manifest)
            except OSError as error:
                log.error("artefact %s cannot be put together: %s", sha, error)
                self._refuse(manifest, f"storage failed: {error.strerror}")
                return
            if not sound:
                self._refuse(manifest, "the packs do not hash to the artefact's name")
                return
            self._store.settle(manifest)
            (self._folder / f"{sha}.verified").touch()
            self._verified.add(sha)
        held, total = self._progress(manifest)
        self._report(encode_report(StoreEvent.ARTEFACT_VERIFIED, sha, held=held, total=total))

    def _refuse(self, manifest: Manifest, reason: str) -> None:
        """Forget a manifest that leads nowhere; its packs stay, each is what it says it is."""
        held, total = self._progress(manifest)
        self._forget(manifest.artefact)
        self._report(
            encode_report(
                StoreEvent.ARTEFACT_REFUSED, manifest.artefact, held=held, total=total, text=reason
            )
        )

    def _forget(self, sha: str) -> None:
        self.manifests.pop(sha, None)
        self._verified.discard(sha)
        (self._folder / f"{sha}.verified").unlink(missing_ok=True)
        (self._folder / f"{sha}.json").unlink(missing_ok=True)

    def condemn(self, sha: str) -> None:
        """Drop an artefact whose bytes went bad; the packs that are sound stay held."""
        manifest = self.manifests[sha]
        if self._store.has_artefact(sha):
            self._store.condemn(sha)
        self._refuse(manifest, "its bytes on board do not hash to its name any more")

    def drop(self, sha: str) -> None:
        """Give an artefact up, with the packs that no other of this satellite needs."""
        needed = {
            pack
            for other, manifest in self.manifests.items()
            if other != sha
            for pack, _ in manifest.packs
        }
        manifest = self.manifests[sha]
        self._forget(sha)
        for pack, _ in manifest.packs:
            if pack not in needed:
                self.holdings.remove(pack)
        self._store.collect(manifest)
        self._report(encode_report(StoreEvent.ARTEFACT_DROPPED, sha, total=len(manifest.packs)))

    def close(self) -> None:
        self.deltas.close()
        for work in self._work:
            work.cancel()
