"""Model slots A and B: what lies in them, which one answers, and whether any may."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from constellation.simulator.clock import replace
from telemetry.onboard import Slot, SlotState

ANYTHING = (0, 15_000, 0)
"""A window that always holds."""


@dataclass(frozen=True, slots=True)
class Timed:
    """An activation that was commanded for an instant of mission time."""

    slot: Slot
    at_ns: int
    digest: str
    window: tuple[int, int, int]
    """What must hold then, as `onboard.SLOT_AT_LAYOUT` has it."""


class Slots:
    """Two places for a model, kept on disk."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.state = dict.fromkeys(Slot, SlotState.EMPTY)
        self.digest = dict.fromkeys(Slot, "")
        self.is_safe = False
        """Safe mode was commanded: nothing is answered until it is left."""
        self.timed: Timed | None = None
        if path.exists():
            fields = json.loads(path.read_bytes())
            if timed := fields.pop("timed", None):
                window = timed[3] if len(timed) > 3 else ANYTHING  # as it was kept before
                self.timed = Timed(Slot[timed[0]], timed[1], timed[2], tuple(window))
            self.is_safe = fields.pop("safe")
            for name, (state, digest) in fields.items():
                # A load that was cut off by a restart has to be commanded again.
                unfinished = state == SlotState.LOADING
                self.state[Slot[name]] = SlotState.EMPTY if unfinished else SlotState(state)
                self.digest[Slot[name]] = "" if unfinished else digest

    @property
    def active(self) -> Slot | None:
        return next((slot for slot in Slot if self.state[slot] is SlotState.ACTIVE), None)

    @property
    def active_digest(self) -> str:
        """SHA-256 of the model that answers, in hex; empty when there is none."""
        return self.digest[self.active] if self.active else ""

    def holds(self, slot: Slot, digest: str) -> bool:
        """Say whether this lies in the slot, ready to answer."""
        ready = self.state[slot] in (SlotState.LOADED, SlotState.ACTIVE)
        return ready and self.digest[slot] == digest

    def put(self, slot: Slot, state: SlotState, digest: str = "") -> None:
        if self.timed and self.timed.slot is slot and self.timed.digest != digest:
            self.timed = None
        self.state[slot] = state
        self.digest[slot] = digest
        self._save()

    def activate(self, slot: Slot) -> None:
        """Let the model in `slot` answer, and no other."""
        self.timed = None
        if self.active:
            self.state[self.active] = SlotState.LOADED
        self.state[slot] = SlotState.ACTIVE
        self._save()

    def set_timed(self, timed: Timed | None) -> None:
        """Note what is to be activated when, so that a restart does not forget it."""
        self.timed = timed
        self._save()

    def set_safe(self, *, safe: bool) -> None:
        self.is_safe = safe
        self._save()

    def _save(self) -> None:
        fields: dict = {slot.name: [int(self.state[slot]), self.digest[slot]] for slot in Slot}
        fields["safe"] = self.is_safe
        if self.timed:
            timed = self.timed
            fields["timed"] = [timed.slot.name, timed.at_ns, timed.digest, timed.window]
        replace(self._path, json.dumps(fields).encode())
