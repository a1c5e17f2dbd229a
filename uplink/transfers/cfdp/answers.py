"""What a receiver has to say, in the form of the PDUs it answers, until somebody radiates it."""

from __future__ import annotations

from uplink.transfers.cfdp import naks
from uplink.transfers.cfdp import pdu as pdus
from uplink.transfers.cfdp.shapes import Shape


class Answers:
    """The PDUs that wait. Class 1 gets none but the Finished that its Metadata asked for."""

    def __init__(self, shape: Shape, *, nak_pdu_bytes: int) -> None:
        self.pending: list[bytes] = []
        self._shape, self._nak_pdu_bytes = shape, nak_pdu_bytes

    def take(self) -> list[bytes]:
        taken, self.pending = self.pending, []
        return taken

    def add(self, directive: pdus.Directive) -> None:
        shape = self._shape
        if shape.form.acknowledged or isinstance(directive, pdus.Finished):
            pdu = pdus.encode(shape.transaction, directive, large=shape.large, form=shape.form)
            self.pending.append(pdu)

    def missing(self, start: int, end: int, gaps: list[tuple[int, int]]) -> None:
        """Tell the gaps of a scope, in as many NAKs as it takes (4.6.4.3)."""
        large, form, most_bytes = self._shape.large, self._shape.form, self._nak_pdu_bytes
        for nak in naks.pages(start, end, gaps, most_bytes=most_bytes, large=large, form=form):
            self.add(nak)
