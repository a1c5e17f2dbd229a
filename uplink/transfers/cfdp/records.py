"""What of a transaction outlives its process, as JSON: the sender's in one piece, the receiver's
as a first record and changes to it, so that a journal of them can be appended to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from uplink.transfers.cfdp import pdu as pdus

if TYPE_CHECKING:
    from uplink.transfers.cfdp.receiver import Receiver
    from uplink.transfers.cfdp.sender import Sender

State = dict[str, object]


def of_sender(sender: Sender) -> State:
    return {
        "transaction": list(sender.transaction),
        "destination": sender.destination,
        "source_name": sender.source_name,
        "size": sender.size,
        "checksum": sender.checksum,
        "segment_size": sender.segment_size,
        "state": sender.state.value,
        "fault": None if sender.fault is None else int(sender.fault),
        "high_water": max(sender.high_water, sender.unsure),
        "acked": sender.acked.to_json(),
        "started": sender.started,
        "eof_acked": sender.eof_acked,
        "sent_bytes": sender.sent_bytes,
        "given_bytes": sender.given_bytes,
    }


def but_ranges(receiver: Receiver) -> State:
    """Return a receiver's state without the ranges it received."""
    metadata, eof = receiver.metadata, receiver.eof
    return {
        "transaction": list(receiver.transaction),
        "state": receiver.state.value,
        "metadata": metadata
        and [metadata.size, metadata.source_name, metadata.destination_name, metadata.checksum],
        "eof": eof and [eof.checksum, eof.size, eof.condition],
        "condition": int(receiver.condition),
        "large": receiver.large,
        "repeated_bytes": receiver.repeated_bytes,
    }


def changes(before: State, after: State, fresh: Iterable[Iterable[int]]) -> State:
    """Return what is new in `after`, with the ranges that came since; empty when nothing is."""
    told = {
        name: value for name, value in after.items() if name not in before or before[name] != value
    }
    ranges = [list(pair) for pair in fresh]
    return told | ({"received": ranges} if ranges else {})


def merged(records: Iterable[State]) -> State:
    """Return the state that a first record and the changes after it add up to."""
    state: State = {}
    received: list[object] = []
    for record in records:
        state |= record
        received += record.get("received", [])
    return state | {"received": received}


def metadata_of(state: State) -> pdus.Metadata | None:
    return pdus.Metadata(*state["metadata"]) if state["metadata"] else None


def eof_of(state: State) -> pdus.Eof | None:
    return pdus.Eof(*state["eof"]) if state["eof"] else None
