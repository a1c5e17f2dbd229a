"""Contacts over HTTP."""

from datetime import timedelta
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from constellation import catalogue, visibility
from constellation.contacts.models import Contact
from ops import clock
from tests.factories import NOON, make_contact, make_organisation, make_user


@pytest.fixture
def operating(db):
    return make_organisation(operates_fleet=True)


@pytest.fixture
def client(operating, monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: NOON)
    client = APIClient()
    client.force_authenticate(make_user(role="operator", organisation=operating, username="ann"))
    return client


@pytest.fixture
def wanted(client):
    catalogue.load_reference(NOON)
    seen = next(
        each
        for each in visibility.passes_between(NOON, NOON + timedelta(hours=3)).passes
        if each.aos_at > NOON and each.los_at - each.aos_at > timedelta(minutes=6)
    )
    return {
        "satellite": seen.satellite.code,
        "antenna": f"{seen.station.code}-1",
        "aos_at": seen.aos_at.isoformat(),
        "los_at": seen.los_at.isoformat(),
    }


def test_put_books_a_contact_and_may_be_repeated(client, wanted):
    url = f"/api/v1/contacts/{uuid4()}"
    first, again = (client.put(url, wanted, format="json") for _ in range(2))

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json() == client.get(url).json()
    assert first.json()["booked_by"] == "ann"
    assert first.json()["state"] == "SCHEDULED"


def test_conflicts_and_reused_ids_have_their_own_answers(client, wanted):
    url = f"/api/v1/contacts/{uuid4()}"
    client.put(url, wanted, format="json")

    other = client.put(f"/api/v1/contacts/{uuid4()}", wanted, format="json")
    assert (other.status_code, other.json()["code"]) == (409, "antenna_busy")
    reused = client.put(url, {**wanted, "antenna": "SGS-4"}, format="json")
    assert (reused.status_code, reused.json()["code"]) == (422, "id_reused")
    unknown = client.put(url, {**wanted, "antenna": "NOWHERE-1"}, format="json")
    assert (unknown.status_code, unknown.json()["detail"]) == (
        400,
        "There is no antenna NOWHERE-1.",
    )
    assert client.put(url, {}, format="json").status_code == 400


def test_a_contact_is_cancelled_by_delete_or_with_a_reason(client):
    first, second = make_contact(), make_contact()

    assert client.delete(f"/api/v1/contacts/{first.pk}").json()["state"] == "CANCELLED"
    answer = client.post(f"/api/v1/contacts/{second.pk}/cancel", {"reason": "storm"}, format="json")
    assert answer.json()["reason"] == "storm (ann)"
    assert client.delete(f"/api/v1/contacts/{uuid4()}").status_code == 404


def test_contacts_are_listed_by_aos_in_pages_and_filtered(client):
    contacts = [make_contact(aos_at=NOON + timedelta(hours=9 - k)) for k in range(9)]
    url, seen = "/api/v1/contacts?limit=4", []
    while url:
        body = client.get(url).json()
        seen += body["results"]
        url = body["next"]
    assert [each["id"] for each in seen] == [str(c.pk) for c in reversed(contacts)]

    one = contacts[0]
    for query in (
        f"satellite={one.satellite.code}",
        f"station={one.antenna.station.code}",
        f"antenna={one.antenna.code}",
        "start=2026-08-22T20:30:00Z",
        "start=2026-08-22T20:59:00Z&end=2026-08-22T21:01:00Z&state=SCHEDULED,PASS",
    ):
        results = client.get(f"/api/v1/contacts?{query}").json()["results"]
        assert [each["id"] for each in results] == [str(one.pk)], query
    assert client.get("/api/v1/contacts?state=COMPLETED").json()["results"] == []
    assert client.get("/api/v1/contacts?state=FLYING").status_code == 400


def test_an_organisation_sees_its_own_contacts_only(db):
    mine, theirs = make_contact(), make_contact()
    client = APIClient()
    client.force_authenticate(make_user(role="operator", organisation=mine.organisation))

    assert [c["id"] for c in client.get("/api/v1/contacts").json()["results"]] == [str(mine.pk)]
    assert client.get(f"/api/v1/contacts/{theirs.pk}").status_code == 404
    assert client.delete(f"/api/v1/contacts/{theirs.pk}").status_code == 404


def test_maintenance_is_reserved_and_given_back(client, wanted):
    url = f"/api/v1/maintenances/{uuid4()}"
    asked = {
        "antenna": wanted["antenna"],
        "starts_at": wanted["aos_at"],
        "ends_at": wanted["los_at"],
        "reason": "bearings",
    }
    assert client.put(url, asked, format="json").status_code == 201
    assert client.put(url, asked, format="json").status_code == 200
    refused = client.put(f"/api/v1/contacts/{uuid4()}", wanted, format="json")
    assert refused.json()["code"] == "antenna_out"

    def listed(**span):
        found = client.get("/api/v1/maintenances", {"antenna": wanted["antenna"], **span})
        return found.json()["results"]

    assert client.get(url).json()["reason"] == "bearings"
    assert listed(start=wanted["aos_at"], end=wanted["los_at"]) == [client.get(url).json()]
    assert listed(start=wanted["los_at"]) == listed(end=wanted["aos_at"]) == []
    assert client.delete(url).status_code == 204
    assert client.delete(url).status_code == 404
    assert client.get(url).status_code == 404
    booked = client.put(f"/api/v1/contacts/{uuid4()}", wanted, format="json")
    assert booked.status_code == 201


@pytest.mark.parametrize(
    ("method", "url"),
    [
        ("get", "/api/v1/contacts"),
        ("get", "/api/v1/contacts/{id}"),
        ("put", "/api/v1/contacts/{id}"),
        ("delete", "/api/v1/contacts/{id}"),
        ("post", "/api/v1/contacts/{id}/cancel"),
        ("put", "/api/v1/maintenances/{id}"),
        ("delete", "/api/v1/maintenances/{id}"),
    ],
)
def test_strangers_customers_and_viewers_are_refused(operating, method, url):
    contact = make_contact()
    stranger, customer, viewer = APIClient(), APIClient(), APIClient()
    customer.force_authenticate(make_user(role="customer", organisation=operating))
    viewer.force_authenticate(make_user(role="viewer", organisation=operating))
    address = url.format(id=contact.pk)

    assert getattr(stranger, method)(address).status_code == 401
    assert getattr(customer, method)(address).status_code == 403
    assert getattr(viewer, method)(address).status_code == (200 if method == "get" else 403)
    assert Contact.objects.get().state == "SCHEDULED"
