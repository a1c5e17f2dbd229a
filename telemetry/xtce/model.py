"""What an XTCE definition says, in plain values (OMG XTCE 1.2, formal/2020-06-01)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["integer", "float", "enumerated", "boolean", "string", "binary", "time"]


class BadDefinition(ValueError):
    """The definition contradicts itself or the standard."""


class Unsupported(BadDefinition):
    """The definition asks for something that would not be done; the message has the line."""


@dataclass(frozen=True, slots=True)
class Size:
    """A size in bits: `fixed`, or `slope` times the raw value of `parameter` plus `intercept`."""

    fixed: int = 0
    parameter: str = ""
    slope: int = 1
    intercept: int = 0


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a value lies in the packet.

    `form` is unsigned, twosComplement, signMagnitude, onesComplement, float, or for strings and
    binaries the name of the character set or "binary".
    """

    form: str
    size: Size
    is_little_endian: bool = False


@dataclass(frozen=True, slots=True)
class Polynomial:
    """Sum of coefficient times raw to the exponent, in the order of the file."""

    terms: tuple[tuple[float, int], ...]


@dataclass(frozen=True, slots=True)
class Spline:
    """Points (raw, calibrated) in rising order; order 0 takes the point below, 1 a line.

    Outside the points there is no value unless it extrapolates.
    """

    points: tuple[tuple[float, float], ...]
    order: int
    extrapolates: bool


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a time counts from: an instant in ns since 1970, or the time in another parameter."""

    epoch_ns: int = 0
    parameter: str = ""


@dataclass(frozen=True, slots=True)
class ParameterType:
    """A type. `labels` are those of an enumeration as (first, last, label), or of a boolean as
    ((0, 0, "off"), (1, 1, "on")); `scale_ns` and `offset_ns` are those of a time."""

    name: str
    kind: Kind
    encoding: Encoding
    unit: str = ""
    calibrator: Polynomial | Spline | None = None
    labels: tuple[tuple[int, int, str], ...] = ()
    scale_ns: float = 1e9
    offset_ns: float = 0.0
    reference: Reference = Reference()


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    type: ParameterType
    description: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """`parameter` `operator` `value`; the value is text until its type is known."""

    parameter: str
    operator: str
    value: str
    is_calibrated: bool
    line: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A parameter, or another container, in its place in a container."""

    parameter: str = ""
    container: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Container:
    name: str
    entries: tuple[Entry, ...]
    is_abstract: bool = False
    base: str = ""
    criteria: tuple[Comparison, ...] = ()
    line: int = 0


@dataclass(slots=True)
class SpaceSystem:
    """Everything that one file defines, by name."""

    name: str
    parameters: dict[str, Parameter] = field(default_factory=dict)
    containers: dict[str, Container] = field(default_factory=dict)
