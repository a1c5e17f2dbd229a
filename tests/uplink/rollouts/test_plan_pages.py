"""The page that plans: a preview that changes nothing, errors at their field, then the rollout."""

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


def asked(fleet, **changed):
    ring = {
        "by": "", "names": "", "percentage": "100", "soak_orbits": "0", "soak_contacts": "0",
        "error_percent": "0", "on_error": "PAUSE", "synchronise": "NO",
    }  # fmt: skip
    said = {
        "name": "echo to all", "version": fleet.old.pk, "kind": "FORCED", "min_charge": "0.3",
        "max_temperature_c": "75",
    }  # fmt: skip
    for number, name in enumerate(["canary", "rest"]):
        said |= {f"ring{number}-{key}": value for key, value in ring.items()}
        said[f"ring{number}-name"] = name
    return {**said, "ring0-canary": "on", "ring0-percentage": "25", **changed}


def test_a_preview_tells_who_lands_where_and_keeps_nothing(client, fleet):
    assert "Ring 2" in client.get(URL).content.decode()
    page = client.post(URL, {**asked(fleet), "preview": ""}).content.decode()
    assert "<strong>1</strong> R-00" in page
    assert "<strong>3</strong> R-01, R-02, R-03" in page
    assert not Rollout.objects.exists()


def test_what_was_previewed_is_planned(client, fleet):
    said = asked(fleet, **{"needs_approval": "on", "ring1-by": "plane", "ring1-names": "P1"})
    said |= {"ring1-synchronise": "ALL", "plan": ""}
    answer = client.post(URL, said)
    rollout = Rollout.objects.get()
    assert answer.url == reverse("rollout", args=[rollout.pk])
    assert rollout.state == State.WAITING_FOR_APPROVAL
    canary, rest = rollout.rings.all()
    assert (canary.is_canary, canary.percentage, canary.targets.count()) == (True, 25.0, 1)
    assert (rest.filter, rest.synchronise) == ({"plane": ["P1"]}, "ALL")
    assert set(rest.targets.values_list("satellite__code", flat=True)) == {"R-01", "R-03"}


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"name": ""}, "This field is required."),
        ({"kind": "TIMEFORCED"}, "Say from when it is forced."),
        ({"start_at": "soon"}, "Enter a valid date/time."),
        ({"ring0-percentage": "200"}, "less than or equal to 100"),
        ({"ring1-by": "plane"}, "Name at least one plane."),
        ({"ring1-by": "plane", "ring1-names": "P9"}, "no satellite is left for it"),
        ({"ring0-name": "", "ring1-name": ""}, "at least one ring"),
        ({"kind": "DOWNLOAD_ONLY", "ring0-synchronise": "ALL"}, "synchronise is for what runs"),
    ],
)
def test_what_is_wrong_is_said_at_its_place(client, fleet, changed, says):
    answer = client.post(URL, {**asked(fleet, **changed), "plan": ""})
    assert answer.status_code == 400
    assert says in answer.content.decode()
    assert not Rollout.objects.exists()


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
