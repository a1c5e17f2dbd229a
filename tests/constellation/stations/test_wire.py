"""The station protocol's bytes, written out by hand."""

import pytest

from constellation.stations import wire
from telemetry import onboard

FRAME = bytes(range(256)) * 4 + bytes(91)


def test_wire_and_on_board_interface_agree_on_the_frame():
    assert wire.FRAME_BYTES == onboard.FRAME_BYTES == len(FRAME)


def test_uplink_frames_lie_behind_length_and_type():
    assert wire.encode_uplink([FRAME, FRAME]) == b"\x00\x00\x08\xb7A" + FRAME + FRAME


def test_an_acknowledgement_is_a_u64():
    message = wire.encode_acknowledge(258)
    assert message == bytes.fromhex("00000009 4b 0000000000000102")
    assert wire.decode_acknowledge(message[5:]) == 258


def test_a_batch_has_number_time_and_count_before_its_frames():
    batch = wire.Batch(7, 1_787_400_000_000_000_001, FRAME)
    head = bytes.fromhex("0000046e 44 0000000000000007 18ce18ffb9a40001 0001".replace(" ", ""))
    message = wire.encode_batch(batch)
    assert message[:5] == head[:5]
    assert message[5:13] == head[5:13]
    assert int.from_bytes(message[13:21], signed=True) == 1_787_400_000_000_000_001
    assert message[21:] == b"\x00\x01" + FRAME
    assert wire.decode_batch(message[5:]) == batch


def test_an_open_request_is_json():
    request = wire.OpenRequest("SGS", "SGS-1", "SCS-01-A", "c", 3, 1787400000.5)
    message = wire.encode_open(request)
    assert message[4:] == (
        b'O{"station":"SGS","antenna":"SGS-1","satellite":"SCS-01-A","contact_id":"c",'
        b'"fencing":3,"until":1787400000.5}'
    )
    assert wire.decode_open(message[5:]) == request


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"station":1}', b'{"station":"S","antenna":"A"}', b"\xff"]
)
def test_an_open_request_that_lacks_something_is_malformed(body):
    with pytest.raises(wire.Malformed):
        wire.decode_open(body)


@pytest.mark.parametrize("size", [1, 2, 5, 7, 1000])
def test_messages_are_cut_out_of_pieces_of_any_size(size):
    messages = [(wire.CLOSE, b"{}"), (wire.UPLINK, FRAME * 3), (wire.ACKNOWLEDGE, bytes(8))]
    stream = b"".join(wire.encode(kind, body) for kind, body in messages)
    splitter = wire.Splitter()
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    assert [found for piece in pieces for found in splitter.feed(piece)] == messages


def test_a_length_that_cannot_be_is_malformed():
    with pytest.raises(wire.Malformed):
        list(wire.Splitter().feed(b"\xff\xff\xff\xffO"))
    with pytest.raises(wire.Malformed):
        list(wire.Splitter().feed(b"\x00\x00\x00\x00O"))


def test_frames_of_another_length_are_refused():
    with pytest.raises(ValueError):
        wire.encode_uplink([FRAME[:-1]])
    with pytest.raises(wire.Malformed):
        wire.decode_batch(bytes(16) + b"\x00\x02" + FRAME)
