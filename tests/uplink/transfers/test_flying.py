"""A transfer over contacts that end, conductors that die, and links that lose."""

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from constellation.contacts.models import Demand
from telemetry import onboard
from tests.factories import NOON, PASS, make_artefact, make_contact, make_satellite, make_transfer
from tests.live import events_of
from tests.uplink.transfers.board import Board, hear, store_report
from uplink.registry import formats
from uplink.transfers import flying, packing, progress
from uplink.transfers.models import BulkUplink, Shipment, State, Transfer
from uplink.transfers.uplinker import Uplinker

pytestmark = pytest.mark.django_db
PACK_BYTES = 64 * 1024
CONTENT = random.Random(5).randbytes(5 * PACK_BYTES)


@pytest.fixture(autouse=True)
def no_comparing(monkeypatch):
    monkeypatch.setattr(flying, "COMPARED_AFTER", timedelta(0))


@pytest.fixture
def satellite():
    return make_satellite()


@pytest.fixture
def transfer(satellite):
    artefact = make_artefact(CONTENT)
    packing.pack(artefact, pack_bytes=PACK_BYTES)
    return make_transfer(satellite=satellite, artefact=artefact)


class Pass:
    """One conductor's part of one contact, stepped by hand."""

    def __init__(self, satellite, board, *, at=NOON, contact=None, fencing=1, loss=0.0, seed=1):
        self.contact = contact or make_contact(
            satellite=satellite, aos_at=at, los_at=at + PASS, fencing=fencing
        )
        self.board, self.now_s = board, at.timestamp()
        self.dice, self.loss = random.Random(seed), loss
        self.uplinker = Uplinker(
            contact_id=self.contact.pk,
            fencing=fencing,
            satellite_id=satellite.pk,
            entity_id=satellite.entity_id,
        )
        self.checkpoint()

    @property
    def now(self):
        return NOON + timedelta(seconds=self.now_s - NOON.timestamp())

    def checkpoint(self, **options):
        work = flying.checkpoint(self.uplinker.snapshot(), now=self.now, **options)
        self.uplinker.take(work, self.now_s)

    def step(self, frames=20):
        """A tenth of a second of link."""
        self.now_s += 0.1
        for packet in self.uplinker.pull(frames, self.now_s):
            if self.dice.random() >= self.loss:
                for pdu in self.board.receive(packet, self.now_s):
                    if self.dice.random() >= self.loss:
                        self.uplinker.receive(pdu, self.now_s)
        for receiver in self.board.receivers.values():
            receiver.tick(self.now_s)
            for pdu in receiver.pending_pdus():
                self.uplinker.receive(pdu, self.now_s)
        self.uplinker.tick(self.now_s)

    def run(self, steps):
        for number in range(steps):
            self.step()
            if number % 10 == 9:
                self.checkpoint()

    def end(self):
        self.uplinker.freeze(self.now_s)
        self.checkpoint(last=True)
        self.uplinker.close()


def test_a_transfer_arrives_pack_by_pack_behind_its_manifest(satellite, transfer):
    board = Board(satellite.entity_id)
    flight = Pass(satellite, board)
    flight.run(60)
    flight.end()

    assert board.assemble(transfer.artefact_id) == formats.ECHO_MAGIC + CONTENT
    first, second, *_ = board.files
    assert first.startswith(onboard.RELEASE_NAME)
    assert second.startswith(onboard.MANIFEST_NAME)
    transfer.refresh_from_db()
    assert transfer.state == State.VERIFYING
    assert all(row.delivered for row in transfer.shipments.all())
    sent = sum(row.sent_bytes for row in transfer.shipments.all())
    assert sent == board.heard_bytes == flight.uplinker.counters.file_bytes
    assert sent == sum(row.size_bytes for row in transfer.shipments.all())
    assert flight.uplinker.counters.files_finished == 8
    assert events_of("transfers").exists()


@pytest.mark.parametrize("cut_after", range(1, 30, 4))
def test_a_cut_at_any_moment_repeats_nothing_that_was_acknowledged(satellite, transfer, cut_after):
    board = Board(satellite.entity_id)
    first = Pass(satellite, board)
    for _ in range(cut_after):
        first.step()
    first.end()
    before = board.heard_bytes
    second = Pass(satellite, board, at=NOON + timedelta(hours=1))
    second.run(60)
    second.end()

    assert board.assemble(transfer.artefact_id) == formats.ECHO_MAGIC + CONTENT
    assert before > 0
    assert board.heard_bytes == sum(row.size_bytes for row in transfer.shipments.all())


@pytest.mark.parametrize("killed_after", range(1, 30, 4))
def test_a_killed_conductor_repeats_nothing_that_arrived(satellite, transfer, killed_after):
    # Nothing is saved after the first second: the next one asks the satellite what it holds.
    board = Board(satellite.entity_id)
    first = Pass(satellite, board)
    for _ in range(killed_after):
        first.step()
    first.uplinker.close()
    second = Pass(satellite, board, at=NOON + timedelta(hours=1))
    second.run(80)
    second.end()

    assert board.assemble(transfer.artefact_id) == formats.ECHO_MAGIC + CONTENT
    assert board.heard_bytes == sum(row.size_bytes for row in transfer.shipments.all())


@pytest.mark.parametrize("saved_after", range(0, 24, 3))
def test_files_that_begin_after_the_last_word_to_the_database_are_asked_about(
    satellite, transfer, saved_after
):
    # What waits behind others is saved as it waits, then leaves, and then the conductor is killed.
    board = Board(satellite.entity_id)
    first = Pass(satellite, board)
    for number in range(saved_after + 6):
        first.step()
        if number == saved_after:
            first.checkpoint()
    first.uplinker.close()
    second = Pass(satellite, board, at=NOON + timedelta(hours=1))
    second.run(80)
    second.end()

    assert board.assemble(transfer.artefact_id) == formats.ECHO_MAGIC + CONTENT
    assert board.heard_bytes == sum(row.size_bytes for row in transfer.shipments.all())


def test_loss_is_repaired_at_the_price_of_the_loss(satellite, transfer):
    board = Board(satellite.entity_id)
    flight = Pass(satellite, board, loss=0.05)
    flight.run(800)
    flight.end()

    assert board.assemble(transfer.artefact_id) == formats.ECHO_MAGIC + CONTENT
    whole = sum(row.size_bytes for row in transfer.shipments.all())
    assert flight.uplinker.counters.file_bytes < whole * 1.12


def test_who_lost_the_lease_writes_nothing(satellite, transfer):
    board = Board(satellite.entity_id)
    old = Pass(satellite, board)
    old.step()
    old.contact.fencing = 2
    old.contact.save()
    rows = list(Shipment.objects.values())

    with pytest.raises(flying.LeaseLost):
        old.checkpoint()
    assert list(Shipment.objects.values()) == rows


def test_a_transaction_number_is_never_reused(satellite, transfer):
    board = Board(satellite.entity_id)
    flight = Pass(satellite, board)
    numbers = {flying.next_sequence() for _ in range(100)}
    given = set(Shipment.objects.exclude(sequence=None).values_list("sequence", flat=True))
    assert len(given) == flying.WINDOW
    assert not numbers & given
    flight.end()


def test_files_give_way_where_nothing_is_heard_and_are_back_at_the_first_word(satellite, transfer):
    board = Board(satellite.entity_id)
    flight = Pass(satellite, board, loss=1.0)
    flight.uplinker.ask_again(flight.now_s, 10 * 8 * onboard.FRAME_BYTES)

    def left_in(seconds):
        before = flight.uplinker.counters.packets
        for _ in range(seconds):
            for _ in range(10):
                flight.step(frames=1)
            flight.checkpoint()
        return flight.uplinker.counters.packets - before

    assert left_in(15) == 150
    assert left_in(30) < 30 * 10 / 4
    flight.loss = 0.0
    left_in(10)  # a prompt comes through, and its answer
    assert left_in(2) == 20
    flight.end()


def test_files_that_wait_for_a_word_do_not_hold_up_those_behind_them(satellite, transfer):
    flight = Pass(satellite, Board(satellite.entity_id))
    for _ in range(12):  # all leaves, and nothing is heard
        while flight.uplinker.pull(100, flight.now_s):
            pass
        flight.checkpoint()
    begun = transfer.shipments.exclude(sequence=None).count()
    assert begun == transfer.shipments.count() > flying.WINDOW
    flight.end()


def test_a_file_refused_on_board_is_sent_anew_and_then_the_transfer_fails(satellite, transfer):
    board = Board(satellite.entity_id)
    bad = transfer.shipments.get(number=2)
    board.refuse.add(bad.name)
    flight = Pass(satellite, board)
    flight.run(120)
    flight.end()

    transfer.refresh_from_db()
    assert transfer.state == State.FAILED
    assert "FILESTORE_REJECTION" in transfer.reason
    assert bad.name in transfer.reason
    assert (
        sum(
            key.number != 0 and one.metadata.destination_name == bad.name
            for key, one in board.receivers.items()
            if one.metadata
        )
        == 3
    )


def test_a_cancelled_transfer_stops_on_air(satellite, transfer):
    from uplink.transfers import requests

    board = Board(satellite.entity_id)
    flight = Pass(satellite, board)
    flight.step()
    requests.cancel(transfer.pk, now=flight.now)
    flight.checkpoint()
    flight.run(20)
    heard = board.heard_bytes
    flight.run(20)

    assert board.heard_bytes == heard
    assert not flight.uplinker.is_busy
    assert not Demand.objects.exists()
    assert Transfer.objects.get().state == State.CANCELLED
    flight.end()


def test_only_so_many_contacts_carry_files_the_longest_in_view_first(settings, monkeypatch):
    settings.ZENITH_BULK_UPLINKS = 2
    contacts = [make_contact(los_at=NOON + timedelta(minutes=minutes)) for minutes in (3, 9, 5, 7)]
    monkeypatch.setattr(flying, "COMPARED_AFTER", timedelta(hours=1))
    assert not any(flying.may_carry_files(one, wants=True) for one in contacts)
    monkeypatch.setattr(flying, "COMPARED_AFTER", timedelta(0))

    assert [flying.may_carry_files(one, wants=True) for one in contacts] == [0, 1, 0, 1]
    # Who has begun goes on; who has nothing left makes room for the next longest.
    late = make_contact(los_at=NOON + timedelta(minutes=30))
    assert not flying.may_carry_files(late, wants=True)
    assert not flying.may_carry_files(contacts[1], wants=False)
    assert [flying.may_carry_files(one, wants=True) for one in (contacts[2], late)] == [0, 1]


def test_a_silent_conductor_loses_its_place(settings):
    settings.ZENITH_BULK_UPLINKS = 1
    silent, waiting = make_contact(), make_contact()
    assert flying.may_carry_files(silent, wants=True)
    assert not flying.may_carry_files(waiting, wants=True)
    BulkUplink.objects.filter(pk=silent.pk).update(
        renewed_at=timezone.now() - timedelta(seconds=11)
    )
    assert flying.may_carry_files(waiting, wants=True)


def test_the_planner_is_told_what_is_missing(satellite, transfer):
    demand = Demand.objects.get(source=f"transfer:{transfer.pk}")
    assert demand.up_bytes == transfer.artefact.size_bytes
    flight = Pass(satellite, Board(satellite.entity_id))
    flight.run(10)
    demand.refresh_from_db()
    assert 0 < demand.up_bytes < transfer.artefact.size_bytes
    flight.end()


@pytest.mark.django_db(transaction=True)
def test_checkpoints_and_reports_do_not_wait_for_each_other(satellite):
    # Each report locks a transfer and then a file of it, as the decoder does.
    artefact = make_artefact(CONTENT)
    packing.pack(artefact, pack_bytes=PACK_BYTES // 8)
    transfer = make_transfer(satellite=satellite, artefact=artefact)
    flight = Pass(satellite, Board(satellite.entity_id))
    packs = list(transfer.shipments.filter(number__gte=0))

    def report():
        try:
            for pack in packs:
                body = store_report(onboard.StoreEvent.PACK_STORED, pack.sha256)
                with transaction.atomic():
                    hear(satellite, onboard.Apid.STORE_REPORT, body, now=NOON)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as threads:
        reporting = threads.submit(report)
        for _ in range(40):
            flight.step()
            flight.checkpoint()
        reporting.result()
    flight.end()
    transfer.refresh_from_db()
    assert not transfer.shipments.filter(number__gte=0, delivered=False).exists()


def test_bytes_on_air_are_counted_even_when_the_report_was_first(satellite, transfer):
    board = Board(satellite.entity_id)
    flight = Pass(satellite, board)
    for _ in range(6):
        flight.step()
    for row in transfer.shipments.filter(number__gte=0):
        body = store_report(onboard.StoreEvent.PACK_STORED, row.sha256)
        with transaction.atomic():
            hear(satellite, onboard.Apid.STORE_REPORT, body, now=flight.now)
    flight.run(30)
    flight.end()

    assert sum(row.sent_bytes for row in transfer.shipments.all()) == board.heard_bytes > 0


def test_what_a_killed_conductor_sent_is_counted_when_it_is_known_to_be_there(satellite, transfer):
    board = Board(satellite.entity_id)
    first = Pass(satellite, board)
    while len(board.files) < 4:
        first.step()
    sent_bytes = board.heard_bytes
    first.uplinker.close()
    for row in transfer.shipments.all():
        if row.name in board.files and row.number >= 0:
            body = store_report(onboard.StoreEvent.PACK_STORED, row.sha256)
            with transaction.atomic():
                hear(satellite, onboard.Apid.STORE_REPORT, body, now=first.now)
    assert 0 < sum(row.sent_bytes for row in transfer.shipments.all()) <= sent_bytes

    second = Pass(satellite, board, at=NOON + timedelta(hours=1))
    second.run(80)
    second.end()
    assert sum(row.sent_bytes for row in transfer.shipments.all()) == board.heard_bytes


def test_what_the_station_did_not_radiate_is_not_told_as_sent(satellite, transfer):
    board = Board(satellite.entity_id)
    flight = Pass(satellite, board)
    flight.run(1)
    flight.uplinker.pull(30, flight.now_s)  # all of it waits at the station, and the link breaks
    queued = flight.uplinker.snapshot(queued=30)
    flying.checkpoint(queued, now=flight.now)
    assert progress.summary(transfer)["sent_bytes"] == board.heard_bytes > 0

    flight.uplinker.take_back(30)
    flight.uplinker.ask_again(flight.now_s, 1_000_000)
    flight.run(60)
    flight.end()

    told = progress.summary(transfer)
    assert told["delivered_packs"] == told["packs"]
    assert (told["sent_bytes"], told["repeated_bytes"]) == (board.heard_bytes, 0)


def test_repeats_are_a_number_that_the_transfer_knows(satellite, transfer):
    board = Board(satellite.entity_id)
    flight = Pass(satellite, board, loss=0.1)
    flight.run(400)
    flight.end()

    told = progress.summary(transfer)
    sizes = sum(row.size_bytes for row in transfer.shipments.all())
    assert told["delivered_packs"] == told["packs"]
    assert told["repeated_bytes"] == told["sent_bytes"] - sizes > 0
