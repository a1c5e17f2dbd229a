"""A rollout from ring to ring: by decisions against the real database."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction

from tests.factories import NOON, make_user
from tests.uplink.rollouts.fleet import Fleet, targets
from uplink.commands.models import Command
from uplink.rollouts import control, evaluation, planning, reconciling
from uplink.rollouts import targets as steps
from uplink.rollouts.models import Divergence, Outcome, Ring, RingState, Rollout, State, Target
from uplink.transfers import models as transfers
from uplink.transfers import progress
from uplink.transfers.models import Deployment

pytestmark = pytest.mark.django_db
CANARY = {"name": "canary", "percentage": 25}
REST = {"name": "rest"}


@pytest.fixture
def fleet():
    return Fleet()


def test_a_version_goes_from_ring_to_ring_and_the_rollout_ends(fleet):
    rollout = fleet.start(fleet.version("2"), CANARY, REST)
    (canary,), rest = targets(rollout, 0), targets(rollout, 1)
    assert rollout.state == State.RUNNING
    assert len(rest) == 3
    assert all(target.begun_at is None for target in rest)

    fleet.goes_through(rollout, canary)
    canary.refresh_from_db()
    assert canary.outcome == Outcome.ACTIVE
    rest = targets(rollout, 1)
    assert all(target.begun_at is not None for target in rest)
    for target in rest:
        fleet.goes_through(rollout, target)
    rollout.refresh_from_db()
    assert rollout.state == State.FINISHED
    assert {ring.state for ring in rollout.rings.all()} == {RingState.FINISHED}


def test_the_state_of_a_target_follows_its_transfer(fleet):
    rollout = fleet.start(fleet.version("2"))
    target = targets(rollout, 0)[0]
    seen = [steps.state_of(target, in_contact=True)]
    progress.move(target.transfer, transfers.State.SENDING, now=fleet.now)
    seen += [steps.state_of(target, in_contact=here) for here in (True, False)]
    progress.move(target.transfer, transfers.State.VERIFIED, now=fleet.now)
    seen.append(steps.state_of(target, in_contact=True))
    assert seen == ["WAIT_CONTACT", "UPLINKING", "WAIT_CONTACT", "VERIFIED"]


def test_an_error_of_the_second_ring_pauses_and_is_kept(fleet):
    """What hawkBit #2161 was: pausing the second group threw, and undid the whole evaluation."""
    rollout = fleet.start(fleet.version("2"), CANARY, REST)
    fleet.goes_through(rollout, targets(rollout, 0)[0])
    first, second, _ = targets(rollout, 1)
    progress.fail(first.transfer, "refused on board: storage is full", now=fleet.now)
    fleet.arrives(second)
    fleet.tick(rollout, 1)

    assert rollout.state == State.PAUSED
    assert "1 of 1 finished targets failed" in rollout.reason
    assert rollout.rings.get(number=1).state == RingState.ERROR
    first.refresh_from_db()
    assert (first.outcome, first.code) == (Outcome.FAILED, "TRANSFER_FAILED")
    assert first.reason == "refused on board: storage is full"


def test_one_rollout_that_breaks_stops_no_other(fleet, monkeypatch):
    half = [{"filter": {"codes": ["R-00"]}}], [{"filter": {"codes": ["R-01"]}}]
    broken, other = (fleet.plan(fleet.version(str(n + 2)), *rings) for n, rings in enumerate(half))
    for rollout in (broken, other):
        control.start(rollout.pk, now=fleet.now)
    real = evaluation._go_on

    def go_on(rollout, *, now):
        if rollout.pk == broken.pk:
            raise ZeroDivisionError
        real(rollout, now=now)

    monkeypatch.setattr(evaluation, "_go_on", go_on)
    evaluation.look_after_all(now=fleet.now)
    broken.refresh_from_db()
    other.refresh_from_db()
    assert (broken.state, other.state) == (State.STARTING, State.RUNNING)


def test_a_rollout_is_there_whole_or_not_at_all(fleet, monkeypatch):
    """What hawkBit #1770 was: rollouts stuck in CREATING."""
    version, rollout_id = fleet.version("2"), uuid4()
    with monkeypatch.context() as patched:
        patched.setattr(Target.objects, "bulk_create", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            fleet.plan(version, CANARY, REST, rollout_id=rollout_id)
    assert not Rollout.objects.exists()
    rollout = fleet.plan(version, CANARY, REST, rollout_id=rollout_id)
    assert rollout.state == State.READY
    assert rollout.targets.count() == 4


def test_a_ring_that_nobody_is_in_is_refused(fleet):
    """What hawkBit #735 was: a rollout of no targets was finished at once."""
    with pytest.raises(planning.BadRollout, match=r"Ring 0 .*no satellite is left"):
        fleet.plan(fleet.version("2"), {"filter": {"plane": "NOWHERE"}})
    assert not Rollout.objects.exists()


def test_a_ring_that_lost_all_its_satellites_is_no_success(fleet):
    rollout = fleet.start(fleet.version("2"), CANARY, REST)
    satellite = targets(rollout, 0)[0].satellite
    satellite.is_active = False
    satellite.save()
    fleet.tick(rollout, 1)
    assert (rollout.state, rollout.finished_at) == (State.PAUSED, None)
    assert "nothing is left of it" in rollout.reason
    assert not rollout.targets.filter(ring__number=1, begun_at__isnull=False).exists()


def test_a_satellite_that_fell_back_is_offered_the_version_again_and_then_flagged(fleet):
    """What hawkBit #446 is: who fell back stays "installed" and is never offered it again."""
    version = fleet.version("2")
    rollout = fleet.start(version, {"filter": {"codes": ["R-00"]}})
    (target,) = targets(rollout, 0)
    fleet.goes_through(rollout, target)
    rollout.refresh_from_db()
    assert rollout.state == State.FINISHED

    for offer in range(1, reconciling.OFFERS_MAX + 1):
        fleet.now += timedelta(minutes=1)
        fleet.runs(target.satellite, fleet.old.artefact_id)
        fleet.hear(target.satellite)
        reconciling.reconcile(now=fleet.now)
        reconciling.reconcile(now=fleet.now)
        known = Divergence.objects.get()
        assert (known.offers, known.is_flagged) == (offer, False)
        # Out of the other slot at first; when that failed, it goes up again.
        expected = transfers.State.ACTIVATING if offer == 1 else transfers.State.QUEUED
        assert known.transfer.state == expected
        progress.fail(known.transfer, "the slot refused it: out of memory", now=fleet.now)
    fleet.now += timedelta(minutes=1)
    reconciling.reconcile(now=fleet.now)
    known.refresh_from_db()
    assert known.is_flagged
    assert "the slot refused it: out of memory" in known.reason

    fleet.runs(target.satellite, version.artefact_id)
    reconciling.reconcile(now=fleet.now)
    assert not Divergence.objects.exists()


def test_an_offer_waits_for_a_safe_window(fleet):
    rollout = fleet.start(fleet.version("2"), {"filter": {"codes": ["R-00"]}})
    (target,) = targets(rollout, 0)
    fleet.goes_through(rollout, target)
    fleet.now += timedelta(minutes=1)
    fleet.runs(target.satellite, fleet.old.artefact_id)
    fleet.hear(target.satellite, battery_charge=0.1)
    reconciling.reconcile(now=fleet.now)
    reconciling.reconcile(now=fleet.now)
    known = Divergence.objects.get()
    assert known.transfer.state == transfers.State.VERIFIED
    assert "the battery is at 10 %" in known.reason


def test_what_no_rollout_put_there_is_flagged_and_left_alone(fleet):
    satellite = fleet.satellites[0]
    other = fleet.version("2").artefact
    Deployment.objects.filter(satellite=satellite).update(desired=other)
    reconciling.reconcile(now=fleet.now)
    known = Divergence.objects.get()
    assert known.is_flagged
    assert "no rollout put" in known.reason
    assert not Command.objects.exists()


def test_a_malformed_condition_refuses_to_start(fleet):
    rollout = fleet.plan(fleet.version("2"), start_at=NOON)
    Ring.objects.update(error={"percent": "__import__('os')"})
    with pytest.raises(planning.BadRollout, match=r"rings\[0\]: error.percent must be a number"):
        control.start(rollout.pk, now=fleet.now)
    fleet.tick(rollout)
    assert rollout.state == State.READY
    assert "error.percent must be a number" in rollout.reason
    assert not transfers.Transfer.objects.exists()


def test_a_start_time_is_kept(fleet):
    rollout = fleet.plan(fleet.version("2"), start_at=NOON + timedelta(minutes=5))
    evaluation.look_after_all(now=NOON + timedelta(minutes=4))
    rollout.refresh_from_db()
    assert rollout.state == State.READY
    evaluation.look_after_all(now=NOON + timedelta(minutes=5))
    evaluation.look_after_all(now=NOON + timedelta(minutes=5))
    rollout.refresh_from_db()
    assert rollout.state == State.RUNNING


def test_one_satellite_takes_part_in_one_rollout_at_a_time(fleet):
    first = fleet.start(fleet.version("2"), {"filter": {"codes": ["R-00"]}})
    second = fleet.start(fleet.version("3"), {"filter": {"codes": ["R-00", "R-01"]}})
    waiting, begun = targets(second, 0)
    assert waiting.begun_at is None
    assert waiting.waits_for == "another rollout has this satellite"
    assert begun.begun_at is not None
    control.stop(first.pk, now=fleet.now)
    fleet.tick(second)
    waiting.refresh_from_db()
    assert waiting.begun_at is not None


def test_a_satellite_that_runs_the_version_is_only_judged(fleet):
    rollout = fleet.start(fleet.old)
    assert not transfers.Transfer.objects.exists()
    fleet.tick(rollout)
    assert rollout.state == State.FINISHED


def test_download_only_ends_with_the_bytes_on_board(fleet):
    rollout = fleet.start(fleet.version("2"), kind="DOWNLOAD_ONLY")
    for target in targets(rollout, 0):
        fleet.arrives(target)
    fleet.tick(rollout)
    assert rollout.state == State.FINISHED
    assert {one.outcome for one in rollout.targets.all()} == {Outcome.VERIFIED}
    assert not Command.objects.exists()

    again = fleet.start(rollout.version)
    fleet.tick(again)
    assert {one.transfer.state for one in targets(again, 0)} == {transfers.State.ACTIVATING}
    assert not transfers.Shipment.objects.filter(transfer__targets__rollout=again).exists()


def test_a_ring_may_activate_together(fleet):
    rollout = fleet.start(fleet.version("2"), {"together": True})
    first, *others = targets(rollout, 0)
    fleet.arrives(first)
    fleet.tick(rollout, 1)
    first.refresh_from_db()
    assert first.transfer.state == transfers.State.VERIFIED
    assert first.waits_for == "3 of its ring to hold the version"
    for target in others:
        fleet.arrives(target)
    fleet.tick(rollout, 1)
    states = {target.transfer.state for target in targets(rollout, 0)}
    assert states == {transfers.State.ACTIVATING}


def test_a_soft_rollout_waits_for_empty_queues_and_a_forced_one_does_not(fleet):
    forced_at = NOON + timedelta(minutes=10)
    rollout = fleet.start(
        fleet.version("2"),
        {"filter": {"codes": ["R-00"]}},
        kind="TIMEFORCED",
        forced_at=forced_at,
    )
    (target,) = targets(rollout, 0)
    fleet.hear(target.satellite, queries_queued=2)
    fleet.arrives(target)
    fleet.tick(rollout, 60)
    target.refresh_from_db()
    assert target.waits_for == "a safe window: 2 questions wait on board"
    fleet.tick(rollout, 600)
    target.refresh_from_db()
    assert target.transfer.state == transfers.State.ACTIVATING


def test_an_activation_that_has_not_left_is_taken_back_when_the_window_closes(fleet):
    rollout = fleet.start(fleet.version("2"), {"filter": {"codes": ["R-00"]}})
    (target,) = targets(rollout, 0)
    fleet.arrives(target)
    fleet.tick(rollout, 1)
    command = Command.objects.get()
    assert command.state == "RELEASED"
    fleet.silence(target.satellite)
    fleet.tick(rollout, 120)
    target.refresh_from_db()
    command.refresh_from_db()
    assert (command.state, target.transfer.state) == ("CANCELLED", transfers.State.VERIFIED)
    assert "was last heard 120 s ago" in target.waits_for


@pytest.mark.parametrize("action", ["ROLLBACK_RING", "ROLLBACK_ALL"])
def test_a_satellite_that_falls_back_while_it_soaks_rolls_its_ring_back(fleet, action):
    fleet.now = NOON
    rollout = fleet.start(
        fleet.version("2"),
        {**CANARY, "percentage": 50, "on_error": action, "soak_contacts": 1},
        REST,
    )
    first, second = targets(rollout, 0)
    for target in (first, second):
        fleet.goes_through(rollout, target)
    fleet.now += timedelta(seconds=5)
    fleet.runs(first.satellite, fleet.old.artefact_id)
    fleet.tick(rollout, 1)
    assert rollout.state == State.ROLLING_BACK
    assert "fell back" in rollout.reason
    fleet.comes_back(rollout)

    assert rollout.state == (State.PAUSED if action == "ROLLBACK_RING" else State.ROLLED_BACK)
    assert rollout.rings.get(number=0).state == RingState.ROLLED_BACK
    second.refresh_from_db()
    assert (second.outcome, second.code) == (Outcome.ROLLED_BACK, "CALLED_OFF")
    known = Deployment.objects.get(satellite=second.satellite)
    assert known.active_sha256 == known.desired_id == fleet.old.artefact_id
    # What ran before came out of the other slot: nothing went up for it.
    assert not second.undo.shipments.exists()
    rest = {one.outcome for one in targets(rollout, 1)}
    assert rest == ({""} if action == "ROLLBACK_RING" else {Outcome.CANCELLED})


def test_where_nothing_ran_before_a_rollback_clears_the_slot(fleet):
    Deployment.objects.update(active_sha256="", slot_a_sha256="", slot_b_sha256="")
    rollout = fleet.start(fleet.version("2"), {"filter": {"codes": ["R-00"]}, "soak_contacts": 1})
    (target,) = targets(rollout, 0)
    fleet.goes_through(rollout, target)
    control.roll_back_by_hand(rollout.pk, now=fleet.now, reason="it talks nonsense")
    fleet.tick(rollout, 1)
    command = Command.objects.get(name="CLEAR_SLOT")
    assert command.source == f"rollout:{target.pk}"
    known = Deployment.objects.get(satellite=target.satellite)
    assert known.desired is None
    known.active_sha256 = known.slot_a_sha256 = known.slot_b_sha256 = ""
    known.reported_ns += 60 * 10**9
    known.save()
    fleet.tick(rollout, 1)
    assert (rollout.state, rollout.reason) == (State.ROLLED_BACK, "it talks nonsense")


def test_a_rollback_that_fails_is_tried_again(fleet):
    rollout = fleet.start(fleet.version("2"), {"filter": {"codes": ["R-00"]}, "soak_contacts": 1})
    (target,) = targets(rollout, 0)
    fleet.goes_through(rollout, target)
    control.roll_back_by_hand(rollout.pk, now=fleet.now, reason="no")
    fleet.tick(rollout, 1)
    target.refresh_from_db()
    first = target.undo
    progress.fail(first, "LOAD_SLOT failed: not on board", now=fleet.now)
    fleet.tick(rollout, 1)
    assert rollout.state == State.ROLLING_BACK
    fleet.tick(rollout, 30)
    target.refresh_from_db()
    assert target.undo != first
    assert target.undo.shipments.exists()  # the second time it is sent


def test_failures_are_accepted_by_who_resumes(fleet):
    rollout = fleet.start(fleet.version("2"), {"error": {"percent": 0}})
    first, *others = targets(rollout, 0)
    progress.fail(first.transfer, "no", now=fleet.now)
    fleet.tick(rollout, 1)
    assert rollout.state == State.PAUSED
    control.resume(rollout.pk, now=fleet.now)
    fleet.tick(rollout, 1)
    assert rollout.state == State.RUNNING
    for target in others:
        fleet.goes_through(rollout, target)
    rollout.refresh_from_db()
    assert rollout.state == State.FINISHED


def test_failed_targets_are_retried(fleet):
    rollout = fleet.start(fleet.version("2"))
    first, *others = targets(rollout, 0)
    progress.fail(first.transfer, "no", now=fleet.now)
    fleet.tick(rollout, 1)
    control.retry(rollout.pk, now=fleet.now)
    fleet.tick(rollout, 1)
    again = Target.objects.get(pk=first.pk)
    assert (again.outcome, again.transfer.pk != first.transfer.pk) == ("", True)
    for target in [again, *others]:
        fleet.goes_through(rollout, target)
    rollout.refresh_from_db()
    assert rollout.state == State.FINISHED
    with pytest.raises(control.NotPossible, match="No target has failed"):
        control.retry(rollout.pk, now=fleet.now)


def test_a_paused_rollout_begins_and_activates_nothing(fleet):
    rollout = fleet.start(fleet.version("2"), CANARY, REST)
    (canary,) = targets(rollout, 0)
    control.pause(rollout.pk, now=fleet.now)
    fleet.arrives(canary)
    fleet.tick(rollout, 1)
    canary.refresh_from_db()
    assert canary.transfer.state == transfers.State.VERIFIED
    assert not Command.objects.exists()
    control.resume(rollout.pk, now=fleet.now)
    fleet.tick(rollout, 1)
    assert Command.objects.count() == 1


def test_stopping_waits_for_an_activation_that_left(fleet):
    rollout = fleet.start(fleet.version("2"))
    first, second, *_ = targets(rollout, 0)
    fleet.arrives(first)
    fleet.tick(rollout, 1)
    Command.objects.update(state="SENT", sent_at=fleet.now)
    control.stop(rollout.pk, now=fleet.now, reason="enough")
    fleet.tick(rollout, 1)
    assert rollout.state == State.STOPPING
    second.refresh_from_db()
    assert second.transfer.state == transfers.State.CANCELLED
    assert second.outcome == Outcome.CANCELLED
    fleet.activates(first)
    fleet.tick(rollout, 1)
    assert (rollout.state, rollout.reason) == (State.STOPPED, "enough")


def test_a_ring_may_end_in_a_pause(fleet):
    rollout = fleet.start(fleet.version("2"), {**CANARY, "on_success": "PAUSE"}, REST)
    fleet.goes_through(rollout, targets(rollout, 0)[0])
    rollout.refresh_from_db()
    assert (rollout.state, rollout.reason) == (
        State.PAUSED,
        "Ring 0 (canary) is through; resume to go on.",
    )
    control.resume(rollout.pk, now=fleet.now)
    fleet.tick(rollout)
    assert all(target.begun_at for target in targets(rollout, 1))


def test_neither_enough_nor_an_error_waits_for_somebody(fleet):
    ring = {"success": {"percent": 90}, "error": {"percent": 50, "min_finished": 4}}
    rollout = fleet.start(fleet.version("2"), ring)
    first, *others = targets(rollout, 0)
    progress.fail(first.transfer, "no", now=fleet.now)
    for target in others:
        fleet.goes_through(rollout, target)
    rollout.refresh_from_db()
    assert rollout.state == State.PAUSED
    assert "3 of 4 succeeded, which is neither enough nor an error" in rollout.reason


def test_a_rollout_is_approved_by_another_person(fleet):
    rollout = fleet.plan(fleet.version("2"), needs_approval=True)
    assert rollout.state == State.WAITING_FOR_APPROVAL
    with pytest.raises(control.NotPossible, match="only what is READY can be started"):
        control.start(rollout.pk, now=fleet.now)
    with pytest.raises(control.OwnRollout):
        control.approve(rollout.pk, user=fleet.user, remark="", now=fleet.now)
    with pytest.raises(IntegrityError, match="rollout_is_decided_by_another"):
        with transaction.atomic():
            Rollout.objects.update(decided_by=fleet.user)
    with pytest.raises(IntegrityError, match="rollout_starts_only_approved"):
        with transaction.atomic():
            Rollout.objects.update(started_at=NOON)
    other = make_user(organisation=fleet.operator)
    control.approve(rollout.pk, user=other, remark="go", now=fleet.now)
    assert control.start(rollout.pk, now=fleet.now).state == State.STARTING


def test_a_denied_rollout_is_over(fleet):
    rollout = fleet.plan(fleet.version("2"), needs_approval=True)
    other = make_user(organisation=fleet.operator)
    control.deny(rollout.pk, user=other, remark="not on a Friday", now=fleet.now)
    rollout.refresh_from_db()
    assert (rollout.state, rollout.reason) == (State.APPROVAL_DENIED, "not on a Friday")
    with pytest.raises(control.NotPossible):
        control.start(rollout.pk, now=fleet.now)


def test_planning_again_changes_nothing(fleet):
    version, rollout_id = fleet.version("2"), uuid4()
    first = fleet.plan(version, CANARY, REST, rollout_id=rollout_id)
    assert fleet.plan(version, CANARY, REST, rollout_id=rollout_id) == first
    assert Target.objects.count() == 4
