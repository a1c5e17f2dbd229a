"""Asking for an artefact to be carried to a satellite, and changing one's mind."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import UUID, uuid5

from django.db import IntegrityError, transaction

from constellation.models import Satellite
from ops import errors
from ops.accounts.models import Organisation
from ops.db import broken_rule
from uplink.commands import release
from uplink.commands.models import Command
from uplink.commands.models import State as CommandState
from uplink.conduct import wake
from uplink.registry import store
from uplink.registry.models import Artefact, Kind, Version
from uplink.releases import directing
from uplink.transfers import activation, packages, packing, progress, spreads, tasks
from uplink.transfers.models import Deployment, Shipment, State, Transfer


class DoesNotFit(errors.Invalid):
    """The version does not name the satellite's hardware profile, or there is no room for it."""

    code = "does_not_fit"


class BytesMissing(errors.Unavailable):
    code = "bytes_missing"


class AlreadyUnderWay(errors.Conflict):
    code = "already_under_way"


class NotPossible(errors.Conflict):
    code = "not_possible"


_objections: list[Callable[[Artefact], None]] = []


def object_to(refuse: Callable[[Artefact], None]) -> None:
    """Have `refuse(artefact)` called before an artefact is sent anywhere; it raises a refusal."""
    _objections.append(refuse)


def check_still_wanted(artefact: Artefact) -> None:
    """Raise what others refuse an artefact with: that it was revoked, say."""
    for refuse in _objections:
        refuse(artefact)


def request(
    *,
    transfer_id: UUID,
    satellite: Satellite,
    artefact: Artefact,
    version: Version | None,
    organisation: Organisation,
    now: datetime,
    activate: bool = True,
    slot: int | None = None,
    priority: int = 0,
    laser: bool = True,
) -> tuple[Transfer, bool]:
    """Create a transfer with its files; return it and whether it is new.

    With `laser` its packs may come from other satellites, where laser links are and others have or
    get the artefact, too (`spreads`).

    Safe to repeat; raises `IdReused` when the id names another transfer, `AlreadyUnderWay` when
    this artefact is on its way to this satellite already, `DoesNotFit`, `BytesMissing`, and
    `NotReleased` or `Withdrawn` when nobody signed for it.
    """
    wanted = {
        "satellite": satellite,
        "artefact": artefact,
        "version": version,
        "activate": activate,
        "priority": priority,
        "laser": laser,
    }
    known = Transfer.objects.filter(pk=transfer_id).first()
    if known is None:
        _check(satellite, artefact, version)
        if activate and artefact.kind == Kind.ADAPTER:
            raise DoesNotFit(
                f"{version or artefact} is an adapter, and runs with its base only: carry it with "
                "activate false."
            )
        if activate or version is not None:
            directing.choose(satellite, artefact, version, organisation, now=now)
        _request_parts(transfer_id, satellite, artefact, organisation, now, priority, laser)
        packing.pack(artefact)
        known, is_new = _create(
            transfer_id,
            {
                **wanted,
                "slot": slot,
                "organisation": organisation,
                "created_at": now,
                "package": packages.package_for(satellite, artefact, version),
            },
        )
        if is_new:
            return known, True
    if any(getattr(known, key) != value for key, value in wanted.items()):
        raise errors.IdReused(f"{transfer_id} already names another transfer.")
    return known, False


def _check(satellite: Satellite, artefact: Artefact, version: Version | None) -> None:
    check_still_wanted(artefact)
    if version is not None:
        if version.artefact_id != artefact.pk:
            raise DoesNotFit(f"{version} is another artefact.")
        if not version.profiles.filter(pk=satellite.profile_id).exists():
            raise DoesNotFit(f"{version} is not made for {satellite.profile.name}.")
    if artefact.carried_bytes > satellite.profile.storage_bytes:
        raise DoesNotFit(f"{satellite.code} has no room for {artefact.carried_bytes} bytes.")
    if not store.holds(artefact.sha256):
        raise BytesMissing(f"The bytes of {artefact.sha256} are not in the store.")


def _request_parts(
    transfer_id: UUID,
    satellite: Satellite,
    artefact: Artefact,
    organisation: Organisation,
    now: datetime,
    priority: int,
    laser: bool,
) -> None:
    """Carry the parts of a bundle before the bundle, those that are neither there nor coming."""
    for part in artefact.parts.select_related("artefact"):
        under_way = Transfer.objects.filter(satellite=satellite, artefact=part.artefact)
        if under_way.exclude(state__in=[State.FAILED, State.CANCELLED]).exists():
            continue
        request(
            transfer_id=uuid5(transfer_id, part.artefact_id),
            satellite=satellite,
            artefact=part.artefact,
            version=None,
            organisation=organisation,
            now=now,
            activate=False,
            priority=priority + 1,
            laser=laser,
        )


@transaction.atomic
def _create(transfer_id: UUID, fields: dict[str, object]) -> tuple[Transfer, bool]:
    fields["package"] = packages.standing(fields["package"])
    try:
        with transaction.atomic():
            transfer, is_new = Transfer.objects.get_or_create(id=transfer_id, defaults=fields)
    except IntegrityError as error:
        if broken_rule(error) == "transfer_of_an_artefact_once_at_a_time":
            raise AlreadyUnderWay(
                f"{fields['artefact'].sha256} is on its way to {fields['satellite'].code}."
            ) from error
        raise
    if is_new:
        is_spread = spreads.begin(transfer)
        if is_spread:
            spreads.give_release(transfer)
            sha256 = transfer.artefact_id
            transaction.on_commit(lambda: tasks.plan_spread.delay(artefact_id=sha256))
        else:
            Shipment.objects.bulk_create(packages.files_of(transfer))
            packages.have_made(transfer.package)
        Deployment.objects.update_or_create(
            satellite=transfer.satellite,
            defaults={"desired": transfer.artefact} if transfer.activate else {},
        )
        progress.settle(transfer, now=transfer.created_at)
        wake.satellite(transfer.satellite_id)
    return transfer, is_new


@transaction.atomic
def cancel(transfer_id: UUID, *, now: datetime) -> Transfer:
    """Stop a transfer; a contact that flies gives its files up. Safe to repeat."""
    transfer = locked(transfer_id)
    if transfer.state == State.CANCELLED:
        return transfer
    if transfer.finished_at is not None:
        raise NotPossible(f"The transfer is {transfer.state} already.")
    for command in Command.objects.filter(
        source=f"transfer:{transfer.pk}", state=CommandState.RELEASED
    ):
        release.cancel(command.pk, now=now)
    if transfer.waits_for_instant and transfer.slot:
        activation.disarm(transfer, now=now)
    progress.move(transfer, State.CANCELLED, now=now)
    return transfer


@transaction.atomic
def retry(transfer_id: UUID, *, now: datetime) -> Transfer:
    """Take a failed or cancelled transfer up again; files that arrived are not sent again."""
    transfer = locked(transfer_id)
    if transfer.state not in (State.FAILED, State.CANCELLED):
        raise NotPossible(f"The transfer is {transfer.state}; only an ended one is taken up again.")
    check_still_wanted(transfer.artefact)
    refused = (
        transfer.verified_at is None and not transfer.shipments.filter(delivered=False).exists()
    )
    if refused:  # all was there and still it was not the artefact: begin with nothing
        transfer.shipments.update(delivered=False, delivered_at=None)
    transfer.shipments.filter(delivered=False).update(
        attempts=0, fault="", sequence=None, engine=None, acknowledged_bytes=0
    )
    if transfer.verified_at is not None and _needs_release(transfer, now=now):
        transfer.shipments.filter(number=packing.RELEASE).update(
            delivered=False,
            delivered_at=None,
            attempts=0,
            fault="",
            sequence=None,
            engine=None,
            acknowledged_bytes=0,
        )
    waits = transfer.verified_at is None or transfer.shipments.filter(delivered=False).exists()
    state = State.QUEUED if waits else State.VERIFIED
    try:
        with transaction.atomic():
            progress.move(transfer, state, now=now)
    except IntegrityError as error:
        if broken_rule(error) == "transfer_of_an_artefact_once_at_a_time":
            raise AlreadyUnderWay("Another transfer of this artefact is on its way.") from error
        raise
    if state == State.VERIFIED and transfer.activate:
        Command.objects.filter(source=f"transfer:{transfer.pk}").update(
            source=f"earlier-transfer:{transfer.pk}"
        )
        activation.verified(transfer, now=now)
    return transfer


def _needs_release(transfer: Transfer, *, now: datetime) -> bool:
    """Say whether what was signed for the satellite is worth nothing any more."""
    row = transfer.shipments.filter(number=packing.RELEASE).first()
    return row is not None and not directing.is_good(row.sha256, now=now)


def locked(transfer_id: UUID) -> Transfer:
    transfer = Transfer.objects.select_for_update().filter(pk=transfer_id).first()
    if transfer is None:
        raise errors.NotFound(f"There is no transfer {transfer_id}.")
    return transfer
