"""Which container a packet is: from a root down, wherever the restriction criteria hold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from telemetry.xtce import amounts, bits, criteria, layout, model, walking

_REMEMBERED = 65_536


class NoContainer(ValueError):
    """No container describes the packet, or more than one does."""


@dataclass(frozen=True, slots=True)
class _Child:
    """A container that inherits, and the test whether a packet is one; None: all are."""

    name: str
    holds: criteria.Test | None
    program: walking.Program


class Tree:
    """The containers of a system by inheritance."""

    def __init__(
        self,
        system: model.SpaceSystem,
        plans: Mapping[str, layout.Plan],
        programs: Mapping[str, walking.Program],
    ) -> None:
        self._system = system
        self._programs = programs
        self._children: dict[str, list[_Child]] = defaultdict(list)
        for name, container in system.containers.items():
            if not container.base or container.base not in plans:
                continue
            plan = plans[container.base]
            test = None
            if container.criteria is not None:
                test = criteria.compiled(container.criteria, plan.type_of)
            self._children[container.base].append(_Child(name, test, programs[container.base]))
        self.roots = self._find_roots()
        self._places = self._fixed_places(plans)
        self._known: dict[object, str | NoContainer] = {}

    def container_of(self, packet: bytes) -> str:
        """Return the name of the most particular container; NoContainer says why there is none."""
        (found,) = self.containers_of([packet])
        if isinstance(found, NoContainer):
            raise found
        return found

    def containers_of(self, packets: Sequence[bytes]) -> list[str | NoContainer]:
        """Return for each packet its container, or why there is none."""
        if self._places is None:
            return [self._descended(packet) for packet in packets]
        needed = max((-(-(at + size) // 8) for at, size in self._places), default=0)
        found: list[str | NoContainer] = [_NONE] * len(packets)
        long = [index for index, packet in enumerate(packets) if len(packet) >= needed]
        if len(long) < len(packets):
            for index in set(range(len(packets))).difference(long):
                found[index] = self._descended(packets[index])
        keys = self._keys([packets[index] for index in long], needed)
        known = self._known
        for index, key in zip(long, keys, strict=True):
            name = known.get(key)
            if name is None:
                name = self._descended(packets[index])
                if len(known) >= _REMEMBERED:
                    known.clear()
                known[key] = name
            found[index] = name
        return found

    def _keys(self, packets: list[bytes], needed: int) -> list:
        """Return for each packet what is compared, as one thing."""
        if not self._places:
            return [0] * len(packets)
        rows = b"".join([packet[:needed] for packet in packets]) + bytes(bits.PADDING_BYTES)
        columns = [bits.read(rows, len(packets), needed, *place) for place in self._places]
        if sum(size for _, size in self._places) > 64:
            return list(zip(*(column.tolist() for column in columns), strict=True))
        key: NDArray = np.zeros(len(packets), np.uint64)
        for column, (_, size) in zip(columns, self._places, strict=True):
            shifted = key << np.uint64(size) if size < 64 else key
            key = shifted | column.astype(np.uint64)
        return key.tolist()

    def _find_roots(self) -> list[str]:
        containers = self._system.containers.values()
        included = {entry.container for c in containers for entry in c.entries}
        roots = [c.name for c in containers if not c.base and c.name not in included]
        return [name for name in roots if self._children.get(name)] or roots

    def _fixed_places(self, plans: Mapping[str, layout.Plan]) -> list[tuple[int, int]] | None:
        """Return the (offset, size) in bits of all that is compared, None if one of them moves."""
        places = set()
        for name, children in self._children.items():
            where = self._programs[name].where
            for child in children:
                for reference in criteria.references(self._system.containers[child.name].criteria):
                    place = where.get(reference.name)
                    if place is None:
                        if (reference.name, True) in self._programs[name].constants:
                            continue
                        return None
                    leaf, at, size = place
                    if size > 64 or leaf.parameter.type.context_calibrators:
                        return None
                    places.add((at, size))
        return sorted(places)

    # --- One packet

    def _descended(self, packet: bytes) -> str | NoContainer:
        try:
            return self._descend(packet)
        except NoContainer as error:
            return error

    def _descend(self, packet: bytes) -> str:
        walks: dict[str, walking.Walk] = {}
        ends = [end for root in self.roots for end in self._ends(root, packet, walks)]
        chosen = [end for end in ends if end[1]] or ends
        if len(chosen) > 1:
            raise NoContainer(f"{' and '.join(name for name, _ in chosen)} both describe it")
        if not chosen:
            raise NoContainer("no container describes it")
        (name, _) = chosen[0]
        if self._system.containers[name].is_abstract:
            raise NoContainer(f"nothing more particular than {name} describes it")
        return name

    def _ends(
        self, name: str, packet: bytes, walks: dict[str, walking.Walk]
    ) -> list[tuple[str, bool]]:
        """Return where the ways down from a container end, and whether criteria led there: one
        that says what it is goes before a sibling that takes everything."""
        ends = []
        for child in self._children.get(name, ()):
            if self._holds(child, name, packet, walks):
                below = self._ends(child.name, packet, walks)
                ends += [(end, is_led or child.holds is not None) for end, is_led in below]
        return [end for end in ends if end[1]] or ends or [(name, False)]

    def _holds(
        self, child: _Child, base: str, packet: bytes, walks: dict[str, walking.Walk]
    ) -> bool:
        if child.holds is None:
            return True
        if base not in walks:
            walks[base] = _walk(child.program, packet)
        try:
            return bool(child.holds(walks[base].get))
        except (walking.TooShort, amounts.BadAmount, bits.BadBits):
            return False


def _walk(program: walking.Program, packet: bytes) -> walking.Walk:
    """Return the way through a packet, as far as it goes: a comparison may need less than all."""
    if program.plan.is_fixed:
        return walking.Walk(program, packet)
    try:
        return program.walk(packet)
    except walking.TooShort:
        return walking.Walk(program, packet)


_NONE = NoContainer("no container describes it")
