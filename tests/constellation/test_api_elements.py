"""Element sets over REST: files, history, choice, drift, sources; and who may."""

import json
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from constellation import catalogue
from constellation.models import ElementFile, ElementSet, ElementSource, ElementState
from constellation.orbits import omm
from ops import clock
from tests.constellation.orbits import fleet as reference
from tests.constellation.orbits import malformed, oems
from tests.factories import NOON, make_user

SETS = "/api/v1/element-sets"
FILES = "/api/v1/element-files"
SOURCES = "/api/v1/element-sources"
MEAN = reference.element_sets()[0]
GENERIC = {"content_type": "application/octet-stream"}


@pytest.fixture
def fleet(db, monkeypatch):
    catalogue.load_reference(NOON)
    monkeypatch.setattr(clock, "now", lambda: NOON)


def client_of(**details):
    client = APIClient()
    client.force_authenticate(make_user(**details))
    return client


@pytest.fixture
def operator(fleet):
    return client_of()


def newer(hours=2, **changes):
    moved = replace(MEAN, epoch_at=MEAN.epoch_at + timedelta(hours=hours), **changes)
    return omm.to_json([moved])


def send(client, data, query="", file_id=None):
    return client.put(f"{FILES}/{file_id or uuid4()}{query}", data, **GENERIC)


def test_a_file_is_taken_and_may_be_sent_again(operator):
    file_id = uuid4()
    first = send(operator, newer(), "?source=flight%20dynamics&priority=7", file_id)
    again = send(operator, newer(), "?source=flight%20dynamics&priority=7", file_id)

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json() == operator.get(f"{FILES}/{file_id}").json()
    assert first.json()["taken"] == ["SCS-01-A"]
    assert (first.json()["source"], first.json()["priority"]) == ("flight dynamics", 7)
    assert ElementSet.objects.filter(source="flight dynamics").count() == 1
    other = send(operator, newer(3), "?source=flight%20dynamics&priority=7", file_id)
    assert (other.status_code, other.json()["code"]) == (422, "id_reused")
    listed = operator.get(FILES).json()["results"]
    assert {row["source"] for row in listed} == {"flight dynamics", "reference"}


def test_every_wrong_file_is_answered_and_its_good_rest_taken(operator):
    trouble = []
    for case in malformed.CASES:
        answer = send(operator, case.data, f"?source={case.name}")
        if answer.status_code != 201:
            trouble.append((case.name, answer.status_code, answer.content[:200]))
            continue
        body = answer.json()
        if not any(case.said in line for line in body["refused"]):
            trouble.append((case.name, body["refused"][:2]))
        if ("SCS-01-B" in body["taken"]) != case.has_rest:
            trouble.append((case.name, "took", body["taken"], body["refused"][:2], body["kept"]))
        wrong = ElementSet.objects.filter(source=case.name, state=ElementState.INVALID)
        if not all(row.reason in " ".join(body["refused"]) for row in wrong):
            trouble.append((case.name, "recorded", [row.reason for row in wrong]))
        ElementSet.objects.filter(source=case.name).exclude(state=ElementState.INVALID).delete()
    assert trouble == []
    # What could be tied to a satellite is beside it, with its reason.
    invalid = ElementSet.objects.filter(state=ElementState.INVALID, satellite__code="SCS-01-A")
    assert invalid.count() > 60
    answer = operator.get(f"{SETS}?satellite=SCS-01-A&state=INVALID&limit=1000").json()
    assert len(answer["results"]) == invalid.count()
    assert all(row["reason"] for row in answer["results"])


def test_satellites_of_others_are_counted_and_not_all_named(operator):
    others = [replace(MEAN, catalogue_number=str(100_000 + n), name=f"X{n}") for n in range(50)]
    body = send(operator, omm.to_json(others)).json()
    assert len(body["refused"]) == 21
    assert "30 more are of no satellite of the fleet" in body["refused"][-1]


def test_the_command_says_the_same_of_wrong_files(fleet, tmp_path):
    for case in malformed.CASES[:40:4]:
        file = tmp_path / case.name
        file.write_bytes(case.data)
        out, err = StringIO(), StringIO()
        call_command("load_elements", str(file), stdout=out, stderr=err)
        assert case.said in err.getvalue(), case.name
        assert out.getvalue().startswith("1 taken, 1 refused" if case.has_rest else "0 taken")
        ElementSet.objects.filter(source=case.name).delete()
    with pytest.raises(CommandError, match="right is 0 to 99999"):
        call_command("load_elements", str(file), "--priority", "-1")


def test_a_file_too_large_is_refused_before_it_is_read(operator, monkeypatch):
    from constellation import api_elements

    monkeypatch.setattr(api_elements, "MAX_FILE_BYTES", 100)
    answer = send(operator, b"x" * 101)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("?priority=-1", "priority"),
        ("?priority=100000", "priority"),
        ("?expires_at=soon", "expires_at"),
        ("?source=%00", "source"),
        ("?prio=1", "There is no parameter prio; those known are source, priority, expires_at"),
    ],
)
def test_what_is_said_beside_a_file_is_checked(operator, query, said):
    answer = send(operator, newer(), query)
    assert answer.status_code == 400
    assert said in json.dumps(answer.json())
    assert not ElementFile.objects.filter(given_by__gt="").exists()


def test_the_history_tells_what_is_flown_and_why_not(operator):
    send(operator, newer(2), "?source=one")
    send(operator, newer(1), "?source=two")
    rows = operator.get(f"{SETS}?satellite=SCS-01-A").json()["results"]

    assert [row["source"] for row in rows] == ["two", "one", "reference"]
    assert [row["flown"] for row in rows] == [False, True, False]
    assert rows[1]["drift"]["against"] == rows[2]["id"]
    assert rows[1]["age_s"] == round((NOON - MEAN.epoch_at - timedelta(hours=2)).total_seconds())
    assert operator.get(f"{SETS}?source=one&state=ENABLED,EXPIRED&kind=MEAN").json()["results"]
    one = operator.get(f"{SETS}/{rows[1]['id']}").json()
    assert one["omm"]["OBJECT_NAME"] == "SCS-01 A"
    for query in ("?state=enabled", "?kind=x", "?colour=red", "?satellite=NOBODY"):
        assert operator.get(SETS + query).status_code == 400
    assert operator.get(f"{SETS}/999999999").status_code == 404
    assert operator.get(f"{SETS}/{2**70}").status_code == 404


def test_pages_of_the_history_hold_each_set_once(operator):
    url, seen = f"{SETS}?limit=5", []
    while url:
        page = operator.get(url).json()
        seen += [row["id"] for row in page["results"]]
        url = page["next"]
    assert len(seen) == len(set(seen)) == 13


def test_disabling_and_priority_change_what_is_flown(operator):
    send(operator, newer(2), "?source=one")
    row = operator.get(f"{SETS}?source=one").json()["results"][0]
    url = f"{SETS}/{row['id']}"

    off = operator.patch(url, {"is_enabled": False}, format="json")
    assert (off.status_code, off.json()["state"], off.json()["flown"]) == (200, "DISABLED", False)
    public = operator.get(f"{SETS}?source=reference&satellite=SCS-01-A").json()["results"][0]
    assert public["flown"]
    assert public["drift"]["against"] == row["id"]
    assert ElementSet.objects.get(pk=public["id"]).contacts_checked is False
    on = operator.patch(url, {"is_enabled": True, "priority": 3}, format="json").json()
    assert (on["state"], on["priority"], on["flown"]) == ("ENABLED", 3, True)

    over = operator.patch(url, {"expires_at": "2026-08-22T11:00:00Z"}, format="json").json()
    assert (over["state"], over["flown"]) == ("EXPIRED", False)
    answer = operator.patch(url, {"is_enabled": True}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_flyable")
    again = operator.patch(url, {"expires_at": None, "is_enabled": True}, format="json").json()
    assert (again["state"], again["expires_at"]) == ("ENABLED", None)
    for wrong in ({}, {"state": "ENABLED"}, {"priority": "x"}, {"priority": 10**9}, []):
        assert operator.patch(url, wrong, format="json").status_code == 400
    assert operator.patch(f"{SETS}/{2**40}", {"priority": 1}, format="json").status_code == 404


def test_what_is_wrong_cannot_be_enabled(operator):
    send(operator, malformed.CASES[0].data, "?source=bad")
    row = ElementSet.objects.get(source="bad", state=ElementState.INVALID)
    answer = operator.patch(f"{SETS}/{row.pk}", {"is_enabled": True}, format="json")
    assert answer.status_code == 409
    assert "has 40 characters" in answer.json()["detail"]


def test_an_ephemeris_is_taken_and_does_not_outlive_its_states(operator):
    answer = send(operator, oems.message().encode(), "?source=oem").json()
    assert answer["taken"] == ["SCS-01-A"]
    row = operator.get(f"{SETS}?kind=EPHEMERIS").json()["results"][0]
    assert (row["flown"], row["expires_at"]) == (True, "2026-08-22T13:00:00Z")
    one = operator.get(f"{SETS}/{row['id']}").json()
    assert one["omm"] is None
    assert one["given"].startswith("CCSDS_OEM_VERS = 3.0")
    late = {"expires_at": "2026-08-23T00:00:00Z"}
    answer = operator.patch(f"{SETS}/{row['id']}", late, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "out_of_span")


def test_age_and_drift_of_the_fleet(operator):
    send(operator, newer(0, mean_anomaly_deg=MEAN.mean_anomaly_deg + 0.01), "?source=one")
    answer = operator.get(f"{SETS}/of-record").json()
    assert len(answer["results"]) == 13
    first = answer["results"][0]
    assert first["satellite"] == "SCS-01-A"
    assert first["element_set"]["drift"]["at_epoch"]["along_s"] == pytest.approx(-0.158, abs=0.002)
    one = operator.get(f"{SETS}/of-record?satellite=SCS-01-B").json()["results"]
    assert [row["satellite"] for row in one] == ["SCS-01-B"]
    assert operator.get(f"{SETS}/of-record?sat=1").status_code == 400


def test_drift_between_any_two_sets_of_a_satellite(operator):
    send(operator, newer(0, mean_anomaly_deg=MEAN.mean_anomaly_deg + 0.01), "?source=one")
    new = ElementSet.objects.get(source="one")
    old = ElementSet.objects.get(source="reference", satellite=new.satellite)
    found = operator.get(f"{SETS}/{new.pk}/drift?against={old.pk}").json()
    assert {key: found[key] for key in ("at_epoch", "over_day")} == {
        key: new.drift[key] for key in ("at_epoch", "over_day")
    }
    other = ElementSet.objects.exclude(satellite=new.satellite).first()
    assert operator.get(f"{SETS}/{new.pk}/drift?against={other.pk}").status_code == 400
    assert operator.get(f"{SETS}/{new.pk}/drift").status_code == 400
    assert operator.get(f"{SETS}/{new.pk}/drift?against=99999999").status_code == 404


SOURCE = {"name": "CelesTrak", "url": "https://celestrak.org/gp?GROUP=x", "form": "json"}


def test_a_source_is_added_changed_and_asked_no_oftener_than_it_may(operator):
    source_id = uuid4()
    url = f"{SOURCES}/{source_id}"
    first = operator.put(url, SOURCE, format="json")
    again = operator.put(url, SOURCE, format="json")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["interval_s"] == 14_400
    assert first.json()["priority"] == 0
    assert operator.get(SOURCES).json()["results"] == [operator.get(url).json()]

    assert operator.post(f"{url}/fetch").status_code == 202
    ElementSource.objects.update(asked_at="2999-01-01T00:00:00Z")
    answer = operator.post(f"{url}/fetch")
    assert (answer.status_code, answer.json()["code"]) == (429, "too_often")
    for wrong in (
        {"interval_s": 7_199},
        {"url": "ftp://x/y"},
        {"form": "sp3"},
        {"name": ""},
        {"priority": -1},
        {"colour": "red"},
    ):
        assert operator.put(url, {**SOURCE, **wrong}, format="json").status_code == 400, wrong
    assert operator.put(f"{SOURCES}/{uuid4()}", SOURCE, format="json").status_code == 409
    assert operator.post(f"{SOURCES}/{uuid4()}/fetch").status_code == 404
    assert operator.delete(url).status_code == 405


def calls(element_set_id):
    a_uuid = uuid4()
    return [
        ("get", SETS, True),
        ("get", f"{SETS}/of-record", True),
        ("get", f"{SETS}/{element_set_id}", True),
        ("get", f"{SETS}/{element_set_id}/drift?against={element_set_id}", True),
        ("patch", f"{SETS}/{element_set_id}", False),
        ("get", FILES, False),
        ("get", f"{FILES}/{a_uuid}", False),
        ("put", f"{FILES}/{a_uuid}", False),
        ("get", SOURCES, False),
        ("get", f"{SOURCES}/{a_uuid}", False),
        ("put", f"{SOURCES}/{a_uuid}", False),
        ("post", f"{SOURCES}/{a_uuid}/fetch", False),
    ]


def test_strangers_may_nothing_and_viewers_may_look(fleet):
    element_set_id = ElementSet.objects.first().pk
    for method, url, may_look in calls(element_set_id):
        for who, status in (
            (APIClient(), {401, 403}),
            (client_of(role="customer"), {403}),
            (client_of(role="viewer"), {200} if may_look else {403}),
        ):
            answer = getattr(who, method)(url, {}, format="json") if method != "get" else (
                who.get(url)
            )  # fmt: skip
            assert answer.status_code in status, (method, url, answer.status_code)
