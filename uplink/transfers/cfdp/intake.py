"""A file's bytes as they come in: written, counted, and never beyond what was declared."""

from __future__ import annotations

from collections.abc import Callable

from uplink.transfers.cfdp import pdu as pdus
from uplink.transfers.cfdp.ranges import Ranges


class Intake:
    """What was received of a file of at most `bound` bytes; `write(offset, data)` stores it.

    The bound is `most_bytes` until a size is declared.
    """

    __slots__ = ("_most_bytes", "_write", "bound", "fresh", "ranges", "repeated_bytes")

    def __init__(self, write: Callable[[int, bytes], object], most_bytes: int) -> None:
        self.ranges = Ranges()
        self.bound = self._most_bytes = most_bytes
        self.repeated_bytes = 0
        """Bytes that came although they were there."""
        self.fresh: list[list[int]] = []
        """What came since somebody took note of it."""
        self._write = write

    def take(self, offset: int, data: bytes) -> int:
        """Store bytes that lie within the bound; return how many are new. `OSError` as `write`."""
        self._write(offset, data)
        end = offset + len(data)
        new = self.ranges.add(offset, end)
        self.repeated_bytes += len(data) - new
        if new:
            if self.fresh and self.fresh[-1][1] == offset:
                self.fresh[-1][1] = end
            else:
                self.fresh.append([offset, end])
        return new

    def fits(self, metadata: pdus.Metadata | None, eof: pdus.Eof | None) -> bool:
        """Bound the file by what is declared of its size; False when that cannot be true."""
        declared = 0 if metadata is None else metadata.size
        if eof is not None and declared not in (0, eof.size):
            return False
        if eof is None and declared == 0:  # promises nothing (5.2.5): the EOF will tell
            return True
        size = declared if eof is None else eof.size
        if size > self._most_bytes or self.ranges.end > size:
            return False
        self.bound = size
        return True

    def take_fresh(self) -> list[list[int]]:
        taken, self.fresh = self.fresh, []
        return taken
