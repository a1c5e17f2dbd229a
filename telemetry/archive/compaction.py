"""Short segments into long ones, and their roll-ups. Each swap is one transaction: readers see the
one or the other, and every sample is in one long segment and in one roll-up of each width."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Count, Q, Sum

from telemetry.archive import rolling, shapes, wide
from telemetry.models import Segment

SHORTEST_SAMPLES = 500
"""Below it a row costs more than what it holds."""
LONGEST_SAMPLES = 5_000
_PARTS_MAX = 500


def compact(*, limit: int = 200, shortest: int = SHORTEST_SAMPLES) -> int:
    """Swap short segments of up to `limit` groups for long ones where there are samples enough;
    return how many were swapped."""
    ripe = (
        Segment.objects.filter(batch__isnull=False)
        .values("satellite_id", "group", "generation")
        .annotate(samples=Sum("count"), parts=Count("id"))
        .filter(Q(samples__gte=shortest) | Q(parts__gte=_PARTS_MAX))
        .order_by("-parts")[:limit]
    )
    return sum(swap(group["satellite_id"], group["group"], group["generation"]) for group in ripe)


@transaction.atomic
def swap(satellite_id: int, group: str, generation: int) -> int:
    """Swap the oldest short segments of one group for one long one; return how many they were."""
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
    by_shape: dict[str, list[Segment]] = {}
    for row in taken:
        by_shape.setdefault(row.shape_id, []).append(row)
    for members in by_shape.values():
        _write(members)
    Segment.objects.filter(pk__in=[row.pk for row in taken]).delete()
    return len(taken)


def _write(members: list[Segment]) -> None:
    """Write one long segment of rows that have the same shape, and what it adds to roll-ups."""
    first = members[0]
    shape = shapes.of(first.shape_id)
    whole = wide.join([wide.unpack(shape, bytes(row.columns), row.count) for row in members])
    Segment.objects.create(
        satellite_id=first.satellite_id,
        group=first.group,
        generation=first.generation,
        batch=None,
        shape_id=shape.digest,
        first_ns=int(whole.generated_ns[0]),
        last_ns=int(whole.generated_ns[-1]),
        count=len(whole),
        columns=wide.pack(whole),
    )
    rolling.add(rolling.Of(first.satellite_id, first.group, first.generation), whole)
