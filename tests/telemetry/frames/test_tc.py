"""TC frames and the CLCW, against foreign bytes and the drawings of the standard."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.frames import clcw, tc
from telemetry.packets import space
from tests.telemetry import REFERENCE


def test_foreign_frames_are_read_and_written_alike():
    lines = (REFERENCE / "frames" / "dumpFile_tc_plain_1.hex").read_text().split()
    frames = [tc.decode(bytes.fromhex(line), has_fecf=False) for line in lines]

    assert [frame.number for frame in frames] == list(range(10))
    assert {(frame.spacecraft, frame.channel) for frame in frames} == {(123, 0)}
    # Behind the segment header (0xC0 + n) stands a telecommand packet of APID 300.
    assert {space.decode_header(frame.data, 1).apid for frame in frames} == {300}
    for frame, line in zip(frames, lines, strict=True):
        assert tc.encode(frame, has_fecf=False) == bytes.fromhex(line)


@given(
    frame=st.builds(
        tc.Frame,
        spacecraft=st.integers(0, 1023),
        channel=st.integers(0, 63),
        number=st.integers(0, 255),
        data=st.binary(min_size=1, max_size=1017),
        is_bypass=st.booleans(),
        is_control=st.booleans(),
    ),
    fill=st.binary(max_size=8),
)
def test_what_is_encoded_is_decoded(frame, fill):
    assert tc.decode(tc.encode(frame) + fill) == frame


@given(st.binary(min_size=1, max_size=40), st.integers(0))
def test_a_flipped_bit_is_refused(data, bit):
    encoded = bytearray(tc.encode(tc.Frame(1, 0, 0, data)))
    bit %= len(encoded) * 8
    encoded[bit // 8] ^= 1 << bit % 8
    with pytest.raises(tc.BadFrame):
        tc.decode(bytes(encoded))


@given(st.binary(max_size=64))
def test_noise_is_refused(noise):
    try:
        tc.decode(noise)
    except tc.BadFrame:
        return
    assert len(noise) > 7


def test_a_frame_too_long_is_refused():
    with pytest.raises(ValueError, match="1018 bytes"):
        tc.encode(tc.Frame(1, 0, 0, bytes(1018)))


def test_the_clcw_has_the_bits_of_the_standard():
    # 0 00 101 01 | 000110 00 | 1 0 1 0 1 10 0 | 11001000, from 232.0-B-4 figure 4-6.
    word = clcw.Clcw(
        channel=6,
        following=200,
        type_b_frames=6,
        has_no_signal=True,
        is_locked_out=True,
        wants_retransmission=True,
        status=5,
    )
    assert word.encode() == bytes([0b00010101, 0b00011000, 0b10101100, 0b11001000])


@given(
    st.builds(
        clcw.Clcw,
        channel=st.integers(0, 63),
        following=st.integers(0, 255),
        type_b_frames=st.integers(0, 3),
        has_no_signal=st.booleans(),
        has_no_bit_lock=st.booleans(),
        is_locked_out=st.booleans(),
        is_waiting=st.booleans(),
        wants_retransmission=st.booleans(),
        status=st.integers(0, 7),
        cop=st.integers(0, 3),
    )
)
def test_the_clcw_comes_back(word):
    assert clcw.decode(word.encode()) == word
    assert clcw.decode(int.from_bytes(word.encode())) == word


def test_something_else_is_no_clcw():
    with pytest.raises(ValueError, match="no CLCW"):
        clcw.decode(0x80000000)


@given(
    units=st.lists(st.tuples(st.integers(0, 63), st.binary(min_size=1, max_size=99)), max_size=5),
    most=st.integers(2, 40),
)
def test_segmented_units_come_back(units, most):
    joiner = tc.Joiner()
    parts = [part for map_id, unit in units for part in tc.segments(unit, map_id, most=most)]
    assert all(len(part) <= most for part in parts)
    assert joiner.feed(parts) == units
    assert not joiner.dropped


def test_segments_of_several_access_points_take_turns():
    one, two = tc.segments(b"abcdef", 1, most=3), tc.segments(b"uvwxyz", 2, most=3)
    mixed = [part for pair in zip(one, two, strict=True) for part in pair]
    assert tc.Joiner().feed(mixed) == [(1, b"abcdef"), (2, b"uvwxyz")]


@given(st.lists(st.binary(max_size=9), max_size=20))
def test_segments_that_make_no_sense_are_counted(noise):
    joiner = tc.Joiner(longest_bytes=20)
    units = joiner.feed(noise)
    assert len(units) + joiner.dropped.total() <= len(noise)
    assert all(len(unit) <= 20 for _, unit in units)


def test_what_segments_lack_is_named():
    joiner = tc.Joiner()
    joiner.feed([b"\x81end", b"\x41begin", b"\x41begin", b"\xc1"])
    assert joiner.dropped == {
        "continues no unit": 1,
        "cut by the next unit": 1,
        "segment without data": 1,
    }


def test_several_frames_in_a_unit_are_read_and_fill_is_not():
    frames = [tc.Frame(5, 0, number, b"data") for number in range(3)]
    data = b"".join(map(tc.encode, frames))
    assert tc.decode_all(data + b"\x55" * 6) == frames
    with pytest.raises(tc.BadFrame):
        tc.decode_all(b"\x55" * 6)


def test_other_control_fields_are_told_apart():
    report = clcw.read(bytes([0b11001010, 0x12, 0x34, 0x56]))
    assert report == clcw.SecurityReport(
        is_alarm=True,
        has_bad_number=False,
        has_bad_code=True,
        has_bad_association=False,
        association=0x1234,
        number=0x56,
    )
    assert clcw.read(bytes(4)) == clcw.Clcw(cop=0)
    assert clcw.read(0xFFFFFFFF) == clcw.Other(0xFFFFFFFF)
    assert clcw.read(0x20000000) == clcw.Other(0x20000000)
