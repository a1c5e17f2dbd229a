"""Values, packets and completeness over HTTP, for those who may see them."""

from datetime import timedelta
from urllib.parse import urlencode

import pytest
from rest_framework.test import APIClient

from constellation.contacts.models import Contact, State
from ops import clock
from telemetry import times
from telemetry.alarms import freshness
from telemetry.alarms.models import Cadence, Freshness, Watch
from tests.factories import NOON, make_organisation, make_user

pytestmark = pytest.mark.usefixtures("no_handlers")

ADDRESSES = [
    "/api/v1/telemetry/parameters",
    "/api/v1/satellites/{code}/telemetry/latest",
    "/api/v1/satellites/{code}/telemetry/samples?parameter=mode",
    "/api/v1/satellites/{code}/telemetry/packets",
    "/api/v1/satellites/{code}/telemetry/completeness",
    "/api/v1/satellites/{code}/telemetry/gaps",
    "/api/v1/contacts/{contact}/reception",
]


@pytest.fixture
def received(contact, board, heard, monkeypatch):
    """Ten samples a second apart, of which the third did not come down; then a report."""
    packets = [board.platform(charge=n / 10, at=NOON + timedelta(seconds=n)) for n in range(10)]
    heard.receive(board.frames([*packets[:2], *packets[3:], board.status()]))
    monkeypatch.setattr(clock, "now", lambda: NOON + timedelta(seconds=20))
    contact.organisation.operates_fleet = True
    contact.organisation.save()
    return contact


@pytest.fixture
def client(received):
    client = APIClient()
    client.force_authenticate(make_user(role="operator", organisation=received.organisation))
    return client


@pytest.fixture
def get(client, received):
    def ask(address, **query):
        url = f"/api/v1/satellites/{received.satellite.code}/telemetry/{address}"
        return client.get(f"{url}?{urlencode(query, doseq=True)}")

    return ask


@pytest.mark.parametrize("address", ADDRESSES)
def test_strangers_and_customers_are_refused_and_operators_are_not(received, address):
    url = address.format(code=received.satellite.code, contact=received.id)
    client = APIClient()
    assert client.get(url).status_code == 401
    for role, status in (("customer", 403), ("operator", 200)):
        user = make_user(role=role, organisation=received.organisation)
        client.force_authenticate(user)
        assert client.get(url).status_code == status, role
        assert client.post(url, {}).status_code == 405


def test_the_ledger_is_closed_to_operators_of_other_organisations(received):
    client = APIClient()
    client.force_authenticate(make_user(role="operator", organisation=make_organisation()))
    assert client.get(f"/api/v1/contacts/{received.id}/reception").status_code == 403


def test_a_satellite_nobody_knows_is_not_found(client):
    assert client.get("/api/v1/satellites/NO-SUCH/telemetry/latest").status_code == 404


def test_parameters_tell_units_and_labels(client):
    found = client.get("/api/v1/telemetry/parameters").json()["results"]
    by_name = {each["name"]: each for each in found}
    assert by_name["bus_voltage"]["unit"] == "V"
    assert by_name["bus_voltage"]["group"] == "HK_PLATFORM"
    assert by_name["mode"]["labels"] == ["SAFE", "IDLE", "CONTACT", "INFERENCE"]
    assert by_name["event_text"]["stale_after_s"] is None
    assert "packet_apid" not in by_name


def test_latest_values_say_how_old_they_are(get, monkeypatch):
    body = get("latest").json()
    by_name = {each["parameter"]: each for each in body["results"]}
    charge = by_name["battery_charge"]
    assert (charge["value"], charge["raw"]) == (pytest.approx(0.9), 9000)
    assert charge["generated_at"] == "2026-08-22T12:00:09Z"
    assert (charge["age_s"], charge["is_stale"]) == (11.0, False)


@pytest.mark.parametrize(
    ("state", "after_s", "stale_after_s"),
    [
        (State.PASS, 60, 40),  # In contact for long enough that it should have come.
        (State.PASS, 35, 90),  # Not yet.
        (State.COMPLETED, 60, 90),  # Out of contact nothing is expected for longer.
        (State.COMPLETED, 100, 90),
    ],
)
def test_values_are_stale_when_alarms_say_so(
    get, received, monkeypatch, state, after_s, stale_after_s
):
    now = NOON + timedelta(seconds=9 + after_s)
    monkeypatch.setattr(clock, "now", lambda: now)
    Contact.objects.filter(pk=received.pk).update(
        state=state, aos_at=now - timedelta(seconds=after_s), los_at=now + timedelta(minutes=5)
    )
    cadence = Cadence(group="HK_PLATFORM", in_contact_s=40, out_of_contact_s=90)
    cadence.save()
    newest_ns = {"HK_PLATFORM": times.to_ns(NOON + timedelta(seconds=9))}
    Watch.objects.create(satellite=received.satellite, newest_ns=newest_ns)
    contacts = {each.satellite_id: each for each in freshness.under_way(now)}
    freshness.look(contacts, now=now, grace=freshness.GRACE)

    by_name = {each["parameter"]: each for each in get("latest").json()["results"]}
    charge = by_name["battery_charge"]
    assert charge["stale_after_s"] == stale_after_s
    assert charge["is_stale"] == (after_s > stale_after_s)
    told = Freshness.objects.get(satellite=received.satellite, group="HK_PLATFORM")
    assert charge["is_stale"] == (told.state == "stale")
    assert by_name["recorder_following"]["stale_after_s"] is None
    cadence.delete()
    by_name = {each["parameter"]: each for each in get("latest").json()["results"]}
    assert by_name["battery_charge"]["stale_after_s"] is None


def test_samples_come_as_columns(get, received):
    body = get("samples", parameter=["battery_charge", "mode"]).json()
    charge = body["parameters"]["battery_charge"]
    assert charge["values"] == pytest.approx([n / 10 for n in range(10) if n != 2])
    assert charge["times_s"][0] == NOON.timestamp()
    assert body["parameters"]["mode"]["values"] == ["CONTACT"] * 9

    raw = get("samples", parameter="battery_charge", raw="true").json()["parameters"]
    assert raw["battery_charge"]["values"] == [n * 1000 for n in range(10) if n != 2]


def test_a_span_is_half_open(get):
    body = get(
        "samples",
        parameter="battery_charge",
        start=(NOON + timedelta(seconds=3)).isoformat(),
        end=(NOON + timedelta(seconds=5)).isoformat(),
    ).json()
    assert body["parameters"]["battery_charge"]["values"] == pytest.approx([0.3, 0.4])


def test_samples_never_heard_are_empty_and_unknown_ones_refused(get):
    empty = get("samples", parameter="event_text").json()["parameters"]["event_text"]
    assert empty == {"times_s": [], "values": []}
    answer = get("samples", parameter="no_such")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_parameter")
    assert get("samples").status_code == 400
    assert get("samples", parameter="mode", points=1).status_code == 400
    for instant in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"):
        assert get("samples", parameter="mode", end=instant).status_code == 400
        assert get("packets", start=instant).status_code == 400


def test_packets_are_listed_newest_first_in_pages(get):
    first = get("packets", apid=0x10, limit=4).json()
    assert [row["serial"] for row in first["results"]] == [9, 8, 7, 6]
    assert first["results"][0]["name"] == "HK_PLATFORM"
    assert first["next"]
    assert get("packets", apid=0x11).json()["results"] == []
    assert get("packets", apid=4096).status_code == 400


def test_completeness_and_gaps_name_what_is_missing(get, board):
    (volume,) = get("completeness").json()["volumes"]
    assert (volume["following"], volume["held"], volume["missing"]) == (11, 10, 1)
    (gap,) = get("gaps", state="open").json()["results"]
    assert (gap["first"], gap["last"], gap["volume"]) == (2, 2, board.volume)
    assert get("gaps", state="lost").json()["results"] == []


def test_the_ledger_of_a_contact(client, received, heard, board):
    heard.receive(b"\x01" * 1115)
    body = client.get(f"/api/v1/contacts/{received.id}/reception").json()
    assert (body["packets"], body["stored"], body["frames"]) == (10, 10, 2)
    assert body["rejects"] == [{"kind": "frame", "reason": "bad FECF"}]
    assert body["undecoded_batches"] == 0
