"""What all satellites share, and how one reaches the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from constellation.simulator.fleet import Fleet
from constellation.simulator.runtimes.pool import Pool
from constellation.simulator.space import Space
from constellation.simulator.store import Store


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
    relay_key: Callable[[str], bytes | None]
    """By which a satellite seals what others hand on."""
    relay_up: Callable[[str, int, bytes], None]
    """Hands a packet on for another satellite: by whom, to whom (entity id), and which."""
    relay_down: Callable[[str, bytes, Callable[[], None]], bool]
    """Has a sealed packet of a satellite sent by whoever has a contact; False when nobody can."""
    volume: Callable[[], int]
    """Names a recorder that is formatted now."""
    is_lost: Callable[[str], bool]
    """Whether a satellite neither hears nor says anything."""
