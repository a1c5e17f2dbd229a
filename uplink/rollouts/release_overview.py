"""What the console shows of a release: its signatures and its fleet, slot by slot."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Q

from constellation.models import Satellite
from uplink.releases import directing
from uplink.releases.models import Assignment, Inventory, Release, Root, Snapshot, State
from uplink.rollouts import mosaic
from uplink.rollouts.models import Rollout
from uplink.rollouts.overview import tile, told
from uplink.transfers.models import OVER, Deployment, Transfer
from uplink.transfers.models import State as TransferState

SHOWN = 100
RUNS, HOLDS, COMING = "runs it", "holds it in the other slot", "on its way"
GIVEN, REFUSED, MEANT, OTHER = "was given it", "refused it", "may get it", "is not made for it"
COLOURS = {
    RUNS: "#56c271",
    HOLDS: "#4fd1c5",
    COMING: "#4dacff",
    GIVEN: "#2f7fb8",
    REFUSED: "#ff5c5c",
    MEANT: mosaic.NOTHING,
    OTHER: mosaic.UNKNOWN,
}


@dataclass(frozen=True)
class Signature:
    """A key that signed; `counts` says whether today's root still trusts it."""

    key_id: str
    counts: bool


def standing(release: Release, listed: set[int], now: datetime) -> tuple[str, str]:
    """Return status mark and words of a release."""
    if release.withdrawn_at is not None:
        return "critical", "Withdrawn"
    if release.expires_at <= now:
        return "serious", "Expired"
    if release.counter not in listed:
        return "off", "Retired"
    return "normal", "May be installed"


def listed_today() -> set[int]:
    """Return the counters of the releases that the newest snapshot lists."""
    row = Snapshot.objects.order_by("-version").first()
    if row is None:
        return set()
    return {int(name.removesuffix(".json")) for name in row.document["signed"]["meta"]}


def of_all(now: datetime) -> dict[str, Any]:
    """Return what the page of all releases shows."""
    listed = listed_today()
    rows = Release.objects.select_related("version__model", "artefact").annotate(
        given=Count("assignments"),
        accepted=Count("assignments", filter=Q(assignments__state=State.ACCEPTED)),
        refused=Count("assignments", filter=Q(assignments__state=State.REFUSED)),
    )
    shown = list(rows[:SHOWN])
    for row in shown:
        row.status, row.words = standing(row, listed, now)
        row.signatures = len(row.document["signatures"])
    root = Root.objects.order_by("-version").first()
    alarms = Inventory.objects.select_related("satellite").exclude(attack="none", mismatch="")
    return {
        "now": now,
        "releases": shown,
        "root": root,
        "roles": _roles(root),
        "snapshot": Snapshot.objects.order_by("-version").first(),
        "alarms": list(alarms.order_by("-reported_at")[:SHOWN]),
        "heard": Inventory.objects.count(),
        "withdrawn": any(row.withdrawn_at for row in shown),
        "unaware": unaware(),
    }


def unaware() -> list[Satellite]:
    """Return the satellites that have not said yet that they know what was withdrawn."""
    flying = {one.pk: one for one in Satellite.objects.filter(is_active=True)}
    return [
        flying[pk] for pk in sorted(directing.uninformed(flying), key=lambda pk: flying[pk].code)
    ]


def _roles(root: Root | None) -> list[dict[str, Any]]:
    if root is None:
        return []
    roles = root.document["signed"]["roles"]
    names = {"root": "Root", "targets": "Releases", "snapshot": "Snapshot", "timestamp": "Director"}
    return [
        {"name": names[name], "keys": len(roles[name]["keyids"]), **roles[name]} for name in names
    ]


def of_release(release: Release, now: datetime) -> dict[str, Any]:
    """Return all that the page of a release shows."""
    given = Assignment.objects.filter(release=release).select_related("satellite")
    newest = {row.satellite_id: row for row in given.order_by("number")}
    tiles = _tiles(release, newest)
    status, words = standing(release, listed_today(), now)
    root = Root.objects.order_by("-version").first()
    trusted = root.document["signed"]["roles"]["targets"] if root else {}
    rollouts = Rollout.objects.filter(version=release.version_id).exclude(version=None)
    return {
        "now": now,
        "release": release,
        "status": status,
        "words": words,
        "unaware": unaware() if release.withdrawn_at else [],
        "signatures": [
            Signature(one["keyid"], one["keyid"] in trusted.get("keyids", ()))
            for one in release.document["signatures"]
        ],
        "threshold": trusted.get("threshold"),
        "mosaic": mosaic.lay_out(tiles, COLOURS),
        "assignments": sorted(newest.values(), key=lambda row: _urgency(row))[:SHOWN],
        "more": max(0, len(newest) - SHOWN),
        "rollouts": [told(row) for row in rollouts[:5]],
    }


def _urgency(row: Assignment) -> tuple[int, str]:
    order = [State.REFUSED, State.GIVEN, State.ACCEPTED]
    return order.index(State(row.state)), row.satellite.code


def _tiles(release: Release, given: dict[int, Assignment]) -> list[mosaic.Tile]:
    deployments = {row.satellite_id: row for row in Deployment.objects.all()}
    under_way = set(
        Transfer.objects.filter(artefact=release.artefact_id)
        .exclude(state__in=[*OVER, TransferState.VERIFIED])
        .values_list("satellite_id", flat=True)
    )
    rows = Satellite.objects.filter(is_active=True).select_related("plane", "profile")
    tiles = []
    for one in rows:
        kind = _kind(release, one, deployments.get(one.pk), given.get(one.pk), one.pk in under_way)
        reason = f": {given[one.pk].reason}" if kind == REFUSED else ""
        tiles.append(tile(one, kind, f"{one.code} {kind}{reason}", kind == REFUSED))
    return tiles


def _kind(
    release: Release,
    satellite: Satellite,
    known: Deployment | None,
    assignment: Assignment | None,
    is_coming: bool,
) -> str:
    sha256 = release.artefact_id
    if known is not None and known.active_sha256 == sha256:
        return RUNS
    if assignment is not None and assignment.state == State.REFUSED:
        return REFUSED
    if known is not None and sha256 in (known.slot_a_sha256, known.slot_b_sha256):
        return HOLDS
    if is_coming:
        return COMING
    if assignment is not None:
        return GIVEN
    return MEANT if satellite.profile.code in release.profiles else OTHER
