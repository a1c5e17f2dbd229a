"""Bringing an artefact to a satellite and letting it run, in a safe window: by transfers."""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

from constellation.models import Satellite
from ops.accounts.models import Organisation
from uplink.registry.models import Artefact, Version
from uplink.rollouts import attention, revoking, windows
from uplink.rollouts.seen import Fleet
from uplink.transfers import activation, progress, requests
from uplink.transfers.models import OVER, Deployment, State, Transfer


def bring(
    *,
    satellite: Satellite,
    artefact: Artefact,
    version: Version | None,
    organisation: Organisation,
    now: datetime,
    priority: int = 0,
    laser: bool = True,
) -> Transfer:
    """Return a transfer that ends VERIFIED: one under way, one of what is on board, or a new one.

    Raises the refusals of `requests.request`, and `revoking.Revoked`.
    """
    revoking.refuse_revoked(artefact)
    earlier = Transfer.objects.filter(satellite=satellite, artefact=artefact)
    under_way = earlier.exclude(state__in=[*OVER, State.VERIFIED]).first()
    if under_way is not None:
        return under_way
    last = earlier.order_by("-created_at", "-finished_at").first()
    failed_last = last is not None and last.state == State.FAILED
    if not failed_last and (_is_in_a_slot(satellite, artefact) or _is_on_board(last)):
        return _of_what_is_on_board(satellite, artefact, version, organisation, now)
    transfer, _ = requests.request(
        transfer_id=uuid4(),
        satellite=satellite,
        artefact=artefact,
        version=version,
        organisation=organisation,
        now=now,
        activate=False,
        priority=priority,
        laser=laser,
    )
    return transfer


def _is_in_a_slot(satellite: Satellite, artefact: Artefact) -> bool:
    known = Deployment.objects.filter(satellite=satellite).first()
    return known is not None and artefact.pk in (known.slot_a_sha256, known.slot_b_sha256)


def _is_on_board(last: Transfer | None) -> bool:
    return last is not None and last.state in (State.VERIFIED, State.ACTIVE)


def _of_what_is_on_board(
    satellite: Satellite,
    artefact: Artefact,
    version: Version | None,
    organisation: Organisation,
    now: datetime,
) -> Transfer:
    """Nothing travels: the transfer is VERIFIED from the start. Loading proves the digest anew."""
    transfer = Transfer(
        organisation=organisation,
        satellite=satellite,
        artefact=artefact,
        version=version,
        activate=False,
        created_at=now,
        started_at=now,
    )
    Deployment.objects.get_or_create(satellite=satellite)
    progress.move(transfer, State.VERIFIED, now=now)
    return transfer


def locked(transfer_id: object) -> Transfer:
    """Return a transfer, its row locked as reports lock it: behind the satellite's deployment."""
    row = Transfer.objects.get(pk=transfer_id)
    Deployment.objects.select_for_update().filter(satellite=row.satellite_id).first()
    return (
        Transfer.objects.select_for_update(of=["self"])
        .select_related("satellite", "artefact", "organisation")
        .get(pk=transfer_id)
    )


def _not_now(
    transfer: Transfer, rules: windows.Rules, fleet: Fleet, *, gently: bool, now: datetime
) -> str:
    """Return why the satellite's model must not be changed now, or nothing when it may.

    One that is reached by laser and was not heard lately is called, so that it tells how it is.
    """
    satellite_id = transfer.satellite_id
    seen = fleet.values.get(satellite_id, {})
    why_not = windows.objection(
        rules, seen, gently=gently, open_questions=fleet.open_questions[satellite_id]
    )
    if why_not and satellite_id in fleet.in_reach and not windows.is_heard(seen):
        attention.call(transfer.satellite, transfer.organisation, now=now)
    if not why_not and not fleet.is_spoken_to(satellite_id):
        why_not = "no contact is open"
    return why_not


def load_when_safe(
    transfer: Transfer, rules: windows.Rules, fleet: Fleet, *, gently: bool, now: datetime
) -> str:
    """Load a verified artefact in a safe window, and no more: it is activated at an instant that
    is still to be chosen. Return what it waits for otherwise."""
    why_not = _not_now(transfer, rules, fleet, gently=gently, now=now)
    if why_not:
        return f"a safe window: {why_not}"
    row = locked(transfer.pk)
    if row.state == State.VERIFIED:
        activation.start(row, now=now, at_an_instant=True)
    return ""


def activate_when_safe(
    transfer: Transfer, rules: windows.Rules, fleet: Fleet, *, gently: bool, now: datetime
) -> str:
    """Let a verified artefact run if the moment is safe; return what it waits for otherwise.

    An activation whose telecommand has not left when the window closes is taken back.
    """
    if transfer.state not in (State.VERIFIED, State.ACTIVATING):
        return ""
    why_not = _not_now(transfer, rules, fleet, gently=gently, now=now)
    if transfer.state == State.VERIFIED and not why_not:
        row = locked(transfer.pk)
        if row.state == State.VERIFIED:
            activation.start(row, now=now)
    elif transfer.state == State.ACTIVATING and why_not:
        row = locked(transfer.pk)
        if not activation.stand_down(row, f"not now: {why_not}", now=now):
            return "its activation is under way"
    return f"a safe window: {why_not}" if why_not else ""
