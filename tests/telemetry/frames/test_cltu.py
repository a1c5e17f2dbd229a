"""Transmission units: as other implementations wrote them, and with the errors of a way up."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.frames import cltu, tc

# What two other implementations make: dariol83/ccsds, randomised (Apache-2.0), and a satellite's
# receiver test, not randomised. Bytes as their tests have them.
RANDOMISED = "eb90ff429a5468e804bef6688c29a63957c20255555555555556c5c5c5c5c5c5c579"
PLAIN = "eb90007b00191fc0186410c006000b100e16020000010319008800bbe915465555d2c5c5c5c5c5c5c579"


@pytest.mark.parametrize(("unit", "is_randomised"), [(RANDOMISED, True), (PLAIN, False)])
def test_foreign_units_are_read_and_written_alike(unit, is_randomised):
    heard = cltu.decode(bytes.fromhex(unit), is_randomised=is_randomised)

    frame = tc.decode(heard[0].data, has_fecf=not is_randomised)

    assert [(each.at_bit, each.corrected) for each in heard] == [(0, 0)]
    assert frame.spacecraft == 123
    assert frame.channel == int(is_randomised)
    again = cltu.encode(tc.encode(frame, has_fecf=not is_randomised), is_randomised=is_randomised)
    assert again.hex() == unit


frames = st.binary(min_size=1, max_size=60)


def shifted(stream, bits):
    """The stream behind so many bits of idle sequence."""
    idle = np.resize(np.array([0, 1], np.uint8), bits)
    return np.packbits(np.concatenate([idle, np.unpackbits(np.frombuffer(stream, np.uint8))]))


@given(sent=st.lists(frames, max_size=4), is_randomised=st.booleans(), idle=st.integers(0, 20))
def test_units_are_found_at_any_bit(sent, is_randomised, idle):
    stream = b"".join(cltu.encode(frame, is_randomised=is_randomised) for frame in sent)

    heard = cltu.decode(shifted(stream, idle).tobytes(), is_randomised=is_randomised)

    assert [unit.data[: len(frame)] for unit, frame in zip(heard, sent, strict=True)] == sent


@given(frame=frames, data=st.data())
def test_one_wrong_bit_in_a_block_is_corrected_and_is_an_end_where_nothing_is(frame, data):
    unit = bytearray(cltu.encode(frame))
    blocks = (len(unit) - 10) // 8
    block = data.draw(st.integers(0, blocks - 1))
    bit = data.draw(st.integers(0, 62))
    unit[2 + 8 * block + bit // 8] ^= 0x80 >> bit % 8

    corrected = cltu.decode(bytes(unit))
    detected = cltu.decode(bytes(unit), corrects=False)

    assert corrected[0].data[: len(frame)] == frame
    assert corrected[0].corrected == 1
    assert sum(len(each.data) for each in detected if each.at_bit == 0) == 7 * block


@given(frame=frames, bits=st.sets(st.integers(0, 62), min_size=2, max_size=3))
def test_two_and_three_wrong_bits_are_detected(frame, bits):
    unit = bytearray(cltu.encode(frame))
    for bit in bits:
        unit[2 + bit // 8] ^= 0x80 >> bit % 8
    # The search goes on behind it, and may take some bits of the frame for another start.
    assert not any(each.at_bit == 0 for each in cltu.decode(bytes(unit), corrects=False))
    if len(bits) == 2:
        assert not any(each.at_bit == 0 for each in cltu.decode(bytes(unit)))


def test_a_start_sequence_may_have_one_wrong_bit_where_errors_are_corrected():
    unit = bytearray(cltu.encode(b"command"))
    unit[0] ^= 0x10
    assert cltu.decode(bytes(unit))[0].data == b"command"
    assert cltu.decode(bytes(unit), corrects=False) == []


@given(st.binary(max_size=200), st.booleans())
def test_noise_is_survived(noise, corrects):
    for unit in cltu.decode(noise, corrects=corrects):
        assert unit.data


def test_nothing_is_no_unit():
    with pytest.raises(ValueError, match="a frame or more"):
        cltu.encode(b"")
