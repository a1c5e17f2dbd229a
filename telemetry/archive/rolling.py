"""Roll-ups in their table: parts come with long segments, and grow together.

When a width has enough parts, they become one row, and that row a part of the next width: in one
transaction, so that every sample is counted once at each width whatever is killed. What is read of
a width are its rows, and the parts of narrower widths, which are in none of its rows yet.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction
from django.db.models import Count

from telemetry.archive import columns, rollups, shapes, wide
from telemetry.models import Rollup

PARTS = 8
"""So many parts of a width are joined."""
_TOGETHER = 64


@dataclass(frozen=True, slots=True)
class Of:
    """Whose samples: one group of one satellite, of one decoding."""

    satellite_id: int
    group: str
    generation: int


def add(of: Of, samples: wide.Wide) -> None:
    """Take in the samples of a new long segment; call inside the transaction that writes it."""
    width_s = rollups.WIDTHS_S[0]
    _write(of, samples.shape, rollups.of_samples(samples, width_s), width_s, is_part=True)


def grow(*, limit: int = 200, parts: int = PARTS) -> int:
    """Join parts of up to `limit` groups where there are `parts` of a width, narrow widths first;
    return how many were joined."""
    joined = 0
    for width_s in rollups.WIDTHS_S:
        ripe = (
            Rollup.objects.filter(is_part=True, width_s=width_s)
            .values_list("satellite_id", "group", "generation", "shape_id")
            .annotate(parts=Count("id"))
            .filter(parts__gte=parts)
            .order_by("-parts")[:limit]
        )
        for satellite_id, group, generation, digest, _ in list(ripe):
            joined += _join(Of(satellite_id, group, generation), digest, width_s, parts)
    return joined


@transaction.atomic
def _join(of: Of, digest: str, width_s: int, least: int) -> int:
    rows = list(
        Rollup.objects.filter(
            satellite_id=of.satellite_id,
            group=of.group,
            generation=of.generation,
            shape_id=digest,
            width_s=width_s,
            is_part=True,
        )
        .order_by("first_ns", "id")
        .select_for_update(skip_locked=True)[:_TOGETHER]
    )
    if len(rows) < least:
        return 0
    shape = shapes.of(digest)
    parts = [rollups.unpack(shape, bytes(row.columns), row.count) for row in rows]
    whole = rollups.widen(parts, width_s)
    _write(of, shape, whole, width_s, is_part=False)
    if width_s != rollups.WIDTHS_S[-1]:
        wider_s = rollups.WIDTHS_S[rollups.WIDTHS_S.index(width_s) + 1]
        _write(of, shape, rollups.widen([whole], wider_s), wider_s, is_part=True)
    Rollup.objects.filter(pk__in=[row.pk for row in rows]).delete()
    return len(rows)


def _write(
    of: Of, shape: columns.Shape, buckets: rollups.Buckets, width_s: int, *, is_part: bool
) -> None:
    Rollup.objects.create(
        satellite_id=of.satellite_id,
        group=of.group,
        generation=of.generation,
        shape_id=shape.digest,
        width_s=width_s,
        is_part=is_part,
        first_ns=int(buckets.starts_ns[0]),
        end_ns=int(buckets.starts_ns[-1]) + width_s * 1_000_000_000,
        count=len(buckets),
        columns=rollups.pack(buckets),
    )
