"""One satellite of a rollout: where it is, and its next step."""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction

from ops import errors
from ops.db import broken_rule
from uplink.registry.models import Artefact
from uplink.rollouts import deciding, delivery, soaking, synchronising, windows
from uplink.rollouts.models import Kind, Outcome, Ring, Rollout, Target
from uplink.rollouts.seen import Fleet
from uplink.transfers import models as transfers

QUEUED, WAIT_CONTACT, UPLINKING = "QUEUED", "WAIT_CONTACT", "UPLINKING"
SUSPENDED, VERIFIED, ACTIVATING = "SUSPENDED", "VERIFIED", "ACTIVATING"
SOAKING = "SOAKING"
ACTIVE, FAILED, ROLLED_BACK, CANCELLED = "ACTIVE", "FAILED", "ROLLED_BACK", "CANCELLED"
ROLLING_BACK = "ROLLING_BACK"
STATES = (
    QUEUED, WAIT_CONTACT, UPLINKING, SUSPENDED, VERIFIED, ACTIVATING, SOAKING, ACTIVE, FAILED,
    ROLLING_BACK, ROLLED_BACK, CANCELLED,
)  # fmt: skip
_OF_TRANSFER = {
    transfers.State.QUEUED: WAIT_CONTACT,
    transfers.State.SENDING: UPLINKING,
    transfers.State.SUSPENDED: SUSPENDED,
    transfers.State.VERIFYING: UPLINKING,
    transfers.State.VERIFIED: VERIFIED,
    transfers.State.ACTIVATING: ACTIVATING,
    transfers.State.ACTIVE: SOAKING,
    transfers.State.FAILED: FAILED,
    transfers.State.CANCELLED: CANCELLED,
}


def state_of(target: Target, *, in_contact: bool) -> str:
    """Return where a target is: what was decided, else what its transfer says."""
    if target.undo_from is not None and target.undone_at is None:
        return ROLLING_BACK
    if target.outcome:
        return target.outcome
    if target.active_at is not None:
        return SOAKING
    if target.transfer is None:
        return QUEUED
    state = _OF_TRANSFER[transfers.State(target.transfer.state)]
    return WAIT_CONTACT if state == UPLINKING and not in_contact else state


def begin(rollout: Rollout, target: Target, fleet: Fleet, *, now: datetime) -> None:
    """Let the version be brought to a satellite; one that runs it already is only judged."""
    busy = Target.objects.filter(satellite=target.satellite, undo_from__isnull=False)
    if busy.filter(undone_at=None).exclude(pk=target.pk).exists():
        deciding.wait(target, "it is being rolled back by another rollout")
        return
    running = fleet.active_sha256(target.satellite_id)
    target.begun_at = now
    if running == rollout.version.artefact_id:
        target.active_at = None if rollout.kind == Kind.DOWNLOAD_ONLY else now
    else:
        target.previous_id = running if _is_known(running) else None
    try:
        with transaction.atomic():
            target.save()
            if target.active_at is None:
                target.transfer = delivery.bring(
                    satellite=target.satellite,
                    artefact=rollout.version.artefact,
                    version=rollout.version,
                    organisation=rollout.organisation,
                    priority=rollout.priority,
                    laser=rollout.laser,
                    now=now,
                )
            target.waits_for = ""
            target.save()
    except IntegrityError as error:
        if broken_rule(error) != "target_of_one_rollout_at_a_time":
            raise
        target.begun_at, target.previous, target.active_at = None, None, None
        deciding.wait(target, "another rollout has this satellite")
    except errors.Refusal as refusal:
        target.transfer = None
        deciding.finish(target, Outcome.FAILED, now=now, code=refusal.code, reason=str(refusal))


def _is_known(sha256: str) -> bool:
    return bool(sha256) and Artefact.objects.filter(pk=sha256).exists()


def step(
    rollout: Rollout,
    ring: Ring,
    target: Target,
    fleet: Fleet,
    *,
    may_act: bool,
    now: datetime,
    held_back: str = "",
) -> str:
    """Take one begun target on; return why a human has to look at it, if so.

    Without `may_act` it is only watched: nothing is activated, nothing asked. `held_back` says why
    nobody of its ring activates yet.
    """
    if target.active_at is not None:
        return soaking.step(rollout, ring, target, fleet, may_act=may_act, now=now)
    transfer = target.transfer
    match transfer.state:
        case transfers.State.FAILED:
            code = "ACTIVATION_FAILED" if transfer.verified_at else "TRANSFER_FAILED"
            deciding.finish(target, Outcome.FAILED, now=now, code=code, reason=transfer.reason)
        case transfers.State.CANCELLED:
            deciding.finish(
                target,
                Outcome.FAILED,
                now=now,
                code="TRANSFER_CANCELLED",
                reason="Its transfer was cancelled by hand.",
            )
        case transfers.State.ACTIVE:
            if rollout.kind == Kind.DOWNLOAD_ONLY:
                deciding.finish(target, Outcome.VERIFIED, now=now)
                return ""
            target.active_at, target.waits_for = transfer.finished_at or now, ""
            target.save()
            return soaking.step(rollout, ring, target, fleet, may_act=may_act, now=now)
        case transfers.State.VERIFIED if rollout.kind == Kind.DOWNLOAD_ONLY:
            deciding.finish(target, Outcome.VERIFIED, now=now)
        case transfers.State.VERIFIED | transfers.State.ACTIVATING if synchronising.is_asked(ring):
            pass  # the ring goes on as one: `synchronising.step`
        case transfers.State.VERIFIED | transfers.State.ACTIVATING if may_act:
            _activate(rollout, target, fleet, held_back, now=now)
        case transfers.State.SUSPENDED:
            deciding.wait(target, "somebody to resume its transfer")
        case transfers.State.QUEUED | transfers.State.SENDING:
            deciding.wait(
                target, "" if fleet.is_spoken_to(target.satellite_id) else "its next contact"
            )
    return ""


def _activate(
    rollout: Rollout, target: Target, fleet: Fleet, held_back: str, *, now: datetime
) -> None:
    if held_back and target.transfer.state == transfers.State.VERIFIED:
        deciding.wait(target, held_back)
        return
    why = delivery.activate_when_safe(
        target.transfer,
        windows.parse(rollout.safe_window),
        fleet,
        gently=is_gentle(rollout, now=now),
        now=now,
    )
    deciding.wait(target, why)


def is_gentle(rollout: Rollout, *, now: datetime) -> bool:
    """Say whether queues must be empty before a satellite changes its model."""
    if rollout.kind == Kind.TIMEFORCED:
        return now < rollout.forced_at
    return rollout.kind == Kind.SOFT
