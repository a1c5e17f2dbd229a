"""The director: which release a satellite gets, signed for it alone with the ground's own key."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Max
from tuf.api.metadata import Metadata, Targets
from tuf.api.metadata import Root as RootDocument
from tuf.api.metadata import Snapshot as SnapshotDocument

from constellation.models import Satellite
from ops import errors
from ops.accounts.models import Organisation
from ops.live import events
from uplink.registry.models import Artefact, Version
from uplink.registry.trust import bundles, documents
from uplink.registry.trust.documents import Choice
from uplink.releases import keyfiles, roots, signing
from uplink.releases.models import Assignment, Inventory, Release, Root, Snapshot, State

LASTS = timedelta(days=30)
"""Mission time in which a satellite that was given a release has to load it."""


_banned: list[Callable[[], Sequence[str]]] = []


def ban_by(banned: Callable[[], Sequence[str]]) -> None:
    """Have `banned()` asked for the artefacts (SHA-256) that must run nowhere, the latest first."""
    _banned.append(banned)


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
    if artefact.pk in bans():
        raise Withdrawn(f"{artefact} must run nowhere.")
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
    choice = Choice(release.line, release.counter, artefact.sha256, artefact.size_bytes)
    return _issue(satellite, release, choice, _snapshot(release, now=now), now=now)


@transaction.atomic
def notify(satellite: Satellite, *, now: datetime) -> Assignment:
    """Tell the satellite what may not be installed any more, and give it nothing."""
    snapshot = signing.newest_snapshot(now=now)
    if snapshot is None:
        raise NotReleased("Nobody signed for anything yet.")
    return _issue(satellite, None, None, snapshot, now=now)


def _issue(
    satellite: Satellite,
    release: Release | None,
    choice: Choice | None,
    snapshot: Metadata[SnapshotDocument],
    *,
    now: datetime,
) -> Assignment:
    roots.alone()
    banned = bans()
    said = Inventory.objects.filter(satellite=satellite).first()
    last = Assignment.objects.filter(satellite=satellite).aggregate(most=Max("number"))["most"]
    number = 1 + max(last or 0, said.assignment if said else 0)
    nonce, expires_at = secrets.randbits(64), now + LASTS
    assignment = documents.assignment(
        version=number,
        expires_at=expires_at,
        satellite=satellite.code,
        profile=satellite.profile.code,
        nonce=nonce,
        of=snapshot,
        choice=choice,
        bans=banned,
    )
    known = said.root if said else 0
    # The first is what satellites are made with.
    newer = Root.objects.filter(version__gt=max(known, 1)).order_by("version")
    try:
        bundle = bundles.encode(
            roots=[documents.read(row.document, RootDocument) for row in newer],
            snapshot=snapshot,
            release=documents.read(release.document, Targets) if release else None,
            assignment=documents.sign(assignment, [keyfiles.director()]),
        )
    except ValueError as error:
        raise NotReleased(f"{satellite.code} missed too many changes of keys: {error}") from error
    return Assignment.objects.create(
        satellite=satellite,
        number=number,
        release=release,
        snapshot=snapshot.signed.version,
        bans=banned,
        bundle=bundle,
        sha256=hashlib.sha256(bundle).hexdigest(),
        nonce=nonce,
        made_at=now,
        expires_at=expires_at,
    )


def _snapshot(release: Release, *, now: datetime) -> Metadata[SnapshotDocument]:
    snapshot = signing.newest_snapshot(now=now)
    name = documents.release_name(release.counter)
    if snapshot is not None and name in snapshot.signed.meta:
        return snapshot
    raise NotReleased(f"{release} was retired; it has to be signed again under a higher counter.")


# --- what is given no more ---


def bans() -> list[str]:
    """Return the artefacts that satellites are told not to load or switch to: those that must run
    nowhere while a release of them still stands, the latest `BANS_MOST`.

    Once people have signed a snapshot without them, that says it.
    """
    found = list(dict.fromkeys(sha for banned in _banned for sha in banned()))
    standing = Release.objects.filter(artefact__in=found, withdrawn_at=None)
    there = set(standing.values_list("artefact", flat=True))
    return sorted([one for one in found if one in there][: documents.BANS_MOST])


def uninformed(satellite_ids: Collection[int]) -> set[int]:
    """Return those of the satellites that have not accepted yet what was withdrawn or banned.

    Signed inventories tell what they know. Only of a satellite that never sent any a report is
    believed, which a station could have made up.
    """
    wanted = set(bans())
    needed = Release.objects.aggregate(most=Max("withdrawn_in"))["most"] or 0
    if not (wanted or needed):
        return set()
    said = {row.satellite_id: row for row in Inventory.objects.filter(satellite__in=satellite_ids)}
    given = Assignment.objects.filter(satellite__in=satellite_ids).defer("bundle")
    accepted = given.filter(state=State.ACCEPTED).order_by("satellite_id", "-number")
    last = {row.satellite_id: row for row in accepted.distinct("satellite_id")}
    named = given.filter(satellite__in=said, number__in={row.assignment for row in said.values()})
    by_number = {(row.satellite_id, row.number): row for row in named}
    found = set()
    for key in satellite_ids:
        told, known = last.get(key), 0
        if key in said:
            known = said[key].snapshot
            told = by_number.get((key, said[key].assignment))
            told = told if told is not None and told.nonce == said[key].nonce else None
        known = max(known, told.snapshot if told else 0)
        if wanted - set(told.bans if told else ()) or known < needed:
            found.add(key)
    return found


def is_newest(sha256: str) -> bool:
    """Say whether a file of metadata still tells all that is to be told."""
    row = Assignment.objects.filter(sha256=sha256).first()
    newest = Snapshot.objects.order_by("-version").first()
    return bool(row and newest and row.snapshot == newest.version and set(bans()) <= set(row.bans))


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
