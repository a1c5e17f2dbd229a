"""One upload for a cluster, through the real simulator: lasers, a lost gateway, one that lies."""

import asyncio
import json
import random
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from django.db import connections

from constellation import links
from constellation.contacts.models import State as ContactState
from constellation.orbits import omm
from constellation.simulator import fleet
from constellation.stations import control
from tests.constellation.simulator import flight
from tests.factories import (
    make_antenna,
    make_artefact,
    make_contact,
    make_element_set,
    make_profile,
    make_satellite,
    make_station,
)
from tests.uplink.releases.sharing import share_keys
from tests.uplink.transfers.test_over_the_air import Conductor
from uplink.transfers import flying, holding, members, packing, progress, reports, requests, spreads
from uplink.transfers.models import Shipment, Spread, State, Transfer
from uplink.transfers.spreading import ranges

pytestmark = pytest.mark.django_db(transaction=True)
PACK_BYTES = 128 * 1024
CONTENT = random.Random(11).randbytes(8 * PACK_BYTES - 77)
CODES = [flight.SATELLITE, "TWIN-1", "TWIN-2", "TWIN-3"]
"""They fly one behind the other, some 60 km apart, so that all stand over one station."""
LOS = timedelta(minutes=6)


class Cluster:
    """Satellites with a contact each at the same time, flown by conductors in one loop."""

    def __init__(self, simulator, satellites, antennas, started):
        self.simulator, self.satellites, self.started = simulator, satellites, started
        now = datetime.fromtimestamp(started["mission"], UTC)
        self.contacts = [
            make_contact(satellite=one, antenna=antenna, aos_at=now, los_at=now + LOS, fencing=1)
            for one, antenna in zip(satellites, antennas, strict=True)
        ]
        self.artefact = make_artefact(CONTENT)
        packing.pack(self.artefact, pack_bytes=PACK_BYTES)
        self.transfers = {
            one.code: requests.request(
                transfer_id=uuid4(),
                satellite=one,
                artefact=self.artefact,
                version=None,
                organisation=self.artefact.organisation,
                now=now,
            )[0]
            for one in satellites
        }

    async def fly(self, until, *, without=()):
        """Fly all contacts at once until `until(codes that are ACTIVE)` is true."""
        done = asyncio.Event()
        chosen = [
            pair
            for pair in zip(self.satellites, self.contacts, strict=True)
            if pair[0].code not in without
        ]
        async with asyncio.TaskGroup() as group:
            for number, (satellite, contact) in enumerate(chosen, start=1):
                group.create_task(self._fly_one(satellite, contact, number, done))
            planner = group.create_task(self._plan())
            while not await sync_to_async(until)(self.active()):
                await asyncio.sleep(0.2)
            done.set()
            planner.cancel()

    def active(self):
        rows = Transfer.objects.filter(artefact=self.artefact, state=State.ACTIVE)
        return lambda: set(rows.values_list("satellite__code", flat=True))

    async def _plan(self):
        while True:
            now = datetime.fromtimestamp(self.simulator.mission_s(), UTC)
            await sync_to_async(spreads.plan)(self.artefact, now=now, rate=1.0)
            await asyncio.sleep(0.5)

    async def _fly_one(self, satellite, contact, number, done):
        ground = await flight.open_ground(
            self.simulator,
            contact_id=str(contact.pk),
            satellite=satellite.code,
            antenna=f"SGS-{CODES.index(satellite.code) + 1}",
        )
        conductor = Conductor(ground, contact, satellite, self.started)
        await conductor.fly(done.is_set, timeout_s=90.0)
        await ground.leave()

    def sent_bytes(self):
        """File bytes that left for the cluster: packs alone, and by how many transfers."""
        rows = Shipment.objects.filter(transfer__artefact=self.artefact, number__gte=0)
        kept = sum(rows.values_list("sent_bytes", flat=True))
        return kept + sum(Spread.objects.values_list("withdrawn_bytes", flat=True))

    def told(self):
        return {one.satellite.code: one for one in holding.newest(artefact=self.artefact)}


def set_up(settings, tmp_path, monkeypatch):
    settings.COMMAND_KEY_FILE = tmp_path / "master.key"
    share_keys(settings, tmp_path)
    reports._newest.clear()
    links._kept.clear()
    monkeypatch.setattr(flying, "COMPARED_AFTER", timedelta(0))
    profile = make_profile(code="scs-01", isl_terminals=4, isl_bit_per_s=10**11)
    known = fleet.load(None)
    mean = known.satellites[flight.SATELLITE].elements
    satellites, entries = [], []
    for number, code in enumerate(CODES):
        entity_id = flight.ENTITY.get(code, 200 + number)
        scid = flight.SCID.get(code, 200 + number)
        monkeypatch.setitem(flight.ENTITY, code, entity_id)
        monkeypatch.setitem(flight.SCID, code, scid)
        flown = replace(mean, mean_anomaly_deg=(mean.mean_anomaly_deg - 0.5 * number) % 360.0)
        satellites.append(
            make_satellite(code=code, profile=profile, entity_id=entity_id, spacecraft_id=scid)
        )
        make_element_set(satellite=satellites[-1], elements=flown)
        entries.append(
            {"code": code, "entity_id": entity_id, "scid": scid, "omm": omm.to_fields(flown)}
        )
    station = asdict(known.stations["SGS"]) | {"uplink_bit_per_s": 20_000_000}
    path = tmp_path / "fleet.json"
    path.write_text(
        json.dumps(
            {
                "satellites": entries,
                "stations": [station],
                "root": flight.RELEASES.root().to_dict(),
            }
        )
    )
    place = make_station(code="SGS")
    antennas = [
        make_antenna(code=f"SGS-{n + 1}", station=place, uplink_bit_per_s=20_000_000)
        for n in range(len(CODES))
    ]
    return path, satellites, antennas


@pytest.fixture
async def cluster(settings, tmp_path, monkeypatch):
    path, satellites, antennas = await sync_to_async(set_up)(settings, tmp_path, monkeypatch)
    simulator = flight.Simulator(tmp_path / "simulator", options=["--fleet", str(path)])
    simulator.start()
    yield await sync_to_async(Cluster)(simulator, satellites, antennas, simulator.started)
    simulator.stop()
    await sync_to_async(connections.close_all)()


async def test_a_cluster_is_served_by_one_upload(cluster):
    await cluster.fly(lambda active: active() == set(CODES))

    sent = await sync_to_async(cluster.sent_bytes)()
    # One copy went up for four satellites; without laser links it would have been four.
    assert len(CONTENT) <= sent <= 1.2 * len(CONTENT)
    told = await sync_to_async(cluster.told)()
    everything = set(range(8))
    from_ground = []
    for code in CODES:
        assert ranges.numbers_of(told[code].spans) == everything
        from_ground += [n for s, a, b in told[code].spans if s == 1 for n in range(a, b + 1)]
    assert sorted(from_ground) == sorted(everything)  # each pack once, to whichever satellite
    assert control.status(cluster.simulator.control)["laser_bytes"] >= 3 * len(CONTENT)
    for code in CODES:
        row = await sync_to_async(Transfer.objects.get)(satellite__code=code)
        numbers = await sync_to_async(progress.summary)(row)
        assert numbers["delivered_packs"] == numbers["packs"] == 8
        assert numbers["acknowledged_bytes"] == numbers["size_bytes"]


async def test_the_loss_of_a_gateway_is_planned_around(cluster, monkeypatch):
    monkeypatch.setattr(members, "SILENT", timedelta(seconds=3))
    gateway = {}

    def has_begun(active):
        rows = Shipment.objects.filter(number__gte=0, delivered=True)
        first = rows.select_related("transfer__satellite").first()
        if first is not None:
            gateway["code"] = first.transfer.satellite.code
        return first is not None

    await cluster.fly(has_begun)
    lost = gateway["code"]
    control.set_mischief(cluster.simulator.control, lost=[lost])
    # Its contact has come to its end, and nothing was heard of it since.
    number = CODES.index(lost)
    contact = cluster.contacts[number]
    contact.state = ContactState.COMPLETED
    await sync_to_async(contact.save)()
    await asyncio.sleep(3.5)

    await cluster.fly(lambda active: active() == set(CODES) - {lost}, without=[lost])

    sent = await sync_to_async(cluster.sent_bytes)()
    assert sent <= 2.2 * len(CONTENT)  # at worst all that the lost one had
    left = await sync_to_async(Transfer.objects.get)(satellite__code=lost)
    assert left.state == State.SENDING


async def test_a_lying_gateway_is_named_and_does_not_stop_the_others(cluster):
    control.set_mischief(cluster.simulator.control, rogue={CODES[0]: "packs"})

    await cluster.fly(lambda active: active() == set(CODES))

    told = await sync_to_async(cluster.told)()
    liar = flight.ENTITY[CODES[0]]
    spread = await sync_to_async(list)(Spread.objects.all())
    named = [one for one in spread if liar in one.refused]
    for code in CODES:
        assert liar not in {source for source, _, _ in told[code].spans}
    sent = await sync_to_async(cluster.sent_bytes)()
    # Whoever got packs of the ground was asked for them.
    assert bool(named) == any(source == 1 for source, _, _ in told[CODES[0]].spans)
    assert sent <= 2.2 * len(CONTENT)
