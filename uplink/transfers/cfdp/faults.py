"""What is done about a fault (727.0-B-5, 4.8): a handler for each condition code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntEnum

from uplink.transfers.cfdp.directives import Condition, Option, Tlv


class Handler(IntEnum):
    """Handler codes as in a fault handler override (5.4.4)."""

    CANCEL = 1  # the other side is told, and the transaction ends
    SUSPEND = 2  # stand still; `resume`, or the next PDU that comes, goes on
    IGNORE = 3  # go on as if there had been none, with counters fresh
    ABANDON = 4  # end without a word


LIMITS = frozenset(
    {
        Condition.POSITIVE_ACK_LIMIT_REACHED,
        Condition.KEEP_ALIVE_LIMIT_REACHED,
        Condition.NAK_LIMIT_REACHED,
        Condition.INACTIVITY_DETECTED,
        Condition.CHECK_LIMIT_REACHED,
    }
)
"""Faults of the link, not of the file."""

DEFAULTS: Mapping[Condition, Handler] = dict.fromkeys(
    LIMITS - {Condition.CHECK_LIMIT_REACHED}, Handler.SUSPEND
)
"""A pass that ends is no reason to give a file up. All others cancel."""


class Handlers:
    """Who handles which fault: ours, changed by what the caller and then the sender ask for."""

    def __init__(self, wanted: Mapping[Condition, Handler] | None = None) -> None:
        self._handlers = {**DEFAULTS, **(wanted or {})}

    def __getitem__(self, condition: Condition) -> Handler:
        return self._handlers.get(condition, Handler.CANCEL)

    def override(self, options: Iterable[Option]) -> None:
        """Take the overrides among the options of a Metadata.

        A sender may choose what becomes of its transaction, but not have us take a file that is
        not what it says: of faults that are no limits, IGNORE is left out.
        """
        for kind, value in options:
            if kind is not Tlv.FAULT_HANDLER_OVERRIDE or len(value) != 1:
                continue
            try:
                condition, handler = Condition(value[0] >> 4), Handler(value[0] & 0xF)
            except ValueError:
                continue
            if handler is not Handler.IGNORE or condition in LIMITS:
                self._handlers[condition] = handler
