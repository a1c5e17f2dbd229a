"""Cuts by content move with the content."""

import numpy as np
import pytest

from uplink.transfers.packaging import content

NOISE = np.random.default_rng(1).bytes(3_000_000)


def reader(data):
    return lambda offset, count: data[offset : offset + count]


def pieces(data: bytes) -> list[bytes]:
    found, at = [], 0
    for length in content.lengths(reader(data), 0, len(data)):
        found.append(data[at : at + length])
        at += length
    assert at == len(data)
    return found


def slow_sums(data: bytes) -> list[int]:
    """The gear hash as it is defined, byte after byte."""
    total, sums = 0, []
    for byte in data:
        total = ((total << 1) + int(content._GEAR[byte])) & 0xFFFFFFFF
        sums.append(total)
    return sums


def test_the_sums_are_those_of_the_definition():
    data = np.frombuffer(NOISE[:1000], np.uint8)
    assert content._sums(data).tolist() == slow_sums(NOISE[:1000])


def test_blocks_that_are_read_have_no_influence_on_the_cuts(monkeypatch):
    monkeypatch.setattr(content, "LENGTH_MIN", 100)
    monkeypatch.setattr(content, "_LENGTH_BITS", 8)
    whole = [len(one) for one in pieces(NOISE[:30_000])]
    anchors = content.anchors(reader(NOISE), 0, 30_000, 6)
    monkeypatch.setattr(content, "_BLOCK_BYTES", 64)
    assert [len(one) for one in pieces(NOISE[:30_000])] == whole
    for ours, theirs in zip(anchors, content.anchors(reader(NOISE), 0, 30_000, 6), strict=True):
        assert ours.tolist() == theirs.tolist()
    ends = [n + 1 for n, total in enumerate(slow_sums(NOISE[:30_000])) if total >> 24 == 0]
    assert set(np.cumsum(whole).tolist()[:-1]) <= set(ends)


def test_chunks_have_the_lengths_that_were_asked_for():
    lengths = [len(one) for one in pieces(NOISE)]
    assert max(lengths) <= content.LENGTH_MAX
    assert min(lengths[:-1]) >= content.LENGTH_MIN
    assert 50_000 < np.mean(lengths) < 120_000


@pytest.mark.parametrize("length", [0, 1, content.LENGTH_MIN - 1, content.LENGTH_MAX + 1])
def test_short_and_uniform_data_is_covered(length):
    assert b"".join(pieces(bytes(length))) == bytes(length)


@pytest.mark.parametrize("place", [0, 1, 70_000, 1_500_000])
def test_an_insertion_changes_the_chunks_around_it_only(place):
    before = pieces(NOISE)
    after = pieces(NOISE[:place] + b"an insertion of odd length!" + NOISE[place:])
    assert len(set(after) - set(before)) <= 3


def test_anchors_are_found_again_wherever_the_bytes_lie():
    places, keys = content.anchors(reader(NOISE), 0, 500_000, 10)
    moved = b"x" * 12_345 + NOISE[:500_000]
    again, keys_again = content.anchors(reader(moved), 0, len(moved), 10)
    shared, ours, theirs = np.intersect1d(keys, keys_again, return_indices=True)
    assert len(shared) == len(keys) > 300
    assert set((again[theirs] - places[ours]).tolist()) == {12_345}
