"""A station whose disk is full says so, keeps nothing by halves, and goes on when there is room."""

import contextlib
import resource

import pytest

from constellation.simulator import journal
from constellation.simulator.ground.spool import Spool
from constellation.stations import wire
from telemetry.onboard import FRAME_BYTES

REQUEST = wire.OpenRequest(
    station="SGS", antenna="SGS-1", satellite="SCS-01-M", contact_id="c", fencing=1, until=9.0
)


@contextlib.contextmanager
def disk_full_at(size):
    """Let the kernel refuse to make any file of this process longer than so many bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_record_that_does_not_fit_leaves_no_torn_end(tmp_path):
    path = tmp_path / "journal"
    kept = journal.Journal(path)
    kept.append(b"first")
    with disk_full_at(kept.size + 20), pytest.raises(OSError):
        kept.append(b"x" * 100)
    kept.append(b"after")
    assert journal.load(path) == [b"first", b"after"]


def test_a_spool_outlives_a_full_disk_and_forgets_nothing_it_promised(tmp_path):
    path = tmp_path / "spool"
    spool = Spool(path)
    spool.open(REQUEST)
    first = spool.receive(1, bytes(FRAME_BYTES))
    with disk_full_at(path.stat().st_size + 10):
        with pytest.raises(OSError):
            spool.receive(2, bytes(FRAME_BYTES))
        spool.radiated(5, 0, 0)
        spool.acknowledge(first.number)
    second = spool.receive(3, bytes([1]) * FRAME_BYTES)
    spool.radiated(1, 0, 0)

    again = Spool(path)
    assert (first.number, second.number) == (1, 2)
    assert again.unacknowledged[-1] == second
    assert (again.counters.batches, again.counters.radiated_frames) == (2, 6)
