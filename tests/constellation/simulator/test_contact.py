"""Stations carry frames while geometry allows, and keep the account of it."""

import asyncio
import math

import pytest

from constellation.simulator import fleet, space
from constellation.stations import control, driver, wire
from telemetry import onboard
from telemetry.onboard import Apid
from tests.constellation.simulator import flight


@pytest.fixture(scope="module")
def simulator(tmp_path_factory):
    """One process for all tests here: a contact more does not trouble it."""
    process = flight.Simulator(tmp_path_factory.mktemp("run") / "simulator")
    process.start()
    yield process
    process.stop()


@pytest.fixture(autouse=True)
def _no_faults(simulator):
    control.set_faults(simulator.control, frame_loss=0.0, bit_error_rate=0.0)


async def test_telemetry_comes_down_in_a_contact(simulator, fly):
    ground = await fly()

    await ground.until(lambda: len(ground.payloads(Apid.HK_PLATFORM)) >= 3)

    assert ground.link.uplink_bit_per_s == 50_000_000
    assert not ground.link.resumed
    for apid, layout in (
        (Apid.HK_PLATFORM, onboard.HK_PLATFORM_LAYOUT),
        (Apid.HK_COMPUTE, onboard.HK_COMPUTE_LAYOUT),
    ):
        assert all(len(payload) == layout.size for payload in ground.payloads(apid))
    serials = sorted(serial for _, serial in ground.packets)
    assert serials == list(range(serials[0], serials[0] + len(serials)))


async def test_the_manifest_lists_what_was_sent_and_nothing_else(simulator, fly):
    ground = await fly()
    await ground.until(lambda: len(ground.payloads(Apid.HK_LINK)) >= 2)
    await ground.close()

    begun = min(serial for _, serial in ground.packets)
    rows = control.manifest(simulator.control, flight.SATELLITE)
    last = max(serial for _, serial in ground.packets)
    rows = [row for row in rows if begun <= row[2] <= last]

    assert {(volume, serial) for volume, _, serial, _, _ in rows} >= set(ground.packets)
    assert len(rows) - len(ground.packets) < 6  # what others overtook, and we hung up


async def test_nothing_is_carried_below_the_mask(simulator, fly):
    # SCS-01-J stands over Svalbard and not over Miyun.
    ground = await fly(satellite="SCS-01-J", antenna="MIY-1")
    await ground.until(lambda: ground.link.status)
    await ground.send(Apid.GAP_REQUEST, onboard.encode_gap_request(1, [(0, 1)]))
    await asyncio.sleep(0.6)

    assert not ground.link.status.visible
    assert ground.link.status.elevation_deg < 10
    assert ground.link.status.radiated_frames == 0
    assert ground.link.status.queued_bytes == onboard.FRAME_BYTES
    assert not ground.packets


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"station": "XXX"}, "unknown_station"),
        ({"antenna": "SGS-99"}, "unknown_antenna"),
        ({"satellite": "SCS-99"}, "unknown_satellite"),
    ],
)
async def test_what_is_not_there_is_refused(simulator, wrong, code):
    right = {"station": "SGS", "antenna": "SGS-1", "satellite": flight.SATELLITE}
    with pytest.raises(driver.StationRefused) as refusal:
        await driver.open_link(
            simulator.endpoint, contact_id="a", fencing=1, until=2e9, **(right | wrong)
        )
    assert refusal.value.code == code


async def test_an_antenna_that_is_held_is_refused_to_another_contact(simulator, fly):
    await fly(contact_id="first")
    with pytest.raises(driver.StationRefused) as refusal:
        await fly(contact_id="second")
    assert refusal.value.code == "antenna_busy"


async def test_a_higher_fencing_number_takes_over_and_a_lower_one_is_refused(simulator, fly):
    old = await fly(contact_id="fenced", fencing=3)
    new = await fly(contact_id="fenced", fencing=4)
    await old.until(lambda: old.ended)

    assert old.ended.reason == "fenced"
    assert new.link.resumed
    with pytest.raises(driver.StationRefused) as refusal:
        await fly(contact_id="fenced", fencing=3)
    assert refusal.value.code == "stale_fencing"
    await new.until(lambda: new.packets)


async def test_what_nobody_acknowledged_goes_to_the_next_holder(simulator, fly):
    first = await fly(contact_id="handed over", fencing=1)
    first.acknowledges = False
    await first.until(lambda: len(first.payloads(Apid.HK_PLATFORM)) >= 2)
    await first.leave()
    await asyncio.sleep(1.2)  # the station goes on without a holder

    second = await fly(contact_id="handed over", fencing=2)
    await second.until(lambda: len(second.payloads(Apid.HK_PLATFORM)) >= 4)

    assert second.numbers == list(range(1, len(second.numbers) + 1))
    assert set(first.packets) <= set(second.packets)
    serials = sorted(serial for _, serial in second.packets)
    assert serials == list(range(serials[0], serials[0] + len(serials)))


async def test_the_contact_ends_at_its_time_and_both_accounts_agree(simulator, fly):
    ground = await fly(contact_id="timed", lasts_s=2.5)
    await ground.send(Apid.TOKEN_ACK, *[onboard.TokenAck(flight.UUID(int=1), 0).encode()] * 100)
    await ground.until(lambda: ground.ended)

    counters = ground.ended.counters
    report = control.report(simulator.control, "timed")
    assert ground.ended.reason == "until"
    assert counters["radiated_frames"] == ground.link.status.radiated_frames
    assert report["down_frames"] == counters["down_frames"] == ground.frames
    assert report["radiated_bytes"] == counters["radiated_frames"] * wire.FRAME_BYTES > 0
    assert report["batches"] == len(ground.numbers)


async def test_lost_and_spoilt_frames_are_counted_and_played_back(simulator, fly):
    control.set_faults(simulator.control, frame_loss=0.3)
    ground = await fly()
    await ground.until(lambda: len(ground.payloads(Apid.HK_PLATFORM)) >= 4)
    control.set_faults(simulator.control, frame_loss=0.0)
    await ground.until(lambda: len(ground.payloads(Apid.HK_PLATFORM)) >= 6)

    (volume, last) = max(ground.packets)
    missing = [(n, n) for n in range(last) if (volume, n) not in ground.packets]
    assert missing
    await ground.send(Apid.GAP_REQUEST, onboard.encode_gap_request(volume, missing))

    await ground.until(lambda: all((volume, n) in ground.packets for n in range(last)))


async def test_bit_errors_are_caught_by_the_frame_check(simulator, fly):
    # One bit in 5,000 leaves one frame in six as it was.
    ground = await fly()

    def counted():
        latest = ground.payloads(Apid.HK_LINK)[-1]
        return onboard.HK_LINK_LAYOUT.unpack_from(latest)[:3]

    await ground.until(lambda: ground.payloads(Apid.HK_LINK))
    before = counted()
    control.set_faults(simulator.control, bit_error_rate=2e-4)
    payload = onboard.TokenAck(flight.UUID(int=1), 0).encode()
    for _ in range(200):
        await ground.send(Apid.TOKEN_ACK, payload)
    await ground.until(lambda: (status := ground.link.status) and status.radiated_frames == 200)
    control.set_faults(simulator.control, bit_error_rate=0.0)
    await ground.until(lambda: sum(counted()[:2]) - sum(before[:2]) == 200)
    good, bad, packets = (now - then for now, then in zip(counted(), before, strict=True))
    assert bad > 100
    assert packets == good


async def test_what_the_recorder_does_not_hold_is_answered(simulator, fly):
    ground = await fly()
    await ground.until(lambda: len(ground.packets) >= 6)
    (volume, _) = max(ground.packets)
    await ground.send(Apid.RECORDER_RELEASE, onboard.RECORDER_RELEASE_LAYOUT.pack(volume, 4))
    await ground.send(Apid.GAP_REQUEST, onboard.encode_gap_request(volume, [(1, 5)]))
    await ground.send(Apid.GAP_REQUEST, onboard.encode_gap_request(volume + 9, [(0, 7)]))

    def statuses():
        found = map(onboard.decode_recorder_status, ground.payloads(Apid.RECORDER_STATUS))
        return {status[0]: status for status in found if status[3]}

    await ground.until(lambda: len(statuses()) == 2)
    assert statuses()[volume][1] == 4
    assert statuses()[volume][3] == [(1, 3)]
    assert statuses()[volume + 9] == (volume + 9, 0, 0, [(0, 7)])


def test_the_true_orbit_is_a_little_beside_the_published_one():
    published = fleet.load(None)
    flown = space.Space(published, seed=7)
    start_s = 1_787_400_000.0
    for code, spec in published.satellites.items():
        predicted = space.Orbits([(code, spec.elements)]).states([start_s]).position_m[0, 0]
        true = flown.positions_m(code, [start_s])[0]
        # Half a second of flight at most, and some tens of metres beside.
        assert 1.0 < math.dist(predicted, true) < 4_500.0
