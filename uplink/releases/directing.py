"""The director: which release a satellite gets, signed for it alone with the ground's own key."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Max
from tuf.api.metadata import Root as RootDocument
from tuf.api.metadata import Targets

from constellation.models import Satellite
from ops import errors
from ops.accounts.models import Organisation
from ops.live import events
from uplink.registry.models import Artefact, Version
from uplink.registry.trust import bundles, documents
from uplink.registry.trust.documents import Choice
from uplink.releases import keyfiles, roots, signing
from uplink.releases.models import Assignment, Inventory, Release, Root, State

LASTS = timedelta(days=30)
"""Mission time in which a satellite that was given a release has to load it."""


class NotReleased(errors.Conflict):
    """Nobody signed for it, and no keys are here that could."""

    code = "not_released"


class Withdrawn(errors.Conflict):
    code = "withdrawn"


def choose(
    satellite: Satellite,
    artefact: Artefact,
    version: Version | None,
    organisation: Organisation,
    *,
    now: datetime,
) -> Release:
    """Return the release by which the satellite may get this artefact.

    Where development keys are at hand, one is signed for it. `NotReleased`, `Withdrawn`.
    """
    version = version or artefact.versions.select_related("model").order_by("pk").first()
    profile = satellite.profile.code
    found = _usable(satellite, artefact, profile, signing.line_of(artefact, version), now=now)
    if found is not None:
        return found
    known = Release.objects.filter(artefact=artefact)
    if known.exclude(withdrawn_at=None).exists() and not known.filter(withdrawn_at=None).exists():
        last = known.first()
        raise Withdrawn(f"{artefact} was withdrawn: {last.reason}")
    keys = roots.at_hand(now=now)
    if not keys:
        raise NotReleased(
            f"No release gives {version or artefact} to {profile} under a counter that is high "
            "enough; people with the keys sign one by `manage.py release_sign`."
        )
    profiles = set(signing.profiles_of(version) if version else ()) | {profile}
    return signing.sign(
        artefact=artefact,
        version=version,
        profiles=sorted(profiles),
        organisation=organisation,
        keys=keys,
        now=now,
    )


def _usable(
    satellite: Satellite, artefact: Artefact, profile: str, line: str, *, now: datetime
) -> Release | None:
    """Return the newest release of the artefact that the satellite would not call a rollback."""
    given = Assignment.objects.filter(satellite=satellite, release__line=line)
    floor = given.exclude(state=State.REFUSED).aggregate(most=Max("release"))["most"] or 0
    rows = Release.objects.filter(
        artefact=artefact, line=line, withdrawn_at=None, expires_at__gt=now, counter__gte=floor
    )
    return next((row for row in rows if profile in row.profiles), None)


@transaction.atomic
def assign(
    satellite: Satellite,
    artefact: Artefact,
    version: Version | None,
    organisation: Organisation,
    *,
    now: datetime,
) -> Assignment:
    """Give the satellite a release, under the next number: the file is ready to be sent."""
    release = choose(satellite, artefact, version, organisation, now=now)
    roots.alone()
    said = Inventory.objects.filter(satellite=satellite).first()
    last = Assignment.objects.filter(satellite=satellite).aggregate(most=Max("number"))["most"]
    number = 1 + max(last or 0, said.assignment if said else 0)
    snapshot = _snapshot(release, now=now)
    nonce, expires_at = secrets.randbits(64), now + LASTS
    assignment = documents.assignment(
        version=number,
        expires_at=expires_at,
        satellite=satellite.code,
        profile=satellite.profile.code,
        nonce=nonce,
        of=snapshot,
        choice=Choice(release.line, release.counter, artefact.sha256, artefact.size_bytes),
    )
    known = said.root if said else 0
    # The first is what satellites are made with.
    newer = Root.objects.filter(version__gt=max(known, 1)).order_by("version")
    try:
        bundle = bundles.encode(
            roots=[documents.read(row.document, RootDocument) for row in newer],
            snapshot=snapshot,
            release=documents.read(release.document, Targets),
            assignment=documents.sign(assignment, [keyfiles.director()]),
        )
    except ValueError as error:
        raise NotReleased(f"{satellite.code} missed too many changes of keys: {error}") from error
    return Assignment.objects.create(
        satellite=satellite,
        number=number,
        release=release,
        bundle=bundle,
        sha256=hashlib.sha256(bundle).hexdigest(),
        nonce=nonce,
        made_at=now,
        expires_at=expires_at,
    )


def _snapshot(release: Release, *, now: datetime):
    snapshot = signing.newest_snapshot(now=now)
    name = documents.release_name(release.counter)
    if snapshot is not None and name in snapshot.signed.meta:
        return snapshot
    raise NotReleased(f"{release} was retired; it has to be signed again under a higher counter.")


def bundle_of(sha256: str) -> bytes:
    """Return the file of an assignment, the same bytes every time."""
    return bytes(Assignment.objects.values_list("bundle", flat=True).get(sha256=sha256))


def is_good(sha256: str, *, now: datetime) -> bool:
    """Say whether an assignment is the satellite's newest, accepted and not run out."""
    row = Assignment.objects.filter(sha256=sha256).select_related("release").first()
    if row is None or row.state != State.ACCEPTED or row.expires_at <= now:
        return False
    line = Assignment.objects.filter(
        satellite_id=row.satellite_id, release__line=row.release.line, number__gt=row.number
    )
    return row.release.withdrawn_at is None and not line.exists()


def answered(satellite_id: int, sha256: str, *, refusal: str) -> None:
    """The satellite accepted a file (an empty `refusal`) or told why not."""
    row = (
        Assignment.objects.select_for_update(of=["self"])
        .select_related("satellite")
        .filter(satellite_id=satellite_id, sha256=sha256)
        .first()
    )
    if row is None:
        return
    row.state = State.REFUSED if refusal else State.ACCEPTED
    row.reason = refusal[:300]
    row.save(update_fields=["state", "reason"])
    if refusal:
        events.publish(
            signing.STREAM,
            "release_refused",
            {"satellite": row.satellite.code, "release": row.release_id, "reason": row.reason},
        )
