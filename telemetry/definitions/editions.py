"""A definition as ingest and readers use it: compiled, with what it says of packets and groups."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import UUID

from telemetry import xtce
from telemetry.definitions import generation
from telemetry.xtce import criteria

APID_PLACE = (5, 11)
"""Offset and size in bits of the APID in a space packet (CCSDS 133.0-B-2, 4.1.3.3)."""


@dataclass(eq=False)
class Edition:
    """One version of a definition. `id` is None for the one that comes with Zenith."""

    id: UUID | None
    xtce: xtce.Definition
    told: dict[str, Any] | None = None
    """What its uploader said of the times of its packets (`generation.read`)."""

    @property
    def title(self) -> str:
        """What people call it: its name, its version, and which of that name it is."""
        system = self.xtce.system
        which = "comes with Zenith" if self.id is None else str(self.id)[:8]
        return f"{' '.join(filter(None, (system.name, system.version)))} ({which})"

    @cached_property
    def times(self) -> tuple[generation.Source, ...]:
        """Where packets say when they were generated; nowhere, and it is when they come."""
        return generation.of_json(self.told) or generation.told_by(self.xtce)

    @cached_property
    def header_containers(self) -> frozenset[str]:
        """The containers that only hold what every packet says of itself: abstract roots."""
        containers = self.xtce.system.containers
        return frozenset(name for name in self.xtce.roots if containers[name].is_abstract)

    @cached_property
    def header_parameters(self) -> frozenset[str]:
        """Parameters in the header of every packet; the packet table has them, not the archive."""
        return frozenset(
            placed.parameter.name
            for name in self.header_containers
            for placed in self.xtce.plans[name].fields
        )

    @cached_property
    def apids(self) -> frozenset[int] | None:
        """The APIDs of which the definition describes packets; None when it cannot be told but by
        reading them."""
        found: set[int] = set()
        messages = self.xtce.system.messages.values()
        named = {
            placed.leaf.key
            for name in [*self.xtce.roots, *(message.container for message in messages)]
            for placed in self.xtce.plans[name].fields
            if (placed.offset_bits, placed.leaf.fixed_bits) == APID_PLACE
        }
        for each in [*self.xtce.system.containers.values(), *messages]:
            plain = criteria.comparisons(each.criteria)
            looks = [r for r in criteria.references(each.criteria) if r.name in named]
            equal = [c for c in plain if c.left.name in named and c.operator == "=="]
            if len(equal) != len(looks):
                return None
            for comparison in equal:
                number = criteria.number_of(str(comparison.right))
                if not isinstance(number, int):
                    return None
                found.add(number)
        return frozenset(found) if found else None

    def describes(self, apid: int) -> bool:
        """Say whether packets of an APID are read by this definition."""
        return self.apids is None or apid in self.apids

    @cached_property
    def groups(self) -> dict[str, str]:
        """For each archived parameter the group that it is in."""
        found: dict[str, str] = {}
        for name, plan in self.xtce.plans.items():
            if name in self.header_containers:
                continue
            for placed in plan.fields:
                if placed.parameter.name not in self.header_parameters:
                    found[placed.parameter.name] = placed.leaf.group
            for parameter in self.xtce.derived(name):
                found[parameter.name] = name
        return found

    def own(self, group: str) -> str:
        """Return the name of a group where another edition has one of the same name."""
        return f"{group}@{str(self.id)[:8]}"

    def group_of(self, parameter: str) -> str | None:
        """Return the group of a parameter, also of an element of an array of varying size."""
        group = self.groups.get(parameter)
        if group is None and "[" in parameter and parameter in self.xtce.parameters:
            base = parameter.partition("[")[0]
            names = [
                name
                for name, plan in self.xtce.plans.items()
                if base in plan.types or any(key.startswith(f"{base}[") for key in plan.types)
            ]
            if names:
                group = f"{names[-1]}:{parameter.partition('.')[0]}"
        return group
