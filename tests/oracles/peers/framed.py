"""PDUs on a process's standard input and output, each behind its length in four bytes."""

import queue
import sys
import threading


class Incoming:
    """PDUs that a thread reads from standard input."""

    def __init__(self):
        self._queue = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        source = sys.stdin.buffer
        while head := source.read(4):
            self._queue.put(source.read(int.from_bytes(head, "big")))
        self._queue.put(None)

    def take(self, timeout_s):
        """Return what has come, waiting so long for the first; None when no more will."""
        found = []
        try:
            found.append(self._queue.get(timeout=timeout_s) if timeout_s else self._get_now())
            while True:
                found.append(self._get_now())
        except queue.Empty:
            pass
        return None if None in found else found

    def _get_now(self):
        return self._queue.get_nowait()


def pdus_waiting():
    return Incoming()


def write_pdu(pdu):
    sys.stdout.buffer.write(len(pdu).to_bytes(4, "big") + pdu)
    sys.stdout.buffer.flush()
