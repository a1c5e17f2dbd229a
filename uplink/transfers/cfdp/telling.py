"""What a sender tells besides the bytes of the file: it leaves before them."""

from __future__ import annotations

from collections import deque

from uplink.transfers.cfdp import pdu as pdus
from uplink.transfers.cfdp.timers import Limits


class Teller:
    """The directives of one transaction that wait to leave."""

    def __init__(
        self, transaction: pdus.TransactionId, limits: Limits, *, large: bool, form: pdus.Form
    ) -> None:
        self.form = form
        self._transaction, self._limits, self._large = transaction, limits, large
        self._waiting: deque[bytes] = deque()
        self._heard_s: float | None = None

    def add(self, directive: pdus.Directive) -> None:
        self._waiting.append(self.encode(directive))

    def prompt(self, response: pdus.Response = pdus.Response.NAK) -> None:
        self.add(pdus.Prompt(response))

    def prompt_after_silence(self, now_s: float) -> None:
        """Ask what has arrived of a long file that is on its way, where the limits say so."""
        every_s = self._limits.prompt_s
        if self._heard_s is None:
            self._heard_s = now_s
        elif every_s and now_s - self._heard_s >= every_s:
            self._heard_s = now_s
            self.prompt()

    def heard(self, now_s: float) -> None:
        """The receiver said something."""
        self._heard_s = now_s

    def move_to(self, batch: list[bytes], count: int) -> None:
        """Move what waits to `batch` until it has `count`."""
        while self._waiting and len(batch) < count:
            batch.append(self._waiting.popleft())

    def forget(self) -> None:
        self._waiting.clear()

    def encode(self, directive: pdus.Directive) -> bytes:
        return pdus.encode(self._transaction, directive, large=self._large, form=self.form)
