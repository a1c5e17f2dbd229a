"""USLP frames: as another implementation writes them, and every way to build a data field."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spacepackets.uslp.frame import (
    FrameType,
    TfdzConstructionRules,
    TransferFrame,
    TransferFrameDataField,
    UslpProtocolIdentifier,
)
from spacepackets.uslp.header import (
    BypassSequenceControlFlag,
    PrimaryHeader,
    SourceOrDestField,
    TruncatedPrimaryHeader,
)

from telemetry.frames import checksums, reassembly, uslp
from telemetry.frames.batch import BadLayout, NotWholeFrames
from telemetry.frames.uslp import Frame, Protocol, Rule
from telemetry.packets import encapsulation, space

VARIABLE = uslp.Layout(None)
PACKET = space.encode(0x10, 1, b"a packet of twenty-two")


def foreign_frame(*, count_bytes, count, ocf, insert, pointer, rule, data, is_expedited):
    header = PrimaryHeader(
        scid=0xABCD,
        src_dest=SourceOrDestField.SOURCE,
        vcid=33,
        map_id=5,
        frame_len=0,
        bypass_seq_ctrl_flag=BypassSequenceControlFlag(is_expedited),
        op_ctrl_flag=bool(ocf),
        vcf_count_len=count_bytes,
        vcf_count=count,
    )
    field = TransferFrameDataField(
        TfdzConstructionRules(rule),
        UslpProtocolIdentifier.SPACE_PACKETS_ENCAPSULATION_PACKETS,
        data,
        pointer,
    )
    frame = TransferFrame(header, field, insert or None, ocf or None, has_fecf=True)
    frame.set_frame_len_in_header()
    kind = FrameType.FIXED if rule == 0 else FrameType.VARIABLE
    return bytes(frame.pack(frame_type=kind))


@given(
    count_bytes=st.integers(1, 7),
    count=st.integers(0, 255),
    ocf=st.sampled_from([b"", b"\x01\x02\x03\x04"]),
    insert=st.binary(max_size=5),
    pointer=st.integers(0, 0xFFFF),
    data=st.binary(min_size=1, max_size=40),
    is_expedited=st.booleans(),
    is_fixed=st.booleans(),
)
def test_another_implementation_writes_the_same_frame(
    count_bytes, count, ocf, insert, pointer, data, is_expedited, is_fixed
):
    rule = Rule.PACKETS_SPANNING if is_fixed else Rule.UNSEGMENTED
    insert = insert if is_fixed else b""
    theirs = foreign_frame(
        count_bytes=count_bytes,
        count=count,
        ocf=ocf,
        insert=insert,
        pointer=pointer if is_fixed else None,
        rule=rule,
        data=data,
        is_expedited=is_expedited,
    )
    layout = uslp.Layout(len(theirs), insert_bytes=len(insert)) if is_fixed else VARIABLE
    ours = uslp.encode(
        layout,
        Frame(
            0xABCD,
            33,
            data,
            map_id=5,
            rule=rule,
            pointer=pointer,
            count=count,
            count_bytes=count_bytes,
            is_expedited=is_expedited,
            insert=insert,
            ocf=ocf,
        ),
    )
    frames = uslp.decode(layout, theirs)

    assert ours == theirs
    assert frames.faults(spacecraft=0xABCD) == [""]
    assert (frames.channel[0], frames.map_id[0], frames.count[0]) == (33, 5, count)
    assert frames.series[0] == is_expedited
    assert (frames.zone(0), frames.extra(0)) == (data, insert)
    assert frames.ocf[0] == int.from_bytes(ocf)


def test_a_truncated_frame_of_another_implementation_is_read():
    header = TruncatedPrimaryHeader(0xABCD, SourceOrDestField.DEST, 3, 2)
    field = TransferFrameDataField(
        TfdzConstructionRules.VpNoSegmentation,
        UslpProtocolIdentifier.SPACE_PACKETS_ENCAPSULATION_PACKETS,
        PACKET,
    )
    theirs = bytes(
        TransferFrame(header, field, has_fecf=True).pack(
            truncated=True, frame_type=FrameType.VARIABLE
        )
    )
    layout = uslp.Layout(None, truncated_bytes=len(theirs))
    ours = Frame(0xABCD, 3, PACKET, map_id=2, is_destination=True, is_truncated=True)

    assert uslp.encode(layout, ours) == theirs
    harvest = reassembly.Reassembler().feed(uslp.decode(layout, theirs * 2))
    assert [packet.data for packet in harvest.packets] == [PACKET, PACKET]
    assert uslp.decode(VARIABLE, theirs).faults() == ["not where a frame begins"]


def test_the_long_checksum_is_that_of_its_polynomial():
    # By the definition: the remainder of data times x^32, divided bit by bit.
    data = bytes(range(1, 60))
    remainder = int.from_bytes(data) << 32
    polynomial = 1 << 32 | 0x00A00805
    while remainder.bit_length() > 32:
        remainder ^= polynomial << remainder.bit_length() - 33
    assert checksums.crc32(data) == remainder


@pytest.mark.parametrize("fecf_bytes", [2, 4])
def test_frames_of_all_lengths_are_checked(fecf_bytes):
    layout = uslp.Layout(None, fecf_bytes=fecf_bytes)
    data = bytearray(b"".join(uslp.encode(layout, Frame(1, 2, bytes(n))) for n in range(1, 30)))
    assert uslp.decode(layout, bytes(data)).is_intact.all()
    data[-7] ^= 4
    assert (~uslp.decode(layout, bytes(data)).is_intact).nonzero()[0].tolist() == [28]


def hear(layout, *frames, cuts=True):
    """Return what comes out of the frames one by one, with the state written down in between."""
    reassembler, harvests = reassembly.Reassembler(), []
    for frame in frames:
        harvests.append(reassembler.feed(uslp.decode(layout, uslp.encode(layout, frame))))
        reassembler = reassembly.Reassembler.from_json(reassembler.to_json())
    return harvests


def test_packets_are_segmented_over_maps_that_take_turns():
    def part(rule, data, map_id):
        return Frame(1, 2, data, map_id=map_id, rule=rule)

    harvests = hear(
        VARIABLE,
        part(Rule.SEGMENT_START, PACKET[:3], 1),
        part(Rule.SEGMENT_START, PACKET[:9], 2),
        part(Rule.SEGMENT_GOES_ON, PACKET[3:8], 1),
        part(Rule.SEGMENT_LAST, PACKET[9:], 2),
        part(Rule.SEGMENT_LAST, PACKET[8:], 1),
        part(Rule.SEGMENT_LAST, b"of nothing", 1),
    )
    came = [(packet.map_id, packet.data) for each in harvests for packet in each.packets]
    assert came == [(2, PACKET), (1, PACKET)]
    assert not any(each.dropped for each in harvests)


def test_units_end_where_they_say():
    layout = uslp.Layout(30)  # a zone of 18 bytes

    def part(rule, data, pointer=None):
        zone = data.ljust(18, b"\x55")
        return Frame(1, 2, zone, rule=rule, protocol=Protocol.SDU, pointer=pointer)

    harvests = hear(
        layout,
        part(Rule.SDU_START, b"a unit of twenty-"),
        part(Rule.SDU_GOES_ON, b"six bytes", 8),
        part(Rule.SDU_START, b"short", 4),
        part(Rule.SDU_GOES_ON, b"of nothing"),
    )
    units = [unit.data for each in harvests for unit in each.units]
    assert units == [b"a unit of twenty-\x55six bytes", b"short"]
    assert harvests[3].dropped == {"continues no unit": 1}


def test_streams_and_idle_frames_are_told_apart():
    stream = Frame(1, 2, b"octets", rule=Rule.OCTETS, protocol=Protocol.OCTETS)
    idle = Frame(1, 63, bytes(9), protocol=Protocol.IDLE)
    control = Frame(1, 2, b"\x00", protocol=Protocol.COP_1, is_protocol_control=True)
    harvests = hear(VARIABLE, stream, idle, control)
    assert [unit.data for each in harvests for unit in each.units] == [b"octets", b"\x00"]
    assert [each.idle_frames for each in harvests] == [0, 1, 0]


def test_counts_of_both_qualities_go_their_own_way():
    def frame(count, is_expedited):
        return Frame(1, 2, PACKET, count=count, count_bytes=2, is_expedited=is_expedited)

    frames = [frame(65535, False), frame(9, True), frame(0, False), frame(12, True)]
    harvests = hear(VARIABLE, *frames)
    assert sum(len(each.packets) for each in harvests) == 4
    assert sum((each.lost_frames for each in harvests), start=harvests[0].lost_frames) == {2: 2}


def test_encapsulated_and_space_packets_share_a_frame():
    wrapped = encapsulation.encode(encapsulation.Packet(2, b"IP, say"))
    fill = encapsulation.encode(encapsulation.Packet(encapsulation.IDLE))
    harvest = hear(VARIABLE, Frame(1, 2, wrapped + fill + PACKET + wrapped))[0]
    assert [packet.data for packet in harvest.packets] == [wrapped, PACKET, wrapped]
    assert harvest.idle_packets == 1


@pytest.mark.parametrize(
    ("details", "reason"),
    [
        ({"frame_bytes": 9}, "10 to 65536"),
        ({"frame_bytes": 70_000}, "10 to 65536"),
        ({"frame_bytes": None, "fecf_bytes": 3}, "0, 2 or 4"),
        ({"frame_bytes": None, "insert_bytes": 4}, "fixed length"),
        ({"frame_bytes": None, "truncated_bytes": 6}, "7 bytes or more"),
    ],
)
def test_layouts_that_do_not_exist_are_refused(details, reason):
    with pytest.raises(BadLayout, match=reason):
        uslp.Layout(**details)


def test_what_is_no_frame_ends_the_batch_and_is_named():
    good = uslp.encode(VARIABLE, Frame(1, 2, PACKET))
    assert uslp.decode(VARIABLE, good + b"\x00" * 40).faults() == ["", "not where a frame begins"]
    frames = uslp.decode(VARIABLE, good + good[:-3])
    assert frames.faults(spacecraft=1)[0] == ""
    assert frames.troubles == {1: "cut short"}
    assert len(reassembly.Reassembler().feed(frames, frames.faults()).packets) == 1


def test_half_a_frame_of_fixed_length_is_refused():
    with pytest.raises(NotWholeFrames):
        uslp.decode(uslp.Layout(50), bytes(99))
