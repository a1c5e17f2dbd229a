"""The archive over HTTP: parameters, samples, packets and whole files of samples."""

import csv
import io
from datetime import timedelta

import orjson
import pytest
from asgiref.sync import async_to_sync
from pyarrow import parquet
from rest_framework.test import APIClient

from ops import clock
from telemetry import onboard, times
from telemetry.alarms.models import Cadence
from telemetry.archive import compaction, exporting, reading, rolling
from telemetry.models import Packet
from telemetry.onboard import Apid
from tests.factories import NOON, make_satellite, make_user

pytestmark = pytest.mark.usefixtures("no_handlers")
ADDRESSES = [
    "/api/v1/parameters",
    "/api/v1/samples?satellite={code}&parameter=mode",
    "/api/v1/exports/samples?satellite={code}&parameter=mode",
    "/api/v1/packets",
    "/api/v1/packets/{packet}/data",
]
N = 240


@pytest.fixture
def received(contact, board, heard, monkeypatch):
    """240 samples a second apart, in two batches, the first of them compacted; 60 are missing."""
    packets = [board.platform(charge=k / 1e4, at=NOON + timedelta(seconds=k)) for k in range(N)]
    heard.receive(board.frames(packets[:120]))
    compaction.compact(shortest=2)
    rolling.grow(parts=1)
    heard.receive(board.frames(packets[180:]))
    monkeypatch.setattr(clock, "now", lambda: NOON + timedelta(seconds=N))
    contact.organisation.operates_fleet = True
    contact.organisation.save()
    Cadence.objects.create(group="HK_PLATFORM", in_contact_s=30, out_of_contact_s=21_600)
    return contact


@pytest.fixture
def client(received):
    client = APIClient()
    client.force_authenticate(make_user(role="operator", organisation=received.organisation))
    return client


@pytest.fixture
def ask(client, received):
    def samples(parameter="battery_charge", **query):
        query = {"satellite": received.satellite.code, "parameter": parameter, **query}
        return client.get("/api/v1/samples", query)

    return samples


@pytest.mark.parametrize("address", ADDRESSES)
def test_strangers_and_customers_are_refused_and_operators_are_not(received, address):
    url = address.format(code=received.satellite.code, packet=Packet.objects.first().pk)
    client = APIClient()
    assert client.get(url).status_code == 401
    for role, status in (("customer", 403), ("operator", 200)):
        client.force_authenticate(make_user(role=role, organisation=received.organisation))
        assert client.get(url).status_code == status, role
        assert client.post(url, {}).status_code == 405


def test_parameters_are_described_and_found(client, received):
    url, code = "/api/v1/parameters", received.satellite.code
    found = client.get(url, {"satellite": code, "search": "charge"}).json()["results"]
    (charge,) = [each for each in found if each["name"] == "battery_charge"]
    assert charge["group"] == "HK_PLATFORM"
    assert charge["heard_at"] == "2026-08-22T12:03:59Z"
    assert charge["limits"] == "/api/v1/limits?parameter=battery_charge"
    assert client.get(charge["limits"]).status_code == 200
    silent = client.get(url, {"satellite": code, "group": "HK_COMPUTE"}).json()["results"]
    assert {each["heard_at"] for each in silent} == {None}


def test_few_samples_come_as_they_are(ask):
    body = ask(["battery_charge", "mode"]).json()
    charge = body["parameters"]["battery_charge"]
    expected = [k for k in range(N) if not 120 <= k < 180]
    assert charge["form"] == "samples"
    assert charge["values"] == pytest.approx([k / 1e4 for k in expected])
    assert charge["times_s"] == [NOON.timestamp() + k for k in expected]
    assert charge["stale_after_s"] == 30
    assert body["end"] == "2026-08-22T12:04:01Z"
    raw = ask(raw="true").json()["parameters"]["battery_charge"]
    assert raw["values"] == expected


def test_many_samples_come_as_an_envelope_with_its_gaps(ask):
    start = NOON.isoformat()
    end = (NOON + timedelta(seconds=N)).isoformat()
    found = ask(points=4, start=start, end=end).json()["parameters"]["battery_charge"]
    assert (found["form"], found["source_s"], found["bucket_s"]) == ("envelope", 60, 60.0)
    assert [at - NOON.timestamp() for at in found["times_s"]] == [0, 60, 180]
    assert found["n"] == [60, 60, 60]
    assert found["low"] == pytest.approx([0, 0.006, 0.018])
    assert found["high"] == pytest.approx([0.0059, 0.0119, 0.0239])
    assert found["mean"] == pytest.approx([0.00295, 0.00895, 0.02095])

    found = ask(points=8, start=start, end=end).json()["parameters"]["battery_charge"]
    assert (found["source_s"], found["n"]) == (0, [30, 30, 30, 30, 30, 30])


def test_states_come_where_they_change(ask):
    found = ask("mode", points=2).json()["parameters"]["mode"]
    assert found == {
        "unit": "",
        "stale_after_s": 30.0,
        "form": "states",
        "times_s": [NOON.timestamp()],
        "values": ["CONTACT"],
    }


@pytest.mark.parametrize(
    ("query", "status", "word"),
    [
        ({"parameter": "no_such"}, 404, "no_such"),
        ({"satellite": "NO-SUCH"}, 404, ""),
        ({"start": "2026-08-22T13:00Z", "end": "2026-08-22T12:00Z"}, 400, "ends before"),
        ({"points": 1}, 400, "points"),
        ({"points": 10**9}, 400, "points"),
        ({"start": "yesterday"}, 400, "start"),
        ({"form": "sketch"}, 400, "form"),
        ({"colour": "red"}, 400, "colour"),
    ],
)
def test_what_cannot_be_answered_is_refused(ask, query, status, word):
    answer = ask(**query)
    assert answer.status_code == status
    assert word in answer.content.decode()


def test_packets_of_the_fleet_are_found_and_downloaded(client, received):
    make_satellite()
    query = {"satellite": received.satellite.code, "apid": 0x10, "limit": 100}
    page = client.get("/api/v1/packets", query).json()
    assert [row["serial"] for row in page["results"]] == list(range(239, 179, -1)) + list(
        range(119, 79, -1)
    )
    assert len(client.get(page["next"]).json()["results"]) == 80
    late = {**query, "start": (NOON + timedelta(seconds=230)).isoformat()}
    (row, *_) = client.get("/api/v1/packets", late).json()["results"]
    answer = client.get(f"/api/v1/packets/{row['id']}/data")
    assert answer.content.hex() == row["data"]
    assert client.get("/api/v1/packets/999999999999999999999/data").status_code == 404
    assert client.get("/api/v1/packets", {"satellite": "NO-SUCH"}).status_code == 404


def whole(answer):
    async def collect():
        return b"".join([part async for part in answer.streaming_content])

    return async_to_sync(collect)()


def rows_of_csv(data):
    return [
        (row["generated_at"], row["parameter"], float(row["raw"]), number(row["value"]))
        for row in csv.DictReader(io.StringIO(data.decode()))
    ]


def rows_of_json(data):
    return [
        (times.text(ns), piece["parameter"], raw, value)
        for piece in orjson.loads(data)["pieces"]
        for ns, raw, value in zip(piece["generated_ns"], piece["raw"], piece["values"], strict=True)
    ]


def rows_of_parquet(data):
    return [
        (
            row["generated_at"].isoformat().replace("+00:00", "Z"),
            row["parameter"],
            row["raw"],
            row["text"] if row["value"] is None else row["value"],
        )
        for row in parquet.read_table(io.BytesIO(data)).to_pylist()
    ]


def number(text):
    return text if text.isalpha() else float(text)


@pytest.mark.parametrize(
    ("kind", "rows_of"),
    [("csv", rows_of_csv), ("json", rows_of_json), ("parquet", rows_of_parquet)],
)
def test_every_sample_leaves_as_a_file(client, received, kind, rows_of):
    query = {"satellite": received.satellite.code, "parameter": ["battery_charge", "mode"]}
    answer = client.get("/api/v1/exports/samples", {**query, "file": kind})
    assert answer["Content-Disposition"].endswith(f'.{kind}"')
    rows = rows_of(whole(answer))
    assert len(rows) == 360
    assert rows[0] == ("2026-08-22T12:00:00Z", "battery_charge", 0.0, 0.0)
    assert rows[179] == ("2026-08-22T12:03:59Z", "battery_charge", 239.0, pytest.approx(0.0239))
    assert rows[180] == ("2026-08-22T12:00:00Z", "mode", 2.0, "CONTACT")

    empty = client.get("/api/v1/exports/samples", {**query, "file": kind, "end": "2026-01-01"})
    assert rows_of(whole(empty)) == []


def test_a_file_is_read_a_window_at_a_time(received, monkeypatch):
    monkeypatch.setattr(exporting, "SAMPLES_AT_ONCE", 150)
    span = reading.Span(received.satellite_id, "HK_PLATFORM", 0, 2**62)
    pieces = list(exporting.pieces([("battery_charge", span)]))
    assert [len(piece.samples) for piece in pieces] == [120, 60]


def test_texts_in_files_are_no_formulas(received, board, heard):
    text = b"=HYPERLINK(1)"
    event = onboard.EVENT_REPORT_LAYOUT.pack(1, 7, len(text)) + text
    heard.receive(board.frames([board.packet(Apid.EVENT_REPORT, event)]))
    span = reading.Span(received.satellite_id, "EVENT_REPORT", 0, 2**62)
    pieces = exporting.pieces([("event_text", span)])
    assert b"'=HYPERLINK(1)" in b"".join(exporting.as_csv(pieces))
