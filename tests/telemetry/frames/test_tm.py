"""TM frames: as another implementation wrote them and reads them."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spacepackets.ccsds.tm_frame import TmTransferFrame

from telemetry.frames import batch, reassembly, tm
from telemetry.frames.batch import BadLayout, Service
from tests.telemetry import REFERENCE

FOREIGN = tm.Layout(1115, has_fecf=False)


def foreign_frames(name, start=0):
    lines = (REFERENCE / "frames" / name).read_text().split()
    return b"".join(bytes.fromhex(line)[start : start + 1115] for line in lines)


def test_foreign_packets_come_out_whole():
    frames = tm.decode(FOREIGN, foreign_frames("dumpFile_tm_1.hex", 4))

    harvest = reassembly.Reassembler().feed(frames, frames.faults(spacecraft=123))

    assert Counter(frames.channel.tolist()) == {0: 122, 7: 30}
    assert set(frames.ocf.tolist()) == {0x00044479}
    assert Counter(packet.channel for packet in harvest.packets) == {0: 613}
    assert harvest.idle_frames == 30
    assert (harvest.dropped.total(), harvest.lost_frames.total()) == (0, 0)
    assert harvest.lost_master_frames == 0


def test_foreign_packets_longer_than_frames_come_out_whole():
    frames = tm.decode(FOREIGN, foreign_frames("dumpFile_tm_large_packets.hex"))

    harvest = reassembly.Reassembler().feed(frames)

    assert [len(packet.data) for packet in harvest.packets] == [14006, 14006, 14006, 14006, 690]
    assert (harvest.dropped.total(), harvest.lost_frames.total()) == (0, 0)
    assert harvest.lost_master_frames == 0


def test_a_layout_that_is_wrong_shows():
    frames = tm.decode(tm.Layout(1115, has_fecf=True), foreign_frames("dumpFile_tm_1.hex", 4))
    assert frames.faults().count("bad FECF") == 151  # one agrees by chance


def test_lost_frames_are_counted_by_virtual_and_by_master_channel():
    data = foreign_frames("dumpFile_tm_1.hex", 4)
    lost = (7, 8, 40)
    heard = [data[1115 * n : 1115 * (n + 1)] for n in range(152) if n not in lost]
    channels = tm.decode(FOREIGN, data).channel[list(lost)].tolist()

    harvest = reassembly.Reassembler().feed(tm.decode(FOREIGN, b"".join(heard)))

    assert harvest.lost_frames == Counter(channels)
    assert harvest.lost_master_frames == 3


@given(
    spacecraft=st.integers(0, 1023),
    channel=st.integers(0, 7),
    count=st.integers(0, 255),
    master_count=st.integers(0, 255),
    first_header=st.integers(0, 0x7FF),
    secondary=st.binary(max_size=63),
    ocf=st.sampled_from([b"", b"\x01\x02\x03\x04"]),
    is_units=st.booleans(),
    has_fecf=st.booleans(),
)
def test_another_implementation_reads_what_is_encoded(
    spacecraft, channel, count, master_count, first_header, secondary, ocf, is_units, has_fecf
):
    layout = tm.Layout(200, has_fecf=has_fecf)
    overhead = 6 + (len(secondary) + 1 if secondary else 0) + len(ocf) + 2 * has_fecf
    zone = bytes(range(200 - overhead))
    frame = tm.encode(
        layout,
        spacecraft=spacecraft,
        channel=channel,
        count=count,
        master_count=master_count,
        first_header=first_header,
        zone=zone,
        ocf=ocf,
        secondary=secondary,
        is_units=is_units,
    )

    other = TmTransferFrame.unpack(frame, 200, has_fecf)
    ours = tm.decode(layout, frame)

    status = other.primary_header.frame_datafield_status
    assert other.primary_header.master_channel_id.spacecraft_id == spacecraft
    assert ours.spacecraft.tolist() == [spacecraft]
    assert other.primary_header.vc_id == channel == ours.channel[0]
    assert other.primary_header.vc_frame_count == count == ours.count[0]
    assert other.primary_header.master_ch_frame_count == master_count == ours.master_count[0]
    assert status.first_header_pointer == first_header == ours.first_header[0]
    assert status.sync_flag == is_units == (ours.service[0] == Service.UNITS)
    assert ours.zone(0) == zone
    assert ours.extra(0)[1:] == secondary
    assert ours.ocf[0] == int.from_bytes(ocf)
    assert ours.faults(spacecraft=spacecraft) == [""]


def test_the_count_may_be_extended():
    layout = tm.Layout(100, has_fecf=False, has_extended_count=True)
    frame = tm.encode(
        layout,
        spacecraft=1,
        channel=2,
        count=0xFE,
        master_count=0,
        first_header=0x7FF,
        zone=bytes(90),
        secondary=b"\x01\x02\x03",
    )
    frames = tm.decode(layout, frame)
    assert (frames.count[0], frames.modulus[0]) == (0x010203FE, 1 << 32)


def test_a_secondary_header_longer_than_the_frame_is_named():
    layout = tm.Layout(20, has_fecf=False)
    frame = bytes.fromhex("00 10 00 00 98 00 3f".replace(" ", "")) + bytes(13)
    frames = tm.decode(layout, frame)
    assert frames.faults() == ["secondary header longer than the frame"]
    assert reassembly.Reassembler().feed(frames).packets == []


@pytest.mark.parametrize("frame_bytes", [0, 8, 2049])
def test_layouts_that_do_not_exist_are_refused(frame_bytes):
    with pytest.raises(BadLayout, match="9 to 2048 bytes"):
        tm.Layout(frame_bytes, has_fecf=True)


def test_half_a_frame_is_refused():
    with pytest.raises(batch.NotWholeFrames):
        tm.decode(FOREIGN, bytes(1114))
