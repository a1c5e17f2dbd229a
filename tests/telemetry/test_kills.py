"""Killed at any step, emptied, told a wrong time: what was sent is what is stored, as sets.

The short forms: a process of its own is killed by SIGKILL inside a step, and what a station would
deliver again is delivered again. The long form, a whole Zenith under load, is
`tests/proofs/prove_telemetry.py`.
"""

import json
import os
import random
import signal
from datetime import timedelta

import pytest
import redis
from django.conf import settings
from django.db import connection
from django.db.models import F, Sum
from django.utils.module_loading import import_string

from telemetry import ingest, queueing, tasks
from telemetry.archive import compaction, reading
from telemetry.models import Gap, Packet, PacketAccount, RawBatch, Segment
from telemetry.onboard import DownlinkChannel
from telemetry.packets import space
from tests.factories import NOON, make_contact, make_station
from tests.telemetry.downlink import Board, Heard

pytestmark = pytest.mark.usefixtures("no_handlers")
BATCHES, IN_BATCH = 6, 30


def in_a_killed_process(work, dotted, calls, monkeypatch, *, after):
    """Do `work` in a process that is killed at the so-manieth call of a function, before the call
    does anything or after it did all; say whether it was."""
    original, left = import_string(dotted), [calls]

    def dying(*arguments, **named):
        left[0] -= 1
        if left[0] <= 0 and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        answer = original(*arguments, **named)
        if left[0] <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    connection.close()
    child = os.fork()
    if child == 0:
        try:
            monkeypatch.setattr(dotted, dying)
            work()
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


class Pass:
    """Batches of one pass, and what became of what was in them."""

    def __init__(self, contact):
        self.contact, self.board = contact, Board(contact.satellite.spacecraft_id)
        self.sent = [
            [
                self.board.platform(at=NOON + timedelta(seconds=IN_BATCH * n + m))
                for m in range(IN_BATCH)
            ]
            for n in range(BATCHES)
        ]
        self.batches = [self.board.frames(packets) for packets in self.sent]

    def deliver(self):
        """Store every batch and decode what is stored after each; safe to repeat."""
        heard = Heard(self.contact)
        for number, frames in enumerate(self.batches, 1):
            heard.again(number, frames)
            heard.decode()
        compaction.compact(shortest=IN_BATCH)

    def assert_whole(self):
        sent = {packet for packets in self.sent for packet in packets}
        stored = [bytes(data) for data in Packet.objects.values_list("data", flat=True)]
        assert len(stored) == len(sent)
        assert set(stored) == sent
        sums = PacketAccount.objects.aggregate(*map(Sum, ("received", "stored", "duplicates")))
        assert sums == {
            "received__sum": len(sent),
            "stored__sum": len(sent),
            "duplicates__sum": 0,
        }
        samples = reading.read(
            self.contact.satellite_id,
            "HK_PLATFORM",
            {"mode"},
            first_ns=0,
            end_ns=2**62,
        )
        assert len(samples.generated_ns) == len(set(samples.generated_ns.tolist())) == len(sent)
        assert not Gap.objects.exists()
        assert not RawBatch.objects.filter(decoded=False).exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("step", "calls", "after"),
    [
        ("telemetry.ingest.store_batches", 2, False),  # frames on the wire, nothing stored
        ("telemetry.ingest.store_batches", 2, True),  # stored, and not acknowledged
        ("telemetry.ingest.decode_reception", 2, False),  # acknowledged, and not queued
        ("telemetry.storing.store", 2, True),  # in the middle of decoding
        ("telemetry.ledger.keeping.enter_packets", 2, True),  # in the books, not marked decoded
        ("telemetry.ingest.decode_reception", 2, True),  # decoded
        ("telemetry.archive.compaction.compact", 1, False),  # before compaction
        ("telemetry.archive.compaction._write", 1, True),  # half compacted
    ],
)
def test_ingest_killed_between_its_steps_loses_and_doubles_nothing(step, calls, after, monkeypatch):
    flown = Pass(make_contact())
    assert in_a_killed_process(flown.deliver, step, calls, monkeypatch, after=after)

    flown.deliver()
    flown.assert_whole()
    assert Segment.objects.filter(batch=None).exists()


def test_a_valkey_that_was_emptied_costs_no_packet(contact, board, heard):
    broker = redis.Redis.from_url(settings.REDIS_URL)
    broker.flushall()
    heard.store(board.frames([board.platform()]))
    queueing.ask(contact.id)
    assert broker.llen("decoding") == 1

    broker.flushall()
    tasks.requeue_undecoded()

    message = json.loads(broker.lpop("decoding"))
    assert str(contact.id) in message["headers"]["kwargsrepr"]
    assert heard.decode() == 1


def test_a_clock_that_is_stepped_changes_no_set(contact, board, heard):
    ours = [board.platform(at=NOON + timedelta(seconds=n)) for n in range(40)]
    foreign = [space.encode(0x351, n % 16_384, b"%d" % n) for n in range(16_370, 16_410)]
    steps = (0, 1, -3600, 7200, -86_400, 2, 3, 86_400, 4, 5)
    for n, step in enumerate(steps):
        frames = board.frames([*ours[4 * n : 4 * n + 4], *foreign[4 * n : 4 * n + 4]])
        heard.receive(frames, now=NOON + timedelta(seconds=step))
    stored = [bytes(data) for data in Packet.objects.values_list("data", flat=True)]
    assert sorted(stored) == sorted([*ours, *foreign])
    assert not PacketAccount.objects.exclude(stored=F("received")).exists()


@pytest.mark.parametrize("seed", range(3))
def test_two_stations_and_frames_in_any_order_give_the_set_that_was_sent(
    seed, contact, board, heard
):
    chance = random.Random(seed)
    listener = Heard(contact)
    listener.station_id = make_station().pk
    ours = [board.platform(at=NOON + timedelta(seconds=n)) for n in range(30)]
    foreign = [space.encode(0x351, n, b"%d" % n) for n in range(30)]
    frames = board.frames([p for pair in zip(ours, foreign, strict=True) for p in pair], each=True)
    lost = set(chance.sample(range(len(frames)), 12))
    here = [f for n, f in enumerate(frames) if n not in lost]
    there = [f for n, f in enumerate(frames) if n in lost or chance.random() < 0.5]
    chance.shuffle(here)
    chance.shuffle(there)
    for n in range(0, len(frames), 9):
        for station, heard_there in ((heard, here), (listener, there)):
            if batch := heard_there[n : n + 9]:
                station.store(batch, at=NOON + timedelta(milliseconds=n))
        heard.decode()
    stored = [bytes(data) for data in Packet.objects.values_list("data", flat=True)]
    assert sorted(stored) == sorted([*ours, *foreign])
    assert not Gap.objects.filter(state="open").exists()
    sums = PacketAccount.objects.aggregate(*map(Sum, ("received", "stored", "duplicates")))
    assert sums["received__sum"] == len(here) + len(there)
    assert (sums["stored__sum"], sums["stored__sum"] + sums["duplicates__sum"]) == (
        60,
        sums["received__sum"],
    )


def test_the_reconciler_knows_every_way_of_being_left(contact, board, heard):
    stations = make_station()
    listener = Heard(contact)
    listener.station_id = stations.pk
    later = Heard(make_contact(satellite=contact.satellite, aos_at=NOON + timedelta(hours=1)))
    heard.store(board.frames([board.platform()]))
    heard.decode()
    assert ingest.undecoded_contacts() == []
    listener.store(board.frames([board.platform()]))  # a reception that nobody began
    later.store(board.frames([board.platform()], DownlinkChannel.PLAYBACK))
    assert set(ingest.undecoded_contacts()) == {contact.id, later.contact.id}
    assert heard.decode() + later.decode() == 2
    assert ingest.undecoded_contacts() == []
