"""A station that delivers bits: whatever pieces they come in and whatever the link does to them,
the packets are those that were sent, and the books say what it took."""

from datetime import timedelta

import numpy as np
import pytest

from telemetry.frames import bitstream, cadu, links, sync
from telemetry.models import FrameAccount, Packet, RawBatch, Reception, Rejected
from tests.factories import NOON
from tests.telemetry.downlink import Heard

CODING = links.STANDARD_CODING
LINK = links.read_coding(CODING)
pytestmark = pytest.mark.usefixtures("no_handlers")


@pytest.fixture
def heard(contact):
    return Heard(contact, CODING)


def units_of(frames):
    """Return the (n, unit_bytes) units in which frames travel."""
    data = np.frombuffer(b"".join(frames), np.uint8).reshape(len(frames), -1)
    return cadu.encode(LINK, data)


def shifted(units, bits=3):
    """Return the units as a stream that begins amid a byte, the last of it filled up."""
    return np.packbits(
        np.concatenate([np.ones(bits, np.uint8), np.unpackbits(units.ravel())])
    ).tobytes()


def packets_of(board, count):
    return [board.platform(at=NOON + timedelta(seconds=n)) for n in range(count)]


def stored():
    return {bytes(data) for data in Packet.objects.values_list("data", flat=True)}


@pytest.mark.parametrize("size", [1, 700, 1279, 5000])
def test_pieces_of_any_size_give_every_packet_once(size, board, heard):
    sent = packets_of(board, 12)
    stream = shifted(units_of(board.frames(sent, each=True))[:6])
    for start in range(0, len(stream), size):
        heard.store(stream[start : start + size], at=NOON + timedelta(milliseconds=start))
        if start % (40 * size) == 0:
            heard.decode()
    heard.decode()
    heard.receive(b"")  # nothing more comes

    assert stored() == set(sent[:6])
    reception = Reception.objects.get()
    assert (reception.frames, reception.frames_rejected, reception.frames_lost) == (6, 0, 0)
    assert (reception.skipped_bits, reception.relocks) == (3 + 5, 0)
    assert not RawBatch.objects.exclude(decoded=True).exists()


def test_the_last_unit_waits_for_a_marker_behind_it_or_for_the_end(board, heard):
    (frame,) = board.frames(packets_of(board, 1))
    heard.receive(units_of([frame]).tobytes())
    assert not stored()

    heard.receive(b"")

    assert len(stored()) == 1


def test_errors_are_corrected_and_counted_by_virtual_channel(board, heard):
    sent = packets_of(board, 4)
    units = units_of(board.frames(sent, each=True))
    for unit in units:
        unit[10:90] ^= 0x55  # 16 symbols in each of five codewords: all that the code corrects
    heard.store(units.tobytes())
    heard.receive(b"")

    assert stored() == set(sent)
    account = FrameAccount.objects.get()
    assert (account.used, account.rejected, account.corrected_symbols) == (4, 0, 4 * 80)
    assert Reception.objects.get().corrected_symbols == 4 * 80


def test_a_frame_that_cannot_be_corrected_is_rejected_with_the_reason_and_leaves_a_gap(
    board, heard
):
    sent = packets_of(board, 5)
    units = units_of(board.frames(sent, each=True))
    units[2, 10:100] ^= 0x55  # 18 symbols in each codeword
    heard.store(units.tobytes())
    heard.receive(b"")

    assert stored() == {*sent[:2], *sent[3:]}
    rejected = Rejected.objects.get()
    assert (rejected.kind, rejected.code) == ("frame", "uncorrectable codeword")
    assert len(rejected.data) == LINK.frame_bytes
    totals = Reception.totals(heard.contact)
    assert (totals["frames"], totals["frames_rejected"], totals["frames_lost"]) == (5, 1, 1)


@pytest.mark.parametrize("slip", [0, 2])
def test_a_slip_of_bits_costs_its_own_frame_alone(slip, board, heard):
    sent = packets_of(board, 6)
    units = units_of(board.frames(sent, each=True))
    counts = np.ones(units.size * 8, np.int64)
    counts[2 * LINK.search.unit_bits + 4000] = slip
    heard.store(np.packbits(np.repeat(np.unpackbits(units.ravel()), counts)).tobytes())
    heard.receive(b"")

    assert stored() == {*sent[:2], *sent[3:]}
    reception = Reception.objects.get()
    assert (reception.frames, reception.frames_rejected, reception.relocks) == (6, 1, 1)


def test_batches_decoded_together_know_when_each_frame_came(board, heard):
    sent = packets_of(board, 6)
    stream = units_of(board.frames(sent, each=True)).tobytes()
    unit = LINK.search.unit_bytes
    cuts = [0, unit + 100, 4 * unit + 200, 6 * unit]
    for n in range(3):
        heard.store(stream[cuts[n] : cuts[n + 1]], at=NOON + timedelta(seconds=n))
    assert heard.decode() == 3  # in one go

    seconds = [
        (received_ns // 10**9) - int(NOON.timestamp())
        for received_ns in Packet.objects.order_by("serial").values_list("received_ns", flat=True)
    ]
    assert seconds == [0, 1, 1, 1, 2, 2]


def test_a_station_that_begins_anew_amid_a_contact_goes_on_after_a_relock(board, heard):
    """Its numbers begin at 1 again. The unit that was cut is filled up from the one behind it, so
    that both are lost, and no other."""
    sent = packets_of(board, 8)
    units = units_of(board.frames(sent, each=True))
    heard.store(units[:4].tobytes() + units[4].tobytes()[:600])
    heard.decode()
    heard.number = 0
    heard.store(units[5:].tobytes(), at=NOON + timedelta(seconds=1))
    heard.receive(b"", now=NOON + timedelta(seconds=2))

    assert stored() == {*sent[:4], *sent[6:]}
    reception = Reception.objects.get()
    assert (reception.frames_rejected, reception.frames_lost) == (1, 2)
    assert (reception.skipped_bits, reception.relocks) == (8 * 600, 1)


def test_frames_and_bits_of_one_contact_are_told_apart(contact, board):
    sent = packets_of(board, 4)
    frames = board.frames(sent, each=True)
    Heard(contact).store(frames[:2])
    bits = Heard(contact, CODING)
    bits.number = 1
    bits.store(units_of(frames[2:]).tobytes())
    bits.receive(b"")

    assert stored() == set(sent)
    assert Reception.objects.get().frames == 4


def test_bits_of_a_coding_that_nobody_knows_are_set_aside_with_the_reason(contact, board):
    coding = {"randomiser": "tm", "reed_solomon": {"parity_bytes": 20, "interleave": 5}}
    Heard(contact, coding).receive(bytes(5000))

    (failure,) = RawBatch.objects.values_list("failure", flat=True)
    assert "BadLink" in failure
    assert "parity" in failure


def test_any_bits_whatever_leave_the_stream_where_one_search_would():
    """State kept as JSON between pieces changes nothing, noise and slips included."""
    random = np.random.default_rng(5)
    frames = random.integers(0, 256, (12, LINK.frame_bytes), np.uint8)
    units = cadu.encode(LINK, frames).ravel()
    bits = np.concatenate([random.integers(0, 2, 777, np.uint8), np.unpackbits(units)])
    bits = np.delete(bits, random.integers(0, len(bits), 4))
    bits ^= (random.random(len(bits)) < 0.002).astype(np.uint8)
    stream = np.packbits(bits).tobytes()
    whole = sync.Synchroniser(LINK.search)
    expected = [whole.feed(stream), whole.finish()]
    expected_bits = np.concatenate([units.at_bit for units in expected])

    state, ends, skipped = None, [], 0
    for start in range(0, len(stream), 333):
        decoder = bitstream.Decoder(LINK, state)
        taken = decoder.feed(stream[start : start + 333])
        ends += taken.end_bit.tolist()
        skipped += taken.skipped_bits
        state = decoder.to_json()
    last = bitstream.Decoder(LINK, state).finish()

    assert [*ends, *last.end_bit.tolist()] == (expected_bits + LINK.search.unit_bits).tolist()
    assert skipped + last.skipped_bits == sum(units.skipped_bits for units in expected)
