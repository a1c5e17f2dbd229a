"""A small ground to fly against a real simulator process: what the tests hold it to."""

import asyncio
import contextlib
import hashlib
import itertools
import json
import os
import secrets
import signal
import socket
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from uuid import UUID, uuid4

import google_crc32c
from cryptography.hazmat.primitives import cmac
from cryptography.hazmat.primitives.ciphers import algorithms

from constellation.simulator import fleet
from constellation.simulator.board.commands import derive_key, relay_key
from constellation.stations import control, driver
from ops.up import nursery
from telemetry import onboard
from telemetry.frames import aos, tc
from telemetry.frames.packing import Packer
from telemetry.frames.reassembly import Reassembler
from telemetry.onboard import Apid, Tokens, UplinkChannel
from telemetry.packets import space
from tests import nurseries
from tests.uplink.registry.trust import makers
from uplink.registry.trust import bundles
from uplink.transfers import cfdp

RELEASES = makers.Ground()
"""Whom the satellites of these tests trust: `Simulator` writes its root into the fleet file."""
SATELLITE, STATION, ANTENNA = "SCS-01-M", "SGS", "SGS-1"
"""In view at the start of the default clock, for 398 s."""
MASTER = bytes(range(32))
SCID = {"SCS-01-M": 12, "SCS-01-J": 9}
ENTITY = {"SCS-01-M": 13, "SCS-01-J": 10}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass
class Simulator:
    """A simulator process that can be killed and started again on the same folder."""

    root: Path
    options: list[str] = field(default_factory=list)
    process: nursery.Born | None = None

    def start(self) -> None:
        self.port, self.control_port = free_port(), free_port()
        (self.root.parent / "master.key").write_text(MASTER.hex())
        if "--fleet" not in self.options:
            trusting = self.root.parent / "trusting.json"
            trusting.write_text(json.dumps({"root": RELEASES.root().to_dict()}))
            self.options = [*self.options, "--fleet", str(trusting)]
        argv = ["-m", "constellation.simulator", "--root", str(self.root)]
        argv += ["--port", str(self.port), "--control-port", str(self.control_port)]
        argv += ["--seed", "7", "--command-key", str(self.root.parent / "master.key")]
        self.process = nurseries.bear(nurseries.shared(), [*argv, *self.options], os.environ, None)
        deadline = time.monotonic() + 20
        while True:
            try:
                self.started = control.status(self.control)
                return
            except control.ControlFailed:
                assert self.process.poll() is None, "the simulator ended at once"
                assert time.monotonic() < deadline, "the simulator does not answer"
                time.sleep(0.05)

    @property
    def endpoint(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def control(self) -> str:
        return f"127.0.0.1:{self.control_port}"

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        assert nurseries.ended(self.process, 10)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        if not nurseries.ended(self.process, 10):
            self.kill()
            raise AssertionError("the simulator did not end within 10 s")

    def mission_s(self) -> float:
        return control.status(self.control)["mission"]


class Ground:
    """One contact as a conductor would fly it: commits everything, acknowledges everything."""

    def __init__(self, link: driver.Link, satellite: str = SATELLITE) -> None:
        self.link = link
        self.radiated_before = link.radiated_before
        self.satellite = satellite
        self.numbers: list[int] = []
        self.frames = 0
        self.control_word: int | None = None
        self.packets: dict[tuple[int, int], bytes] = {}
        self.arrivals: Counter[tuple[int, int]] = Counter()
        self.cfdp: list[bytes] = []
        self.ended: driver.Ended | None = None
        self.acknowledges = True
        self._counts = space.SequenceCounts()
        self._packers = {
            channel: Packer(aos.UPLINK, spacecraft=SCID[satellite], channel=channel)
            for channel in UplinkChannel
        }
        self._reassembler = Reassembler()
        self._news = asyncio.Event()
        self._listening = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        with contextlib.suppress(driver.StationLost):
            async for event in self.link:
                if isinstance(event, driver.DownBatch):
                    self.numbers.append(event.number)
                    self._take(event)
                    if self.acknowledges:
                        await self.link.acknowledge(event.number)
                elif isinstance(event, driver.Ended):
                    self.ended = event
                self._news.set()
        self._news.set()

    def _take(self, batch: driver.DownBatch) -> None:
        self.frames += batch.frame_count
        frames = aos.decode(aos.DOWNLINK, batch.frames)
        self.control_word = int(frames.ocf[-1])
        faults = frames.faults(spacecraft=SCID[self.satellite])
        for extracted in self._reassembler.feed(frames, faults).packets:
            down = space.decode_downlink(extracted.data)
            key = down.secondary.volume, down.secondary.serial
            self.arrivals[key] += 1
            assert self.packets.setdefault(key, extracted.data) == extracted.data
            if down.header.apid == Apid.CFDP_DOWN:
                self.cfdp.append(down.payload)

    async def until(self, condition, timeout_s: float = 15.0):
        """Wait until `condition()` is true and return it."""
        deadline = asyncio.get_running_loop().time() + timeout_s
        while not (result := condition()):
            left = deadline - asyncio.get_running_loop().time()
            assert left > 0, f"{condition} never came"
            self._news.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), min(left, 0.2))
        return result

    def payloads(self, apid: Apid) -> list[bytes]:
        """Return the payloads of an APID in the order they were generated."""
        found = [space.decode_downlink(self.packets[key]) for key in sorted(self.packets)]
        return [one.payload for one in found if one.header.apid == apid]

    async def send(self, apid: Apid, *payloads: bytes) -> None:
        files = apid == Apid.CFDP_UP
        packer = self._packers[UplinkChannel.FILES if files else UplinkChannel.PROTOCOL]
        frames = []
        for payload in payloads:
            packer.add(space.encode(apid, self._counts.take(apid), payload, is_command=True))
            while frame := packer.pull(flush=False):
                frames.append(frame)
        while frame := packer.pull():
            frames.append(frame)
        await self.link.send_frames(frames)

    async def send_file(self, name: str, content: bytes, number: int, timeout_s=20.0) -> str:
        """Send a file by CFDP until the receiver has said how it ended; return the state."""
        sender = self.sender(name, content, number)
        await self.drive(sender, lambda: sender.state.is_over, timeout_s)
        return str(sender.state)

    def sender(self, name: str, content: bytes, number: int) -> cfdp.Sender:
        return cfdp.Sender(
            cfdp.TransactionId(onboard.GROUND_ENTITY_ID, ENTITY[self.satellite], number),
            name,
            len(content),
            google_crc32c.value(content),
            lambda offset, count: content[offset : offset + count],
            onboard.FILE_SEGMENT_BYTES,
        )

    async def drive(self, sender: cfdp.Sender, condition, timeout_s: float = 20.0) -> None:
        """Let a sender send until `condition()`; time is the wall's, the clock runs at 1."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, f"{sender.state} {sender.fault}"
            waiting, self.cfdp = self.cfdp, []
            for pdu in waiting:
                if cfdp.decode_head(pdu).transaction == sender.transaction:
                    sender.receive(pdu, time.monotonic())
            sender.tick(time.monotonic())
            pdus = sender.next_pdus(max(1, self.link.room), time.monotonic())
            if pdus:
                await self.send(Apid.CFDP_UP, *pdus)
            else:
                await asyncio.sleep(0.02)
        await self.send(Apid.CFDP_UP, *sender.next_pdus(8, time.monotonic()))

    async def send_release(self, bundle: bytes, number: int) -> str:
        """Send a file of metadata; return how the transfer of it ended."""
        return await self.send_file(f"release/{hashlib.sha256(bundle).hexdigest()}", bundle, number)

    async def assign(self, content: bytes, number: int) -> None:
        """Have an artefact released and given to the satellite, as an honest ground would."""
        assert await self.send_release(assigned(content, self.satellite), number) == "finished"

    async def send_artefact(
        self, content: bytes, *, pack_bytes=256 * 1024, number=1, released=True
    ) -> str:
        """Send a release, a manifest and its packs; return the SHA-256 of the artefact."""
        sha = hashlib.sha256(content).hexdigest()
        if released:
            await self.assign(content, number + 1_000_000)
        packs = [content[at : at + pack_bytes] for at in range(0, len(content), pack_bytes)]
        named = [(hashlib.sha256(pack).hexdigest(), pack) for pack in packs]
        entries = [{"sha256": name, "size": len(pack)} for name, pack in named]
        manifest = {"artefact": sha, "size": len(content), "packs": entries}
        await self.send_file(f"manifest/{sha}", json.dumps(manifest).encode(), number)
        for n, (name, pack) in enumerate(named, start=number + 1):
            assert await self.send_file(f"pack/{name}", pack, n) == "finished"
        return sha

    async def command(
        self, opcode: onboard.Opcode, arguments: bytes, *, counter: int, key: bytes | None = None
    ) -> UUID:
        """Send an authenticated telecommand."""
        command_id = uuid4()
        await self.link.send_command(
            command_frame(self.satellite, command_id, opcode, arguments, counter, key)
        )
        return command_id

    def command_stages(self, command_id: UUID) -> list[tuple[str, str, str]]:
        """Return (stage, code, text) of what was reported of a command."""
        return stages_of(command_id, self.payloads(Apid.COMMAND_REPORT))

    async def relay(self, packet: bytes) -> None:
        """Send a telecommand's packet for another satellite, in a TC frame of this one's."""
        frame = tc.Frame(spacecraft=SCID[self.satellite], channel=0, number=0, data=packet)
        await self.link.send_command(tc.encode(frame))

    def handed_on(self, satellite: str) -> list[bytes]:
        """Return the packets of another satellite that this one handed on; all must be sealed by
        that one."""
        return [inner for inner, is_sealed in self.sealed(satellite) if is_sealed]

    def sealed(self, satellite: str) -> list[tuple[bytes, bool]]:
        """Return what is said to be packets of another satellite, and whether its seal holds."""
        found = []
        for payload in self.payloads(Apid.RELAYED):
            entity_id, code = onboard.RELAYED_LAYOUT.unpack_from(payload)
            inner = payload[onboard.RELAYED_LAYOUT.size :]
            if entity_id == ENTITY[satellite]:
                key = relay_key(MASTER, satellite)
                about = b"zenith relayed\0" + entity_id.to_bytes(2) + inner
                found.append((inner, mac(key, about) == code))
        return found

    def relayed_stages(self, satellite: str, command_id: UUID) -> list[tuple[str, str, str]]:
        """Return (stage, code, text) of what another satellite reported of a command."""
        downs = [space.decode_downlink(packet) for packet in self.handed_on(satellite)]
        reports = [one.payload for one in downs if one.header.apid == Apid.COMMAND_REPORT]
        return stages_of(command_id, reports)

    async def obeyed(self, opcode: onboard.Opcode, arguments: bytes, *, counter: int) -> tuple:
        """Send a command, wait for its end and return the last stage."""
        command_id = await self.command(opcode, arguments, counter=counter)
        over = ("COMPLETED", "FAILED", "REFUSED")
        return await self.until(
            lambda: next((s for s in self.command_stages(command_id) if s[0] in over), None), 30
        )

    async def ask(self, *messages: str | dict, query_id: UUID | None = None, **options) -> UUID:
        """Send a question in as many parts as it takes; a mere text is the user's."""
        query_id = query_id or uuid4()
        said = [{"role": "user", "content": m} if isinstance(m, str) else m for m in messages]
        content = json.dumps(said).encode()
        size = onboard.PROMPT_PART_BYTES
        parts = [content[at : at + size] for at in range(0, len(content), size)]
        fields = {"max_tokens": 64, "temperature": 0.0, "seed": 1, "lifetime_s": 0} | options
        encoded = [
            onboard.PromptPart(
                query_id=query_id, number=n, parts=len(parts), text=part, **fields
            ).encode()
            for n, part in enumerate(parts)
        ]
        await self.send(Apid.PROMPT, *encoded)
        return query_id

    def segments(self, query_id: UUID) -> dict[int, Tokens]:
        decoded = [Tokens.decode(payload) for payload in self.payloads(Apid.TOKENS)]
        return {one.number: one for one in decoded if one.query_id == query_id}

    async def answer(self, query_id: UUID, timeout_s: float = 30.0) -> tuple[str, dict, str]:
        """Wait for the end of an answer; return its text, the last segment, and the digest."""

        def whole():
            have = self.segments(query_id)
            last = [n for n, one in have.items() if one.kind in (2, 3)]
            return have if last and set(have) == set(range(last[0] + 1)) else None

        have = await self.until(whole, timeout_s)
        text = "".join(have[n].text for n in sorted(have) if have[n].kind == 1)
        digest = have[0].text if have[0].kind == 0 else ""
        return text, json.loads(have[max(have)].text), digest

    async def acknowledge(self, query_id: UUID) -> None:
        following = max(self.segments(query_id)) + 1
        await self.send(Apid.TOKEN_ACK, onboard.TokenAck(query_id, following).encode())

    async def leave(self) -> None:
        """Hang up without a word, as a killed worker would."""
        self.link.abandon()
        await self._listening

    async def close(self) -> None:
        await self.link.close()
        await self._listening


_given = itertools.count(1)


def assigned(content: bytes, satellite: str = SATELLITE) -> bytes:
    """Return honest metadata that gives `content` to a satellite; each artefact is its own line."""
    sha, number = hashlib.sha256(content).hexdigest(), next(_given)
    form = "gguf" if content.startswith(b"GGUF") else "echo"
    known, line = fleet.load(None).satellites[satellite], sha[:12]
    us = makers.Satellite(satellite, known.profile, known.storage_bytes)
    snapshot = RELEASES.snapshot(number, range(max(1, number - 80), number + 1))
    choice = makers.choose(number, sha, len(content), line)
    return bundles.encode(
        snapshot=snapshot,
        release=RELEASES.release(
            number, sha, length=len(content), line=line, form=form, profiles=[known.profile]
        ),
        assignment=RELEASES.assignment(number, snapshot, choice, to=us),
    )


def mac(key: bytes, content: bytes) -> bytes:
    code = cmac.CMAC(algorithms.AES(key))
    code.update(content)
    return code.finalize()


def stages_of(command_id: UUID, reports: list[bytes]) -> list[tuple[str, str, str]]:
    """Return (stage, code, text) of what reports tell of a command."""
    stages = []
    for payload in reports:
        name, stage, code, length = onboard.COMMAND_REPORT_LAYOUT.unpack_from(payload)
        text = payload[onboard.COMMAND_REPORT_LAYOUT.size :]
        assert len(text) == length
        if name == command_id.bytes:
            names = onboard.CommandStage(stage).name, onboard.CommandCode(code).name
            stages.append((*names, text.decode()))
    return stages


def relayed_command(
    satellite: str,
    command_id: UUID,
    opcode: int,
    arguments: bytes = b"",
    *,
    counter: int,
    until_s: float,
    key: bytes | None = None,
) -> bytes:
    """Return the packet of a telecommand that others may hand on to a satellite."""
    head = (ENTITY[satellite], round(until_s * 1e9), command_id.bytes, counter, opcode)
    body = onboard.RELAYED_COMMAND_LAYOUT.pack(*head) + arguments
    packet = space.encode(Apid.RELAYED_COMMAND, 0, body + bytes(16), is_command=True)[:-16]
    return packet + mac(key or derive_key(MASTER, satellite), packet)


def command_frame(
    satellite: str,
    command_id: UUID,
    opcode: int,
    arguments: bytes,
    counter: int,
    key: bytes | None = None,
) -> bytes:
    """Return a TC frame with one authenticated telecommand."""
    body = onboard.TELECOMMAND_LAYOUT.pack(command_id.bytes, counter, opcode) + arguments
    packet = space.encode(Apid.TELECOMMAND, 0, body + bytes(16), is_command=True)[:-16]
    code = mac(key or derive_key(MASTER, satellite), packet)
    return tc.encode(tc.Frame(spacecraft=SCID[satellite], channel=0, number=0, data=packet + code))


def write_fast_fleet(path: Path, uplink_bit_per_s: int = 1_000_000_000) -> Path:
    """Write a fleet of one satellite and one station with an uplink of 1 Gbit/s, or another."""
    known = fleet.load(None)
    reference = (fleet.REFERENCE / "computing-satellites.tle").read_text().splitlines()
    at = next(n for n, line in enumerate(reference) if line.strip() == "SCS-01 M")
    satellite = {
        "code": SATELLITE,
        "entity_id": ENTITY[SATELLITE],
        "scid": SCID[SATELLITE],
        "line1": reference[at + 1],
        "line2": reference[at + 2],
    }
    station = asdict(known.stations[STATION]) | {"uplink_bit_per_s": uplink_bit_per_s}
    path.write_text(
        json.dumps(
            {
                "satellites": [satellite],
                "stations": [station],
                "root": RELEASES.root().to_dict(),
            }
        )
    )
    return path


async def open_ground(
    simulator: Simulator,
    *,
    contact_id: str = "",
    fencing: int = 1,
    lasts_s: float = 390.0,
    satellite: str = SATELLITE,
    antenna: str = ANTENNA,
) -> Ground:
    link = await driver.open_link(
        simulator.endpoint,
        station=antenna.split("-")[0],
        antenna=antenna,
        satellite=satellite,
        contact_id=contact_id or secrets.token_hex(8),
        fencing=fencing,
        until=simulator.mission_s() + lasts_s,
    )
    return Ground(link, satellite)
