"""What the standard has besides the plain transfer: classes, checksums, faults, asking, widths."""

import binascii
import json
import random
import struct

import pytest
from spacepackets.cfdp import ChecksumType
from spacepackets.cfdp import defs as oracle
from spacepackets.cfdp.pdu import EofPdu, FileDataPdu, MetadataParams, MetadataPdu
from spacepackets.cfdp.pdu.file_data import FileDataParams, RecordContinuationState, SegmentMetadata
from spacepackets.cfdp.tlv import (
    EntityIdTlv,
    FaultHandlerOverrideTlv,
    FilestoreActionCode,
    FileStoreRequestTlv,
    FlowLabelTlv,
    MessageToUserTlv,
)
from spacepackets.util import ByteFieldU16

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
from tests.uplink.transfers.cfdp.test_pdu import TRANSACTION as THEIRS
from tests.uplink.transfers.cfdp.test_pdu import conf
from uplink.transfers import cfdp
from uplink.transfers.cfdp import pdu as pdus
from uplink.transfers.cfdp.faults import Handlers

DATA = random.Random(8).randbytes(20 * SEGMENT_BYTES + 3)
CLASS_1 = pdus.Form(acknowledged=False)


def words(data):
    """The modular checksum as the standard draws it: columns of four bytes, summed."""
    padded = data + bytes(-len(data) % 4)
    return sum(struct.unpack(f">{len(padded) // 4}I", padded)) & 0xFFFFFFFF


# --- checksums ---


@pytest.mark.parametrize("checksum", list(cfdp.Checksum))
def test_a_file_is_checked_by_every_checksum_that_the_registry_names(checksum):
    disk = Disk()
    value = cfdp.checksum_of(checksum, lambda at, n: DATA[at : at + n], len(DATA))
    sender = make_sender(DATA, checksum=value, checksum_type=checksum)
    link = Link(sender, make_receiver(disk))
    link.run()
    assert disk.kept == DATA

    wrong = make_sender(DATA, checksum=value ^ 1, checksum_type=checksum)
    link = Link(wrong, make_receiver(Disk()))
    link.run()
    null = checksum is cfdp.Checksum.NULL
    assert wrong.fault is (None if null else cfdp.Condition.FILE_CHECKSUM_FAILURE)


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 5, 1 << 20, (1 << 20) + 7, (3 << 20) + 2])
def test_checksums_of_pieces_are_those_of_the_whole(size):
    data = random.Random(size).randbytes(size)

    def of(kind):
        return cfdp.checksum_of(kind, lambda at, n: data[at : at + n], size)

    assert of(cfdp.Checksum.MODULAR) == words(data)
    assert of(cfdp.Checksum.CRC32) == binascii.crc32(data)
    assert of(cfdp.Checksum.NULL) == 0


def test_a_checksum_of_a_file_that_is_shorter_is_an_error_and_of_no_known_kind_too():
    with pytest.raises(OSError, match="3 bytes are there at 0"):
        cfdp.checksum_of(cfdp.Checksum.CRC32C, lambda at, n: b"abc", 4)
    with pytest.raises(ValueError, match="7"):
        cfdp.checksum_of(7, lambda at, n: b"", 0)


def test_a_checksum_of_an_unknown_kind_is_refused_by_name():
    link = Link(make_sender(DATA, checksum_type=5), make_receiver(Disk()))
    link.run()
    assert link.sender.fault is cfdp.Condition.UNSUPPORTED_CHECKSUM_TYPE


# --- widths, CRC, size ---


@pytest.mark.parametrize("crc", [False, True])
@pytest.mark.parametrize(
    "transaction",
    [
        cfdp.TransactionId(1, 2, 3),
        cfdp.TransactionId(0xFFFF, 0x10000, 0xFFFFFFFF),
        cfdp.TransactionId(1, 2, 1 << 32),
        cfdp.TransactionId((1 << 64) - 1, 1 << 40, (1 << 64) - 1),
    ],
)
def test_ids_and_numbers_have_the_width_they_need(transaction, crc):
    disk = Disk()
    form = cfdp.Form.for_transaction(transaction, crc=crc)
    sender = cfdp.Sender(
        transaction, "x", len(DATA), 0, lambda at, n: DATA[at : at + n], 100,
        form=form, checksum_type=cfdp.Checksum.NULL,
    )  # fmt: skip
    receiver = cfdp.Receiver(transaction, disk.write, disk.checksum, disk.keep, most_bytes=1 << 20)
    lost = iter([False, False, True])
    link = Link(sender, receiver, lambda pdu: [] if next(lost, False) else [pdu])
    link.run()

    assert disk.kept == DATA
    heads = [pdus.decode_head(pdu) for pdu in link.radiated]
    assert {(head.transaction, head.form) for head in heads} == {(transaction, form)}
    assert sum(map(pdus.file_bytes_of, link.radiated)) == len(DATA) + 100
    again = cfdp.Sender.from_json(json.loads(json.dumps(sender.to_json())), lambda at, n: b"")
    assert (again.form, again.checksum_type) == (form, cfdp.Checksum.NULL)


@pytest.mark.parametrize("entity", range(1, 9))
@pytest.mark.parametrize("number", [1, 3, 8])
def test_answers_have_the_widths_of_what_they_answer(entity, number):
    form = pdus.Form(entity, number, crc=True)
    transaction = cfdp.TransactionId(1, 2, 3)
    receiver = cfdp.Receiver(transaction, lambda at, data: None, lambda *_: 0, most_bytes=10)
    for directive in (pdus.Eof(0, 10), pdus.Prompt(pdus.Response.KEEP_ALIVE)):
        receiver.receive(pdus.encode(transaction, directive, form=form), 0)
    answers = receiver.pending_pdus()
    assert [kind(pdu) for pdu in answers] == ["Ack(EOF)", "Nak", "KeepAlive"]
    assert {pdus.decode_head(pdu).form for pdu in answers} == {form}
    closed = cfdp.answer_closed(
        pdus.encode(transaction, pdus.Eof(0, 10), form=form), cfdp.Condition.NO_ERROR
    )
    assert {pdus.decode_head(pdu).form for pdu in closed} == {form}


def test_ids_beyond_eight_bytes_are_refused():
    with pytest.raises(ValueError, match="from 0 to 2"):
        cfdp.Form.for_transaction(cfdp.TransactionId(1, 2, 1 << 64))


def test_a_file_without_a_declared_size_ends_where_its_eof_says():
    disk = Disk()
    receiver = make_receiver(disk)
    receiver.receive(pdus.encode(TRANSACTION, pdus.Metadata(0, "", "x")), 0)
    receiver.receive(pdus.encode_file_data(TRANSACTION, 0, b"abcd"), 0)
    receiver.receive(pdus.encode(TRANSACTION, pdus.Eof(disk.checksum(4, 2), 4)), 0)
    assert disk.kept == b"abcd"


# --- asking ---


def test_immediate_naks_come_before_the_end_and_deferred_ones_after_it():
    asked = {}
    for immediate in (False, True):
        receiver = make_receiver(Disk(), immediate=immediate)
        *data, eof = make_sender(DATA).next_pdus(99, 0)
        receiver.receive_many([*data[:3], *data[5:]], 0)
        asked[immediate] = [kind(pdu) for pdu in receiver.pending_pdus()]
        receiver.receive(eof, 0)
        assert [kind(pdu) for pdu in receiver.pending_pdus()] == ["Ack(EOF)", "Nak"]
    assert asked == {False: [], True: ["Nak"]}


def test_a_prompt_and_an_owner_both_get_what_is_missing_so_far():
    receiver = make_receiver(Disk())
    data = make_sender(DATA).next_pdus(99, 0)[:-1]
    receiver.receive_many([*data[:3], *data[5:9]], 0)
    receiver.receive(pdus.encode(TRANSACTION, pdus.Prompt(pdus.Response.NAK)), 0)
    receiver.ask(0)
    prompted, asynchronous = (pdus.decode(pdu)[1] for pdu in receiver.pending_pdus())
    assert prompted == asynchronous == pdus.Nak(0, 800, ((200, 400),))


def test_a_sender_asks_during_a_long_file_and_what_arrived_is_confirmed():
    limits = cfdp.Limits(ack_s=9, nak_s=9, inactivity_s=90, prompt_s=1.0)
    disk = Disk()
    link = Link(make_sender(DATA, limits=limits), make_receiver(disk))
    for _ in range(12):
        link.step(1)
    assert [kind(pdu) for pdu in link.radiated].count("Prompt") == 1
    assert link.sender.acked.total >= 900
    link.run()
    assert disk.kept == DATA
    assert link.sender.sent_bytes == len(DATA)


def test_keep_alives_tell_progress_and_a_receiver_too_far_behind_is_a_fault():
    alive = cfdp.Limits(ack_s=2, nak_s=2, inactivity_s=20, keep_alive_s=0.5, keep_alive_bytes=700)
    disk = Disk()
    link = Link(make_sender(DATA, limits=alive), make_receiver(disk, limits=alive))
    for _ in range(6):
        link.step(1)
    assert 0 < link.sender.keep_alive <= link.sender.high_water
    link.fate = lambda pdu: [] if kind(pdu) == "FileData" else [pdu]
    for _ in range(14):
        link.step(1)
    assert link.sender.state is cfdp.SenderState.SUSPENDED
    assert link.sender.fault is cfdp.Condition.KEEP_ALIVE_LIMIT_REACHED
    link.fate = lambda pdu: [pdu]
    link.sender.resume(link.now_s)
    link.run()
    assert disk.kept == DATA


# --- suspend, cancel, abandon ---


def test_a_suspended_receiver_asks_for_nothing_takes_what_comes_and_goes_on():
    disk = Disk()
    receiver = make_receiver(disk)
    data = make_sender(DATA).next_pdus(99, 0)
    receiver.receive_many(data[:4], 0)
    assert receiver.suspend() == [cfdp.Event.SUSPENDED]
    receiver.receive_many([*data[5:-1], data[-1]], 0)
    asleep = [kind(pdu) for pdu in receiver.pending_pdus()]
    for now_s in range(1, 100):
        assert receiver.tick(now_s) == []
    assert asleep == ["Ack(EOF)"]
    assert receiver.pending_pdus() == []

    state = json.loads(json.dumps(receiver.to_json()))
    options = {"now_s": 100, "most_bytes": 1 << 20, "limits": LIMITS}
    awake = cfdp.Receiver.from_json(state, disk.write, disk.checksum, disk.keep, **options)
    assert awake.fault is cfdp.Condition.SUSPEND_REQUEST_RECEIVED
    awake.resume(100)
    assert [kind(pdu) for pdu in awake.pending_pdus()] == ["Nak"]
    awake.receive(data[4], 100)
    assert disk.kept == DATA


def test_a_suspended_sender_is_silent_and_goes_on():
    disk = Disk()
    link = Link(make_sender(DATA), make_receiver(disk))
    link.step()
    link.sender.suspend()
    for _ in range(50):
        link.step()
    assert len(link.radiated) == 5
    link.sender.resume(link.now_s)
    link.run()
    assert disk.kept == DATA
    assert link.sender.sent_bytes == len(DATA)


def test_a_sender_that_cancels_tells_the_receiver_and_is_told_that_it_knows():
    link = Link(make_sender(DATA), make_receiver(Disk()))
    link.step()
    link.sender.cancel(link.now_s)
    link.run()

    assert link.sender.state is cfdp.SenderState.CANCELLED
    assert link.receiver.condition is cfdp.Condition.CANCEL_REQUEST_RECEIVED
    assert cfdp.Event.FAILED in link.events
    eof = next(pdus.decode(p)[1] for p in link.radiated if kind(p) == "Eof")
    told = cfdp.Condition.CANCEL_REQUEST_RECEIVED, TRANSACTION.source
    assert (eof.condition, eof.fault_entity) == told


def test_a_receiver_that_cancels_tells_the_sender():
    link = Link(make_sender(DATA), make_receiver(Disk()))
    link.step()
    link.events += link.receiver.cancel(link.now_s)
    link.run()
    assert link.sender.state is cfdp.SenderState.FAILED
    assert link.sender.fault is cfdp.Condition.CANCEL_REQUEST_RECEIVED


def test_a_cancelled_receiver_does_not_wait_for_ever():
    receiver = make_receiver(Disk())
    receiver.cancel(0)
    for now_s in range(0, 100, 2):
        receiver.tick(now_s)
    assert receiver.state is cfdp.ReceiverState.CLOSED
    assert len(receiver.pending_pdus()) == LIMITS.tries


HANDLED = {
    cfdp.Handler.SUSPEND: (cfdp.SenderState.SUSPENDED, []),
    cfdp.Handler.CANCEL: (cfdp.SenderState.CANCELLED, ["Eof"] * LIMITS.tries),
    cfdp.Handler.ABANDON: (cfdp.SenderState.ABANDONED, []),
    cfdp.Handler.IGNORE: (cfdp.SenderState.WAITING, None),
}


@pytest.mark.parametrize("handler", list(cfdp.Handler))
def test_a_senders_limit_is_handled_as_it_was_told(handler):
    limit = cfdp.Condition.POSITIVE_ACK_LIMIT_REACHED
    sender = make_sender(b"", handlers={limit: handler})
    sender.next_pdus(99, 0)
    after = []
    for step in range(60):
        sender.tick(step)
        left = sender.next_pdus(99, step)
        after += left if sender.fault else []
    state, told = HANDLED[handler]
    assert sender.state is state
    assert sender.fault is (None if handler is cfdp.Handler.IGNORE else limit)
    if told is not None:
        assert [kind(pdu) for pdu in after] == told
    if told:
        assert pdus.decode(after[0])[1].condition == limit


@pytest.mark.parametrize("handler", list(cfdp.Handler))
def test_a_receivers_limit_is_handled_as_it_was_told(handler):
    limit = cfdp.Condition.NAK_LIMIT_REACHED
    receiver = make_receiver(Disk(), handlers={limit: handler})
    receiver.receive(make_sender(DATA).next_pdus(99, 0)[-1], 0)
    events = [event for now_s in range(11) for event in receiver.tick(now_s)]
    expected = {
        cfdp.Handler.SUSPEND: [cfdp.Event.SUSPENDED],
        cfdp.Handler.CANCEL: [cfdp.Event.FAILED],
        cfdp.Handler.ABANDON: [cfdp.Event.FAILED, cfdp.Event.CLOSED],
        cfdp.Handler.IGNORE: [cfdp.Event.IGNORED],
    }
    assert events == expected[handler]
    named = receiver.fault or receiver.ignored or receiver.condition
    assert named is limit


@pytest.mark.parametrize("handler", list(cfdp.Handler))
def test_a_wrong_checksum_is_handled_as_it_was_told(handler):
    failure = cfdp.Condition.FILE_CHECKSUM_FAILURE
    disk = Disk()
    receiver = make_receiver(disk, handlers={failure: handler})
    *data, eof = make_sender(DATA, checksum=1).next_pdus(99, 0)
    receiver.receive_many([*data, eof], 0)
    finished = [pdus.decode(p)[1] for p in receiver.pending_pdus() if kind(p) == "Finished"]
    if handler is cfdp.Handler.IGNORE:
        assert disk.kept == DATA
        assert finished == [pdus.Finished(failure, fault_entity=TRANSACTION.destination)]
        return
    assert disk.kept is None
    assert [one.condition for one in finished] == [failure] * (handler is cfdp.Handler.CANCEL)


# --- class 1 ---


def class_1(*directives):
    return [pdus.encode(TRANSACTION, one, form=CLASS_1) for one in directives]


def file_data(*places):
    return [
        pdus.encode_file_data(TRANSACTION, at, DATA[at : at + 100], form=CLASS_1) for at in places
    ]


@pytest.mark.parametrize("closure", [False, True])
def test_an_unacknowledged_file_is_taken_without_a_word_unless_one_is_asked_for(closure):
    disk = Disk()
    receiver = make_receiver(disk)
    metadata = pdus.Metadata(500, "", "x", cfdp.Checksum.NULL, closure=closure)
    events = receiver.receive_many(class_1(metadata) + file_data(0, 100, 200, 400), 0)
    events += receiver.receive_many(class_1(pdus.Eof(0, 500)), 0)
    assert disk.kept is None
    events += receiver.receive_many(file_data(300), 1)  # late, after the end

    assert disk.kept == DATA[:500]
    assert events == [cfdp.Event.METADATA, cfdp.Event.KEPT, cfdp.Event.CLOSED]
    answers = receiver.pending_pdus()
    assert [kind(pdu) for pdu in answers] == ["Finished"] * closure
    assert all(not pdus.decode_head(pdu).form.acknowledged for pdu in answers)
    assert cfdp.answer_closed(class_1(pdus.Eof(0, 500))[0], cfdp.Condition.NO_ERROR) == []


def test_an_unacknowledged_file_that_stays_incomplete_is_given_up_by_name():
    receiver = make_receiver(Disk())
    receiver.receive_many(class_1(pdus.Metadata(500, "", "x"), pdus.Eof(0, 500)), 0)
    events = [event for now_s in range(60) for event in receiver.tick(now_s)]
    assert events == [cfdp.Event.FAILED, cfdp.Event.CLOSED]
    assert receiver.condition is cfdp.Condition.CHECK_LIMIT_REACHED
    assert receiver.pending_pdus() == []


def test_an_unacknowledged_file_may_be_waited_for_as_long_as_the_owner_likes():
    ignores = {cfdp.Condition.CHECK_LIMIT_REACHED: cfdp.Handler.IGNORE}
    disk = Disk()
    receiver = make_receiver(disk, handlers=ignores)
    metadata = pdus.Metadata(100, "", "x", cfdp.Checksum.NULL)
    receiver.receive_many(class_1(metadata, pdus.Eof(0, 100)), 0)
    events = [event for now_s in range(60) for event in receiver.tick(now_s)]
    assert events == [cfdp.Event.IGNORED] * 2
    receiver.receive_many(file_data(0), 60)
    assert disk.kept == DATA[:100]


def test_a_transaction_cannot_change_its_class():
    receiver = make_receiver(Disk())
    receiver.receive_many(class_1(pdus.Metadata(500, "", "x")), 0)
    with pytest.raises(cfdp.Malformed, match="class"):
        receiver.receive(pdus.encode(TRANSACTION, pdus.Eof(0, 500)), 0)


# --- options ---


def metadata_with(*options):
    params = MetadataParams(False, ChecksumType.CRC_32C, 400, "a", "b")
    return bytes(MetadataPdu(conf(), params, list(options)).pack())


def their_receiver():
    return cfdp.Receiver(THEIRS, lambda at, data: None, lambda *_: 0, most_bytes=1 << 20)


def test_options_of_another_implementation_are_read():
    _, metadata = pdus.decode(
        metadata_with(MessageToUserTlv(b"hello"), FlowLabelTlv(b"\x07"), EntityIdTlv(b"\x00\x05"))
    )
    assert metadata == pdus.Metadata(
        400, "a", "b", options=(
            (pdus.Tlv.MESSAGE_TO_USER, b"hello"),
            (pdus.Tlv.FLOW_LABEL, b"\x07"),
            (pdus.Tlv.ENTITY_ID, b"\x00\x05"),
        ),
    )  # fmt: skip
    assert pdus.encode(THEIRS, metadata) == metadata_with(
        MessageToUserTlv(b"hello"), FlowLabelTlv(b"\x07"), EntityIdTlv(b"\x00\x05")
    )


def test_messages_are_for_the_owner_and_outlive_a_crash():
    receiver = their_receiver()
    receiver.receive(metadata_with(MessageToUserTlv(b"hello")), 0)
    state = json.loads(json.dumps(receiver.to_json()))
    again = cfdp.Receiver.from_json(state, None, None, now_s=0, most_bytes=1 << 20)
    assert again.metadata == receiver.metadata
    assert again.metadata.options == ((pdus.Tlv.MESSAGE_TO_USER, b"hello"),)


def test_a_filestore_request_is_refused_and_nothing_of_it_done():
    receiver = their_receiver()
    wish = FileStoreRequestTlv(FilestoreActionCode.DELETE_FILE_SNN, "weights")
    assert receiver.receive(metadata_with(wish), 0) == [cfdp.Event.FAILED]
    assert receiver.condition is cfdp.Condition.FILESTORE_REJECTION


def test_a_sender_chooses_what_becomes_of_a_limit_but_not_that_a_wrong_file_is_taken():
    code = oracle.ConditionCode
    handlers = Handlers()
    pdu = metadata_with(
        FaultHandlerOverrideTlv(
            code.NAK_LIMIT_REACHED, oracle.FaultHandlerCode.ABANDON_TRANSACTION
        ),
        FaultHandlerOverrideTlv(code.FILE_CHECKSUM_FAILURE, oracle.FaultHandlerCode.IGNORE_ERROR),
    )
    handlers.override(pdus.decode(pdu)[1].options)
    assert handlers[cfdp.Condition.NAK_LIMIT_REACHED] is cfdp.Handler.ABANDON
    assert handlers[cfdp.Condition.FILE_CHECKSUM_FAILURE] is cfdp.Handler.CANCEL


def test_segment_metadata_and_record_boundaries_are_passed_over():
    about = SegmentMetadata(RecordContinuationState.START_AND_END, b"record 5")
    theirs = bytearray(FileDataPdu(conf(), FileDataParams(b"weights", 123, about)).pack())
    theirs[3] |= 0x80  # boundaries respected
    assert pdus.decode(bytes(theirs))[1] == pdus.FileData(123, b"weights")


def test_a_cancel_has_the_bytes_of_another_implementation():
    theirs = EofPdu(
        conf(), 7, 300, EntityIdTlv(ByteFieldU16(1).as_bytes),
        oracle.ConditionCode.CANCEL_REQUEST_RECEIVED,
    ).pack()  # fmt: skip
    ours = pdus.Eof(7, 300, cfdp.Condition.CANCEL_REQUEST_RECEIVED, fault_entity=1)
    assert pdus.encode(THEIRS, ours) == bytes(theirs)
    assert pdus.decode(bytes(theirs))[1] == ours


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"\x07\x02\x00\x00\x00\x05\x01a\x01b\x03\x01x", "3 is not a valid Tlv"),
        (b"\x07\x02\x00\x00\x00\x05\x01a\x01b\x02\x09x", "9 bytes were expected"),
        (b"\x07\x02\x00\x00\x00\x05\x09a", "9 bytes were expected"),
        (b"\x07\x02\x00\x00\x00\x05\x01\xff\x00", "utf-8"),
        (b"\x08" + struct.pack(">IIII", 0, 9, 7, 3), "ends at 3 before 7"),
        (b"\x08" + bytes(12), "whole ranges"),
        (b"\x06\x70\x00", "never acknowledged"),
        (b"\x0a", "10 is not a valid Code"),
        (b"", "cannot be read"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(body, says):
    head = pdus.header(TRANSACTION, len(body), towards=0, file_data=False, large=False)
    with pytest.raises(cfdp.Malformed, match=says):
        pdus.decode(head + body)
    told = []
    make_receiver(Disk()).receive_many([head + body], 0, malformed=told.append)
    assert len(told) == 1
