"""Holding a transfer back by an operator's wish, and letting it go on.

It keeps its place, the state of its files and what is on board. A contact that flies stops sending
it within a second or so and leaves the link to others; no neighbour is asked for it and no contact
planned for it until it is resumed. What was under way may still arrive, and counts. Whatever
arrives, nothing is loaded before it is resumed.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from uplink.conduct import wake
from uplink.transfers import activation, forecasts, progress, requests, spreads, tasks
from uplink.transfers.models import State, Transfer

SUSPENDABLE = [State.QUEUED, State.SENDING]


@transaction.atomic
def suspend(transfer_id: UUID, *, now: datetime, reason: str) -> Transfer:
    """Send nothing more of a transfer until it is resumed. Safe to repeat.

    Raises `NotFound`, and `NotPossible` once all of it has been sent.
    """
    transfer = requests.locked(transfer_id)
    if transfer.state == State.SUSPENDED:
        return transfer
    if transfer.state not in SUSPENDABLE:
        wanted = " or ".join(SUSPENDABLE)
        raise requests.NotPossible(
            f"The transfer is {transfer.state}; only what is {wanted} can be suspended."
        )
    progress.move(transfer, State.SUSPENDED, now=now, reason=reason)
    spreads.hold(transfer, now=now)
    forecasts.say_suspended(transfer, now=now)
    return transfer


@transaction.atomic
def resume(transfer_id: UUID, *, now: datetime) -> Transfer:
    """Let a suspended transfer go on where it was. Safe to repeat while it goes on.

    Raises `NotFound`, and `NotPossible` for what was not suspended.
    """
    transfer = requests.locked(transfer_id)
    if transfer.state in SUSPENDABLE:
        return transfer
    if transfer.state != State.SUSPENDED:
        raise requests.NotPossible(
            f"The transfer is {transfer.state}; only what is {State.SUSPENDED} can be resumed."
        )
    requests.check_still_wanted(transfer.artefact)
    state = State.QUEUED if transfer.started_at is None else State.SENDING
    progress.move(transfer, state, now=now)
    if transfer.verified_at is not None:  # it became whole meanwhile
        activation.verified(transfer, now=now)
    else:
        progress.settle(transfer, now=now)
        transfer.refresh_from_db()
    wake.satellite(transfer.satellite_id)
    artefact = transfer.artefact_id
    transaction.on_commit(lambda: tasks.plan_spread.delay(artefact_id=artefact))
    transaction.on_commit(tasks.look_after_forecasts.delay)
    return transfer
