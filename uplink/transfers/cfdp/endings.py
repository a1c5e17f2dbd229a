"""How transactions end, and what is answered for those that are over and forgotten."""

from __future__ import annotations

from uplink.transfers.cfdp import pdu as pdus
from uplink.transfers.cfdp.pdu import Condition, TransactionId


def condition_of(code: int) -> Condition:
    """Return the condition of a code; one that the standard reserves reads as a cancellation."""
    try:
        return Condition(code)
    except ValueError:
        return Condition.CANCEL_REQUEST_RECEIVED


def finished_of(condition: Condition) -> pdus.Finished:
    """Return the Finished that tells `condition` as the end of a transaction."""
    if condition is Condition.NO_ERROR:
        return pdus.Finished()
    rejected = condition is Condition.FILESTORE_REJECTION
    status = pdus.FileStatus.REJECTED if rejected else pdus.FileStatus.DISCARDED
    return pdus.Finished(condition, complete=False, status=status)


def answer_closed(pdu: bytes, condition: Condition) -> list[bytes]:
    """Return the answer to a PDU of a transaction that ended with `condition` and was forgotten.

    An EOF is acknowledged again and told the outcome, a Prompt is told the outcome; anything else
    needs no answer.
    """
    head, directive = pdus.decode(pdu)
    finished = pdus.encode(head.transaction, finished_of(condition), large=head.large)
    if isinstance(directive, pdus.Prompt):
        return [finished]
    if isinstance(directive, pdus.Eof):
        ack = pdus.Ack(pdus.Code.EOF, directive.condition, pdus.Status.TERMINATED)
        return [pdus.encode(head.transaction, ack, large=head.large), finished]
    return []


def acknowledge_finished(
    transaction: TransactionId, finished: pdus.Finished, *, large: bool = False
) -> bytes:
    """Return the ACK of a Finished, also for a transaction that is long over."""
    ack = pdus.Ack(pdus.Code.FINISHED, finished.condition, pdus.Status.TERMINATED)
    return pdus.encode(transaction, ack, large=large)
