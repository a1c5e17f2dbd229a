"""A revoked version runs nowhere, and reaches nobody any more."""

from datetime import timedelta
from uuid import uuid4

import pytest

from tests.factories import make_transfer
from tests.uplink.rollouts.fleet import Fleet, targets
from uplink.commands.models import Command
from uplink.releases import directing, roots, signing
from uplink.releases.models import Release
from uplink.rollouts import revoking
from uplink.rollouts.models import Outcome, State
from uplink.transfers import models as transfers
from uplink.transfers import requests
from uplink.transfers.models import Deployment, Transfer

pytestmark = pytest.mark.django_db


@pytest.fixture
def fleet():
    return Fleet(3)


def revoke(fleet, version):
    _, is_new = revoking.revoke(
        revocation_id=uuid4(), version=version, reason="it leaks its prompt",
        organisation=fleet.operator, user=fleet.user, now=fleet.now,
    )  # fmt: skip
    return is_new


def test_every_satellite_is_told_for_ever(fleet):
    bad = fleet.version("2")
    here, empty, later = fleet.satellites
    fleet.runs(here, bad.artefact_id)  # what ran before lies in the other slot
    sha256 = bad.artefact_id
    Deployment.objects.filter(satellite=empty).update(
        active_sha256=sha256, slot_a_sha256=sha256, slot_b_sha256="", desired=bad.artefact
    )
    assert revoke(fleet, bad)
    assert not revoke(fleet, bad)
    back = Transfer.objects.get(satellite=here)
    assert (back.state, back.artefact) == (transfers.State.ACTIVATING, fleet.old.artefact)
    cleared = Command.objects.get(name="CLEAR_SLOT")
    assert (cleared.satellite, cleared.arguments) == (empty, {"slot": "A"})
    assert Deployment.objects.get(satellite=empty).desired is None

    fleet.runs(here, fleet.old.artefact_id)  # it runs what it should; the other slot holds it
    Deployment.objects.filter(satellite=empty).update(active_sha256="", slot_a_sha256="")
    fleet.now += timedelta(minutes=1)
    revoking.enforce(now=fleet.now)
    assert Command.objects.filter(satellite=here, name="CLEAR_SLOT").count() == 1
    assert Command.objects.filter(satellite=empty, name="CLEAR_SLOT").count() == 1

    fleet.runs(later, bad.artefact_id)  # a satellite that was silent for weeks
    revoking.enforce(now=fleet.now + timedelta(days=30))
    assert Transfer.objects.get(satellite=later).artefact == fleet.old.artefact


def test_nothing_new_is_sent(fleet):
    bad = fleet.version("2")
    under_way = make_transfer(satellite=fleet.satellites[0], artefact=bad.artefact)
    revoke(fleet, bad)
    under_way.refresh_from_db()
    assert under_way.state == transfers.State.CANCELLED
    with pytest.raises(revoking.Revoked, match="it leaks its prompt"):
        make_transfer(satellite=fleet.satellites[1], artefact=bad.artefact)
    with pytest.raises(revoking.Revoked):
        requests.retry(under_way.pk, now=fleet.now)
    with pytest.raises(revoking.Revoked):
        fleet.plan(bad)


def test_rollouts_of_it_are_rolled_back_and_plans_ended(fleet):
    bad = fleet.version("2")
    rollout = fleet.start(bad, {"filter": {"codes": ["R-00"]}, "soak_contacts": 1}, {})
    planned = fleet.plan(bad)
    (target,) = targets(rollout, 0)
    fleet.goes_through(rollout, target)
    revoke(fleet, bad)
    rollout.refresh_from_db()
    planned.refresh_from_db()
    assert (rollout.state, planned.state) == (State.ROLLING_BACK, State.STOPPED)
    fleet.comes_back(rollout)
    assert rollout.state == State.ROLLED_BACK
    assert "was revoked: it leaks its prompt" in rollout.reason
    target.refresh_from_db()
    assert target.outcome == Outcome.ROLLED_BACK
    known = Deployment.objects.get(satellite=target.satellite)
    assert known.active_sha256 == fleet.old.artefact_id


def test_what_ran_before_does_not_come_back_when_it_is_revoked_too(fleet):
    bad = fleet.version("2")
    rollout = fleet.start(bad, {"filter": {"codes": ["R-00"]}, "soak_contacts": 1})
    (target,) = targets(rollout, 0)
    fleet.goes_through(rollout, target)
    revoke(fleet, fleet.old)
    revoke(fleet, bad)
    fleet.tick(rollout, 1)
    fleet.tick(rollout, 1)
    target.refresh_from_db()
    assert target.previous is None
    assert not Transfer.objects.filter(artefact=fleet.old.artefact, state="ACTIVATING").exists()
    assert Command.objects.filter(name="CLEAR_SLOT", satellite=target.satellite).exists()


def test_a_withdrawn_release_is_taken_off_at_the_next_contact_and_may_be_signed_for_again(fleet):
    bad = fleet.version("2")
    directing.choose(
        fleet.satellites[0], bad.artefact, bad, fleet.operator, now=fleet.now
    )  # which has it signed for
    rollout = fleet.start(bad, {"filter": {"codes": ["R-00"]}}, {})
    under_way = make_transfer(satellite=fleet.satellites[1], artefact=bad.artefact)
    holder = fleet.satellites[2]
    fleet.runs(holder, bad.artefact_id)
    assert revoking.enforce(now=fleet.now) == 0

    keys = roots.at_hand(now=fleet.now)
    for row in Release.objects.filter(artefact=bad.artefact):
        signing.withdraw(row.counter, "it answers in verse", keys=keys, now=fleet.now)
    assert revoking.enforce(now=fleet.now) == 1
    back = Transfer.objects.get(satellite=holder)
    assert (back.state, back.artefact) == (transfers.State.ACTIVATING, fleet.old.artefact)
    under_way.refresh_from_db()
    rollout.refresh_from_db()
    assert under_way.state == transfers.State.CANCELLED
    assert rollout.state in (State.ROLLING_BACK, State.ROLLED_BACK)
    assert "it answers in verse" in rollout.reason
    assert "was withdrawn" in rollout.reason

    fleet.runs(fleet.satellites[1], bad.artefact_id)
    signing.sign(
        artefact=bad.artefact, version=bad, profiles=["x"], organisation=fleet.operator,
        keys=keys, now=fleet.now,
    )  # fmt: skip
    assert revoking.enforce(now=fleet.now) == 0
