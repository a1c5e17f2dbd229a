"""Telecommands for a satellite without a contact, through another's flight and a real simulator."""

import hashlib
import json
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connections
from django.db.models import Sum

from constellation import clock_relay
from constellation.simulator import fleet
from constellation.simulator.journal import load
from constellation.stations import control
from ops import clock
from telemetry import ingest
from telemetry.models import Packet, PacketAccount, Rejected
from tests.constellation.simulator import flight as simulated
from tests.constellation.simulator.test_lasers import FIRST, SECOND
from tests.factories import (
    make_antenna,
    make_contact,
    make_element_set,
    make_organisation,
    make_profile,
    make_satellite,
    make_station,
)
from tests.system.story import EPOCH
from tests.uplink.conduct.test_command_flight import claim, fly, in_thread
from uplink.commands import handovers, reach, relays, release
from uplink.commands.models import Command, State
from uplink.conduct import flight as flights

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def simulator(tmp_path, settings, monkeypatch):
    monkeypatch.setitem(connections.databases["default"], "CONN_MAX_AGE", 0)
    monkeypatch.setattr(flights.duties, "queue_decoding", lambda contact_id, awaited: None)
    settings.COMMAND_KEY_FILE = tmp_path / "master.key"
    process = simulated.Simulator(tmp_path / "simulator")
    process.start()
    reach.forget()
    try:
        settings.ZENITH_SIMULATOR_CONTROL = process.control
        clock.forget()
        clock.start(epoch=EPOCH)
        assert clock_relay.tell(clock.reading())
        yield process
    finally:
        process.stop()
        clock.forget()


class Story:
    """A gateway in contact, and commands for a satellite that it reaches by laser."""

    def __init__(self, simulator, *, commands=3):
        self.simulator = simulator
        profile = make_profile(code="scs-01", isl_terminals=4, isl_bit_per_s=10**11)
        known = fleet.load(None)
        self.gateway, self.other = (
            make_satellite(
                code=code,
                profile=profile,
                entity_id=simulated.ENTITY[code],
                spacecraft_id=simulated.SCID[code],
            )
            for code in (FIRST, SECOND)
        )
        for satellite in (self.gateway, self.other):
            make_element_set(
                satellite=satellite, elements=known.satellites[satellite.code].elements
            )
        self.station = make_station(code="SGS")
        self.contact = self.contact_of(self.gateway, "SGS-1")
        self.commands = [self.ask() for _ in range(commands)]

    def contact_of(self, satellite, antenna):
        now = clock.now()
        return make_contact(
            satellite=satellite,
            antenna=make_antenna(station=self.station, code=antenna),
            aos_at=now,
            los_at=now + timedelta(seconds=300),
        )

    def ask(self):
        command, _ = release.request(
            command_id=uuid4(),
            satellite=self.other,
            name="NO_OP",
            arguments={},
            organisation=make_organisation(),
            source="user:test",
            now=clock.now(),
        )
        return command.pk

    def decode(self):
        for contact_id in ingest.undecoded_contacts():
            ingest.decode_reception(contact_id, now=clock.now())
        relays.fall_back(now=clock.now())

    def states(self):
        self.decode()
        rows = dict(Command.objects.values_list("pk", "state"))
        return [rows[pk] for pk in self.commands]

    def all_are(self, state):
        return set(self.states()) == {state}

    def obeyed(self):
        path = self.simulator.root / "satellites" / SECOND / "commands.journal"
        records = map(json.loads, load(path)) if path.exists() else []
        return [record["id"] for record in records if "counter" in record]

    def wanted(self):
        return [pk.hex for pk in self.commands]

    def told(self):
        rows = Command.objects.get(pk=self.commands[0]).handovers.all()
        return [(row.way, row.outcome) for row in rows]

    def held(self, satellite):
        rows = Packet.objects.filter(satellite=satellite)
        return {
            (
                *(row.volume, row.boot, row.serial, row.apid),
                hashlib.sha256(row.data).digest()[:8].hex(),
            )
            for row in rows
        }

    def sent(self, satellite):
        return {tuple(row) for row in control.manifest(self.simulator.control, satellite.code)}

    def is_settled(self):
        self.decode()
        sent = self.sent(self.other)
        return len(sent) > 9 and sent == self.held(self.other)

    def balance(self):
        sums = PacketAccount.objects.filter(satellite=self.other).aggregate(
            received=Sum("received"), stored=Sum("stored"), duplicates=Sum("duplicates")
        )
        return sums["received"], sums["stored"] + sums["duplicates"], sums["stored"]

    def claims_without_handing_over(self):
        """A worker that dies between its claim and the station."""
        claim("dead")
        via = relays.via(self.gateway.pk, now=clock.now(), rate=1.0)
        return release.claim(self.commands[0], contact_id=self.contact.pk, now=clock.now(), via=via)


@pytest.fixture
async def story(simulator):
    return await in_thread(Story, simulator)


async def test_it_obeys_in_order_and_answers_over_another_s_contact(simulator, story):
    await fly(simulator, "one", lambda: story.all_are(State.COMPLETED) and story.is_settled())

    assert story.obeyed() == story.wanted()
    way = f"relayed by {FIRST} over laser"
    assert await in_thread(story.told) == [(way, f"{handovers.TAKEN}, told over laser")]
    # Its books are exact, though nothing of it came down but over the other one's contact.
    received, accounted, stored = await in_thread(story.balance)
    assert received == accounted
    assert stored == len(await in_thread(story.held, story.other))


async def test_its_own_contact_brings_the_rest_and_nothing_twice(simulator, story):
    await fly(simulator, "one", lambda: story.all_are(State.COMPLETED))
    relayed = await in_thread(story.held, story.other)

    def end_contact():
        story.contact.refresh_from_db()
        story.contact.state = "COMPLETED"
        story.contact.save()
        story.contact = story.contact_of(story.other, "SGS-2")

    await in_thread(end_contact)
    await fly(simulator, "two", story.is_settled)

    assert relayed <= await in_thread(story.held, story.other)
    received, accounted, stored = await in_thread(story.balance)
    assert received == accounted
    assert stored == len(await in_thread(story.held, story.other))


async def test_a_gateway_that_drops_it_costs_time_and_no_telecommand(simulator, story, monkeypatch):
    monkeypatch.setattr(relays, "WITHIN", timedelta(seconds=4))
    control.set_mischief(simulator.control, rogue={FIRST: "drop"})

    def is_given_up():
        story.decode()
        return len(story.told()) == relays.TRIES_OF_ONE and story.states()[0] == State.RELEASED

    await fly(simulator, "one", is_given_up)
    assert story.obeyed() == []

    def own_contact():
        story.contact.refresh_from_db()
        story.contact.state = "COMPLETED"
        story.contact.save()
        story.contact = story.contact_of(story.other, "SGS-2")

    await in_thread(own_contact)
    await fly(simulator, "two", lambda: story.all_are(State.COMPLETED))

    assert story.obeyed() == story.wanted()
    way = f"relayed by {FIRST} over laser"
    assert await in_thread(story.told) == [
        (way, handovers.UNHEARD),
        (way, handovers.UNHEARD),
        ("over its own contact", handovers.TAKEN),
    ]


async def test_a_gateway_that_forges_reports_is_named_and_not_believed(simulator, story):
    control.set_mischief(simulator.control, rogue={FIRST: "forge"})

    await fly(simulator, "one", lambda: story.all_are(State.COMPLETED) and story.is_settled())

    assert story.obeyed() == story.wanted()

    def refusals():
        rows = Rejected.objects.filter(satellite=story.gateway)
        return set(rows.values_list("reason", flat=True))

    assert await in_thread(refusals) == {
        f"handler: NotItsOwn: it is handed on as {SECOND}'s, whose seal is not on it"
    }


async def test_a_worker_that_dies_before_the_station_had_it_loses_nothing(
    simulator, story, monkeypatch
):
    monkeypatch.setattr(relays, "WITHIN", timedelta(seconds=4))
    await in_thread(story.claims_without_handing_over)

    await fly(simulator, "two", lambda: story.all_are(State.COMPLETED))

    assert story.obeyed() == story.wanted()
    assert (await in_thread(story.told))[0][1] == handovers.UNHEARD
