"""Manifests and want-lists travel compactly, and are believed in nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.uplink.transfers.packaging import models
from uplink.transfers.packaging import manifests, wants, wire


@pytest.fixture(scope="module")
def encoded(tmp_path_factory) -> bytes:
    folder = tmp_path_factory.mktemp("models")
    old = models.weights(1)
    base = models.safetensors(folder / "old", old)
    new = models.safetensors(folder / "new", models.tuned(old) | {"blk.0.q": old["blk.0.q"]})
    return manifests.encode(models.plan(new, base).manifest)


def test_a_manifest_comes_back(encoded):
    manifest = manifests.decode(encoded)
    assert manifests.encode(manifest) == encoded
    assert set(manifest.sources[0].kind.tolist()) == {manifests.EXACT, manifests.NEAR}
    assert manifest.offsets[-1] == manifest.size


def test_a_manifest_begins_with_magic_version_and_the_name_of_the_file():
    empty = manifests.Manifest(
        bytes(range(32)), 300, np.array([300], np.int32), np.full((1, 32), 7, np.uint8)
    )
    assert manifests.encode(empty) == (
        b"ZMAN\x01" + bytes(range(32)) + b"\xac\x02" + b"\x01" + b"\xac\x02" + b"\x07" * 32 + b"\0"
    )


def test_twenty_gigabytes_need_less_than_a_megabyte():
    count = 20_000
    lengths = np.full(count, 1 << 20, np.int32)
    digests = np.frombuffer(np.random.default_rng(1).bytes(32 * count), np.uint8)
    sources = manifests.empty_sources(bytes(32), count << 20, count)
    sources.kind[:] = manifests.NEAR
    sources.offset[:] = np.arange(count, dtype=np.int64) << 20
    sources.length[:] = 1 << 20
    manifest = manifests.Manifest(
        bytes(32), count << 20, lengths, digests.reshape(count, 32), (sources,)
    )
    encoded = manifests.encode(manifest)
    assert len(encoded) < 60 * count
    assert manifests.encode(manifests.decode(encoded)) == encoded


def test_chunks_with_the_same_bytes_are_found_and_others_are_not():
    digests = np.zeros((6, 32), np.uint8)
    digests[[1, 4, 5], 0] = 7
    digests[2, 31] = 1  # begins as those of 0 and 3 do
    manifest = manifests.Manifest(bytes(32), 6, np.ones(6, np.int32), digests)
    zeros, sevens = (0, 3), (1, 4, 5)
    assert manifests.twins(manifest) == dict.fromkeys(zeros, zeros) | dict.fromkeys(sevens, sevens)
    none = manifests.Manifest(bytes(32), 0, np.empty(0, np.int32), digests[:0])
    assert manifests.twins(none) == {}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda good: b"ZMAX" + good[4:], "does not begin"),
        (lambda good: good[:4] + b"\x09" + good[5:], "version 9"),
        (lambda good: good[:37] + b"\xff" * 9 + good[46:], "the size is|has no end"),
        (lambda good: good[:-1], "bytes more are wanted"),
        (lambda good: good + b"x", "too many"),
        (lambda good: b"", "bytes more are wanted"),
    ],
)
def test_a_broken_manifest_is_refused_with_the_reason(encoded, change, why):
    with pytest.raises(wire.Malformed, match=why):
        manifests.decode(change(encoded))


def test_a_range_beyond_its_base_is_refused(encoded):
    manifest = manifests.decode(encoded)
    manifest.sources[0].offset[-1] += 1 << 30
    with pytest.raises(wire.Malformed, match="outside of its base"):
        manifests.decode(manifests.encode(manifest))


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_no_bytes_do_worse_than_being_refused(encoded, data):
    broken = bytearray(encoded)
    for _ in range(data.draw(st.integers(1, 5))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(broken)))
    try:
        manifest = manifests.decode(bytes(broken[:cut]))
    except wire.Malformed:
        return
    assert manifest.lengths.sum() == manifest.size


@given(st.lists(st.integers(0, wants.FROM_BASE + manifests.BASES_MAX - 1), max_size=50))
def test_a_want_list_comes_back(values):
    wanted = np.array(values, np.uint8)
    assert wants.decode(wants.encode(wanted), len(values)).tolist() == values


def test_a_want_list_is_as_short_as_what_is_odd():
    wanted = np.zeros(20_000, np.uint8)
    wanted[777] = wants.LACKING
    assert len(wants.encode(wanted)) < 16


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\x02\x03\x00\x03", "version 2"),
        (b"\x01\x04\x00\x04", "4 chunks, the manifest of 3"),
        (b"\x01\x03\x00\x04", "a run is 4"),
        (b"\x01\x03\x00\x00", "run of nothing"),
        (b"\x01\x03\xff\x03", "from base 253"),
        (b"\x01\x03\x00\x02", "more are wanted"),
        (b"\x01\x03\x00\x03\x00", "too many"),
    ],
)
def test_a_broken_want_list_is_refused_with_the_reason(data, why):
    with pytest.raises(wire.Malformed, match=why):
        wants.decode(data, 3)


@given(st.binary(max_size=30))
def test_no_want_list_does_worse_than_being_refused(data):
    try:
        assert len(wants.decode(data, 10)) == 10
    except wire.Malformed:
        pass
