"""Space packets against spacepackets, another implementation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spacepackets.ccsds import spacepacket

from telemetry import onboard
from telemetry.packets import handlers, space


@given(
    apid=st.integers(0, 2047),
    count=st.integers(0, 16383),
    data=st.binary(min_size=1, max_size=300),
    is_command=st.booleans(),
    has_secondary=st.booleans(),
)
def test_the_header_is_that_of_another_implementation(apid, count, data, is_command, has_secondary):
    foreign = spacepacket.SpacePacketHeader(
        packet_type=spacepacket.PacketType.TC if is_command else spacepacket.PacketType.TM,
        apid=apid,
        seq_count=count,
        data_len=len(data) - 1,
        sec_header_flag=has_secondary,
        seq_flags=spacepacket.SequenceFlags.UNSEGMENTED,
    )
    ours = space.encode(apid, count, data, is_command=is_command, has_secondary=has_secondary)

    assert ours == bytes(foreign.pack()) + data
    header = space.decode_header(ours)
    assert (header.apid, header.sequence_count, header.packet_bytes) == (apid, count, len(ours))
    assert (header.is_command, header.has_secondary) == (is_command, has_secondary)
    assert header.sequence_flags == space.UNSEGMENTED


secondaries = st.builds(
    onboard.Secondary,
    generated_ns=st.integers(0, 1_900_000_000_000).map(lambda ms: ms * 1_000_000),
    volume=st.integers(0, 2**32 - 1),
    boot=st.integers(0, 2**16 - 1),
    serial=st.integers(0, 2**32 - 1),
)


@given(secondary=secondaries, payload=st.binary(max_size=100))
def test_a_downlink_packet_comes_back(secondary, payload):
    packet = space.encode_downlink(onboard.Apid.TOKENS, 5, secondary, payload)
    read = space.decode_downlink(packet)

    assert (read.secondary, read.payload) == (secondary, payload)
    assert read.header.apid == onboard.Apid.TOKENS


@given(st.binary(max_size=60))
def test_noise_is_refused_and_never_crashes(noise):
    try:
        packet = space.decode_downlink(noise)
    except space.BadPacket:
        return
    assert packet.header.packet_bytes == len(noise)


def test_sequence_counts_wrap_for_each_apid():
    counts = space.SequenceCounts({16: 16383})
    assert [counts.take(16), counts.take(16), counts.take(17)] == [16383, 0, 0]


@pytest.mark.parametrize("size", [7, 8, 1105])
def test_an_idle_packet_has_the_length_asked_for(size):
    packet = space.idle(size)
    assert len(packet) == size == space.decode_header(packet).packet_bytes
    assert space.apid_of(packet) == 0x7FF


def test_a_packet_without_data_is_refused():
    with pytest.raises(ValueError, match="cannot carry 0 bytes"):
        space.encode(16, 0, b"")


def test_an_apid_has_one_handler(monkeypatch):
    monkeypatch.setattr(handlers, "_handlers", {})

    def handle(packet, *, now): ...

    handlers.register(0x30, handle)
    handlers.register(0x30, handle)
    assert handlers.handler_of(0x30) is handle
    assert handlers.handler_of(0x31) is None
    with pytest.raises(ValueError, match="0x030"):
        handlers.register(0x30, lambda packet, *, now: None)


@given(st.lists(st.binary(min_size=1, max_size=30), max_size=9), st.booleans())
def test_a_file_of_packets_is_taken_apart(bodies, are_alike):
    if are_alike:
        bodies = [bodies[0]] * len(bodies) if bodies else []
    packets = [space.encode(5, count, body) for count, body in enumerate(bodies)]
    split = space.split(b"".join(packets))
    assert list(split) == packets
    assert split[1:3] == packets[1:3]


@pytest.mark.parametrize("left", [b"\0", bytes(6), bytes(5) + b"\x09\0"])
def test_a_file_that_ends_inside_a_packet_is_refused(left):
    with pytest.raises(space.BadPacket):
        space.split(space.encode(5, 0, b"abc") + left)
