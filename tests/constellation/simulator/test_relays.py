"""Telecommands and reports handed on by laser, against a real simulator, and gateways that lie."""

import hashlib
import json
import os
from uuid import uuid4

import pytest

from constellation.simulator.journal import load
from constellation.stations import control
from telemetry import onboard
from telemetry.onboard import Apid, Mode, Opcode
from telemetry.packets import space
from tests.constellation.simulator import flight
from tests.constellation.simulator.test_lasers import FIRST, SECOND, fetch, key_of, sources_of
from tests.constellation.simulator.test_uplink import ECHO
from uplink.transfers.spreading import holdings

OVER = {"COMPLETED", "FAILED", "REFUSED"}


class Relay:
    """A contact of the first satellite, over which the second is spoken to."""

    def __init__(self, simulator, ground):
        self.simulator, self.ground = simulator, ground
        self.counter = 0

    def packet(self, opcode=Opcode.NO_OP, arguments=b"", *, counter=None, within_s=30.0, **named):
        self.counter += 1
        command_id = uuid4()
        return command_id, flight.relayed_command(
            SECOND,
            command_id,
            opcode,
            arguments,
            counter=self.counter if counter is None else counter,
            until_s=self.simulator.mission_s() + within_s,
            **named,
        )

    async def send(self, *arguments, **named):
        command_id, packet = self.packet(*arguments, **named)
        await self.ground.relay(packet)
        return command_id

    def stages(self, command_id):
        return [stage[:2] for stage in self.ground.relayed_stages(SECOND, command_id)]

    async def told(self, command_id, stage, code="NONE"):
        return await self.ground.until(lambda: (stage, code) in self.stages(command_id))

    def obeyed(self):
        """Ids of the telecommands that the second satellite accepted, in order."""
        path = self.simulator.root / "satellites" / SECOND / "commands.journal"
        records = map(json.loads, load(path)) if path.exists() else []
        return [record["id"] for record in records if "counter" in record]


@pytest.fixture
async def relay(simulator, fly):
    return Relay(simulator, await fly())


def of(command_id):
    return command_id.hex


async def test_a_satellite_without_a_contact_obeys_and_reports_over_another(simulator, relay):
    command_id = await relay.send()

    await relay.told(command_id, "COMPLETED")

    assert relay.stages(command_id) == [
        ("ACCEPTED", "NONE"),
        ("STARTED", "NONE"),
        ("COMPLETED", "NONE"),
    ]
    assert relay.obeyed() == [of(command_id)]
    # What came down of the second satellite is what it says that it sent, and nothing else.
    manifest = control.manifest(simulator.control, SECOND)
    handed_on = {
        (down.secondary.volume, down.secondary.boot, down.secondary.serial, down.header.apid)
        for down in map(space.decode_downlink, relay.ground.handed_on(SECOND))
    }
    assert {tuple(entry[:4]) for entry in manifest} == handed_on


async def test_it_keeps_house_for_who_speaks_to_it(relay):
    await relay.told(await relay.send(), "COMPLETED")

    def kinds():
        return {space.apid_of(packet) for packet in relay.ground.handed_on(SECOND)}

    await relay.ground.until(lambda: {Apid.HK_PLATFORM, Apid.HK_COMPUTE} <= kinds(), 25)
    assert Apid.HK_LINK not in kinds()


async def test_a_telecommand_that_goes_both_ways_is_obeyed_once(relay, fly):
    command_id, packet = relay.packet()
    await relay.ground.relay(packet)
    await relay.told(command_id, "COMPLETED")
    own = await fly(satellite=SECOND, antenna="SGS-2")

    await own.link.send_command(
        flight.command_frame(SECOND, command_id, Opcode.NO_OP, b"", relay.counter + 1)
    )
    await own.until(lambda: own.command_stages(command_id))

    assert own.command_stages(command_id)[-1][0] == "COMPLETED"  # what was said, again
    assert relay.obeyed() == [of(command_id)]


async def test_the_other_way_round_it_is_refused_by_name(relay, fly):
    command_id, packet = relay.packet(counter=5)
    own = await fly(satellite=SECOND, antenna="SGS-2")
    await own.link.send_command(flight.command_frame(SECOND, command_id, Opcode.NO_OP, b"", 6))
    await own.until(lambda: ("COMPLETED", "NONE", "alive") in own.command_stages(command_id))

    await relay.ground.relay(packet)
    await own.until(
        lambda: ("RELAY_REFUSED", "REPLAYED") in [s[:2] for s in own.command_stages(command_id)]
    )

    assert relay.obeyed() == [of(command_id)]
    text = own.command_stages(command_id)[-1][2]
    assert (
        text
        == f"handed over by satellite {flight.ENTITY[FIRST]} with counter 5: 6 was accepted before"
    )


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"within_s": -1.0}, "EXPIRED"),
        ({"counter": 0}, "REPLAYED"),
        ({"key": bytes(16)}, "BAD_AUTHENTICATION"),
    ],
)
async def test_what_is_late_old_or_forged_is_refused_with_the_reason(relay, changes, code):
    await relay.told(await relay.send(), "COMPLETED")

    wrong = await relay.send(**changes)

    await relay.told(wrong, "RELAY_REFUSED", code)
    assert of(wrong) not in relay.obeyed()


async def test_neither_kind_of_telecommand_can_be_made_of_the_other(relay, fly):
    command_id, packet = relay.packet()
    own = await fly(satellite=SECOND, antenna="SGS-2")
    size = onboard.RELAYED_COMMAND_LAYOUT.size - onboard.TELECOMMAND_LAYOUT.size
    body = packet[space.HEADER_BYTES + size :]
    stripped = space.encode(Apid.TELECOMMAND, 0, body, is_command=True)

    await own.relay(stripped)

    await own.until(
        lambda: (
            ("REFUSED", "BAD_AUTHENTICATION")
            in [stage[:2] for stage in own.command_stages(command_id)]
        )
    )
    assert relay.obeyed() == []


async def test_signed_metadata_goes_the_same_way(relay):
    bundle = flight.assigned(b"a model", SECOND)
    entity = flight.ENTITY[SECOND].to_bytes(2)

    await relay.ground.send(Apid.RELAYED_RELEASE, entity + bundle)

    def accepted():
        downs = map(space.decode_downlink, relay.ground.handed_on(SECOND))
        return [
            digest.hex()
            for down in downs
            if down.header.apid == Apid.STORE_REPORT
            for event, _, digest, *_ in [onboard.STORE_REPORT_LAYOUT.unpack_from(down.payload)]
            if event == onboard.StoreEvent.RELEASE_ACCEPTED
        ]

    await relay.ground.until(accepted)
    assert accepted() == [hashlib.sha256(bundle).hexdigest()]
    kinds = {space.apid_of(packet) for packet in relay.ground.handed_on(SECOND)}
    assert Apid.INVENTORY in kinds


async def test_what_it_fetches_it_tells_over_another_s_contact(relay):
    content = ECHO + os.urandom(600_000)
    await relay.ground.send_artefact(content)

    await relay.send(Opcode.FETCH, fetch(content, FIRST))

    def told():
        downs = map(space.decode_downlink, relay.ground.handed_on(SECOND))
        payloads = [down.payload for down in downs if down.header.apid == Apid.HOLDINGS]
        reports = [holdings.Holdings.decode(one, SECOND, key_of(SECOND)) for one in payloads]
        return [sources_of(report) for report in reports if len(sources_of(report)) == 3]

    await relay.ground.until(told)
    assert told()[-1] == dict.fromkeys(range(3), flight.ENTITY[FIRST])


# --- a gateway that lies --------------------------------------------------------------------


async def test_an_altered_telecommand_is_refused_and_its_id_proves_nothing(simulator, relay):
    control.set_mischief(simulator.control, rogue={FIRST: "alter"})
    altered = await relay.send(Opcode.SET_MODE, bytes([Mode.IDLE]))
    sealed = relay.ground.sealed
    # It alters what comes back as well, so that the seal is broken: nothing passes for true.
    await relay.ground.until(lambda: sealed(SECOND))
    assert {is_sealed for _, is_sealed in sealed(SECOND)} == {False}
    control.set_mischief(simulator.control, rogue={})

    after = await relay.send()

    await relay.told(after, "COMPLETED")
    assert relay.obeyed() == [of(after)]
    on_board = simulator.root / "satellites" / SECOND / "commands.journal"
    assert of(altered).encode() not in on_board.read_bytes()


async def test_a_replayed_telecommand_is_obeyed_once_and_told(simulator, relay):
    control.set_mischief(simulator.control, rogue={FIRST: "replay"})

    command_id = await relay.send()

    await relay.told(command_id, "RELAY_REFUSED", "REPLAYED")
    assert ("COMPLETED", "NONE") in relay.stages(command_id)
    assert relay.obeyed() == [of(command_id)]


async def test_of_telecommands_out_of_order_the_older_is_refused_by_name(simulator, relay):
    control.set_mischief(simulator.control, rogue={FIRST: "reorder"})

    first = await relay.send()
    second = await relay.send()

    await relay.told(second, "COMPLETED")
    await relay.told(first, "RELAY_REFUSED", "REPLAYED")
    assert relay.obeyed() == [of(second)]


async def test_what_is_dropped_is_not_obeyed_and_the_next_is(simulator, relay):
    control.set_mischief(simulator.control, rogue={FIRST: "drop"})
    dropped = await relay.send()
    # COP-1 says that the gateway has it: the command after it shows that it went nowhere.
    await relay.ground.until(lambda: relay.ground.control_word is not None)
    control.set_mischief(simulator.control, rogue={})

    await relay.told(await relay.send(), "COMPLETED")

    assert of(dropped) not in relay.obeyed()


async def test_a_forged_report_bears_no_seal(simulator, relay):
    control.set_mischief(simulator.control, rogue={FIRST: "forge"})

    command_id = await relay.send()

    await relay.told(command_id, "COMPLETED")
    assert {is_sealed for _, is_sealed in relay.ground.sealed(SECOND)} == {True, False}


async def test_a_satellite_without_lasers_is_not_reached(simulator, relay):
    control.set_troubles(simulator.control, SECOND, lasers_down=1)
    await relay.send()
    control.set_troubles(simulator.control, SECOND, lasers_down=0)

    # What waited for a link goes on when there is one.
    await relay.ground.until(lambda: relay.obeyed())
    assert len(relay.obeyed()) == 1
