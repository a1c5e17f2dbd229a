"""Alarms and limits over REST: who may, what may be repeated, and what is refused in words."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from ops import clock
from telemetry.alarms import levels
from telemetry.alarms.models import Alarm
from tests.factories import make_satellite
from tests.telemetry.alarms.shared import find, person

NOWHERE = UUID(int=9)


CALLS = [
    ("GET", "/alarms"),
    ("GET", "/alarms/groups"),
    ("GET", "/alarms/violations"),
    ("GET", f"/alarms/{NOWHERE}"),
    ("GET", f"/alarms/{NOWHERE}/history"),
    ("GET", "/telemetry/freshness"),
    ("GET", "/limits"),
    ("GET", f"/limits/{NOWHERE}"),
    ("GET", f"/limits/{NOWHERE}/versions"),
    ("GET", "/cadences"),
]
CHANGES = [
    *(("POST", f"/alarms/{NOWHERE}/{name}") for name in ("acknowledge", "shelve", "clear", "note")),
    *(("POST", f"/alarms/{name}") for name in ("acknowledge", "shelve", "out-of-service")),
    ("PUT", f"/limits/{NOWHERE}"),
    ("DELETE", f"/limits/{NOWHERE}"),
    ("POST", f"/limits/{NOWHERE}/activate"),
    ("POST", f"/limits/{NOWHERE}/withdraw"),
    ("PUT", "/cadences/HK_LINK"),
    ("DELETE", "/cadences/HK_LINK"),
]


def test_strangers_read_and_change_nothing(client, db):
    def answers(calls):
        return {client.generic(method, f"/api/v1{path}").status_code for method, path in calls}

    assert answers([*CALLS, *CHANGES]) <= {401, 403}
    client.force_login(person("customer"))
    assert answers([*CALLS, *CHANGES]) == {403}
    client.force_login(person("operator", operates_fleet=False))
    assert answers([*CALLS, *CHANGES]) == {403}
    client.force_login(person("viewer"))
    assert answers(CALLS) == {200, 404}
    assert answers(CHANGES) == {403}


def test_open_alarms_are_listed_and_filtered(operator):
    one, other = make_satellite(code="ONE"), make_satellite(code="OTHER")
    find(one)
    find(other, level=levels.Level.WATCH)
    find(other, "cold", level=levels.Level.SEVERE)
    over = find(one, "gone")
    find(one, "gone", level=0)
    Alarm.objects.filter(pk=over.pk).update(state="normal", is_acknowledged=True)

    def listed(**asked):
        answer = operator.get("/api/v1/alarms", asked)
        assert answer.status_code == 200, answer.json()
        return {(row["satellite"], row["rule"]) for row in answer.json()["results"]}

    everything = {("ONE", "heat"), ("OTHER", "heat"), ("OTHER", "cold")}
    assert listed() == everything
    assert listed(state="all") == everything | {("ONE", "gone")}
    assert listed(level="distress") == {("ONE", "heat"), ("OTHER", "cold")}
    assert listed(satellite="ONE", active="true") == {("ONE", "heat")}
    assert listed(rule="cold", state="acknowledged") == set()
    body = operator.get("/api/v1/alarms", {"rule": "cold"}).json()["results"][0]
    assert (body["level"], body["xtce_level"], body["occurrence"]) == ("Critical", "severe", 1)


@pytest.mark.parametrize(
    "asked",
    [{"state": "loud"}, {"level": "red"}, {"satellite": "NOBODY"}, {"active": "x"}, {"page": 2}],
)
def test_a_filter_that_cannot_be_is_refused(operator, asked):
    assert operator.get("/api/v1/alarms", asked).status_code == 400


def test_an_alarm_is_acknowledged_once_however_often_it_is_asked(post, operator):
    alarm = find(make_satellite())
    for _ in range(2):
        answer = post(f"/alarms/{alarm.pk}/acknowledge", reason="seen", occurrence=1)
        assert (answer.status_code, answer.json()["state"]) == (200, "acknowledged")
    assert answer.json()["acknowledged_by"] == "ann"

    told = operator.get(f"/api/v1/alarms/{alarm.pk}/history").json()["results"]
    assert [(row["event"], row["by"], row["reason"]) for row in told] == [
        ("raise", None, ""),
        ("acknowledge", "ann", "seen"),
    ]


def test_nobody_acknowledges_what_was_raised_since_they_looked(post):
    satellite = make_satellite()
    find(satellite)
    find(satellite, level=0)
    alarm = find(satellite)

    answer = post(f"/alarms/{alarm.pk}/acknowledge", occurrence=1)
    assert (answer.status_code, answer.json()["code"]) == (409, "alarm_raised_again")
    assert "occurrence 2" in answer.json()["detail"]


def test_an_alarm_is_shelved_with_an_end_and_a_reason_and_let_go(post):
    alarm = find(make_satellite())
    until = (clock.now() + timedelta(hours=2)).isoformat()
    for _ in range(2):
        answer = post(f"/alarms/{alarm.pk}/shelve", until=until, reason="calibration")
    assert (answer.json()["state"], answer.json()["inhibited_reason"]) == ("shelved", "calibration")
    assert alarm.transitions.filter(event="shelve").count() == 1
    assert post(f"/alarms/{alarm.pk}/acknowledge").status_code == 409
    for _ in range(2):
        assert post(f"/alarms/{alarm.pk}/unshelve").json()["state"] == "unacknowledged"


@pytest.mark.parametrize(
    ("action", "body", "says"),
    [
        ("shelve", {"reason": "x"}, "until"),
        ("shelve", {"until": "2001-01-01T00:00:00Z", "reason": "x"}, "ends after now"),
        ("shelve", {"until": "2056-01-01T00:00:00Z", "reason": "x"}, "within 30 days"),
        ("out-of-service", {}, "needs a reason"),
        ("note", {"reason": " "}, "says something"),
        ("clear", {}, "still holds"),
        ("acknowledge", {"ocurrence": 1}, "ocurrence is not known"),
    ],
)
def test_what_cannot_be_done_is_refused_in_words(post, action, body, says):
    alarm = find(make_satellite())
    answer = post(f"/alarms/{alarm.pk}/{action}", **body)

    assert answer.status_code in (400, 409)
    assert says in str(answer.json())
    assert alarm.transitions.count() == 1


def test_a_group_is_one_line_and_acknowledged_at_once(post, operator):
    for _ in range(5):
        find(make_satellite())
    find(make_satellite(), "cold", level=levels.Level.WATCH)

    body = operator.get("/api/v1/alarms/groups").json()
    lines = [(row["rule"], row["count"], row["unacknowledged"]) for row in body["results"]]
    assert lines == [("heat", 5, 5), ("cold", 1, 1)]
    assert (body["open"], body["unacknowledged"], body["worst"]) == (6, 6, "Distress")

    answer = post("/alarms/acknowledge", rule="heat", level="distress", reason="all hands")
    assert answer.json() == {"found": 5, "changed": 5, "refused": {}}
    assert post("/alarms/acknowledge", rule="heat", level="distress").json()["changed"] == 0


def test_many_are_named_by_ids_and_those_that_cannot_are_told(post):
    active, over = find(make_satellite()), find(make_satellite())
    find(over.satellite, level=0)

    answer = post("/alarms/clear", alarms=[str(active.pk), str(over.pk)]).json()
    assert (answer["found"], answer["changed"]) == (2, 1)
    assert "still holds" in answer["refused"][str(active.pk)]
    assert post("/alarms/clear", alarms=[str(active.pk)], rule="heat").status_code == 400
    assert post("/alarms/clear", rule="heat").status_code == 400


def test_a_limit_is_put_in_force_over_rest_and_taken_back(operator, post):
    address = f"/api/v1/limits/{uuid4()}"
    body = {
        "name": "Heat",
        "parameter": "accelerator_temperature",
        "content": {"kind": "static", "levels": {"warning": {"high": 70}}},
        "activate": True,
    }

    def put(**change):
        return operator.put(address, body | change, content_type="application/json")

    first, again = put(), put()
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    hotter = {"kind": "static", "levels": {"warning": {"high": 75}}}
    assert put(content=hotter, activate=False, version=1).json()["active_version"] == 1
    assert put(content=body["content"], version=1).status_code == 409
    assert put(parameter="battery_temperature").status_code == 422
    assert "levels" in put(content={"kind": "static"}).json()["detail"]
    assert "Not known; known are name" in put(activated=True).json()["errors"]["activated"][0]
    assert post(f"/limits/{address[-36:]}/withdraw", reason="a\0").status_code == 400

    activate = f"{address.removeprefix('/api/v1')}/activate"
    assert post(activate, version=2).json()["active_version"] == 2
    assert post(activate, version=9).json()["code"] == "unknown_version"
    assert len(operator.get(f"{address}/versions").json()["results"]) == 2
    assert operator.delete(address).status_code == 204
    assert operator.get(address).json()["active_version"] is None
    assert operator.get("/api/v1/limits", {"active": "true"}).json()["results"] == []


def test_a_cadence_is_set_by_its_group(operator):
    def put(group="HK_LINK", **body):
        answer = operator.put(f"/api/v1/cadences/{group}", body, content_type="application/json")
        return answer.status_code

    assert put(in_contact_s=10, out_of_contact_s=100) == 201
    assert put(in_contact_s=20, out_of_contact_s=100) == 200
    assert put(in_contact_s=20, out_of_contact_s=10) == 400
    assert put("NOBODY", in_contact_s=20, out_of_contact_s=100) == 400
    assert operator.get("/api/v1/cadences").json()["results"][0]["in_contact_s"] == 20
