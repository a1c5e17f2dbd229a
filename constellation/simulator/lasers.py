"""Laser links at work: satellites that have orders fetch packs from those they are linked with.

Who is linked follows from the true orbits and the terminals that each has (`space`). A pack takes
the request's way there, its bytes at the rate of the slower end, and the light's way back; it is
hashed before it is its receiver's own. The bytes lie in the fleet's store once: what moves is a bit
in the receiver's bitmap, and only where the sender's own bitmap has it.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from constellation.orbits import look
from constellation.simulator.board.fetching import Order
from constellation.simulator.board.satellite import Satellite
from constellation.simulator.clock import Clock
from constellation.simulator.fleet import Fleet
from constellation.simulator.mischief import Mischief
from constellation.simulator.space import Space
from constellation.simulator.store import Store

log = logging.getLogger(__name__)

TICK_S = 0.1
"""Wall time between two looks."""
GAP_S = 5.0
"""Wall time; after a longer gap (a jump of the clock, a stop) links begin anew."""
HEAD_BYTES = 64
"""What asks for a pack, and what goes before one."""
MANIFEST = -1


@dataclass
class Link:
    """One direction of one link: what is under way on it, and from when on it is free."""

    free_s: float
    order: Order | None = None
    number: int = MANIFEST
    ends_s: float = 0.0
    has_begun: bool = False


class Lasers:
    """All laser links of the fleet."""

    def __init__(
        self,
        fleet: Fleet,
        space: Space,
        clock: Clock,
        store: Store,
        mischief: Mischief,
        *,
        boards: dict[str, Satellite],
        board: Callable[[str], Satellite],
        is_touched: Callable[[str], bool],
    ) -> None:
        self._fleet, self._space, self._clock, self._store = fleet, space, clock, store
        self._mischief, self._boards = mischief, boards
        self._board, self._is_touched = board, is_touched
        self._links: dict[tuple[str, str], Link] = {}
        self._last_s = clock.now_s()
        self.carried_bytes = 0

    async def run(self) -> None:
        """Go on until cancelled; what goes wrong with one satellite stops none of the others."""
        while True:
            await asyncio.sleep(TICK_S)
            await self.step()

    async def step(self) -> None:
        now_s = self._clock.now_s()
        if not 0.0 <= now_s - self._last_s <= GAP_S * max(1.0, self._clock.reading.rate):
            self._links.clear()
        self._last_s = now_s
        for board in list(self._boards.values()):
            if board.spec.code in self._mischief.lost or not board.fetching.orders:
                continue
            try:
                await self._fetch(board, now_s)
            except OSError as error:
                log.error("%s cannot fetch: %s", board.spec.code, error)
            board.fetching.report_news(now_s)

    def linked(self, code: str, at_s: float) -> Iterator[Satellite]:
        """Yield the satellites that this one is linked with, of those that have any state."""
        if not self._is_able(code):
            return
        for other in self._space.neighbours(code, at_s):
            if not self._is_able(other) or not self._is_touched(other):
                continue
            if code in self._space.neighbours(other, at_s):
                yield self._board(other)

    def _is_able(self, code: str) -> bool:
        board = self._boards.get(code)
        return code not in self._mischief.lost and not (board and board.troubles.lasers_down)

    # --- one satellite's fetching ---

    async def _fetch(self, board: Satellite, now_s: float) -> None:
        orders = board.fetching.open_orders()
        if not orders:
            return
        code = board.spec.code
        peers = {peer.spec.code: peer for peer in self.linked(code, now_s)}
        for ends in [ends for ends in self._links if ends[0] == code and ends[1] not in peers]:
            del self._links[ends]  # what was under way is lost
        if not peers:
            return
        seen = _Swarm(orders, board, list(peers.values()))
        links = {
            other: self._links.setdefault((code, other), Link(free_s=now_s)) for other in peers
        }
        for other, link in links.items():
            self._begin(board, peers[other], link, seen, links)
        while True:
            due = [(link.ends_s, other) for other, link in links.items() if link.has_begun]
            ends_s, other = min(due, default=(now_s + 1.0, ""))
            if ends_s > now_s:
                return
            link = links[other]
            link.has_begun, link.free_s = False, ends_s
            await self._arrive(board, peers[other], link, seen)
            for name, each in links.items():
                if not each.has_begun:
                    # A link that stood idle begins now, and not when it fell idle.
                    each.free_s = max(each.free_s, ends_s)
                    self._begin(board, peers[name], each, seen, links)

    def _begin(
        self, board: Satellite, peer: Satellite, link: Link, seen: _Swarm, links: dict[str, Link]
    ) -> None:
        if link.has_begun:
            return
        under_way = {
            (one.order.artefact, one.number)
            for one in links.values()
            if one.has_begun and one.order
        }
        found = seen.next_from(peer, under_way)
        if found is None:
            return
        order, number = found
        size = HEAD_BYTES + seen.size_of(order, number, peer)
        link.order, link.number, link.has_begun = order, number, True
        link.ends_s = link.free_s + self._takes_s(board, peer, size, link.free_s)

    def _takes_s(self, one: Satellite, other: Satellite, size: int, at_s: float) -> float:
        ends = [self._space.positions_m(end.spec.code, np.array([at_s]))[0] for end in (one, other)]
        light_s = float(np.linalg.norm(ends[0] - ends[1])) / look.SPEED_OF_LIGHT_M_S
        bit_per_s = min(one.spec.isl_bit_per_s, other.spec.isl_bit_per_s)
        return 2.0 * light_s + (size + HEAD_BYTES) * 8.0 / bit_per_s

    async def _arrive(self, board: Satellite, peer: Satellite, link: Link, seen: _Swarm) -> None:
        order, number = link.order, link.number
        if board.fetching.orders.get(order.artefact) is not order or not order.asks(
            peer.spec.entity_id
        ):
            return  # ordered otherwise in the meantime
        if number == MANIFEST:
            content = self._manifest_of(peer, order)
            if board.fetching.manifest(order) is None and content is not None:
                board.fetching.take_manifest(order, content, peer.spec.entity_id)
                self.carried_bytes += len(content)
            seen.look(order)
            return
        manifest = board.fetching.manifest(order)
        if manifest is None:
            return
        sha, size = manifest.packs[number]
        if sha not in peer.packs.holdings:
            seen.look(order)
            return
        lies = self._mischief.rogue.get(peer.spec.code) == "packs"
        self.carried_bytes += size
        if await asyncio.to_thread(self._hash, sha, lies) != sha:
            text = f"pack {number} does not hash to its name"
            board.fetching.refuse(order, peer.spec.entity_id, text)
        elif board.fetching.take_pack(order, number, peer.spec.entity_id):
            seen.took(order, number)

    def _manifest_of(self, peer: Satellite, order: Order) -> bytes | None:
        if self._mischief.rogue.get(peer.spec.code) == "manifest":
            return b'{"artefact":"","packs":[],"size":0}'
        known = peer.packs.manifests.get(order.artefact)
        return known.encode() if known is not None else None

    def _hash(self, sha: str, lies: bool) -> str:
        """Return what the bytes that arrive hash to; a thread's work."""
        whole = hashlib.sha256()
        try:
            for piece in self._store.read_pack(sha):
                whole.update(bytes([piece[0] ^ 1]) + piece[1:] if lies else piece)
        except FileNotFoundError:
            return ""
        return whole.hexdigest()


class _Swarm:
    """Who of a satellite's neighbours holds what it wants, in one look."""

    def __init__(self, orders: list[Order], board: Satellite, peers: list[Satellite]) -> None:
        self._orders, self._board, self._peers = orders, board, peers
        self._wanted: dict[str, set[int]] = {}
        self._held: dict[tuple[str, str], set[int]] = {}
        self._rarity: dict[str, dict[int, int]] = {}
        for order in orders:
            self.look(order)

    def look(self, order: Order) -> None:
        """See anew who holds what."""
        sha = order.artefact
        manifest = self._board.fetching.manifest(order)
        packs = manifest.packs if manifest else ()
        own = self._board.packs.holdings
        self._wanted[sha] = {n for n, (pack, _) in enumerate(packs) if pack not in own}
        rarity = dict.fromkeys(self._wanted[sha], 0)
        for peer in self._peers:
            held: set[int] = set()
            if order.asks(peer.spec.entity_id):
                theirs = peer.packs.holdings
                held = {n for n in self._wanted[sha] if packs[n][0] in theirs}
            for number in held:
                rarity[number] += 1
            self._held[sha, peer.spec.code] = held
        self._rarity[sha] = rarity

    def next_from(
        self, peer: Satellite, under_way: set[tuple[str, int]]
    ) -> tuple[Order, int] | None:
        """Return what to ask of a peer: a manifest that is not here, else the rarest pack."""
        for order in self._orders:
            sha = order.artefact
            if not order.asks(peer.spec.entity_id) or order.is_full:
                continue
            if self._board.fetching.manifest(order) is None:
                known = peer.packs.manifests.get(sha)
                if known and known.digest == order.manifest and (sha, MANIFEST) not in under_way:
                    return order, MANIFEST
                continue
            free = [
                number
                for number in self._held[sha, peer.spec.code] & self._wanted[sha]
                if (sha, number) not in under_way
            ]
            if free:
                rarity, turn = self._rarity[sha], self._board.spec.entity_id * 7919
                total = len(self._board.packs.manifests[sha].packs)
                # Of packs alike rare each satellite begins elsewhere, so that two that fetch
                # from one can soon give to each other.
                return order, min(free, key=lambda n: (rarity[n], (n + turn) % total))
        return None

    def size_of(self, order: Order, number: int, peer: Satellite) -> int:
        manifest = self._board.fetching.manifest(order)
        if number == MANIFEST or manifest is None:
            known = peer.packs.manifests.get(order.artefact)
            return len(known.encode()) if known else 0
        return manifest.packs[number][1]

    def took(self, order: Order, number: int) -> None:
        sha = order.artefact
        pack = self._board.packs.manifests[sha].packs[number][0]
        packs = self._board.packs.manifests[sha].packs
        self._wanted[sha] -= {n for n in self._wanted[sha] if packs[n][0] == pack}
