"""What people sign for: releases, and which of them may be installed today."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import transaction
from django.db.models import Max
from tuf.api.metadata import Metadata, Targets
from tuf.api.metadata import Snapshot as SnapshotDocument

from constellation.models import HardwareProfile
from ops import errors
from ops.accounts.models import Organisation
from ops.live import events
from uplink.registry.models import Artefact, Version
from uplink.registry.trust import documents
from uplink.releases import roots
from uplink.releases.models import Inventory, Release, Snapshot

RELEASE_LASTS = timedelta(days=5 * 365)
SNAPSHOT_LASTS = timedelta(days=365)
RENEWED_BEFORE = timedelta(days=60)
LISTED_MOST = 60
"""Older releases that no satellite has on board are retired: so a bundle stays under 6 KiB."""
STREAM = "transfers"


class AlreadyWithdrawn(errors.Conflict):
    code = "already_withdrawn"


def line_of(artefact: Artefact, version: Version | None) -> str:
    """Return the family in which counters are compared: the model, or the artefact alone."""
    return version.model.name if version is not None else f"artefact-{artefact.sha256[:12]}"


@transaction.atomic
def sign(
    *,
    artefact: Artefact,
    version: Version | None,
    profiles: Sequence[str],
    organisation: Organisation,
    keys: Sequence[Ed25519PrivateKey],
    now: datetime,
) -> Release:
    """Sign a release of an artefact under the next counter, and a snapshot that lists it.

    To sign an artefact again is the authorised way back to it. `NotEnoughKeys`.
    """
    keys = roots.enough(keys, now=now)
    roots.alone()
    counter = next_counter()
    document = documents.sign(unsigned(counter, artefact, version, profiles, now=now), keys)
    row = keep(document, counter, artefact, version, profiles, organisation, now=now)
    list_releases(keys, now=now)
    return row


def next_counter() -> int:
    return 1 + max(_highest(Release, "counter"), _highest(Inventory, "counter"))


def unsigned(
    counter: int,
    artefact: Artefact,
    version: Version | None,
    profiles: Sequence[str],
    *,
    now: datetime,
) -> Metadata[Targets]:
    """Return a release as people sign it."""
    return documents.release(
        counter=counter,
        line=line_of(artefact, version),
        expires_at=now + RELEASE_LASTS,
        artefacts={artefact.sha256: (artefact.size_bytes, artefact.format, profiles)},
        about={"version": str(version)} if version is not None else None,
    )


def keep(
    document: Metadata[Targets],
    counter: int,
    artefact: Artefact,
    version: Version | None,
    profiles: Sequence[str],
    organisation: Organisation,
    *,
    now: datetime,
) -> Release:
    """Write down a release that enough people signed."""
    return Release.objects.create(
        counter=counter,
        organisation=organisation,
        artefact=artefact,
        version=version,
        line=line_of(artefact, version),
        profiles=sorted(profiles),
        document=document.to_dict(),
        signed_at=now,
        expires_at=document.signed.expires.replace(tzinfo=UTC),
    )


def listed(*, without: int | None = None, plus: dict[int, int] | None = None) -> dict[int, int]:
    """Return the counters that a snapshot of now lists, with the versions of their documents: of
    the releases that were not withdrawn those on board of any satellite, and the newest."""
    rows = Release.objects.filter(withdrawn_at=None).exclude(counter=without)
    known = rows.values_list("counter", "document__signed__version")
    found = dict(known) | (plus or {})
    return {counter: found[counter] for counter in _kept(found, new=plus or {})}


def _kept(counters: Iterable[int], *, new: Container[int] = ()) -> list[int]:
    """Return those that there is room for, newest first. What a snapshot does not list, satellites
    take for withdrawn: what they run comes first, however old it is."""
    used = {
        slot["counter"]
        for slots in Inventory.objects.values_list("slots", flat=True)
        for slot in slots.values()
    }
    ranked = sorted(counters, key=lambda one: (one in used or one in new, one), reverse=True)
    return sorted(ranked[:LISTED_MOST], reverse=True)


def next_snapshot() -> int:
    return 1 + max(_highest(Snapshot, "version"), _highest(Inventory, "snapshot"))


def unsigned_snapshot(releases: dict[int, int], *, now: datetime) -> Metadata[SnapshotDocument]:
    """Return the next snapshot as people sign it."""
    return documents.snapshot(
        version=next_snapshot(), expires_at=now + SNAPSHOT_LASTS, releases=releases
    )


def list_releases(keys: Sequence[Ed25519PrivateKey], *, now: datetime) -> Snapshot:
    """Sign a new snapshot: the newest releases that were not withdrawn."""
    keys = roots.enough(keys, now=now)
    return keep_snapshot(documents.sign(unsigned_snapshot(listed(), now=now), keys), now=now)


def keep_snapshot(document: Metadata[SnapshotDocument], *, now: datetime) -> Snapshot:
    """Write down a snapshot that enough people signed."""
    row = Snapshot.objects.create(
        version=document.signed.version,
        document=document.to_dict(),
        made_at=now,
        expires_at=document.signed.expires.replace(tzinfo=UTC),
    )
    withdrawn = Release.objects.exclude(withdrawn_at=None).filter(withdrawn_in=None)
    withdrawn.update(withdrawn_in=row.version)
    return row


@transaction.atomic
def withdraw(
    counter: int, reason: str, *, keys: Sequence[Ed25519PrivateKey], now: datetime
) -> Release:
    """Take a release back: no satellite that hears of it loads it or switches to it any more.

    On board it is heard of with the next assignment. If nothing else gives out the artefact, it is
    besides taken out of slots by telecommand, at each satellite's next contact
    (`uplink.rollouts.revoking`).
    """
    keys = roots.enough(keys, now=now)
    roots.alone()
    row = mark_withdrawn(counter, reason, now=now)
    list_releases(keys, now=now)
    return row


def withdrawable(counter: int) -> Release:
    """Return a release that may be withdrawn, its row locked; `NotFound`, `AlreadyWithdrawn`."""
    row = Release.objects.select_for_update().filter(pk=counter).first()
    if row is None:
        raise errors.NotFound(f"There is no release {counter}.")
    if row.withdrawn_at is not None:
        raise AlreadyWithdrawn(f"Release {counter} was withdrawn already: {row.reason}")
    return row


def mark_withdrawn(counter: int, reason: str, *, now: datetime) -> Release:
    """Note that a release is given to nobody any more; a snapshot without it must be kept, too."""
    row = withdrawable(counter)
    row.withdrawn_at, row.reason = now, reason[:300]
    row.save()
    events.publish(STREAM, "withdrawn", {"release": counter, "reason": row.reason})
    return row


@transaction.atomic
def renew(keys: Sequence[Ed25519PrivateKey], *, now: datetime) -> int:
    """Sign what may be installed again, with the keys that count now; return how many releases."""
    keys = roots.enough(keys, now=now)
    roots.alone()
    able = Release.objects.filter(withdrawn_at=None, expires_at__gt=now)
    rows = Release.objects.filter(pk__in=_kept(able.values_list("counter", flat=True)))
    for row in rows:
        document: Metadata[Targets] = documents.read(row.document, Targets)
        document.signatures.clear()
        row.document = documents.sign(document, keys).to_dict()
        row.save(update_fields=["document"])
    list_releases(keys, now=now)
    return len(rows)


def newest_snapshot(*, now: datetime) -> Metadata[SnapshotDocument] | None:
    """Return the snapshot of today, signed anew when it runs out soon and keys are at hand."""
    row = Snapshot.objects.order_by("-version").first()
    runs_out = row is not None and row.expires_at < now + RENEWED_BEFORE
    if runs_out and (keys := roots.at_hand(now=now)):
        row = list_releases(keys, now=now)
    return None if row is None else documents.read(row.document, SnapshotDocument)


def profiles_of(version: Version) -> list[str]:
    return list(HardwareProfile.objects.filter(versions=version).values_list("code", flat=True))


def _highest(rows: type[Release | Snapshot | Inventory], column: str) -> int:
    """Return the highest number given; satellites may remember more than a database brought back
    from a copy."""
    return rows.objects.aggregate(most=Max(column))["most"] or 0
