"""Our telecommands before the handler of a simulated satellite."""

import asyncio
from uuid import uuid4

import pytest

from constellation.simulator.board import commands as board
from telemetry import onboard
from telemetry.onboard import CommandCode, CommandStage
from uplink.commands import authentication, definitions

MASTER = bytes(range(32))
CODE, SPACECRAFT = "SCS-01-A", 77


class Satellite:
    def __init__(self, path):
        self.heard, self.reports = [], []
        actions = {onboard.Opcode.ACTIVATE_SLOT: self.activate}
        self.commands = board.Commands(
            path,
            key=lambda: board.derive_key(MASTER, CODE),
            scid=SPACECRAFT,
            actions=actions,
            report=self.report,
        )

    async def activate(self, arguments):
        self.heard.append(onboard.SLOT_LAYOUT.unpack(arguments))
        return ""

    def report(self, payload):
        _, stage, code, _ = onboard.COMMAND_REPORT_LAYOUT.unpack_from(payload)
        self.reports.append((CommandStage(stage), CommandCode(code)))


def frame(counter, *, code=CODE, spacecraft=SPACECRAFT):
    key = authentication.satellite_key(MASTER, code)
    opcode, arguments = definitions.encode("ACTIVATE_SLOT", {"slot": "B"})
    packet = authentication.packet(key, uuid4(), counter, opcode, arguments)
    return authentication.frame(spacecraft, counter, packet)


@pytest.fixture
async def satellite(tmp_path):
    satellite = Satellite(tmp_path / "commands.journal")
    yield satellite
    satellite.commands.close()


async def settle():
    for _ in range(5):
        await asyncio.sleep(0)


async def test_an_authentic_command_is_carried_out_once(satellite):
    sent = frame(200_000_000)
    satellite.commands.receive(sent)
    await settle()
    satellite.commands.receive(sent)
    await settle()

    assert satellite.heard == [(onboard.Slot.B,)]
    assert [stage for stage, _ in satellite.reports[:3]] == [
        CommandStage.ACCEPTED,
        CommandStage.STARTED,
        CommandStage.COMPLETED,
    ]


async def test_an_old_counter_another_s_key_and_a_changed_bit_are_refused(satellite):
    satellite.commands.receive(frame(200))
    await settle()
    satellite.reports.clear()
    changed = bytearray(authentication.packet(bytes(16), uuid4(), 300, 2, b"\x02"))
    satellite.commands.receive(frame(199))
    satellite.commands.receive(frame(201, code="SCS-01-B"))
    satellite.commands.receive(authentication.frame(SPACECRAFT, 300, bytes(changed)))
    satellite.commands.receive(frame(202, spacecraft=SPACECRAFT + 1))
    await settle()

    assert satellite.reports == [
        (CommandStage.REFUSED, CommandCode.REPLAYED),
        (CommandStage.REFUSED, CommandCode.BAD_AUTHENTICATION),
        (CommandStage.REFUSED, CommandCode.BAD_AUTHENTICATION),
    ]
    assert satellite.heard == [(onboard.Slot.B,)]
