"""NAKs as long as what is missing makes them (727.0-B-5, 4.6.4 and 5.2.6)."""

from __future__ import annotations

from collections.abc import Iterator

from uplink.transfers.cfdp import pdu as pdus

NAK_PDU_BYTES = 1078
"""What is left for a PDU in one downlink frame: 1,101 less the packet's two headers."""


def pages(
    start: int, end: int, missing: list[tuple[int, int]], *, most_bytes: int, large: bool
) -> Iterator[pdus.Nak]:
    """Yield NAKs of at most `most_bytes` that tell `missing` of the scope [start, end).

    Scopes follow each other without a gap; with nothing missing there is one NAK that says so.
    """
    width = 16 if large else 8
    room = max((most_bytes - pdus.HEADER_BYTES - 1 - width) // width, 1)
    for at in range(0, max(len(missing), 1), room):
        page = tuple(missing[at : at + room])
        stop = end if at + room >= len(missing) else max(page[-1][1], start)
        yield pdus.Nak(start, stop, page)
        start = stop
