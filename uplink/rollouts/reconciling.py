"""What satellites should run and what they say they run, brought together for ever.

A satellite that fell back is offered the version again, a few times, then flagged. What nobody
rolled out (a direct transfer, a telecommand by hand) is flagged only.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q

from ops import errors
from ops.live import events as live
from telemetry import times
from uplink.registry.models import Artefact
from uplink.rollouts import delivery, events, seen, targets, windows
from uplink.rollouts.models import Divergence, Outcome, Target
from uplink.rollouts.seen import Fleet
from uplink.transfers.models import OVER, Deployment, State, Transfer

OFFERS_MAX = 3
SETTLED_AFTER = timedelta(seconds=10)
"""A report may be older than the change it should show."""


def reconcile(*, now: datetime) -> None:
    """Look at every satellite that runs something else than it should. Safe to repeat."""
    settled = Divergence.objects.filter(desired_id=F("satellite__deployment__active_sha256"))
    settled.delete()
    Divergence.objects.exclude(desired_id=F("satellite__deployment__desired_id")).delete()
    differing = list(
        Deployment.objects.filter(desired__isnull=False, reported_ns__isnull=False)
        .exclude(desired_id=F("active_sha256"))
        .select_related("satellite", "desired")
    )
    fleet = seen.look([row.satellite_id for row in differing], now=now)
    for row in differing:
        with transaction.atomic():
            _look_at(row, fleet, now=now)


def _look_at(row: Deployment, fleet: Fleet, *, now: datetime) -> None:
    target = _target_of(row)
    if _is_in_hand(row):
        return
    known = Divergence.objects.select_for_update().filter(satellite=row.satellite).first()
    latest = F("finished_at").desc(nulls_last=True)
    last = Transfer.objects.filter(satellite=row.satellite).order_by(latest).first()
    if known is None:
        told_at = (last.finished_at if last else None) or now - SETTLED_AFTER
        if row.reported_ns <= times.to_ns(told_at + SETTLED_AFTER):
            return
        known = Divergence.objects.create(
            satellite=row.satellite,
            desired=row.desired,
            reported_sha256=row.active_sha256,
            since_at=now,
        )
    if known.reported_sha256 != row.active_sha256:
        known.reported_sha256 = row.active_sha256
        known.save(update_fields=["reported_sha256"])
    if target is None:
        running = row.active_sha256[:12] or "no model"
        failed = last is not None and last.state == State.FAILED
        why = last.reason if failed else f"no rollout put {row.desired} there"
        _flag(known, f"It runs {running}: {why}.")
    elif not known.is_flagged:
        _offer(known, target, fleet, now=now)


def _target_of(row: Deployment) -> Target | None:
    """Return the target by which the satellite got, or got back, what it should run."""
    got = Q(outcome=Outcome.ACTIVE, rollout__version__artefact=row.desired)
    got_back = Q(outcome=Outcome.ROLLED_BACK, previous=row.desired)
    return (
        Target.objects.filter(got | got_back, satellite=row.satellite)
        .select_related("rollout__version", "rollout__organisation")
        .order_by("-finished_at")
        .first()
    )


def _is_in_hand(row: Deployment) -> bool:
    """Say whether a rollout, a rollback or a direct transfer is at work on this satellite."""
    mine = Target.objects.filter(satellite=row.satellite)
    if mine.filter(begun_at__isnull=False, finished_at=None).exists():
        return True
    if mine.filter(undo_from__isnull=False, undone_at=None).exists():
        return True
    offered = Divergence.objects.filter(satellite=row.satellite).values("transfer_id")
    under_way = Transfer.objects.filter(satellite=row.satellite, artefact=row.desired)
    return under_way.exclude(state__in=[*OVER, State.VERIFIED]).exclude(pk__in=offered).exists()


def _offer(known: Divergence, target: Target, fleet: Fleet, *, now: datetime) -> None:
    transfer = known.transfer
    if transfer is None or transfer.state in OVER:
        if known.offers >= OFFERS_MAX:
            why = transfer.reason if transfer and transfer.reason else "it fell back each time"
            _flag(known, f"Offered {known.offers} times: {why}.")
            return
        _bring(known, target, now=now)
        return
    rollout = target.rollout
    why = delivery.activate_when_safe(
        transfer,
        windows.parse(rollout.safe_window),
        fleet,
        gently=targets.is_gentle(rollout, now=now),
        now=now,
    )
    _say(known, f"Offered again; it waits for {why}." if why else "Offered again.")


def _bring(known: Divergence, target: Target, *, now: datetime) -> None:
    try:
        known.transfer = delivery.bring(
            satellite=known.satellite,
            artefact=Artefact.objects.get(pk=known.desired_id),
            version=_version_of(target, known),
            organisation=target.rollout.organisation,
            now=now,
            laser=target.rollout.laser,
        )
    except errors.Refusal as refusal:
        _flag(known, f"It cannot be offered again: {refusal}")
        return
    known.offers += 1
    known.save(update_fields=["transfer", "offers"])
    _say(known, "Offered again.")


def _version_of(target: Target, known: Divergence):
    """Return the rollout's version if it is the one meant: what ran before it may be of none."""
    version = target.rollout.version
    return version if version.artefact_id == known.desired_id else None


def _flag(known: Divergence, reason: str) -> None:
    if not known.is_flagged:
        known.is_flagged = True
        known.save(update_fields=["is_flagged"])
    _say(known, reason)


def _say(known: Divergence, reason: str) -> None:
    if known.reason == reason[:500]:
        return
    known.reason = reason[:500]
    known.save(update_fields=["reason"])
    told = {
        "satellite": known.satellite.code,
        "desired": known.desired_id,
        "reported": known.reported_sha256,
        "flagged": known.is_flagged,
        "reason": known.reason,
    }
    live.publish(events.STREAM, "divergence", told)
