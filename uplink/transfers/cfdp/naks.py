"""When to tell what is missing, and how (727.0-B-5, 4.6.4 and 5.2.6)."""

from __future__ import annotations

from collections.abc import Iterator

from uplink.transfers.cfdp import pdu as pdus
from uplink.transfers.cfdp.ranges import Ranges
from uplink.transfers.cfdp.timers import Limits

NAK_PDU_BYTES = 1078
"""What is left for a PDU in one downlink frame: 1,101 less the packet's two headers."""


def pages(
    start: int,
    end: int,
    missing: list[tuple[int, int]],
    *,
    most_bytes: int,
    large: bool,
    form: pdus.Form = pdus.OURS,
) -> Iterator[pdus.Nak]:
    """Yield NAKs of at most `most_bytes` that tell `missing` of the scope [start, end).

    Scopes follow each other without a gap; with nothing missing there is one NAK that says so.
    """
    width = 16 if large else 8
    room = max((most_bytes - form.header_bytes - 1 - 2 * form.crc - width) // width, 1)
    for at in range(0, max(len(missing), 1), room):
        page = tuple(missing[at : at + room])
        stop = end if at + room >= len(missing) else max(page[-1][1], start)
        yield pdus.Nak(start, stop, page)
        start = stop


def requests_of(nak: pdus.Nak, size: int) -> tuple[list[tuple[int, int]], bool]:
    """Return what a NAK says is missing of a file of `size` bytes, sorted and merged, and whether
    the Metadata is."""
    merged: list[tuple[int, int]] = []
    knows_nothing = False
    for start, end in sorted(nak.missing):
        end = min(end, size)
        if start == end == 0:
            knows_nothing = True
        elif merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        elif start < end:
            merged.append((start, end))
    return merged, knows_nothing


class Inquiry:
    """What a receiver was told and when: it decides when the next NAKs are due.

    All four ways of the standard are here: deferred to the EOF and repeated from then on, prompted
    and asynchronous by calling `whole`, immediate with `fresh_gaps` where the owner wants it.
    """

    def __init__(self, *, immediate: bool, limits: Limits) -> None:
        self.rounds = 0
        """Times in a row that we asked and nothing new came."""
        self.immediate, self._limits = immediate, limits
        self._told = 0  # end of the scope of the last NAK
        self.quiet_s = 0.0
        """When file data last came: as long as it flows nothing is asked for again."""
        self._immediate_s = 0.0

    def is_late(self, now_s: float) -> bool:
        return now_s - self.quiet_s >= self._limits.nak_s

    def whole(
        self, received: Ranges, end: int, *, knows_metadata: bool, now_s: float
    ) -> tuple[int, int, list[tuple[int, int]]]:
        """Return the scope of the whole file up to `end`, and everything that is missing of it."""
        self.quiet_s = now_s
        self._told = end
        missing = [] if knows_metadata else [(0, 0)]
        return 0, end, [*missing, *received.gaps(0, end)]

    def fresh_gaps(
        self, received: Ranges, now_s: float
    ) -> tuple[int, int, list[tuple[int, int]]] | None:
        """Return the scope since the last time and the gaps in it, when it is time to tell."""
        if now_s < self._immediate_s:
            return None
        start, end = self._told, received.end
        missing = list(received.gaps(start, end))
        self._told = end
        if not missing:
            return None
        self._immediate_s = now_s + self._limits.immediate_s
        return start, end, missing

    def shift(self, away_s: float) -> None:
        """So long there was no link: it does not count."""
        self.quiet_s += away_s
        self._immediate_s += away_s
