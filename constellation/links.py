"""Laser links between satellites: who is in sight of whom, within their terminals."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from constellation import catalogue
from constellation.models import ElementSet
from constellation.orbits import isl


@dataclass(frozen=True)
class Link:
    """Two satellites that see each other, by code, the lesser first."""

    first: str
    second: str
    range_m: float
    bit_per_s: int


def links_at(at: datetime, rows: Sequence[ElementSet] | None = None) -> list[Link]:
    """Return the links at an instant, the shortest first.

    A satellite holds at most as many as its hardware has terminals; the shortest go first.
    """
    if rows is None:
        rows = catalogue.elements_of_record(at)
    able = [row for row in rows if row.satellite.profile.isl_terminals]
    position_m = catalogue.orbits(able).states([at.timestamp()]).position_m[:, 0]
    terminals = [row.satellite.profile.isl_terminals for row in able]
    chosen = []
    for range_m, one, other in _by_range(position_m):
        if terminals[one] and terminals[other]:
            terminals[one] -= 1
            terminals[other] -= 1
            chosen.append(_link(able[one], able[other], range_m))
    return chosen


def _by_range(position_m: np.ndarray) -> list[tuple[float, int, int]]:
    pairs = np.array(isl.links(position_m), dtype=np.int64).reshape(-1, 2)
    range_m = np.linalg.norm(position_m[pairs[:, 0]] - position_m[pairs[:, 1]], axis=-1)
    order = np.argsort(range_m, kind="stable")
    return [(float(range_m[k]), int(pairs[k, 0]), int(pairs[k, 1])) for k in order]


def _link(one: ElementSet, other: ElementSet, range_m: float) -> Link:
    profiles = one.satellite.profile, other.satellite.profile
    first, second = sorted([one.satellite.code, other.satellite.code])
    return Link(first, second, range_m, min(each.isl_bit_per_s for each in profiles))
