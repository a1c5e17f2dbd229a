"""What an XTCE definition says, in plain values (OMG XTCE 1.2, formal/2020-06-01).

References are resolved: a name in here is the qualified one, followed by the path to a member or
an element where there is one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

Kind = Literal[
    "integer",
    "float",
    "enumerated",
    "boolean",
    "string",
    "binary",
    "time",
    "duration",
    "array",
    "aggregate",
]


class BadDefinition(ValueError):
    """The definition contradicts itself or the standard. `line` is 0 where none is to blame."""

    def __init__(self, message: str, *, line: int = 0, element: str = "") -> None:
        super().__init__(message)
        self.line = line
        self.element = element
        self.others: list[BadDefinition] = []
        """All refusals of the file that were found, this one first; empty: it is the only one."""


class Unsupported(BadDefinition):
    """The definition asks for something that would not be done; the message has the line."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something a definition has that is read and deliberately not carried out; no value depends
    on it. `file` is empty when there is one file only."""

    line: int
    element: str
    detail: str
    file: str = ""


# --- What must hold -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reference:
    """A parameter, or in commands an argument, and whether its engineering value is meant."""

    name: str
    is_calibrated: bool = True
    is_argument: bool = False
    line: int = 0


@dataclass(frozen=True, slots=True)
class Comparison:
    """`left` `operator` `right`; the right side is another reference, or text that is read by the
    type of the left."""

    left: Reference
    operator: str
    right: Reference | str
    line: int = 0

    @property
    def parameter(self) -> str:
        return self.left.name


@dataclass(frozen=True, slots=True)
class And:
    """All terms hold."""

    terms: tuple[Criteria, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one term holds."""

    terms: tuple[Criteria, ...]


Criteria = Comparison | And | Or


@dataclass(frozen=True, slots=True)
class Dynamic:
    """Slope times a value plus intercept."""

    reference: Reference
    slope: float = 1.0
    intercept: float = 0.0


@dataclass(frozen=True, slots=True)
class Lookup:
    """The number of the first case that holds; the default if none does."""

    cases: tuple[tuple[Criteria, int], ...]
    default: int | None = None
    line: int = 0


Amount = int | Dynamic | Lookup
"""A whole number: fixed, or known only with the packet."""


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

    def __str__(self) -> str:
        low = "over" if self.excludes_low else "from"
        high = "to under" if self.excludes_high else "to"
        return f"{low} {self.low:g} {high} {self.high:g}"


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
class ErrorControl:
    """A code over the bits of a container that a parameter holds: `method` is crc, xor, parity or
    the name of a checksum (XTCE 1.3, ErrorDetectCorrectType).

    The bits are those from `skip_bits` behind the start of the container up to the code, or from
    behind the code to `skip_bits` before the end.
    """

    method: str
    width: int
    polynomial: int = 0
    initial: int = 0
    final: int = 0
    reflects_data: bool = False
    reflects_remainder: bool = False
    is_from_end: bool = False
    skip_bits: int = 0
    is_odd: bool = False
    parameter: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a value lies in the packet.

    `form` is unsigned, twosComplement, signMagnitude, onesComplement, BCD, packedBCD, float,
    milstd1750a, text or binary; `size` its bits, None for a text whose end is in itself.
    `byte_order` gives for each byte as it comes its significance, 0 the least; empty: the most
    significant first. Of a text, `leading_bits` is the size of the tag before it, which counts
    bits; `terminator` ends it.
    """

    form: str
    size: Amount | None
    byte_order: tuple[int, ...] = ()
    is_bit_reversed: bool = False
    characters: str = ""
    terminator: bytes = b""
    leading_bits: int = 0
    longest_bits: int = 0
    error: ErrorControl | None = None

    @property
    def bits(self) -> int:
        """The size, where it is the same in all packets; else 0."""
        return self.size if isinstance(self.size, int) else 0

    @property
    def is_empty(self) -> bool:
        """A number of no bits, which files define and do not use."""
        return self.form not in ("text", "binary") and self.size == 0


@dataclass(frozen=True, slots=True)
class Polynomial:
    """Sum of coefficient times raw to the exponent, in the order of the file."""

    terms: tuple[tuple[float, int], ...]


@dataclass(frozen=True, slots=True)
class Spline:
    """Points (raw, calibrated) in rising order, with the order of the curve from each to the next:
    0 keeps its value, 1 is a line, n the polynomial through n + 1 neighbouring points.

    Outside the points there is no value unless it extrapolates.
    """

    points: tuple[tuple[float, float], ...]
    orders: tuple[int, ...]
    extrapolates: bool


@dataclass(frozen=True, slots=True)
class Operation:
    """A calculation in postfix order: numbers, operators, references, and None for the raw value
    that is calibrated."""

    steps: tuple[float | str | Reference | None, ...]
    line: int = 0


Calibrator = Polynomial | Spline | Operation


@dataclass(frozen=True, slots=True)
class Epoch:
    """Where a time counts from: an instant in ns since 1970, or the time in another parameter.

    `is_atomic`: what is counted are seconds of atomic time, leap seconds among them. A time whose
    epoch `is_missing` can lie in no packet.
    """

    epoch_ns: int = 0
    parameter: str = ""
    is_atomic: bool = False
    is_missing: bool = False


@dataclass(frozen=True, slots=True)
class ParameterType:
    """A type of parameters or arguments. `labels` are those of an enumeration as (first, last,
    label), or of a boolean as ((0, 0, "off"), (1, 1, "on")); `scale_ns` and `offset_ns` are those
    of a time. `members` are those of an aggregate, `element` and `dimensions` (first and last
    index) those of an array. `pattern` is what a text matches as a whole; `valid` are the ranges
    outside of which a value means nothing."""

    name: str
    kind: Kind
    encoding: Encoding | None
    unit: str = ""
    calibrator: Calibrator | None = None
    context_calibrators: tuple[tuple[Criteria, Calibrator], ...] = ()
    labels: tuple[tuple[int, int, str], ...] = ()
    scale_ns: Fraction = Fraction(10**9)
    offset_ns: Fraction = Fraction(0)
    epoch: Epoch = Epoch()
    alarm: Alarm | None = None
    context_alarms: tuple[ContextAlarm, ...] = ()
    members: tuple[tuple[str, ParameterType], ...] = ()
    element: ParameterType | None = None
    dimensions: tuple[tuple[Amount, Amount], ...] = ()
    valid: tuple[Bounds, ...] = ()
    is_valid_calibrated: bool = True
    characters: tuple[int, int] | None = None
    pattern: str = ""
    initial: str | None = None
    line: int = 0


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter, or an argument of a command. A value of it means nothing while `validity` does
    not hold; `aliases` are (name space, name)."""

    name: str
    type: ParameterType
    description: str = ""
    initial: str | None = None
    source: str = "telemetered"
    validity: Criteria | None = None
    aliases: tuple[tuple[str, str], ...] = ()


# --- Containers -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Location:
    """Bits from containerStart or previousEntry forwards to where an entry starts, or from
    containerEnd or nextEntry backwards to where it ends."""

    reference: str
    bits: Amount


@dataclass(frozen=True, slots=True)
class Indirect:
    """The parameter that the value of another one names: by its alias in a name space, or without
    one by its name."""

    reference: Reference
    name_space: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A parameter, an argument, another container or fixed bits in its place in a container."""

    parameter: str = ""
    container: str = ""
    argument: str = ""
    fixed: tuple[int, int] | None = None
    indirect: Indirect | None = None
    location: Location | None = None
    count: Amount | None = None
    spacing: Amount = 0
    condition: Criteria | None = None
    dimensions: tuple[tuple[Amount, Amount], ...] = ()
    line: int = 0
    place: str = ""


@dataclass(frozen=True, slots=True)
class Container:
    name: str
    entries: tuple[Entry, ...]
    is_abstract: bool = False
    base: str = ""
    criteria: Criteria | None = None
    size: int | None = None
    errors: tuple[ErrorControl, ...] = ()
    line: int = 0
    place: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """Packets for which the criteria hold are of a container, whatever it inherits from."""

    name: str
    criteria: Criteria
    container: str
    line: int = 0
    place: str = ""


# --- Algorithms -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Algorithm:
    """A parameter made of others. `text` is an expression over `inputs`, or `operation` is what
    makes it. It runs for each packet that has all its inputs, and what triggers it."""

    name: str
    output: str
    inputs: tuple[tuple[str, Reference], ...] = ()
    constants: tuple[tuple[str, float | str], ...] = ()
    text: str = ""
    operation: Operation | None = None
    containers: tuple[str, ...] = ()
    triggers: tuple[str, ...] = ()
    line: int = 0
    place: str = ""


# --- Commands -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Window:
    """When a verifier looks: seconds from the release of the command or the verifier before."""

    start_s: float
    stop_s: float
    is_from_release: bool


@dataclass(frozen=True, slots=True)
class Verifier:
    """Something in telemetry that shows how far a command is: a criterion, a container that
    arrives, or a parameter that changes by at least `change`. `returns` is the parameter whose
    value is then what the command gave back."""

    stage: str
    criteria: Criteria | None = None
    container: str = ""
    parameter: str = ""
    change: float = 0.0
    window: Window | None = None
    only_for: tuple[tuple[str, str], ...] = ()
    returns: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Constraint:
    """What must hold before a command may leave."""

    criteria: Criteria
    timeout_s: float | None
    is_suspendable: bool
    only_for: tuple[tuple[str, str], ...] = ()
    line: int = 0


@dataclass(frozen=True, slots=True)
class Significance:
    """How much is at stake: normal, vital, critical, forbidden, user1 or user2."""

    level: str
    reason: str = ""
    system_at_risk: str = ""


@dataclass(frozen=True, slots=True)
class Setting:
    """A parameter that gets a value when a command has reached a stage ("release" or one of a
    verifier): `value` as it is written, or what `derivation` makes of parameters."""

    parameter: str
    stage: str
    value: str = ""
    derivation: Operation | None = None
    line: int = 0


@dataclass(frozen=True, slots=True)
class Suspension:
    """A parameter whose alarms are off for some time once a command has reached a stage."""

    parameter: str
    stage: str
    duration_s: float
    line: int = 0


@dataclass(frozen=True, slots=True)
class Interlock:
    """Commands of a space system (empty: that of the command) wait until this one has reached a
    stage."""

    stage: str
    scope: str = ""
    is_suspendable: bool = False
    line: int = 0


@dataclass(frozen=True, slots=True)
class Block:
    """Commands that are sent one behind the other, each with what the block says of its
    arguments."""

    name: str
    steps: tuple[tuple[str, dict[str, str]], ...]
    description: str = ""
    line: int = 0
    place: str = ""


@dataclass(frozen=True, slots=True)
class Command:
    """One telecommand with all that it inherits. `assigned` are arguments that a base leaves open
    and this command fixes."""

    name: str
    arguments: dict[str, Parameter]
    assigned: dict[str, str]
    container: str
    constraints: tuple[Constraint, ...] = ()
    significance: Significance = Significance("normal")
    context_significances: tuple[tuple[Criteria, Significance], ...] = ()
    verifiers: tuple[Verifier, ...] = ()
    settings: tuple[Setting, ...] = ()
    suspensions: tuple[Suspension, ...] = ()
    interlock: Interlock | None = None
    is_abstract: bool = False
    description: str = ""
    line: int = 0
    place: str = ""


@dataclass(slots=True)
class SpaceSystem:
    """Everything that the files define, by qualified name."""

    name: str
    version: str = ""
    parameters: dict[str, Parameter] = field(default_factory=dict)
    containers: dict[str, Container] = field(default_factory=dict)
    algorithms: dict[str, Algorithm] = field(default_factory=dict)
    messages: dict[str, Message] = field(default_factory=dict)
    commands: dict[str, Command] = field(default_factory=dict)
    blocks: dict[str, Block] = field(default_factory=dict)
    command_containers: dict[str, Container] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)
