"""Where the packs of a transfer came from: contacts of its own, or other satellites over lasers."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from django.db.models import F, Q, Sum

from constellation.models import Satellite
from telemetry import onboard
from uplink.transfers.models import Holding, Spread, Transfer
from uplink.transfers.spreading.ranges import numbers_of, ranges_of

GROUND = "ground"


@dataclass(frozen=True)
class Source:
    """What one source gave: `ground`, or the code of a satellite. Packs are spans [first, last]."""

    source: str
    packs: int
    bytes: int
    spans: list[list[int]]


def with_lasers(transfer: Transfer, numbers: dict[str, Any]) -> dict[str, Any]:
    """Return a transfer's numbers with what came over laser links beside what contacts carried.

    Of a transfer that is spread, all packs of the artefact count, and not only those with a file.
    """
    spread = Spread.objects.filter(transfer=transfer).first()
    numbers = {**numbers, "laser_packs": 0, "laser_bytes": 0}
    if spread is None or transfer.package_id is not None:
        return numbers
    sizes = dict(transfer.artefact.packs.values_list("number", "size_bytes"))
    up, across = _delivered(transfer), by_laser(transfer) & sizes.keys()
    laser_bytes = sum(sizes[n] for n in across)
    # Files that were taken back from the plan when all of them had left already.
    files = set(transfer.shipments.values_list("number", flat=True))
    untold = (_held(newest(transfer)) & sizes.keys()) - across - files
    # Held by laser and marked as delivered is one pack, and is counted with the lasers.
    twice_bytes = sum(sizes[n] for n in across & up)
    return {
        **numbers,
        "packs": len(sizes),
        "delivered_packs": len(up | across | untold),
        "size_bytes": transfer.artefact.size_bytes,
        "acknowledged_bytes": numbers["acknowledged_bytes"]
        + laser_bytes
        - twice_bytes
        + sum(sizes[n] for n in untold),
        "sent_bytes": numbers["sent_bytes"] + spread.withdrawn_bytes,
        "laser_packs": len(across),
        "laser_bytes": laser_bytes,
    }


def spread_numbers(transfer: Transfer) -> dict[str, Any] | None:
    """Return the numbers of a transfer that others may give packs to, None of any other.

    Its `spread` was selected with it, so that of the others nothing is asked.
    """
    if getattr(transfer, "spread", None) is None or transfer.package_id is not None:
        return None
    files = transfer.shipments.filter(number__gte=0)
    size = Sum("size_bytes", filter=Q(delivered=True), default=0)
    partial = Sum("acknowledged_bytes", filter=Q(delivered=False), default=0)
    sums = files.aggregate(held=size, partial=partial)
    sent = transfer.shipments.aggregate(all=Sum("sent_bytes", default=0))["all"]
    return with_lasers(
        transfer, {"acknowledged_bytes": sums["held"] + sums["partial"], "sent_bytes": sent}
    )


def lacks_packs(transfer: Transfer) -> bool:
    """Say whether packs of a transfer that is spread are not known to be on board."""
    if transfer.package_id is not None or not Spread.objects.filter(transfer=transfer).exists():
        return False
    packs = dict(transfer.artefact.packs.values_list("number", "sha256"))
    held = {packs.get(n) for n in _delivered(transfer) | _held(newest(transfer))}
    return bool(set(packs.values()) - held)


def _delivered(transfer: Transfer) -> set[int]:
    rows = transfer.shipments.filter(delivered=True, number__gte=0)
    return set(rows.values_list("number", flat=True))


def _held(told: Holding | None) -> set[int]:
    return set(numbers_of(told.spans if told else []))


def by_laser(transfer: Transfer) -> set[int]:
    """Return the numbers of the packs that other satellites gave, as far as it is known."""
    told = newest(transfer)
    spans = told.spans if told else []
    return set(numbers_of([span for span in spans if span[0] != onboard.GROUND_ENTITY_ID]))


def planned_from_ground_bytes(transfer: Transfer) -> int | None:
    """Return what contacts still have to carry of a transfer that is spread; None if it is not."""
    if transfer.package_id is not None or not Spread.objects.filter(transfer=transfer).exists():
        return None
    waiting = transfer.shipments.filter(delivered=False, number__gte=0)
    left = Sum(F("size_bytes") - F("acknowledged_bytes"), default=0)
    return waiting.aggregate(left=left)["left"]


def newest(transfer: Transfer) -> Holding | None:
    """Return what was last heard of the packs that a transfer brings."""
    rows = Holding.objects.filter(satellite=transfer.satellite_id, artefact=transfer.artefact_id)
    return rows.order_by("-reported_ns").first()


def of(transfer: Transfer) -> list[Source]:
    """Return who gave which packs, the ground first; empty while nothing is known."""
    sizes = dict(transfer.artefact.packs.values_list("number", "size_bytes"))
    told = newest(transfer)
    spans: dict[int, list[list[int]]] = defaultdict(list)
    for source, first, last in told.spans if told else []:
        spans[source].append([first, last])
    if not spans and transfer.package_id is None:
        up = transfer.shipments.filter(delivered=True, number__gte=0)
        spans[onboard.GROUND_ENTITY_ID] = ranges_of(up.values_list("number", flat=True))
    codes = dict(Satellite.objects.filter(entity_id__in=spans).values_list("entity_id", "code"))
    codes[onboard.GROUND_ENTITY_ID] = GROUND
    return [
        Source(
            codes.get(source, f"entity {source}"),
            sum(last - first + 1 for first, last in given),
            sum(sizes.get(n, 0) for first, last in given for n in range(first, last + 1)),
            given,
        )
        for source, given in sorted(spans.items())
        if given
    ]
