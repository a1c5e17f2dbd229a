"""One satellite: its parts wired together, and nothing running while nobody looks."""

from __future__ import annotations

import hashlib
import logging
import os
import struct
from pathlib import Path

import numpy as np

from constellation.simulator.board import housekeeping, troubles
from constellation.simulator.board.actions import Actions
from constellation.simulator.board.commands import Commands, Relaying
from constellation.simulator.board.fetching import Fetching, Voice
from constellation.simulator.board.files import Files
from constellation.simulator.board.outbox import Outbox
from constellation.simulator.board.packs import Packs
from constellation.simulator.board.questions import Questions
from constellation.simulator.board.radio import Radio
from constellation.simulator.board.releases import Releases, Reporting
from constellation.simulator.board.slots import Slots
from constellation.simulator.board.surroundings import Surroundings
from constellation.simulator.fleet import SatelliteSpec
from constellation.simulator.recorder import Recorder
from telemetry import onboard
from telemetry.onboard import (
    Apid,
    DownlinkChannel,
    EventSeverity,
    Slot,
)
from telemetry.packets import space
from uplink.rollouts import windows

log = logging.getLogger(__name__)

PERIOD_S = 10.0
PERIOD_ATTENDED_S = 5.0
"""While the ground speaks to it over others."""
PERIOD_IN_CONTACT_S = 1.0
CATCH_UP_MOST_S = 86_400.0
CATCH_UP_STEP = 200
"""Samples made up for in one go, so that the links of others go on meanwhile."""
STATUS_EVERY_S = 10.0
TICK_EVERY_S = 0.25
MISSING_MOST = 100
LINKS_EVERY_S = 60.0
"""During a catch-up the laser links are looked at once a minute; they last for many."""
LARGE_FLEET = 200
"""Above it, during a catch-up, they are those at the end of each step."""


class Satellite:
    """A satellite's computer. All its state is under `folder`."""

    def __init__(self, spec: SatelliteSpec, folder: Path, around: Surroundings) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.spec = spec
        self.contact_id = ""
        self._around = around
        self._folder = folder
        now_s = around.now_s()
        self._boot_s = now_s
        is_new = not (folder / "recorder").exists()
        self.recorder = Recorder(folder / "recorder", volume_if_new=around.volume())
        self.radio = Radio(self.recorder, spec.scid)
        self._condition_path = folder / "condition.json"
        self._condition = housekeeping.load(self._condition_path, now_s=now_s)
        self._troubles_path = folder / "troubles.json"
        self.troubles = troubles.load(self._troubles_path)
        self._status_s = self._tick_s = 0.0
        self.slots = Slots(folder / "slots.json")
        self._outbox = Outbox(
            self.recorder,
            spec.entity_id,
            key=lambda: around.relay_key(spec.code),
            send=lambda sealed, done: around.relay_down(spec.code, sealed, done),
        )
        self.recorder.restart()
        self._event(EventSeverity.INFO, 1, f"boot {self.recorder.boot}")
        if is_new:
            self._event(EventSeverity.INFO, 2, f"recorder volume {self.recorder.volume} formatted")
        self.releases = Releases(
            folder / "trust.json",
            spec,
            self.slots,
            now_s=around.now_s,
            reporting=Reporting(
                store=self._report_store,
                event=self._event,
                inventory=lambda payload: self._emit(Apid.INVENTORY, payload),
                key=lambda: around.inventory_key(spec.code),
            ),
        )
        self.packs = Packs(
            folder,
            around.store,
            storage_bytes=spec.storage_bytes,
            report=self._report_store,
            report_wants=lambda payload: self._emit(Apid.WANT_LIST, payload),
            take_release=self.releases.take,
        )
        self.files = Files(
            folder / "incoming",
            self.packs,
            self._send_cfdp,
            entity_id=spec.entity_id,
            now_s=now_s,
        )
        self.fetching = Fetching(
            folder / "fetching.journal",
            self.packs,
            code=spec.code,
            entity_id=spec.entity_id,
            now_s=around.now_s,
            voice=Voice(
                store=self._report_store,
                event=self._event,
                holdings=self._report_holdings,
                key=lambda: around.inventory_key(spec.code),
            ),
        )
        self._actions = doing = Actions(
            self.slots,
            self.packs,
            self.releases,
            self.fetching,
            store=around.store,
            pool=around.pool,
            report=self._report_store,
            now_s=around.now_s,
            objection=self._objection,
        )
        self.commands = Commands(
            folder / "commands.journal",
            key=lambda: around.key(spec.code),
            scid=spec.scid,
            actions=doing.by_opcode,
            report=lambda payload: self._emit(Apid.COMMAND_REPORT, payload),
            relaying=Relaying(
                spec.entity_id,
                around.now_s,
                hand_on=lambda to, packet: around.relay_up(spec.code, to, packet),
                attended=lambda: self._outbox.attend(around.now_s()),
            ),
        )
        self.questions = Questions(
            folder / "queries.journal",
            slots=self.slots,
            store=around.store,
            pool=around.pool,
            now_s=around.now_s,
            record=self._record_tokens,
            recorded=self.recorder.packet,
            send=lambda packet: self.radio.send(DownlinkChannel.TOKENS, packet),
        )
        self.packs.complete()

    # --- what the station does with it ---

    def link_up(self, contact_id: str, now_s: float) -> None:
        """Talk with this contact from now on, whoever was talked with before."""
        if self.is_lost:
            return
        self.contact_id = contact_id
        self._outbox.clear()
        self.radio.up()
        self.files.thaw(now_s)
        self.questions.link(up=True)
        self._send_status(now_s)
        self.releases.report()
        self.fetching.report_all()

    @property
    def is_lost(self) -> bool:
        return self._around.is_lost(self.spec.code)

    def link_down(self, contact_id: str, now_s: float) -> None:
        """Fall silent, unless another contact has taken over."""
        if contact_id != self.contact_id:
            return
        self.contact_id = ""
        self.radio.down()
        self.files.freeze(now_s)
        self.questions.link(up=False)

    def receive(self, burst: bytes, now_s: float) -> None:
        """Take AOS frames off the air."""
        if self.is_lost:
            return
        files: list[bytes] = []
        for packet in self.radio.receive(burst):
            apid = space.apid_of(packet)
            payload = packet[space.HEADER_BYTES :]
            if apid == Apid.CFDP_UP:
                files.append(payload)
            elif apid == Apid.PROMPT:
                self.questions.receive_prompt(payload, now_s)
            elif apid == Apid.TOKEN_ACK:
                self.questions.receive_ack(payload)
            elif apid == Apid.GAP_REQUEST:
                self._play_back(payload, now_s)
            elif apid == Apid.RECORDER_RELEASE:
                self._release(payload)
            elif apid == Apid.RELAYED_RELEASE and len(payload) > 2:
                self._around.relay_up(self.spec.code, int.from_bytes(payload[:2]), packet)
        if files:
            self.files.receive(files, now_s)

    def receive_command(self, frame: bytes, now_s: float) -> None:
        if self.is_lost:
            return
        self.commands.receive(frame)
        self.radio.control_word = self.commands.control_word

    # --- what other satellites do with it ---

    def handed(self, packet: bytes, giver: int) -> None:
        """Take a packet for this satellite that another one handed over by laser."""
        if self.is_lost:
            return
        if space.apid_of(packet) == Apid.RELAYED_RELEASE:
            content = packet[space.HEADER_BYTES + onboard.RELAYED_RELEASE_LAYOUT.size :]
            self.releases.take(hashlib.sha256(content).hexdigest(), content)
        else:
            self.commands.handed(packet, giver)

    def hand_on(self, sealed: bytes) -> None:
        """Send a sealed packet of another satellite down, as one of this one's own."""
        self._emit(Apid.RELAYED, sealed)

    def live_on(self, now_s: float) -> None:
        """Keep house while the ground speaks to it over others, and say what waited for a way."""
        if self.is_lost or self.radio.linked:
            return
        if self._outbox.is_attended(now_s):
            self._keep_house(now_s)
        self._outbox.flush(now_s)

    def transmit(self, frames_most: int, now_s: float) -> bytes:
        if self.is_lost or self.troubles.is_silent:
            return b""
        return self.radio.transmit(frames_most)

    def trouble(self, wanted: dict[str, float]) -> troubles.Troubles:
        """Let other things be wrong with the satellite from now on; return all that is."""
        self.troubles = self.troubles.changed(wanted)
        troubles.save(self._troubles_path, self.troubles)
        return self.troubles

    def watch(self, now_s: float) -> None:
        """Do what was commanded for an instant that has come."""
        if not self.is_lost:
            self._actions.watch(now_s)

    def advance(self, now_s: float) -> None:
        """Let the satellite live up to `now_s`; a long absence takes several calls."""
        if self.is_lost:
            return
        self._keep_house(now_s)
        if not self.radio.linked:
            return
        if now_s - self._tick_s >= TICK_EVERY_S:
            self._tick_s = now_s
            self.files.tick(now_s)
            self.questions.tick(now_s)
        if now_s - self._status_s >= STATUS_EVERY_S:
            self._send_status(now_s)

    # --- packets out ---

    def _emit(
        self, apid: Apid, payload: bytes, channel: DownlinkChannel = DownlinkChannel.LIVE
    ) -> bytes:
        """Record a packet, and send it if somebody listens, here or where others can be heard."""
        packet = self.recorder.record(apid, round(self._around.now_s() * 1e9), payload)
        self._send(channel, packet)
        return packet

    def _send(self, channel: DownlinkChannel, packet: bytes) -> None:
        if self.radio.linked:
            self.radio.send(channel, packet)
        else:
            self._outbox.put(packet, self._around.now_s())

    def _send_cfdp(self, pdu: bytes) -> None:
        self._emit(Apid.CFDP_DOWN, pdu, DownlinkChannel.FILES)

    def _record_tokens(self, payload: bytes) -> tuple[int, bytes]:
        serial = self.recorder.next_serial
        generated_ns = round(self._around.now_s() * 1e9)
        return serial, self.recorder.record(Apid.TOKENS, generated_ns, payload)

    def _report_store(self, payload: bytes) -> None:
        self._emit(Apid.STORE_REPORT, payload)

    def _report_holdings(self, payload: bytes) -> None:
        self._emit(Apid.HOLDINGS, payload)

    def _event(self, severity: EventSeverity, number: int, text: str) -> None:
        body = text.encode()[:255]
        head = onboard.EVENT_REPORT_LAYOUT.pack(severity, number, len(body))
        self._emit(Apid.EVENT_REPORT, head + body)

    # --- the recorder's side of the conversation ---

    def _send_status(self, now_s: float, missing: list[tuple[int, int]] | None = None) -> None:
        self._status_s = now_s
        payload = onboard.encode_recorder_status(
            self.recorder.volume,
            self.recorder.oldest_serial,
            self.recorder.next_serial,
            (missing or [])[:MISSING_MOST],
        )
        self._emit(Apid.RECORDER_STATUS, payload)

    def _play_back(self, payload: bytes, now_s: float) -> None:
        try:
            volume, ranges = onboard.decode_gap_request(payload)
        except (struct.error, ValueError) as error:
            log.info("a gap request cannot be read: %s", error)
            return
        if volume != self.recorder.volume:
            # What an earlier volume held is gone: say so under its name.
            answer = onboard.encode_recorder_status(volume, 0, 0, ranges)
            self._emit(Apid.RECORDER_STATUS, answer)
            return
        oldest, following = self.recorder.oldest_serial, self.recorder.next_serial
        missing = []
        for first, last in ranges:
            if first < oldest:
                missing.append((first, min(last, oldest - 1)))
            if last >= oldest and first < following:
                self.radio.play_back(max(first, oldest), min(last, following - 1))
        if missing:
            self._send_status(now_s, missing)

    def _release(self, payload: bytes) -> None:
        if len(payload) != onboard.RECORDER_RELEASE_LAYOUT.size:
            return
        volume, upto = onboard.RECORDER_RELEASE_LAYOUT.unpack(payload)
        if volume == self.recorder.volume:
            self.recorder.release(upto)

    # --- housekeeping ---

    def _keep_house(self, now_s: float) -> None:
        last_s = self._condition.at_s
        if last_s > now_s + PERIOD_S:
            # We started ahead of a clock that stood still while we were away, and were told so.
            self._condition = housekeeping.replace(self._condition, at_s=now_s)
            return
        if now_s - last_s > CATCH_UP_MOST_S + PERIOD_S:
            skipped_s = now_s - CATCH_UP_MOST_S - last_s
            text = f"housekeeping left out for {skipped_s:.0f} s: nobody listened for too long"
            self._event(EventSeverity.WARNING, 3, text)
            self._condition = housekeeping.replace(self._condition, at_s=now_s - CATCH_UP_MOST_S)
            last_s = self._condition.at_s
        # Old samples first and at their own pace; they stay in the recorder, to be asked for.
        is_late = now_s - last_s > (PERIOD_S if self.radio.linked else 2 * PERIOD_S)
        period_s = PERIOD_S if is_late else self._period_s(now_s)
        count = min(CATCH_UP_STEP, int((now_s - last_s) / period_s))
        if count > 0:
            self._sample(last_s + period_s * np.arange(1, count + 1), is_live=not is_late)

    def _period_s(self, now_s: float) -> float:
        if self.radio.linked:
            return PERIOD_IN_CONTACT_S
        return PERIOD_ATTENDED_S if self._outbox.is_attended(now_s) else PERIOD_S

    def _sample(self, at_s: np.ndarray, *, is_live: bool) -> None:
        """Make the housekeeping packets of some instants, and note where we are."""
        code, seed = self.spec.code, self._around.seed
        lights = self._around.space.light(code, at_s)
        activity = self._activity()
        large = len(self._around.fleet.satellites) > LARGE_FLEET
        wanted = []
        for at, light in zip(at_s.tolist(), lights.tolist(), strict=True):
            drawn = housekeeping.draws(seed, code, at)
            condition = housekeeping.step(
                self._condition, at, light=light, activity=activity, drawn=drawn
            )
            instant = at if is_live else at_s[-1] if large else at - at % LINKS_EVERY_S
            seen = housekeeping.replace(activity, neighbours=self._neighbours(float(instant)))
            wanted += housekeeping.packets(condition, light=light, activity=seen, drawn=drawn)
            self._condition = condition
        for packet in self.recorder.record_all(wanted):
            if is_live:
                self._send(DownlinkChannel.LIVE, packet)
        housekeeping.save(self._condition_path, self._condition)

    def _objection(self, window: tuple[int, int, int]) -> str:
        """Return why the model must not be changed at this moment, or nothing when it may."""
        charge, hottest, flags = window
        now_s = self._around.now_s()
        light = int(self._around.space.light(self.spec.code, np.array([now_s]))[0])
        measured = {
            "battery_charge": self._condition.charge,
            "accelerator_temperature": self._condition.accelerator_c,
            "sunlight": light,
            "queries_running": self.questions.running,
            "queries_queued": self.questions.queued,
        }
        rules = windows.Rules(
            charge / 1e4, hottest / 100, bool(flags & onboard.WindowFlag.IN_SUNLIGHT)
        )
        return windows.objection(
            rules,
            {name: windows.Value(value, value, 0.0) for name, value in measured.items()},
            gently=bool(flags & onboard.WindowFlag.QUEUES_EMPTY),
        )

    def _neighbours(self, at_s: float) -> list[int]:
        if self.troubles.lasers_down:
            return []
        known = self._around.fleet.satellites
        linked = self._around.space.neighbours(self.spec.code, at_s)
        return [known[code].entity_id for code in linked]

    def _activity(self) -> housekeeping.Activity:
        active = self.slots.active_digest
        path = self._around.store.artefact_path(active) if active else None
        return housekeeping.Activity(
            boot_s=self._boot_s,
            in_contact=self.radio.linked,
            is_safe=self.slots.is_safe,
            slots=housekeeping.slot_fields(self.slots.state, self.slots.digest),
            active=active,
            model_bytes=os.path.getsize(path) if path and path.exists() else 0,
            tokens_per_s=self.questions.tokens_per_s if self.questions.running else 0.0,
            queued=self.questions.queued,
            running=self.questions.running,
            answered=self.questions.answered,
            frames_good=self.radio.frames_good,
            frames_bad=self.radio.frames_bad,
            packets_up=self.radio.packets_up,
            commands_refused=self.commands.refused,
            packs=self.packs.holdings.count,
            storage_bytes=self.packs.holdings.size,
            troubles=self.troubles,
        )

    # --- the account ---

    def describe(self) -> dict:
        """Return what is on board, for the control socket."""
        return {
            "code": self.spec.code,
            "volume": self.recorder.volume,
            "boot": self.recorder.boot,
            "next_serial": self.recorder.next_serial,
            "oldest_serial": self.recorder.oldest_serial,
            "slots": {
                slot.name: [self.slots.state[slot].name, self.slots.digest[slot]] for slot in Slot
            },
            "active": self.slots.active_digest,
            "packs": self.packs.holdings.count,
            "storage_bytes": self.packs.holdings.size,
            "artefacts": [sha for sha in self.packs.manifests if self.packs.has_artefact(sha)],
            "file_bytes_repeated": self.files.repeated_bytes,
            "fetched": {
                sha: {
                    "bytes": order.laser_bytes,
                    "from": sorted(set(order.sources.values())),
                    "refused": sorted(order.refused),
                }
                for sha, order in self.fetching.orders.items()
            },
            "queued": self.questions.queued,
            "running": self.questions.running,
            "answered": self.questions.answered,
            "linked": self.radio.linked,
        }

    def close(self) -> None:
        """Let go of files; the state is on disk already."""
        self.commands.close()
        self._actions.close()
        self.questions.close()
        self.files.close()
        self.packs.close()
