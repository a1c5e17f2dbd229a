"""A ring that activates at one instant: all or none, told in time to be called off again."""

from datetime import timedelta

import pytest

from telemetry import times
from tests.factories import NOON
from tests.uplink.rollouts.fleet import Fleet, targets
from uplink.commands.models import Command
from uplink.rollouts import control, planning
from uplink.rollouts.models import Outcome, State
from uplink.transfers import models as transfers
from uplink.transfers import progress

pytestmark = pytest.mark.django_db
ALL = {"synchronise": "ALL", "golden": False, "canary": False}


@pytest.fixture
def fleet():
    return Fleet(3)


def obey(fleet, name, *, but=()):
    """Satellites carry out what they were told, and say so."""
    for row in Command.objects.filter(name=name, state="RELEASED").exclude(satellite__in=but):
        row.state, row.sent_at, row.finished_at = "COMPLETED", fleet.now, fleet.now
        row.save()


def all_loaded(fleet, *rings, **details):
    """A rollout of which every satellite holds the version and loaded it."""
    rollout = fleet.start(fleet.version("2"), *(rings or [ALL]), **details)
    for target in targets(rollout, 0):
        fleet.arrives(target)
    fleet.tick(rollout, 1)
    obey(fleet, "LOAD_SLOT")
    return fleet.tick(rollout, 1)


def told(name):
    return [row.arguments.get("at") for row in Command.objects.filter(name=name)]


def test_nobody_is_told_an_instant_before_all_have_loaded(fleet):
    rollout = fleet.start(fleet.version("2"), ALL)
    first, second, third = targets(rollout, 0)
    fleet.arrives(first)
    fleet.arrives(second)
    fleet.tick(rollout, 1)
    obey(fleet, "LOAD_SLOT")
    fleet.tick(rollout, 20)
    assert Command.objects.filter(name="LOAD_SLOT").count() == 2
    assert not Command.objects.filter(name__startswith="ACTIVATE").exists()
    first.refresh_from_db()
    assert first.waits_for == "1 of its ring to load the version"
    fleet.arrives(third)
    fleet.tick(rollout, 1)
    obey(fleet, "LOAD_SLOT")
    fleet.tick(rollout, 1)
    assert len(set(told("ACTIVATE_SLOT_AT"))) == 1
    assert len(told("ACTIVATE_SLOT_AT")) == 3
    assert told("ACTIVATE_SLOT") == []


def test_all_keep_the_instant_and_are_judged_from_then_on(fleet):
    rollout = all_loaded(fleet)
    ring = rollout.rings.get()
    obey(fleet, "ACTIVATE_SLOT_AT")
    fleet.tick(rollout, 10)
    assert {row.waits_for for row in targets(rollout, 0)} == {
        f"the instant {ring.activate_at:%Y-%m-%dT%H:%M:%SZ}"
    }
    fleet.tick(rollout, (ring.activate_at - fleet.now).total_seconds() + 1)
    for target in targets(rollout, 0):
        fleet.activates(target)
    fleet.tick(rollout, 5)
    assert rollout.state == State.FINISHED
    assert [row.outcome for row in targets(rollout, 0)] == [Outcome.ACTIVE] * 3


def test_the_instant_leaves_each_a_contact_to_be_told_and_another_to_be_called_off(fleet):
    late = fleet.satellites[2]
    contact = fleet.contacts[late.pk]
    rollout = fleet.start(fleet.version("2"), ALL)
    for target in targets(rollout, 0):
        fleet.arrives(target)
    fleet.tick(rollout, 1)
    # The third is told in its next contact in an hour; so all must be reachable after that.
    contact.aos_at, contact.los_at = NOON + timedelta(hours=1), NOON + timedelta(hours=2)
    contact.starts_at, contact.ends_at = contact.aos_at, contact.los_at
    contact.state = "SCHEDULED"
    contact.save()
    obey(fleet, "LOAD_SLOT")
    fleet.tick(rollout, 1)
    ring = rollout.rings.get()
    assert ring.armed_by == NOON + timedelta(hours=1, seconds=35)
    assert ring.activate_at == NOON + timedelta(hours=1, seconds=70)


def test_without_contacts_for_all_no_instant_is_chosen(fleet):
    rollout = fleet.start(fleet.version("2"), ALL)
    for target in targets(rollout, 0):
        fleet.arrives(target)
    fleet.tick(rollout, 1)
    fleet.silence(fleet.satellites[0])
    obey(fleet, "LOAD_SLOT")
    fleet.tick(rollout, 1)
    assert rollout.rings.get().activate_at is None
    assert targets(rollout, 0)[1].waits_for == "contacts of all of its ring to be booked"


def test_one_that_fails_calls_it_off_for_all(fleet):
    rollout = all_loaded(fleet)
    obey(fleet, "ACTIVATE_SLOT_AT")
    _, _, last = targets(rollout, 0)
    progress.fail(last.transfer, "the slot refused it: out of memory", now=fleet.now)
    fleet.tick(rollout, 1, times_=1)
    assert Command.objects.filter(name="CALL_OFF_ACTIVATION").count() == 2
    obey(fleet, "CALL_OFF_ACTIVATION")
    fleet.tick(rollout, 1)
    assert rollout.state == State.PAUSED  # by the ring's error condition
    control.resume(rollout.pk, now=fleet.now)  # who resumes accepts the failure
    fleet.tick(rollout, 1)
    obey(fleet, "LOAD_SLOT")
    fleet.tick(rollout, 1)
    ring = rollout.rings.get()
    assert ring.activate_at > fleet.now
    assert len([at for at in told("ACTIVATE_SLOT_AT") if at == ring.activate_at.isoformat()]) == 2


def test_one_that_does_not_confirm_in_time_has_another_instant_chosen(fleet):
    rollout = all_loaded(fleet)
    first = rollout.rings.get().activate_at
    obey(fleet, "ACTIVATE_SLOT_AT", but=[fleet.satellites[1]])
    fleet.tick(rollout, 36, times_=1)
    assert Command.objects.filter(name="ACTIVATE_SLOT_AT", state="CANCELLED").count() == 1
    assert "R-01 did not confirm" in targets(rollout, 0)[0].waits_for
    obey(fleet, "CALL_OFF_ACTIVATION")
    fleet.tick(rollout, 1, times_=3)
    obey(fleet, "LOAD_SLOT")
    fleet.tick(rollout, 1)
    assert rollout.rings.get().activate_at > first


def test_without_all_those_that_are_ready_go_on_without_who_failed(fleet):
    ring = {**ALL, "synchronise": "READY", "error": {"percent": 50}}
    rollout = all_loaded(fleet, ring)
    obey(fleet, "ACTIVATE_SLOT_AT")
    progress.fail(targets(rollout, 0)[0].transfer, "its battery is flat", now=fleet.now)
    fleet.tick(rollout, 1)
    assert not Command.objects.filter(name="CALL_OFF_ACTIVATION").exists()
    assert rollout.rings.get().activate_at is not None


def test_who_missed_the_instant_is_activated_at_its_next_contact(fleet):
    rollout = all_loaded(fleet)
    at = rollout.rings.get().activate_at
    obey(fleet, "ACTIVATE_SLOT_AT")
    fleet.tick(rollout, 5)
    first, second, third = targets(rollout, 0)
    fleet.tick(rollout, (at - fleet.now).total_seconds() + 15)
    fleet.activates(second)
    fleet.activates(third)
    known = transfers.Deployment.objects.get(satellite=first.satellite)
    known.reported_ns = times.to_ns(fleet.now)  # it still runs the old one, and says so
    known.save()
    fleet.tick(rollout, 1, times_=1)
    obey(fleet, "CALL_OFF_ACTIVATION")
    fleet.tick(rollout, 1, times_=3)
    obey(fleet, "LOAD_SLOT")
    first.transfer.refresh_from_db()
    assert first.transfer.state == transfers.State.ACTIVATING
    assert not first.transfer.waits_for_instant


def test_a_stop_calls_the_instant_off_at_the_next_contact(fleet):
    rollout = all_loaded(fleet)
    obey(fleet, "ACTIVATE_SLOT_AT")
    control.stop(rollout.pk, now=fleet.now)
    fleet.tick(rollout, 1)
    assert rollout.state == State.STOPPING
    assert Command.objects.filter(name="CALL_OFF_ACTIVATION").count() == 3
    obey(fleet, "CALL_OFF_ACTIVATION")
    fleet.tick(rollout, 1)
    assert rollout.state == State.STOPPED


def test_what_cannot_be_synchronised_is_refused(fleet):
    with pytest.raises(planning.BadRollout, match="synchronise must be one of NO, ALL, READY"):
        fleet.plan(fleet.version("2"), {"synchronise": True})
    with pytest.raises(planning.BadRollout, match="synchronise is for what runs"):
        fleet.plan(fleet.version("3"), {"synchronise": "ALL"}, kind="DOWNLOAD_ONLY")
