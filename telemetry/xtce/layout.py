"""Where the values of a container lie, and how one of them is read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from telemetry.xtce import bits, calibration, model


class TooShort(ValueError):
    """A packet ends before its container does."""


@dataclass(frozen=True, slots=True)
class Field:
    """One parameter in its place: `offset_bits` is None behind a field of varying length."""

    parameter: model.Parameter
    offset_bits: int | None

    @property
    def fixed_bits(self) -> int:
        return self.parameter.type.encoding.size.fixed

    @property
    def is_number(self) -> bool:
        return self.parameter.type.kind not in ("string", "binary")

    @property
    def is_fixed(self) -> bool:
        return self.offset_bits is not None and self.fixed_bits > 0


@dataclass(frozen=True, slots=True)
class Plan:
    """A container with all it inherits, laid out. `fixed_bits`: where the fixed part ends."""

    container: str
    fields: tuple[Field, ...]
    fixed_bits: int

    @property
    def fixed_bytes(self) -> int:
        return -(-self.fixed_bits // 8)

    @property
    def is_fixed(self) -> bool:
        return all(placed.is_fixed for placed in self.fields)


def plan(system: model.SpaceSystem, name: str) -> Plan:
    """Lay out a container behind those it inherits from. BadDefinition when it cannot be."""
    fields: list[Field] = []
    offset: int | None = 0
    fixed_bits = 0
    seen: set[str] = set()
    for parameter, line in _flat(system, name, ()):
        _check_place(parameter, line, name, seen)
        seen.add(parameter.name)
        fields.append(Field(parameter, offset))
        size = parameter.type.encoding.size.fixed
        offset = offset + size if offset is not None and size else None
        fixed_bits = fixed_bits if offset is None else offset
    return Plan(name, tuple(fields), fixed_bits)


def _check_place(parameter: model.Parameter, line: int, container: str, seen: set[str]) -> None:
    if parameter.name in seen:
        raise model.Unsupported(
            f"line {line}: {parameter.name} a second time in {container} is not supported"
        )
    kind = parameter.type
    for needed in (kind.encoding.size.parameter, kind.reference.parameter):
        if needed and needed not in seen:
            raise model.BadDefinition(
                f"line {line}: {parameter.name} needs {needed}, which is not before it"
            )


def _flat(
    system: model.SpaceSystem, name: str, inside: tuple[str, ...]
) -> Iterator[tuple[model.Parameter, int]]:
    """Yield the parameters of a container in order, inherited and included ones in their place."""
    container = system.containers.get(name)
    if container is None:
        raise model.BadDefinition(f"container {name} is not defined")
    if name in inside:
        raise model.BadDefinition(f"line {container.line}: container {name} holds itself")
    inside = (*inside, name)
    if container.base:
        yield from _flat(system, container.base, inside)
    for entry in container.entries:
        if entry.container:
            yield from _flat(system, entry.container, inside)
        elif entry.parameter in system.parameters:
            yield system.parameters[entry.parameter], entry.line
        else:
            raise model.BadDefinition(
                f"line {entry.line}: parameter {entry.parameter} is not defined"
            )


def number(encoding: model.Encoding, value: NDArray[np.uint64]) -> NDArray:
    """Return what the bits of a numeric encoding mean: int64, float64, or uint64 of 64 bits."""
    size = encoding.size.fixed
    if encoding.is_little_endian:
        value = bits.swap(value, size)
    if encoding.form == "float":
        return bits.floating(value, size)
    return bits.signed(value, encoding.form, size)


def bits_of(packet: bytes, offset_bits: int, size_bits: int) -> int:
    """Return an unsigned integer out of one packet; TooShort when it ends before."""
    end = offset_bits + size_bits
    if end > len(packet) * 8:
        raise TooShort(f"{len(packet)} bytes end before bit {end}")
    whole = int.from_bytes(packet[offset_bits // 8 : -(-end // 8)])
    return whole >> (-end % 8) & ((1 << size_bits) - 1)


def value_at(placed: Field, packet: bytes) -> int | float | bytes:
    """Return the raw value of a field of fixed place out of one packet."""
    value = bits_of(packet, placed.offset_bits, placed.fixed_bits)
    if not placed.is_number:
        return value.to_bytes(placed.fixed_bits // 8)
    return number(placed.parameter.type.encoding, np.array([value], np.uint64))[0].item()


def scalar(chosen: Plan, packet: bytes) -> dict[str, int | float | bytes]:
    """Return all raw values of one packet by name, one after the other."""
    raw: dict[str, int | float | bytes] = {}
    at = 0
    for placed in chosen.fields:
        encoding = placed.parameter.type.encoding
        size = encoding.size.fixed
        if not size:
            size = encoding.size.slope * int(raw[encoding.size.parameter]) + encoding.size.intercept
            if size < 0 or size % 8:
                raise TooShort(f"{placed.parameter.name} would have {size} bits")
        value = bits_of(packet, at, size)
        if placed.is_number:
            raw[placed.parameter.name] = number(encoding, np.array([value], np.uint64))[0].item()
        else:
            raw[placed.parameter.name] = value.to_bytes(size // 8)
        at += size
    return raw


def engineering(
    kind: model.ParameterType, raw: NDArray | list[bytes], reference_ns: NDArray | int
) -> NDArray | list:
    """Return the engineering values of a column; `reference_ns` is what a time counts from."""
    match kind.kind:
        case "binary":
            return raw
        case "string":
            return [_text(kind.encoding.form, each) for each in raw]
        case "time":
            return calibration.times_ns(kind, raw, reference_ns)
        case "enumerated":
            return calibration.labels(kind.labels, raw)
        case "boolean":
            return raw != 0
    if isinstance(kind.calibrator, model.Polynomial):
        return calibration.polynomial(kind.calibrator, raw)
    if isinstance(kind.calibrator, model.Spline):
        return calibration.spline(kind.calibrator, raw)
    return raw.astype(np.float64) if kind.kind == "float" else raw


def _text(characters: str, raw: bytes) -> str:
    """Return the text without its fill of zeros; what is no text shows as U+FFFD."""
    return raw.decode(characters, "replace").rstrip("\0")
