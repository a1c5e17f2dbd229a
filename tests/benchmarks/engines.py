"""The CFDP engine alone: files on the disk, two state machines, bytes between them."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import google_crc32c

from tests.oracles.peers import environments
from uplink.transfers import cfdp

TRANSACTION = cfdp.TransactionId(1, 2, 3)
PATIENT = cfdp.Limits(ack_s=60, nak_s=60, inactivity_s=600)
BATCH = 1_000


class File:
    """A file that one end reads or writes; a piece of zeros leaves a hole."""

    def __init__(self, path: Path, size: int) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT)
        os.ftruncate(self._file, size)
        self._zeros = b""

    def read(self, offset: int, count: int) -> bytes:
        return os.pread(self._file, count, offset)

    def write(self, offset: int, data: bytes) -> None:
        if len(self._zeros) != len(data):
            self._zeros = bytes(len(data))
        if data != self._zeros:
            os.pwrite(self._file, data, offset)

    def checksum(self, size: int, kind: int) -> int:
        return cfdp.checksum_of(kind, self.read, size)

    def close(self) -> None:
        os.close(self._file)


def make_ends(here: File, there: File, size: int, crc32c: int, segment_bytes: int):
    sender = cfdp.Sender(
        TRANSACTION, "kept", size, crc32c, here.read, segment_bytes, limits=PATIENT
    )
    receiver = cfdp.Receiver(
        TRANSACTION, there.write, there.checksum, most_bytes=size, limits=PATIENT
    )
    return sender, receiver


def race(size: int, segment_bytes: int) -> float:
    """Return the bytes a second at which a file of random bytes goes from one end to the other."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "sent").write_bytes(os.urandom(size))
        here, there = (File(Path(folder) / name, size) for name in ("sent", "kept"))
        crc32c = here.checksum(size, cfdp.Checksum.CRC32C)
        started_s = time.perf_counter()
        sender, receiver = make_ends(here, there, size, crc32c, segment_bytes)
        while not sender.state.is_over:
            receiver.receive_many(sender.next_pdus(BATCH, 0.0), 0.0)
            for pdu in receiver.pending_pdus():
                sender.receive(pdu, 0.0)
        took_s = time.perf_counter() - started_s
        assert receiver.complete
        assert (Path(folder) / "kept").read_bytes() == (Path(folder) / "sent").read_bytes()
        here.close()
        there.close()
    return size / took_s


def race_of_peer(peer: str, size: int, segment_bytes: int) -> float:
    """Return the same of another engine, in an environment and a process of its own."""
    race = [*environments.command(peer), "race", str(size >> 20), str(segment_bytes)]
    done = subprocess.run(race, check=True, stdout=subprocess.PIPE, text=True)
    return float(done.stdout.split()[-1])


def repair_s(gaps: int, segment_bytes: int = 1083) -> float:
    """Return how long a file with so many gaps takes from its EOF to its end, both ends here."""
    size = 2 * gaps * segment_bytes
    sender = cfdp.Sender(
        TRANSACTION,
        "gaps",
        size,
        0,
        lambda offset, count: bytes(count),
        segment_bytes,
        limits=PATIENT,
        checksum_type=cfdp.Checksum.NULL,
    )
    receiver = cfdp.Receiver(
        TRANSACTION, lambda offset, data: None, lambda *_: 0, most_bytes=size, limits=PATIENT
    )
    first, *data, eof = sender.next_pdus(2 * gaps + 2, 0.0)
    receiver.receive_many([first, *data[1::2]], 0.0)
    del data
    started_s = time.perf_counter()
    receiver.receive(eof, 0.0)
    while not sender.state.is_over:
        for pdu in receiver.pending_pdus():
            sender.receive(pdu, 0.0)
        receiver.receive_many(sender.next_pdus(BATCH, 0.0), 0.0)
    assert receiver.complete
    return time.perf_counter() - started_s


def peak_mib(size: int, segment_bytes: int) -> float:
    """Return the most memory of a process of its own that carries a sparse file of such a size."""
    carry = [sys.executable, "-m", "tests.benchmarks.engines", str(size), str(segment_bytes)]
    done = subprocess.run(carry, check=True, stdout=subprocess.PIPE, text=True)
    return float(done.stdout.split()[-1])


def _carry_sparse(size: int, segment_bytes: int) -> None:
    """Carry a file of holes, with every hundredth PDU lost once; print the peak in MiB."""
    with tempfile.TemporaryDirectory() as folder:
        here, there = (File(Path(folder) / name, size) for name in ("sent", "kept"))
        crc32c = here.checksum(size, cfdp.Checksum.CRC32C)
        sender, receiver = make_ends(here, there, size, crc32c, segment_bytes)
        lossy = True
        while not sender.state.is_over:
            pdus = sender.next_pdus(BATCH, 0.0)
            receiver.receive_many(
                (pdu for n, pdu in enumerate(pdus) if n % 100 != 50 or not lossy), 0.0
            )
            lossy = lossy and receiver.eof is None
            for pdu in receiver.pending_pdus():
                sender.receive(pdu, 0.0)
        assert receiver.complete
        assert receiver.received.total == size
        assert google_crc32c.value(there.read(size - 5, 5)) == google_crc32c.value(bytes(5))
    # Not `ru_maxrss`, which begins with that of the process that started this one.
    status = Path("/proc/self/status").read_text()
    print(int(status.partition("VmHWM:")[2].split()[0]) / 1024)


if __name__ == "__main__":
    _carry_sparse(int(sys.argv[1]), int(sys.argv[2]))
