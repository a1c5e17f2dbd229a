"""Rollouts by REST: planned once, refused precisely, closed to strangers."""

import json
from uuid import uuid4

import pytest
from django.conf import settings
from rest_framework.test import APIClient

from tests.factories import make_user
from tests.uplink.rollouts.fleet import Fleet
from uplink.rollouts.models import Revocation, Rollout

pytestmark = pytest.mark.django_db
RINGS = [{"name": "canary", "percentage": 25}, {"name": "rest", "on_error": "ROLLBACK_ALL"}]


@pytest.fixture
def fleet():
    return Fleet()


@pytest.fixture
def body(fleet):
    version = fleet.version("2")
    return {"name": "two", "model": "echo", "version": version.version, "rings": RINGS}


@pytest.fixture
def operator(fleet):
    return client_of(fleet.user)


@pytest.fixture
def other(fleet):
    return client_of(make_user(organisation=fleet.operator))


def client_of(user) -> APIClient:
    client = APIClient()
    client.force_login(user)
    return client


def put(client, body, rollout_id=None):
    return client.put(f"/api/v1/rollouts/{rollout_id or uuid4()}", body, format="json")


def act(client, rollout_id, change, **said):
    return client.post(f"/api/v1/rollouts/{rollout_id}/{change}", said, format="json")


def test_a_rollout_is_planned_once(operator, body):
    rollout_id = uuid4()
    first, again = put(operator, body, rollout_id), put(operator, body, rollout_id)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json() == operator.get(f"/api/v1/rollouts/{rollout_id}").json()
    told = first.json()
    assert (told["state"], told["version"]) == ("READY", "echo:2")
    assert [ring["finished"]["total"] for ring in told["rings"]] == [1, 3]
    assert [ring["is_canary"] for ring in told["rings"]] == [True, False]

    changed = put(operator, {**body, "name": "three"}, rollout_id)
    assert (changed.status_code, changed.json()["code"]) == (422, "id_reused")
    listed = operator.get("/api/v1/rollouts?state=READY&model=echo").json()["results"]
    assert [row["id"] for row in listed] == [str(rollout_id)]
    shown = operator.get(f"/api/v1/rollouts/{rollout_id}/targets?ring=1").json()["results"]
    assert {(row["state"], row["ring"]) for row in shown} == {("QUEUED", 1)}
    code = shown[0]["satellite"]
    one = operator.get(f"/api/v1/rollouts/{rollout_id}/targets/{code}").json()
    assert (one["golden"], one["measurements"]) == ([], [])
    chosen = operator.get(f"/api/v1/rollouts/{rollout_id}/targets?state=QUEUED").json()
    assert len(chosen["results"]) == 4


@pytest.mark.parametrize(
    ("changed", "status", "says"),
    [
        ({"rings": [{"error": {"percent": "1 or 1"}}]}, 400, "rings[0]: error.percent must be"),
        ({"rings": [{}, {"metrics": [{"metric": "luck"}]}]}, 400, "rings[1]: metrics[0].metric"),
        ({"rings": [{"filter": {"plane": "X"}}]}, 400, "no satellite is left"),
        ({"rings": [{"golden": True}]}, 400, "has no golden prompts"),
        ({"rings": [{"colour": "red"}]}, 400, "ring.colour is not known"),
        ({"rings": [{"on_error": "PANIC"}]}, 400, "on_error must be one of PAUSE"),
        ({"rings": ["all"]}, 400, "ring must be an object"),
        ({"rings": []}, 400, "rings"),
        ({"rings": [{"percentage": "5"}]}, 400, "percentage must be a number"),
        ({"rings": [{"name": "a\\u0000b", "percentage": "5"}]}, 400, "percentage must be"),
        ({"rings": [{"name": "a\0b"}]}, 400, "rings[0].name holds U+0000"),
        ({"safe_window": {"min_charge": 2}}, 400, "safe_window.min_charge must be a number"),
        ({"safe_window": 5}, 400, "safe_window must be an object"),
        ({"kind": "TIMEFORCED"}, 400, "forced_at says from when"),
        ({"forced_at": "2026-08-24T06:00:00Z"}, 400, "forced_at is of TIMEFORCED rollouts alone"),
        ({"kind": "DOWNLOAD_ONLY", "rings": [{"soak_orbits": 1}]}, 400, "lets nothing run"),
        ({"kind": "SOMETIMES"}, 400, "kind"),
        ({"version": "9"}, 404, "There is no echo:9"),
        ({"start_at": "tomorrow"}, 400, "start_at"),
        ({"colour": "red"}, 400, "known are model, version, name"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_by_name(operator, body, changed, status, says):
    answer = put(operator, {**body, **changed})
    assert answer.status_code == status, answer.content
    assert says in answer.content.decode()
    assert not Rollout.objects.exists()


def test_a_rollout_may_do_without_laser_links(fleet, operator, body):
    rollout_id = uuid4()
    told = put(operator, {**body, "laser": False}, rollout_id).json()
    assert told["laser"] is False
    assert put(operator, body, rollout_id).status_code == 422  # lasers are what is usual

    act(operator, rollout_id, "start")
    fleet.tick(Rollout.objects.get(pk=rollout_id))
    transfers = Rollout.objects.get(pk=rollout_id).targets.exclude(transfer=None)
    assert set(transfers.values_list("transfer__laser", flat=True)) == {False}


def test_another_person_approves(operator, other, body):
    rollout_id = put(operator, {**body, "needs_approval": True}).json()["id"]
    assert act(operator, rollout_id, "start").status_code == 409
    own = act(operator, rollout_id, "approve", remark="mine")
    assert (own.status_code, own.json()["code"]) == (403, "own_rollout")
    approved = act(other, rollout_id, "approve", remark="go")
    assert (approved.status_code, approved.json()["state"]) == (200, "READY")
    assert act(other, rollout_id, "approve", remark="go").status_code == 200
    assert act(other, rollout_id, "deny").status_code == 409


def test_approval_can_be_asked_of_everybody(operator, body, monkeypatch):
    monkeypatch.setattr(settings, "ZENITH_ROLLOUT_APPROVAL", True)
    assert put(operator, body).json()["state"] == "WAITING_FOR_APPROVAL"


def test_a_rollout_is_steered(operator, body):
    rollout_id = put(operator, body).json()["id"]
    seen = [
        act(operator, rollout_id, *change).json()["state"]
        for change in [("start",), ("start",), ("pause",), ("pause",), ("resume",)]
    ]
    assert seen == ["STARTING", "STARTING", "PAUSED", "PAUSED", "RUNNING"]
    refused = act(operator, rollout_id, "retry")
    assert (refused.status_code, refused.json()["detail"]) == (409, "No target has failed.")
    stopped = act(operator, rollout_id, "stop", reason="enough").json()
    assert (stopped["state"], stopped["reason"]) == ("STOPPED", "enough")
    assert act(operator, rollout_id, "resume").status_code == 409
    assert act(operator, rollout_id, "rollback").json()["state"] == "ROLLING_BACK"
    assert act(operator, uuid4(), "start").status_code == 404
    assert act(operator, rollout_id, "start", why="x").status_code == 400


def test_the_emergency_stop_ends_all(operator, body):
    first, second = (put(operator, body).json()["id"] for _ in range(2))
    act(operator, first, "start")
    answer = operator.post("/api/v1/rollouts/emergency-stop", {"reason": "smoke"}, format="json")
    assert set(answer.json()["stopped"]) == {first, second}
    assert set(Rollout.objects.values_list("state", "reason")) == {("STOPPED", "smoke")}


def test_a_version_is_revoked_once(operator, body):
    url, said = f"/api/v1/revocations/{uuid4()}", {"model": "echo", "version": "2", "reason": "bad"}
    first, again = (operator.put(url, said, format="json") for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert operator.get(url).json() == first.json()
    refused = put(operator, body)
    assert (refused.status_code, refused.json()["code"]) == (409, "version_revoked")
    other = operator.put(url, {**said, "version": "1"}, format="json")
    assert (other.status_code, Revocation.objects.count()) == (422, 1)
    assert len(operator.get("/api/v1/revocations").json()["results"]) == 1
    assert operator.get("/api/v1/divergences").json()["results"] == []


GETS = ["rollouts", "rollouts/{id}", "rollouts/{id}/targets", "rollouts/{id}/targets/R-00",
        "revocations", "revocations/{id}", "divergences"]  # fmt: skip
WRITES = [
    ("put", "rollouts/{id}"),
    ("put", "revocations/{id}"),
    ("post", "rollouts/emergency-stop"),
]
WRITES += [
    ("post", f"rollouts/{{id}}/{change}")
    for change in ("approve", "deny", "start", "pause", "resume", "stop", "retry", "rollback")
]


@pytest.mark.parametrize(("method", "address"), [("get", one) for one in GETS] + WRITES)
def test_strangers_are_kept_out_and_viewers_only_look(fleet, operator, body, method, address):
    rollout_id = put(operator, body).json()["id"]
    Revocation.objects.create(
        id=rollout_id, organisation=fleet.operator, version=fleet.old, reason="x",
        revoked_by=fleet.user, revoked_at=fleet.now,
    )  # fmt: skip
    url = "/api/v1/" + address.format(id=rollout_id)
    assert getattr(APIClient(), method)(url).status_code in (401, 403)
    assert getattr(client_of(make_user(role="customer")), method)(url).status_code == 403
    looked = getattr(client_of(make_user(role="viewer")), method)(url)
    assert looked.status_code == (200 if method == "get" else 403)
    assert getattr(operator, method)(url).status_code not in (401, 403, 405)


@pytest.mark.parametrize("address", [one for one in GETS if "{id}" not in one])
def test_unknown_parameters_are_named(operator, address):
    answer = operator.get(f"/api/v1/{address}?colour=red")
    assert answer.status_code == 400
    assert "There is no parameter colour" in answer.json()["detail"]


@pytest.mark.parametrize("query", ["state=LOST", "ring=first"])
def test_filters_that_cannot_be_read_are_refused(operator, body, query):
    rollout_id = put(operator, body).json()["id"]
    assert operator.get(f"/api/v1/rollouts/{rollout_id}/targets?{query}").status_code == 400
    assert operator.get("/api/v1/rollouts?state=LOST").status_code == 400


def test_the_documents_example_is_planned(operator, body):
    text = (settings.BASE_DIR / "docs" / "rollouts.md").read_text()
    example = json.loads(text.split("```json")[1].split("```")[0])
    answer = put(operator, example)
    assert answer.status_code == 201, answer.content
    assert answer.json()["state"] == "WAITING_FOR_APPROVAL"
    assert all(f"`{change}`" in text for change in ("pause", "resume", "stop", "retry", "rollback"))
