"""Our PDUs against the bytes of `spacepackets`, another implementation of 727.0-B-5."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spacepackets.cfdp import ChecksumType, ConditionCode, PduConfig
from spacepackets.cfdp import defs as oracle
from spacepackets.cfdp.pdu import (
    AckPdu,
    DirectiveType,
    EofPdu,
    FileDataPdu,
    FinishedParams,
    FinishedPdu,
    KeepAlivePdu,
    MetadataParams,
    MetadataPdu,
    NakPdu,
    PromptPdu,
    TransactionStatus,
)
from spacepackets.cfdp.pdu.file_data import FileDataParams
from spacepackets.cfdp.pdu.prompt import ResponseRequired
from spacepackets.util import ByteFieldU16, ByteFieldU32

from uplink.transfers.cfdp import pdu as pdus

TRANSACTION = pdus.TransactionId(1, 1025, 0x01020304)


def conf(*, large: bool = False, crc: bool = False) -> PduConfig:
    return PduConfig(
        source_entity_id=ByteFieldU16(1),
        dest_entity_id=ByteFieldU16(1025),
        transaction_seq_num=ByteFieldU32(0x01020304),
        trans_mode=oracle.TransmissionMode.ACKNOWLEDGED,
        file_flag=oracle.LargeFileFlag(large),
        crc_flag=oracle.CrcFlag(crc),
    )


def pairs(large: bool, crc: bool = False):
    """Each of our directives beside the same one made by the other implementation."""
    big = 5_000_000_000 if large else 98_362_432

    def c():  # anew each time: the oracle changes what it is given
        return conf(large=large, crc=crc)

    fault = ConditionCode.FILE_CHECKSUM_FAILURE
    return [
        (
            pdus.Metadata(big, "a.gguf", "pack/ab12"),
            MetadataPdu(
                c(), MetadataParams(False, ChecksumType.CRC_32C, big, "a.gguf", "pack/ab12")
            ),
        ),
        (pdus.Eof(0xE3069283, big), EofPdu(c(), 0xE3069283, big)),
        (
            pdus.Finished(),
            FinishedPdu(c(), FinishedParams.success_params()),
        ),
        (
            pdus.Finished(5, complete=False, status=pdus.FileStatus.DISCARDED),
            FinishedPdu(
                c(),
                FinishedParams(
                    fault,
                    oracle.DeliveryCode.DATA_INCOMPLETE,
                    oracle.FileStatus.DISCARDED_DELIBERATELY,
                ),
            ),
        ),
        (
            pdus.Ack(pdus.Code.EOF, 0, pdus.Status.ACTIVE),
            AckPdu(c(), DirectiveType.EOF_PDU, ConditionCode.NO_ERROR, TransactionStatus.ACTIVE),
        ),
        (
            pdus.Ack(pdus.Code.FINISHED, 5, pdus.Status.TERMINATED),
            AckPdu(c(), DirectiveType.FINISHED_PDU, fault, TransactionStatus.TERMINATED),
        ),
        (
            pdus.Nak(0, big, ((0, 0), (1083, 2166), (9000, 9999))),
            NakPdu(c(), 0, big, [(0, 0), (1083, 2166), (9000, 9999)]),
        ),
        (pdus.Nak(7, 7, ()), NakPdu(c(), 7, 7, [])),
        (pdus.Prompt(pdus.Response.NAK), PromptPdu(c(), ResponseRequired.NAK)),
        (pdus.Prompt(pdus.Response.KEEP_ALIVE), PromptPdu(c(), ResponseRequired.KEEP_ALIVE)),
        (pdus.KeepAlive(big), KeepAlivePdu(c(), big)),
    ]


@pytest.mark.parametrize("large", [False, True])
def test_directives_have_the_bytes_of_another_implementation(large):
    for ours, theirs in pairs(large):
        assert pdus.encode(TRANSACTION, ours, large=large) == bytes(theirs.pack()), ours


@pytest.mark.parametrize("crc", [False, True])
@pytest.mark.parametrize("large", [False, True])
def test_directives_of_another_implementation_are_read(large, crc):
    for ours, theirs in pairs(large, crc):
        head, directive = pdus.decode(bytes(theirs.pack()))
        assert (head.transaction, head.large) == (TRANSACTION, large)
        assert directive == ours


@pytest.mark.parametrize("large", [False, True])
def test_file_data_has_the_bytes_of_another_implementation(large):
    offset = 5_000_000_123 if large else 123
    theirs = FileDataPdu(conf(large=large), FileDataParams(b"weights", offset, None)).pack()
    assert pdus.encode_file_data(TRANSACTION, offset, b"weights", large=large) == bytes(theirs)
    head, data = pdus.decode(bytes(theirs))
    assert data == pdus.FileData(offset, b"weights")
    assert head.towards == pdus.TOWARDS_RECEIVER


def test_a_wrong_crc_is_refused():
    good = bytearray(PromptPdu(conf(crc=True), ResponseRequired.NAK).pack())
    good[-3] ^= 1
    with pytest.raises(pdus.Malformed, match="CRC"):
        pdus.decode(bytes(good))


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused_by_name(noise):
    try:
        pdus.decode(noise)
    except pdus.Malformed:
        pass


@given(st.data())
def test_a_damaged_pdu_is_read_or_refused_by_name(data):
    ours, _ = data.draw(st.sampled_from(pairs(large=False)))
    raw = bytearray(pdus.encode(TRANSACTION, ours))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        pdus.decode(bytes(raw))
    except pdus.Malformed:
        pass
