"""Every frame and packet accounted for, whatever is repeated, damaged or killed in between."""

import io
import threading
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection

from ops.live.models import Event
from telemetry import ingest, onboard
from telemetry.ledger import origins
from telemetry.models import Gap, Latest, Packet, RawBatch, Reception, Rejected, Segment
from telemetry.onboard import Apid, DownlinkChannel
from telemetry.packets import handlers, space
from tests.factories import NOON, make_contact
from tests.live import events_of
from tests.telemetry.downlink import Board, Heard

pytestmark = pytest.mark.usefixtures("no_handlers")


def ledger(contact):
    reception = Reception.objects.get(contact=contact)
    assert reception.packets == reception.stored + reception.duplicates + reception.rejected
    return reception


def serials(contact):
    rows = Packet.objects.filter(satellite=contact.satellite).order_by("serial")
    return list(rows.values_list("serial", flat=True))


def test_packets_are_stored_as_they_were_sent(contact, board, heard):
    packets = [board.platform(), board.status(), board.packet(Apid.CFDP_DOWN, b"pdu")]
    heard.receive(board.frames(packets))

    rows = Packet.objects.filter(satellite=contact.satellite).order_by("serial")
    assert [bytes(row.data) for row in rows] == packets
    assert {row.volume for row in rows} == {board.volume}
    assert {row.contact_id for row in rows} == {contact.id}
    reception = ledger(contact)
    assert (reception.frames, reception.stored, reception.unknown) == (1, 3, 0)


def test_a_batch_is_stored_once_and_decoded_once(contact, board, heard):
    frames = board.frames([board.platform()])
    first, is_new = heard.again(1, frames)
    again, is_new_again = heard.again(1, frames)

    assert (first, is_new, is_new_again) == (again, True, False)
    assert heard.decode() == 1
    assert heard.decode() == 0
    assert ledger(contact).stored == 1


def test_a_station_that_numbers_anew_loses_nothing(contact, board, heard):
    heard.again(1, board.frames([board.platform()]))
    heard.again(1, board.frames([board.platform()]), at=NOON + timedelta(seconds=1))

    assert heard.decode() == 2
    assert serials(contact) == [0, 1]


def test_a_packet_cut_by_the_end_of_a_batch_is_joined(contact, board, heard):
    long = board.packet(Apid.CFDP_DOWN, bytes(range(256)) * 12)
    frames = board.frames([long])
    assert len(frames) == 3
    for frame in frames:
        heard.receive([frame])

    assert bytes(Packet.objects.get().data) == long


def test_the_same_packet_by_two_stations_is_stored_once(contact, board, heard):
    packet = board.platform()
    other = Heard(make_contact(satellite=contact.satellite, aos_at=NOON + timedelta(hours=1)))
    heard.receive(board.frames([packet]))
    other.receive(board.frames([packet]))

    assert serials(contact) == [0]
    assert ledger(other.contact).duplicates == 1
    assert Segment.objects.count() == 1


def test_a_packet_twice_in_one_batch_is_a_duplicate(contact, board, heard):
    packet = board.platform()
    heard.receive(board.frames([packet, packet]))
    assert (ledger(contact).stored, ledger(contact).duplicates) == (1, 1)


def test_another_packet_with_a_serial_already_held_is_rejected_and_kept(contact, board, heard):
    heard.receive(board.frames([board.platform(charge=0.5)]))
    board.serial = 0
    liar = board.platform(charge=0.6)
    heard.receive(board.frames([liar]))

    assert ledger(contact).rejected == 1
    rejected = Rejected.objects.get()
    assert "differs from the packet stored as serial 0" in rejected.reason
    assert bytes(rejected.data) == liar


def test_frames_that_cannot_be_used_are_kept_with_the_reason(contact, board, heard):
    good = board.frames([board.platform()])
    flipped = bytearray(board.frames([board.platform()])[0])
    flipped[500] ^= 1
    stranger = Board((board.spacecraft + 1) % 256)
    alien = stranger.frames([stranger.platform()])
    heard.receive(b"".join([*good, bytes(flipped), *alien]) + b"\x01\x02\x03")

    reasons = Rejected.objects.order_by("id").values_list("kind", "reason")
    assert list(reasons) == [
        ("frame", "bad FECF"),
        ("frame", "wrong spacecraft"),
        ("frame", "wrong length"),
    ]
    reception = ledger(contact)
    assert (reception.frames, reception.frames_rejected, reception.stored) == (4, 3, 1)


def test_a_packet_that_is_no_telemetry_is_rejected_with_the_reason(contact, board, heard):
    heard.receive(board.frames([space.encode(0x10, 0, b"no secondary header")]))

    assert ledger(contact).rejected == 1
    assert Rejected.objects.get().reason == "no telemetry packet with a secondary header"


def test_unknown_packets_are_kept_and_counted(contact, board, heard):
    heard.receive(board.frames([board.noise(), board.noise(), board.platform()]))
    reception = ledger(contact)
    assert (reception.stored, reception.unknown) == (3, 2)


def test_lost_frames_are_counted(contact, board, heard):
    frames = board.frames([board.platform() for _ in range(6)], each=True)
    heard.receive(frames[:2] + frames[5:])
    assert ledger(contact).frames_lost == 3


def test_a_handler_gets_each_new_packet_once(contact, board, heard):
    got = []
    handlers.register(Apid.TOKENS, lambda packet, *, now: got.append((packet, now)))
    packet = board.packet(Apid.TOKENS, b"a piece")
    heard.receive(board.frames([packet], DownlinkChannel.TOKENS))
    heard.receive(board.frames([packet], DownlinkChannel.PLAYBACK))

    ((stored, now),) = got
    assert (stored.payload, stored.data, now) == (b"a piece", packet, NOON)
    assert (stored.satellite_id, stored.contact_id) == (contact.satellite_id, contact.id)
    assert (stored.channel, stored.serial, stored.received_at) == (1, 0, NOON)
    assert stored.id == Packet.objects.get().id


def test_a_handler_that_fails_costs_its_packet_alone(contact, board, heard):
    def handle(packet, *, now):
        Reception.objects.filter(contact=contact).update(bytes=-1)
        raise LookupError("no such query")

    handlers.register(Apid.TOKENS, handle)
    heard.receive(board.frames([board.packet(Apid.TOKENS, b"piece"), board.platform()]))

    reception = ledger(contact)
    assert (reception.stored, reception.bytes) == (2, 1115)
    unread = Rejected.objects.get()
    assert (unread.kind, unread.reason) == ("unread", "handler: LookupError: no such query")


def test_when_the_database_is_away_the_batch_waits(contact, board, heard):
    def handle(packet, *, now):
        raise OperationalError("server closed the connection")

    handlers.register(Apid.TOKENS, handle)
    heard.store(board.frames([board.packet(Apid.TOKENS, b"piece")]))
    with pytest.raises(OperationalError):
        heard.decode()

    assert not Packet.objects.exists()
    assert ingest.undecoded_contacts() == [contact.id]


@pytest.mark.parametrize(
    "step", ["gaps.note_arrival", "writing.keep_latest", "_call_handlers", "_close", "_announce"]
)
def test_killed_between_any_two_steps_nothing_is_half_done(
    step, contact, board, heard, monkeypatch
):
    heard.store(board.frames([board.platform(), board.status()]))
    with monkeypatch.context() as patch:

        def die(*args, **kwargs):
            raise KeyboardInterrupt

        patch.setattr(f"telemetry.decoding.{step}", die)
        with pytest.raises(KeyboardInterrupt):
            heard.decode()
        for model in (Packet, Segment, Latest, Gap, Event):
            assert not model.objects.exists()

    assert heard.decode() == 1
    assert serials(contact) == [0, 1]
    assert ledger(contact).stored == 2
    assert Segment.objects.count() == 2


def test_values_are_archived_and_the_latest_kept(contact, board, heard):
    later = NOON + timedelta(seconds=5)
    heard.receive(board.frames([board.platform(charge=0.9, at=later)]), now=later)
    heard.receive(board.frames([board.platform(charge=0.1, at=NOON)]), now=later)

    latest = {row.parameter: row for row in Latest.objects.filter(satellite=contact.satellite)}
    assert latest["battery_charge"].value == pytest.approx(0.9)
    assert latest["battery_charge"].raw == 9000
    assert latest["mode"].value == "CONTACT"
    assert latest["battery_current"].value == pytest.approx(-0.25)
    assert "serial" not in latest
    assert [row.count for row in Segment.objects.all()] == [1, 1]


def test_one_event_a_batch_tells_what_changed(contact, board, heard):
    heard.receive(board.frames([board.platform(charge=n / 10) for n in range(5)]))
    heard.receive(board.frames([board.noise()]))

    event = events_of(f"telemetry:{contact.satellite.code}").get()
    assert event.kind == "values"
    assert event.payload["values"]["mode"] == "CONTACT"
    assert event.payload["received_at"] == "2026-08-22T12:00:00Z"


def test_a_status_that_cannot_be_read_is_kept_with_the_reason(contact, board, heard):
    payload = onboard.RECORDER_STATUS_LAYOUT.pack(board.volume, 9, 3, 0)
    heard.receive(board.frames([board.packet(Apid.RECORDER_STATUS, payload)]))
    assert Rejected.objects.get().reason == "recorder status: holds serials from 9 to 3"


def test_a_text_that_json_cannot_hold_is_kept_all_the_same(contact, board, heard):
    text = b"a\0b\xff"
    payload = onboard.EVENT_REPORT_LAYOUT.pack(1, 7, len(text)) + text
    heard.receive(board.frames([board.packet(Apid.EVENT_REPORT, payload)]))
    latest = Latest.objects.get(parameter="event_text")
    assert (latest.value, latest.raw) == ("a\ufffdb\ufffd", text.hex())


def test_a_packet_shorter_than_its_definition_is_kept_with_the_reason(contact, board, heard):
    heard.receive(board.frames([board.packet(Apid.HK_PLATFORM, b"short")]))
    assert ledger(contact).stored == 1
    assert Rejected.objects.get().reason == "28 bytes are too few for HK_PLATFORM"


@pytest.mark.django_db(transaction=True)
def test_workers_at_once_decode_each_batch_once():
    contact = make_contact()
    board, heard = Board(contact.satellite.spacecraft_id), Heard(contact)
    done = []

    def work():
        try:
            for _ in range(30):
                done.append(ingest.decode_reception(contact.id, now=NOON))
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for _ in range(20):
        heard.store(board.frames([board.platform()]))
    for worker in workers:
        worker.join()
    done.append(ingest.decode_reception(contact.id, now=NOON))

    assert sum(done) == 20
    assert serials(contact) == list(range(20))
    assert ledger(contact).stored == 20
    assert not RawBatch.objects.filter(decoded=False).exists()


@pytest.mark.django_db(transaction=True)
def test_two_contacts_of_one_satellite_at_once_agree():
    # The tail of one contact and the head of the next bring the same packets in other orders.
    satellite = make_contact().satellite
    board = Board(satellite.spacecraft_id)
    packets = [board.platform() for _ in range(40)]
    contacts = [
        make_contact(satellite=satellite, aos_at=NOON + timedelta(hours=n)) for n in (1, 2, 3)
    ]
    for contact, order in zip(contacts, (packets, packets[::-1], packets[::2]), strict=True):
        heard = Heard(contact)
        for start in range(0, len(order), 4):
            heard.store(board.frames(order[start : start + 4]))

    def work(contact):
        try:
            ingest.decode_reception(contact.id, now=NOON)
        finally:
            connection.close()

    workers = [threading.Thread(target=work, args=(contact,)) for contact in contacts]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    rows = Packet.objects.filter(satellite=satellite).order_by("serial")
    assert [row.serial for row in rows] == list(range(40))
    totals = [ledger(contact) for contact in contacts]
    assert sum(total.stored for total in totals) == 40
    assert sum(total.duplicates for total in totals) == 60
    assert not Gap.objects.filter(state="open").exists()


def test_a_decoded_batch_costs_few_queries(contact, board, heard, django_assert_max_num_queries):
    handlers.register(Apid.TOKENS, lambda packet, *, now: None)
    heard.receive(board.frames([board.packet(Apid.TOKENS, b"first")]))
    heard.store(board.frames([board.packet(Apid.TOKENS, b"next")]))
    # One of them asks which definition is in force.
    with django_assert_max_num_queries(16):
        heard.decode()


def test_a_batch_no_decoder_can_take_is_set_aside_and_stops_no_other(
    contact, board, heard, monkeypatch
):
    bad, good = (board.frames([board.platform()]) for _ in range(2))
    heard.store(bad)
    heard.store(good)
    with monkeypatch.context() as patch:
        sort = origins.sort

        def lose_one(satellite_id, packets, edition):
            # The books would not add up: a packet came and is nowhere.
            first = b"".join(bad).find(packets[0].data) >= 0
            return origins.Sorted() if first else sort(satellite_id, packets, edition)

        patch.setattr(origins, "sort", lose_one)
        assert heard.decode() == 1

    assert serials(contact) == [1]
    batch = RawBatch.objects.get(decoded=False)
    assert "packets_received_are_stored_duplicate_or_rejected" in batch.failure
    assert bytes(batch.frames) == b"".join(bad)
    assert ingest.undecoded_contacts() == []
    assert [(gap.serials.lower, gap.serials.upper) for gap in Gap.objects.all()] == [(0, 1)]

    call_command("decode_again", stdout=io.StringIO())
    assert heard.decode() == 1
    assert serials(contact) == [0, 1]
