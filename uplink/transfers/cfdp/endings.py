"""How transactions end, and what is answered for those that are over and forgotten."""

from __future__ import annotations

from uplink.transfers.cfdp import pdu as pdus
from uplink.transfers.cfdp.pdu import Condition, TransactionId

_NOWHERE = frozenset({Condition.NO_ERROR, Condition.UNSUPPORTED_CHECKSUM_TYPE})
"""Conditions without a fault location (5.2.3)."""


def condition_of(code: int) -> Condition:
    """Return the condition of a code; one that the standard reserves reads as a cancellation."""
    try:
        return Condition(code)
    except ValueError:
        return Condition.CANCEL_REQUEST_RECEIVED


def finished_of(
    condition: Condition, transaction: TransactionId, *, complete: bool = False
) -> pdus.Finished:
    """Return the Finished that tells `condition` as the end of a transaction.

    With `complete` the file was kept nevertheless.
    """
    if condition is Condition.NO_ERROR:
        return pdus.Finished()
    rejected = condition is Condition.FILESTORE_REJECTION
    status = pdus.FileStatus.REJECTED if rejected else pdus.FileStatus.DISCARDED
    return pdus.Finished(
        condition,
        complete=complete,
        status=pdus.FileStatus.RETAINED if complete else status,
        fault_entity=None if condition in _NOWHERE else transaction.destination,
    )


def answer_closed(pdu: bytes, condition: Condition) -> list[bytes]:
    """Return the answer to a PDU of a transaction that ended with `condition` and was forgotten.

    An EOF is acknowledged again and told the outcome, a Prompt is told the outcome; anything else
    needs no answer, and class 1 never gets one.
    """
    head, directive = pdus.decode(pdu)
    if not head.form.acknowledged:
        return []
    finished = pdus.encode(
        head.transaction,
        finished_of(condition, head.transaction),
        large=head.large,
        form=head.form,
    )
    if isinstance(directive, pdus.Prompt):
        return [finished]
    if isinstance(directive, pdus.Eof):
        ack = pdus.Ack(pdus.Code.EOF, directive.condition, pdus.Status.TERMINATED)
        acked = pdus.encode(head.transaction, ack, large=head.large, form=head.form)
        return [acked, finished]
    return []


def ack_of(finished: pdus.Finished) -> pdus.Ack:
    return pdus.Ack(pdus.Code.FINISHED, finished.condition, pdus.Status.TERMINATED)


def acknowledge_finished(
    transaction: TransactionId,
    finished: pdus.Finished,
    *,
    large: bool = False,
    form: pdus.Form | None = None,
) -> bytes:
    """Return the ACK of a Finished, also for a transaction that is long over."""
    form = pdus.Form.for_transaction(transaction) if form is None else form
    return pdus.encode(transaction, ack_of(finished), large=large, form=form)
