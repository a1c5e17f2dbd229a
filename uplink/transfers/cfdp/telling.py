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
        self._asked_s: float | None = None

    def add(self, directive: pdus.Directive) -> None:
        self._waiting.append(self.encode(directive))

    def prompt(
        self, response: pdus.Response = pdus.Response.NAK, now_s: float | None = None
    ) -> None:
        self.add(pdus.Prompt(response))
        if self._asked_s is None:
            self._asked_s = now_s

    def answered_after(self, now_s: float) -> float:
        """Return how long ago the first Prompt left that waits for this word; 0 without one."""
        asked_s, self._asked_s = self._asked_s, None
        return 0.0 if asked_s is None else now_s - asked_s

    def prompt_after_silence(self, now_s: float) -> None:
        """Ask what has arrived of a long file that is on its way, where the limits say so."""
        every_s = self._limits.prompt_s
        if self._heard_s is None:
            self._heard_s = now_s
        elif every_s and now_s - self._heard_s >= every_s:
            self._heard_s = now_s
            self.prompt(now_s=now_s)

    def heard(self, now_s: float) -> None:
        """The receiver said something."""
        self._heard_s = now_s

    def move_to(self, batch: list[bytes], count: int) -> None:
        """Move what waits to `batch` until it has `count`."""
        while self._waiting and len(batch) < count:
            batch.append(self._waiting.popleft())

    def forget(self) -> None:
        self._waiting.clear()
        self._asked_s = None

    def encode(self, directive: pdus.Directive) -> bytes:
        return pdus.encode(self._transaction, directive, large=self._large, form=self.form)
