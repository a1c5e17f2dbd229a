"""The page that plans: a preview that changes nothing, errors at their field, then the rollout."""

import re

import pytest
from django.urls import reverse

from tests.factories import make_user
from tests.uplink.rollouts.fleet import Fleet
from uplink.rollouts.models import Rollout, State

pytestmark = pytest.mark.django_db
URL = "/rollouts/plan"


@pytest.fixture
def fleet(client):
    fleet = Fleet(4, planes=2)
    client.force_login(fleet.user)
    return fleet


RING = {
    "percentage": "100", "soak_orbits": "0", "soak_contacts": "0", "success_percent": "100",
    "error_percent": "0", "error_min_finished": "1", "on_error": "PAUSE", "synchronise": "NO",
}  # fmt: skip
GATE = {
    "metric": "error_rate", "max": "0.05", "count": "3", "interval_s": "10",
    "initial_delay_s": "0", "failure_limit": "0", "inconclusive_limit": "5",
    "consecutive_successes": "0",
}  # fmt: skip


def asked(fleet, **changed):
    said = {
        "name": "echo to all", "version": fleet.old.pk, "kind": "FORCED", "priority": "0",
        "min_charge": "0.3", "max_temperature_c": "75", "laser": "on",
    }  # fmt: skip
    for number, name in enumerate(["canary", "rest"]):
        said |= {f"ring{number}-{key}": value for key, value in RING.items()}
        said[f"ring{number}-name"] = name
    return {**said, "ring0-canary": "on", "ring0-percentage": "25", **changed}


def gate(ring, number, **changed):
    return {f"ring{ring}-gate{number}-{key}": value for key, value in {**GATE, **changed}.items()}


def beside(page, field):
    """What is said beside a field of the page."""
    found = re.search(rf'id="id_{re.escape(field)}_error">([^<]*)<', page)
    return found and found[1]


def test_a_preview_tells_who_lands_where_and_keeps_nothing(client, fleet):
    assert "Ring 1" in client.get(URL).content.decode()
    said = asked(fleet, **gate(0, 0), **{"ring0-soak_orbits": "4", "ring1-plane": "P1"})
    page = client.post(URL, {**said, "preview": ""}).content.decode()
    preview = page.partition('id="preview"')[2]
    canary, rest = re.findall(r"<tr>(.*?)</tr>", preview, re.DOTALL)[1:3]
    assert "<strong>1</strong>" in canary
    assert "R-00" in canary
    assert "error rate at most 0.05, 3 times · 4 orbits" in canary
    assert "<strong>2</strong>" in rest
    assert "R-01, R-03" in rest
    assert "1 satellite that it fits is in no ring" in page
    assert "R-02: in no ring" in page
    assert not Rollout.objects.exists()


def test_the_page_plans_all_that_a_rollout_can_be(client, fleet):
    fleet.old.golden_prompts.create(
        number=0, messages=[{"role": "user", "content": "hello"}], expect={"contains": ["h"]}
    )
    whole = {
        "kind": "TIMEFORCED",
        "forced_at": "2026-08-24 06:00",
        "start_at": "2026-08-23T18:30Z",
        "priority": "7",
        "min_charge": "0.6",
        "max_temperature_c": "55",
        "in_sunlight": "on",
        "needs_approval": "on",
        "laser": "",
        "ring0-golden": "yes",
        "ring0-soak_orbits": "4",
        "ring0-soak_contacts": "2",
        "ring0-success_percent": "95",
        "ring0-success_min_finished": "1",
        "ring0-on_success": "PAUSE",
        "ring0-error_percent": "",
        "ring0-error_count": "2",
        "ring0-error_min_finished": "5",
        "ring0-on_error": "ROLLBACK_ALL",
        "ring1-golden": "no",
        "ring1-cluster": "P1, S",
        "ring1-profile": fleet.profile.code,
        "ring1-codes": "R-01,R-03",
        "ring1-role": "inference",
        "ring1-synchronise": "ALL",
        "ring1-together": "on",
        **gate(0, 0, min="0.01", dry_run="on"),
        **gate(0, 1, metric="token_rate", min="3", max="", interval_s="30", failure_limit="2"),
    }
    answer = client.post(URL, {**asked(fleet, **whole), "plan": ""})
    rollout = Rollout.objects.get()
    assert answer.url == reverse("rollout", args=[rollout.pk])
    assert rollout.state == State.WAITING_FOR_APPROVAL
    assert (rollout.kind, rollout.priority, rollout.laser) == ("TIMEFORCED", 7, False)
    assert f"{rollout.start_at:%m-%d %H:%M}, {rollout.forced_at:%m-%d %H:%M}" == (
        "08-23 18:30, 08-24 06:00"
    )
    assert rollout.safe_window == {
        "min_charge": 0.6, "max_temperature_c": 55.0, "in_sunlight": True,
    }  # fmt: skip
    canary, rest = rollout.rings.all()
    assert (canary.is_canary, canary.percentage, canary.targets.count()) == (True, 25.0, 1)
    assert (canary.golden, canary.soak_orbits, canary.soak_contacts) == (True, 4.0, 2)
    assert canary.success == {"percent": 95.0, "min_finished": 1}
    assert canary.error == {"count": 2, "min_finished": 5}
    assert (canary.on_success, canary.on_error) == ("PAUSE", "ROLLBACK_ALL")
    first, second = canary.metrics
    assert (first["metric"], first["min"], first["max"], first["dry_run"]) == (
        "error_rate", 0.01, 0.05, True,
    )  # fmt: skip
    assert (second["metric"], second["min"], second["failure_limit"]) == ("token_rate", 3.0, 2)
    assert "max" not in second
    assert (rest.golden, rest.synchronise, rest.together) == (False, "ALL", True)
    assert rest.filter == {
        "role": ["inference"], "profile": [fleet.profile.code], "cluster": ["P1", "S"],
        "codes": ["R-01", "R-03"],
    }  # fmt: skip
    assert set(rest.targets.values_list("satellite__code", flat=True)) == {"R-01", "R-03"}
    page = client.get(answer.url).content.decode()
    assert "battery at least 60 %, accelerator at most 55 °C, in sunlight" in page
    assert "by contacts of their own" in page


def test_rings_and_gates_are_added_and_removed_and_what_was_typed_stays(client, fleet):
    said = asked(fleet, **gate(1, 0, max="0.25"), **{"ring1-soak_orbits": "oops"})
    more = client.post(URL, {**said, "change": "add ring"}).content.decode()
    assert 'name="ring2-name"' in more
    assert 'value="oops"' in more
    assert 'name="ring1-gate0-max" value="0.25"' in more
    assert "form-error" not in more  # nothing is judged before it is planned
    again = client.post(URL, {**said, "change": "add gate 1"}).content.decode()
    assert 'name="ring1-gate1-max"' in again
    less = client.post(URL, {**said, "change": "remove ring 0"}).content.decode()
    assert 'name="ring1-name"' not in less
    assert 'name="ring0-name" value="rest"' in less
    assert 'name="ring0-gate0-max" value="0.25"' in less
    none = client.post(URL, {**said, "change": "remove gate 1 0"}).content.decode()
    assert "gate0" not in none
    for odd in ("remove ring 9", "remove gate 7 7", "add gate x", "add ring ring", "\u0661"):
        assert client.post(URL, {**said, "change": odd}).status_code == 200


@pytest.mark.parametrize(
    ("changed", "field", "says"),
    [
        ({"name": ""}, "name", "This field is required."),
        ({"kind": "TIMEFORCED"}, "forced_at", "Say from when it is forced."),
        ({"forced_at": "2026-08-24 06:00"}, "forced_at", "Only “until a time, then forced”"),
        ({"start_at": "soon"}, "start_at", "An instant is such as 2026-234T12:00:00Z"),
        ({"min_charge": "NaN"}, "min_charge", "Enter a number."),
        ({"ring0-percentage": "200"}, "ring0-percentage", "less than or equal to 100"),
        ({"ring1-name": ""}, "ring1-name", "This field is required."),
        ({"ring1-plane": "P1, P9"}, "ring1-plane", "There is no plane P9."),
        ({"ring1-codes": "R-77"}, "ring1-codes", "There is no satellite R-77."),
        ({"ring0-golden": "yes"}, "ring0-golden", "has no golden prompts"),
        ({"ring0-error_percent": ""}, "ring0-error_percent", "a number of failures, or both"),
        ({"ring0-error_count": "0"}, "ring0-error_count", "greater than or equal to 1"),
        ({"ring0-success_percent": "0"}, "ring0-success_percent", "greater than or equal to 1"),
        (gate(0, 0, max=""), "ring0-gate0-min", "Give a least, a most, or both."),
        (gate(0, 0, min="9"), "ring0-gate0-min", "This is above the most."),
        (gate(0, 0, max="1e12"), "ring0-gate0-max", "It can be from 0 to 1."),
        (gate(0, 0, metric="charm"), "ring0-gate0-metric", "charm is not one of the available"),
        ({"kind": "DOWNLOAD_ONLY", "ring1-synchronise": "ALL"}, "ring1-synchronise", "is for what"),
        ({"kind": "DOWNLOAD_ONLY", "ring1-soak_orbits": "1"}, "ring1-golden", "judge what runs"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(client, fleet, changed, field, says):
    answer = client.post(URL, {**asked(fleet, **changed), "plan": ""})
    page = answer.content.decode()
    assert answer.status_code == 400
    assert says in (beside(page, field) or "").replace("&gt;", ">")
    assert "Nothing was planned" in page
    assert not Rollout.objects.exists()


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"ring1-plane": "P0", "ring1-codes": "R-01"}, "no satellite is left for it"),
        ({"ring0-percentage": "100", "ring0-codes": "R-00, R-02"}, "leave at least one out"),
    ],
)
def test_a_ring_that_nobody_can_be_in_is_named(client, fleet, changed, says):
    page = client.post(URL, {**asked(fleet, **changed), "preview": ""}).content.decode()
    assert says in page
    assert "Preview: who lands" not in page


def test_without_a_ring_nothing_is_planned(client, fleet):
    said = {name: value for name, value in asked(fleet).items() if not name.startswith("ring")}
    answer = client.post(URL, {**said, "plan": ""})
    assert answer.status_code == 400
    assert "at least one ring" in answer.content.decode()
    many = {f"ring{10**n}-name": "x" for n in range(6)}
    assert client.post(URL, {**said, **many, "plan": ""}).status_code == 400


def test_a_viewer_plans_nothing(client, fleet):
    client.force_login(make_user(role="viewer"))
    assert client.get(URL).status_code == 403
    assert client.post(URL, asked(fleet)).status_code == 403


def test_all_rollouts_are_stopped_by_a_word_and_a_button(client, fleet):
    rollout = fleet.start(fleet.version("2"), {}, {})
    url = reverse("emergency-stop")
    assert client.post(url).status_code == 400
    rollout.refresh_from_db()
    assert rollout.state == State.RUNNING
    page = client.post(url, {"confirm": "stop"}, follow=True).content.decode()
    assert "1 rollout stopped." in page
    assert "Stop all rollouts" in page
    rollout.refresh_from_db()
    assert rollout.state in (State.STOPPING, State.STOPPED)
    assert rollout.reason == f"emergency stop by {fleet.user.username}"
    client.force_login(make_user(role="viewer"))
    assert client.post(url, {"confirm": "STOP"}).status_code == 403
