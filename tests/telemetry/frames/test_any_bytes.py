"""Whatever the bytes: every decoder gives values or named faults, and nothing else."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.frames import aos, clcw, cltu, links, reassembly, receiver, tc, tm, uslp
from telemetry.frames.batch import Service
from telemetry.packets import encapsulation

LINKS = {
    "aos": {"frames": "aos", "frame_bytes": 24, "ocf": True, "fecf": False, "insert_bytes": 2},
    "aos checked": {
        "frames": "aos",
        "frame_bytes": 16,
        "ocf": False,
        "fecf": True,
        "header_check": True,
        "services": {str(n): kind for n, kind in enumerate(["bits", "units", "idle"])},
    },
    "tm": {"frames": "tm", "frame_bytes": 20, "fecf": False, "extended_count": True},
    "uslp": {"frames": "uslp", "fecf_bytes": 0, "truncated_bytes": 9},
    "uslp checked": {"frames": "uslp", "frame_bytes": 30, "fecf_bytes": 4, "insert_bytes": 3},
    "coded": {
        "frames": "tm",
        "frame_bytes": 20,
        "fecf": False,
        "coding": {
            "randomiser": "tm-long",
            "reed_solomon": {"parity_bytes": 16, "interleave": 2, "fill_bytes": 229},
        },
    },
}
USLP_HEADERS = st.builds(
    lambda word, flags, rest: (0xC0000000 | word & 0x0FFFFFFF).to_bytes(4) + flags + rest,
    st.integers(0, 2**32 - 1),
    st.binary(min_size=3, max_size=3).map(lambda flags: b"\x00" + flags[:2]),
    st.binary(max_size=30),
)
anything = st.one_of(
    st.binary(max_size=300),
    st.lists(USLP_HEADERS, max_size=5).map(b"".join),
    st.lists(st.sampled_from([b"\x1a\xcf\xfc\x1d", bytes(9), b"\xff" * 40, b"\xe3" * 9])).map(
        b"".join
    ),
)


@pytest.mark.parametrize("name", LINKS)
@given(pieces=st.lists(anything, max_size=4))
def test_every_frame_is_usable_or_has_a_named_fault(name, pieces):
    reading = receiver.Receiver(links.read(LINKS[name]))
    harvests = [harvest for piece in pieces for harvest in reading.feed(piece)] + reading.finish()

    account = reading.account
    assert account.usable_frames + account.faults.total() == account.frames
    assert sum(account.channels.values()) == account.usable_frames
    for harvest in harvests:
        assert all(packet.data for packet in harvest.packets)
        assert all(unit.bits <= 8 * len(unit.data) for unit in harvest.units)


@given(st.binary(max_size=200))
def test_faults_that_nobody_asked_for_change_no_promise(data):
    # Fed without its faults, a batch is still survived.
    for layout, decode in [
        (tm.Layout(20, has_fecf=True), tm.decode),
        (aos.Layout(20, has_ocf=True, has_fecf=True, services={1: Service.UNITS}), aos.decode),
        (uslp.Layout(20), uslp.decode),
    ]:
        whole = data[: len(data) // 20 * 20]
        harvest = reassembly.Reassembler().feed(decode(layout, whole))
        assert sum(len(packet.data) for packet in harvest.packets) <= len(whole)


@given(st.binary(max_size=60))
def test_what_goes_up_is_read_or_refused_by_its_own_error(data):
    for decode, refusal in [
        (tc.decode, tc.BadFrame),
        (tc.decode_all, tc.BadFrame),
        (encapsulation.decode, encapsulation.BadPacket),
    ]:
        with contextlib.suppress(refusal):
            decode(data)
    cltu.decode(data)
    if len(data) >= 4:
        assert clcw.read(data[:4]) is not None


def test_streams_made_to_lose_every_lock_cost_no_more_than_their_length():
    # A marker pair, then nothing: taken up and lost a thousand times. Were each loss to look at all
    # that follows, this would take minutes.
    link = links.read(LINKS["coded"])
    unit = bytes.fromhex("1acffc1d").ljust(link.coding.search.unit_bytes, b"\0")
    reading = receiver.Receiver(link)
    reading.feed((unit * 2 + bytes(61)) * 1000)
    reading.finish()
    assert reading.account.frames >= 1000
