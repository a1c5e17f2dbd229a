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
        "checksum_type": sender.checksum_type,
        "options": _options(sender.options),
        "form": list(sender.form),
    }


def but_ranges(receiver: Receiver) -> State:
    """Return a receiver's state without the ranges it received."""
    metadata, eof = receiver.metadata, receiver.eof
    return {
        "transaction": list(receiver.transaction),
        "state": receiver.state.value,
        "metadata": metadata and _metadata(metadata),
        "eof": eof and [eof.checksum, eof.size, eof.condition],
        "condition": int(receiver.condition),
        "complete": receiver.complete,
        "suspended": receiver.fault is pdus.Condition.SUSPEND_REQUEST_RECEIVED,
        "large": receiver.shape.large,
        "form": list(receiver.shape.form),
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


def _metadata(metadata: pdus.Metadata) -> list[object]:
    names = metadata.source_name, metadata.destination_name
    options = _options(metadata.options)
    return [metadata.size, *names, metadata.checksum, metadata.closure, options]


def _options(options: Iterable[pdus.Option]) -> list[list[object]]:
    return [[int(kind), value.hex()] for kind, value in options]


def _read_options(told: Iterable[Iterable[object]]) -> tuple[pdus.Option, ...]:
    return tuple(pdus.Option(pdus.Tlv(kind), bytes.fromhex(value)) for kind, value in told)


def sender_options(state: State) -> dict[str, object]:
    """Return the options of a sender that `state` names; an older state names none."""
    if "form" not in state:
        return {}
    return {
        "checksum_type": state["checksum_type"],
        "options": _read_options(state["options"]),
        "form": pdus.Form(*state["form"]),
    }


def metadata_of(state: State) -> pdus.Metadata | None:
    if not state["metadata"]:
        return None
    *fields, options = state["metadata"] if len(state["metadata"]) > 4 else [*state["metadata"], []]
    return pdus.Metadata(*fields, options=_read_options(options))


def eof_of(state: State) -> pdus.Eof | None:
    return pdus.Eof(*state["eof"]) if state["eof"] else None
