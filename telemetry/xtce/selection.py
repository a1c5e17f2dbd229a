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
        self._messages = [
            _Child(
                message.container,
                criteria.compiled(message.criteria, plans[message.container].type_of),
                programs[message.container],
            )
            for message in system.messages.values()
        ]
        self.roots = self._find_roots()
        self._places = self._fixed_places(plans)
        self._needed = max((-(-(at + size) // 8) for at, size in self._places or ()), default=0)
        self._known: dict[object, str | NoContainer] = {}

    def container_of(self, packet: bytes) -> str:
        """Return the name of the most particular container; NoContainer says why there is none."""
        return self._descend(packet)

    def sort(
        self, packets: Sequence[bytes], lengths: NDArray[np.int64], rows: bytes = b""
    ) -> tuple[dict[str, Sequence[int]], dict[int, str]]:
        """Return the indices of the packets of each container, and for the others the reason.

        `rows` are the packets one behind the other, and padding, when all have one length.
        """
        members: dict[str, list[Sequence[int]]] = defaultdict(list)
        refused: dict[int, str] = {}

        def put(index: int, indices: Sequence[int], key: object) -> None:
            found = self._known.get(key) if key is not None else None
            if found is None:
                found = self._descended(packets[index])
                if key is not None:
                    if len(self._known) >= _REMEMBERED:
                        self._known.clear()
                    self._known[key] = found
            if isinstance(found, NoContainer):
                refused.update(dict.fromkeys(indices, str(found)))
            else:
                members[found].append(indices)

        is_long = lengths >= self._needed
        if self._places is None:
            is_long = np.zeros(len(packets), bool)
        for index in np.flatnonzero(~is_long).tolist():
            put(index, (index,), None)
        long = np.flatnonzero(is_long)
        if len(long):
            for key, having in self._keys(packets, long, lengths, rows):
                indices = range(len(packets)) if having is None else long[having].tolist()
                put(indices[0], indices, key)
        joined = {name: _joined(parts) for name, parts in members.items()}
        return joined, refused

    def _keys(
        self, packets: Sequence[bytes], long: NDArray, lengths: NDArray, rows: bytes
    ) -> list[tuple[object, NDArray | None]]:
        """Return each combination of what is compared, with the rows that have it; None: all
        packets."""
        assert self._places is not None
        stride, is_all = self._needed, len(long) == len(packets)
        if rows and is_all:
            stride = int(lengths[0])
        else:
            rows = b"".join([packets[index][:stride] for index in long.tolist()])
            rows += bytes(bits.PADDING_BYTES)
        columns = [
            bits.read(rows, len(long), stride, at, size).astype(np.uint64)
            for at, size in self._places
        ]
        if sum(size for _, size in self._places) > 64:
            groups: dict[tuple, list[int]] = defaultdict(list)
            for row, each in enumerate(zip(*(c.tolist() for c in columns), strict=True)):
                groups[each].append(row)
            return [(each, np.array(found)) for each, found in groups.items()]
        key = np.zeros(len(long), np.uint64)
        for column, (_, size) in zip(columns, self._places, strict=True):
            key = (key << np.uint64(size) if size < 64 else key) | column
        if (key == key[0]).all():
            return [(int(key[0]), None if is_all else np.arange(len(long)))]
        distinct, which = np.unique(key, return_inverse=True)
        order = np.argsort(which, kind="stable")
        ends = np.cumsum(np.bincount(which, minlength=len(distinct)))
        return list(zip(distinct.tolist(), np.split(order, ends[:-1]), strict=True))

    def _find_roots(self) -> list[str]:
        containers = self._system.containers.values()
        included = {entry.container for c in containers for entry in c.entries}
        # What messages lead to is found by them alone, where it inherits from nothing.
        included |= {each.name for each in self._messages}
        roots = [c.name for c in containers if not c.base and c.name not in included]
        return [name for name in roots if self._children.get(name)] or roots

    def _fixed_places(self, plans: Mapping[str, layout.Plan]) -> list[tuple[int, int]] | None:
        """Return the (offset, size) in bits of all that is compared, None if one of them moves."""
        places = set()
        looked_at = [
            (name, self._system.containers[child.name].criteria)
            for name, children in self._children.items()
            for child in children
        ]
        looked_at += [(m.container, m.criteria) for m in self._system.messages.values()]
        for name, held in looked_at:
            program = self._programs[name]
            for reference in criteria.references(held):
                place = program.where.get(reference.name)
                if place is None:
                    if (reference.name, True) in program.constants:
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
        for message in self._messages:
            if self._holds(message, message.name, packet, walks):
                below = self._ends(message.name, packet, walks)
                ends += [(name, True) for name, _ in below]
        ends = list(dict.fromkeys(ends))
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
        self, root: str, packet: bytes, walks: dict[str, walking.Walk]
    ) -> list[tuple[str, bool]]:
        """Return where the ways down from a root end, and whether criteria led there: one that
        says what it is goes before a sibling that takes everything."""
        # No recursion: a chain of containers may be longer than Python's stack.
        reached: list[tuple[str, int, bool]] = []
        waiting = [(root, -1, False)]
        while waiting:
            name, above, is_led = waiting.pop()
            number = len(reached)
            reached.append((name, above, is_led))
            waiting += [
                (child.name, number, child.holds is not None)
                for child in reversed(self._children.get(name, ()))
                if self._holds(child, name, packet, walks)
            ]
        ends: list[list[tuple[str, bool]]] = [[] for _ in reached]
        for number in range(len(reached) - 1, -1, -1):
            name, above, is_led = reached[number]
            found = [end for end in ends[number] if end[1]] or ends[number] or [(name, False)]
            if above < 0:
                return found
            ends[above] = [(end, is_led or below) for end, below in found] + ends[above]
        raise AssertionError("the root is the first that is reached")

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


def _joined(parts: list[Sequence[int]]) -> Sequence[int]:
    if len(parts) == 1:
        return parts[0]
    return sorted(index for part in parts for index in part)
