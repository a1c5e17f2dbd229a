"""What all satellites share, and how one asks after the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from constellation.simulator.fleet import Fleet
from constellation.simulator.runtimes.pool import Pool
from constellation.simulator.space import Space
from constellation.simulator.store import Store

if TYPE_CHECKING:
    from constellation.simulator.board.satellite import Satellite


@dataclass(frozen=True)
class Surroundings:
    """What all satellites share."""

    fleet: Fleet
    space: Space
    store: Store
    pool: Pool
    now_s: Callable[[], float]
    seed: int
    key: Callable[[str], bytes | None]
    inventory_key: Callable[[str], Ed25519PrivateKey | None]
    volume: Callable[[], int]
    """Names a recorder that is formatted now."""
    linked: Callable[[str, float], Iterable[Satellite]]
    """The satellites at the other ends of laser links that have any state."""
    is_lost: Callable[[str], bool]
    """Whether a satellite neither hears nor says anything."""
