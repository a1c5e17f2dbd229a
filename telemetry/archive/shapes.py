"""Shapes of segments in their table: each kept once, named by its content, never changed."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from telemetry.archive import columns
from telemetry.models import SegmentShape


def keep(shapes: Iterable[columns.Shape]) -> None:
    """Write the shapes that are not there yet, in one order, so that two writers never wait for
    each other crosswise."""
    wanted = {shape.digest: shape for shape in shapes}
    rows = SegmentShape.objects.filter(pk__in=wanted)
    missing = sorted(wanted.keys() - set(rows.values_list("pk", flat=True)))
    SegmentShape.objects.bulk_create(
        [SegmentShape(digest=digest, columns=wanted[digest].to_json()) for digest in missing],
        ignore_conflicts=True,
    )


@lru_cache(maxsize=1024)
def of(digest: str) -> columns.Shape:
    """Return the shape of that digest. What it says cannot change, so that it is read once."""
    return columns.Shape.from_json(SegmentShape.objects.get(pk=digest).columns)
