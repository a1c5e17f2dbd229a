"""What telecommands do: models into slots and out of them, artefacts dropped, safe mode."""

from __future__ import annotations

import asyncio
import logging
import struct
from collections.abc import Callable

from constellation.simulator.board.commands import Action, CommandFailed
from constellation.simulator.board.fetching import Fetching
from constellation.simulator.board.packs import Packs, Report, encode_report
from constellation.simulator.board.releases import Releases
from constellation.simulator.board.slots import Slots, Timed
from constellation.simulator.runtimes import RuntimeFailed
from constellation.simulator.runtimes.pool import Pool
from constellation.simulator.store import Store
from telemetry import onboard
from telemetry.onboard import CommandCode, Opcode, Slot, SlotState, StoreEvent

log = logging.getLogger(__name__)


class Actions:
    """Carries out what was commanded; one change of the slots at a time."""

    def __init__(
        self,
        slots: Slots,
        packs: Packs,
        releases: Releases,
        fetching: Fetching,
        *,
        store: Store,
        pool: Pool,
        report: Report,
        now_s: Callable[[], float],
        objection: Callable[[tuple[int, int, int]], str],
    ) -> None:
        """`objection(window)` says why a model must not be changed now, or nothing."""
        self._slots, self._packs, self._report = slots, packs, report
        self._releases, self._fetching = releases, fetching
        self._store, self._pool = store, pool
        self._now_s, self._objection = now_s, objection
        self._loading = asyncio.Lock()
        self._timing: asyncio.Task | None = None

    @property
    def by_opcode(self) -> dict[int, Action]:
        return {
            Opcode.NO_OP: self._no_op,
            Opcode.LOAD_SLOT: self._load_slot,
            Opcode.ACTIVATE_SLOT: self._activate_slot,
            Opcode.CLEAR_SLOT: self._clear_slot,
            Opcode.DROP_ARTEFACT: self._drop_artefact,
            Opcode.SET_MODE: self._set_mode,
            Opcode.FETCH: self._fetch,
            Opcode.ACTIVATE_SLOT_AT: self._activate_slot_at,
            Opcode.CALL_OFF_ACTIVATION: self._call_off_activation,
        }

    async def _no_op(self, arguments: bytes) -> str:
        return "alive"

    async def _load_slot(self, arguments: bytes) -> str:
        number, digest = onboard.LOAD_SLOT_LAYOUT.unpack(arguments)
        slot, sha = Slot(number), digest.hex()
        async with self._loading:
            if self._slots.state[slot] is SlotState.ACTIVE:
                if self._slots.digest[slot] == sha:
                    return f"slot {slot.name} holds it already, and is active"
                text = f"slot {slot.name} is active; load the other one"
                raise CommandFailed(CommandCode.BUSY, text)
            if not self._packs.has_artefact(sha):
                self._refuse_slot(slot, sha, "not on board")
                raise CommandFailed(CommandCode.NOT_ON_BOARD, "the artefact is not on board")
            given = await self._releases.may_load(slot, sha, self._store.artefact_path(sha))
            self._slots.put(slot, SlotState.LOADING, sha)
            if not await asyncio.to_thread(self._store.is_sound, sha):
                self._refuse_slot(slot, sha, "its bytes do not hash to its name")
                self._packs.condemn(sha)
                text = "the bytes on board do not hash to the artefact's name"
                raise CommandFailed(CommandCode.WRONG_DIGEST, text)
            self._slots.put(slot, SlotState.LOADED, sha)
            self._releases.loaded(sha, given)
            self._report(encode_report(StoreEvent.SLOT_LOADED, sha, slot=slot))
            self._releases.report()
            return f"slot {slot.name} holds {sha[:12]}"

    def _refuse_slot(self, slot: Slot, sha: str, reason: str) -> None:
        self._slots.put(slot, SlotState.REFUSED, sha)
        self._report(encode_report(StoreEvent.SLOT_REFUSED, sha, slot=slot, text=reason))

    async def _activate_slot(self, arguments: bytes) -> str:
        slot = Slot(onboard.SLOT_LAYOUT.unpack(arguments)[0])
        async with self._loading:
            return await self._activate(slot)

    async def _activate(self, slot: Slot) -> str:
        sha = await self._proven(slot)
        self._slots.activate(slot)
        self._report(encode_report(StoreEvent.SLOT_ACTIVATED, sha, slot=slot))
        self._releases.report()
        return f"slot {slot.name} answers with {sha[:12]}"

    async def _proven(self, slot: Slot) -> str:
        """Return what lies in a slot once it has been seen to run; `CommandFailed`."""
        state, sha = self._slots.state[slot], self._slots.digest[slot]
        if state not in (SlotState.LOADED, SlotState.ACTIVE):
            text = f"slot {slot.name} is {state.name.lower()}"
            raise CommandFailed(CommandCode.NO_MODEL_IN_SLOT, text)
        self._releases.may_activate(slot, sha)
        try:
            await self._pool.warm_up(sha, self._store.artefact_path(sha))
        except (RuntimeFailed, OSError) as error:
            self._refuse_slot(slot, sha, str(error)[:200])
            raise CommandFailed(CommandCode.RUNTIME_FAILED, str(error)[:200]) from error
        return sha

    async def _activate_slot_at(self, arguments: bytes) -> str:
        number, at_ns, *window = onboard.SLOT_AT_LAYOUT.unpack(arguments)
        slot = Slot(number)
        if at_ns <= self._now_s() * 1e9:
            raise ValueError("the instant of the activation is over")
        async with self._loading:
            sha = await self._proven(slot)
            self._slots.set_timed(Timed(slot, at_ns, sha, tuple(window)))
        return f"slot {slot.name} will answer with {sha[:12]} at {at_ns / 1e9:.0f} s since 1970"

    async def _call_off_activation(self, arguments: bytes) -> str:
        if arguments:
            raise ValueError("it takes no arguments")
        async with self._loading:
            was = self._slots.timed
            self._slots.set_timed(None)
        return "nothing was to be activated" if was is None else f"slot {was.slot.name} stays"

    def watch(self, now_s: float) -> None:
        """Activate what was commanded for an instant that has come, whoever listens or not."""
        timed = self._slots.timed
        if timed is None or now_s * 1e9 < timed.at_ns or self._timing is not None:
            return
        self._timing = asyncio.ensure_future(self._activate_in_time())
        self._timing.add_done_callback(self._timed_out)

    async def _activate_in_time(self) -> None:
        async with self._loading:
            timed = self._slots.timed
            if timed is None:
                return
            if why_not := self._objection(timed.window):
                self._slots.set_timed(None)
                self._report(
                    encode_report(
                        StoreEvent.ACTIVATION_HELD, timed.digest, slot=timed.slot, text=why_not
                    )
                )
                return
            try:
                await self._activate(timed.slot)
            except CommandFailed as failure:
                self._slots.set_timed(None)
                self._report(
                    encode_report(
                        StoreEvent.SLOT_REFUSED, timed.digest, slot=timed.slot, text=failure.text
                    )
                )

    def _timed_out(self, task: asyncio.Task) -> None:
        self._timing = None
        if not task.cancelled() and (error := task.exception()):
            log.error("a timed activation failed", exc_info=error)

    def close(self) -> None:
        if self._timing is not None:
            self._timing.cancel()

    async def _clear_slot(self, arguments: bytes) -> str:
        slot = Slot(onboard.SLOT_LAYOUT.unpack(arguments)[0])
        async with self._loading:
            sha = self._slots.digest[slot] or onboard.NO_DIGEST.hex()
            self._slots.put(slot, SlotState.EMPTY)
            self._report(encode_report(StoreEvent.SLOT_CLEARED, sha, slot=slot))
            self._releases.report()
            return f"slot {slot.name} is empty"

    async def _drop_artefact(self, arguments: bytes) -> str:
        sha = onboard.DROP_ARTEFACT_LAYOUT.unpack(arguments)[0].hex()
        if sha not in self._packs.manifests:
            raise CommandFailed(CommandCode.NOT_ON_BOARD, "the artefact is not on board")
        if sha in self._slots.digest.values():
            raise CommandFailed(CommandCode.BUSY, "a slot holds it; clear the slot first")
        self._packs.drop(sha)
        return f"{sha[:12]} dropped"

    async def _set_mode(self, arguments: bytes) -> str:
        mode = onboard.Mode(onboard.SET_MODE_LAYOUT.unpack(arguments)[0])
        if mode not in (onboard.Mode.SAFE, onboard.Mode.IDLE):
            raise ValueError(f"{mode.name.lower()} comes by itself; safe and idle are commanded")
        self._slots.set_safe(safe=mode is onboard.Mode.SAFE)
        return f"mode {mode.name.lower()}"

    async def _fetch(self, arguments: bytes) -> str:
        size = onboard.FETCH_LAYOUT.size
        artefact, manifest, count = onboard.FETCH_LAYOUT.unpack_from(arguments)
        if len(arguments) != size + 2 * count:
            raise ValueError(f"{count} peers need {2 * count} bytes, got {len(arguments) - size}")
        peers = struct.unpack(f">{count}H", arguments[size:])
        return self._fetching.take(artefact.hex(), manifest.hex(), peers)
