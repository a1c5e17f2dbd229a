"""Encapsulation packets: headers as the standard draws them, and every length."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.packets import encapsulation
from telemetry.packets.encapsulation import Packet

packets = st.one_of(
    st.builds(Packet, protocol=st.integers(0, 7), data=st.binary(max_size=400)),
    st.builds(
        Packet,
        protocol=st.integers(0, 7),
        data=st.binary(max_size=40),
        defined=st.integers(0, 15),
        extension=st.integers(0, 15),
        reserved=st.integers(0, 65535),
    ),
)


@pytest.mark.parametrize(
    ("packet", "head"),
    [
        # 111 | protocol | length of length, then what figure 4-2 of 133.1-B-3 has for each.
        (Packet(0), "e0"),
        (Packet(2, bytes(10)), "e9 0c"),
        (Packet(2, bytes(300)), "ea 00 0130"),
        (Packet(6, bytes(3), defined=5, extension=9), "fa 59 0007"),
        (Packet(6, bytes(3), defined=5, extension=9, reserved=0x1234), "fb 59 1234 0000000b"),
    ],
)
def test_headers_have_the_bits_of_the_standard(packet, head):
    assert encapsulation.encode(packet).hex() == head.replace(" ", "") + packet.data.hex()


@given(packets)
def test_what_is_encoded_is_decoded(packet):
    encoded = encapsulation.encode(packet)
    assert encapsulation.decode(encoded) == packet
    assert encapsulation.packet_bytes(encoded, 0, len(encoded)) == len(encoded)


@given(st.binary(max_size=20))
def test_other_bytes_are_refused(octets):
    try:
        packet = encapsulation.decode(octets)
    except encapsulation.BadPacket:
        return
    assert encapsulation.encode(packet, header_bytes=len(octets) - len(packet.data)) == octets


def test_a_header_may_be_longer_than_it_must():
    long = encapsulation.encode(Packet(2, b"abc"), header_bytes=8)
    assert len(long) == 11
    assert encapsulation.decode(long) == Packet(2, b"abc")


@pytest.mark.parametrize(
    ("packet", "size"), [(Packet(8), None), (Packet(1), 1), (Packet(2, bytes(254)), 2)]
)
def test_what_does_not_fit_is_refused(packet, size):
    with pytest.raises(ValueError, match="has room"):
        encapsulation.encode(packet, header_bytes=size)
