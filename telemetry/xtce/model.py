"""What an XTCE definition says, in plain values (OMG XTCE 1.2, formal/2020-06-01)."""

from __future__ import annotations

import math
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
class Comparison:
    """`parameter` `operator` `value`; the value is text until its type is known."""

    parameter: str
    operator: str
    value: str
    is_calibrated: bool
    line: int


@dataclass(frozen=True, slots=True)
class And:
    """All terms hold."""

    terms: tuple[Criteria, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one term holds."""

    terms: tuple[Criteria, ...]


Criteria = Comparison | And | Or


# --- Alarms ---------------------------------------------------------------------------------

Level = Literal["normal", "watch", "warning", "distress", "critical", "severe"]
LEVELS: tuple[Level, ...] = ("normal", "watch", "warning", "distress", "critical", "severe")
"""From no concern to the highest."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Numbers from `low` to `high`; a side may be missing (infinite), and its end left out."""

    low: float = -math.inf
    high: float = math.inf
    excludes_low: bool = False
    excludes_high: bool = False

    def holds(self, value: float) -> bool:
        """Say whether the number lies within. What is not a number lies nowhere."""
        is_over = value > self.low if self.excludes_low else value >= self.low
        is_under = value < self.high if self.excludes_high else value <= self.high
        return is_over and is_under


@dataclass(frozen=True, slots=True)
class AlarmRange:
    """A level, and where it holds: outside of the bounds (XTCE's usual form), or inside."""

    level: Level
    bounds: Bounds
    is_inside: bool = False

    def is_violated(self, value: float) -> bool:
        return self.bounds.holds(value) == self.is_inside


@dataclass(frozen=True, slots=True)
class ChangeAlarm:
    """Ranges of how fast a value changes: per second or per sample, absolute or in per cent of the
    older value, looked at over at least so many samples and so many seconds."""

    ranges: tuple[AlarmRange, ...]
    is_per_second: bool = True
    is_percentage: bool = False
    span_samples: int = 1
    span_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Alarm:
    """When a parameter is in alarm, and at what level: the highest of all that hold.

    `ranges` are of engineering values (static and multiple ranges together; of times, in seconds).
    `labels` gives levels for labels of an enumeration, `patterns` for texts that a regular
    expression matches; a value in neither has `default_level`. `conditions` are levels with what
    must hold for them. A level holds after `min_violations` samples in a row, and has gone after
    `min_conformance` in a row.
    """

    ranges: tuple[AlarmRange, ...] = ()
    change: ChangeAlarm | None = None
    labels: tuple[tuple[str, Level], ...] = ()
    patterns: tuple[tuple[str, Level], ...] = ()
    default_level: Level = "normal"
    conditions: tuple[tuple[Level, Criteria], ...] = ()
    min_violations: int = 1
    min_conformance: int = 1
    line: int = 0


@dataclass(frozen=True, slots=True)
class ContextAlarm:
    """An alarm that takes the place of the default one while its context holds; of several whose
    context holds, the first in the file."""

    context: Criteria
    alarm: Alarm


# --- Types ----------------------------------------------------------------------------------


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
    alarm: Alarm | None = None
    context_alarms: tuple[ContextAlarm, ...] = ()


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    type: ParameterType
    description: str = ""


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
