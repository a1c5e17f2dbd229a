"""A definition compiled: many packets in, one table of columns a container out.

Fields whose place is fixed are read for all packets of a container at once. In containers whose
layout depends on the packet, a walk finds the places, and the columns are gathered from there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from telemetry.packets import space
from telemetry.xtce import (
    bits,
    blocks,
    building,
    calibrators,
    columns,
    commanding,
    criteria,
    deriving,
    errorcontrol,
    layout,
    model,
    selection,
    validity,
    values,
    walking,
)

_INDEX = re.compile(r"\[\d+\]")


@dataclass(slots=True)
class Table:
    """Packets of one container, by columns.

    `group` is the container's name, or for a parameter that is not in every packet of it,
    "container:parameter", which has a table of its own. `indices` says which of the packets given
    the rows are. `raw` holds int64, uint64 or float64 arrays, or lists of bytes; `values` the
    engineering values: numbers, labels (None: the definition has none), booleans, text, bytes,
    times as int64 ns since 1970-01-01 UTC, and durations as int64 ns. `invalid` says of columns
    that have any which of their values mean nothing, by a ValidRange or a ValidityCondition.
    """

    container: str
    indices: Sequence[int]
    raw: dict[str, NDArray | list[bytes]] = field(default_factory=dict)
    values: dict[str, NDArray | list] = field(default_factory=dict)
    group: str = ""
    invalid: dict[str, NDArray[np.bool_]] = field(default_factory=dict)


@dataclass(slots=True)
class Decoded:
    """Tables, and for each packet that is in none of them the reason; `undescribed` are those of
    them that no container describes, as against those that are not what their container says."""

    tables: list[Table]
    refused: dict[int, str]
    undescribed: set[int] = field(default_factory=set)

    def __iter__(self) -> Iterator[Table]:
        return iter(self.tables)


class Parameters(dict[str, model.Parameter]):
    """All parameters by the names of their columns. Elements of arrays whose size is in the packet
    are described by their array: P[7].x as a member of P."""

    def __init__(self, system: model.SpaceSystem) -> None:
        super().__init__(system.parameters)
        self._system = system

    def __missing__(self, name: str) -> model.Parameter:
        base, mark, rest = name.partition("#")
        number = rest[: len(rest) - len(rest.lstrip("0123456789"))]
        plain = base + rest[len(number) :] if mark else name
        found = layout.find_parameter(self._system, plain)
        while found is None and (index := _INDEX.search(plain)):
            # An index that a repeated entry added, and not the type.
            plain = plain[: index.start()] + plain[index.end() :]
            found = layout.find_parameter(self._system, plain)
        if found is None:
            raise KeyError(name)
        self[name] = model.Parameter(name, found.type, found.description, None, found.source)
        return self[name]

    def get(self, name: str, default: Any = None) -> Any:
        try:
            return self[name]
        except KeyError:
            return default


class Definition:
    """A space system ready to decode with, and to encode commands."""

    def __init__(self, system: model.SpaceSystem) -> None:
        self.system = system
        self.parameters = Parameters(system)
        self.plans = {name: building.plan(system, name) for name in system.containers}
        self._programs = {name: walking.Program(plan, system) for name, plan in self.plans.items()}
        self._together = {name: blocks.Blocks(plan) for name, plan in self.plans.items()}
        self._tree = selection.Tree(system, self.plans, self._programs)
        self._made = deriving.compile_all(system, self.plans)
        self._contexts = {
            name: {
                placed.parameter.name: values.contexts(placed.parameter.type, plan.type_of)
                for placed in plan.fields
                if placed.parameter.type.context_calibrators
            }
            for name, plan in self.plans.items()
        }
        self._has_invalid = {name: validity.is_asked(plan) for name, plan in self.plans.items()}
        self.commands = commanding.compile_all(system)
        self.blocks = commanding.compile_blocks(system, self.commands)
        for parameter in system.parameters.values():
            _check_alarms(parameter.type, self.type_of)
            _check_calibrators(parameter.type, self.type_of)
            if parameter.validity is not None:
                criteria.compiled(parameter.validity, self.type_of)

    @property
    def roots(self) -> list[str]:
        """The containers that selection starts from."""
        return self._tree.roots

    @property
    def left_out(self) -> list[model.LeftOut]:
        """What the files have that is deliberately not carried out, in their order."""
        return self.system.left_out

    def type_of(self, reference: model.Reference) -> model.ParameterType:
        """Return the type of a parameter; BadDefinition when there is none."""
        found = layout.find_parameter(self.system, reference.name)
        if found is None:
            raise model.BadDefinition(
                f"line {reference.line}: parameter {reference.name} is not defined",
                line=reference.line,
            )
        return found.type

    def derived(self, container: str) -> list[model.Parameter]:
        """Return the parameters that algorithms make from the packets of a container."""
        return [self.parameters[one.algorithm.output] for one in self._made.get(container, ())]

    def container_of(self, packet: bytes) -> str:
        """Return the name of the container; selection.NoContainer says why there is none."""
        return self._tree.container_of(packet)

    def decode(self, packets: Sequence[bytes]) -> Decoded:
        """Decode packets, each whole with its primary header, container by container."""
        # Packets of one length are read in one piece by all that follows.
        rows, padding = b"", bytes(bits.PADDING_BYTES)
        if isinstance(packets, space.Alike):
            lengths = np.full(len(packets), packets.size)
            rows = packets.stream + padding
        else:
            lengths = np.fromiter(map(len, packets), np.int64, len(packets))
            if len(packets) and (lengths == lengths[0]).all():
                rows = b"".join(packets) + padding
        members, refused = self._tree.sort(packets, lengths, rows)
        undescribed = set(refused)
        tables: list[Table] = []
        for name, indices in members.items():
            tables += self._tables(name, packets, lengths, indices, refused, rows)
        return Decoded(tables, refused, undescribed)

    def _tables(
        self,
        name: str,
        packets: Sequence[bytes],
        lengths: NDArray,
        indices: Sequence[int],
        refused: dict[int, str],
        rows: bytes,
    ) -> list[Table]:
        """Return the tables of one container; packets that cannot be read are refused singly."""
        plan, rest = self.plans[name], indices
        own = lengths if len(indices) == len(packets) else lengths[indices]
        if (own < plan.fixed_bytes).any():
            for index in indices:
                if lengths[index] < plan.fixed_bytes:
                    refused[index] = f"{lengths[index]} bytes are too few for {name}"
            rest = [index for index in indices if index not in refused]
        while rest:
            whole = rows if len(rest) == len(packets) else b""
            reader = columns.Reader(
                plan, self._programs[name], packets, rest, refused, whole, self._together[name]
            )
            bad = _broken(plan, reader, refused)
            if not bad:
                try:
                    return self._read(plan, reader)
                except columns.Unreadable as error:
                    bad = {reader.indices[row] for row in error.rows}
                    refused.update(dict.fromkeys(bad, str(error)))
            rest = [index for index in reader.indices if index not in bad]
        return []

    def _read(self, plan: layout.Plan, reader: columns.Reader) -> list[Table]:
        contexts = self._contexts[plan.container]
        tables = []
        for group, rows in reader.groups():
            indices = reader.indices
            if rows is not None:
                indices = [reader.indices[row] for row in rows]
            table = Table(plan.container, indices, group=group)
            for name, raw, value in reader.columns(group, contexts):
                table.raw[name], table.values[name] = raw, value
                if self._has_invalid[plan.container]:
                    bad = validity.invalid(reader.parameter(name), raw, value, reader.get, plan)
                    if bad is not None and bad.any():
                        table.invalid[name] = bad
            if rows is None:
                for one in self._made.get(plan.container, ()):
                    made = one.column(reader.get, len(indices))
                    reader.add(one.algorithm.output, *made)
                    table.raw[one.algorithm.output], table.values[one.algorithm.output] = made
            tables.append(table)
        return tables


def _broken(plan: layout.Plan, reader: columns.Reader, refused: dict[int, str]) -> set[int]:
    """Return the packets whose codes do not agree with their bits."""
    bad: set[int] = set()
    for code, name in plan.codes:
        for row, index in enumerate(reader.indices):
            place = reader.place(name, row)
            if index in bad or place is None:
                continue
            packet, (at, size) = reader.packet(row), place
            end = plan.size or len(packet) * 8
            first, last = errorcontrol.covered(code, at, size, end)
            if last < first:
                bad.add(index)
                refused[index] = f"{name}: covers nothing in {len(packet)} bytes"
                continue
            told = bits.of_packet(packet, at, size)
            covered = bits.of_packet(packet, first, last - first)
            wanted = errorcontrol.compute(code, covered, last - first) & ((1 << size) - 1)
            if told != wanted:
                bad.add(index)
                refused[index] = f"{name}: {code.method} is {told:#x}, and {wanted:#x} computed"
    return bad


def _check_alarms(kind: model.ParameterType, type_of: criteria.Types) -> None:
    """Hold the conditions of alarms to what parameters can be compared with."""
    alarms = [one.alarm for one in kind.context_alarms] + ([kind.alarm] if kind.alarm else [])
    tests = [one.context for one in kind.context_alarms]
    tests += [condition for alarm in alarms for _, condition in alarm.conditions]

    for test in tests:
        criteria.compiled(test, type_of)
    for inner in _parts(kind):
        _check_alarms(inner, type_of)


def _check_calibrators(kind: model.ParameterType, type_of: criteria.Types) -> None:
    """Refuse a calculation with what is no number, and a time that counts from what is no time."""
    for each in [kind.calibrator, *(one for _, one in kind.context_calibrators)]:
        calibrators.check(each, type_of)
    if kind.epoch.parameter:
        found = type_of(model.Reference(kind.epoch.parameter, line=kind.line))
        if found.kind != "time":
            raise model.BadDefinition(
                f"line {kind.line}: {kind.epoch.parameter} is {found.kind}, and no time",
                line=kind.line,
            )
    for inner in _parts(kind):
        _check_calibrators(inner, type_of)


def _parts(kind: model.ParameterType) -> list[model.ParameterType]:
    return [inner for _, inner in kind.members] + ([kind.element] if kind.element else [])
