"""Short segments into long ones. Each swap is one transaction: readers see the one or the other."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Count, Q, Sum

from telemetry.archive import columns
from telemetry.models import Segment

SHORTEST_SAMPLES = 500
"""Below it a row costs more than what it holds."""
LONGEST_SAMPLES = 5_000
_PARTS_MAX = 500


def compact(*, limit: int = 200) -> int:
    """Swap short segments of up to `limit` groups for long ones; return how many were swapped."""
    ripe = (
        Segment.objects.filter(batch__isnull=False)
        .values("satellite_id", "group", "generation")
        .annotate(samples=Sum("count"), parts=Count("id"))
        .filter(Q(samples__gte=SHORTEST_SAMPLES) | Q(parts__gte=_PARTS_MAX), parts__gte=2)
        .order_by("-parts")[:limit]
    )
    return sum(_swap(group["satellite_id"], group["group"], group["generation"]) for group in ripe)


@transaction.atomic
def _swap(satellite_id: int, group: str, generation: int) -> int:
    short = list(
        Segment.objects.filter(
            satellite_id=satellite_id, group=group, generation=generation, batch__isnull=False
        )
        .order_by("first_ns", "id")
        .select_for_update(skip_locked=True)[:_PARTS_MAX]
    )
    taken, samples = [], 0
    for row in short:
        if taken and samples + row.count > LONGEST_SAMPLES:
            break
        taken.append(row)
        samples += row.count
    if len(taken) < 2:
        return 0
    by_shape: dict[tuple[str, ...], list[tuple[Segment, columns.Samples]]] = {}
    for row in taken:
        part = columns.unpack(bytes(row.columns))
        by_shape.setdefault(tuple(part.columns), []).append((row, part))
    for members in by_shape.values():
        _write(members)
    Segment.objects.filter(pk__in=[row.pk for row in taken]).delete()
    return len(taken)


def _write(members: list[tuple[Segment, columns.Samples]]) -> None:
    """Write one long segment of rows that have the same columns."""
    whole = columns.join([part for _, part in members])
    first = members[0][0]
    Segment.objects.create(
        satellite_id=first.satellite_id,
        group=first.group,
        generation=first.generation,
        batch=None,
        first_ns=int(whole.generated_ns[0]),
        last_ns=int(whole.generated_ns[-1]),
        count=len(whole),
        columns=columns.pack(whole),
    )
