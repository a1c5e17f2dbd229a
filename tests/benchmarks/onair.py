"""Files through the ground's pump, a station and a satellite of the simulator, in their own time.

What is real: the uplinker with its senders, the pump and its frames, the station's contact with its
rate, losses and spool, the satellite's radio, receiver, journals and pack store. Left out are the
sockets between ground and station, the database, and the orbit: the satellite stands 1,000 km away
for as long as a contact lasts. The clock is the benchmark's own and goes on by 20 ms at a time,
as fast as the machine keeps up, so that nothing is dropped or late because the machine is slow.
"""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

import google_crc32c

from constellation.simulator import fleet as fleets
from constellation.simulator.board.satellite import Satellite
from constellation.simulator.board.surroundings import Surroundings
from constellation.simulator.ground.channel import Faults
from constellation.simulator.ground.contact import TICK_S, Contact
from constellation.simulator.ground.spool import Spool
from constellation.simulator.runtimes.pool import Pool
from constellation.simulator.space import Space, View
from constellation.simulator.store import Store
from constellation.stations import driver, wire
from telemetry import onboard
from uplink.conduct.cfdpfeed import CfdpFeed
from uplink.conduct.pump import Pump
from uplink.transfers import cfdp
from uplink.transfers.uplinker import Assignment, Uplinker, Work

CHECKPOINT_S = 1.0
WINDOW, UNDER_WAY_MOST = 4, 24
"""As in `uplink.transfers.flying`, which needs a database."""
SATELLITE, STATION = "SCS-01-M", "SGS"


class Overhead:
    """A satellite that stands still over the station until a time."""

    until_s = 0.0

    def view(self, at_s: float) -> View:
        return View(at_s < self.until_s, 60.0, 1_000_000.0)


class Antenna:
    """The ground's end of a station's link, without the socket between them."""

    def __init__(self, contact: Contact, uplink_bit_per_s: int) -> None:
        window = int(uplink_bit_per_s * driver.WINDOW_S / 8 / wire.FRAME_BYTES)
        self.window_frames = max(driver.WINDOW_FRAMES_MIN, window)
        self._contact, self._sent = contact, 0

    @property
    def room(self) -> int:
        radiated = self._contact.spool.counters.radiated_frames
        return max(0, self.window_frames - (self._sent - radiated))

    async def send_frames(self, frames: list[bytes]) -> None:
        self._sent += len(frames)
        self._contact.send_frames(b"".join(frames))

    async def send_command(self, frame: bytes) -> None:
        self._contact.send_command(frame)


class Packs:
    """Packs without end, each another 4 MiB that no compression shortens."""

    def __init__(self) -> None:
        self._block = random.Random(4).randbytes(onboard.PACK_BYTES - 8)
        self.given: dict[int, str] = {}
        self.bytes_given = 0

    def next(self, entity_id: int) -> Assignment:
        number = len(self.given) + 1
        content = number.to_bytes(8, "big") + self._block
        self.given[number] = name = f"{onboard.PACK_NAME}{hashlib.sha256(content).hexdigest()}"
        self.bytes_given += len(content)
        return Assignment(
            shipment_id=number,
            transaction=cfdp.TransactionId(onboard.GROUND_ENTITY_ID, entity_id, number),
            name=name,
            size_bytes=len(content),
            crc32c=google_crc32c.value(content),
            state=None,
            content=content,
        )


@dataclass(frozen=True, slots=True)
class Flown:
    """What came of the contacts of one loss."""

    delivered_bytes: int
    """File bytes that the satellite held for the first time by the end of the first contact."""
    repeated_bytes: int
    """File bytes that arrived although the satellite held them, over all contacts."""
    arrived_bytes: int
    """All file bytes that arrived, over all contacts."""
    seconds: float
    """Length of the first contact."""


class Sky:
    """One satellite, one station, and the time between them."""

    def __init__(self, folder: Path, *, loss: float, uplink_bit_per_s: int) -> None:
        fleet = fleets.load(None)
        self.now_s = 1_800_000_000.0
        self._station = replace(fleet.stations[STATION], uplink_bit_per_s=uplink_bit_per_s)
        self._faults = Faults(frame_loss=loss)
        around = Surroundings(
            fleet=fleet,
            space=Space(fleet, 1),
            store=Store(folder),
            pool=Pool(folder / "runtimes"),
            now_s=lambda: self.now_s,
            seed=1,
            key=lambda code: None,
            inventory_key=lambda code: None,
            volume=lambda: 1,
            linked=lambda code, at_s: [],
            is_lost=lambda code: False,
        )
        self._folder, self._packs, self._overhead = folder, Packs(), Overhead()
        self.satellite = Satellite(fleet.satellites[SATELLITE], folder / "satellite", around)
        self._states: dict[int, tuple[Assignment, dict]] = {}

    async def contact(self, seconds: float) -> None:
        """Fly one contact from its first to its last second."""
        los_s = self._overhead.until_s = self.now_s + seconds
        request = wire.OpenRequest(STATION, STATION, SATELLITE, str(uuid4()), 1, los_s)
        spool = Spool(self._folder / f"{request.contact_id}.contact")
        spool.request = request
        contact = Contact(
            spool,
            station=self._station,
            board=self.satellite,
            track=self._overhead,
            faults=self._faults,
            seed=1,
        )
        spec, rate = self.satellite.spec, self._station.uplink_bit_per_s
        uplinker = Uplinker(uuid4(), 1, 1, spec.entity_id)
        uplinker.ask_again(self.now_s, rate)
        pump = Pump(Antenna(contact, rate), spec.scid, lambda n: uplinker.pull(n, self.now_s))
        feed, checkpoint_s = CfdpFeed(spec.scid), 0.0
        while not contact.over:
            if self.now_s >= los_s:
                uplinker.freeze(self.now_s)
            elif self.now_s >= checkpoint_s:
                checkpoint_s = self.now_s + CHECKPOINT_S
                self._checkpoint(uplinker)
            uplinker.tick(self.now_s)
            while await pump.pump():
                pass
            self.now_s += TICK_S
            contact.step(self.now_s, wall_s=self.now_s, passed_most_s=TICK_S)
            self._hear(contact, feed, uplinker)
        uplinker.take_back(pump.files_not_radiated())
        self._checkpoint(uplinker, last=True)
        uplinker.close()

    def _hear(self, contact: Contact, feed: CfdpFeed, uplinker: Uplinker) -> None:
        for batch in list(contact.spool.unacknowledged):
            for pdu in feed.pdus(batch.frames):
                uplinker.receive(pdu, self.now_s)
            contact.spool.acknowledge(batch.number)

    def _checkpoint(self, uplinker: Uplinker, *, last: bool = False) -> None:
        """Keep states as the database would, and give out as many files as it does."""
        snapshot = uplinker.snapshot()
        for progress in snapshot.changed:
            assignment, _ = self._states.pop(progress.sequence)
            if not progress.state.is_over:
                self._states[progress.sequence] = assignment, progress.engine
            else:
                assert progress.state is cfdp.SenderState.FINISHED, progress.fault
        if last:
            return
        work = []
        for number, (assignment, state) in self._states.items():
            if number not in snapshot.held:
                work.append(replace(assignment, state=state or None))
        while len(self._states) < min(WINDOW + snapshot.left, UNDER_WAY_MOST):
            assignment = self._packs.next(self.satellite.spec.entity_id)
            self._states[assignment.shipment_id] = assignment, {}
            work.append(assignment)
        uplinker.take(Work(tuple(work)), self.now_s)

    @property
    def held_bytes(self) -> int:
        """File bytes that the satellite holds, in packs and in parts of them."""
        receivers = [one.receiver for one in self.satellite.files._incoming.values()]
        # One that is finishing has handed its bytes over: they are among the packs.
        parts = [
            one.received.total for one in receivers if one.state is cfdp.ReceiverState.RECEIVING
        ]
        return self.satellite.packs.holdings.size + sum(parts)

    def close(self) -> None:
        self.satellite.close()


async def fly(
    folder: Path, *, loss: float, uplink_bit_per_s: int, seconds: float, again_s: float
) -> Flown:
    """Fly a contact, and an hour later another that goes on where the first was cut."""
    sky = Sky(folder, loss=loss, uplink_bit_per_s=uplink_bit_per_s)
    await sky.contact(seconds)
    delivered_bytes = sky.held_bytes
    sky.now_s += 3600.0
    await sky.contact(again_s)
    held, repeated_bytes = sky.held_bytes, sky.satellite.files.repeated_bytes
    sky.close()
    return Flown(delivered_bytes, repeated_bytes, held + repeated_bytes, seconds)
