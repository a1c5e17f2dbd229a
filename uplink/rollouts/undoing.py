"""Taking a version off satellites again: the one before comes back, or the slot is cleared.

The one before lies in the other slot as a rule, so that two telecommands bring it back. Safe
windows are not waited for: what is running is known to be wrong.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import uuid4

from django.db.models import Q

from constellation.models import Satellite
from ops import errors
from ops.accounts.models import Organisation
from telemetry import onboard
from uplink.commands import release
from uplink.commands.models import Command
from uplink.commands.models import State as CommandState
from uplink.rollouts import deciding, delivery
from uplink.rollouts.models import Outcome, Rollout, Target
from uplink.rollouts.seen import Fleet
from uplink.transfers import activation, requests
from uplink.transfers import models as transfers
from uplink.transfers.models import Deployment

AGAIN_AFTER = timedelta(seconds=15)
"""A telecommand that nobody heard is followed by a new one after this, in a contact."""
OBEYED_AFTER = timedelta(seconds=60)
"""After so long nothing comes of a telecommand any more."""
CLEAR = onboard.Opcode.CLEAR_SLOT.name


def ask_for(target: Target, fleet: Fleet, *, reason: str, now: datetime) -> None:
    """Decide that a target goes back to what it ran before. What never ran is only called off."""
    artefact_id = target.rollout.version.artefact_id
    is_running = fleet.active_sha256(target.satellite_id) == artefact_id
    may_run = target.transfer is not None and target.transfer.state in (
        transfers.State.ACTIVATING,
        transfers.State.ACTIVE,
    )
    call_off(target, now=now)
    came_by_us = target.begun_at is not None and (target.transfer_id or target.previous_id)
    if not came_by_us or not (is_running or may_run):
        if not target.outcome:
            deciding.finish(target, Outcome.CANCELLED, now=now, code="CALLED_OFF", reason=reason)
        return
    if target.undo_from is not None:
        return
    target.undo_from = now
    if not target.outcome:
        deciding.finish(target, Outcome.ROLLED_BACK, now=now, code="CALLED_OFF", reason=reason)
    else:
        target.save(update_fields=["undo_from"])
    Deployment.objects.update_or_create(
        satellite_id=target.satellite_id, defaults={"desired_id": target.previous_id}
    )


def call_off(target: Target, *, now: datetime) -> None:
    """Cancel the transfer of a target if it is still on its way. Of an activation, what was not
    sent is taken back."""
    if target.transfer is None or target.transfer.finished_at is not None:
        return
    try:
        target.transfer = requests.cancel(target.transfer_id, now=now)
    except (requests.NotPossible, release.AlreadySent):
        target.transfer.refresh_from_db()


def step(rollout: Rollout, target: Target, fleet: Fleet, *, now: datetime) -> bool:
    """Take one rollback on; return whether it is done."""
    call_off(target, now=now)  # what could not be cancelled then may be now
    if _is_in_flight(target, now=now):
        deciding.wait(target, "what came of an activation that was sent before")
        return False
    if target.previous is None:
        is_back = _cleared(rollout, target, fleet, now=now)
    else:
        is_back = _brought_back(rollout, target, fleet, now=now)
    if is_back:
        target.undone_at, target.outcome, target.waits_for = now, Outcome.ROLLED_BACK, ""
        target.save(update_fields=["undone_at", "outcome", "waits_for"])
    return is_back


def _brought_back(rollout: Rollout, target: Target, fleet: Fleet, *, now: datetime) -> bool:
    undo = target.undo
    if undo is not None and undo.state == transfers.State.ACTIVE:
        return True
    if undo is None or undo.state in (transfers.State.FAILED, transfers.State.CANCELLED):
        _begin(rollout, target, now=now)
    elif undo.state == transfers.State.SUSPENDED:
        deciding.wait(target, "somebody to resume its transfer")
    elif undo.state == transfers.State.VERIFIED:
        row = delivery.locked(undo.pk)
        if row.state == transfers.State.VERIFIED:
            activation.start(row, now=now)
    else:
        deciding.wait(target, "its next contact" if _is_away(target, fleet) else "the satellite")
    return False


def _is_in_flight(target: Target, *, now: datetime) -> bool:
    """Say whether the satellite may still obey a telecommand of what was called off."""
    open_states = (CommandState.SENDING, CommandState.SENT, CommandState.ACCEPTED)
    sent = Command.objects.filter(source=f"transfer:{target.transfer_id}", state__in=open_states)
    return sent.filter(sent_at__gt=now - OBEYED_AFTER).exists()


def _begin(rollout: Rollout, target: Target, *, now: datetime) -> None:
    if target.undo is not None:
        deciding.wait(target, f"its rollback failed and is tried again: {target.undo.reason}")
        if target.undo.finished_at and now - target.undo.finished_at < AGAIN_AFTER:
            return
    try:
        target.undo = delivery.bring(
            satellite=target.satellite,
            artefact=target.previous,
            version=None,
            organisation=rollout.organisation,
            now=now,
            priority=100,
            laser=rollout.laser,
        )
    except errors.Refusal as refusal:
        # The version before cannot come back (its bytes are gone, it is revoked): nothing runs.
        target.previous = None
        deciding.wait(target, f"what ran before cannot come back ({refusal}); it is cleared")
        target.save(update_fields=["previous"])
        return
    target.save(update_fields=["undo"])
    if target.undo.state == transfers.State.VERIFIED:
        activation.start(delivery.locked(target.undo_id), now=now)


def _cleared(rollout: Rollout, target: Target, fleet: Fleet, *, now: datetime) -> bool:
    artefact_id = rollout.version.artefact_id
    if fleet.active_sha256(target.satellite_id) != artefact_id:
        return fleet.reported_since(target.satellite_id, target.undo_from)
    slot = slot_of(fleet.deployments[target.satellite_id], artefact_id)
    clear(
        target.satellite,
        slot,
        source=f"rollout:{target.pk}",
        organisation=rollout.organisation,
        in_contact=not _is_away(target, fleet),
        now=now,
    )
    deciding.wait(target, "its next contact" if _is_away(target, fleet) else "the satellite")
    return False


def _is_away(target: Target, fleet: Fleet) -> bool:
    return not fleet.is_spoken_to(target.satellite_id)


def slot_of(known: Deployment, sha256: str) -> onboard.Slot:
    """Return the slot that holds an artefact."""
    return onboard.Slot.A if known.slot_a_sha256 == sha256 else onboard.Slot.B


def clear(
    satellite: Satellite,
    slot: onboard.Slot,
    *,
    source: str,
    organisation: Organisation,
    in_contact: bool,
    now: datetime,
) -> None:
    """Have a slot emptied at the next contact; a telecommand nobody heard is followed by a new one.

    Clearing twice does no harm.
    """
    name = {"satellite": satellite, "name": CLEAR, "source": source}
    last = Command.objects.filter(**name).order_by("-created_at", "-pk").first()
    if last is not None:
        pending = (CommandState.RELEASED, CommandState.ACCEPTED)
        said_at = last.finished_at or last.sent_at or last.created_at
        if last.state in pending or not in_contact or now - said_at < AGAIN_AFTER:
            return
    release.request(
        command_id=uuid4(),
        satellite=satellite,
        name=CLEAR,
        arguments={"slot": slot.name},
        organisation=organisation,
        source=source,
        now=now,
    )


def open_rollbacks(rollout: Rollout):
    """Return the targets of a rollout that are being rolled back."""
    return rollout.targets.filter(Q(undo_from__isnull=False), undone_at=None)
