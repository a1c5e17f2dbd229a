"""The telecommand handler: who may command, what was commanded, and what became of it."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from cryptography.hazmat.primitives import cmac, hashes
from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from constellation.simulator.journal import Journal
from telemetry import onboard
from telemetry.frames import farm, tc
from telemetry.onboard import Apid, CommandCode, CommandStage
from telemetry.packets import space

log = logging.getLogger(__name__)


class CommandFailed(Exception):
    """A command was carried out and did not succeed."""

    def __init__(self, code: CommandCode, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


Action = Callable[[bytes], Awaitable[str]]
"""Carries a command out by its arguments and returns what to say; raises CommandFailed."""


def derive_key(master: bytes, satellite_code: str) -> bytes:
    """Return one satellite's 16-byte key."""
    info = onboard.telecommand_key_info(satellite_code)
    return HKDF(hashes.SHA256(), 16, salt=None, info=info).derive(master)


def relay_key(master: bytes, satellite_code: str) -> bytes:
    """Return the 16-byte key by which one satellite seals what others hand on."""
    info = onboard.relay_key_info(satellite_code)
    return HKDF(hashes.SHA256(), 16, salt=None, info=info).derive(master)


def seal(key: bytes, entity_id: int, packet: bytes) -> bytes:
    """Return the payload of a RELAYED packet around a packet of one's own."""
    code = cmac.CMAC(algorithms.AES(key))
    code.update(onboard.RELAYED_DOMAIN + entity_id.to_bytes(2) + packet)
    return onboard.RELAYED_LAYOUT.pack(entity_id, code.finalize()) + packet


def encode_report(
    command_id: bytes, stage: CommandStage, code: CommandCode = CommandCode.NONE, text: str = ""
) -> bytes:
    """Return the payload of a COMMAND_REPORT packet."""
    body = text.encode()[:255]
    return onboard.COMMAND_REPORT_LAYOUT.pack(command_id, stage, code, len(body)) + body


@dataclass(frozen=True)
class Relaying:
    """What the handler must know to take telecommands from others and to hand them on.

    `hand_on` is given the entity id of whom a packet is for; `attended` is called when the ground
    has spoken to this satellite over others.
    """

    entity_id: int
    now_s: Callable[[], float]
    hand_on: Callable[[int, bytes], None]
    attended: Callable[[], None]


class Commands:
    """Takes each command once; what was accepted is on disk before it is begun.

    Frames of type A come in sequence (FARM-1), whose numbers begin at zero with each boot: it is
    the counters in the commands, on disk, that guard against obeying one twice.
    """

    def __init__(
        self,
        path: Path,
        *,
        key: Callable[[], bytes | None],
        scid: int,
        actions: dict[int, Action],
        report: Callable[[bytes], None],
        relaying: Relaying | None = None,
    ) -> None:
        self._key, self._scid, self._actions, self._report = key, scid, actions, report
        self._relaying = relaying
        self._journal = Journal(path)
        self._counter = -1
        self._last: dict[bytes, bytes] = {}
        self._work: set[asyncio.Task] = set()
        self._farm = farm.Farm(channel=onboard.TELECOMMAND_CHANNEL)
        self.refused = 0
        unfinished: dict[bytes, None] = {}
        for record in self._journal.records:
            fields = json.loads(record)
            command_id = UUID(fields["id"]).bytes
            if "counter" in fields:
                self._counter = max(self._counter, fields["counter"])
                unfinished[command_id] = None
            else:
                self._last[command_id] = bytes.fromhex(fields["report"])
                unfinished.pop(command_id, None)
        self._journal.records.clear()
        for command_id in unfinished:
            self._end(command_id, CommandStage.FAILED, CommandCode.BUSY, "interrupted by a restart")

    def receive(self, frame: bytes) -> None:
        """Take one TC frame off the air."""
        try:
            content = tc.decode(frame)
        except tc.BadFrame as error:
            log.info("a TC frame is dropped: %s", error)
            self.refused += 1
            return
        if content.spacecraft != self._scid or content.channel != onboard.TELECOMMAND_CHANNEL:
            self.refused += 1
            return
        taken = farm.receive(self._farm, content)
        self._farm = taken.farm
        if taken.is_accepted:
            self._take(content.data)
        else:
            log.info("TC frame %d is not handed on: %s", content.number, taken.reason)

    @property
    def control_word(self) -> bytes:
        """The CLCW that goes down with every frame."""
        return self._farm.clcw().encode()

    def handed(self, packet: bytes, giver: int) -> None:
        """Take a telecommand that another satellite handed over by laser.

        What is refused is reported as such, with whoever handed it over: anybody can write any id
        on it, so that it says nothing of the telecommand that truly bears it.
        """
        size = onboard.RELAYED_COMMAND_LAYOUT.size
        body = packet[space.HEADER_BYTES : -onboard.TELECOMMAND_MAC_BYTES]
        try:
            header = space.decode_header(packet)
            entity_id, until_ns, command_id, counter, opcode = (
                onboard.RELAYED_COMMAND_LAYOUT.unpack_from(body)
            )
        except struct.error:
            self.refused += 1
            return
        if header.apid != Apid.RELAYED_COMMAND or header.packet_bytes != len(packet):
            self.refused += 1
            return
        if not self._is_authentic(packet) or entity_id != self._relaying.entity_id:
            refusal = CommandCode.BAD_AUTHENTICATION, "wrong authentication code"
        elif until_ns <= self._relaying.now_s() * 1e9:
            refusal = CommandCode.EXPIRED, "it came too late"
        elif counter <= self._counter:
            refusal = CommandCode.REPLAYED, f"{self._counter} was accepted before"
        else:
            self._relaying.attended()
            self._obey(command_id, counter, opcode, body[size:])
            return
        self.refused += 1
        text = f"handed over by satellite {giver} with counter {counter}: {refusal[1]}"
        self._report(encode_report(command_id, CommandStage.RELAY_REFUSED, refusal[0], text))

    def _hand_on(self, packet: bytes) -> None:
        """Let a telecommand that is for another satellite go on its way."""
        body = packet[space.HEADER_BYTES :]
        if self._relaying is None or len(body) < onboard.RELAYED_COMMAND_LAYOUT.size:
            self.refused += 1
        else:
            self._relaying.hand_on(int.from_bytes(body[:2]), packet)

    def _take(self, packet: bytes) -> None:
        if len(packet) >= space.HEADER_BYTES and space.apid_of(packet) == Apid.RELAYED_COMMAND:
            self._hand_on(packet)
            return
        body = packet[space.HEADER_BYTES : -onboard.TELECOMMAND_MAC_BYTES]
        try:
            header = space.decode_header(packet)
            command_id, counter, opcode = onboard.TELECOMMAND_LAYOUT.unpack_from(body)
        except struct.error:
            self.refused += 1
            return
        if header.apid != Apid.TELECOMMAND or header.packet_bytes != len(packet):
            self.refused += 1
        elif not self._is_authentic(packet):
            self._refuse(command_id, CommandCode.BAD_AUTHENTICATION, "wrong authentication code")
        elif command_id in self._last:
            self._report(self._last[command_id])  # said before, and said again
        elif counter <= self._counter:
            text = f"counter {counter}, {self._counter} was accepted before"
            self._refuse(command_id, CommandCode.REPLAYED, text)
        else:
            self._obey(command_id, counter, opcode, body[onboard.TELECOMMAND_LAYOUT.size :])

    def _obey(self, command_id: bytes, counter: int, opcode: int, arguments: bytes) -> None:
        """Carry an authentic telecommand out, unless it came another way before."""
        if command_id in self._last:
            self._report(self._last[command_id])
        elif opcode not in self._actions:
            self._refuse(command_id, CommandCode.UNKNOWN_OPCODE, f"opcode {opcode}")
        else:
            self._accept(command_id, counter, opcode, arguments)

    def _is_authentic(self, packet: bytes) -> bool:
        key = self._key()
        if key is None:
            return False  # without a key a satellite obeys nobody
        code = cmac.CMAC(algorithms.AES(key))
        code.update(packet[: -onboard.TELECOMMAND_MAC_BYTES])
        return hmac.compare_digest(code.finalize(), packet[-onboard.TELECOMMAND_MAC_BYTES :])

    def _refuse(self, command_id: bytes, code: CommandCode, text: str) -> None:
        self.refused += 1
        self._report(encode_report(command_id, CommandStage.REFUSED, code, text))

    def _accept(self, command_id: bytes, counter: int, opcode: int, arguments: bytes) -> None:
        accepted = encode_report(command_id, CommandStage.ACCEPTED)
        self._journal.append(
            json.dumps({"id": UUID(bytes=command_id).hex, "counter": counter}).encode()
        )
        self._counter = counter
        self._last[command_id] = accepted
        self._report(accepted)
        work = asyncio.ensure_future(self._carry_out(command_id, opcode, arguments))
        self._work.add(work)
        work.add_done_callback(self._work.discard)

    async def _carry_out(self, command_id: bytes, opcode: int, arguments: bytes) -> None:
        self._report(encode_report(command_id, CommandStage.STARTED))
        try:
            text = await self._actions[opcode](arguments)
        except (struct.error, ValueError) as error:
            self._end(command_id, CommandStage.FAILED, CommandCode.BAD_ARGUMENTS, str(error))
        except CommandFailed as failure:
            self._end(command_id, CommandStage.FAILED, failure.code, failure.text)
        except OSError as error:
            text = f"storage failed: {error.strerror}"
            self._end(command_id, CommandStage.FAILED, CommandCode.RUNTIME_FAILED, text)
        else:
            self._end(command_id, CommandStage.COMPLETED, CommandCode.NONE, text)

    def _end(self, command_id: bytes, stage: CommandStage, code: CommandCode, text: str) -> None:
        report = encode_report(command_id, stage, code, text)
        self._journal.append(
            json.dumps({"id": UUID(bytes=command_id).hex, "report": report.hex()}).encode()
        )
        self._last[command_id] = report
        self._report(report)

    def close(self) -> None:
        for work in self._work:
            work.cancel()
