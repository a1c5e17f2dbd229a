"""Samples of parameters over a span, out of short and long segments alike."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from telemetry.archive import columns, writing
from telemetry.models import Segment


def read(
    satellite_id: int, group: str, names: set[str], *, first_ns: int, end_ns: int
) -> columns.Samples | None:
    """Return the samples generated in [first_ns, end_ns), in that order; None when there are none.

    A packet heard twice is kept once, so that no sample appears twice.
    """
    rows = Segment.objects.filter(
        satellite_id=satellite_id,
        group=group,
        generation=writing.GENERATION,
        last_ns__gte=first_ns,
        first_ns__lt=end_ns,
    ).values_list("columns", flat=True)
    parts = [columns.unpack(bytes(data), names) for data in rows]
    if not parts:
        return None
    whole = columns.join(parts)
    inside = (whole.generated_ns >= first_ns) & (whole.generated_ns < end_ns)
    return columns.select(whole, inside) if inside.any() else None


def thin(times: np.ndarray, values: list[Any], points: int) -> tuple[np.ndarray, list[Any]]:
    """Return at most about `points` of the samples such that a plot of them looks the same.

    Of numbers, the lowest and the highest of each of points/2 stretches are kept, so that no peak
    is lost; of anything else, every so-manyth.
    """
    n = len(values)
    if n <= max(points, 2):
        return times, values
    if not all(isinstance(value, int | float) for value in values):
        chosen = np.arange(0, n, -(-n // points))
    else:
        numbers = np.asarray(values, np.float64)
        edges = np.linspace(0, n, max(points // 2, 1) + 1).astype(int)
        picked = set()
        for start, end in itertools.pairwise(edges):
            picked.add(start + int(np.argmin(numbers[start:end])))
            picked.add(start + int(np.argmax(numbers[start:end])))
        chosen = np.array(sorted(picked))
    return times[chosen], [values[place] for place in chosen]
