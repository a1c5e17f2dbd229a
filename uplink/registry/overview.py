"""What the console shows of the registry: a model, a version, its artefact, and who runs it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Q, QuerySet

from constellation.models import HardwareProfile, Satellite
from uplink.registry import fits, golden, prices
from uplink.registry.models import (
    Artefact,
    Kind,
    Model,
    Upload,
    UploadState,
    Version,
)
from uplink.transfers.models import Deployment

ARTEFACTS_SHOWN = 200
_STATUS = {
    UploadState.RECEIVING: ("standby", "Receiving"),
    UploadState.VERIFYING: ("standby", "Verifying"),
    UploadState.STORED: ("normal", "Stored"),
    UploadState.REFUSED: ("critical", "Refused"),
}


@dataclass(frozen=True)
class Runner:
    """A satellite that holds a version's artefact, and in which way."""

    satellite: Satellite
    status: str
    words: str


def models() -> QuerySet[Model]:
    """Return models with how many versions they have."""
    return Model.objects.annotate(count=Count("versions")).order_by("name")


def versions(model: Model) -> list[Version]:
    """Return a model's versions, the newest first, with how many satellites run each."""
    rows = list(
        Version.objects.filter(model=model)
        .select_related("model", "artefact", "base__model", "base__artefact")
        .prefetch_related("profiles", "golden_prompts", "artefact__parts__artefact")
        .order_by("-registered_at", "-pk")
    )
    for row in rows:
        row.running = Deployment.objects.filter(active_sha256=row.artefact_id).count()
        row.needed = fits.need(row)
    return rows


def version(row: Version) -> dict[str, Any]:
    """Return what the page of a version shows, but for its cost."""
    artefact = row.artefact
    known = Version.objects.filter(pk=row.pk).select_related("provenance__parent__model").get()
    return {
        "version": row,
        "artefact": artefact,
        "architecture": artefact.header.get("general.architecture", ""),
        "needed": fits.need(row),
        "fits": fits.fits(row, HardwareProfile.objects.order_by("code")),
        "meant_for": set(row.profiles.values_list("code", flat=True)),
        "types": types(artefact),
        "parts": list(artefact.parts.select_related("artefact")),
        "golden": [
            {"prompt": each, "conditions": golden.in_words(each.expect)}
            for each in row.golden_prompts.all()
        ],
        "provenance": getattr(known, "provenance", None),
        "adapters": list(row.adapters.select_related("model")),
        "runners": runners(artefact),
        "is_adapter": artefact.kind == Kind.ADAPTER,
    }


def types(artefact: Artefact) -> list[dict[str, Any]]:
    """Return an artefact's tensor types, the largest first, with their share of its bytes."""
    counts = artefact.header.get("types", {})
    total = artefact.header.get("tensor_bytes") or 1
    rows = [{"name": name, "share": 100 * each["bytes"] / total, **each}
            for name, each in counts.items()]  # fmt: skip
    return sorted(rows, key=lambda each: -each["bytes"])


def runners(artefact: Artefact) -> list[Runner]:
    """Return the satellites that run an artefact, hold it in a slot, or are to run it."""
    sha256 = artefact.sha256
    wanted = Q(active_sha256=sha256) | Q(slot_a_sha256=sha256) | Q(slot_b_sha256=sha256)
    rows = Deployment.objects.filter(wanted | Q(desired=artefact)).select_related("satellite")
    return [Runner(row.satellite, *_running(row, sha256)) for row in rows.order_by("satellite")]


def _running(row: Deployment, sha256: str) -> tuple[str, str]:
    if row.active_sha256 == sha256:
        is_meant = row.desired_id in (None, sha256)
        return ("normal", "Active") if is_meant else ("caution", "Active, another is meant")
    if sha256 in (row.slot_a_sha256, row.slot_b_sha256):
        return "off", "In a slot"
    return "standby", "On its way"


def cost(row: Version, now: datetime) -> dict[str, Any]:
    """Return what carrying a version up costs the satellites its profiles name, up to a number."""
    wanted = Satellite.objects.filter(is_active=True, profile__in=row.profiles.all())
    satellites = list(wanted.order_by("planned", "code")[: prices.SATELLITES_MAX])
    quote = prices.cost(row, satellites, now)
    by_code = {each.code: each for each in satellites}
    running = set(
        Deployment.objects.filter(active_sha256=row.artefact_id).values_list("satellite", flat=True)
    )
    return {
        "load": quote.load,
        "overhead_percent": 100 * (quote.load.overhead - 1),
        "rows": [
            {"satellite": by_code[code], "price": each, "runs": by_code[code].pk in running}
            for code, each in quote.prices.items()
        ],
        "refused": [(by_code[code], why) for code, why in quote.refused.items()],
        "count": wanted.count(),
        "shown": len(satellites),
        "horizon_days": prices.HORIZON.days,
    }


def artefacts() -> list[Artefact]:
    """Return artefacts, the newest first, with the versions that are made of them."""
    rows = Artefact.objects.order_by("-stored_at", "sha256")
    return list(
        rows.prefetch_related("versions__model", "bundled_as__bundle__versions__model")[
            :ARTEFACTS_SHOWN
        ]
    )


def uploads(organisation_id: int) -> list[dict[str, Any]]:
    """Return an organisation's uploads, the newest first."""
    rows = Upload.objects.filter(organisation=organisation_id)[:50]
    return [
        {
            "upload": row,
            "status": _STATUS[UploadState(row.state)][0],
            "words": _STATUS[UploadState(row.state)][1],
            "percent": 100 * row.offset_bytes / row.length_bytes,
        }
        for row in rows
    ]
