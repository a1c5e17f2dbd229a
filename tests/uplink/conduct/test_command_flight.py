"""Telecommands through the conductor's flight and a real simulator, over a link that loses."""

import asyncio
import json
import threading
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connections

from constellation import clock_relay
from constellation.contacts.models import Contact
from constellation.simulator.journal import load
from constellation.stations import control
from ops import clock
from tests.constellation.simulator import flight as simulated
from tests.factories import (
    make_antenna,
    make_contact,
    make_organisation,
    make_satellite,
    make_station,
)
from tests.running import wait_for
from tests.system.story import EPOCH
from uplink.commands import release
from uplink.commands.models import Command, State
from uplink.conduct import flight as flights
from uplink.conduct import leases
from uplink.conduct.calls import Calls
from uplink.conduct.flight import Flight
from uplink.conduct.missiontime import MissionTime

pytestmark = pytest.mark.django_db(transaction=True)
COMMANDS = 10


@pytest.fixture
def simulator(tmp_path, settings, monkeypatch):
    monkeypatch.setitem(connections.databases["default"], "CONN_MAX_AGE", 0)
    monkeypatch.setattr(flights.duties, "queue_decoding", lambda contact_id, awaited: None)
    settings.COMMAND_KEY_FILE = tmp_path / "master.key"
    process = simulated.Simulator(tmp_path / "simulator")
    process.start()
    try:
        settings.ZENITH_SIMULATOR_CONTROL = process.control
        clock.forget()
        clock.start(epoch=EPOCH)
        assert clock_relay.tell(clock.reading())
        yield process
    finally:
        process.stop()
        clock.forget()


def contact_of(seconds):
    now = clock.now()
    station = make_station(code=simulated.STATION)
    return make_contact(
        satellite=make_satellite(
            code=simulated.SATELLITE,
            spacecraft_id=simulated.SCID[simulated.SATELLITE],
            entity_id=simulated.ENTITY[simulated.SATELLITE],
        ),
        antenna=make_antenna(station=station, code=simulated.ANTENNA),
        aos_at=now,
        los_at=now + timedelta(seconds=seconds),
    )


def ask(seconds):
    """A contact that goes on for so long, and telecommands that wait for it."""
    contact = contact_of(seconds)
    for _ in range(COMMANDS):
        release.request(
            command_id=uuid4(),
            satellite=contact.satellite,
            name="NO_OP",
            arguments={},
            organisation=make_organisation(),
            source="user:test",
            now=clock.now(),
        )


def in_thread(work, *arguments):
    """Run in a thread that leaves no connection behind."""

    def run():
        try:
            return work(*arguments)
        finally:
            connections["default"].close()

    return asyncio.to_thread(run)


def states():
    return list(Command.objects.values_list("state", flat=True))


def obeyed(simulator):
    """The counters of the telecommands that the satellite accepted, in the order it did."""
    journal = simulator.root / "satellites" / simulated.SATELLITE / "commands.journal"
    records = map(json.loads, load(journal))
    return [record["counter"] for record in records if "counter" in record]


def counters():
    return list(Command.objects.order_by("counter").values_list("counter", flat=True))


def claim(owner):
    """Take the contact, whoever had it: that one's lease has run out.

    A last heartbeat of who had it may still be on its way to the database, and renew the lease.
    """

    def taken():
        run_out_at = clock.wall() - timedelta(seconds=1)
        Contact.objects.exclude(owner="").update(lease_expires_at=run_out_at)
        return leases.claim(owner=owner, most=1, clock=clock.reading(), wall=clock.wall())

    (lease,) = wait_for("the contact is taken", taken, 60)
    return lease


async def fly(simulator, owner, until):
    """Fly the contact until something holds, and die there without a word."""
    calls = Calls()
    time = MissionTime(calls)
    await time.start()
    lease = await in_thread(claim, owner)
    flight = Flight(lease, endpoint=simulator.endpoint, calls=calls, clock=time)
    tasks = [asyncio.create_task(time.follow()), asyncio.create_task(flight.fly())]
    try:
        async with asyncio.timeout(60):
            while not await in_thread(until):
                assert not tasks[1].done(), tasks[1].result()
                flight.called.set()  # as the conductor does while anything waits
                await asyncio.sleep(0.1)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        calls.close()


async def test_every_telecommand_is_obeyed_once_and_in_order_though_frames_are_lost(simulator):
    control.set_faults(simulator.control, frame_loss=0.2)
    await in_thread(ask, 300)

    await fly(simulator, "one", lambda: len(obeyed(simulator)) == COMMANDS)

    assert obeyed(simulator) == await in_thread(counters)
    assert set(await in_thread(states)) == {State.SENT}


async def test_who_takes_over_goes_on_and_no_telecommand_is_obeyed_twice(simulator):
    control.set_faults(simulator.control, frame_loss=0.2)
    await in_thread(ask, 300)

    await fly(simulator, "one", lambda: len(obeyed(simulator)) >= 2)
    await fly(simulator, "two", lambda: State.RELEASED not in states())

    there = obeyed(simulator)
    assert there == sorted(set(there))
    assert set(there) <= set(await in_thread(counters))


async def test_what_was_claimed_for_a_link_that_breaks_waits_again(simulator, monkeypatch):
    """The link breaks between the claims and the station: nothing may stay SENDING."""
    loop, links, claimed = asyncio.get_running_loop(), [], []
    open_link, gather = flights.driver.open_link, flights.duties.gather

    async def opened(*arguments, **named):
        links.append(await open_link(*arguments, **named))
        return links[-1]

    def gathered(*arguments, **named):
        found = gather(*arguments, **named)
        if found.commands and not claimed:
            claimed.extend(one.counter for one in found.commands)
            loop.call_soon_threadsafe(links[-1]._writer.transport.abort)
            threading.Event().wait(1.0)  # this thread ends behind its link
        return found

    monkeypatch.setattr(flights.driver, "open_link", opened)
    monkeypatch.setattr(flights.duties, "gather", gathered)
    await in_thread(ask, 300)

    await fly(simulator, "one", lambda: len(obeyed(simulator)) == COMMANDS)

    assert len(links) >= 2
    assert claimed
    assert obeyed(simulator) == await in_thread(counters)
    assert not set(claimed) & set(obeyed(simulator))
    assert State.SENDING not in await in_thread(states)
