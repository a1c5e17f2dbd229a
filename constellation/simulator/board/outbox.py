"""What a satellite without a contact has others hand on: its reports, sealed, oldest first."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from constellation.simulator.board.commands import seal
from constellation.simulator.recorder import Recorder, serial_of
from telemetry import onboard
from telemetry.packets import space

WAITING_MOST = 500
"""Reports that wait for a way; of more, the oldest wait for a contact of the satellite's own."""
AGAIN_S = 1.0
"""Mission time after which a way is looked for again where there was none."""
OWN_BYTES_MOST = 48 * 1024
"""Larger packets wait for a contact of the satellite's own."""


class Outbox:
    """Knows packets by serial; their bytes lie in the recorder, which plays back what is lost."""

    def __init__(
        self,
        recorder: Recorder,
        entity_id: int,
        *,
        key: Callable[[], bytes | None],
        send: Callable[[bytes, Callable[[], None]], bool],
    ) -> None:
        self._recorder, self._entity_id = recorder, entity_id
        self._key, self._send = key, send
        self._waiting: deque[int] = deque(maxlen=WAITING_MOST)
        self._attended_until_s = self._again_s = 0.0

    def is_attended(self, now_s: float) -> bool:
        """Say whether the ground speaks to this satellite over others."""
        return now_s < self._attended_until_s

    def attend(self, now_s: float) -> None:
        """The ground spoke to this satellite over others."""
        self._attended_until_s = now_s + onboard.ATTENDED_S

    def put(self, packet: bytes, now_s: float) -> None:
        """Have a packet that was just recorded handed on, if it is of those that are."""
        apid = space.apid_of(packet)
        is_wanted = apid in onboard.RELAYED_APIDS
        if apid in onboard.ATTENDED_APIDS:
            # These come anew every few seconds: they never wait.
            is_wanted = self.is_attended(now_s) and not self._waiting
        if is_wanted and len(packet) <= OWN_BYTES_MOST:
            self._waiting.append(serial_of(packet))
            self.flush(now_s)
            if apid in onboard.ATTENDED_APIDS:
                self._waiting.clear()

    def flush(self, now_s: float) -> None:
        """Send what waits, as long as there is a way to somebody who has a contact."""
        if not self._waiting or 0.0 <= self._again_s - now_s <= AGAIN_S:
            return
        key = self._key()
        while self._waiting and key is not None:
            packet = self._recorder.packet(self._waiting[0])
            if packet is not None and not self._hand_over(key, packet):
                self._again_s = now_s + AGAIN_S
                return
            self._waiting.popleft()

    def clear(self) -> None:
        """A contact of the satellite's own begins: the ground asks for what it misses."""
        self._waiting.clear()

    def _hand_over(self, key: bytes, packet: bytes) -> bool:
        serial = serial_of(packet)
        sealed = seal(key, self._entity_id, packet)
        return self._send(sealed, lambda: self._recorder.mark_sent([serial]))
