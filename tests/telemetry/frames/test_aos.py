"""AOS frames: bytes as the standard draws them, and as another implementation wrote them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry import onboard
from telemetry.frames import aos, reassembly
from tests.telemetry import REFERENCE

# The foreign frames: 892 bytes behind a sync marker of 4, with an OCF and without a FECF.
FOREIGN = aos.Layout(892, has_ocf=True, has_fecf=False)


def foreign_frames(name):
    lines = (REFERENCE / "frames" / name).read_text().split()
    return b"".join(bytes.fromhex(line)[4 : 4 + 892] for line in lines)


def test_the_zones_are_those_of_the_on_board_interface():
    assert aos.UPLINK.zone_bytes == onboard.UPLINK_ZONE_BYTES == 1105
    assert aos.DOWNLINK.zone_bytes == onboard.DOWNLINK_ZONE_BYTES == 1101


def test_a_frame_has_the_bytes_of_the_standard():
    zone = bytes(1101)
    frame = aos.encode(
        aos.DOWNLINK,
        spacecraft=0xA5,
        channel=3,
        count=0x010203,
        first_header=0x123,
        zone=zone,
        ocf=b"\x01\x02\x03\x04",
        is_replay=True,
    )

    # 01 10100101 000011 | 010203 | 1 0000000 | 00000 00100100011
    assert frame[:8] == bytes.fromhex("6943 010203 80 0123".replace(" ", ""))
    assert frame[-6:-2] == b"\x01\x02\x03\x04"
    assert len(frame) == 1115


def test_the_checksum_is_the_published_check_value():
    # The check value of CRC-16/IBM-3740 ("CCITT-FALSE") in the catalogue of parametrised CRCs.
    assert aos.crc(b"123456789") == 0x29B1


def test_foreign_frames_are_read():
    batch = aos.decode(FOREIGN, foreign_frames("dumpFile_aos_1.hex"))

    assert set(batch.spacecraft.tolist()) == {0x7B}
    assert set(batch.ocf.tolist()) == {0x00044479}
    assert batch.count[batch.channel == 0].tolist() == list(range(11))
    assert batch.faults(spacecraft=0x7B) == [""] * len(batch)


@pytest.mark.parametrize(
    ("name", "frames", "packets", "bad"),
    [("dumpFile_aos_1.hex", 11, 23, 0), ("dumpFile_aos_1_gap.hex", 10, 19, 1)],
)
def test_foreign_packets_come_out_whole(name, frames, packets, bad):
    batch = aos.decode(FOREIGN, foreign_frames(name))
    chosen = ["another channel" if channel else "" for channel in batch.channel]

    harvest = reassembly.Reassembler().feed(batch, chosen)

    assert chosen.count("") == frames
    assert len(harvest.packets) == packets
    assert harvest.dropped.total() == bad
    assert harvest.lost_frames.total() == bad
    assert {len(packet.data) for packet in harvest.packets} == {406}


@given(
    spacecraft=st.integers(0, 255),
    channel=st.integers(0, 63),
    count=st.integers(0, aos.COUNT_MODULUS - 1),
    first_header=st.integers(0, 0x7FF),
    is_replay=st.booleans(),
    ocf=st.binary(min_size=4, max_size=4),
    fill=st.integers(0, 255),
)
def test_what_is_encoded_is_decoded(spacecraft, channel, count, first_header, is_replay, ocf, fill):
    zone = bytes([fill]) * aos.DOWNLINK.zone_bytes
    frame = aos.encode(
        aos.DOWNLINK,
        spacecraft=spacecraft,
        channel=channel,
        count=count,
        first_header=first_header,
        zone=zone,
        ocf=ocf,
        is_replay=is_replay,
    )
    batch = aos.decode(aos.DOWNLINK, frame * 2)

    for index in range(2):
        assert batch.is_intact[index]
        assert batch.zone(index) == zone
        assert (batch.spacecraft[index], batch.channel[index]) == (spacecraft, channel)
        assert (batch.count[index], batch.first_header[index]) == (count, first_header)
        assert (batch.is_replay[index], batch.ocf[index]) == (is_replay, int.from_bytes(ocf))


@given(bit=st.integers(0, 1115 * 8 - 1))
def test_a_flipped_bit_is_noticed(bit):
    frame = bytearray(
        aos.encode(aos.UPLINK, spacecraft=7, channel=1, count=9, first_header=0, zone=bytes(1105))
    )
    frame[bit // 8] ^= 0x80 >> bit % 8

    assert aos.decode(aos.UPLINK, bytes(frame)).faults(spacecraft=7) == ["bad FECF"]


def test_a_frame_of_somebody_else_is_named():
    frame = aos.encode(
        aos.UPLINK, spacecraft=8, channel=1, count=9, first_header=0, zone=bytes(1105)
    )
    assert aos.decode(aos.UPLINK, frame).faults(spacecraft=7) == ["wrong spacecraft"]


def test_half_a_frame_is_refused():
    with pytest.raises(aos.NotWholeFrames):
        aos.decode(aos.UPLINK, bytes(1114))


def test_no_frames_are_no_trouble():
    batch = aos.decode(aos.UPLINK, b"")
    assert len(batch) == 0
    assert batch.faults(spacecraft=1) == []
    assert batch.count.dtype == np.int64
