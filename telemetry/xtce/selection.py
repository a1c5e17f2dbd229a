"""Which container a packet is: from the root down, wherever the restriction criteria hold."""

from __future__ import annotations

import operator
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from telemetry.xtce import layout, model

_OPERATORS = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_REMEMBERED = 4096


class NoContainer(ValueError):
    """No container describes the packet, or more than one does."""


@dataclass(frozen=True, slots=True)
class _Test:
    """One comparison ready to make: on raw numbers, or on the engineering value of them."""

    placed: layout.Field
    plan: layout.Plan
    compare: object
    wanted: object
    is_calibrated: bool

    def holds(self, packet: bytes) -> bool:
        try:
            raw = self._raw(packet)
        except layout.TooShort:
            return False
        kind = self.placed.parameter.type
        if not self.is_calibrated:
            return self.compare(raw, self.wanted)
        value = layout.engineering(kind, np.array([raw]), 0)[0]
        return value is not None and bool(self.compare(value, self.wanted))

    def _raw(self, packet: bytes) -> int | float | bytes:
        if self.placed.offset_bits is None:
            return layout.scalar(self.plan, packet)[self.placed.parameter.name]
        return layout.value_at(self.placed, packet)


class Tree:
    """The containers of a system by inheritance."""

    def __init__(self, system: model.SpaceSystem, plans: Mapping[str, layout.Plan]) -> None:
        self._system = system
        self._children: dict[str, list[str]] = defaultdict(list)
        self._tests: dict[str, list[_Test]] = {}
        for name, container in system.containers.items():
            if container.base:
                self._children[container.base].append(name)
                plan = plans[container.base]
                self._tests[name] = [_test(plan, comparison) for comparison in container.criteria]
        self._root = self._find_root()
        self._places = self._fixed_places()
        self._known: dict[tuple[int, ...], str] = {}

    def container_of(self, packet: bytes) -> str:
        """Return the name of the most particular container; NoContainer says why there is none."""
        if self._places is None:
            return self._descend(packet)
        try:
            key = tuple(layout.bits_of(packet, *place) for place in self._places)
        except layout.TooShort as error:
            raise NoContainer(str(error)) from error
        name = self._known.get(key)
        if name is None:
            name = self._descend(packet)
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[key] = name
        return name

    def _find_root(self) -> str:
        containers = self._system.containers.values()
        included = {entry.container for c in containers for entry in c.entries}
        roots = [c.name for c in containers if not c.base and c.name not in included]
        roots = [name for name in roots if self._children[name]] or roots
        if len(roots) != 1:
            raise model.Unsupported(f"{len(roots)} root containers are not supported: {roots}")
        return roots[0]

    def _fixed_places(self) -> list[tuple[int, int]] | None:
        """Return the (offset, size) in bits of all that is compared, None if one of them moves."""
        placed = [test.placed for tests in self._tests.values() for test in tests]
        if any(each.offset_bits is None or not each.fixed_bits for each in placed):
            return None
        return sorted({(each.offset_bits, each.fixed_bits) for each in placed})

    def _descend(self, packet: bytes) -> str:
        name = self._root
        while True:
            found = [
                child
                for child in self._children.get(name, ())
                if all(test.holds(packet) for test in self._tests[child])
            ]
            if len(found) > 1:
                raise NoContainer(f"{' and '.join(found)} both describe it")
            if not found:
                break
            name = found[0]
        if self._system.containers[name].is_abstract:
            raise NoContainer(f"nothing more particular than {name} describes it")
        return name


def _test(plan: layout.Plan, comparison: model.Comparison) -> _Test:
    placed = next((f for f in plan.fields if f.parameter.name == comparison.parameter), None)
    if placed is None:
        raise model.BadDefinition(
            f"line {comparison.line}: {comparison.parameter} is not in {plan.container}"
        )
    kind = placed.parameter.type
    is_calibrated = comparison.is_calibrated and bool(kind.calibrator or kind.labels)
    return _Test(
        placed,
        plan,
        _OPERATORS[comparison.operator],
        _wanted(kind, comparison, is_calibrated),
        is_calibrated,
    )


def _wanted(kind: model.ParameterType, comparison: model.Comparison, is_calibrated: bool):
    text = comparison.value
    if kind.kind in ("string", "binary", "time"):
        raise model.Unsupported(
            f"line {comparison.line}: Comparison: with a {kind.kind} is not supported"
        )
    if is_calibrated and kind.kind == "boolean":
        if text not in (label for _, _, label in kind.labels):
            raise model.BadDefinition(f"line {comparison.line}: {kind.name} is never {text}")
        return text == kind.labels[1][2]
    if is_calibrated and kind.kind == "enumerated":
        return text
    for read in (int, lambda digits: int(digits, 0), float):
        try:
            return read(text)
        except ValueError:
            continue
    raise model.BadDefinition(f'line {comparison.line}: "{text}" is no number')
