"""Which satellites go first: rings by filter and percentage, spread over the planes. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any

from uplink.rollouts import reading

NAMES_MAX = 5_000
FILTERS = ("role", "profile", "plane", "shell", "cluster", "codes")


class Unfillable(ValueError):
    """A ring that no satellites are left for, or a canary that would take a whole plane."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A satellite that may be chosen, by what rings ask for."""

    pk: int
    code: str
    role: str
    profile: str
    plane: str
    shell: str
    slot: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """One ring as it was asked for; `chosen` holds the names a filter admits."""

    name: str
    percentage: float = 100.0
    is_canary: bool = False
    filter: Mapping[str, frozenset[str]] = field(default_factory=dict)


def parse_filter(given: Any) -> dict[str, frozenset[str]]:
    """Read `{"plane": ["P01"], "role": "inference"}`; a cluster is a plane or a shell.

    Raises `reading.Malformed`.
    """
    found = reading.fields(given, FILTERS, "filter")
    read = {}
    for name, wanted in found.items():
        names = [wanted] if isinstance(wanted, str) else wanted
        if not isinstance(names, list) or not 1 <= len(names) <= NAMES_MAX:
            raise reading.Malformed(f"filter.{name} must be a name, or a list of names.")
        if not all(isinstance(one, str) and one for one in names):
            raise reading.Malformed(f"filter.{name} must hold names.")
        read[name] = frozenset(names)
    return read


def admits(chosen: Mapping[str, frozenset[str]], one: Candidate) -> bool:
    """Say whether a filter's conditions are all met; without any, every satellite is meant."""
    has = {
        "role": {one.role},
        "profile": {one.profile},
        "plane": {one.plane},
        "shell": {one.shell},
        "cluster": {one.plane, one.shell} - {""},
        "codes": {one.code},
    }
    return all(not names.isdisjoint(has[name]) for name, names in chosen.items())


def share_out(
    wanted: Sequence[Wanted], candidates: Iterable[Candidate], plane_sizes: Mapping[str, int]
) -> list[list[Candidate]]:
    """Return the satellites of each ring, each satellite once.

    The percentage is of what the filter admits and earlier rings left, rounded up. Satellites are
    taken from the planes in turn. A canary leaves at least one of the `plane_sizes[plane]`
    satellites of every plane alone; who flies in no plane stands for nobody else. Raises
    `Unfillable`.
    """
    left = {one.pk: one for one in candidates}
    rings = []
    for number, ring in enumerate(wanted):
        admitted = [one for one in left.values() if admits(ring.filter, one)]
        if not admitted:
            raise Unfillable(f"Ring {number} ({ring.name}): no satellite is left for it.")
        count = max(1, ceil(ring.percentage / 100.0 * len(admitted) - 1e-9))
        ordered = _spread(admitted)
        if ring.is_canary:
            ordered = _spared(ring, number, ordered, plane_sizes)
        chosen = ordered[:count]
        for one in chosen:
            del left[one.pk]
        rings.append(chosen)
    return rings


def _spread(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Order satellites so that the planes take turns, in each by slot."""
    planes: dict[str, list[Candidate]] = defaultdict(list)
    for one in sorted(candidates, key=lambda one: (one.plane, one.slot, one.code)):
        planes[one.plane].append(one)
    turns = [(turn, plane, one) for plane, row in planes.items() for turn, one in enumerate(row)]
    return [one for _, _, one in sorted(turns, key=lambda turn: (turn[0], turn[1]))]


def _spared(
    ring: Wanted, number: int, ordered: list[Candidate], plane_sizes: Mapping[str, int]
) -> list[Candidate]:
    taken: Counter[str] = Counter()
    kept = []
    for one in ordered:
        if one.plane and taken[one.plane] + 1 >= max(plane_sizes.get(one.plane, 0), 1):
            if "codes" in ring.filter and ring.percentage >= 100:
                raise Unfillable(
                    f"Ring {number} ({ring.name}) is a canary and names every satellite of plane "
                    f"{one.plane}; leave at least one out."
                )
            continue
        taken[one.plane] += 1
        kept.append(one)
    if not kept:
        raise Unfillable(
            f"Ring {number} ({ring.name}) is a canary, and every satellite left for it is its "
            "whole plane."
        )
    return kept
