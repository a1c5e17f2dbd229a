"""What the console shows of models on their way up: versions, who runs what, progress, forecast."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, Sum

from constellation.models import Satellite
from uplink.registry.models import Version
from uplink.transfers import forecasts, progress, sources
from uplink.transfers.models import OVER, Deployment, Shipment, State, Transfer

STATUS = {
    State.QUEUED: ("standby", "Queued"),
    State.SENDING: ("standby", "Sending"),
    State.SUSPENDED: ("caution", "Suspended"),
    State.VERIFYING: ("standby", "Verifying"),
    State.VERIFIED: ("normal", "Verified"),
    State.ACTIVATING: ("standby", "Activating"),
    State.ACTIVE: ("normal", "Active"),
    State.FAILED: ("critical", "Failed"),
    State.CANCELLED: ("off", "Cancelled"),
}


@dataclass
class Row:
    """One transfer with its progress in bytes and packs."""

    transfer: Transfer
    status: str
    words: str
    packs: list[str]
    delivered: int
    held_bytes: int
    size_bytes: int
    sent_bytes: int
    expected_at: datetime | None
    """Delivered by then with 95 % confidence."""
    forecast: str

    @property
    def percent(self) -> float:
        return 100 * self.held_bytes / self.size_bytes if self.size_bytes else 0.0

    @property
    def is_over(self) -> bool:
        return self.transfer.state in OVER


def transfers(now: datetime, **wanted: Any) -> list[Row]:
    """Return transfers, open ones first, newest first, with progress and forecast."""
    found = list(
        Transfer.objects.filter(**wanted)
        .select_related("satellite", "version__model", "artefact", "package", "forecast", "spread")
        .order_by("-created_at", "id")[:200]
    )
    shipments = defaultdict(list)
    for shipment in Shipment.objects.filter(transfer__in=found).defer("engine"):
        shipments[shipment.transfer_id].append(shipment)
    rows = [_row(transfer, shipments[transfer.pk]) for transfer in found]
    return sorted(rows, key=lambda row: row.is_over)


def _row(transfer: Transfer, shipments: list[Shipment]) -> Row:
    packs = [each for each in shipments if each.number >= 0]
    held = [each.size_bytes if each.delivered else each.acknowledged_bytes for each in packs]
    status, words = STATUS[State(transfer.state)]
    known = forecasts.shown(transfer)
    spread = sources.spread_numbers(transfer)
    if spread is not None:
        return Row(
            transfer=transfer,
            status=status,
            words=words,
            packs=_of_all(spread, packs),
            delivered=spread["delivered_packs"],
            held_bytes=spread["acknowledged_bytes"],
            size_bytes=spread["size_bytes"],
            sent_bytes=spread["sent_bytes"],
            expected_at=known and known.by_at,
            forecast=forecasts.sentence(known) if known else "",
        )
    return Row(
        transfer=transfer,
        status=status,
        words=words,
        packs=[_pack(each) for each in packs],
        delivered=sum(each.delivered for each in packs),
        held_bytes=sum(held),
        size_bytes=progress.carried_bytes(transfer, sum(each.size_bytes for each in packs)),
        sent_bytes=sum(each.sent_bytes for each in shipments),
        expected_at=known and known.by_at,
        forecast=forecasts.sentence(known) if known else "",
    )


def _of_all(numbers: dict[str, Any], packs: list[Shipment]) -> list[str]:
    """Return the packs of a transfer that others may give packs to: those on board first."""
    begun = sum(_pack(each) == "begun" for each in packs)
    held = numbers["delivered_packs"]
    waiting = max(numbers["packs"] - held - begun, 0)
    return ["held"] * held + ["begun"] * begun + ["waiting"] * waiting


def _pack(shipment: Shipment) -> str:
    if shipment.delivered:
        return "held"
    return "begun" if shipment.sent_bytes else "waiting"


def versions() -> list[Version]:
    """Return every version with its artefact, and how many satellites run it or are to run it."""
    found = list(
        Version.objects.select_related("model", "artefact")
        .prefetch_related("profiles")
        .order_by("model__name", "-registered_at")
    )
    active = _count("active_sha256")
    for version in found:
        version.active_count = active.get(version.artefact_id, 0)
        version.pending_count = (
            Transfer.objects.filter(artefact=version.artefact_id).exclude(state__in=OVER).count()
        )
    return found


def _count(field: str) -> dict[str, int]:
    counts: dict[str, int] = defaultdict(int)
    for sha256 in Deployment.objects.exclude(**{field: ""}).values_list(field, flat=True):
        counts[sha256] += 1
    return counts


def matrix() -> list[dict[str, Any]]:
    """Return who runs what: every active satellite with what it reports in its slots."""
    names = {v.artefact_id: str(v) for v in Version.objects.select_related("model")}
    deployments = {d.satellite_id: d for d in Deployment.objects.all()}
    rows = []
    for satellite in Satellite.objects.filter(is_active=True).select_related("profile")[:200]:
        deployment = deployments.get(satellite.pk)
        rows.append(
            {
                "satellite": satellite,
                "active": deployment and deployment.active_sha256,
                "active_name": deployment and names.get(deployment.active_sha256),
                "slot_a": deployment and deployment.slot_a_sha256,
                "slot_b": deployment and deployment.slot_b_sha256,
                "differs": bool(
                    deployment
                    and deployment.desired_id
                    and deployment.desired_id != deployment.active_sha256
                ),
            }
        )
    return rows


def of_satellite(satellite: Satellite, now: datetime) -> dict[str, Any]:
    """Return what a satellite holds in its slots and what is on its way to it."""
    deployment = Deployment.objects.filter(satellite=satellite).first()
    names = {v.artefact_id: str(v) for v in Version.objects.select_related("model")}
    slots = []
    if deployment:
        for letter, sha256 in [("A", deployment.slot_a_sha256), ("B", deployment.slot_b_sha256)]:
            slots.append(
                {
                    "letter": letter,
                    "sha256": sha256,
                    "name": names.get(sha256, ""),
                    "is_active": bool(sha256) and sha256 == deployment.active_sha256,
                }
            )
    return {
        "satellite": satellite,
        "deployment": deployment,
        "slots": slots,
        "transfers": transfers(now, satellite=satellite)[:4],
    }


def uplinked_bytes() -> int:
    """Return the bytes of files that all satellites hold of what was sent to them."""
    delivered = Shipment.objects.filter(delivered=True, number__gte=0)
    return delivered.aggregate(all=Sum("size_bytes", default=0))["all"]


def states(satellite_ids: Iterable[int]) -> dict[int, tuple[str, str, str]]:
    """Return status, words and a detail for the fleet's list: what runs, or is on its way."""
    names = {v.artefact_id: str(v) for v in Version.objects.select_related("model")}
    told: dict[int, tuple[str, str, str]] = {}
    failed = Transfer.objects.filter(satellite__in=satellite_ids, state=State.FAILED)
    for transfer in failed:
        told[transfer.satellite_id] = ("serious", "Transfer failed", transfer.reason)
    under_way = Transfer.objects.filter(satellite__in=satellite_ids).exclude(
        Q(state__in=OVER) | Q(state=State.VERIFIED, activate=False)
    )
    under_way = under_way.annotate(
        held=Sum("shipments__acknowledged_bytes", filter=Q(shipments__number__gte=0), default=0)
    )
    for transfer in under_way.select_related("version__model", "artefact").order_by("-created_at"):
        percent = 100 * transfer.held // transfer.artefact.size_bytes
        words = f"Model {STATUS[State(transfer.state)][1].lower()}"
        detail = f"{transfer.version or transfer.artefact_id[:12]}, {min(percent, 100)} %"
        told[transfer.satellite_id] = ("standby", words, detail)
    running = Deployment.objects.filter(satellite__in=satellite_ids).exclude(active_sha256="")
    for deployment in running:
        name = names.get(deployment.active_sha256, deployment.active_sha256[:12])
        told[deployment.satellite_id] = ("normal", "Model active", name)
    return told
