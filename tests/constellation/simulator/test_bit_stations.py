"""A station may hand over the bits that it demodulates in the place of frames."""

import json

import numpy as np
import pytest

from constellation.simulator import __main__ as program
from constellation.simulator import fleet
from constellation.simulator.ground import modem
from constellation.simulator.ground.channel import Faults
from constellation.simulator.ground.spool import Spool
from constellation.stations import control, driver, wire
from telemetry.frames import aos, bitstream, links
from telemetry.onboard import FRAME_BYTES
from tests.constellation.simulator import flight

CODING = links.STANDARD_CODING
BITS = ["--coded", flight.STATION]
REQUEST = wire.OpenRequest("SGS", "SGS-1", "SCS-01-M", "c", 1, 0.0)


def frames_of(count, seed=1):
    return np.random.default_rng(seed).integers(0, 256, (count, FRAME_BYTES), np.uint8)


def carried(faults, count=40, bursts=4, coding=CODING):
    """Return frames, and what a decoder takes out of the bits that a station makes of them."""
    frames, random = frames_of(count), np.random.default_rng(3)
    bits = modem.Bits(coding, faults, random)
    stream = b"".join(bits.carry(part.tobytes()) for part in np.split(frames, bursts))
    decoder = bitstream.Decoder(links.read_coding(coding))
    taken = bitstream.joined(decoder.feed(stream + bits.rest()), decoder.finish())
    return frames, taken


@pytest.mark.parametrize(
    "coding",
    [
        CODING,
        {"randomiser": "none", "reed_solomon": CODING["reed_solomon"] | {"basis": "conventional"}},
        {
            "randomiser": "tm-long",
            "reed_solomon": {"parity_bytes": 16, "interleave": 5, "fill_bytes": 16},
        },
        {"randomiser": "tm", "marker": "352ef853"},
    ],
    ids=str,
)
def test_the_bits_of_a_clean_link_hold_every_frame(coding):
    frames, taken = carried(Faults(), coding=coding)
    np.testing.assert_array_equal(taken.data, frames)
    assert taken.is_whole.all()
    assert not taken.symbols.any()


def test_bit_errors_are_put_right_by_the_code():
    # At 1e-3 a codeword of 255 symbols has 2 wrong ones in the mean, and 17 never in a lifetime.
    frames, taken = carried(Faults(bit_error_rate=1e-3))
    np.testing.assert_array_equal(taken.data, frames)
    assert taken.symbols.sum() > 100


def test_where_bits_slip_the_frame_is_lost_and_the_others_are_not():
    frames, taken = carried(Faults(bit_slip=0.2))
    sent = {row.tobytes() for row in frames}
    whole = [row.tobytes() for row in taken.data[taken.is_whole]]
    assert set(whole) <= sent
    assert len(whole) > 20
    assert len(whole) < 40
    assert taken.relocks > 0


def test_what_was_handed_over_as_bits_stays_bits_after_a_restart(tmp_path):
    spool = Spool(tmp_path / "c.contact")
    spool.request = REQUEST
    spool.deliver_bits(CODING)
    spool.open(REQUEST)
    spool.receive(5, b"odd")
    spool.receive(6, b"")

    again = Spool(tmp_path / "c.contact")
    assert again.coding == CODING
    assert list(again.unacknowledged) == [
        wire.Batch(1, 5, b"odd", True),
        wire.Batch(2, 6, b"", True),
    ]
    assert (again.counters.batches, again.counters.down_frames, again.counters.down_bytes) == (
        2,
        0,
        3,
    )

    again.end("los")
    again.acknowledge(2)
    assert Spool(tmp_path / "c.contact").counters.as_dict() == again.counters.as_dict()


def test_the_account_of_a_contact_from_before_bits_is_read(tmp_path):
    spool = Spool(tmp_path / "c.contact")
    spool._journal.append(b"N" + bytes(7) + b"\x03" + bytes(7) + b"\x09")
    counters = Spool(tmp_path / "c.contact").counters
    assert (counters.batches, counters.down_frames, counters.bit_bytes) == (3, 9, 0)


@pytest.mark.parametrize(
    ("coding", "said"),
    [
        (7, "coding is an object of fields"),
        ({}, "coding.randomiser is missing"),
        ({"randomiser": "tm", "interleaf": 5}, "coding has no interleaf"),
        (
            {"randomiser": "tm", "reed_solomon": {"parity_bytes": 32, "interleave": 4}},
            "coding: frames of 1115 bytes do not fill the code",
        ),
    ],
)
def test_a_coding_that_cannot_be_is_refused_with_the_station_and_the_reason(coding, said, tmp_path):
    station = {
        "code": "X",
        **dict.fromkeys(("latitude_deg", "longitude_deg", "altitude_m", "mask_deg"), 0),
        "antennas": 1,
        "uplink_bit_per_s": 1000,
        "downlink_bit_per_s": 1000,
        "coding": coding,
    }
    (tmp_path / "fleet.json").write_text(json.dumps({"stations": [station]}))
    with pytest.raises(fleet.BadFleet, match=f"station X: {said}"):
        fleet.load(tmp_path / "fleet.json")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--coded", "SGS,NOWHERE"], "no station 'NOWHERE'"),
        (["--coding", "coding.json"], "said of no station"),
        (
            ["--coded", "SGS", "--coding", "coding.json"],
            "station SGS: coding.randomiser is missing",
        ),
    ],
)
def test_options_that_cannot_be_are_refused(options, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "coding.json").write_text("{}")
    with pytest.raises(fleet.BadFleet, match=said):
        program.fleet_of(program.parse(["--port", "1", "--control-port", "2", *options]))


def test_stations_are_named_or_all_are_meant():
    chosen = program.parse(["--port", "1", "--control-port", "2", "--coded", "SGS, KIR"])
    found = program.fleet_of(chosen).stations
    assert {code for code, station in found.items() if station.coding} == {"SGS", "KIR"}
    assert all(
        station.coding for station in fleet.coded(fleet.load(None), "all", CODING).stations.values()
    )


@pytest.fixture
def simulator(tmp_path):
    process = flight.Simulator(tmp_path / "simulator", options=BITS)
    process.options += ["--fleet", str(flight.write_fast_fleet(tmp_path / "fleet.json"))]
    process.start()
    yield process
    process.stop()


async def test_a_contact_at_such_a_station_delivers_bits_and_says_when_no_more_come(simulator):
    link = await driver.open_link(
        simulator.endpoint,
        station=flight.STATION,
        antenna=flight.ANTENNA,
        satellite=flight.SATELLITE,
        contact_id="bits",
        fencing=1,
        until=simulator.mission_s() + 6,
    )
    decoder, batches = bitstream.Decoder(links.read_coding(link.coding)), []
    async for event in link:
        if isinstance(event, driver.DownBatch):
            batches.append(event)
            await link.acknowledge(event.number)
    await link.close()
    data = b"".join(batch.frames for batch in batches)
    taken = bitstream.joined(decoder.feed(data), decoder.finish())

    assert link.coding == CODING
    assert batches[-1].frames == b""
    assert len(taken) > 5
    frames = aos.decode(aos.DOWNLINK, taken.data.tobytes())
    assert not any(frames.faults(spacecraft=flight.SCID[flight.SATELLITE]))
    report = control.report(simulator.control, "bits")
    assert (report["bit_bytes"], report["down_frames"]) == (len(data), 0)
    assert report["batches"] == len(batches)
