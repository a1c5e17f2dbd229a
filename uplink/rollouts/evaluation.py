"""The tick: every rollout taken on by what is known now, each in a transaction of its own."""

from __future__ import annotations

import logging
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from ops import errors
from uplink.rollouts import (
    conditions,
    control,
    deciding,
    events,
    planning,
    seen,
    synchronising,
    targets,
    undoing,
)
from uplink.rollouts.models import (
    MOVING,
    SUCCEEDED,
    WENT_WRONG,
    ErrorAction,
    Outcome,
    Ring,
    RingState,
    Rollout,
    State,
    SuccessAction,
    Target,
)
from uplink.transfers import models as transfers

BEGIN_MAX = 25
"""Targets of a ring that begin in one tick: each makes rows for every pack."""
BEGUN = [RingState.RUNNING, RingState.FINISHED]
log = logging.getLogger(__name__)


def look_after_all(*, now: datetime) -> None:
    """Look after every rollout that moves or is due. What is wrong with one stops no other."""
    due = Q(state__in=MOVING) | Q(state=State.READY, start_at__lte=now)
    for rollout_id in list(Rollout.objects.filter(due).values_list("pk", flat=True)):
        try:
            look_after(rollout_id, now=now)
        except errors.Refusal as refusal:
            log.warning("rollout %s: %s", rollout_id, refusal)
        except Exception:
            log.exception("rollout %s", rollout_id)


def look_after(rollout_id: UUID, *, now: datetime) -> None:
    """Take a rollout as far as it can go now. Safe to repeat and to race: the row is locked."""
    begin_if_due(rollout_id, now=now)
    with transaction.atomic():
        rollout = (
            Rollout.objects.select_for_update(of=["self"], skip_locked=True)
            .select_related("version__artefact", "version__model", "organisation")
            .filter(pk=rollout_id, state__in=MOVING)
            .first()
        )
        if rollout is None:
            return
        before = (rollout.state, rollout.reason)
        match rollout.state:
            case State.STARTING | State.RUNNING | State.PAUSED:
                _go_on(rollout, now=now)
            case State.STOPPING:
                control.wind_down(rollout, now=now)
            case State.ROLLING_BACK:
                _go_back(rollout, now=now)
        if (rollout.state, rollout.reason) != before:
            log.info("rollout %s: %s %s", rollout.name, rollout.state, rollout.reason)


def begin_if_due(rollout_id: UUID, *, now: datetime) -> None:
    """Start a rollout whose time has come; if it cannot be, its row says why."""
    row = Rollout.objects.filter(pk=rollout_id, state=State.READY, start_at__lte=now).first()
    if row is None:
        return
    try:
        control.start(rollout_id, now=now)
    except errors.Refusal as refusal:
        if row.reason != str(refusal)[:500]:
            control.move(row, State.READY, reason=str(refusal))


def _go_on(rollout: Rollout, *, now: datetime) -> None:
    try:
        planning.check(rollout)
    except planning.BadRollout as refusal:
        if rollout.state != State.PAUSED:
            control.move(rollout, State.PAUSED, reason=str(refusal))
        return
    if rollout.state == State.STARTING:
        _start_ring(rollout, rollout.rings.get(number=0), now=now)
        control.move(rollout, State.RUNNING)
    moved, unclear = False, ""
    # A ring that failed may have an instant of which its satellites still have to be told that it
    # is called off.
    told = Q(state=RingState.ERROR, activate_at__isnull=False)
    for ring in rollout.rings.filter(Q(state__in=BEGUN) | told):
        ring_moved, why = _advance(rollout, ring, now=now)
        moved, unclear = moved or ring_moved, unclear or why
    if moved:
        events.tell(rollout, "targets")
    if _found_error(rollout, now=now) or rollout.state != State.RUNNING:
        return
    if unclear:
        control.move(rollout, State.PAUSED, reason=f"Somebody has to look. {unclear}")
    else:
        _found_success(rollout, now=now)


def _open_targets(ring: Ring) -> list[Target]:
    rows = ring.targets.filter(finished_at=None).select_related(
        "satellite", "transfer__artefact", "transfer__satellite"
    )
    return list(rows.order_by("satellite__code"))


def _advance(rollout: Rollout, ring: Ring, *, now: datetime) -> tuple[bool, str]:
    """Take the targets of a ring on; return whether one moved, and what a human has to look at.

    A paused rollout is only watched.
    """
    may_act = rollout.state == State.RUNNING
    open_targets = _open_targets(ring)
    fleet = seen.look(
        [target.satellite_id for target in open_targets],
        now=now,
        heard=[target.satellite_id for target in open_targets if _is_judged(target)],
    )
    held_back = _held_back(ring, open_targets)
    begun, moved, unclear = 0, False, []
    for target in open_targets:
        before = _place(target)
        if not target.satellite.is_active:
            undoing.call_off(target, now=now)
            said = "The satellite is no longer in service."
            deciding.finish(target, Outcome.CANCELLED, now=now, code="OUT_OF_SERVICE", reason=said)
        elif target.begun_at is None:
            if may_act and begun < BEGIN_MAX:
                targets.begin(rollout, target, fleet, now=now)
                begun += 1
        else:
            unclear.append(
                targets.step(
                    rollout, ring, target, fleet, may_act=may_act, now=now, held_back=held_back
                )
            )
        moved = moved or _place(target) != before
    if synchronising.is_asked(ring):
        gently = targets.is_gentle(rollout, now=now)
        synchronising.step(
            rollout, ring, open_targets, fleet, gently=gently, may_act=may_act, now=now
        )
    return moved, next((one for one in unclear if one), "")


def _is_judged(target: Target) -> bool:
    """Say whether what comes next depends on what the satellite measures."""
    on_board = (transfers.State.VERIFIED, transfers.State.ACTIVATING, transfers.State.ACTIVE)
    arrived = target.transfer is not None and target.transfer.state in on_board
    return target.active_at is not None or arrived


def _place(target: Target) -> tuple[object, ...]:
    return (
        target.outcome, target.begun_at, target.active_at, target.waits_for, target.transfer_id
    )  # fmt: skip


def _held_back(ring: Ring, open_targets: list[Target]) -> str:
    if not ring.together:
        return ""
    held = (transfers.State.VERIFIED, transfers.State.ACTIVATING, transfers.State.ACTIVE)
    missing = [
        target
        for target in open_targets
        if target.active_at is None and (not target.transfer or target.transfer.state not in held)
    ]
    return f"{len(missing)} of its ring to hold the version" if missing else ""


def tally_of(ring: Ring) -> conditions.Tally:
    """Count a ring's targets; those that were taken out of it, and forgiven failures, do not."""
    outcomes = list(ring.targets.values_list("outcome", flat=True))
    failed = sum(one in WENT_WRONG for one in outcomes)
    forgiven = min(ring.forgiven, failed)
    counted = [one for one in outcomes if one != Outcome.CANCELLED]
    succeeded = sum(one in SUCCEEDED for one in outcomes)
    return conditions.Tally(len(counted) - forgiven, succeeded, failed - forgiven)


def _found_error(rollout: Rollout, *, now: datetime) -> bool:
    """Act on the first ring that has failed, and say whether there is one. While a rollout is
    paused, rings that are to be rolled back are all the same."""
    for ring in rollout.rings.filter(state__in=BEGUN):
        why = conditions.failed(conditions.parse_failure(ring.error), tally_of(ring))
        rolls_back = ring.on_error != ErrorAction.PAUSE
        if why and (rolls_back or rollout.state == State.RUNNING):
            _on_error(rollout, ring, f"Ring {ring.number} ({ring.name}): {why}", now=now)
            return True
    return False


def _found_success(rollout: Rollout, *, now: datetime) -> None:
    """Begin the next ring when those before are through; the rollout ends with the last."""
    for ring in rollout.rings.filter(state=RingState.RUNNING):
        if not _judge_success(rollout, ring, now=now):
            return
    following = rollout.rings.filter(state=RingState.SCHEDULED).first()
    if following is not None:
        _start_ring(rollout, following, now=now)
    elif not rollout.targets.filter(finished_at=None).exists():
        control.end(rollout, State.FINISHED, now=now)


def _judge_success(rollout: Rollout, ring: Ring, *, now: datetime) -> bool:
    """Say whether a ring is through; it is FINISHED then, or the rollout waits for somebody."""
    tally = tally_of(ring)
    if not conditions.succeeded(conditions.parse_success(ring.success), tally):
        if not ring.targets.filter(finished_at=None).exists():
            said = (
                "nothing is left of it"
                if tally.total == 0
                else (
                    f"{tally.succeeded} of {tally.finished} succeeded, which is neither enough nor "
                    "an error"
                )
            )
            reason = f"Ring {ring.number} ({ring.name}): {said}."
            control.move(rollout, State.PAUSED, reason=reason)
        return False
    ring.state, ring.finished_at = RingState.FINISHED, now
    ring.save()
    is_last = not rollout.rings.filter(state=RingState.SCHEDULED).exists()
    if ring.on_success == SuccessAction.PAUSE and not is_last:
        reason = f"Ring {ring.number} ({ring.name}) is through; resume to go on."
        control.move(rollout, State.PAUSED, reason=reason)
        return False
    events.tell(rollout, "ring")
    return True


def _start_ring(rollout: Rollout, ring: Ring, *, now: datetime) -> None:
    ring.state, ring.started_at = RingState.RUNNING, now
    ring.save()
    events.tell(rollout, "ring")


def _on_error(rollout: Rollout, ring: Ring, why: str, *, now: datetime) -> None:
    if ring.on_error == ErrorAction.PAUSE:
        ring.state, ring.reason = RingState.ERROR, why[:500]
        ring.save()
        control.move(rollout, State.PAUSED, reason=why)
        return
    first = ring.targets.filter(outcome=Outcome.FAILED).order_by("finished_at", "pk").first()
    if first is not None:
        why = f"{why}. First, {first.satellite.code}: {first.reason}"
    only = ring if ring.on_error == ErrorAction.ROLLBACK_RING else None
    control.roll_back(rollout, reason=why, now=now, ring=only)


def _go_back(rollout: Rollout, *, now: datetime) -> None:
    """Take the rollback on; ROLLED_BACK when every satellite said so, PAUSED after one ring's."""
    rows = undoing.open_rollbacks(rollout).select_related(
        "satellite", "previous", "undo__artefact", "undo__satellite", "transfer"
    )
    open_targets = list(rows)
    fleet = seen.look([target.satellite_id for target in open_targets], now=now)
    left = 0
    for target in open_targets:
        left += not undoing.step(rollout, target, fleet, now=now)
    if left:
        return
    rollout.rings.filter(state=RingState.ROLLING_BACK).update(
        state=RingState.ROLLED_BACK, finished_at=now
    )
    if rollout.goes_back_only is not None:
        control.move(rollout, State.PAUSED, reason=f"Rolled back. {rollout.reason}")
    else:
        control.end(rollout, State.ROLLED_BACK, now=now, reason=rollout.reason)
