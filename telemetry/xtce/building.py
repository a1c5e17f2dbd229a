"""A container's entries, with all that it inherits and includes, made into one list of steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from telemetry.xtce import amounts, criteria, layout, model, types


def plan(system: model.SpaceSystem, name: str) -> layout.Plan:
    """Lay out a container behind those it inherits from. BadDefinition when it cannot be."""
    builder = _Builder(system, name)
    steps = tuple(builder.container(name, "", False, ()))
    chain = list(layout.inheritance(system, name))
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
    return layout.Plan(
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


def _moving_fields(steps: tuple[layout.Step, ...]) -> list[layout.Field]:
    found: list[layout.Field] = []
    for step in steps:
        if isinstance(step, layout.Take):
            found.append(layout.Field(step.leaf, None))
        elif isinstance(step, layout.Branch):
            found += _moving_fields(step.steps)
        elif isinstance(step, layout.Choose):
            for steps in step.steps.values():
                found += _moving_fields(steps)
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
    _is_laid_out: bool = False

    def container(
        self, name: str, suffix: str, is_optional: bool, inside: tuple[str, ...]
    ) -> list[layout.Step]:
        chain = list(layout.inheritance(self.system, name))[::-1]
        if name in inside or len(inside) >= layout.DEEPEST:
            raise model.BadDefinition(
                f"{chain[-1].place}: container {name} holds itself, or more than {layout.DEEPEST} "
                f"containers inside one another",
                line=chain[-1].line,
            )
        steps: list[layout.Step] = []
        for container in chain:
            for place, entry in enumerate(container.entries):
                self._visits += 1
                if self._visits > layout.MOST_VALUES:
                    raise self._bad(
                        entry, f"{self.name} has more than {layout.MOST_VALUES} entries"
                    )
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
    ) -> list[layout.Step]:
        steps: list[layout.Step] = []
        if entry.location is not None:
            steps.append(self._jump(container, place, entry))
        if entry.condition is not None:
            self._need(entry, criteria.references(entry.condition))
            body = self._body(entry, suffix, True, inside)
            return [layout.Branch(entry.condition, tuple(steps + body))]
        return steps + self._body(entry, suffix, is_optional, inside)

    def _body(
        self, entry: model.Entry, suffix: str, is_optional: bool, inside: tuple[str, ...]
    ) -> list[layout.Step]:
        if entry.count is None:
            return self._once(entry, suffix, is_optional, inside)
        self._need(entry, amounts.references(entry.count) + amounts.references(entry.spacing))
        if isinstance(entry.count, int) and isinstance(entry.spacing, int):
            if not 0 <= entry.count <= layout.MOST_VALUES:
                raise self._bad(entry, f"is repeated {entry.count} times")
            steps: list[layout.Step] = []
            for number in range(entry.count):
                if number and entry.spacing:
                    steps.append(layout.Jump("previousEntry", (entry.spacing,), (), entry.place))
                steps += self._once(entry, f"{suffix}[{number}]", is_optional, inside)
            return steps
        # Once for the names and their types; then for each index that a packet has.
        self._once(entry, f"{suffix}[]", True, inside)

        def make(number: int) -> tuple[layout.Step, ...]:
            return self._made(lambda: self._once(entry, f"{suffix}[{number}]", True, inside))

        return [layout.Loop(make, entry.place, count=entry.count, spacing=entry.spacing)]

    def _made(self, make: Callable[[], list[layout.Step]]) -> tuple[layout.Step, ...]:
        """Return steps that a packet asks for. All that can be known of them is known by then: what
        is counted is for them alone, and nothing is kept."""
        self._is_laid_out, self._count, self._visits = True, 0, 0
        return tuple(make())

    def _once(
        self, entry: model.Entry, suffix: str, is_optional: bool, inside: tuple[str, ...]
    ) -> list[layout.Step]:
        if entry.container:
            included = self.system.containers.get(entry.container)
            if included is None:
                included = self.system.command_containers[entry.container]
            if included.errors:
                raise self._bad(entry, f"{entry.container} has a code of its own, not supported")
            steps = self.container(entry.container, suffix, is_optional, inside)
            return [layout.Enter(included.size), *steps, layout.Leave()]
        if entry.indirect is not None:
            return [self._chosen(entry, entry.indirect, suffix)]
        if not entry.parameter:
            raise self._bad(entry, "belongs to a command, not to telemetry")
        parameter = self._parameter(entry)
        kind = parameter.type
        if entry.dimensions and kind.kind == "array":
            kind = layout.resized(kind, entry.dimensions)
        return self._value(entry, parameter, kind, suffix, "", is_optional)

    def _chosen(self, entry: model.Entry, indirect: model.Indirect, suffix: str) -> layout.Choose:
        """Return the step that takes whichever parameter another one names."""
        self._need(entry, [indirect.reference])
        named = self._named(entry, indirect)
        if not named:
            where = f"the name space {indirect.name_space}" if indirect.name_space else "that way"
            raise self._bad(entry, f"no parameter with bits has a name in {where}")
        steps = {}
        for name, parameter in named.items():
            one = replace(entry, parameter=parameter.name, indirect=None)
            self._visits += 1
            if self._visits > layout.MOST_VALUES:
                raise self._bad(entry, f"{self.name} has more than {layout.MOST_VALUES} entries")
            taken = self._value(one, parameter, parameter.type, suffix, "", True)
            steps[name] = tuple(taken)
        return layout.Choose(indirect.reference, steps, entry.place)

    def _named(self, entry: model.Entry, indirect: model.Indirect) -> dict[str, model.Parameter]:
        """Return by what they are called the parameters that an entry may stand for."""
        kind = self.types.get(indirect.reference.name)
        found: dict[str, model.Parameter] = {}
        for parameter in self.system.parameters.values():
            if not _has_bits(parameter.type):
                continue
            names = [alias for space, alias in parameter.aliases if space == indirect.name_space]
            if not indirect.name_space:
                names = [parameter.name]
            if kind is not None and kind.kind == "enumerated":
                known = {label for _, _, label in kind.labels}
                names = [name for name in names if name in known]
            for name in names:
                if name in found:
                    raise self._bad(
                        entry, f"{name[:60]} names {found[name].name} and {parameter.name}"
                    )
                found[name] = parameter
        return found

    def _parameter(self, entry: model.Entry) -> model.Parameter:
        found = layout.find_parameter(self.system, entry.parameter)
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
    ) -> list[layout.Step]:
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
    ) -> list[layout.Step]:
        assert kind.element is not None
        if not kind.dimensions:
            raise self._bad(entry, f"{parameter.name} is an array without dimensions")
        if axis == len(kind.dimensions):
            return self._value(entry, parameter, kind.element, suffix, path, is_optional)
        first, last = kind.dimensions[axis]

        def below(index: int | str, is_moving: bool) -> list[layout.Step]:
            return self._array(
                entry, parameter, kind, suffix, f"{path}[{index}]", is_moving, axis + 1
            )

        if isinstance(first, int) and isinstance(last, int):
            if first < 0 or last - first >= layout.MOST_VALUES:
                raise self._bad(entry, f"{parameter.name} has elements {first} to {last}")
            steps: list[layout.Step] = []
            for index in range(first, last + 1):
                steps += below(index, is_optional)
            return steps
        self._need(entry, amounts.references(first) + amounts.references(last))
        below("", True)

        def make(index: int) -> tuple[layout.Step, ...]:
            return self._made(lambda: below(index, True))

        return [layout.Loop(make, entry.place, first=first, last=last)]

    def _leaf(
        self,
        entry: model.Entry,
        parameter: model.Parameter,
        kind: model.ParameterType,
        suffix: str,
        path: str,
        is_optional: bool,
    ) -> layout.Take:
        if kind.encoding is None:
            raise self._bad(entry, f"{parameter.name} has no data encoding")
        if kind.epoch.is_missing:
            raise self._bad(
                entry, f"{parameter.name} is a time without a ReferenceTime: not supported"
            )
        self._count += 1
        if self._count > layout.MOST_VALUES and "[]" not in suffix + path:
            raise self._bad(entry, f"{self.name} has more than {layout.MOST_VALUES} values")
        base, name, key = parameter.name, parameter.name + suffix + path, parameter.name + path
        if "[]" not in name and not self._is_laid_out:
            # A second instance in one packet has a column of its own.
            instance = self._taken[name] = self._taken.get(name, 0) + 1
            if instance > 1 and not is_optional:
                base, name = f"{base}#{instance}", f"{base}#{instance}{suffix}{path}"
        self._need(entry, types.references(kind))
        if not self._is_laid_out:
            for known in (key, name):
                self.types[known] = kind
            self.types[layout.INDEX.sub("[]", name)] = kind
            if kind.encoding.error is not None:
                self.codes.append((kind.encoding.error, name))
        group = self.name
        if is_optional:
            group = f"{self.name}:{base}{suffix}{path.partition('.')[0]}"
        flat = model.Parameter(
            name, kind, parameter.description, None, parameter.source, parameter.validity
        )
        return layout.Take(layout.Leaf(flat, key, group, is_optional))

    def _need(self, entry: model.Entry, references: list[model.Reference]) -> None:
        """Refuse an entry that depends on what is not before it in the packet."""
        for reference in references:
            if reference.name in self.types or layout.INDEX.sub("[]", reference.name) in self.types:
                continue
            constant = layout.find_parameter(self.system, reference.name)
            if constant is not None and constant.initial is not None:
                self.types[reference.name] = constant.type
                continue
            raise model.BadDefinition(
                f"{entry.place}: {entry.parameter or entry.container} needs {reference.name}, "
                f"which is not before it",
                line=entry.line,
            )

    # --- Places

    def _jump(self, container: model.Container, place: int, entry: model.Entry) -> layout.Jump:
        location = entry.location
        assert location is not None
        self._need(entry, amounts.references(location.bits))
        if location.reference in ("previousEntry", "containerStart"):
            return layout.Jump(location.reference, (location.bits,), (), entry.place)
        minus = [location.bits, *self._sizes(entry)]
        if location.reference == "containerEnd":
            return layout.Jump("containerEnd", (), tuple(minus), entry.place)
        following = container.entries[place + 1 : place + 2]
        if not following or following[0].location is None:
            raise self._bad(entry, "the entry that follows has no place of its own")
        beyond = self._jump(container, place + 1, following[0])
        if beyond.anchor == "previousEntry":
            raise self._bad(entry, "the entry that follows has its place from this one")
        return layout.Jump(beyond.anchor, beyond.plus, (*beyond.minus, *minus), entry.place)

    def _sizes(self, entry: model.Entry, depth: int = 0) -> list[model.Amount]:
        """Return what adds up to the size of an entry whose end is known, not its start."""
        self._visits += 1
        if depth > layout.DEEPEST or self._visits > layout.MOST_VALUES:
            raise self._bad(entry, "its size is that of too many entries, or of itself")
        if entry.indirect is not None:
            raise self._bad(entry, "its size is not known before it")
        if entry.container:
            included = self.system.containers[entry.container]
            if included.size is not None:
                return [included.size]
            sizes = [size for inner in included.entries for size in self._sizes(inner, depth + 1)]
            if included.base or any(inner.location for inner in included.entries):
                raise self._bad(entry, f"the size of {entry.container} is not known before it")
        else:
            kind = self._parameter(entry).type
            if entry.dimensions and kind.kind == "array":
                kind = layout.resized(kind, entry.dimensions)
            sizes = self._type_sizes(entry, kind)
        if entry.count is not None:
            spacing = entry.spacing
            if not isinstance(entry.count, int) or not isinstance(spacing, int):
                raise self._bad(entry, "its size is not known before it")
            if not 0 <= entry.count * max(1, len(sizes)) <= layout.MOST_VALUES:
                raise self._bad(entry, f"is repeated {entry.count} times")
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
            sizes = self._type_sizes(entry, kind.element)
            if count * len(sizes) > layout.MOST_VALUES:
                raise self._bad(entry, f"{count} elements are too many")
            return sizes * count
        if kind.encoding is None or kind.encoding.size is None:
            raise self._bad(entry, "its size is not known before it")
        return [kind.encoding.size]

    def _bad(self, entry: model.Entry, what: str) -> model.Unsupported:
        return model.Unsupported(f"{entry.place}: {what}", line=entry.line)


def _has_bits(kind: model.ParameterType) -> bool:
    """Say whether a type lies in packets, with all its parts."""
    if kind.kind == "aggregate":
        return all(_has_bits(inner) for _, inner in kind.members)
    if kind.kind == "array":
        return kind.element is not None and bool(kind.dimensions) and _has_bits(kind.element)
    return kind.encoding is not None and not (kind.encoding.is_empty or kind.epoch.is_missing)


# --- Fixed places ---------------------------------------------------------------------------


class _Placed:
    """The steps from the first on that lie the same in every packet."""

    def __init__(self, steps: tuple[layout.Step, ...], size: int | None) -> None:
        self.fields: list[layout.Field] = []
        self.at = self.end_bits = self.count = 0
        self.bases: list[tuple[int, int | None]] = [(0, size)]
        for step in steps:
            if not self._place(step):
                break
            self.count += 1

    def _place(self, step: layout.Step) -> bool:
        match step:
            case layout.Take(leaf=leaf):
                if not leaf.fixed_bits:
                    return False
                self.fields.append(layout.Field(leaf, self.at))
                self.at += leaf.fixed_bits
                self.end_bits = max(self.end_bits, self.at)
            case layout.Jump():
                return self._jump(step)
            case layout.Enter(size=size):
                self.bases.append((self.at, self.at + size if size is not None else None))
            case layout.Leave():
                _start, end = self.bases.pop()
                if end is not None:
                    self.at = end
                    self.end_bits = max(self.end_bits, end)
            case _:
                return False
        return True

    def _jump(self, step: layout.Jump) -> bool:
        plus = [amount for amount in step.plus if isinstance(amount, int)]
        minus = [amount for amount in step.minus if isinstance(amount, int)]
        if (len(plus), len(minus)) != (len(step.plus), len(step.minus)):
            return False
        start, end = self.bases[-1]
        if step.anchor == "containerEnd" and end is None:
            if len(self.bases) > 1:
                raise model.Unsupported(f"{step.entry}: the end of its container is not known")
            return False
        anchor = start if step.anchor == "containerStart" else self.at
        if step.anchor == "containerEnd":
            assert end is not None
            anchor = end
        at = anchor + sum(plus) - sum(minus)
        if at < 0:
            raise model.BadDefinition(f"{step.entry}: lies before its container")
        self.at = at
        return True
