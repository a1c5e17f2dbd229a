"""A chunk comes back byte for byte, and a hostile one is refused by name."""

import hashlib
import struct
import tracemalloc

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from uplink.transfers.packaging import cheapest, codec, transforms, wire
from uplink.transfers.packaging.cheapest import OPAQUE, Layout
from uplink.transfers.packaging.codec import Codec, Encoded

LAYOUTS = [OPAQUE, Layout((2,), 2), Layout((4,), 4), Layout((20, 1)), Layout((34, 1)), Layout()]
NOISE = b"".join(hashlib.sha256(bytes([n])).digest() for n in range(64))


@given(st.binary(max_size=300), st.integers(1, 40))
def test_planes_are_joined_again(data, stride):
    array = np.frombuffer(data, np.uint8)
    assert transforms.join(transforms.split(array, stride), stride).tobytes() == data


@given(st.binary(max_size=300), st.binary(max_size=300), st.sampled_from([1, 2, 4]))
def test_steps_between_numbers_are_added_again(new, base, width):
    new, base = (np.frombuffer(one[: min(len(new), len(base))], np.uint8) for one in (new, base))
    moved = transforms.subtract(new, base, width)
    transforms.add(moved, base, width)
    assert moved.tobytes() == new.tobytes()


def test_neighbouring_floats_are_one_step_apart():
    old = np.array([1.0, -1.0, 2.0, 0.5], "<f4")
    for towards in (np.inf, -np.inf):
        new = np.nextafter(old, np.float32(towards))
        steps = transforms.subtract(new.view("u1"), old.view("u1"), 4).view("<u4")
        assert set(steps.tolist()) <= {1, 2}


@given(st.lists(st.sampled_from([0, 0, 0, 1, 255]), max_size=200))
def test_what_is_not_zero_is_scattered_again(data):
    array = np.array(data, np.uint8)
    mask, values = transforms.gather(array)
    assert transforms.scatter(mask, values, len(array)).tobytes() == array.tobytes()


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=2000), st.sampled_from(LAYOUTS))
def test_a_chunk_on_its_own_comes_back(data, layout):
    encoded = cheapest.self_contained(data, layout)
    assert len(encoded.payload) <= len(data)
    assert codec.decode(encoded, len(data)) == data


@settings(deadline=None)
@given(
    st.binary(min_size=1, max_size=500),
    st.dictionaries(st.integers(0, 499), st.integers(0, 255), max_size=20),
    st.sampled_from(LAYOUTS),
    st.binary(max_size=50),
)
def test_a_delta_comes_back(base, changes, layout, before):
    new = bytearray(base)
    for place, value in changes.items():
        new[place % len(new)] = value
    encoded = cheapest.delta(bytes(new), before + base, layout, likely=len(before))
    assert codec.decode(encoded, len(new), before + base) == bytes(new)


def test_each_codec_is_the_cheapest_somewhere():
    rng = np.random.default_rng(4)
    floats = rng.normal(0, 0.05, 50_000).astype("<f4")
    tuned = floats + rng.uniform(-1e-4, 1e-4, floats.shape).astype("<f4")
    raw = rng.bytes(50_000)
    flipped = bytearray(raw)
    for place in range(0, len(raw), 1000):
        flipped[place] ^= 0x80
    text = b"".join(b"key %d\n" % n for n in range(5_000))
    halves = (tuned.view("<u4") >> 16).astype("<u2"), (floats.view("<u4") >> 16).astype("<u2")
    found = {
        cheapest.self_contained(raw, OPAQUE).codec,
        cheapest.self_contained(text, OPAQUE).codec,
        cheapest.self_contained(floats.tobytes(), Layout((4,), 4)).codec,
        cheapest.delta(halves[0].tobytes(), halves[1].tobytes(), Layout((2,), 2)).codec,
        cheapest.delta(bytes(flipped), raw, Layout((20, 1))).codec,
        cheapest.delta(b"inserted" + raw, raw, OPAQUE).codec,
    }
    assert found == set(Codec)


def frame(data: bytes, level: int = 3) -> bytes:
    return zstandard.ZstdCompressor(level=level).compress(data)


def bomb() -> bytes:
    """A frame of 64 MiB of zeros, 6 KB long."""
    return frame(bytes(64 << 20))


def without_size(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_content_size=False).compress(data)


@pytest.mark.parametrize(
    ("encoded", "why"),
    [
        (Encoded(Codec.RAW, b"x" * 99), "99 raw bytes, not 100"),
        (Encoded(Codec.ZSTD, b"not a frame"), "not a zstd frame"),
        (Encoded(Codec.ZSTD, bomb()), "a frame of 67108864 bytes where 100 belong"),
        (Encoded(Codec.PLANES, frame(bytes(99)), 2), "99 bytes where 100 belong"),
        (Encoded(Codec.ZSTD, frame(bytes(100))[:-1]), "not a zstd frame"),
        (Encoded(Codec.ZSTD, frame(bytes(100)) + b"more"), "not a zstd frame"),
        (Encoded(Codec.ZSTD, without_size(bytes(100))), "where 100 belong"),
        (Encoded(Codec.XOR, frame(bytes(100))), "XOR without a base"),
        (Encoded(Codec.PREFIX, frame(bytes(100))), "PREFIX without a base"),
        (Encoded(Codec.PLANES, b"", sparse=True), "sparse chunk is cut short"),
        (Encoded(Codec.PLANES, struct.pack("<I", 9) + b"abc", sparse=True), "mask of a sparse"),
        (
            Encoded(
                Codec.PLANES,
                codec.sparse_payload(frame(b"\xff" * 13), frame(b"123")),
                sparse=True,
            ),
            "3 values are fewer",
        ),
        (
            Encoded(
                Codec.PLANES, codec.sparse_payload(frame(bytes(13)), frame(b"123")), sparse=True
            ),
            "3 values, 0 bits",
        ),
    ],
)
def test_a_hostile_chunk_is_refused_with_the_reason(encoded, why):
    with pytest.raises(wire.Malformed, match=why):
        codec.decode(encoded, 100)


def test_a_delta_to_a_base_of_another_length_is_refused():
    encoded = Encoded(Codec.XOR, frame(bytes(100)), skip=1)
    with pytest.raises(wire.Malformed, match="against a base of 100 bytes"):
        codec.decode(encoded, 100, bytes(100))
    with pytest.raises(wire.Malformed, match="longer than any"):
        codec.decode(encoded, wire.CHUNK_BYTES_MAX + 1, bytes(100))


@settings(deadline=None, max_examples=300)
@given(
    st.sampled_from(list(Codec)),
    st.one_of(
        st.binary(max_size=200),
        st.builds(frame, st.binary(max_size=200)),
        st.builds(codec.sparse_payload, st.binary(max_size=40), st.binary(max_size=40)),
        st.builds(
            codec.sparse_payload,
            st.builds(frame, st.binary(max_size=20)),
            st.builds(frame, st.binary(max_size=100)),
        ),
    ),
    st.integers(1, codec.STRIDE_MAX),
    st.sampled_from(codec.WIDTHS),
    st.booleans(),
    st.integers(0, 200),
    st.integers(0, 300),
)
def test_no_payload_does_worse_than_being_refused(
    kind, payload, stride, width, sparse, length, skip
):
    encoded = Encoded(kind, payload, stride, width, sparse, skip)
    try:
        data = codec.decode(encoded, length, NOISE[:150])
    except wire.Malformed:
        return
    assert len(data) == length


def test_decoding_the_longest_chunk_takes_less_than_eight_mebibytes():
    rng = np.random.default_rng(5)
    base = rng.bytes(wire.CHUNK_BYTES_MAX)
    new = bytearray(base)
    for place in range(0, len(new), 3):
        new[place] ^= place & 3
    encoded = cheapest.delta(bytes(new), base, Layout((2,), 2))
    tracemalloc.start()
    try:
        codec.decode(encoded, len(new), base)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 6 << 20  # base and payload are 2 MiB more at most, and were there before
