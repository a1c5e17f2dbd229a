"""The simulation put together: clock, orbits, store, satellites made when somebody looks."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from constellation.simulator.board.answers import Answers
from constellation.simulator.board.commands import derive_key, relay_key
from constellation.simulator.board.satellite import Satellite
from constellation.simulator.board.slots import Slots
from constellation.simulator.board.surroundings import Surroundings
from constellation.simulator.clock import Clock, Reading
from constellation.simulator.fleet import Fleet
from constellation.simulator.ground.channel import Faults
from constellation.simulator.ground.server import Stations
from constellation.simulator.lasers import Lasers
from constellation.simulator.mischief import Mischief
from constellation.simulator.relays import Relays
from constellation.simulator.runtimes.pool import Pool, Server
from constellation.simulator.space import Space
from constellation.simulator.store import Store
from uplink.registry.trust import inventory

log = logging.getLogger(__name__)

TIDY_EVERY_S = 30.0
INSTANTS_EVERY_S = 0.2


@dataclass(frozen=True)
class Options:
    """How the simulation is run."""

    root: Path
    seed: int
    start: Reading
    faults: Faults
    command_key: Path | None = None
    server: Server | None = None


class World:
    """Everything there is. Satellites with unfinished questions, orders to fetch or an instant to
    keep wake up by themselves."""

    def __init__(self, fleet: Fleet, options: Options) -> None:
        root = options.root
        root.mkdir(parents=True, exist_ok=True)
        self.fleet = fleet
        self.faults = options.faults
        self.clock = Clock(root / "clock.json", start=options.start)
        self.pool = Pool(root / "runtimes", options.server)
        self.store = Store(root)
        self._root = root
        self._options = options
        self.mischief = Mischief(root / "mischief.json")
        space = Space(fleet, options.seed)
        self.satellites: dict[str, Satellite] = {}
        self.lasers = Lasers(
            fleet,
            space,
            self.clock,
            self.store,
            self.mischief,
            boards=self.satellites,
            board=self.satellite,
            is_touched=self.is_touched,
        )
        self.relays = Relays(
            fleet,
            space,
            self.clock,
            self.mischief,
            boards=self.satellites,
            board=self.satellite,
        )
        self._around = Surroundings(
            fleet=fleet,
            space=space,
            store=self.store,
            pool=self.pool,
            now_s=self.clock.now_s,
            seed=options.seed,
            key=self._key,
            inventory_key=self._inventory_key,
            relay_key=self._relay_key,
            relay_up=self.relays.up,
            relay_down=self.relays.down,
            volume=lambda: int(time.time()) & 0xFFFFFFFF,
            is_lost=lambda code: code in self.mischief.lost,
        )
        self.stations = Stations(
            root,
            fleet=fleet,
            space=space,
            clock=self.clock,
            faults=self.faults,
            seed=options.seed,
            board=self.satellite,
        )
        for code in fleet.satellites:
            journal = self._folder(code) / "queries.journal"
            fetches = (self._folder(code) / "fetching.journal").exists()
            slots = self._folder(code) / "slots.json"
            keeps = slots.exists() and Slots(slots).timed is not None
            if keeps or fetches or (journal.exists() and Answers(journal).has_unfinished):
                self.satellite(code)

    def satellite(self, code: str) -> Satellite:
        """Return a satellite, switched on if it was not."""
        if code not in self.satellites:
            spec = self.fleet.satellites[code]
            self.satellites[code] = Satellite(spec, self._folder(code), self._around)
        return self.satellites[code]

    def is_touched(self, code: str) -> bool:
        """Say whether a satellite has any state: the others exist on paper only."""
        return code in self.satellites or self._folder(code).exists()

    async def tidy(self) -> None:
        """Forget contacts that are done with, now and then."""
        while True:
            await asyncio.sleep(TIDY_EVERY_S)
            self.stations.forget(self.clock.now_s())

    async def keep_instants(self) -> None:
        """Let satellites do what they were told to do at an instant, whether heard or not."""
        while True:
            await asyncio.sleep(INSTANTS_EVERY_S)
            now_s = self.clock.now_s()
            for satellite in list(self.satellites.values()):
                satellite.watch(now_s)

    async def close(self) -> None:
        with contextlib.suppress(Exception):
            await self.pool.close()
        for satellite in self.satellites.values():
            satellite.close()

    def _folder(self, code: str) -> Path:
        return self._root / "satellites" / quote(code, safe="")

    def _key(self, code: str) -> bytes | None:
        """Return the satellite's telecommand key; without a key file it obeys nobody."""
        master = self._master()
        return None if master is None else derive_key(master, code)

    def _inventory_key(self, code: str) -> Ed25519PrivateKey | None:
        """Return the key by which the satellite signs what it reports of itself."""
        master = self._master()
        return None if master is None else inventory.key_of(master, code)

    def _relay_key(self, code: str) -> bytes | None:
        """Return the key by which the satellite seals what others hand on."""
        master = self._master()
        return None if master is None else relay_key(master, code)

    def _master(self) -> bytes | None:
        path = self._options.command_key
        if path is None or not path.exists():
            return None
        return bytes.fromhex(path.read_text().strip())
