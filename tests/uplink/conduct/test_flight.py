"""A contact is flown to its end whatever the station does; what came down is committed first."""

import asyncio
import contextlib
import json
from datetime import timedelta

import numpy as np
import pytest
from django.db import connections

from constellation.contacts.models import Contact, State
from constellation.stations import wire
from ops import clock
from telemetry import ingest, onboard
from telemetry.frames import cadu, links
from telemetry.models import Packet, RawBatch, Reception
from tests.factories import make_contact
from tests.telemetry.conftest import no_handlers as no_handlers
from tests.telemetry.downlink import Board
from uplink.conduct import flight as flights
from uplink.conduct import leases
from uplink.conduct.calls import Calls
from uplink.conduct.flight import Flight
from uplink.conduct.leases import LeaseLost
from uplink.conduct.missiontime import MissionTime

pytestmark = pytest.mark.django_db(transaction=True)
FRAME = bytes(onboard.FRAME_BYTES)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(flights, "DRAIN_S", 1.0)
    monkeypatch.setattr(flights, "RETRY_S", (0.05, 0.1))
    monkeypatch.setitem(connections.databases["default"], "CONN_MAX_AGE", 0)
    monkeypatch.setattr(flights.duties, "queue_decoding", lambda contact_id, awaited: None)


class Station:
    """A station with a script: one way to behave for each connection, the last one for the rest.

    `acknowledged` holds, for each acknowledgement, how many batches the database had by then.
    """

    def __init__(self, *script: str) -> None:
        self.script = list(script)
        self.opened: list[wire.OpenRequest] = []
        self.acknowledged: list[tuple[int, int]] = []
        self.closed = False
        self.frames = self.batches = 0

    async def serve(self, reader, writer) -> None:
        splitter = wire.Splitter()
        how = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            while piece := await reader.read(65536):
                for kind, body in splitter.feed(piece):
                    await self.handle(writer, how, kind, body)
        writer.close()

    async def handle(self, writer, how: str, kind: bytes, body: bytes) -> None:
        if kind == wire.OPEN:
            self.opened.append(wire.decode_open(body))
            self.answer(writer, how)
        elif kind == wire.UPLINK:
            self.frames += len(body) // onboard.FRAME_BYTES
            writer.write(wire.encode_json(wire.STATUS, self.status()))
        elif kind == wire.ACKNOWLEDGE:
            (number,) = wire._NUMBER.unpack(body)
            held = await asyncio.to_thread(count_batches)
            self.acknowledged.append((number, held))
            if how == "end" and number == self.batches:
                writer.write(wire.encode_json(wire.END, {"reason": "los"} | self.counters()))
        elif kind == wire.CLOSE:
            self.closed = True

    def answer(self, writer, how: str) -> None:
        if how not in ("end", "lose", "stay"):
            writer.write(wire.encode_json(wire.REFUSED, {"code": how, "detail": "by script"}))
            return
        opened = {
            "uplink_bit_per_s": 1_000_000,
            "downlink_bit_per_s": 1_000_000,
            "clock_generation": 1,
            "resumed": len(self.opened) > 1,
            "radiated_frames": self.frames,
        }
        writer.write(wire.encode_json(wire.OPENED, opened))
        writer.write(wire.encode_json(wire.STATUS, self.status()))
        # The first two batches again for whoever comes later: nothing says that they arrived.
        self.batches = 2 if how == "lose" else 4
        for number in range(1, self.batches + 1):
            writer.write(wire.encode_batch(wire.Batch(number, number * 10**9, FRAME * number)))
        if how == "lose":
            asyncio.get_running_loop().call_later(0.3, writer.transport.abort)

    def counters(self) -> dict:
        down = sum(range(1, self.batches + 1))
        return {
            "radiated_frames": self.frames,
            "radiated_bytes": self.frames * onboard.FRAME_BYTES,
            "command_frames": 0,
            "command_bytes": 0,
            "down_frames": down,
            "down_bytes": down * onboard.FRAME_BYTES,
            "batches": self.batches,
        }

    def status(self) -> dict:
        seen = {"visible": True, "elevation_deg": 45.0, "range_m": 1e6, "queued_bytes": 0}
        return self.counters() | seen


def count_batches() -> int:
    try:
        return RawBatch.objects.count()
    finally:
        connections["default"].close()


def contact_of(seconds: float = 2.0) -> Contact:
    now = clock.now()
    return make_contact(aos_at=now, los_at=now + timedelta(seconds=seconds))


def fly(station: Station, *, during=None) -> Contact:
    """Claim the one contact there is, fly it against `station`, and return it as it ended."""
    (lease,) = leases.claim(owner="me", most=1, clock=clock.reading(), wall=clock.wall())

    async def run() -> None:
        server = await asyncio.start_server(station.serve, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
        calls = Calls()
        time = MissionTime(calls)
        await time.start()
        following = asyncio.create_task(time.follow())
        flight = Flight(lease, endpoint=f"{host}:{port}", calls=calls, clock=time)
        if during is not None:
            asyncio.get_running_loop().call_later(0.5, during, flight)
        try:
            async with server:
                await flight.fly()
        finally:
            following.cancel()
            calls.close()

    asyncio.run(run())
    return Contact.objects.get(pk=lease.contact_id)


def test_every_batch_is_committed_before_it_is_acknowledged():
    contact_of()
    station = Station("end")
    contact = fly(station)

    numbers = [number for number, _ in station.acknowledged]
    assert numbers[-1] == 4
    assert numbers == sorted(set(numbers))
    assert all(held >= number for number, held in station.acknowledged)
    assert (contact.state, contact.owner) == (State.COMPLETED, "")
    assert station.closed
    report = contact.report
    assert report["agrees"]
    size = 10 * onboard.FRAME_BYTES
    assert report["down"] == {"batches": 4, "frames": 10, "bytes": size, "bit_bytes": 0}
    assert report["station"]["down_bytes"] == report["down"]["bytes"]
    assert json.loads(json.dumps(report)) == report


class BitStation(Station):
    """A station that hands over bits, in batches that end amid a unit, and an empty one at last."""

    def __init__(self, *script: str, stream: bytes) -> None:
        super().__init__(*script)
        size = len(stream) // 3 + 1
        self.pieces = [stream[at : at + size] for at in range(0, len(stream), size)] + [b""]

    def answer(self, writer, how: str) -> None:
        opened = {
            "uplink_bit_per_s": 1_000_000,
            "downlink_bit_per_s": 1_000_000,
            "clock_generation": 1,
            "resumed": len(self.opened) > 1,
            "radiated_frames": self.frames,
            "coding": links.STANDARD_CODING,
        }
        writer.write(wire.encode_json(wire.OPENED, opened))
        writer.write(wire.encode_json(wire.STATUS, self.status()))
        self.batches = 2 if how == "lose" else len(self.pieces)
        for number, piece in enumerate(self.pieces[: self.batches], 1):
            writer.write(wire.encode_batch(wire.Batch(number, number * 10**9, piece, True)))
        if how == "lose":
            asyncio.get_running_loop().call_later(0.3, writer.transport.abort)

    def counters(self) -> dict:
        size = sum(map(len, self.pieces[: self.batches]))
        return super().counters() | {"down_frames": 0, "down_bytes": size, "bit_bytes": size}


def test_a_station_that_hands_over_bits_is_flown_to_the_same_packets(no_handlers):
    """Its link breaks amid a unit; the next one goes on with the rest of it."""
    contact = contact_of(4.0)
    board = Board(contact.satellite.spacecraft_id)
    sent = [board.platform() for _ in range(8)]
    frames = np.frombuffer(b"".join(board.frames(sent, each=True)), np.uint8).reshape(8, -1)
    units = cadu.encode(links.read_coding(links.STANDARD_CODING), frames)
    units[5, 30:90] ^= 1
    contact = fly(BitStation("lose", "end", stream=units.tobytes()))
    ingest.decode_reception(contact.pk, now=clock.now())

    assert {bytes(data) for data in Packet.objects.values_list("data", flat=True)} == set(sent)
    report, reception = contact.report, Reception.objects.get()
    assert report["agrees"]
    assert report["down"] == {
        "batches": 4,
        "frames": 0,
        "bytes": units.size,
        "bit_bytes": units.size,
    }
    assert (reception.frames, reception.corrected_symbols, reception.skipped_bits) == (8, 60, 0)


def test_a_busy_antenna_and_a_lost_link_are_tried_again_and_nothing_is_stored_twice():
    contact_of(4.0)
    station = Station("antenna_busy", "lose", "end")
    contact = fly(station)

    assert len(station.opened) == 3
    assert {request.fencing for request in station.opened} == {1}
    assert contact.state == State.COMPLETED
    assert contact.report["tally"]["links"] == 2
    assert contact.report["down"]["batches"] == 4
    assert contact.report["agrees"]


def test_a_station_that_knows_a_higher_number_ends_the_flight_and_no_word_is_written():
    contact_of()
    with pytest.raises(LeaseLost):
        fly(Station("stale_fencing"))
    contact = Contact.objects.get()
    assert (contact.state, contact.report) == (State.PASS, None)


def test_a_contact_without_a_link_fails_with_the_stations_word():
    contact_of(1.0)
    contact = fly(Station("unknown_antenna"))
    assert contact.state == State.FAILED
    assert "unknown_antenna" in contact.reason


def test_a_station_that_never_ends_a_contact_is_not_waited_for_for_ever():
    contact_of(1.0)
    contact = fly(Station("stay"))
    assert contact.state == State.COMPLETED
    assert not contact.report["agrees"]
    assert contact.report["down"]["batches"] == 4


def test_a_contact_called_off_is_closed_at_the_station():
    contact_of(30.0)
    station = Station("stay")

    def call_off(flight: Flight) -> None:
        flight.cancelled = True

    contact = fly(station, during=call_off)
    assert contact.state == State.CANCELLED
    assert station.closed


def test_a_jump_of_the_clock_ends_a_contact_under_way_with_its_report():
    clock.start(epoch=clock.now(), rate=1.0)
    contact_of(600.0)

    def jump(flight: Flight) -> None:
        async def jump_over() -> None:
            await flight._calls.database(clock.jump_by, timedelta(seconds=700))

        flight.jumping = asyncio.ensure_future(jump_over())

    contact = fly(Station("stay"), during=jump)
    assert contact.state == State.COMPLETED
    assert contact.report["down"]["batches"] == 4
