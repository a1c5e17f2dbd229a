"""Sender against receiver, over links that do what links do."""

import itertools
import json
import random

import google_crc32c
import pytest

from tests.uplink.transfers.cfdp.link import (
    LIMITS,
    SEGMENT_BYTES,
    TRANSACTION,
    Disk,
    Link,
    kind,
    make_receiver,
    make_sender,
)
from uplink.transfers import cfdp
from uplink.transfers.cfdp import pdu as pdus

DATA = random.Random(7).randbytes(30 * SEGMENT_BYTES + 17)


def fly(data=DATA, fate=lambda pdu: [pdu], shuffle=None, **options):
    disk = Disk()
    link = Link(make_sender(data), make_receiver(disk, **options), fate, shuffle)
    link.run()
    return link, disk


@pytest.mark.parametrize("size", [0, 1, SEGMENT_BYTES, 10 * SEGMENT_BYTES, len(DATA)])
def test_a_file_arrives_once_and_identical(size):
    link, disk = fly(DATA[:size])

    assert disk.kept == DATA[:size]
    assert disk.keeps == 1
    assert link.sender.state is cfdp.SenderState.FINISHED
    assert link.sender.acked.total == size
    assert link.sender.sent_bytes == size
    assert link.events == [cfdp.Event.METADATA, cfdp.Event.KEPT, cfdp.Event.CLOSED]


KINDS = ["Metadata", "FileData", "Eof", "Ack(EOF)", "Finished", "Ack(FINISHED)", "Nak"]


@pytest.mark.parametrize("which", [0, 1, 15, 29, 30])
@pytest.mark.parametrize("lost", KINDS)
@pytest.mark.parametrize("immediate", [False, True])
def test_the_loss_of_any_single_pdu_is_repaired(lost, which, immediate):
    # For a NAK to be lost there must be one: segment 3 is lost as well.
    seen = {"target": 0, "data": 0}

    def fate(pdu):
        name = kind(pdu)
        if name == lost:
            seen["target"] += 1
            if seen["target"] == 1 + (which if lost == "FileData" else 0):
                return []
        if lost == "Nak" and name == "FileData":
            seen["data"] += 1
            if seen["data"] == 4:
                return []
        return [pdu]

    link, disk = fly(fate=fate, immediate=immediate)

    assert seen["target"] > 0
    assert disk.kept == DATA
    assert link.sender.state is cfdp.SenderState.FINISHED
    lost_bytes = SEGMENT_BYTES if lost in ("FileData", "Nak") else 0
    assert link.sender.sent_bytes - len(DATA) <= lost_bytes


@pytest.mark.parametrize("loss", [0.00001, 0.01, 0.05, 0.2])
@pytest.mark.parametrize("immediate", [False, True])
def test_random_loss_both_ways_ends_with_the_same_file(loss, immediate):
    dice = random.Random(11)
    data = dice.randbytes(600 * SEGMENT_BYTES)
    limits = cfdp.Limits(ack_s=1, nak_s=1, inactivity_s=5, tries=50)
    disk = Disk()
    link = Link(
        make_sender(data, limits=limits),
        make_receiver(disk, immediate=immediate, limits=limits),
        lambda pdu: [] if dice.random() < loss else [pdu],
    )
    link.run(20_000)

    assert disk.kept == data
    # What was repeated is what was lost, with a margin for repairs in flight.
    assert link.sender.sent_bytes <= len(data) * (1 + 2 * loss) + 30 * SEGMENT_BYTES


def test_duplicates_and_any_order_change_nothing():
    dice = random.Random(3)
    for _ in range(10):
        link, disk = fly(fate=lambda pdu: [pdu] * dice.choice([1, 1, 2, 3]), shuffle=dice)
        assert (disk.kept, disk.keeps) == (DATA, 1)
        assert link.sender.state is cfdp.SenderState.FINISHED


def test_everything_backwards_is_the_same_file():
    disk = Disk()
    sender, receiver = make_sender(DATA), make_receiver(disk)
    for pdu in reversed(sender.next_pdus(1000, 0)):
        receiver.receive(pdu, 0)
    for pdu in receiver.pending_pdus():
        sender.receive(pdu, 0)
    assert disk.kept == DATA
    assert sender.state is cfdp.SenderState.FINISHED


def test_a_cut_is_resumed_by_a_prompt_and_repeats_only_what_was_lost():
    disk, cut = Disk(), []
    link = Link(make_sender(DATA), make_receiver(disk), lambda pdu: [pdu])
    link.step()
    link.step()
    link.fate = lambda pdu: cut.append(pdu) or []  # loss of signal, noticed two steps later
    link.step()
    link.step()
    link.sender.freeze(link.now_s)
    link.receiver.freeze(link.now_s)
    link.now_s += 5400
    assert link.sender.next_pdus(10, link.now_s) == []
    link.fate = lambda pdu: [pdu]
    link.receiver.thaw(link.now_s)
    link.sender.resume(link.now_s)

    assert [kind(pdu) for pdu in link.sender.next_pdus(10, link.now_s)] == ["Prompt"]
    link.sender.resume(link.now_s)
    link.run()

    assert disk.kept == DATA
    lost = sum(kind(pdu) == "FileData" for pdu in cut)
    assert lost == 10
    assert link.sender.sent_bytes == len(DATA) + lost * SEGMENT_BYTES


def test_timers_stand_still_without_a_link():
    sender, receiver = make_sender(DATA), make_receiver(Disk())
    for pdu in sender.next_pdus(1000, 0)[:-3]:
        receiver.receive(pdu, 0)
    sender.freeze(1)
    receiver.freeze(1)
    for now_s in range(1, 100_000, 1000):
        sender.tick(now_s)
        assert receiver.tick(now_s) == []
        assert sender.next_pdu(now_s) is None
        assert receiver.pending_pdus() == []
    assert sender.state is cfdp.SenderState.WAITING
    sender.thaw(100_000)
    receiver.thaw(100_000)
    sender.tick(100_000 + LIMITS.ack_s - 1.5)
    assert sender.next_pdu(100_001) is None
    sender.tick(100_000 + LIMITS.ack_s)
    assert kind(sender.next_pdu(100_003)) == "Eof"


def test_no_answer_suspends_with_a_name_and_loses_nothing():
    disk = Disk()
    link = Link(make_sender(DATA), make_receiver(disk), lambda pdu: [])
    for _ in range(200):
        link.step()
    assert link.sender.state is cfdp.SenderState.SUSPENDED
    assert link.sender.fault is cfdp.Condition.POSITIVE_ACK_LIMIT_REACHED
    link.fate = lambda pdu: [pdu]
    link.sender.resume(link.now_s)
    link.run()
    assert disk.kept == DATA


def test_a_receiver_without_repairs_suspends_with_a_name_and_wakes_up():
    disk = Disk()
    link = Link(make_sender(DATA), make_receiver(disk))
    dropped = []

    def fate(pdu):
        if kind(pdu) == "FileData" and pdus.decode(pdu)[1].offset == 0:
            dropped.append(pdu)
            return []
        return [pdu]

    link.fate = fate
    for _ in range(150):
        link.step()
    # The first copy and the answer to every NAK were lost.
    assert link.receiver.fault is cfdp.Condition.NAK_LIMIT_REACHED
    assert len(dropped) == 1 + LIMITS.tries
    assert cfdp.Event.SUSPENDED in link.events
    link.fate = lambda pdu: [pdu]
    link.sender.resume(link.now_s)
    link.run()
    assert disk.kept == DATA


def test_a_crashed_sender_asks_before_it_sends():
    # The checkpoint is old: more had left, and arrived, than it says.
    disk = Disk()
    link = Link(make_sender(DATA), make_receiver(disk))
    link.step()
    checkpoint = json.loads(json.dumps(link.sender.to_json()))
    link.step()
    link.step()
    arrived = link.receiver.received.total
    assert checkpoint["high_water"] < arrived

    link.sender = cfdp.Sender.from_json(
        checkpoint, lambda offset, count: DATA[offset : offset + count], limits=LIMITS
    )
    link.sender.resume(link.now_s)
    link.radiated.clear()
    link.run()

    assert disk.kept == DATA
    assert sum(len(one.data) for one in link.file_data()) == len(DATA) - arrived


def test_a_crashed_receiver_asks_for_what_it_did_not_save():
    disk = Disk()
    link = Link(make_sender(DATA), make_receiver(disk))
    link.step()
    journal = json.loads(json.dumps(link.receiver.to_json()))
    link.step()
    link.step()
    link.receiver = cfdp.Receiver.from_json(
        journal,
        disk.write,
        disk.checksum,
        disk.keep,
        now_s=link.now_s,
        most_bytes=1 << 20,
        limits=LIMITS,
    )
    link.run()
    assert disk.kept == DATA
    assert link.sender.sent_bytes == len(DATA) + 10 * SEGMENT_BYTES


def test_a_receiver_that_lost_its_memory_gets_the_file_again():
    disk = Disk()
    lossy = Link(make_sender(DATA), make_receiver(Disk()))
    lossy.fate = lambda pdu: [] if kind(pdu) == "Finished" else [pdu]
    for _ in range(10):
        lossy.step()
    assert lossy.sender.state is cfdp.SenderState.WAITING
    link = Link(lossy.sender, make_receiver(disk))
    link.now_s = lossy.now_s
    link.sender.freeze(link.now_s)
    link.sender.resume(link.now_s)
    link.run()
    assert disk.kept == DATA


def test_a_wrong_checksum_is_told_by_name():
    disk = Disk()
    link = Link(make_sender(DATA), make_receiver(disk))
    link.sender.checksum ^= 1
    link.run()
    assert disk.kept is None
    assert link.sender.state is cfdp.SenderState.FAILED
    assert link.sender.fault is cfdp.Condition.FILE_CHECKSUM_FAILURE
    assert cfdp.Event.FAILED in link.events


def test_a_store_that_refuses_is_told_by_name():
    def full(offset, data):
        raise OSError(28, "No space left on device")

    disk = Disk()
    disk.write = full
    link = Link(make_sender(DATA), make_receiver(disk))
    link.run()
    assert link.sender.fault is cfdp.Condition.FILESTORE_REJECTION


@pytest.mark.parametrize("metadata_first", [True, False])
def test_nothing_is_written_beyond_the_declared_size(metadata_first):
    disk = Disk()
    receiver = make_receiver(disk, most_bytes=5000)
    if metadata_first:
        receiver.receive(pdus.encode(TRANSACTION, pdus.Metadata(300, "", "x")), 0)
    bound = 300 if metadata_first else 5000
    beyond = pdus.encode_file_data(TRANSACTION, bound - 10, bytes(11))

    assert receiver.receive(beyond, 0) == [cfdp.Event.FAILED]
    assert receiver.condition is cfdp.Condition.FILE_SIZE_ERROR
    assert disk.bytes == b""


def test_a_file_that_is_too_big_is_refused_at_once():
    receiver = make_receiver(Disk(), most_bytes=5000)
    events = receiver.receive(pdus.encode(TRANSACTION, pdus.Metadata(5001, "", "x")), 0)
    assert events == [cfdp.Event.FAILED]
    assert receiver.condition is cfdp.Condition.FILE_SIZE_ERROR


def test_an_eof_is_acknowledged_in_every_state():
    disk = Disk()
    sender, receiver = make_sender(DATA), make_receiver(disk)
    *most, eof = sender.next_pdus(1000, 0)
    assert kind(eof) == "Eof"

    receiver.receive(eof, 0)  # before the metadata
    assert [kind(p) for p in receiver.pending_pdus()] == ["Ack(EOF)", "Nak"]
    for pdu in most[:-1]:
        receiver.receive(pdu, 0)
    receiver.receive(eof, 0)  # with a gap
    assert "Ack(EOF)" in [kind(p) for p in receiver.pending_pdus()]
    receiver.receive(most[-1], 0)
    assert [kind(p) for p in receiver.pending_pdus()] == ["Finished"]
    receiver.receive(eof, 0)  # finishing
    assert [kind(p) for p in receiver.pending_pdus()] == ["Ack(EOF)", "Finished"]
    receiver.receive(cfdp.acknowledge_finished(TRANSACTION, pdus.Finished()), 0)
    assert receiver.state is cfdp.ReceiverState.CLOSED
    receiver.receive(eof, 0)  # closed
    assert [kind(p) for p in receiver.pending_pdus()] == ["Ack(EOF)", "Finished"]
    answers = cfdp.answer_closed(eof, cfdp.Condition.NO_ERROR)  # forgotten
    assert [kind(p) for p in answers] == ["Ack(EOF)", "Finished"]


def test_finished_is_taken_while_the_ack_of_the_eof_is_missing():
    link, disk = fly(fate=lambda pdu: [] if kind(pdu) == "Ack(EOF)" else [pdu])
    assert disk.kept == DATA
    assert link.sender.state is cfdp.SenderState.FINISHED


def test_a_nak_with_many_gaps_is_paginated_and_understood():
    data = random.Random(1).randbytes(2000 * SEGMENT_BYTES)
    disk = Disk()
    sender, receiver = make_sender(data), make_receiver(disk, nak_pdu_bytes=200)
    sent = sender.next_pdus(10_000, 0)
    kept = [pdu for n, pdu in enumerate(sent) if n % 2 or kind(pdu) != "FileData"]
    receiver.receive_many(kept, 0)
    naks = [pdu for pdu in receiver.pending_pdus() if kind(pdu) == "Nak"]
    assert len(naks) > 40
    assert max(map(len, naks)) <= 200
    scopes = [(n.start, n.end) for n in (pdus.decode(pdu)[1] for pdu in naks)]
    assert scopes[0][0] == 0
    assert scopes[-1][1] == len(data)
    assert all(a[1] == b[0] for a, b in itertools.pairwise(scopes))

    for pdu in random.Random(2).sample(naks, len(naks)):
        sender.receive(pdu, 0)
    assert sender.acked == receiver.received
    receiver.receive_many(sender.next_pdus(10_000, 0), 0)
    assert disk.kept == data


def test_a_cancelled_transaction_ends_at_both_sides():
    disk = Disk()
    link = Link(make_sender(DATA), make_receiver(disk))
    link.step()
    link.sender.cancel(link.now_s)
    link.run()
    assert link.sender.state is cfdp.SenderState.CANCELLED
    assert link.receiver.condition is cfdp.Condition.CANCEL_REQUEST_RECEIVED
    assert disk.kept is None


def test_a_receiver_s_cancel_is_told_to_the_sender():
    link = Link(make_sender(DATA), make_receiver(Disk()))
    link.step()
    link.receiver.cancel(link.now_s)
    link.run()
    assert link.sender.state is cfdp.SenderState.FAILED
    assert link.sender.fault is cfdp.Condition.CANCEL_REQUEST_RECEIVED


def test_acknowledged_ranges_given_at_the_start_are_not_sent():
    disk = Disk()
    disk.write(0, DATA[:1000])
    sender = make_sender(DATA, acked=cfdp.Ranges([(0, 1000)]))
    receiver = make_receiver(disk)
    receiver.received.add(0, 1000)
    Link(sender, receiver).run()
    assert disk.kept == DATA
    assert sender.sent_bytes == len(DATA) - 1000


def test_large_files_have_offsets_of_eight_bytes():
    size = (1 << 32) + 250
    tail = random.Random(5).randbytes(250)
    written = {}
    sender = cfdp.Sender(
        TRANSACTION,
        "big",
        size,
        google_crc32c.value(b""),
        lambda offset, count: tail[offset - (1 << 32) :][:count],
        SEGMENT_BYTES,
        cfdp.Ranges([(0, 1 << 32)]),
    )
    receiver = cfdp.Receiver(
        TRANSACTION, written.__setitem__, lambda size, kind: 0, most_bytes=1 << 33
    )
    receiver.received.add(0, 1 << 32)
    Link(sender, receiver).run()
    assert b"".join(written[at] for at in sorted(written)) == tail
    assert min(written) == 1 << 32


def test_a_hundred_thousand_gaps_are_repaired_in_seconds():
    # Quadratic engines take a minute for a fifth of this.
    count = 200_000
    sender = cfdp.Sender(
        TRANSACTION, "gaps", count * 100, 0, lambda offset, n: bytes(n), 100, limits=LIMITS
    )
    receiver = cfdp.Receiver(
        TRANSACTION, lambda offset, data: None, lambda size, kind: 0, most_bytes=1 << 30
    )
    sent = sender.next_pdus(count + 10, 0)
    receiver.receive_many(sent[0::2], 0)
    receiver.receive_many(sent[-1:], 0)
    for pdu in receiver.pending_pdus():
        sender.receive(pdu, 0)
    receiver.receive_many(sender.next_pdus(count, 0), 0)
    assert receiver.complete


def test_a_repair_that_is_under_way_is_not_sent_again():
    sender = make_sender(DATA, limits=cfdp.Limits(repair_s=1.0))
    receiver = make_receiver(Disk())
    left = sender.next_pdus(99, 0.0)
    lost = next(pdu for pdu in left if pdus.file_bytes_of(pdu))
    receiver.receive_many([pdu for pdu in left if pdu is not lost], 0.0)
    asked = [pdu for pdu in receiver.pending_pdus() if kind(pdu) == "Nak"]

    for _ in range(2):  # the second is what a receiver asks whose timer is shorter than the queue
        sender.receive(asked[0], 0.1)
    assert sender.next_pdus(99, 0.1) == [lost]
    sender.receive(asked[0], 0.4)
    assert sender.next_pdus(99, 0.4) == []
    sender.receive(asked[0], 1.4)
    assert sender.next_pdus(99, 1.4) == [lost]


def test_what_was_repaired_before_the_end_and_is_missing_after_it_was_lost():
    sender = make_sender(DATA, limits=cfdp.Limits(repair_s=60.0))
    sender.next_pdus(4, 0.0)
    early = pdus.encode(TRANSACTION, pdus.Nak(0, 300, ((0, 100),)))
    sender.receive(early, 0.0)
    sender.next_pdus(99, 0.0)
    late = pdus.encode(TRANSACTION, pdus.Nak(0, len(DATA), ((0, 100),)))

    sender.receive(late, 0.1)

    assert [pdus.file_bytes_of(pdu) for pdu in sender.next_pdus(99, 0.1)] == [100]


def test_two_answers_to_two_prompts_over_a_slow_link_have_repairs_leave_once():
    # The first answer took 6 s, so that the sender asked again; both tell of the same gap.
    limits = cfdp.Limits(ack_s=5.0, repair_s=1.0)
    sender, receiver = make_sender(DATA, limits=limits), make_receiver(Disk())
    left = sender.next_pdus(20, 0.0)
    receiver.receive_many([*left[:5], *left[8:]], 0.0)
    sender.resume(1.0)
    prompts = sender.next_pdus(9, 1.0)
    sender.tick(6.5)
    prompts += sender.next_pdus(9, 6.5)
    receiver.receive_many(prompts, 6.6)
    first, second = receiver.pending_pdus()
    sender.receive(first, 7.0)
    repaired = sender.next_pdus(3, 7.0)
    sender.receive(second, 9.0)
    assert [pdus.file_bytes_of(pdu) for pdu in repaired] == [100] * 3
    assert not set(repaired) & set(sender.next_pdus(99, 9.0))


@pytest.mark.parametrize("seed", range(5))
def test_a_journal_of_changes_adds_up_to_the_state(seed):
    chance = random.Random(seed)
    receiver, journal = make_receiver(Disk()), []
    link = Link(make_sender(DATA), receiver, lambda pdu: [pdu] * (chance.random() > 0.2))
    for _ in range(60):
        link.step(3)
        if changes := receiver.changes():
            journal.append(json.loads(json.dumps(changes)))

    state = cfdp.merged(journal)

    assert cfdp.Ranges(state["received"]) == receiver.received
    whole = receiver.to_json()
    assert state | {"received": None} == json.loads(json.dumps(whole)) | {"received": None}
    assert receiver.changes() == {}
    assert len(journal) > 3
