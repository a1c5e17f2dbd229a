"""`pycfdp` as a peer; runs in an environment of its own, without anything of ours.

    python by_pycfdp.py send FILE SEGMENT_BYTES     PDUs on standard input and output
    python by_pycfdp.py receive FOLDER              the same, the other way round
    python by_pycfdp.py race MIB SEGMENT_BYTES      both ends here; bytes a second

On the pipes each PDU has its length before it, in four bytes.
"""

import os
import queue
import sys
import tempfile
import threading
import time
from pathlib import Path

from cfdp import CfdpEntity, ChecksumType
from cfdp.filestore import NativeFileStore
from cfdp.transport.base import Transport
from framed import pdus_waiting, write_pdu

TIMERS = {
    "positive_ack_timer_interval": 0.5,
    "positive_ack_timer_expiration_limit": 30,
    "nak_timer_interval": 0.5,
    "nak_timer_expiration_limit": 30,
}


class Wire(Transport):
    """What one end says goes to `out`; what `take` is given goes to the end."""

    def __init__(self, out):
        self._out, self._on_receive = out, None
        self._waiting = queue.Queue()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self, on_receive):
        self._on_receive = on_receive
        self._thread.start()

    def stop(self):
        self._waiting.put(None)

    def send(self, data):
        self._out(bytes(data))

    def take(self, pdu):
        self._waiting.put(pdu)

    def _run(self):
        while (pdu := self._waiting.get()) is not None:
            self._on_receive(pdu)


def entity(number, folder, wire, segment_bytes, **timers):
    end = CfdpEntity(
        number,
        NativeFileStore(str(folder)),
        wire,
        maximum_file_segment_length=segment_bytes,
        transaction_finished_indication_required=True,
        **timers,
    )
    end.start()
    return end


def put(end, name):
    return end.put(2, name, "kept", checksum_type=ChecksumType.CRC32C)


def converse(wire, incoming, is_over, linger_s):
    """Hand over what comes until the transaction is over, and a little longer."""
    over_s = None
    while over_s is None or time.monotonic() - over_s < linger_s:
        waiting = incoming.take(0.05)
        if waiting is None:
            return
        for pdu in waiting:
            wire.take(pdu)
        if over_s is None and is_over():
            over_s = time.monotonic()


def race(size, segment_bytes):
    """Both ends in this process, bytes between them, files on the disk."""
    slow = {"nak_timer_interval": 30.0, "positive_ack_timer_interval": 30.0}
    with tempfile.TemporaryDirectory() as folder:
        for name in ("here", "there"):
            (Path(folder) / name).mkdir()
        path, kept = Path(folder) / "here/sent", Path(folder) / "there/kept"
        path.write_bytes(os.urandom(size))
        up = Wire(lambda pdu: down.take(pdu))
        down = Wire(up.take)
        there = entity(2, kept.parent, down, segment_bytes, **slow)
        here = entity(1, path.parent, up, segment_bytes, **slow)
        started_s = time.perf_counter()
        assert put(here, "sent").wait(600)
        took_s = time.perf_counter() - started_s
        assert kept.read_bytes() == path.read_bytes()
        here.stop()
        there.stop()
    print(size / took_s)
    sys.stdout.flush()
    os._exit(0)


def main():
    if sys.argv[1] == "race":
        race(int(sys.argv[2]) << 20, int(sys.argv[3]))
        return
    wire, incoming, ended = Wire(write_pdu), pdus_waiting(), []

    def finish(*arguments, **named):
        ended.append(True)
        print(f"ended: {arguments} {named}", file=sys.stderr)

    if sys.argv[1] == "send":
        path = Path(sys.argv[2])
        end = entity(1, path.parent, wire, int(sys.argv[3]), **TIMERS)
        end.on_transaction_finished = finish
        put(end, path.name)
        linger_s = 1.0
    else:
        end = entity(2, sys.argv[2], wire, 1024, **TIMERS)
        end.on_transaction_finished = finish
        linger_s = 3.0
    converse(wire, incoming, lambda: bool(ended), linger_s)
    os._exit(0)


if __name__ == "__main__":
    main()
