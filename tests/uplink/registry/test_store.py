"""The content store takes what is right, whole, or nothing."""

import errno
import hashlib
import tracemalloc
from pathlib import Path

import pytest

from uplink.registry import store


@pytest.fixture(autouse=True)
def root(settings, tmp_path):
    settings.ARTEFACT_ROOT = tmp_path / "artefacts"
    return settings.ARTEFACT_ROOT


def files(root) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


def test_bytes_lie_under_their_digest():
    received = store.receive([b"abc", b"def"])
    assert not store.holds(received.sha256)
    place = received.keep()

    assert place == store.path_of(hashlib.sha256(b"abcdef").hexdigest())
    assert place.read_bytes() == b"abcdef"
    assert place.parent.name == received.sha256[:2]
    again = store.receive([b"abcdef"], sha256=received.sha256)
    assert again.keep() == place


def test_other_bytes_than_announced_leave_nothing(root):
    with pytest.raises(store.HashMismatch) as refusal:
        store.receive([b"abc"], sha256="0" * 64)
    assert refusal.value.extra["sha256"] == hashlib.sha256(b"abc").hexdigest()
    assert files(root) == []


def test_too_many_bytes_leave_nothing_and_are_not_read_on(root):
    read = []

    def endless():
        while True:
            read.append(1)
            yield bytes(1000)

    with pytest.raises(store.TooBig):
        store.receive(endless(), most_bytes=10_000)
    assert len(read) == 11
    assert files(root) == []


def test_no_bytes_are_no_artefact(root):
    with pytest.raises(store.Empty):
        store.receive([])
    assert files(root) == []


def test_a_full_disk_is_told_and_leaves_nothing(root):
    def full():
        yield b"abc"
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(store.StoreFull, match="No space left"):
        store.receive(full())
    assert files(root) == []


def test_an_upload_that_breaks_off_leaves_nothing(root):
    def broken():
        yield b"abc"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        store.receive(broken())
    assert files(root) == []


def test_a_big_file_takes_the_memory_of_one_piece():
    tracemalloc.start()
    try:
        received = store.receive(bytes(1 << 20) for _ in range(64))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    received.discard()
    assert peak < 4 << 20
