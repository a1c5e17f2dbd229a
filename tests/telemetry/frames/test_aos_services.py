"""AOS frames of other missions: header checks, insert zones, units and streams."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.frames import aos, headercheck, reassembly
from telemetry.frames.batch import BadLayout, Service

CHECKED = aos.Layout(60, has_ocf=False, has_fecf=False, has_header_check=True, insert_bytes=5)


def times(a, b):
    """A product in the field of 16 elements, by schoolbook multiplication and division."""
    product = 0
    for place in range(4):
        product ^= (a << place) * (b >> place & 1)
    for place in (6, 5, 4):
        product ^= (0b10011 << place - 4) * (product >> place & 1)
    return product


def value_at(symbols, exponent):
    """The value of a polynomial, the highest power first, at alpha to the exponent."""
    root = 1
    for _ in range(exponent):
        root = times(root, 2)
    total = 0
    for symbol in symbols:
        total = times(total, root) ^ symbol
    return total


@given(st.integers(0, (1 << 24) - 1))
def test_the_header_check_is_zero_at_the_roots_of_the_standard(data):
    check = int(headercheck.check(np.array([data]))[0])
    symbols = [int(digit, 16) for digit in f"{data:06x}{check:04x}"]
    assert [value_at(symbols, exponent) for exponent in (6, 7, 8, 9)] == [0, 0, 0, 0]


def checked_frame(spacecraft=0xA5, channel=7):
    return aos.encode(
        CHECKED,
        spacecraft=spacecraft,
        channel=channel,
        count=5,
        first_header=0x7FF,
        zone=bytes(CHECKED.zone_bytes),
        insert=b"voice",
    )


@given(st.dictionaries(st.integers(0, 9), st.integers(1, 15), max_size=2))
def test_two_symbols_of_a_header_are_corrected(errors):
    frame = bytearray(checked_frame())
    for symbol, value in errors.items():
        place = (0, 0, 1, 1, 5, 5, 6, 6, 7, 7)[symbol]
        frame[place] ^= value << (0 if symbol % 2 else 4)

    frames = aos.decode(CHECKED, bytes(frame))

    assert frames.faults(spacecraft=0xA5) == [""]
    assert (frames.channel[0], frames.count[0], frames.extra(0)) == (7, 5, b"voice")


def test_a_header_beyond_correction_is_named():
    frame = bytearray(checked_frame())
    frame[0] ^= 0x11
    frame[1] ^= 0x10
    frames = aos.decode(CHECKED, bytes(frame))
    assert frames.faults() == ["bad header check"]
    assert not reassembly.Reassembler().feed(frames).lost_frames


def test_streams_of_bits_and_units_come_out():
    layout = aos.Layout(
        20,
        has_ocf=True,
        has_fecf=True,
        services={1: Service.BITS, 2: Service.UNITS, 3: Service.IDLE},
    )

    def frame(channel, zone, pointer=0):
        return aos.encode(
            layout,
            spacecraft=1,
            channel=channel,
            count=0,
            first_header=pointer,
            zone=zone,
            ocf=bytes(4),
        )

    sent = [
        frame(1, b"\xaa" * 6, 12),  # the last of 13 bits
        frame(1, b"\xbb" * 6, 0x3FFF),  # all of them
        frame(1, b"\xcc" * 6, 0x3FFE),  # none
        frame(2, b"\xdd" * 8),
        frame(3, bytes(6)),
        frame(63, bytes(6)),
    ]
    harvest = reassembly.Reassembler().feed(aos.decode(layout, b"".join(sent)))

    assert [(unit.channel, unit.service, unit.data, unit.bits) for unit in harvest.units] == [
        (1, Service.BITS, b"\xaa\xaa", 13),
        (1, Service.BITS, b"\xbb" * 6, 48),
        (2, Service.UNITS, b"\xdd" * 8, 64),
    ]
    assert harvest.packets == []
    assert harvest.idle_frames == 2


def test_wraps_of_the_count_may_be_counted_in_the_frame():
    frames = [
        aos.encode(
            aos.UPLINK,
            spacecraft=1,
            channel=0,
            count=0,
            first_header=0x7FF,
            zone=bytes(1105),
            cycle=n,
        )
        for n in (0, 1)
    ]
    batch = aos.decode(aos.UPLINK, b"".join(frames))
    assert batch.count.tolist() == [0, 1 << 24]
    assert reassembly.Reassembler().feed(batch).lost_frames == {0: (1 << 24) - 1}


@pytest.mark.parametrize(
    ("details", "reason"),
    [
        ({"frame_bytes": 10}, "no room"),
        ({"frame_bytes": 70_000}, "no room"),
        ({"insert_bytes": -1}, "insert zone"),
        ({"services": {64: Service.BITS}}, "virtual channel 64"),
        ({"services": {1: Service.OTHER}}, "virtual channel 1"),
    ],
)
def test_layouts_that_do_not_exist_are_refused(details, reason):
    with pytest.raises(BadLayout, match=reason):
        aos.Layout(**{"frame_bytes": 100, "has_ocf": True, "has_fecf": True} | details)
