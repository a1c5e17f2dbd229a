"""The announced constellation of 2,800 flies in one small process, and nobody lives ahead."""

import json
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import pytest

from constellation.orbits import omm, walker
from constellation.simulator import fleet, space
from constellation.stations import control
from telemetry import onboard
from telemetry.onboard import Apid
from tests.constellation.simulator import flight
from tests.constellation.simulator.test_uplink import store_events

NOON = datetime(2026, 8, 22, 12, tzinfo=UTC)


def planned() -> list[dict]:
    """Return the satellites of the announced shells as the fleet file has them."""
    satellites = []
    for shell in walker.announced_shells(NOON.timestamp()):
        for plane, slot, node_rad, anomaly_rad in walker.slots(shell):
            number = len(satellites)
            code = f"{shell.code}-{plane:02d}-{slot:02d}"
            elements = walker.circular_elements(
                name=code,
                epoch_at=NOON,
                altitude_m=shell.altitude_m,
                inclination_rad=shell.inclination_rad,
                node_rad=node_rad,
                anomaly_rad=anomaly_rad,
            )
            ids = {"entity_id": 100 + number, "scid": 1 + number % 254}
            satellites.append({"code": code, **ids, "omm": omm.to_fields(elements)})
    return satellites


@pytest.fixture
def start(tmp_path):
    """Start a simulator with a fleet file of these satellites."""
    running = []

    def start_one(satellites: list[dict]) -> flight.Simulator:
        path = tmp_path / "fleet.json"
        stations = [asdict(station) for station in fleet.load(None).stations.values()]
        path.write_text(json.dumps({"satellites": satellites, "stations": stations}))
        process = flight.Simulator(tmp_path / "simulator", options=["--fleet", str(path)])
        running.append(process)
        process.start()
        return process

    yield start_one
    for process in running:
        process.stop()


async def test_2800_satellites_fit(start, tmp_path):
    satellites = planned()
    assert len(satellites) == 2_800
    process = start(satellites)

    known = fleet.load(tmp_path / "fleet.json")
    svalbard = known.stations["SGS"]
    around = space.Space(known, 7)
    at_s = process.mission_s() + 60
    up = next(
        code
        for code in known.satellites
        if space.Track(around, code, svalbard).view(at_s).elevation_deg > 30
    )
    flight.SCID[up] = known.satellites[up].scid
    ground = await flight.open_ground(process, satellite=up, antenna="SGS-1")
    await ground.until(lambda: ground.payloads(Apid.HK_LINK))
    linked = onboard.HK_LINK_LAYOUT.unpack_from(ground.payloads(Apid.HK_LINK)[0])[4]
    await ground.leave()

    assert linked == known.satellites[up].isl_terminals
    status = Path(f"/proc/{process.process.pid}/status").read_text()
    resident_kb = int(status.split("VmRSS:")[1].split()[0])
    assert resident_kb < 300_000
    # All but one exist on paper only.
    assert control.ask(process.control, {"satellites": True})["touched"] == [up]


async def test_what_happened_while_nobody_looked_is_in_the_recorder(simulator):
    first = await flight.open_ground(simulator)
    await first.until(lambda: first.payloads(Apid.HK_PLATFORM))
    await first.close()
    # Ten hours later, below every horizon or not: the satellite has its housekeeping.
    jumped_s = simulator.mission_s() + 36_000
    control.tell_clock(
        simulator.control,
        wall_anchor=time.time(),
        mission_anchor=jumped_s,
        rate=1.0,
        generation=2,
    )
    second = await flight.open_ground(simulator, contact_id="later")
    await second.until(
        lambda: control.satellite(simulator.control, flight.SATELLITE)["next_serial"] > 10_800
    )
    await second.leave()

    (volume, *_) = control.manifest(simulator.control, flight.SATELLITE)[0]
    answer = control.ask(simulator.control, {"manifest": flight.SATELLITE, "all": True})
    made = {serial for made_in, _, serial, _, _ in answer["packets"] if made_in == volume}
    assert made == set(range(len(made)))


async def test_a_satellite_takes_no_more_than_its_storage_holds(start):
    satellite = {
        "code": flight.SATELLITE,
        "entity_id": flight.ENTITY[flight.SATELLITE],
        "scid": flight.SCID[flight.SATELLITE],
        "omm": omm.to_fields(fleet.load(None).satellites[flight.SATELLITE].elements),
        "storage_bytes": 250_000,
    }
    process = start([satellite])
    ground = await flight.open_ground(process)
    kept, refused = bytes(200_000), bytes(100_000)
    names = [flight.hashlib.sha256(content).hexdigest() for content in (kept, refused)]

    assert await ground.send_file(f"pack/{names[0]}", kept, 1) == "finished"
    assert await ground.send_file(f"pack/{names[1]}", refused, 2) == "failed"
    await ground.leave()

    assert ("PACK_STORED", names[0]) in store_events(ground)
    assert control.satellite(process.control, flight.SATELLITE)["storage_bytes"] == 200_000
