"""What the satellite believes: its root, the releases given to it, and what it says of itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from constellation.simulator.board.commands import CommandFailed
from constellation.simulator.board.packs import Report, encode_report
from constellation.simulator.board.slots import Slots
from constellation.simulator.clock import replace
from constellation.simulator.fleet import SatelliteSpec
from telemetry.onboard import CommandCode, EventSeverity, Slot, StoreEvent
from uplink.registry import formats
from uplink.registry.trust import verifying
from uplink.registry.trust.attacks import Attack, Refused
from uplink.registry.trust.inventory import Held, Inventory
from uplink.registry.trust.state import Assigned, Trusted
from uplink.registry.trust.verifying import Satellite

ATTACK_EVENT = 4


@dataclass(frozen=True)
class Reporting:
    """How the satellite says it: store reports, events, inventories (payloads without a key)."""

    store: Report
    event: Callable[[EventSeverity, int, str], None]
    inventory: Report
    key: Callable[[], Ed25519PrivateKey | None]


@dataclass
class _Kept:
    """What is on disk beside the trusted state."""

    reports: int = 0
    attack: int = 0
    counters: dict[str, int] = field(default_factory=dict)
    """Release counters of what lies in slots, by SHA-256."""


class Releases:
    """The satellite's gate: nothing enters a slot but through it. Its state is one small file."""

    def __init__(
        self,
        path: Path,
        spec: SatelliteSpec,
        slots: Slots,
        *,
        now_s: Callable[[], float],
        reporting: Reporting,
    ) -> None:
        self._path, self._slots, self._now_s, self._say = path, slots, now_s, reporting
        self._us = Satellite(spec.code, spec.profile, spec.storage_bytes)
        self._state: Trusted | None = None
        self._kept = _Kept()
        if path.exists():
            fields = json.loads(path.read_bytes())
            if (trusted := fields.pop("trusted")) is not None:
                self._state = Trusted.from_json(json.dumps(trusted).encode())
            self._kept = _Kept(**fields)
        if self._state is None and spec.root is not None:
            # As it was made: from then on only a chain of signatures changes it.
            self._state = Trusted.begin(spec.root)
            self._save()

    def take(self, sha: str, content: bytes) -> bool:
        """Judge a file of metadata named `sha`, tell the ground, and say whether it was taken."""
        try:
            if self._state is None:
                raise Refused(Attack.NO_ROOT, "this satellite was never told whom to trust")
            verdict = verifying.verify(content, self._state, self._now_s(), self._us)
            self._state = verdict.state
            if verdict.refusal is not None:
                raise verdict.refusal
        except Refused as refusal:
            self._say.store(encode_report(StoreEvent.RELEASE_REFUSED, sha, text=str(refusal)))
            self._note(refusal)
            return False
        self._kept.attack = Attack.NONE
        self._save()
        self._say.store(encode_report(StoreEvent.RELEASE_ACCEPTED, sha))
        self.report()
        return True

    async def may_load(self, slot: Slot, sha: str, path: Path) -> Assigned | None:
        """Raise CommandFailed unless the artefact at `path` may enter a slot now.

        What lies in the slot already may be checked and loaded again (None): nothing is installed
        by that, so that a satellite with old metadata can still go back to its other slot.
        """
        try:
            if self._state is None:
                raise Refused(Attack.NO_ROOT, "this satellite was never told whom to trust")
            if self._slots.holds(slot, sha):
                verifying.may_run(self._state, sha)
                return None
            length = path.stat().st_size
            found = verifying.may_load(self._state, sha, length, self._now_s())
            await asyncio.to_thread(_read_header, path, found.form)
        except Refused as refusal:
            self._refuse(slot, sha, refusal)
        return found

    def may_activate(self, slot: Slot, sha: str) -> None:
        """Raise CommandFailed when what the slot holds was withdrawn."""
        try:
            if self._state is not None:
                verifying.may_run(self._state, sha)
        except Refused as refusal:
            self._refuse(slot, sha, refusal)

    def loaded(self, sha: str, given: Assigned | None) -> None:
        """Note by which release an artefact came into its slot."""
        held = set(self._slots.digest.values())
        counters = {one: n for one, n in self._kept.counters.items() if one in held}
        if given is not None:
            counters[sha] = given.counter
        self._kept.counters = counters
        self._save()

    def report(self) -> None:
        """Send a signed inventory; a satellite without a key has nothing that would prove it."""
        key = self._say.key()
        if key is None:
            return
        self._kept.reports += 1
        self._save()
        state = self._state
        inventory = Inventory(
            number=self._kept.reports,
            at_ns=round(self._now_s() * 1e9),
            nonce=state.nonce if state else 0,
            attack=Attack(self._kept.attack),
            root=state.root_version if state else 0,
            snapshot=state.snapshot_version if state else 0,
            assignment=state.assignment_version if state else 0,
            counter=state.highest_counter if state else 0,
            slot_a=self._held(Slot.A),
            slot_b=self._held(Slot.B),
        )
        self._say.inventory(inventory.encode(self._us.code, key))

    def _held(self, slot: Slot) -> Held:
        digest = self._slots.digest[slot]
        return Held(self._slots.state[slot], digest, self._kept.counters.get(digest, 0))

    def _refuse(self, slot: Slot, sha: str, refusal: Refused) -> None:
        """Tell it; what the slot holds stays as it is."""
        text = str(refusal)
        self._say.store(encode_report(StoreEvent.SLOT_REFUSED, sha, slot=slot, text=text))
        self._note(refusal)
        raise CommandFailed(CommandCode.NOT_RELEASED, text) from refusal

    def _note(self, refusal: Refused) -> None:
        self._kept.attack = refusal.attack
        self._save()
        self._say.event(EventSeverity.DISTRESS, ATTACK_EVENT, str(refusal))
        self.report()

    def _save(self) -> None:
        trusted = None if self._state is None else json.loads(self._state.to_json())
        replace(self._path, json.dumps({"trusted": trusted, **asdict(self._kept)}).encode())


def _read_header(path: Path, form: str) -> None:
    """Refuse a model file whose header cannot be right, whoever signed for its bytes."""
    if form not in ("gguf", "safetensors", "echo"):
        return
    try:
        formats.read(path, form)
    except formats.MalformedFile as error:
        raise Refused(Attack.BAD_WEIGHTS, str(error)[:200]) from error
