"""Packets without our secondary header: kept once each by APID, long count, time and bytes."""

from datetime import timedelta

import pytest

from telemetry.ledger import foreign, unwrapping
from telemetry.models import Gap, GapState, Packet, PacketAccount, Rejected, Volume
from telemetry.onboard import DownlinkChannel
from telemetry.packets import handlers, space
from tests.factories import NOON, make_contact, make_station
from tests.telemetry.downlink import Heard

pytestmark = pytest.mark.usefixtures("no_handlers")
APID = 0x351
PASS = timedelta(minutes=10)


def packet(count, text=None, apid=APID):
    """A packet of another maker, the same each time for one count unless it says otherwise."""
    return space.encode(apid, count, text or b"frame of a camera, %d" % count)


def counts(contact, apid=APID):
    rows = Packet.objects.filter(satellite=contact.satellite, volume=foreign.volume_of(apid))
    return list(rows.order_by("serial").values_list("serial", flat=True))


def open_gaps(contact):
    rows = Gap.objects.filter(satellite=contact.satellite, state=GapState.OPEN)
    return sorted((gap.serials.lower, gap.serials.upper) for gap in rows)


def test_they_are_stored_and_counted_as_unknown(contact, board, heard):
    got = []
    handlers.register(APID, lambda stored, *, now: got.append(stored.payload))
    heard.receive(board.frames([packet(5, apid=0x352), packet(7), board.platform()]))

    assert counts(contact) == [7]
    assert bytes(Packet.objects.get(apid=APID).data) == packet(7)
    assert got == [b"frame of a camera, 7"]
    unknown = PacketAccount.objects.get(apid=0x352)
    assert (unknown.stored, unknown.unknown) == (1, 1)
    assert not Gap.objects.exists()


def test_two_stations_that_hear_one_pass_store_it_once(contact, board, heard):
    other = Heard(contact)
    other.station_id = make_station().pk
    sent = [packet(n) for n in range(60)]
    first, second = board.frames(sent[:50]), board.frames(sent[30:])
    heard.receive(first)
    other.receive(second, now=NOON + timedelta(milliseconds=40))

    assert counts(contact) == list(range(60))
    books = PacketAccount.objects.get(reception__station=other.station_id)
    assert (books.stored, books.duplicates) == (10, 20)


def test_a_count_that_comes_round_again_is_another_packet(contact, board, heard):
    at, same = NOON, b"always the same"
    for _ in range(3):
        heard.receive(board.frames([packet(9, same)]), now=at)
        at += PASS
    assert counts(contact) == [9, 9 + unwrapping.MODULUS, 9 + 2 * unwrapping.MODULUS]
    assert not PacketAccount.objects.exclude(duplicates=0).exists()


def test_a_busy_apid_wraps_within_a_pass(contact, board, heard):
    for start in range(0, 40_000, 4_000):
        at = NOON + timedelta(seconds=start / 1000)
        sent = [packet(n % space.COUNT_MODULUS, b"x") for n in range(start, start + 4_000)]
        heard.receive(board.frames(sent), now=at)
    assert counts(contact) == list(range(40_000))
    assert open_gaps(contact) == []


def test_a_spool_delivered_late_falls_into_its_place(contact, board, heard):
    early, late = Heard(contact), Heard(contact)
    early.station_id = make_station().pk
    late.receive(board.frames([packet(n) for n in (10, 11)]), now=NOON + PASS)
    early.receive(board.frames([packet(n) for n in (5, 6)]), now=NOON)
    assert counts(contact) == [5, 6, 10, 11]
    assert open_gaps(contact) == [(7, 10)]


def test_a_dump_closes_the_gap_and_repeats_nothing(contact, board, heard):
    heard.receive(board.frames([packet(n) for n in (16_380, 16_381, 3, 4)]))
    assert open_gaps(contact) == [(16_382, 16_387)]
    dumped = [packet(n) for n in (16_381, 16_382, 16_383, 0, 1, 2, 3)]
    later = NOON + timedelta(hours=3)
    heard.receive(board.frames(dumped, DownlinkChannel.PLAYBACK), now=later)

    assert counts(contact) == list(range(16_380, 16_389))
    assert open_gaps(contact) == []
    books = PacketAccount.objects.get(channel=DownlinkChannel.PLAYBACK)
    assert (books.stored, books.duplicates) == (5, 2)


def test_packets_out_of_order_are_no_loss(contact, board, heard):
    heard.receive(board.frames([packet(n) for n in (2, 0, 1, 4, 3)]))
    assert counts(contact) == [0, 1, 2, 3, 4]
    assert open_gaps(contact) == []


def test_other_bytes_at_the_same_time_are_a_conflict_that_is_named(contact, board, heard):
    heard.receive(board.frames([packet(4), packet(4, b"another")]))
    refused = Rejected.objects.get()
    assert (refused.code, refused.apid, bytes(refused.data)) == (
        "conflict",
        APID,
        packet(4, b"another"),
    )
    assert refused.reason == f"differs from the packet stored as count 4 of APID {APID}"


def test_a_satellite_that_counts_anew_loses_nothing(contact, board, heard):
    heard.receive(board.frames([packet(n) for n in range(40)]))
    after = Heard(make_contact(satellite=contact.satellite, aos_at=NOON + timedelta(hours=1)))
    again = [packet(n, b"after the boot %d" % n) for n in range(3)]
    # Its count goes on below what is held, in the same minute of the next pass.
    after.receive(board.frames([packet(45)]), now=NOON + PASS)
    after.receive(board.frames(again), now=NOON + PASS + timedelta(seconds=1))
    stored = Packet.objects.filter(volume=foreign.volume_of(APID))
    assert {bytes(row.data) for row in stored} >= set(again)
    assert open_gaps(contact) == [(40, 45)]


def test_an_unknown_apid_with_our_header_belongs_to_the_recorder(contact, board, heard):
    heard.receive(board.frames([board.noise(), board.noise(), board.platform()]))
    assert set(Volume.objects.values_list("volume", flat=True)) == {board.volume}
    assert open_gaps(contact) == []
