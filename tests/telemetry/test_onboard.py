"""The on-board interface against another implementation's bytes, and against itself."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spacepackets.ccsds.time import CdsShortTimestamp
from spacepackets.cfdp import ChecksumType, LargeFileFlag, TransmissionMode
from spacepackets.cfdp.conf import PduConfig
from spacepackets.cfdp.pdu import FileDataPdu
from spacepackets.cfdp.pdu.file_data import FileDataParams
from spacepackets.util import ByteFieldU16, ByteFieldU32

from telemetry import onboard

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
instants = st.datetimes(
    min_value=datetime(1990, 1, 1), max_value=datetime(2090, 1, 1), timezones=st.just(UTC)
)


@given(instants)
def test_time_codes_are_the_bytes_of_spacepackets(instant):
    # Its own conversion of instants goes through a float and loses milliseconds, so that it is
    # given the day and the millisecond; ours rounds down to the millisecond.
    whole = instant.replace(microsecond=instant.microsecond // 1000 * 1000)
    midnight = whole.replace(hour=0, minute=0, second=0, microsecond=0)
    day, ms_of_day = whole.toordinal() - 714_780, (whole - midnight) // timedelta(milliseconds=1)

    code = onboard.encode_time(instant)

    assert code == CdsShortTimestamp(day, ms_of_day).pack()
    assert onboard.decode_time(code) == whole


@given(instants, st.integers(0, 2**32 - 1), st.integers(0, 65535), st.integers(0, 2**32 - 1))
def test_secondary_headers_come_back(instant, volume, boot, serial):
    generated_ns = (instant - EPOCH) // timedelta(milliseconds=1) * 1_000_000
    header = onboard.Secondary(generated_ns, volume, boot, serial)

    field = header.encode()

    assert len(field) == onboard.SECONDARY_BYTES == 17
    assert field[:7] == onboard.encode_time(instant)
    assert onboard.Secondary.decode(field) == header


def test_a_foreign_time_code_is_refused_by_name():
    with pytest.raises(ValueError, match="P-field is 0x1c, expected 0x40"):
        onboard.decode_time(b"\x1c" + bytes(6))


def test_a_file_data_pdu_fills_exactly_one_frame():
    conf = PduConfig(
        source_entity_id=ByteFieldU16(onboard.GROUND_ENTITY_ID),
        dest_entity_id=ByteFieldU16(63982),
        transaction_seq_num=ByteFieldU32(7),
        trans_mode=TransmissionMode.ACKNOWLEDGED,
        file_flag=LargeFileFlag.NORMAL,
    )
    data = bytes(onboard.FILE_SEGMENT_BYTES)

    pdu = FileDataPdu(conf, FileDataParams(file_data=data, offset=0, segment_metadata=None)).pack()

    assert onboard.PACKET_HEADER_BYTES + len(pdu) == onboard.UPLINK_ZONE_BYTES
    assert ChecksumType.CRC_32C == onboard.CFDP_CHECKSUM_CRC32C


@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(1000, 2**32 - 1)), max_size=100))
def test_gap_requests_come_back(ranges):
    assert onboard.decode_gap_request(onboard.encode_gap_request(5, ranges)) == (5, ranges)


@given(st.integers(0, 2**32 - 65), st.sets(st.integers(0, 63)))
def test_acknowledgements_come_back(following, offsets):
    ack = onboard.TokenAck(uuid4(), following, frozenset(following + n for n in offsets))

    assert onboard.TokenAck.decode(ack.encode()) == ack


def test_a_cut_segment_is_refused():
    whole = onboard.Tokens(uuid4(), 3, onboard.TokenKind.TEXT, "orbit ✓").encode()

    assert onboard.Tokens.decode(whole).text == "orbit ✓"
    with pytest.raises(ValueError, match="announces 9 bytes and has 8"):
        onboard.Tokens.decode(whole[:-1])


def test_a_want_list_has_these_bytes():
    digest = bytes(range(32))
    packet = onboard.WANT_LIST_LAYOUT.pack(digest, 3, 256, 5, 4) + b"list"
    assert packet == digest + bytes.fromhex("00000003 00000100 00000005 0004") + b"list"


def test_a_relayed_telecommand_has_these_bytes():
    body = onboard.RELAYED_COMMAND_LAYOUT.pack(13, 1_787_400_000_123_000_000, bytes(16), 258, 6)
    assert body == bytes.fromhex("000d 18ce1ed47edd54c0") + bytes(16) + bytes.fromhex("00000102 06")
    assert onboard.RELAYED_RELEASE_LAYOUT.pack(13) == b"\x00\x0d"
    # It fits one TC frame with as many peers as an order to fetch may name.
    fetch = onboard.FETCH_LAYOUT.size + 2 * onboard.FETCH_PEERS_MAX
    packet = onboard.PACKET_HEADER_BYTES + len(body) + fetch + onboard.TELECOMMAND_MAC_BYTES
    assert packet + 7 <= onboard.TC_FRAME_MAX_BYTES


def test_a_relayed_packet_has_these_bytes():
    head = onboard.RELAYED_LAYOUT.pack(13, bytes(range(16)))
    assert head == b"\x00\x0d" + bytes(range(16))
    assert onboard.RELAYED_DOMAIN == b"zenith relayed\x00"
    assert (onboard.Apid.RELAYED, onboard.Apid.RELAYED_COMMAND) == (0x050, 0x101)
    assert onboard.CommandStage.RELAY_REFUSED == 5
    assert onboard.CommandCode.EXPIRED == 11
