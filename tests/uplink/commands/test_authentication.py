"""Only the ground can have made a telecommand."""

import stat
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from cryptography.hazmat.primitives import cmac
from cryptography.hazmat.primitives.ciphers import algorithms
from spacepackets.ccsds import SpacePacketHeader

from constellation.simulator.board import commands as board
from telemetry import onboard
from telemetry.frames import tc
from uplink.commands import authentication

COMMAND = UUID("01234567-89ab-cdef-0123-456789abcdef")
KEY = bytes(range(16))


def test_a_packet_is_what_the_on_board_interface_says():
    packet = authentication.packet(KEY, COMMAND, 0x01020304, 2, b"\x01")
    header = SpacePacketHeader.unpack(packet)

    assert header.apid == onboard.Apid.TELECOMMAND
    assert header.packet_type.name == "TC"
    assert header.packet_len == len(packet)
    assert packet[6:28] == COMMAND.bytes + bytes.fromhex("01020304 02 01")
    code = cmac.CMAC(algorithms.AES(KEY))
    code.update(packet[:-16])
    code.verify(packet[-16:])


def test_what_others_hand_on_says_for_whom_and_until_when():
    packet = authentication.relayed_packet(KEY, 13, 1_000, COMMAND, 0x01020304, 2, b"\x01")

    assert SpacePacketHeader.unpack(packet).apid == onboard.Apid.RELAYED_COMMAND
    head = bytes.fromhex("000d 00000000000003e8")
    assert packet[6:38] == head + COMMAND.bytes + bytes.fromhex("01020304 02 01")
    code = cmac.CMAC(algorithms.AES(KEY))
    code.update(packet[:-16])
    code.verify(packet[-16:])


def test_a_seal_is_of_one_satellite_one_packet_and_one_key():
    sealed = board.seal(KEY, 13, b"a packet")
    entity_id, code = onboard.RELAYED_LAYOUT.unpack_from(sealed)

    assert sealed[18:] == b"a packet"
    assert authentication.is_sealed(KEY, entity_id, b"a packet", code)
    assert not authentication.is_sealed(KEY, 14, b"a packet", code)
    assert not authentication.is_sealed(KEY, 13, b"A packet", code)
    assert not authentication.is_sealed(bytes(16), 13, b"a packet", code)
    master = bytes(32)
    assert authentication.relay_key(master, "A") == board.relay_key(master, "A")
    assert authentication.relay_key(master, "A") != authentication.satellite_key(master, "A")


def test_the_frame_carries_the_packet_on_the_telecommand_channel():
    packet = authentication.packet(KEY, COMMAND, 300, 0, b"")
    frame = tc.decode(authentication.frame(77, 300, packet))

    assert (frame.spacecraft, frame.channel, frame.number) == (77, 0, 300 % 256)
    assert frame.data == packet
    assert frame.is_bypass


def test_every_satellite_has_a_key_of_its_own():
    master = bytes(32)
    keys = {authentication.satellite_key(master, code) for code in ("SCS-01-A", "SCS-01-B")}
    assert {len(key) for key in keys} == {16}
    assert len(keys) == 2


def test_the_master_key_is_made_once_and_is_private(tmp_path):
    path = tmp_path / "keys" / "command-master.key"
    with ThreadPoolExecutor(8) as threads:
        keys = set(threads.map(lambda _: authentication.master_key(path), range(32)))

    assert len(keys) == 1
    assert len(keys.pop()) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_a_broken_master_key_is_told(tmp_path):
    path = tmp_path / "key"
    path.write_text("abcd")
    with pytest.raises(ValueError, match="32 bytes"):
        authentication.master_key(path)
