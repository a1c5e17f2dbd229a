"""Pages of releases: signatures, and the fleet by what became of it."""

import pytest
from django.urls import reverse

from tests.factories import (
    NOON,
    make_organisation,
    make_profile,
    make_satellite,
    make_user,
    make_version,
)
from uplink.releases import directing, roots, signing
from uplink.releases.models import Inventory
from uplink.transfers.models import Deployment

pytestmark = pytest.mark.django_db


def test_a_release_shows_who_signed_and_who_runs_holds_or_refused_it(client, settings, tmp_path):
    settings.RELEASE_KEYS = tmp_path
    organisation = make_organisation(operates_fleet=True)
    client.force_login(make_user(organisation=organisation))
    version, profile = make_version(name="echo"), make_profile()
    version.profiles.add(profile)
    runs, refuses, waits = (make_satellite(profile=profile) for _ in range(3))
    other = make_satellite()
    for satellite in (runs, refuses):
        given = directing.assign(satellite, version.artefact, version, organisation, now=NOON)
        reason = "rollback" if satellite == refuses else ""
        directing.answered(satellite.pk, given.sha256, refusal=reason)
    Deployment.objects.create(satellite=runs, active_sha256=version.artefact_id)
    Inventory.objects.create(
        satellite=refuses, number=1, volume=1, reported_at=NOON, nonce=1, attack="rollback",
        root=1, snapshot=1, assignment=1, counter=1, slots={},
    )  # fmt: skip

    page = client.get(reverse("release", args=["1"])).content.decode()
    assert f"{runs.code} runs it" in page
    assert f"{refuses.code} refused it: rollback" in page
    assert f"{waits.code} may get it" in page
    assert f"{other.code} is not made for it" in page
    assert "May be installed" in page
    assert page.count("Counts</span>") == 3
    assert "2 are needed" in page

    listed = client.get(reverse("releases")).content.decode()
    assert "echo:1" in listed
    assert f">{refuses.name}</a>" in listed
    signing.withdraw(1, "it lies", keys=roots.at_hand(now=NOON), now=NOON)
    after = client.get(reverse("release", args=["1"])).content.decode()
    assert "Withdrawn" in after
    assert "it lies" in after
    assert "4 satellites do not know yet what was withdrawn" in after
    assert "4 satellites do not know yet" in client.get(reverse("releases")).content.decode()


@pytest.mark.parametrize("counter", ["9", "x", "99999999999999999999"])
def test_a_release_that_is_not_there_is_said_to_be_missing(client, counter):
    client.force_login(make_user(organisation=make_organisation(operates_fleet=True)))
    answer = client.get(reverse("release", args=[counter]))
    assert answer.status_code == 404
    assert f"There is no release {counter}." in answer.content.decode()
