"""What neighbours hold, handed on to the ground by whoever has a contact."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from constellation.simulator.board.packs import Report

if TYPE_CHECKING:
    from constellation.simulator.board.satellite import Satellite


class Courier:
    """Carries the signed holdings of linked neighbours down, once for each change of them."""

    def __init__(self, send: Report) -> None:
        self._send = send
        self._told: dict[tuple[str, str], tuple[int, ...]] = {}

    def begin(self) -> None:
        """Begin anew: somebody else may listen now."""
        self._told.clear()

    def hand_on(self, neighbours: Iterable[Satellite]) -> None:
        """Send what changed since it was sent last."""
        for peer in neighbours:
            count = peer.packs.holdings.count
            for artefact, order in peer.fetching.orders.items():
                key = peer.spec.code, artefact
                state = count, len(order.sources), len(order.refused)
                if self._told.get(key) == state or order.has_news:
                    continue
                self._told[key] = state
                for payload in peer.fetching.signed(artefact):
                    self._send(payload)
