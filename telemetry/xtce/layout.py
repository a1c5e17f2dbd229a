"""Where the values of a container lie: its entries, with all that it inherits and includes, as one
list of steps, and the places of those that lie the same in every packet."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from telemetry.xtce import amounts, criteria, model, types

MOST_VALUES = 100_000
"""In one container."""
DEEPEST = 30
"""Of containers that include one another; inheritance may go as deep as it likes."""
_INDEX = re.compile(r"\[\d+\]")


@dataclass(frozen=True, slots=True)
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

    @property
    def is_number(self) -> bool:
        return self.parameter.type.kind not in ("string", "binary")

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
class Loop:
    """Steps as often as the packet says: from index `first` on, `count` times or up to `last`."""

    make: Callable[[int], tuple[Step, ...]]
    entry: str
    first: model.Amount = 0
    last: model.Amount | None = None
    count: model.Amount | None = None
    spacing: model.Amount = 0


Step = Take | Jump | Enter | Leave | Branch | Loop


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
            found = self.types.get(_INDEX.sub("[]", reference.name))
        if found is None:
            raise model.BadDefinition(
                f"line {reference.line}: {reference.name} is not in {self.container}",
                line=reference.line,
            )
        return found


def plan(system: model.SpaceSystem, name: str) -> Plan:
    """Lay out a container behind those it inherits from. BadDefinition when it cannot be."""
    builder = _Builder(system, name)
    steps = tuple(builder.container(name, "", False, ()))
    chain = list(inheritance(system, name))
    size = next((each.size for each in chain if each.size is not None), None)
    codes = [(code, code.parameter) for each in chain for code in each.errors]
    for code, parameter in codes:
        if not parameter:
            raise model.Unsupported(
                f"line {code.line}: {code.method} without the parameter that holds it",
                line=code.line,
            )
        if parameter not in builder.types:
            raise model.BadDefinition(
                f"line {code.line}: {parameter} is not in {name}", line=code.line
            )
    placed = _Placed(steps, size)
    fixed_end = max([placed.end_bits, size or 0])
    return Plan(
        name,
        tuple(placed.fields + _moving_fields(steps[placed.count :])),
        fixed_end,
        steps[placed.count :],
        placed.at,
        tuple(placed.bases),
        builder.types,
        tuple(codes + builder.codes),
        size,
    )


def inheritance(system: model.SpaceSystem, name: str) -> Iterator[model.Container]:
    seen: set[str] = set()
    while name:
        container = system.containers.get(name) or system.command_containers[name]
        if name in seen:
            raise model.BadDefinition(
                f"{container.place}: container {name} inherits from itself", line=container.line
            )
        seen.add(name)
        yield container
        name = container.base


def _moving_fields(steps: tuple[Step, ...]) -> list[Field]:
    found: list[Field] = []
    for step in steps:
        if isinstance(step, Take):
            found.append(Field(step.leaf, None))
        elif isinstance(step, Branch):
            found += _moving_fields(step.steps)
    return found


# --- Entries into steps ---------------------------------------------------------------------


@dataclass(slots=True)
class _Builder:
    system: model.SpaceSystem
    name: str
    types: dict[str, model.ParameterType] = field(default_factory=dict)
    codes: list[tuple[model.ErrorControl, str]] = field(default_factory=list)
    _taken: dict[str, int] = field(default_factory=dict)
    _count: int = 0
    _visits: int = 0

    def container(
        self, name: str, suffix: str, is_optional: bool, inside: tuple[str, ...]
    ) -> list[Step]:
        chain = list(inheritance(self.system, name))[::-1]
        if name in inside or len(inside) >= DEEPEST:
            raise model.BadDefinition(
                f"{chain[-1].place}: container {name} holds itself, or more than {DEEPEST} "
                f"containers inside one another",
                line=chain[-1].line,
            )
        steps: list[Step] = []
        for container in chain:
            for place, entry in enumerate(container.entries):
                self._visits += 1
                if self._visits > MOST_VALUES:
                    raise self._bad(entry, f"{self.name} has more than {MOST_VALUES} entries")
                steps += self._entry(container, place, entry, suffix, is_optional, (*inside, name))
        return steps

    def _entry(
        self,
        container: model.Container,
        place: int,
        entry: model.Entry,
        suffix: str,
        is_optional: bool,
        inside: tuple[str, ...],
    ) -> list[Step]:
        steps: list[Step] = []
        if entry.location is not None:
            steps.append(self._jump(container, place, entry))
        if entry.condition is not None:
            self._need(entry, criteria.references(entry.condition))
            body = self._body(entry, suffix, True, inside)
            return [Branch(entry.condition, tuple(steps + body))]
        return steps + self._body(entry, suffix, is_optional, inside)

    def _body(
        self, entry: model.Entry, suffix: str, is_optional: bool, inside: tuple[str, ...]
    ) -> list[Step]:
        if entry.count is None:
            return self._once(entry, suffix, is_optional, inside)
        self._need(entry, amounts.references(entry.count) + amounts.references(entry.spacing))
        if isinstance(entry.count, int) and isinstance(entry.spacing, int):
            if not 0 <= entry.count <= MOST_VALUES:
                raise self._bad(entry, f"is repeated {entry.count} times")
            steps: list[Step] = []
            for number in range(entry.count):
                if number and entry.spacing:
                    steps.append(Jump("previousEntry", (entry.spacing,), (), entry.place))
                steps += self._once(entry, f"{suffix}[{number}]", is_optional, inside)
            return steps
        # Once for the names and their types; then for each index that a packet has.
        self._once(entry, f"{suffix}[]", True, inside)
        known: dict[int, tuple[Step, ...]] = {}

        def make(number: int) -> tuple[Step, ...]:
            if number not in known:
                made = self._once(entry, f"{suffix}[{number}]", True, inside)
                known[number] = tuple(made)
            return known[number]

        return [Loop(make, entry.place, count=entry.count, spacing=entry.spacing)]

    def _once(
        self, entry: model.Entry, suffix: str, is_optional: bool, inside: tuple[str, ...]
    ) -> list[Step]:
        if entry.container:
            included = self.system.containers.get(entry.container)
            if included is None:
                included = self.system.command_containers[entry.container]
            if included.errors:
                raise self._bad(entry, f"{entry.container} has a code of its own, not supported")
            steps = self.container(entry.container, suffix, is_optional, inside)
            return [Enter(included.size), *steps, Leave()]
        if not entry.parameter:
            raise self._bad(entry, "belongs to a command, not to telemetry")
        parameter = self._parameter(entry)
        kind = parameter.type
        if entry.dimensions and kind.kind == "array":
            kind = resized(kind, entry.dimensions)
        return self._value(entry, parameter, kind, suffix, "", is_optional)

    def _parameter(self, entry: model.Entry) -> model.Parameter:
        found = find_parameter(self.system, entry.parameter)
        if found is None:
            raise self._bad(entry, f"parameter {entry.parameter} is not defined")
        return found

    # --- Values

    def _value(
        self,
        entry: model.Entry,
        parameter: model.Parameter,
        kind: model.ParameterType,
        suffix: str,
        path: str,
        is_optional: bool,
    ) -> list[Step]:
        if kind.kind == "aggregate":
            return [
                step
                for member, inner in kind.members
                for step in self._value(
                    entry, parameter, inner, suffix, f"{path}.{member}", is_optional
                )
            ]
        if kind.kind == "array":
            return self._array(entry, parameter, kind, suffix, path, is_optional, 0)
        return [self._leaf(entry, parameter, kind, suffix, path, is_optional)]

    def _array(
        self,
        entry: model.Entry,
        parameter: model.Parameter,
        kind: model.ParameterType,
        suffix: str,
        path: str,
        is_optional: bool,
        axis: int,
    ) -> list[Step]:
        assert kind.element is not None
        if not kind.dimensions:
            raise self._bad(entry, f"{parameter.name} is an array without dimensions")
        if axis == len(kind.dimensions):
            return self._value(entry, parameter, kind.element, suffix, path, is_optional)
        first, last = kind.dimensions[axis]

        def below(index: int | str, is_moving: bool) -> list[Step]:
            return self._array(
                entry, parameter, kind, suffix, f"{path}[{index}]", is_moving, axis + 1
            )

        if isinstance(first, int) and isinstance(last, int):
            if first < 0 or last - first >= MOST_VALUES:
                raise self._bad(entry, f"{parameter.name} has elements {first} to {last}")
            steps: list[Step] = []
            for index in range(first, last + 1):
                steps += below(index, is_optional)
            return steps
        self._need(entry, amounts.references(first) + amounts.references(last))
        below("", True)
        known: dict[int, tuple[Step, ...]] = {}

        def make(index: int) -> tuple[Step, ...]:
            if index not in known:
                known[index] = tuple(below(index, True))
            return known[index]

        return [Loop(make, entry.place, first=first, last=last)]

    def _leaf(
        self,
        entry: model.Entry,
        parameter: model.Parameter,
        kind: model.ParameterType,
        suffix: str,
        path: str,
        is_optional: bool,
    ) -> Take:
        if kind.encoding is None:
            raise self._bad(entry, f"{parameter.name} has no data encoding")
        self._count += 1
        if self._count > MOST_VALUES and "[]" not in suffix + path:
            raise self._bad(entry, f"{self.name} has more than {MOST_VALUES} values")
        base, name, key = parameter.name, parameter.name + suffix + path, parameter.name + path
        if "[]" not in name:
            # A second instance in one packet has a column of its own.
            instance = self._taken[name] = self._taken.get(name, 0) + 1
            if instance > 1 and not is_optional:
                base, name = f"{base}#{instance}", f"{base}#{instance}{suffix}{path}"
        self._need(entry, types.references(kind))
        for known in (key, name):
            self.types[known] = kind
        self.types[_INDEX.sub("[]", name)] = kind
        if kind.encoding.error is not None:
            self.codes.append((kind.encoding.error, name))
        group = self.name
        if is_optional:
            group = f"{self.name}:{base}{suffix}{path.partition('.')[0]}"
        flat = model.Parameter(name, kind, parameter.description, None, parameter.source)
        return Take(Leaf(flat, key, group, is_optional))

    def _need(self, entry: model.Entry, references: list[model.Reference]) -> None:
        """Refuse an entry that depends on what is not before it in the packet."""
        for reference in references:
            if reference.name in self.types or _INDEX.sub("[]", reference.name) in self.types:
                continue
            constant = find_parameter(self.system, reference.name)
            if constant is not None and constant.initial is not None:
                self.types[reference.name] = constant.type
                continue
            raise model.BadDefinition(
                f"{entry.place}: {entry.parameter or entry.container} needs {reference.name}, "
                f"which is not before it",
                line=entry.line,
            )

    # --- Places

    def _jump(self, container: model.Container, place: int, entry: model.Entry) -> Jump:
        location = entry.location
        assert location is not None
        self._need(entry, amounts.references(location.bits))
        if location.reference in ("previousEntry", "containerStart"):
            return Jump(location.reference, (location.bits,), (), entry.place)
        minus = [location.bits, *self._sizes(entry)]
        if location.reference == "containerEnd":
            return Jump("containerEnd", (), tuple(minus), entry.place)
        following = container.entries[place + 1 : place + 2]
        if not following or following[0].location is None:
            raise self._bad(entry, "the entry that follows has no place of its own")
        beyond = self._jump(container, place + 1, following[0])
        if beyond.anchor == "previousEntry":
            raise self._bad(entry, "the entry that follows has its place from this one")
        return Jump(beyond.anchor, beyond.plus, (*beyond.minus, *minus), entry.place)

    def _sizes(self, entry: model.Entry) -> list[model.Amount]:
        """Return what adds up to the size of an entry whose end is known, not its start."""
        if entry.container:
            included = self.system.containers[entry.container]
            if included.size is not None:
                return [included.size]
            sizes = [size for inner in included.entries for size in self._sizes(inner)]
            if included.base or any(inner.location for inner in included.entries):
                raise self._bad(entry, f"the size of {entry.container} is not known before it")
        else:
            kind = self._parameter(entry).type
            if entry.dimensions and kind.kind == "array":
                kind = resized(kind, entry.dimensions)
            sizes = self._type_sizes(entry, kind)
        if entry.count is not None:
            spacing = entry.spacing
            if not isinstance(entry.count, int) or not isinstance(spacing, int):
                raise self._bad(entry, "its size is not known before it")
            return sizes * entry.count + [spacing] * max(0, entry.count - 1)
        if entry.condition is not None and entry.location is None:
            raise self._bad(entry, "its size is not known before it")
        return sizes

    def _type_sizes(self, entry: model.Entry, kind: model.ParameterType) -> list[model.Amount]:
        if kind.kind == "aggregate":
            return [size for _, inner in kind.members for size in self._type_sizes(entry, inner)]
        if kind.kind == "array":
            assert kind.element is not None
            count = 1
            for first, last in kind.dimensions:
                if not isinstance(first, int) or not isinstance(last, int):
                    raise self._bad(entry, "its size is not known before it")
                count *= max(0, last - first + 1)
            if count > MOST_VALUES:
                raise self._bad(entry, f"{count} elements are too many")
            return self._type_sizes(entry, kind.element) * count
        if kind.encoding is None or kind.encoding.size is None:
            raise self._bad(entry, "its size is not known before it")
        return [kind.encoding.size]

    def _bad(self, entry: model.Entry, what: str) -> model.Unsupported:
        return model.Unsupported(f"{entry.place}: {what}", line=entry.line)


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
    for step in steps_of(path):
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


# --- Fixed places ---------------------------------------------------------------------------


class _Placed:
    """The steps from the first on that lie the same in every packet."""

    def __init__(self, steps: tuple[Step, ...], size: int | None) -> None:
        self.fields: list[Field] = []
        self.at = self.end_bits = self.count = 0
        self.bases: list[tuple[int, int | None]] = [(0, size)]
        for step in steps:
            if not self._place(step):
                break
            self.count += 1

    def _place(self, step: Step) -> bool:
        match step:
            case Take(leaf=leaf):
                if not leaf.fixed_bits:
                    return False
                self.fields.append(Field(leaf, self.at))
                self.at += leaf.fixed_bits
                self.end_bits = max(self.end_bits, self.at)
            case Jump():
                return self._jump(step)
            case Enter(size=size):
                self.bases.append((self.at, self.at + size if size is not None else None))
            case Leave():
                _start, end = self.bases.pop()
                if end is not None:
                    self.at = end
                    self.end_bits = max(self.end_bits, end)
            case _:
                return False
        return True

    def _jump(self, step: Jump) -> bool:
        if not all(isinstance(amount, int) for amount in step.plus + step.minus):
            return False
        start, end = self.bases[-1]
        if step.anchor == "containerEnd" and end is None:
            if len(self.bases) > 1:
                raise model.Unsupported(f"{step.entry}: the end of its container is not known")
            return False
        anchor = {"previousEntry": self.at, "containerStart": start, "containerEnd": end}
        at = anchor[step.anchor] + sum(step.plus) - sum(step.minus)  # type: ignore[arg-type]
        if at < 0:
            raise model.BadDefinition(f"{step.entry}: lies before its container")
        self.at = at
        return True
