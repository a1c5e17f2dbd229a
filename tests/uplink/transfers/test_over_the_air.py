"""A transfer through the real simulator: frames, loss, kills at both ends, a model that runs."""

import asyncio
import random
import time
from datetime import UTC, datetime, timedelta

import pytest
from asgiref.sync import sync_to_async
from django.db import connections, transaction

from constellation.stations import control
from telemetry import onboard
from telemetry.onboard import Apid
from telemetry.packets import space
from telemetry.packets.handlers import StoredPacket, handler_of
from tests.constellation.simulator import flight
from tests.factories import (
    PASS,
    make_artefact,
    make_contact,
    make_profile,
    make_satellite,
    make_transfer,
)
from tests.uplink.releases.sharing import share_keys
from uplink.commands import authentication, release
from uplink.transfers import flying, forecasts, packing, progress, reports
from uplink.transfers.models import Carriage, Deployment, Forecast, State, Transfer
from uplink.transfers.uplinker import Uplinker

pytestmark = pytest.mark.django_db(transaction=True)
PACK_BYTES = 1024 * 1024
MANIFEST_BYTES_MOST = 2_000 + 8_191
CONTENT = random.Random(9).randbytes(6 * PACK_BYTES + 12_345)


class Conductor:
    """Flies one contact: files up, commands up, reports to their handlers."""

    def __init__(self, ground, contact, satellite, started):
        self.ground, self.contact, self.satellite = ground, contact, satellite
        self.offset_s = started["mission"] - time.time()
        self.heard: set[tuple[int, int]] = set()
        self.cfdp_heard = 0
        self.uplinker = Uplinker(
            contact_id=contact.pk,
            fencing=1,
            satellite_id=satellite.pk,
            entity_id=satellite.entity_id,
        )

    @property
    def now(self):
        return datetime.fromtimestamp(time.time() + self.offset_s, UTC)

    async def fly(self, until, timeout_s=60.0):
        """Go on until `until()`, which is asked after every checkpoint, is true."""
        deadline, checkpoint_at = time.monotonic() + timeout_s, 0.0
        while True:
            assert time.monotonic() < deadline
            now_s = self.now.timestamp()
            self.listen(now_s)
            self.uplinker.tick(now_s)
            packets = self.uplinker.pull(min(self.ground.link.room, 64), now_s)
            if packets:
                pdus = [packet[space.HEADER_BYTES :] for packet in packets]
                await self.ground.send(Apid.CFDP_UP, *pdus)
            else:
                await asyncio.sleep(0.01)
            if time.monotonic() >= checkpoint_at:
                checkpoint_at = time.monotonic() + 0.3
                work = await self.checkpoint()
                self.uplinker.take(work, self.now.timestamp())
                if await sync_to_async(until)():
                    return

    def listen(self, now_s):
        waiting, self.ground.cfdp = self.ground.cfdp, []
        for pdu in waiting:
            self.uplinker.receive(pdu, now_s)

    async def checkpoint(self):
        snapshot = self.uplinker.snapshot(self.queued)
        work = await sync_to_async(flying.checkpoint)(snapshot, now=self.now)
        await sync_to_async(self.take_reports)()
        for request in self.missing():
            await self.ground.send(Apid.GAP_REQUEST, request)
        for command_id in await sync_to_async(release.waiting)(self.satellite.pk):
            claimed = await sync_to_async(release.claim)(
                command_id, contact_id=self.contact.pk, now=self.now
            )
            frame = authentication.frame(self.satellite.spacecraft_id, 0, claimed.packet)
            await self.ground.link.send_command(frame)
            await sync_to_async(release.sent)(command_id)
        return work

    async def cut(self):
        """The link is gone: what the station did not radiate never left."""
        await self.ground.leave()
        self.uplinker.take_back(self.queued)

    @property
    def queued(self):
        """Packets that wait at the station, one in a frame."""
        return self.ground.link.window_frames - self.ground.link.room

    def missing(self):
        """What the recorder shall play back, as the ground's gap requests would ask for it."""
        for volume in {volume for volume, _ in self.heard}:
            serials = {serial for each, serial in self.heard if each == volume}
            gone = sorted(set(range(min(serials), max(serials))) - serials)
            if gone:
                pairs = [(serial, serial) for serial in gone[: onboard.GAP_RANGES_MAX]]
                yield onboard.encode_gap_request(volume, pairs)

    def take_reports(self):
        for key in sorted(set(self.ground.packets) - self.heard):
            self.heard.add(key)
            data = self.ground.packets[key]
            down = space.decode_downlink(data)
            handle = handler_of(down.header.apid)
            if handle is None:
                continue
            packet = StoredPacket(
                id=0,
                satellite_id=self.satellite.pk,
                contact_id=self.contact.pk,
                apid=down.header.apid,
                sequence_count=down.header.sequence_count,
                volume=down.secondary.volume,
                boot=down.secondary.boot,
                serial=down.secondary.serial,
                channel=0,
                generated_ns=down.secondary.generated_ns,
                received_at=self.now,
                data=data,
            )
            with transaction.atomic():
                handle(packet, now=self.now)


@pytest.fixture
def simulator(tmp_path):
    process = flight.Simulator(tmp_path / "simulator")
    process.start()
    yield process
    process.stop()


def set_up(settings, tmp_path, started, content=CONTENT):
    settings.COMMAND_KEY_FILE = tmp_path / "master.key"
    share_keys(settings, tmp_path)
    reports._newest.clear()
    now = datetime.fromtimestamp(started["mission"], UTC)
    satellite = make_satellite(
        code=flight.SATELLITE,
        profile=make_profile(code="scs-01"),
        entity_id=flight.ENTITY[flight.SATELLITE],
        spacecraft_id=flight.SCID[flight.SATELLITE],
    )
    artefact = make_artefact(content)
    packing.pack(artefact, pack_bytes=PACK_BYTES)
    transfer = make_transfer(satellite=satellite, artefact=artefact, now=now)
    contact = make_contact(
        satellite=satellite, aos_at=now, los_at=now + timedelta(minutes=6), fencing=1
    )
    return satellite, transfer, contact


def delivered(count):
    return lambda: Transfer.objects.get().shipments.filter(delivered=True).count() >= count


def transactions_of_delivered():
    rows = Transfer.objects.get().shipments.filter(delivered=True)
    return dict(rows.values_list("number", "sequence"))


@pytest.mark.parametrize("loss", [0.0, 0.01])
async def test_a_model_goes_up_and_runs_whoever_is_killed(
    settings, tmp_path, monkeypatch, simulator, loss
):
    monkeypatch.setattr(flying, "COMPARED_AFTER", timedelta(0))
    if loss:
        simulator.stop()
        simulator.options += ["--frame-loss", str(loss)]
        simulator.start()
    satellite, transfer, contact = await sync_to_async(set_up)(
        settings, tmp_path, simulator.started
    )
    try:
        # The first conductor dies without a word, in the middle of a file.
        ground = await flight.open_ground(simulator, contact_id=str(contact.pk), fencing=1)
        first = Conductor(ground, contact, satellite, simulator.started)
        await first.fly(delivered(2))
        await first.cut()
        first.uplinker.close()

        # The second goes on where the satellite is; then the satellite dies and comes back.
        ground = await flight.open_ground(simulator, contact_id=str(contact.pk), fencing=2)
        second = Conductor(ground, contact, satellite, simulator.started)
        await second.fly(delivered(4))
        there = await sync_to_async(transactions_of_delivered)()
        simulator.kill()
        await second.cut()
        second.uplinker.freeze(second.now.timestamp())
        await sync_to_async(flying.checkpoint)(
            second.uplinker.snapshot(), now=second.now, last=True
        )
        second.uplinker.close()
        simulator.start()

        ground = await flight.open_ground(simulator, contact_id=str(contact.pk), fencing=3)
        third = Conductor(ground, contact, satellite, simulator.started)
        await third.fly(lambda: Transfer.objects.get().state == State.ACTIVE)
        await ground.leave()

        known = await sync_to_async(Deployment.objects.get)()
        assert known.active_sha256 == transfer.artefact_id
        # What was delivered before the kill was not begun again.
        assert there.items() <= (await sync_to_async(transactions_of_delivered)()).items()
        told = await sync_to_async(progress.summary)(transfer)
        on_board = await asyncio.to_thread(control.satellite, simulator.control, flight.SATELLITE)
        # What the satellite had taken in never came again, whatever was killed.
        assert on_board["file_bytes_repeated"] <= 0.5 * loss * len(CONTENT)
        # On air twice: frames that were lost (and some of their repairs), and the one burst that
        # was radiated and not taken in when the satellite was killed. It is no longer than the
        # driver's window, however seldom the station's turn comes on a busy machine.
        burst_bytes = ground.link.window_frames * onboard.FILE_SEGMENT_BYTES
        assert told["repeated_bytes"] <= 2 * loss * len(CONTENT) + burst_bytes
        assert told["sent_bytes"] - told["repeated_bytes"] <= len(CONTENT) + MANIFEST_BYTES_MOST
    finally:
        await sync_to_async(connections.close_all)()


async def test_a_forecast_says_how_long_a_transfer_is_on_air(
    settings, tmp_path, monkeypatch, simulator
):
    # 1.6 MB over 1 Mbit/s. Compared is the time that its bytes take on air: when it is there in
    # fact depends on how busy this machine is.
    monkeypatch.setattr(flying, "COMPARED_AFTER", timedelta(0))
    simulator.stop()
    fleet = flight.write_fast_fleet(tmp_path / "fleet.json", uplink_bit_per_s=1_000_000)
    simulator.options += ["--fleet", str(fleet)]
    simulator.start()
    content = CONTENT[: 3 * PACK_BYTES // 2]
    satellite, _, contact = await sync_to_async(set_up)(
        settings, tmp_path, simulator.started, content
    )
    try:
        ground = await flight.open_ground(simulator, contact_id=str(contact.pk), fencing=1)
        only = Conductor(ground, contact, satellite, simulator.started)
        said = await sync_to_async(forecast_of)(contact, only.now)
        await only.fly(lambda: Transfer.objects.get().verified_at is not None)
        await ground.leave()

        there = await sync_to_async(Transfer.objects.get)()
        carried = await sync_to_async(Carriage.objects.get)()
        on_air = timedelta(seconds=carried.sent_bytes * 8 / 1_000_000)
        assert said.made_at + on_air < said.median_at <= there.verified_at + timedelta(seconds=10)
        assert said.median_at <= said.by_at < said.made_at + 3 * on_air
        assert said.made_at + on_air < there.verified_at
        assert carried.contact_id == contact.pk
        assert carried.arrived_bytes > PACK_BYTES
    finally:
        await sync_to_async(connections.close_all)()


def forecast_of(contact, now):
    """The forecast of the only transfer, over a contact that is open now and some to come."""
    antenna = contact.antenna
    antenna.uplink_bit_per_s = 1_000_000
    antenna.save()
    contact.state, contact.aos_at = "PASS", now
    contact.save()
    for hours in range(1, 6):
        at = now + timedelta(hours=hours)
        make_contact(satellite=contact.satellite, antenna=antenna, aos_at=at, los_at=at + PASS)
    forecasts.look_after(now=now)
    return Forecast.objects.get()


async def test_what_a_satellite_has_already_is_not_sent_again(
    settings, tmp_path, monkeypatch, simulator
):
    # A ground that lost its database asks for what is on board: the manifest is enough.
    monkeypatch.setattr(flying, "COMPARED_AFTER", timedelta(0))
    monkeypatch.setattr(flying, "WINDOW", 1)
    rows = await sync_to_async(set_up)(settings, tmp_path, simulator.started)
    satellite, transfer, contact = rows
    try:
        ground = await flight.open_ground(simulator, contact_id=str(contact.pk), fencing=1)
        first = Conductor(ground, contact, satellite, simulator.started)
        await first.fly(lambda: Transfer.objects.get().state == State.ACTIVE)
        await sync_to_async(Transfer.objects.all().delete)()
        again = await sync_to_async(make_transfer)(
            satellite=satellite, artefact=transfer.artefact, now=first.now
        )
        before = first.uplinker.counters.file_bytes
        await first.fly(lambda: Transfer.objects.get().state == State.ACTIVE)
        await ground.leave()
        assert first.uplinker.counters.file_bytes - before < 2 * PACK_BYTES
        assert await sync_to_async(again.shipments.filter(delivered=False).count)() == 0
    finally:
        await sync_to_async(connections.close_all)()
