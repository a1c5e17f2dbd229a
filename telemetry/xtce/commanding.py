"""Commands into bytes: arguments held to their types, the container filled, codes computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from telemetry.xtce import (
    amounts,
    calibration,
    calibrators,
    criteria,
    errorcontrol,
    layout,
    model,
    packing,
    values,
)

LONGEST_BITS = 8 * 1024 * 1024 * 8
_MOST_ENTRIES = 100_000


class BadArguments(ValueError):
    """The arguments are not those of the command; the message names the one that is off."""


class Encoder:
    """One command, ready to be packed."""

    def __init__(self, system: model.SpaceSystem, command: model.Command) -> None:
        self.command = command
        self._system = system
        self._chain: list[model.Container] = []
        if command.container:
            self._chain = list(layout.inheritance(system, command.container))[::-1]
        self._fixed = self._restricted()
        if not command.is_abstract:
            _Check(self).container(self._chain, 0)
        for test in _tests(command):
            criteria.compiled(test, self.type_of)
        for setting in command.settings:
            kind = self.type_of(model.Reference(setting.parameter, line=setting.line))
            calibrators.check(setting.derivation, self.type_of)
            if setting.derivation is None and values.constant(kind, setting.value, True) is None:
                raise model.BadDefinition(
                    f"line {setting.line}: ParameterToSet: {setting.value[:60]} is no value of "
                    f"{setting.parameter}",
                    line=setting.line,
                )

    def _restricted(self) -> dict[str, str]:
        """Return what the containers that it inherits from make of their parameters."""
        fixed: dict[str, str] = {}
        for container in self._chain:
            for comparison in criteria.comparisons(container.criteria):
                if comparison.operator == "==" and isinstance(comparison.right, str):
                    fixed[comparison.left.name] = comparison.right
        return fixed

    def type_of(self, reference: model.Reference) -> model.ParameterType:
        found = None
        if reference.is_argument:
            head = reference.name.split(".")[0].split("[")[0]
            argument = self.command.arguments.get(head)
            if argument is not None:
                found = layout.member(argument.type, reference.name[len(head) :])
        else:
            parameter = layout.find_parameter(self._system, reference.name)
            found = parameter.type if parameter is not None else None
        if found is None:
            raise model.BadDefinition(
                f"line {reference.line}: {reference.name} is not defined", line=reference.line
            )
        return found

    def values(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return every argument's value: fixed by the command, given, or its initial one."""
        command, found = self.command, {}
        for name in arguments:
            if name not in command.arguments:
                raise BadArguments(f"{command.name} has no argument {name}.")
            if name in command.assigned:
                raise BadArguments(f"{name} is fixed: {command.assigned[name]}.")
        for name, argument in command.arguments.items():
            value = command.assigned.get(name, arguments.get(name, argument.initial))
            if value is None:
                raise BadArguments(f"{name} is missing.")
            _hold(argument.type, name, value)
            found[name] = value
        return found

    def encode(
        self, arguments: Mapping[str, Any], parameters: Mapping[str, Any] | None = None
    ) -> bytes:
        """Return the command's bytes. `parameters` are values of parameters that stand in its
        container and that no restriction criterion and no initial value gives."""
        if self.command.is_abstract:
            raise BadArguments(f"{self.command.name} is abstract: send one that inherits from it.")
        writer = _Writer(self, self.values(arguments), dict(parameters or {}))
        return writer.write()

    def given(self, name: str, parameters: Mapping[str, Any]) -> Any:
        if name in parameters:
            return parameters[name]
        if name in self._fixed:
            return self._fixed[name]
        parameter = layout.find_parameter(self._system, name)
        return parameter.initial if parameter is not None else None


def compile_all(system: model.SpaceSystem) -> dict[str, Encoder]:
    return {name: Encoder(system, command) for name, command in system.commands.items()}


class Block:
    """Commands that are sent one behind the other, ready to be packed."""

    def __init__(self, block: model.Block, encoders: Mapping[str, Encoder]) -> None:
        self.block = block
        self._steps = [(encoders[name], given) for name, given in block.steps]
        for encoder, given in self._steps:
            for name, value in given.items():
                try:
                    _hold(encoder.command.arguments[name].type, name, value)
                except BadArguments as error:
                    raise model.BadDefinition(f"{block.place}: {error}", line=block.line) from None

    def encode(self, *steps: Mapping[str, Any]) -> list[bytes]:
        """Return the bytes of each command in order. `steps` are further arguments, one mapping a
        command; without them all come from the block."""
        if steps and len(steps) != len(self._steps):
            raise BadArguments(f"{self.block.name} has {len(self._steps)} commands.")
        more = steps or ({},) * len(self._steps)
        for (encoder, given), extra in zip(self._steps, more, strict=True):
            if both := sorted(set(given) & set(extra)):
                raise BadArguments(f"{encoder.command.name}: {both[0]} is fixed.")
        return [
            encoder.encode({**given, **extra})
            for (encoder, given), extra in zip(self._steps, more, strict=True)
        ]


def compile_blocks(system: model.SpaceSystem, encoders: Mapping[str, Encoder]) -> dict[str, Block]:
    return {name: Block(block, encoders) for name, block in system.blocks.items()}


def _tests(command: model.Command) -> list[model.Criteria]:
    found = [each.criteria for each in command.constraints]
    found += [each.criteria for each in command.verifiers if each.criteria is not None]
    return found + [context for context, _ in command.context_significances]


def _hold(kind: model.ParameterType, name: str, value: Any) -> None:
    """Refuse a value that its type does not take."""
    if kind.kind == "aggregate":
        members = dict(kind.members)
        if not isinstance(value, Mapping) or set(value) != set(members):
            raise BadArguments(f"{name} has the members {', '.join(members)}.")
        for member, inner in members.items():
            _hold(inner, f"{name}.{member}", value[member])
        return
    if kind.kind == "array":
        if isinstance(value, str) or not hasattr(value, "__len__"):
            raise BadArguments(f"{name} is a list.")
        inner = kind.element
        if len(kind.dimensions) > 1:
            inner = layout.resized(kind, kind.dimensions[1:])
        assert inner is not None
        for index, each in enumerate(value):
            _hold(inner, f"{name}[{index}]", each)
        return
    if kind.encoding is None:
        return
    try:
        raw = packing.raw_of(kind, value)
        if kind.encoding.form not in ("text", "binary"):
            packing.bits_of(kind.encoding, raw)
    except packing.BadValue as error:
        raise BadArguments(f"{name}: {error}.") from None


# --- Packing --------------------------------------------------------------------------------


class _Writer:
    def __init__(self, encoder: Encoder, values: dict[str, Any], parameters: dict) -> None:
        self._encoder = encoder
        self._values = values
        self._parameters = parameters
        self._bits = self._at = self._end = 0
        self._pieces: list[tuple[int, int, int]] = []
        self._where: dict[str, tuple[int, int]] = {}
        self._codes: list[tuple[model.ErrorControl, str]] = []
        self._base = 0

    def write(self) -> bytes:
        chain = self._encoder._chain
        self._containers(chain)
        size = next((c.size for c in reversed(chain) if c.size is not None), None)
        for container in chain:
            self._codes += [(code, code.parameter) for code in container.errors]
        end = max(self._end, size or 0)
        end += -end % 8
        whole = 0
        for at, bits, value in self._pieces:
            whole |= value << (end - at - bits)
        for code, name in self._codes:
            at, bits = self._where[name]
            first, last = errorcontrol.covered(code, at, bits, size or self._end)
            covered = whole >> (end - last) & ((1 << max(0, last - first)) - 1)
            found = errorcontrol.compute(code, covered, max(0, last - first)) & ((1 << bits) - 1)
            whole |= found << (end - at - bits)
        return whole.to_bytes(end // 8)

    def _get(self, reference: model.Reference) -> Any:
        name = reference.name
        if not reference.is_argument:
            value = self._encoder.given(name, self._parameters)
        else:
            head = name.split(".")[0].split("[")[0]
            value = _member(self._values.get(head), name[len(head) :])
        if value is None:
            return None
        kind = self._encoder.type_of(reference)
        if reference.is_calibrated:
            if kind.kind in ("integer", "float"):
                return packing.number(value)
            return bool(packing.raw_of(kind, value)) if kind.kind == "boolean" else value
        return packing.raw_of(kind, value)

    def _containers(self, chain: list[model.Container]) -> None:
        for container in chain:
            for entry in container.entries:
                self._entry(entry)

    def _entry(self, entry: model.Entry) -> None:
        types, get = self._encoder.type_of, self._get
        try:
            if entry.condition is not None and not criteria.compiled(entry.condition, types)(get):
                return
            if entry.location is not None:
                anchor = self._base if entry.location.reference == "containerStart" else self._at
                self._at = anchor + amounts.compiled(entry.location.bits, types)(get)
            count = 1
            if entry.count is not None:
                count = amounts.compiled(entry.count, types)(get)
            if not 0 <= count <= _MOST_ENTRIES or self._at < 0:
                raise BadArguments(f"{entry.place}: would be there {count} times.")
            for number in range(count):
                if number:
                    self._at += amounts.compiled(entry.spacing, types)(get)
                self._once(entry)
        except amounts.BadAmount as error:
            raise BadArguments(f"{error}.") from None

    def _once(self, entry: model.Entry) -> None:
        if entry.container:
            base, self._base = self._base, self._at
            system = self._encoder._system
            self._containers(list(layout.inheritance(system, entry.container))[::-1])
            self._base = base
        elif entry.fixed is not None:
            self._put(*entry.fixed)
        elif entry.argument:
            kind = self._encoder.command.arguments[entry.argument].type
            self._value(kind, entry.argument, self._values[entry.argument], entry)
        else:
            parameter = layout.find_parameter(self._encoder._system, entry.parameter)
            assert parameter is not None
            encoding = parameter.type.encoding
            value = self._encoder.given(entry.parameter, self._parameters)
            is_code = encoding is not None and encoding.error is not None
            codes = [c.parameter for each in self._encoder._chain for c in each.errors]
            if value is None and (is_code or entry.parameter in codes):
                value = 0
            if value is None:
                raise BadArguments(f"The value of parameter {entry.parameter} is missing.")
            at = self._at
            self._value(parameter.type, entry.parameter, value, entry)
            self._where[entry.parameter] = (at, self._at - at)
            if is_code:
                assert encoding is not None
                assert encoding.error is not None
                self._codes.append((encoding.error, entry.parameter))

    def _value(self, kind: model.ParameterType, name: str, value: Any, entry: model.Entry) -> None:
        if kind.kind == "aggregate":
            for member, inner in kind.members:
                self._value(inner, f"{name}.{member}", value[member], entry)
            return
        if kind.kind == "array":
            self._array(kind, name, value, entry.dimensions or kind.dimensions, entry)
            return
        encoding = kind.encoding
        assert encoding is not None
        try:
            raw = packing.raw_of(self._dated(kind), value)
            if encoding.form in ("text", "binary"):
                size = None
                if encoding.size is not None:
                    size = amounts.compiled(encoding.size, self._encoder.type_of)(self._get)
                self._put(*packing.octets_of(encoding, raw, size))
            else:
                self._put(packing.bits_of(encoding, raw), encoding.bits)
        except packing.BadValue as error:
            raise BadArguments(f"{name}: {error}.") from None

    def _dated(self, kind: model.ParameterType) -> model.ParameterType:
        """Return a time that counts from another one as one that counts from what that is in this
        command, to the last bit of it."""
        name = kind.epoch.parameter
        if not name:
            return kind
        since = self._dated(self._encoder.type_of(model.Reference(name)))
        value = self._encoder.given(name, self._parameters)
        if value is None:
            raise BadArguments(f"The value of parameter {name} is missing.")
        raw = np.array([packing.raw_of(since, value)])
        return replace(kind, epoch=model.Epoch(calibration.times_ns(since, raw, 0).item()))

    def _array(
        self,
        kind: model.ParameterType,
        name: str,
        value: Any,
        dimensions: tuple[tuple[model.Amount, model.Amount], ...],
        entry: model.Entry,
    ) -> None:
        (first, last), rest = dimensions[0], dimensions[1:]
        types = self._encoder.type_of
        low = amounts.compiled(first, types)(self._get)
        high = amounts.compiled(last, types)(self._get)
        if isinstance(value, str) or not hasattr(value, "__len__") or len(value) != high - low + 1:
            raise BadArguments(f"{name} has {high - low + 1} elements.")
        for index, each in enumerate(value):
            inner = f"{name}[{index + low}]"
            if rest:
                self._array(kind, inner, each, rest, entry)
            else:
                assert kind.element is not None
                self._value(kind.element, inner, each, entry)

    def _put(self, value: int, size: int) -> None:
        if self._at + size > LONGEST_BITS:
            raise BadArguments(f"The command would have more than {LONGEST_BITS} bits.")
        self._pieces.append((self._at, size, value))
        self._at += size
        self._end = max(self._end, self._at)


def _member(value: Any, path: str) -> Any:
    for step in layout.steps_of(path):
        try:
            value = value[step[1:]] if step.startswith(".") else value[int(step[1:-1])]
        except (KeyError, IndexError, TypeError, ValueError):
            return None
    return value


# --- What is refused at load ----------------------------------------------------------------


def _counts_from(kind: model.ParameterType) -> bool:
    """Say whether a time in a type counts from a parameter."""
    inner = [part for _, part in kind.members] + ([kind.element] if kind.element else [])
    return bool(kind.epoch.parameter) or any(map(_counts_from, inner))


class _Check:
    """Holds the entries of a command to what can be packed."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._count = 0

    def container(self, chain: list[model.Container], depth: int) -> None:
        for container in chain:
            if depth > layout.DEEPEST:
                raise model.BadDefinition(
                    f"{container.place}: container {container.name} holds itself",
                    line=container.line,
                )
            for entry in container.entries:
                self._count += 1
                if self._count > _MOST_ENTRIES:
                    raise self._bad(entry, "more entries than can be packed")
                self._entry(entry, depth)

    def _entry(self, entry: model.Entry, depth: int) -> None:
        types = self._encoder.type_of
        if entry.location is not None and entry.location.reference not in (
            *("containerStart", "previousEntry"),
        ):
            reference = entry.location.reference
            raise self._bad(entry, f"a place from {reference} is not supported in a command")
        for amount in (entry.count, entry.spacing, entry.location and entry.location.bits):
            if amount is not None:
                amounts.compiled(amount, types)
        if entry.condition is not None:
            criteria.compiled(entry.condition, types)
        if entry.container:
            system = self._encoder._system
            chain = list(layout.inheritance(system, entry.container))[::-1]
            self.container(chain, depth + 1)
        elif entry.argument:
            argument = self._encoder.command.arguments.get(entry.argument)
            if argument is None:
                name = self._encoder.command.name
                raise self._bad(entry, f"{name} has no argument {entry.argument}")
            self._type(entry, argument.type)
            if _counts_from(argument.type):
                raise self._bad(entry, f"{argument.type.name} counts from a parameter")
        elif entry.parameter:
            found = layout.find_parameter(self._encoder._system, entry.parameter)
            if found is None:
                raise self._bad(entry, f"parameter {entry.parameter} is not defined")
            self._type(entry, found.type)

    def _type(self, entry: model.Entry, kind: model.ParameterType) -> None:
        for _, inner in kind.members:
            self._type(entry, inner)
        if kind.element is not None:
            self._type(entry, kind.element)
            if not (entry.dimensions or kind.dimensions):
                raise self._bad(entry, "an array without dimensions")
            for first, last in entry.dimensions or kind.dimensions:
                amounts.compiled(first, self._encoder.type_of)
                amounts.compiled(last, self._encoder.type_of)
        if kind.members or kind.element is not None:
            return
        if kind.encoding is None:
            raise self._bad(entry, f"{kind.name} has no data encoding")
        if kind.epoch.is_missing:
            raise self._bad(entry, f"{kind.name} has no ReferenceTime: not supported")
        named = kind
        for _ in range(layout.DEEPEST):
            if not named.epoch.parameter:
                break
            named = self._encoder.type_of(model.Reference(named.epoch.parameter, line=entry.line))
        else:
            raise self._bad(entry, f"{kind.name} counts from itself")
        if named.encoding is None or named.epoch.is_missing:
            raise self._bad(entry, f"{kind.name} counts from {named.name}, which has no bits")
        if kind.context_calibrators or not packing.invertible(kind.calibrator):
            raise self._bad(entry, f"the calibrator of {kind.name} has no inverse: not supported")
        if kind.encoding.size is not None:
            amounts.compiled(kind.encoding.size, self._encoder.type_of)

    def _bad(self, entry: model.Entry, what: str) -> model.Unsupported:
        return model.Unsupported(f"{entry.place}: {what}", line=entry.line)
