"""Pages of rollouts: the fleet as a mosaic, a rollout with its rings, gates and reasons."""

from datetime import timedelta

import pytest
from django.urls import reverse

from constellation.models import Satellite
from ops.accounts.models import User
from tests.e2e import sample as constellation
from tests.factories import make_user
from tests.uplink.rollouts import sample
from uplink.registry.models import Version
from uplink.rollouts import mosaic
from uplink.rollouts.models import State

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(client):
    constellation.fill(ahead=timedelta(hours=1))
    user = User.objects.get(username="operator")
    client.force_login(user)
    return user


@pytest.fixture
def rollout(operator):
    return sample.roll_out(operator, Version.objects.get(version="1.1"))


def text_of(answer) -> str:
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_without_a_rollout_the_page_says_what_to_do(client, operator):
    page = text_of(client.get(reverse("rollouts")))
    assert "No rollout yet." in page
    assert "Every satellite runs what it should." in page
    assert "SCS-01-A: smollm2-135m-instruct:1.0" in page


def test_the_fleet_shows_what_runs_where_and_who_diverges(client, rollout):
    satellite = Satellite.objects.get(code="SCS-01-C")
    sample.fall_back(satellite, rollout.version.artefact)
    page = text_of(client.get(reverse("rollouts")))
    assert "1.1 to all" in page
    assert page.count(", not what it should run</title>") == 1
    assert "Offered 3 times: the slot refused it: out of memory." in page
    assert page.count("<rect") == Satellite.objects.count() + 3  # and the legend's


def test_a_rollout_shows_rings_gates_and_reasons(client, rollout):
    page = text_of(client.get(reverse("rollout", args=[rollout.pk])))
    for said in [
        "SHA-256 on board · 1 golden prompt · accelerator temperature at most 80, 3 times",
        "2 orbits · 3 contacts",
        "through: 100 % of all finished",
        "then roll all rings back",
        "GOLDEN_FAILED",
        "Golden prompt 0: The answer does not contain &#x27;Paris&#x27;.",
        "waits for a safe window: 2 questions wait on board",
    ]:
        assert said in page
    parts = client.get(reverse("rollout", args=[rollout.pk]), HTTP_HX_REQUEST="true")
    assert "<html" not in text_of(parts)


def test_buttons_steer_and_refusals_are_told(client, rollout):
    def press(change):
        return client.post(reverse("change-rollout", args=[rollout.pk, change]))

    assert press("pause").status_code == 302
    rollout.refresh_from_db()
    assert (rollout.state, rollout.reason) == (State.PAUSED, "paused by operator")
    assert press("start").status_code == 409
    assert press("explode").status_code == 404
    assert press("resume").status_code == 302
    assert press("stop").status_code == 302
    client.force_login(make_user(role="viewer"))
    assert press("rollback").status_code == 403
    page = text_of(client.get(reverse("rollout", args=[rollout.pk])))
    assert "<button>Roll back" not in page


def test_who_made_a_rollout_sees_no_button_to_approve_it(client, operator, rollout):
    type(rollout).objects.update(
        state=State.WAITING_FOR_APPROVAL, needs_approval=True, started_at=None
    )
    address = reverse("rollout", args=[rollout.pk])
    assert "<button>Approve" not in text_of(client.get(address))
    client.force_login(make_user(organisation=operator.organisation))
    assert "<button>Approve" in text_of(client.get(address))
    assert client.post(f"{address}/approve").status_code == 302
    rollout.refresh_from_db()
    assert rollout.state == State.READY


@pytest.mark.parametrize(("planes", "slots"), [(1, 12), (2, 1), (40, 70), (70, 40), (140, 20)])
def test_every_satellite_has_a_square_of_its_own_that_fits(planes, slots):
    tiles = [
        mosaic.Tile(f"S{p}-{s}", "", f"P{p:03}", s, f"v{(p + s) % 3}", "")
        for p in range(planes)
        for s in range(slots)
    ]
    drawn = mosaic.lay_out(tiles)
    corners = {(cell.x, cell.y) for cell in drawn.cells}
    assert len(corners) == planes * slots
    assert drawn.side >= 6
    assert all(x + drawn.side <= drawn.width for x, _ in corners)
    assert all(y + drawn.side <= drawn.height for _, y in corners)
    assert sum(entry.count for entry in drawn.legend) == planes * slots
    assert len({entry.fill for entry in drawn.legend}) == len(drawn.legend)


def test_an_empty_fleet_is_an_empty_mosaic():
    assert mosaic.lay_out([]).cells == []
