"""Which bytes of a file leave next: repairs first, then what has never left."""

from __future__ import annotations

from collections.abc import Callable

from uplink.transfers.cfdp import pdu as pdus
from uplink.transfers.cfdp.pdu import TransactionId
from uplink.transfers.cfdp.ranges import Ranges

REPAIR_MOST_S = 10.0
"""A receiver asks again every few seconds; longer than this nobody waits for a slow answer."""
LARGE_BYTES = 1 << 32
"""From this size on offsets have 8 bytes (5.1, large file flag)."""


class Outgoing:
    """The file's bytes on their way out, as File Data PDUs of `segment_size` bytes each.

    `acked` is what the receiver confirmed, `high_water` the bytes from the file's beginning that
    have left at least once, `sent_bytes` all that left, repeats included. A repair that left less
    than `repair_s` ago is on its way: asked for again meanwhile, it does not leave again.
    """

    def __init__(
        self,
        transaction: TransactionId,
        size: int,
        read: Callable[[int, int], bytes],
        segment_size: int,
        acked: Ranges,
        *,
        repair_s: float,
        form: pdus.Form = pdus.OURS,
    ) -> None:
        self.size, self.segment_size = size, segment_size
        self.acked = acked
        self.high_water = self.sent_bytes = 0
        self.given_bytes = acked.total
        """What was there before the first byte left."""
        self.large = size >= LARGE_BYTES
        self.lost_bytes = 0
        """What had to leave again because it never arrived."""
        self._transaction, self._form = transaction, form
        self._read = read
        self._width = 8 if self.large else 4
        self._full_head = self._head(segment_size)
        self._wanted = Ranges()
        self._clear = (0, 0)  # the stretch of new data being sent, free of acknowledged bytes
        # What was repaired lately, in two spans of time, so that old ones are forgotten at once.
        self._repaired = [Ranges(), Ranges()]
        self._span_s, self._span_ends_s = repair_s / 2, 0.0
        self._shortest_s = repair_s
        self._before_end: list[Ranges] = []  # what was repaired lately when the EOF left

    # --- what leaves ---

    def add_repairs(self, batch: list[bytes], count: int, now_s: float) -> None:
        """Append PDUs with bytes that were asked for until `batch` has `count`, or all left."""
        if not self._wanted or len(batch) >= count:
            return
        self._forget_old(now_s)
        at = lowest = self._wanted.first()[0]
        left: list[tuple[int, int]] = []
        for start, end in self._wanted.within(lowest, self.size):
            at = start
            while at < end and len(batch) < count:
                stop = min(at + self.segment_size, end)
                batch.append(self._file_data(at, stop))
                at = stop
            left.append((start, at))
            if len(batch) >= count:
                break
        self._wanted.remove(lowest, at)
        self._repaired[0].add_all(left)

    def add_new(self, batch: list[bytes], count: int) -> None:
        """Append PDUs with bytes that never left until `batch` has `count`, or all left."""
        step, read, at = self.segment_size, self._read, self.high_water
        head, width, crc = self._full_head, self._width, self._form.crc
        while len(batch) < count:
            if at >= self._clear[1]:
                gap = next(self.acked.gaps(at, self.size), None)
                if gap is None:
                    at = self.size
                    break
                self._clear, at = gap, gap[0]
            stop = at + step
            if stop <= self._clear[1]:
                pdu = head + at.to_bytes(width, "big") + read(at, step)
                batch.append(pdus.seal(pdu) if crc else pdu)
                self.sent_bytes += step
            else:
                stop = self._clear[1]
                batch.append(self._file_data(at, stop))
            at = stop
        self.high_water = at

    def _head(self, length: int) -> bytes:
        return pdus.header(
            self._transaction,
            self._width + length,
            towards=pdus.TOWARDS_RECEIVER,
            file_data=True,
            large=self.large,
            form=self._form,
        )

    def _file_data(self, start: int, end: int) -> bytes:
        self.sent_bytes += end - start
        place = start.to_bytes(self._width, "big")
        count = end - start
        head = self._full_head if count == self.segment_size else self._head(count)
        pdu = head + place + self._read(start, count)
        return pdus.seal(pdu) if self._form.crc else pdu

    # --- what the receiver says ---

    def take_nak(
        self, scope: tuple[int, int], missing: list[tuple[int, int]], now_s: float
    ) -> None:
        """Confirm what lies in the scope and is not missing; what is missing leaves again.

        The receiver is the authority: what it lost, it lost. `missing` is sorted and apart.
        """
        start, end = scope[0], min(scope[1], self.size)
        if end == self.size:
            # Said after the EOF: what had been repaired before it and is missing now was lost.
            self._before_end = []
        self._forget_old(now_s)
        acked, wanted, before = self.acked, self._wanted, self._wanted.total
        confirmed: list[tuple[int, int]] = []
        acked.remove(start, end)
        wanted.remove(start, end)
        at = start
        for first, last in missing:
            confirmed.append((at, min(first, end)))
            at = max(at, last)
            if first < start or last > end:  # told beyond its scope: lost all the same
                acked.remove(first, last)
                wanted.remove(first, last)
        confirmed.append((at, end))
        acked.add_all(confirmed)
        wanted.add_all(self._not_under_way(missing))
        self.lost_bytes += max(0, wanted.total - before)
        self.high_water = max(self.high_water, end)
        self._clear = (0, 0)

    def want_again(self, start: int, end: int) -> None:
        """Let [start, end) leave again but for what is confirmed."""
        if start >= end:
            return
        self._wanted.add(start, end)
        for first, last in list(self.acked.within(start, end)):
            self._wanted.remove(first, last)

    def heard(self) -> None:
        """The receiver told all that it holds: so much has left, whoever counted it."""
        self.sent_bytes = max(self.sent_bytes, self.arrived_bytes)

    @property
    def arrived_bytes(self) -> int:
        """Bytes that the receiver holds because they left here."""
        return max(self.acked.total - self.given_bytes, 0)

    @property
    def wanted_bytes(self) -> int:
        """Bytes that have to leave again."""
        return self._wanted.total

    def everything_left(self) -> None:
        """The end of the file follows: what is missing after it was lost, and leaves again."""
        self._before_end, self._repaired = self._repaired, [Ranges(), Ranges()]

    def answered_after(self, round_trip_s: float) -> None:
        """A word took so long: repairs are given time for it before they count as lost."""
        self._span_s = max(self._shortest_s, min(1.5 * round_trip_s, REPAIR_MOST_S)) / 2

    def ask_for_nothing(self) -> None:
        """Drop every repair: a cut, and the receiver will say anew what is missing."""
        self._wanted, self._before_end = Ranges(), []
        self._repaired = [Ranges(), Ranges()]

    def confirm_all(self) -> None:
        """The receiver holds the file."""
        self.acked = Ranges([(0, self.size)])
        self.high_water = self.size
        self.heard()

    def _forget_old(self, now_s: float) -> None:
        if now_s < self._span_ends_s:
            return
        old = now_s >= self._span_ends_s + self._span_s
        self._repaired = [Ranges(), Ranges() if old else self._repaired[0]]
        self._before_end = []
        self._span_ends_s = now_s + self._span_s

    def _not_under_way(self, parts: list[tuple[int, int]]) -> list[tuple[int, int]]:
        for repaired in (*self._repaired, *self._before_end):
            if repaired:
                parts = [gap for part in parts for gap in repaired.gaps(*part)]
        return parts
