"""A ring that activates at one instant: all or none, told in time to be called off again."""

from datetime import timedelta

import pytest

from telemetry import onboard, times
from tests.factories import NOON
from tests.uplink.rollouts.fleet import Fleet, targets
from tests.uplink.transfers.board import hear, store_report
from uplink.commands.models import Command
from uplink.rollouts import control, planning
from uplink.rollouts.models import Outcome, RingState, State
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


def after_the_instant(fleet, ring, **details):
    """The instant has come: two of the ring kept it, of the first nothing is known yet."""
    rollout = all_loaded(fleet, ring, **details)
    at = rollout.rings.get().activate_at
    obey(fleet, "ACTIVATE_SLOT_AT")
    fleet.tick(rollout, 5)
    fleet.tick(rollout, (at - fleet.now).total_seconds() + 15)
    first, second, third = targets(rollout, 0)
    fleet.activates(second)
    fleet.activates(third)
    return rollout, first


def passes_by(fleet, rollout, first):
    """It still runs the old one, and says so; what it was told is called off."""
    known = transfers.Deployment.objects.get(satellite=first.satellite)
    known.reported_ns = times.to_ns(fleet.now)
    known.save()
    fleet.tick(rollout, 1, times_=1)
    obey(fleet, "CALL_OFF_ACTIVATION")


def is_held(fleet, first, why="the battery is at 20 %, and 30 % is least"):
    """The satellite was not in its safe window at the instant, and says so."""
    event, sha256 = onboard.StoreEvent.ACTIVATION_HELD, first.transfer.artefact_id
    report = store_report(event, sha256, slot=onboard.Slot.B, text=why)
    hear(first.satellite, onboard.Apid.STORE_REPORT, report, now=fleet.now)


READY = {**ALL, "synchronise": "READY"}


@pytest.mark.parametrize("is_heard", [True, False])
def test_of_those_that_are_ready_who_missed_the_instant_follows_in_a_safe_window(fleet, is_heard):
    rollout, first = after_the_instant(fleet, READY)
    if is_heard:
        is_held(fleet, first)
        fleet.hear(first.satellite, battery_charge=0.2)
        fleet.tick(rollout, 1)
        first.refresh_from_db()
        assert first.waits_for.startswith("a safe window: the battery is at 20 %")
        fleet.hear(first.satellite, battery_charge=0.9)
    else:
        passes_by(fleet, rollout, first)
    fleet.tick(rollout, 1, times_=3)
    obey(fleet, "LOAD_SLOT")
    first.transfer.refresh_from_db()
    assert first.transfer.state == transfers.State.ACTIVATING
    assert not first.transfer.waits_for_instant
    fleet.activates(first)
    fleet.tick(rollout, 5)
    assert rollout.state == State.FINISHED


@pytest.mark.parametrize("is_heard", [True, False])
def test_of_all_who_missed_the_instant_has_failed_and_the_ring_is_judged(fleet, is_heard):
    rollout, first = after_the_instant(fleet, {**ALL, "on_error": "ROLLBACK_RING"})
    if is_heard:
        is_held(fleet, first)
    else:
        passes_by(fleet, rollout, first)
    fleet.tick(rollout, 1, times_=3)
    first.refresh_from_db()
    assert (first.outcome, first.code) == (Outcome.FAILED, "MISSED_THE_INSTANT")
    why = "held at the instant: the battery is at 20 %" if is_heard else "the instant passed it by"
    assert first.reason.startswith(why)
    assert rollout.state == State.ROLLING_BACK
    fleet.comes_back(rollout)
    assert rollout.rings.get().state == RingState.ROLLED_BACK
    known = transfers.Deployment.objects.filter(satellite__in=fleet.satellites)
    assert set(known.values_list("active_sha256", flat=True)) == {fleet.old.artefact_id}


def test_who_missed_the_instant_of_all_is_taken_up_again_by_a_person(fleet):
    rollout, first = after_the_instant(fleet, ALL)
    is_held(fleet, first)
    fleet.tick(rollout, 1, times_=3)
    assert rollout.state == State.PAUSED
    control.retry(rollout.pk, now=fleet.now)
    fleet.tick(rollout, 1, times_=3)
    obey(fleet, "LOAD_SLOT")
    again = targets(rollout, 0)[0]
    assert again.transfer.state == transfers.State.ACTIVATING
    assert not again.transfer.waits_for_instant


def test_what_is_told_of_the_window_holds_at_the_instant(fleet):
    window = {"min_charge": 0.5, "max_temperature_c": 60, "in_sunlight": True}

    def said(**details):
        rollout = all_loaded(fleet, ALL, safe_window=window, **details)
        row = Command.objects.filter(name="ACTIVATE_SLOT_AT").latest("created_at")
        control.stop(rollout.pk, now=fleet.now)
        return row.arguments["window"]

    assert said(kind="FORCED") == {**window, "queues_empty": False}


@pytest.mark.parametrize(("minutes", "is_gentle"), [(1, False), (600, True)])
def test_until_it_is_forced_queues_are_to_be_empty_at_the_instant(fleet, minutes, is_gentle):
    forced_at = fleet.now + timedelta(minutes=minutes)
    all_loaded(fleet, ALL, kind="TIMEFORCED", forced_at=forced_at)
    told = Command.objects.filter(name="ACTIVATE_SLOT_AT")
    assert {row.arguments["window"]["queues_empty"] for row in told} == {is_gentle}


def test_a_report_of_before_the_instant_holds_nothing(fleet):
    rollout = all_loaded(fleet)
    obey(fleet, "ACTIVATE_SLOT_AT")
    is_held(fleet, targets(rollout, 0)[0])
    assert targets(rollout, 0)[0].transfer.state == transfers.State.ACTIVATING


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
