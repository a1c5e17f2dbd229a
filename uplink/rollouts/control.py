"""What people do to a rollout: approve, start, pause, resume, stop, retry, roll back."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from ops import errors
from ops.accounts.models import User
from uplink.registry import store
from uplink.rollouts import deciding, delivery, events, planning, revoking, seen, undoing
from uplink.rollouts.models import (
    WENT_WRONG,
    Outcome,
    Ring,
    RingState,
    Rollout,
    State,
    Target,
)
from uplink.transfers import activation, packing, requests
from uplink.transfers import models as transfers


class NotPossible(errors.Conflict):
    """The rollout is in a state in which this cannot be done; the message names those in which
    it can."""

    code = "not_possible"


class OwnRollout(errors.Forbidden):
    code = "own_rollout"


def locked(rollout_id: UUID) -> Rollout:
    """Return a rollout with its row locked; raises `NotFound`."""
    row = (
        Rollout.objects.select_for_update(of=["self"])
        .select_related("version__artefact", "version__model", "organisation")
        .filter(pk=rollout_id)
        .first()
    )
    if row is None:
        raise errors.NotFound(f"There is no rollout {rollout_id}.")
    return row


def _must_be(rollout: Rollout, *states: State, to: str) -> None:
    if rollout.state not in states:
        wanted = " or ".join(states)
        raise NotPossible(f"It is {rollout.state}; only what is {wanted} can be {to}.")


def move(rollout: Rollout, state: State, *, reason: str = "") -> None:
    """Put a rollout into a state and tell it."""
    rollout.state, rollout.reason = state, reason[:500]
    rollout.save()
    events.tell(rollout)


def end(rollout: Rollout, state: State, *, now: datetime, reason: str = "") -> None:
    rollout.finished_at = now
    move(rollout, state, reason=reason)


@transaction.atomic
def approve(rollout_id: UUID, *, user: User, remark: str, now: datetime) -> Rollout:
    """Approve a rollout that somebody else made. Safe to repeat by the same person."""
    return _decide(rollout_id, State.READY, user=user, remark=remark, now=now)


@transaction.atomic
def deny(rollout_id: UUID, *, user: User, remark: str, now: datetime) -> Rollout:
    """Refuse a rollout that somebody else made; it is over. Safe to repeat by the same person."""
    return _decide(rollout_id, State.APPROVAL_DENIED, user=user, remark=remark, now=now)


def _decide(rollout_id: UUID, state: State, *, user: User, remark: str, now: datetime) -> Rollout:
    rollout = locked(rollout_id)
    if rollout.decided_by_id == user.pk and rollout.state == state:
        return rollout
    _must_be(rollout, State.WAITING_FOR_APPROVAL, to="decided about")
    if rollout.created_by_id == user.pk:
        raise OwnRollout("A rollout is approved or denied by another person than its creator.")
    rollout.decided_by, rollout.decided_at, rollout.remark = user, now, remark
    if state == State.READY:
        move(rollout, state)
    else:
        end(rollout, state, now=now, reason=remark)
    return rollout


def start(rollout_id: UUID, *, now: datetime) -> Rollout:
    """Let a rollout begin. Refused when anything it is judged by cannot be read."""
    # The file is cut into packs before any row is locked: it may be gigabytes.
    row = Rollout.objects.select_related("version__artefact").filter(pk=rollout_id).first()
    if row is None:
        raise errors.NotFound(f"There is no rollout {rollout_id}.")
    if row.state == State.READY:
        if not store.holds(row.version.artefact_id):
            raise requests.BytesMissing(f"The bytes of {row.version} are not in the store.")
        packing.pack(row.version.artefact)
    with transaction.atomic():
        rollout = locked(rollout_id)
        if rollout.state in (State.STARTING, State.RUNNING):
            return rollout
        _must_be(rollout, State.READY, to="started")
        planning.check(rollout)
        revoking.refuse_revoked(rollout.version.artefact)
        rollout.started_at = rollout.judged_from = now
        move(rollout, State.STARTING)
    return rollout


@transaction.atomic
def pause(rollout_id: UUID, *, now: datetime, reason: str = "paused by hand") -> Rollout:
    """Let nothing new begin or be activated; what is on its way goes on. Safe to repeat."""
    rollout = locked(rollout_id)
    if rollout.state != State.PAUSED:
        _must_be(rollout, State.STARTING, State.RUNNING, to="paused")
        move(rollout, State.PAUSED, reason=reason)
    return rollout


@transaction.atomic
def resume(rollout_id: UUID, *, now: datetime) -> Rollout:
    """Go on with a paused rollout: failures there were so far, and what was inconclusive, are
    accepted by who resumes it."""
    rollout = locked(rollout_id)
    if rollout.state == State.RUNNING:
        return rollout
    _must_be(rollout, State.PAUSED, to="resumed")
    planning.check(rollout)
    revoking.refuse_revoked(rollout.version.artefact)
    undone = [RingState.ROLLING_BACK, RingState.ROLLED_BACK]
    if ring := rollout.rings.filter(state__in=undone).first():
        raise NotPossible(f"Ring {ring.number} ({ring.name}) was rolled back: retry it, or stop.")
    for ring in rollout.rings.exclude(state=RingState.SCHEDULED):
        ring.forgiven = ring.targets.filter(outcome__in=WENT_WRONG).count()
        if ring.state == RingState.ERROR:
            ring.state, ring.reason = RingState.RUNNING, ""
        ring.save()
    rollout.judged_from = now
    move(rollout, State.RUNNING)
    return rollout


@transaction.atomic
def stop(rollout_id: UUID, *, now: datetime, reason: str = "stopped by hand") -> Rollout:
    """End a rollout where it is: transfers are cancelled, telecommands that have not left are
    taken back. What runs keeps running. Safe to repeat."""
    rollout = locked(rollout_id)
    if rollout.state in (State.STOPPING, State.STOPPED):
        return rollout
    waiting = [State.READY, State.WAITING_FOR_APPROVAL]
    going = [State.STARTING, State.RUNNING, State.PAUSED]
    _must_be(rollout, *waiting, *going, to="stopped")
    if rollout.state in waiting:
        for target in rollout.targets.filter(finished_at=None):
            deciding.finish(target, Outcome.CANCELLED, now=now, code="STOPPED", reason=reason)
        end(rollout, State.STOPPED, now=now, reason=reason)
        return rollout
    move(rollout, State.STOPPING, reason=reason)
    wind_down(rollout, now=now)
    return rollout


def stop_all(*, now: datetime, reason: str) -> list[Rollout]:
    """Emergency stop: end every rollout that has begun or could begin; return those stopped."""
    able = [State.READY, State.WAITING_FOR_APPROVAL, State.STARTING, State.RUNNING, State.PAUSED]
    stopped = []
    for rollout_id in Rollout.objects.filter(state__in=able).values_list("pk", flat=True):
        try:
            stopped.append(stop(rollout_id, now=now, reason=reason))
        except NotPossible:
            continue  # it ended meanwhile
    return stopped


def wind_down(rollout: Rollout, *, now: datetime) -> None:
    """Call off what is open; STOPPED when no activation is under way any more."""
    rows = rollout.targets.filter(finished_at=None).select_related("transfer", "satellite")
    for target in rows:
        transfer = target.transfer
        if transfer is not None and transfer.state == transfers.State.ACTIVATING:
            if not _take_back(target, now=now):
                deciding.wait(target, "the end of its activation")
                continue
        elif transfer is not None:
            undoing.call_off(target, now=now)
        deciding.finish(target, Outcome.CANCELLED, now=now, code="STOPPED", reason=rollout.reason)
    if not rollout.targets.filter(finished_at=None).exists():
        end(rollout, State.STOPPED, now=now, reason=rollout.reason)


def _take_back(target: Target, *, now: datetime) -> bool:
    row = delivery.locked(target.transfer_id)
    if row.state != transfers.State.ACTIVATING:
        return True
    return activation.stand_down(row, "the rollout was stopped", now=now)


@transaction.atomic
def retry(rollout_id: UUID, *, now: datetime) -> Rollout:
    """Take failed, called off and rolled back targets of begun rings up again."""
    rollout = locked(rollout_id)
    _must_be(rollout, State.RUNNING, State.PAUSED, State.FINISHED, to="retried")
    planning.check(rollout)
    revoking.refuse_revoked(rollout.version.artefact)
    begun = rollout.targets.exclude(ring__state=RingState.SCHEDULED)
    again = list(begun.filter(outcome__in=[*WENT_WRONG, Outcome.CANCELLED]))
    if undoing.open_rollbacks(rollout).exists():
        raise NotPossible("A rollback is under way; retry when it is done.")
    if not again:
        raise NotPossible("No target has failed.")
    for target in again:
        _anew(target)
    for ring in Ring.objects.filter(pk__in={target.ring_id for target in again}):
        ring.state, ring.reason, ring.finished_at = RingState.RUNNING, "", None
        ring.forgiven = 0
        ring.save()
    rollout.judged_from, rollout.finished_at = now, None
    move(rollout, State.RUNNING)
    return rollout


def _anew(target: Target) -> None:
    target.probes.all().delete()
    target.measurements.all().delete()
    for name in ("transfer", "previous", "begun_at", "active_at", "ecc_base", "undo"):
        setattr(target, name, None)
    target.undo_from = target.undone_at = target.finished_at = None
    target.outcome = target.code = target.reason = target.waits_for = ""
    target.save()


@transaction.atomic
def roll_back_by_hand(rollout_id: UUID, *, now: datetime, reason: str) -> Rollout:
    """Bring what ran before back to every satellite of a rollout. Safe to repeat."""
    rollout = locked(rollout_id)
    if rollout.state in (State.ROLLING_BACK, State.ROLLED_BACK):
        return rollout
    able = [State.STARTING, State.RUNNING, State.PAUSED, State.FINISHED, State.STOPPED]
    if rollout.started_at is None:
        able.remove(State.STOPPED)
    _must_be(rollout, *able, to="rolled back")
    roll_back(rollout, reason=reason, now=now)
    return rollout


def roll_back(rollout: Rollout, *, reason: str, now: datetime, ring: Ring | None = None) -> None:
    """Begin to roll a ring back, or all of them. The caller holds the rollout's lock."""
    rows = rollout.targets if ring is None else ring.targets
    chosen = list(rows.select_related("transfer", "satellite", "rollout__version", "previous"))
    fleet = seen.look([target.satellite_id for target in chosen], now=now)
    for target in chosen:
        undoing.ask_for(target, fleet, reason=reason, now=now)
    touched = rollout.rings.exclude(state=RingState.SCHEDULED)
    for one in touched if ring is None else [ring]:
        one.state, one.reason = RingState.ROLLING_BACK, reason[:500]
        one.save()
    rollout.finished_at = None
    rollout.goes_back_only = ring.number if ring is not None else None
    move(rollout, State.ROLLING_BACK, reason=reason)
