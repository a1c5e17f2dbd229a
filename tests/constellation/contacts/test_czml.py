"""CZML: read by somebody else's model of it, true in between, shown when it should be."""

from datetime import datetime, timedelta

import czml3
import numpy as np
import pytest
from rest_framework.test import APIClient

from constellation import catalogue, czml, visibility
from constellation.contacts import api_czml
from constellation.models import Antenna, ElementSet, Satellite
from ops import clock
from tests.factories import NOON, make_contact, make_organisation, make_user

HOUR = timedelta(hours=1)
URL = "/api/v1/czml"
SPAN = "start=2026-08-22T12:00:00Z&end=2026-08-22T14:00:00Z"


@pytest.fixture
def fleet(db, monkeypatch):
    catalogue.load_reference(NOON)
    monkeypatch.setattr(clock, "now", lambda: NOON)


@pytest.fixture
def client(fleet):
    client = APIClient()
    client.force_authenticate(make_user(organisation=make_organisation(operates_fleet=True)))
    return client


def packets(client, query=SPAN):
    answer = client.get(f"{URL}?{query}")
    assert answer.status_code == 200, answer.content
    body = answer.json()
    found = {packet["id"]: packet for packet in body}
    assert len(found) == len(body)
    return found


def test_somebody_elses_model_of_czml_reads_the_whole_document(client):
    make_contact(
        satellite=Satellite.objects.get(code="SCS-01-A"),
        antenna=Antenna.objects.get(code="SGS-1"),
        aos_at=NOON + HOUR,
    )
    body = client.get(f"{URL}?{SPAN}").json()
    kinds = {packet["id"].partition("/")[0] for packet in body}
    assert kinds == {"document", "satellite", "station", "pass", "contact", "laser"}

    document = czml3.Document(packets=[czml3.Packet(**packet) for packet in body])

    assert len(document.packets) == len(body)
    assert document.packets[0].id == "document"


def test_positions_interpolated_as_cesium_does_are_those_of_the_propagator(client):
    packet = packets(client)["satellite/SCS-01-A"]
    position = packet["position"]
    assert (position["referenceFrame"], position["interpolationAlgorithm"]) == ("FIXED", "LAGRANGE")
    samples = np.array(position["cartesian"]).reshape(-1, 4)
    assert packet["availability"] == "2026-08-22T12:00:00Z/2026-08-22T14:00:00Z"
    # Interpolation needs samples on both sides, at the ends of the span too.
    assert samples[0, 0] <= -180
    assert samples[-1, 0] >= 7_200 + 180

    row = ElementSet.objects.get(satellite__code="SCS-01-A")
    half = (position["interpolationDegree"] + 1) // 2
    for at_s in (0.0, 31.0, 3_629.5, 7_199.0):
        middle = int(np.searchsorted(samples[:, 0], at_s, side="right"))
        near = samples[middle - half : middle + half]
        weights = [
            np.prod([(at_s - t) / (own - t) for t in near[:, 0] if t != own]) for own in near[:, 0]
        ]
        exact = catalogue.orbits([row]).states([NOON.timestamp() + at_s]).position_m[0, 0]
        # Samples are rounded to a centimetre; degree 7 at 60 s adds millimetres.
        assert np.linalg.norm(np.array(weights) @ near[:, 1:] - exact) < 0.05


def test_lines_are_shown_during_passes_and_at_no_other_time(client):
    found = packets(client)
    passes = visibility.passes_between(NOON, NOON + 2 * HOUR).passes
    pairs = {f"pass/{each.satellite.code}/{each.station.code}" for each in passes}
    assert {key for key in found if key.startswith("pass/")} == pairs

    each = passes[-1]
    line = found[f"pass/{each.satellite.code}/{each.station.code}"]["polyline"]
    assert line["positions"]["references"] == [
        f"satellite/{each.satellite.code}#position",
        f"station/{each.station.code}#position",
    ]
    shown = [shown["interval"].split("/") for shown in line["show"]]
    inside = [datetime.fromisoformat(at) for at in shown[-1]]
    assert inside == [max(each.aos_at, NOON), min(each.los_at, NOON + 2 * HOUR)]
    for packet in found.values():
        for reference in packet.get("polyline", {}).get("positions", {}).get("references", []):
            assert reference.removesuffix("#position") in found


def test_a_contact_is_shown_to_who_may_know_of_it(client):
    booked = make_contact(
        satellite=Satellite.objects.get(code="SCS-01-A"),
        antenna=Antenna.objects.get(code="SGS-1"),
        aos_at=NOON + HOUR,
    )
    packet = packets(client)[f"contact/{booked.pk}"]
    assert packet["availability"] == "2026-08-22T13:00:00Z/2026-08-22T13:08:00Z"
    viewer = APIClient()
    viewer.force_authenticate(make_user(role="viewer", organisation=make_organisation()))
    assert f"contact/{booked.pk}" not in packets(viewer)


def test_only_what_is_asked_for_is_told(client):
    some = packets(client, f"{SPAN}&satellite=SCS-01-A,SCS-01-B&show=satellites")
    assert set(some) == {"document", "satellite/SCS-01-A", "satellite/SCS-01-B"}
    high = packets(client, f"{SPAN}&station=SGS&min_elevation_deg=60&show=passes")
    assert {key.split("/")[2] for key in high if key.startswith("pass/")} == {"SGS"}
    lasers = [key for key in packets(client, f"{SPAN}&show=links") if key.startswith("laser/")]
    assert lasers
    assert not any("STARCLOUD" in key for key in lasers)


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("show=moon", "There is no moon to show; there are satellites, stations, passes"),
        ("step=60", "There is no parameter step"),
        ("step_s=500", "less than or equal to 120"),
        ("satellite=X", "There is no satellite X."),
    ],
)
def test_what_is_asked_wrongly_is_refused(client, query, says):
    answer = client.get(f"{URL}?{query}")
    assert answer.status_code == 400
    assert says in answer.content.decode()


def test_too_large_a_document_is_refused_with_what_would_be_right(client, monkeypatch):
    monkeypatch.setattr(api_czml, "SAMPLES_MAX", 100)
    answer = client.get(URL)
    assert answer.status_code == 400
    assert "Ask for fewer satellites, a shorter span or a longer step_s." in answer.json()["detail"]
    monkeypatch.setattr(api_czml, "SAMPLES_MAX", 10**6)
    monkeypatch.setattr(api_czml, "PASSES_MAX", 3)
    assert "more than the 3 passes" in client.get(URL).json()["detail"]


def test_strangers_and_customers_are_refused(fleet):
    customer = APIClient()
    customer.force_authenticate(make_user(role="customer"))
    assert APIClient().get(URL).status_code == 401
    assert customer.get(URL).status_code == 403


def test_spans_are_cut_joined_and_put_in_order():
    within = NOON, NOON + HOUR
    minutes = [timedelta(minutes=k) for k in range(100)]
    spans = [
        (NOON + minutes[30], NOON + minutes[40]),
        (NOON - minutes[5], NOON + minutes[5]),
        (NOON + minutes[40], NOON + minutes[45]),
        (NOON + minutes[61], NOON + minutes[70]),
    ]
    assert czml.merged(spans, within) == [
        (NOON, NOON + minutes[5]),
        (NOON + minutes[30], NOON + minutes[45]),
    ]
