"""What people sign for: releases, and which of them may be installed today."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

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
"""Older releases are retired: with these a bundle stays under 6 KiB."""
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
    counter = 1 + max(_highest(Release, "counter"), _highest(Inventory, "counter"))
    line, expires_at = line_of(artefact, version), now + RELEASE_LASTS
    document = documents.release(
        counter=counter,
        line=line,
        expires_at=expires_at,
        artefacts={artefact.sha256: (artefact.size_bytes, artefact.format, profiles)},
        about={"version": str(version)} if version is not None else None,
    )
    row = Release.objects.create(
        counter=counter,
        organisation=organisation,
        artefact=artefact,
        version=version,
        line=line,
        profiles=sorted(profiles),
        document=documents.sign(document, keys).to_dict(),
        signed_at=now,
        expires_at=expires_at,
    )
    list_releases(keys, now=now)
    return row


def list_releases(keys: Sequence[Ed25519PrivateKey], *, now: datetime) -> Snapshot:
    """Sign a new snapshot: the newest releases that were not withdrawn."""
    keys = roots.enough(keys, now=now)
    version = 1 + max(_highest(Snapshot, "version"), _highest(Inventory, "snapshot"))
    rows = Release.objects.filter(withdrawn_at=None)[:LISTED_MOST]
    expires_at = now + SNAPSHOT_LASTS
    document = documents.snapshot(
        version=version,
        expires_at=expires_at,
        releases={row.counter: row.document["signed"]["version"] for row in rows},
    )
    return Snapshot.objects.create(
        version=version,
        document=documents.sign(document, keys).to_dict(),
        made_at=now,
        expires_at=expires_at,
    )


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
    row = Release.objects.select_for_update().filter(pk=counter).first()
    if row is None:
        raise errors.NotFound(f"There is no release {counter}.")
    if row.withdrawn_at is not None:
        raise AlreadyWithdrawn(f"Release {counter} was withdrawn already: {row.reason}")
    row.withdrawn_at, row.reason = now, reason[:300]
    row.save()
    list_releases(keys, now=now)
    events.publish(STREAM, "withdrawn", {"release": counter, "reason": row.reason})
    return row


@transaction.atomic
def renew(keys: Sequence[Ed25519PrivateKey], *, now: datetime) -> int:
    """Sign what may be installed again, with the keys that count now; return how many releases."""
    keys = roots.enough(keys, now=now)
    roots.alone()
    rows = Release.objects.filter(withdrawn_at=None, expires_at__gt=now)[:LISTED_MOST]
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
