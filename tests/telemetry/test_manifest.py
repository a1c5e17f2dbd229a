"""What the simulated satellite says it sent and what the database holds are one set."""

import asyncio
import contextlib
import hashlib
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import Sum
from django.db.models.functions import Length

from constellation.stations import control, driver, wire
from telemetry import gaps, ingest, onboard, times
from telemetry.frames import aos, packing
from telemetry.models import Gap, GapState, Packet, RawBatch, Reception, Rejected
from telemetry.onboard import Apid, UplinkChannel
from telemetry.packets import space
from tests.constellation.simulator import flight
from tests.constellation.simulator.conftest import simulator as simulator
from tests.factories import make_contact, make_satellite


async def in_thread(work, *arguments):
    """Do database work beside the event loop, and leave no connection behind."""

    def done():
        try:
            return work(*arguments)
        finally:
            connection.close()

    return await asyncio.to_thread(done)


class Receiver:
    """A contact flown the plain way: commit, acknowledge, decode, ask for what is missing."""

    def __init__(self, simulator: flight.Simulator, contact) -> None:
        self.simulator, self.contact = simulator, contact
        self.packer = packing.Packer(
            aos.UPLINK, spacecraft=contact.satellite.spacecraft_id, channel=UplinkChannel.PROTOCOL
        )
        self.counts = space.SequenceCounts()

    async def fly(
        self, is_enough: Callable[[], bool], *, fencing: int = 1, leaves: bool = False
    ) -> None:
        """Fly until it is enough, for 120 s at most; then close the contact, or just leave."""
        self.link = await driver.open_link(
            self.simulator.endpoint,
            station="SGS",
            antenna="SGS-1",
            satellite=self.contact.satellite.code,
            contact_id=str(self.contact.id),
            fencing=fencing,
            until=self.simulator.mission_s() + 390,
        )
        listening = asyncio.create_task(self._listen())
        asking = asyncio.create_task(self._ask())
        deadline = time.monotonic() + 120
        while not await in_thread(is_enough) and time.monotonic() < deadline:
            await asyncio.sleep(0.2)
        asking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asking
        if leaves:
            self.link.abandon()
        else:
            # The station closes it in its own time, with the last bits before.
            await self.link._write(wire.encode_json(wire.CLOSE, {}))
        await listening
        await self.link.close()

    async def _listen(self) -> None:
        with contextlib.suppress(driver.StationLost):
            async for event in self.link:
                if isinstance(event, driver.DownBatch):
                    await in_thread(self._store, event)
                    await self.link.acknowledge(event.number)
                    await in_thread(self._decode)

    def _store(self, batch: driver.DownBatch) -> None:
        at = times.from_ns(batch.received_at_ns)
        ingest.store_batches(
            [ingest.Delivered(batch.number, at, batch.frames, batch.coding)],
            contact_id=self.contact.id,
            station_id=self.contact.antenna.station_id,
            satellite_id=self.contact.satellite_id,
        )

    def _now(self):
        return times.from_ns(int(self.simulator.mission_s() * 1e9))

    def _decode(self) -> None:
        ingest.decode_reception(self.contact.id, now=self._now())

    def _wanted(self) -> list[tuple[Apid, bytes]]:
        satellite_id, found = self.contact.satellite_id, []
        for volume, first, last in gaps.requests_for(satellite_id, now=self._now()):
            payload = onboard.encode_gap_request(volume, [(first, last)])
            found.append((Apid.GAP_REQUEST, payload))
        if release := gaps.releasable(satellite_id):
            payload = onboard.RECORDER_RELEASE_LAYOUT.pack(*release)
            found.append((Apid.RECORDER_RELEASE, payload))
        return found

    async def _ask(self) -> None:
        while True:
            await asyncio.sleep(0.2)
            for apid, payload in await in_thread(self._wanted):
                count = self.counts.take(apid)
                self.packer.add(space.encode(apid, count, payload, is_command=True))
            while (frame := self.packer.pull()) is not None:
                await self.link.send_frames([frame])


def held(satellite):
    """(volume, boot, serial, APID, hash) of what the database holds, as the manifest lists it."""
    rows = Packet.objects.filter(satellite=satellite)
    return {
        (row.volume, row.boot, row.serial, row.apid, hashlib.sha256(row.data).digest()[:8].hex())
        for row in rows
    }


def sent(simulator):
    return {tuple(row) for row in control.manifest(simulator.control, flight.SATELLITE)}


def released(satellite):
    (volume,) = gaps.completeness(satellite.id)
    return volume["oldest_on_board"]


@pytest.fixture
def hurried(simulator):
    """The simulator at five mission seconds a second, so that there is much to hear."""
    hurry(simulator)
    return simulator


@pytest.fixture
def bit_station(tmp_path):
    """A hurried simulator whose station hands over bits."""
    process = flight.Simulator(tmp_path / "simulator", options=["--coded", "SGS"])
    process.start()
    hurry(process)
    yield process
    process.stop()


def hurry(simulator):
    control.tell_clock(
        simulator.control,
        wall_anchor=time.time(),
        mission_anchor=simulator.mission_s(),
        rate=5.0,
        generation=1_000,
    )


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "faults", [{}, {"frame_loss": 0.3}, {"frame_swap": 0.3, "spool_full": 0.4}], ids=str
)
def test_the_database_holds_the_manifest_as_a_set(hurried, no_handlers, faults):
    code = flight.SATELLITE
    satellite = make_satellite(code=code, spacecraft_id=flight.SCID[code])
    receiver = Receiver(hurried, make_contact(satellite=satellite))
    control.set_faults(hurried.control, **faults)
    asyncio.run(receiver.fly(lambda: len(held(satellite)) > 60))
    before = sent(hurried)

    control.set_faults(hurried.control, **dict.fromkeys(faults, 0.0))
    after = receiver.contact.los_at + timedelta(hours=1)
    receiver.contact = make_contact(satellite=satellite, aos_at=after)
    # Until all of it is here, and what is here was let go of on board.
    asyncio.run(receiver.fly(lambda: before <= held(satellite) and released(satellite) > 0))

    assert len(before) > 60
    assert before <= held(satellite) <= sent(hurried)
    gone = Gap.objects.filter(satellite=satellite, state=GapState.LOST)
    assert not gone.exists()
    closed = Gap.objects.filter(satellite=satellite, state=GapState.CLOSED)
    assert closed.exists() >= bool(faults)
    totals = Reception.objects.filter(satellite=satellite)
    assert sum(total.stored for total in totals) == len(held(satellite))
    assert all(t.packets == t.stored + t.duplicates + t.rejected for t in totals)
    assert released(satellite) > 0


@pytest.mark.django_db(transaction=True)
def test_bits_with_errors_and_slips_give_the_manifest_as_a_set(bit_station, no_handlers):
    """Over two contacts, the first of them cut and taken up again by another link amid a unit."""
    code = flight.SATELLITE
    satellite = make_satellite(code=code, spacecraft_id=flight.SCID[code])
    receiver = Receiver(bit_station, make_contact(satellite=satellite))
    control.set_faults(bit_station.control, bit_error_rate=1e-3, bit_slip=0.1, frame_loss=0.1)
    asyncio.run(receiver.fly(lambda: len(held(satellite)) > 30, leaves=True))
    first = Reception.objects.get(contact=receiver.contact)

    def is_enough() -> bool:
        first.refresh_from_db()
        slipped = first.relocks > 0 and first.frames_rejected > 0
        return slipped and len(held(satellite)) > 60

    asyncio.run(receiver.fly(is_enough, fencing=2))
    before = sent(bit_station)
    first.refresh_from_db()
    report = control.report(bit_station.control, str(receiver.contact.id))

    # What is asked for goes up uncoded: nothing of it would arrive with so many errors.
    quiet = dict.fromkeys(("bit_error_rate", "bit_slip", "frame_loss"), 0.0)
    control.set_faults(bit_station.control, **quiet)
    after = receiver.contact.los_at + timedelta(hours=1)
    receiver.contact = make_contact(satellite=satellite, aos_at=after)
    asyncio.run(receiver.fly(lambda: before <= held(satellite) and released(satellite) > 0))

    assert len(before) > 60
    assert before <= held(satellite) <= sent(bit_station)
    assert not Gap.objects.filter(satellite=satellite, state=GapState.LOST).exists()
    totals = Reception.objects.filter(satellite=satellite)
    assert sum(total.stored for total in totals) == len(held(satellite))
    assert first.corrected_symbols > 0
    assert first.relocks > 0
    reasons = set(Rejected.objects.filter(kind="frame").values_list("reason", flat=True))
    assert reasons == {"uncorrectable codeword"}
    kept = RawBatch.objects.filter(contact=first.contact).aggregate(size=Sum(Length("frames")))
    assert report["bit_bytes"] == report["down_bytes"] == kept["size"]
