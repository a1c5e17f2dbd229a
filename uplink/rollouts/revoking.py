"""Versions that must run nowhere: sent to nobody, taken off every satellite at its next contact."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from constellation.models import Satellite
from ops import errors
from ops.accounts.models import Organisation, User
from ops.live import events as live
from uplink.commands import reach, release
from uplink.registry.models import Artefact, Version
from uplink.releases import roots, signing
from uplink.releases.models import Release
from uplink.rollouts import control, delivery, undoing
from uplink.rollouts.models import MOVING, OVER, Revocation, Rollout, Target
from uplink.rollouts.models import State as RolloutState
from uplink.transfers import activation, requests
from uplink.transfers import models as transfers
from uplink.transfers.models import Deployment, Transfer


@dataclass(frozen=True, slots=True)
class Ban:
    """Why an artefact must run nowhere, and in whose name it is taken off."""

    source: str
    organisation: Organisation
    since_at: datetime
    said: str


class Revoked(errors.Conflict):
    code = "version_revoked"


def refuse_revoked(artefact: Artefact) -> None:
    """Raise `Revoked` for an artefact of a revoked version."""
    found = Revocation.objects.filter(version__artefact=artefact).select_related("version__model")
    if row := found.first():
        raise Revoked(f"{row.version} is revoked: {row.reason}")


def revoked() -> list[str]:
    """Return the artefacts of revoked versions, the latest first."""
    rows = Revocation.objects.order_by("-revoked_at", "-pk")
    return list(rows.values_list("version__artefact", flat=True))


@transaction.atomic
def revoke(
    *,
    revocation_id: UUID,
    version: Version,
    reason: str,
    organisation: Organisation,
    user: User,
    now: datetime,
) -> tuple[Revocation, bool]:
    """Revoke a version; return the revocation and whether it is new. Safe to repeat.

    Its rollouts are rolled back, its transfers cancelled; satellites are told by `enforce`, and by
    signed metadata (`uplink.transfers.notices`): the director bans the artefact at once, and where
    keys are at hand its releases are withdrawn, too. Else people do that by `release_revoke`.
    """
    # Two who revoke the same version queue up here.
    Version.objects.select_for_update(of=["self"]).get(pk=version.pk)
    known = Revocation.objects.filter(Q(pk=revocation_id) | Q(version=version)).first()
    if known is not None:
        if known.version_id != version.pk:
            raise errors.IdReused(f"{revocation_id} already names a revocation of {known.version}.")
        return known, False
    row = Revocation.objects.create(
        id=revocation_id,
        version=version,
        reason=reason,
        organisation=organisation,
        revoked_by=user,
        revoked_at=now,
    )
    _call_off(version.artefact, f"{version} was revoked: {reason}", now=now)
    left = _withdraw_releases(version, reason, now=now)
    told = {"version": str(version), "reason": reason, "releases_to_withdraw": left}
    live.publish("transfers", "revoked", told)
    enforce(now=now)
    return row, True


def _withdraw_releases(version: Version, reason: str, *, now: datetime) -> list[int]:
    """Withdraw what gives out the artefact; return the releases that people have to withdraw."""
    rows = Release.objects.filter(artefact=version.artefact, withdrawn_at=None)
    standing = list(rows.order_by("counter").values_list("counter", flat=True))
    keys = roots.at_hand(now=now) if standing else []
    for counter in standing if keys else []:
        signing.withdraw(counter, f"{version} was revoked: {reason}", keys=keys, now=now)
    return [] if keys else standing


def _call_off(artefact: Artefact, said: str, *, now: datetime) -> None:
    """Roll the rollouts of an artefact back, and cancel its transfers. Safe to repeat."""
    for rollout in Rollout.objects.select_for_update().filter(version__artefact=artefact):
        if rollout.state in MOVING and rollout.state != RolloutState.ROLLING_BACK:
            control.roll_back(rollout, reason=said, now=now)
        elif rollout.state not in (*MOVING, *OVER):
            control.end(rollout, RolloutState.STOPPED, reason=said, now=now)
    for transfer in Transfer.objects.filter(artefact=artefact, finished_at=None):
        try:
            requests.cancel(transfer.pk, now=now)
        except (requests.NotPossible, release.AlreadySent):
            continue  # it ended meanwhile, or a telecommand left: `enforce` sees what came of it


def enforce(*, now: datetime) -> int:
    """Take revoked artefacts out of all slots that are known to hold one; return of how many
    satellites. For ever: a satellite that reports one later is told then."""
    revoked = _bans()
    if not revoked:
        return 0
    for artefact in Artefact.objects.filter(_still_on_its_way(), pk__in=revoked):
        with transaction.atomic():
            _call_off(artefact, f"{artefact}: {revoked[artefact.pk].said}", now=now)
    holders = Deployment.objects.select_related("satellite").filter(
        Q(active_sha256__in=revoked) | Q(slot_a_sha256__in=revoked) | Q(slot_b_sha256__in=revoked)
    )
    in_contact = reach.spoken_to(now=now)
    count = 0
    for known in holders:
        if _is_being_undone(known):
            continue
        with transaction.atomic():
            _withdraw(known, revoked, in_contact=known.satellite_id in in_contact, now=now)
        count += 1
    return count


def _bans() -> dict[str, Ban]:
    """Return every artefact that must run nowhere: of a revoked version, or one whose releases
    were all withdrawn. Who signed for it says no more, so it goes at the next contact, and does
    not wait until a satellite hears of the withdrawal with its next assignment."""
    withdrawn = (
        Release.objects.exclude(withdrawn_at=None)
        .exclude(artefact__in=Release.objects.filter(withdrawn_at=None).values("artefact"))
        .select_related("organisation")
        .order_by("counter")
    )
    bans = {
        row.artefact_id: Ban(
            f"release:{row.counter}",
            row.organisation,
            row.withdrawn_at,
            f"{row} was withdrawn: {row.reason}",
        )
        for row in withdrawn
    }
    for row in Revocation.objects.select_related("version", "organisation"):
        bans[row.version.artefact_id] = Ban(
            f"revocation:{row.pk}",
            row.organisation,
            row.revoked_at,
            f"{row.version} was revoked: {row.reason}",
        )
    return bans


def _still_on_its_way() -> Q:
    """What a rollout brings, or a transfer. A rollback is on its way off, and left alone."""
    planned = [*OVER, RolloutState.ROLLING_BACK]
    moving = Rollout.objects.exclude(state__in=planned).values("version__artefact")
    return Q(pk__in=moving) | Q(pk__in=Transfer.objects.filter(finished_at=None).values("artefact"))


def _is_being_undone(known: Deployment) -> bool:
    undoing_rows = Target.objects.filter(satellite_id=known.satellite_id, undo_from__isnull=False)
    return undoing_rows.filter(undone_at=None).exists()


def _withdraw(
    known: Deployment, revoked: dict[str, Ban], *, in_contact: bool, now: datetime
) -> None:
    satellite, active = known.satellite, known.active_sha256
    if known.desired_id in revoked:
        Deployment.objects.filter(pk=known.pk).update(desired=None)
    if active in revoked:
        row = revoked[active]
        others = {known.slot_a_sha256, known.slot_b_sha256} - set(revoked) - {"", active}
        fallback = Artefact.objects.filter(pk__in=others).first()
        if fallback is not None and _let_run(satellite, fallback, row, now=now):
            return
        sha256 = active
    else:
        sha256 = next(one for one in (known.slot_a_sha256, known.slot_b_sha256) if one in revoked)
        row = revoked[sha256]
    undoing.clear(
        satellite,
        undoing.slot_of(known, sha256),
        source=row.source,
        organisation=row.organisation,
        in_contact=in_contact,
        now=now,
    )


def _let_run(satellite: Satellite, fallback: Artefact, row: Ban, *, now: datetime) -> bool:
    """Activate what lies in the other slot; False when that failed since the revocation."""
    since = Transfer.objects.filter(
        satellite=satellite, artefact=fallback, created_at__gte=row.since_at
    )
    if since.filter(state=transfers.State.FAILED).exists():
        return False
    transfer = delivery.bring(
        satellite=satellite,
        artefact=fallback,
        version=None,
        organisation=row.organisation,
        now=now,
        priority=100,
    )
    if transfer.state == transfers.State.VERIFIED:
        activation.start(delivery.locked(transfer.pk), now=now)
    return True
