"""Where the values of a container lie: as steps through its packets, and as fields in their places
where they lie the same in every packet. `building` makes them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from telemetry.xtce import model

MOST_VALUES = 100_000
"""In one container."""
DEEPEST = 30
"""Of containers that include one another."""
LONGEST = 2_000
"""Of containers that inherit from one another: each is laid out with all above it."""
INDEX = re.compile(r"\[\d+\]")


@dataclass(frozen=True)
class Leaf:
    """One value: a parameter, or a member or an element of one.

    `parameter.name` is what its column is called; `key` what references call it, which for one of
    several instances is the newest; `group` names the table that it is in.
    """

    parameter: model.Parameter
    key: str
    group: str
    is_optional: bool

    @property
    def encoding(self) -> model.Encoding:
        assert self.parameter.type.encoding is not None
        return self.parameter.type.encoding

    @cached_property
    def is_number(self) -> bool:
        """Whether the bits are a number, as against bytes, which may be a number in words."""
        return self.encoding.form not in ("text", "binary")

    @cached_property
    def is_written(self) -> bool:
        """Whether a number lies in the packet as text: "-12.5"."""
        return not self.is_number and self.parameter.type.kind not in ("string", "binary")

    @cached_property
    def stored(self) -> tuple[str, str] | None:
        """NumPy's name of the number as it lies in whole bytes, and of what it is read into; None
        where NumPy has none."""
        encoding, size = self.encoding, self.fixed_bits
        letter = {"unsigned": "u", "twosComplement": "i", "float": "f"}.get(encoding.form)
        if letter is None or size not in (8, 16, 32, 64) or encoding.is_bit_reversed:
            return None
        if encoding.byte_order not in ((), tuple(range(size // 8))):
            return None
        if letter == "f":
            wanted = "f8"
        else:
            wanted = "u8" if letter == "u" and size == 64 else "i8"
        return f"{'<' if encoding.byte_order else '>'}{letter}{size // 8}", wanted

    @property
    def fixed_bits(self) -> int:
        """The size where it, and the place of the content in it, is the same in all packets."""
        return 0 if self.encoding.terminator or self.encoding.leading_bits else self.encoding.bits


@dataclass(frozen=True, slots=True)
class Field:
    """A leaf in its place: `offset_bits` is None behind something of varying length."""

    leaf: Leaf
    offset_bits: int | None

    @property
    def parameter(self) -> model.Parameter:
        return self.leaf.parameter


# --- Steps ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Take:
    leaf: Leaf


@dataclass(frozen=True, slots=True)
class Jump:
    """Go to an anchor (start or end of the container, or where the last entry ended), and on."""

    anchor: str
    plus: tuple[model.Amount, ...]
    minus: tuple[model.Amount, ...]
    entry: str


@dataclass(frozen=True, slots=True)
class Enter:
    """An included container begins. `size`: its bits, where the definition says them."""

    size: int | None


@dataclass(frozen=True, slots=True)
class Leave:
    pass


@dataclass(frozen=True, slots=True)
class Branch:
    condition: model.Criteria
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Choose:
    """The steps that the value of another parameter names."""

    reference: model.Reference
    steps: dict[str, tuple[Step, ...]]
    entry: str


@dataclass(frozen=True, slots=True)
class Loop:
    """Steps as often as the packet says: from index `first` on, `count` times or up to `last`."""

    make: Callable[[int], tuple[Step, ...]]
    entry: str
    first: model.Amount = 0
    last: model.Amount | None = None
    count: model.Amount | None = None
    spacing: model.Amount = 0


Step = Take | Jump | Enter | Leave | Branch | Choose | Loop


@dataclass(slots=True)
class Plan:
    """A container laid out. `fields` are those known before any packet; the first `steps` that lie
    the same in every packet end at `fixed_bits`, the others follow in `moving`.

    `types` are those of all that references may name, and `codes` what must agree with the bits.
    """

    container: str
    fields: tuple[Field, ...]
    fixed_bits: int
    moving: tuple[Step, ...]
    at_bits: int
    bases: tuple[tuple[int, int | None], ...]
    types: dict[str, model.ParameterType]
    codes: tuple[tuple[model.ErrorControl, str], ...]
    size: int | None

    @property
    def fixed_bytes(self) -> int:
        return -(-self.fixed_bits // 8)

    @property
    def is_fixed(self) -> bool:
        return not self.moving

    def type_of(self, reference: model.Reference) -> model.ParameterType:
        """Return the type of what is referred to; BadDefinition when packets do not have it."""
        found = self.types.get(reference.name)
        if found is None:
            found = self.types.get(INDEX.sub("[]", reference.name))
        if found is None:
            raise model.BadDefinition(
                f"line {reference.line}: {reference.name} is not in {self.container}",
                line=reference.line,
            )
        return found


def inheritance(system: model.SpaceSystem, name: str) -> Iterator[model.Container]:
    seen: set[str] = set()
    while name:
        container = system.containers.get(name) or system.command_containers.get(name)
        if container is None:
            raise model.BadDefinition(f"container {name} is not defined")
        if name in seen:
            raise model.BadDefinition(
                f"{container.place}: container {name} inherits from itself", line=container.line
            )
        if len(seen) >= LONGEST:
            raise model.BadDefinition(
                f"{container.place}: container {name} is the base of {LONGEST} in a row, more than "
                f"are supported",
                line=container.line,
            )
        seen.add(name)
        yield container
        name = container.base


# --- Parameters and their parts ---------------------------------------------------------------


def resized(
    kind: model.ParameterType, dimensions: tuple[tuple[model.Amount, model.Amount], ...]
) -> model.ParameterType:
    return model.ParameterType(
        kind.name, "array", None, element=kind.element, dimensions=dimensions, line=kind.line
    )


def find_parameter(system: model.SpaceSystem, name: str) -> model.Parameter | None:
    """Return a parameter by name, or a member or an element of one by its path: P.x[2]."""
    found = system.parameters.get(name)
    if found is not None:
        return found
    cut = len(name)
    while (cut := max(name.rfind(".", 0, cut), name.rfind("[", 0, cut))) > 0:
        found = system.parameters.get(name[:cut])
        if found is not None:
            kind = member(found.type, name[cut:])
            if kind is None:
                return None
            return model.Parameter(name, kind, found.description, None, found.source)
    return None


def steps_of(path: str) -> list[str]:
    """Return the steps of a path like .x[2].y: .x, [2] and .y."""
    return re.findall(r"\.[^.\[]+|\[\d*\]", path)


def member(kind: model.ParameterType, path: str) -> model.ParameterType | None:
    """Return the type of what lies at a path like .x or [2].y inside a type; None if nothing."""
    steps = steps_of(path)
    if "".join(steps) != path:
        return None
    for step in steps:
        if step.startswith("."):
            inner = dict(kind.members).get(step[1:])
        elif kind.kind == "array":
            inner = kind.element
            if len(kind.dimensions) > 1:
                inner = resized(kind, kind.dimensions[1:])
        else:
            inner = None
        if inner is None:
            return None
        kind = inner
    return kind
