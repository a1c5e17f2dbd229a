"""Orders to fetch artefacts from other satellites over laser links, and where packs came from.

The ground names the artefact, the digest of its manifest and whom to ask. Nothing that comes is
believed: a manifest must hash to the digest in the (authenticated) order, a pack to its name in the
manifest. Who served anything else is named to the ground and not asked again under this order.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from constellation.simulator.board.packs import Packs, Report, encode_report
from constellation.simulator.journal import Journal
from constellation.simulator.store import Manifest
from telemetry import onboard
from telemetry.onboard import EventSeverity, StoreEvent
from uplink.transfers.spreading import holdings

PEER_EVENT = 5
REPORT_EVERY_S = 2.0


@dataclass
class Order:
    """One artefact that may be fetched, and what became of it."""

    artefact: str
    manifest: str
    peers: tuple[int, ...]
    refused: set[int] = field(default_factory=set)
    sources: dict[int, int] = field(default_factory=dict)
    """By number of the pack: the entity that it came from by laser."""
    laser_bytes: int = 0
    is_full: bool = False
    """There was no room; nothing is asked for until the ground orders anew."""
    has_news: bool = True
    held: int = 0
    """Packs on board, of whatever artefact, when it was told last: contacts bring some, too."""
    reported_s: float = 0.0

    def asks(self, entity_id: int) -> bool:
        return entity_id in self.peers and entity_id not in self.refused


@dataclass(frozen=True)
class Voice:
    """How the satellite says it (payloads without headers)."""

    store: Report
    event: Callable[[EventSeverity, int, str], None]
    holdings: Report
    key: Callable[[], Ed25519PrivateKey | None]


class Fetching:
    """One satellite's orders; each change is appended to a journal before it counts."""

    def __init__(
        self,
        path: Path,
        packs: Packs,
        *,
        code: str,
        entity_id: int,
        now_s: Callable[[], float],
        voice: Voice,
    ) -> None:
        self._packs, self._now_s, self._say = packs, now_s, voice
        self._code, self._entity_id = code, entity_id
        self._journal = Journal(path)
        self.orders: dict[str, Order] = {}
        for record in self._journal.records:
            self._replay(json.loads(record))
        self._journal.records.clear()

    def _replay(self, fields: dict) -> None:
        sha = fields["artefact"]
        match fields["what"]:
            case "order":
                self._place(sha, fields["manifest"], tuple(fields["peers"]))
            case "got" if sha in self.orders:
                self._got(self.orders[sha], fields["number"], fields["source"], fields["size"])
            case "refused" if sha in self.orders:
                self.orders[sha].refused.add(fields["source"])

    def _write(self, what: str, artefact: str, **fields: object) -> None:
        record = {"what": what, "artefact": artefact, **fields}
        self._journal.append(json.dumps(record, separators=(",", ":")).encode())

    # --- orders ---

    def take(self, artefact: str, manifest: str, peers: tuple[int, ...]) -> str:
        """Begin to fetch, or go on under a new order; return what to say."""
        self._write("order", artefact, manifest=manifest, peers=peers)
        self._place(artefact, manifest, peers)
        self.report(artefact)
        if self._packs.has_artefact(artefact):
            self._say.store(encode_report(StoreEvent.ARTEFACT_VERIFIED, artefact))
            return f"{artefact[:12]} is on board already"
        return f"{artefact[:12]} is fetched from {len(peers)} satellites" if peers else "over"

    def _place(self, artefact: str, manifest: str, peers: tuple[int, ...]) -> None:
        known = self.orders.get(artefact)
        order = self.orders[artefact] = Order(artefact, manifest, peers)
        if known is not None:
            order.sources, order.laser_bytes = known.sources, known.laser_bytes

    def open_orders(self) -> list[Order]:
        """Return the orders that still want something and have somebody to ask."""
        return [
            order
            for order in self.orders.values()
            if order.peers and not order.is_full and not self._packs.has_artefact(order.artefact)
        ]

    def manifest(self, order: Order) -> Manifest | None:
        """Return the manifest if it is the ordered one; another cutting of the same bytes is no
        use, and is replaced."""
        known = self._packs.manifests.get(order.artefact)
        return known if known is not None and known.digest == order.manifest else None

    # --- what comes ---

    def take_manifest(self, order: Order, content: bytes, source: int) -> bool:
        """Keep a manifest that a peer served, if it is what was ordered."""
        if not self._packs.take_manifest(order.artefact, content, digest=order.manifest):
            self.refuse(order, source, "its manifest is not the ordered one")
            return False
        order.has_news = True
        return True

    def take_pack(self, order: Order, number: int, source: int) -> bool:
        """Own a pack whose bytes were checked; False when there is no room for it."""
        sha, size = self._packs.manifests[order.artefact].packs[number]
        if size > self._packs.room_bytes:
            self._say.store(encode_report(StoreEvent.PACK_REFUSED, sha, text="storage is full"))
            order.is_full = True
            return False
        # Where it came from first: a pack is never owned without it.
        self._write("got", order.artefact, number=number, source=source, size=size)
        self._got(order, number, source, size)
        self._packs.own(sha, size)
        return True

    def _got(self, order: Order, number: int, source: int, size: int) -> None:
        order.sources[number] = source
        order.laser_bytes += size
        order.has_news = True

    def refuse(self, order: Order, source: int, reason: str) -> None:
        """Ask a satellite no more, and tell the ground who it is and why."""
        self._write("refused", order.artefact, source=source)
        order.refused.add(source)
        text = f"satellite {source}: {reason}"
        self._say.store(encode_report(StoreEvent.PEER_REFUSED, order.artefact, text=text))
        self._say.event(EventSeverity.DISTRESS, PEER_EVENT, f"{text}, {order.artefact[:12]}")
        self.report(order.artefact)

    # --- telling ---

    def report_news(self, now_s: float) -> None:
        """Tell what changed, now and then while packs come and at once when all are here."""
        for order in self.orders.values():
            is_due = now_s - order.reported_s >= REPORT_EVERY_S or now_s < order.reported_s
            has_news = order.has_news or order.held != self._packs.holdings.count
            if has_news and (is_due or self._is_whole(order)):
                self.report(order.artefact)

    def report_all(self) -> None:
        """Tell of every order: somebody listens now."""
        for artefact in self.orders:
            self.report(artefact)

    def report(self, artefact: str) -> None:
        """Tell which packs of an artefact are here."""
        order = self.orders[artefact]
        order.has_news, order.reported_s = False, self._now_s()
        order.held = self._packs.holdings.count
        for payload in self.signed(artefact):
            self._say.holdings(payload)

    def signed(self, artefact: str) -> Iterator[bytes]:
        """Yield payloads of HOLDINGS packets; none from a satellite that has no key."""
        key, order = self._say.key(), self.orders[artefact]
        if key is None:
            return
        manifest = self.manifest(order)
        packs = manifest.packs if manifest else ()
        sources = [
            order.sources.get(number, onboard.GROUND_ENTITY_ID) if self._holds(sha) else None
            for number, (sha, _) in enumerate(packs)
        ]
        whole = holdings.Holdings(
            entity_id=self._entity_id,
            at_ns=round(self._now_s() * 1e9),
            artefact=artefact,
            packs=len(packs),
            first=0,
            count=len(packs),
            laser_bytes=order.laser_bytes,
            spans=holdings.spans_of(sources),
            refused=tuple(sorted(order.refused)),
        )
        for part in whole.parts():
            yield part.encode(self._code, key)

    def _holds(self, sha: str) -> bool:
        return sha in self._packs.holdings

    def _is_whole(self, order: Order) -> bool:
        manifest = self.manifest(order)
        return manifest is not None and all(self._holds(sha) for sha, _ in manifest.packs)
