"""CFDP (CCSDS 727.0-B-5): files over links that lose, repeat, reorder and end.

Two pure state machines, used by the ground and by the simulated satellites alike. Time is the
caller's seconds (mission time); nothing here reads a clock, a file or a socket.

Sending is class 2: `Sender(TransactionId(source, destination, number), file_name, size, crc32c,
read, segment_size)`; pull with `next_pdu(now_s)` or `next_pdus(count, now_s)`, give answers to
`receive(pdu, now_s)`, call `tick(now_s)`, at LOS `freeze(now_s)`, at the next AOS (or in another
process, after `Sender.from_json(state, read)`) `resume(now_s)`. Look at `state`, `fault`, `acked`.

Receiving takes class 1 too: `Receiver(transaction, write, checksum, keep, most_bytes=...)`;
`receive(pdu, now_s)` and `tick(now_s)` return `Event`s; save `to_json()`, or append `changes()` to
a journal (`merged` reads it), then radiate `pending_pdus()`. A transaction whose receiver was
dropped is answered by `answer_closed(pdu, condition)`.

Which transaction a PDU belongs to: `decode_head(pdu).transaction`.
"""

from uplink.transfers.cfdp.checksums import checksum_of
from uplink.transfers.cfdp.endings import acknowledge_finished, answer_closed
from uplink.transfers.cfdp.faults import Handler
from uplink.transfers.cfdp.pdu import (
    Checksum,
    Condition,
    Form,
    Malformed,
    Metadata,
    TransactionId,
    decode,
    decode_head,
    file_bytes_of,
)
from uplink.transfers.cfdp.ranges import Ranges
from uplink.transfers.cfdp.receiver import Receiver
from uplink.transfers.cfdp.records import merged
from uplink.transfers.cfdp.sender import Sender
from uplink.transfers.cfdp.states import Event, ReceiverState, SenderState
from uplink.transfers.cfdp.timers import Limits

__all__ = [
    "Checksum",
    "Condition",
    "Event",
    "Form",
    "Handler",
    "Limits",
    "Malformed",
    "Metadata",
    "Ranges",
    "Receiver",
    "ReceiverState",
    "Sender",
    "SenderState",
    "TransactionId",
    "acknowledge_finished",
    "answer_closed",
    "checksum_of",
    "decode",
    "decode_head",
    "file_bytes_of",
    "merged",
]
