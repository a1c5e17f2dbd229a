"""Types of parameters and arguments: read when something has need of them, each once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

from telemetry.xtce import alarms, amounts, calibrators, criteria, encodings, model, names
from telemetry.xtce.references import Scope
from telemetry.xtce.xml import Node

DEEPEST = 20
"""Of types that hold one another."""
_LONGEST_BASES = 100
_DAY_NS = 86_400 * 10**9
_UNITS_NS = {
    "seconds": Fraction(10**9),
    "days": Fraction(_DAY_NS),
    "hours": Fraction(3600 * 10**9),
    "minutes": Fraction(60 * 10**9),
    "milliseconds": Fraction(10**6),
    "microseconds": Fraction(1000),
    "nanoseconds": Fraction(1),
    "picoSeconds": Fraction(1, 1000),
    "picoseconds": Fraction(1, 1000),
}
_EPOCHS = {
    # what the counter is zero at, in ns of UTC since 1970, and whether it counts leap seconds
    "UNIX": (0, False),
    "POSIX": (0, False),
    # 1958-01-01T00:00:00 TAI: on the scale of TAI, so many ns before 1970-01-01T00:00:00 TAI.
    "TAI": (-378_691_200 * 10**9, True),
    # 2000-01-01T12:00:00 TT is 32.184 s before in TAI.
    "J2000": (946_728_000 * 10**9 - 32_184_000_000, True),
    # 1980-01-06T00:00:00 UTC, when TAI was 19 s ahead.
    "GPS": ((315_964_800 + 19) * 10**9, True),
}
_KINDS = {
    "Integer": "integer",
    "Float": "float",
    "Enumerated": "enumerated",
    "Boolean": "boolean",
    "String": "string",
    "Binary": "binary",
    "AbsoluteTime": "time",
    "RelativeTime": "duration",
    "RelativeTimeAgument": "duration",  # as 1.0 to 1.2 spell it
}
_ENCODED_BY = {
    **dict.fromkeys(("integer", "float", "enumerated", "boolean"), encodings.ALL),
    "string": ("StringDataEncoding", "BinaryDataEncoding"),
    "binary": ("BinaryDataEncoding",),
}
_MOST_LABELS = 65_536


class Types:
    """The types of all space systems, by where they are named."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, str, str], model.ParameterType] = {}
        self._open: list[tuple[int, str, str]] = []
        self._depths: dict[tuple[int, str, str], int] = {}

    def find(
        self, node: Node, scope: Scope, reference: str, sorts: tuple[str, ...] = ("Type",)
    ) -> model.ParameterType:
        """Return the type that `reference` names; it is looked for among `sorts` in order."""
        for sort in sorts:
            found = names.find(scope.system, reference, sort)
            if found is not None:
                return self._built(node, *found, sort, scope, sorts)
        raise node.bad(f"type {reference[:100]} is not defined")

    def _built(
        self,
        node: Node,
        system: names.System,
        name: str,
        sort: str,
        scope: Scope,
        sorts: tuple[str, ...],
    ) -> model.ParameterType:
        key = (id(system), name, sort)
        inside = Scope(system, scope.arguments)
        if key in self._open:
            raise node.bad(f"type {name} holds itself")
        if len(self._open) >= DEEPEST:
            raise node.bad(f"type {name} lies more than {DEEPEST} types deep")
        if key not in self._known or scope.arguments:
            self._open.append(key)
            self._depths[key] = 1
            try:
                written = self._inherited(system.tables[sort][name], inside, sorts)
                self._known[key] = self._read(written, inside, sorts)
            finally:
                self._open.pop()
        if self._open:
            outer = self._open[-1]
            self._depths[outer] = max(self._depths[outer], self._depths[key] + 1)
            if self._depths[outer] > DEEPEST:
                raise node.bad(f"type {name} holds types more than {DEEPEST} deep")
        kind = self._known[key]
        is_used = node is not system.tables[sort][name]
        if is_used and kind.encoding is not None and kind.encoding.is_empty:
            raise node.unsupported(f"type {name} has no bits")
        return kind

    def _inherited(self, node: Node, scope: Scope, sorts: tuple[str, ...]) -> Node:
        """Return a type's element with what its base types say and it does not."""
        seen = [node]
        while base := node.get("baseType"):
            found = next((f for s in sorts if (f := names.find(scope.system, base, s))), None)
            if found is None:
                raise node.bad(f"type {base[:100]} is not defined")
            system, name = found
            under = next(system.tables[s][name] for s in sorts if name in system.tables.get(s, ()))
            if any(under is each for each in seen):
                raise node.bad(f"type {name} is derived from itself")
            if len(seen) > _LONGEST_BASES:
                raise node.bad(f"has more than {_LONGEST_BASES} base types")
            seen.append(under)
            if _kind_of(under) != _kind_of(node):
                raise node.bad(f"{name} is {under.name}, and no base of it")
            node = _merged(node, under)
            scope = Scope(system, scope.arguments)
        return node

    def _read(self, node: Node, scope: Scope, sorts: tuple[str, ...]) -> model.ParameterType:
        name = node.attribute("name")
        initial = node.attributes.get("initialValue")
        if node.name.startswith("Array"):
            element = self.find(node, scope, node.attribute("arrayTypeRef"), sorts)
            return model.ParameterType(
                name,
                "array",
                None,
                element=element,
                dimensions=dimensions(node, scope, node.get("numberOfDimensions")),
                initial=initial,
                line=node.line,
            )
        if node.name.startswith("Aggregate"):
            members: dict[str, model.ParameterType] = {}
            for member in node.below("MemberList"):
                key = member.attribute("name")
                if key in members:
                    raise member.bad(f"{key} is defined twice")
                found = self.find(member, scope, member.attribute("typeRef"), sorts)
                if "initialValue" in member.attributes:
                    found = replace(found, initial=member.get("initialValue"))
                members[key] = found
            if not members:
                raise node.bad("has no members")
            return model.ParameterType(
                name,
                "aggregate",
                None,
                members=tuple(members.items()),
                initial=initial,
                line=node.line,
            )
        return _simple(node, scope, name)


def _kind_of(node: Node) -> str:
    return node.name.removesuffix("Type").removesuffix("Parameter").removesuffix("Argument")


def _merged(node: Node, under: Node) -> Node:
    own = {child.name for child in node.children}
    if own & set(encodings.ALL):
        own |= set(encodings.ALL)
    attributes = {**under.attributes, **node.attributes}
    attributes["baseType"] = under.get("baseType")
    children = node.children + [child for child in under.children if child.name not in own]
    return Node(node.name, node.namespace, attributes, node.line, node.file, children)


def dimensions(
    node: Node, scope: Scope, count: str = ""
) -> tuple[tuple[model.Amount, model.Amount], ...]:
    """Return first and last index of each dimension. In 1.0 and 1.1 a type gives their number
    alone, and the entry says how large they are."""
    found = tuple(_dimension(each, scope) for each in node.below("DimensionList"))
    if count and found and count != str(len(found)):
        raise node.bad(f"has {len(found)} dimensions, not {count[:20]}")
    return found


def _dimension(node: Node, scope: Scope) -> tuple[model.Amount, model.Amount]:
    if node.name == "Size":  # as 1.0 has it: the number of elements alone
        size = amounts.read(node, scope)
        if isinstance(size, int):
            return 0, size - 1
        if isinstance(size, model.Dynamic):
            return 0, replace(size, intercept=size.intercept - 1)
        raise node.unsupported("a DiscreteLookupList as the size of an array")
    return (
        amounts.read(node.needed("StartingIndex"), scope),
        amounts.read(node.needed("EndingIndex"), scope),
    )


# --- Types of one value ---------------------------------------------------------------------


def _simple(node: Node, scope: Scope, name: str) -> model.ParameterType:
    kind = _KINDS[_kind_of(node)]
    build: Callable[..., model.ParameterType] = _time if kind in ("time", "duration") else _plain
    return build(
        node,
        scope,
        {
            "name": name,
            "kind": kind,
            "unit": " ".join(map(_unit, node.below("UnitSet"))),
            "alarm": alarms.default(node, scope),
            "context_alarms": alarms.contexts(node, scope),
            "initial": node.attributes.get("initialValue"),
            "line": node.line,
        },
    )


def _unit(node: Node) -> str:
    """Return a unit with what it is raised to and multiplied by: "m^2", "1000 km" (XTCE 1.2,
    UnitType)."""
    factor, power = node.get("factor", "1").strip(), node.get("power", "1").strip()
    words = node.words()
    if criteria.number_of(power) != 1:
        words = f"{words}^{power}"
    return words if criteria.number_of(factor) == 1 else f"{factor} {words}"


def _plain(node: Node, scope: Scope, fields: dict) -> model.ParameterType:
    kind = fields["kind"]
    if kind == "enumerated":
        fields["labels"] = _labels(node)
    if kind == "boolean":
        zero, one = node.get("zeroStringValue", "False"), node.get("oneStringValue", "True")
        fields["labels"] = ((0, 0, zero), (1, 1, one))
    _check_alarm(node, fields)
    fields["valid"], fields["is_valid_calibrated"] = _valid(node)
    characters = node.child("SizeRangeInCharacters")
    if characters is not None:
        fields["characters"] = (
            characters.number("minInclusive", int, 0),
            characters.number("maxInclusive", int, 1 << 31),
        )
    if kind == "string" and node.get("restrictionPattern"):
        fields["pattern"] = alarms.pattern(node, "restrictionPattern")
    encoding = node.child(*encodings.ALL)
    if encoding is None:
        return model.ParameterType(encoding=None, **fields)
    if encoding.name not in _ENCODED_BY[kind]:
        raise encoding.unsupported(f"not supported in {node.name}")
    if kind not in ("string", "binary"):
        fields["calibrator"] = calibrators.read(encoding.child("DefaultCalibrator"), scope)
        fields["context_calibrators"] = calibrators.contexts(
            encoding.child("ContextCalibratorList"), scope
        )
    if kind in ("enumerated", "boolean") and (
        fields["calibrator"] or fields["context_calibrators"]
    ):
        raise encoding.unsupported("a calibrator under labels is not supported")
    made = encodings.read(encoding, scope)
    if made.form == "binary" and kind == "string":
        made = encodings.as_text(encoding, made)
    elif made.form == "binary" and kind != "binary":
        made = encodings.as_number(encoding, made)
    return model.ParameterType(encoding=made, **fields)


def _check_alarm(node: Node, fields: dict) -> None:
    """Refuse levels for labels that the type does not have: they would never be reached."""
    known = {label for _, _, label in fields.get("labels", ())}
    listed = [fields["alarm"], *(each.alarm for each in fields["context_alarms"])]
    for alarm in listed:
        for label, _ in alarm.labels if alarm is not None else ():
            if label not in known:
                raise node.bad(f"has an alarm for {label[:60]}, and no such label")


def _labels(node: Node) -> tuple[tuple[int, int, str], ...]:
    listed = node.below("EnumerationList")
    if not listed:
        raise node.bad("has no EnumerationList with labels")
    if len(listed) > _MOST_LABELS:
        raise node.unsupported(f"{len(listed)} labels are more than {_MOST_LABELS}")
    return tuple(_label(each) for each in listed)


def _label(node: Node) -> tuple[int, int, str]:
    if node.name == "RangeEnumeration":
        limits = alarms.bounds(node)
        first, last = node.number("minInclusive", _whole), node.number("maxInclusive", _whole)
        if limits.excludes_low or limits.excludes_high:
            raise node.unsupported("a range of labels without its ends")
    else:
        first = node.number("value", _whole)
        last = node.number("maxValue", _whole, first)
    if last < first:
        raise node.bad(f"ends at {last}, before {first}")
    return first, last, node.attribute("label")


def _whole(text: str) -> int:
    found = criteria.number_of(text)
    if not isinstance(found, int) or not -(1 << 63) <= found < 1 << 64:
        raise ValueError(text)
    return found


def _valid(node: Node) -> tuple[tuple[model.Bounds, ...], bool]:
    holder = node.child("ValidRangeSet")
    ranges = holder.children if holder is not None else []
    single = node.child("ValidRange")
    if single is not None:
        holder, ranges = single, [single]
    is_calibrated = (holder or node).flag("validRangeAppliesToCalibrated", True)
    if holder is not None:
        is_calibrated &= holder.flag("rangeAppliesToCalibrated", True)
    return tuple(alarms.bounds(each) for each in ranges), is_calibrated


# --- Times ----------------------------------------------------------------------------------


def _time(node: Node, scope: Scope, fields: dict) -> model.ParameterType:
    encoding = node.child("Encoding")
    if encoding is None:
        return model.ParameterType(encoding=None, epoch=_epoch(node, scope, fields), **fields)
    units = encoding.get("units", "seconds")
    if units not in _UNITS_NS:
        raise encoding.unsupported(f'units="{units[:40]}" is not supported')
    inner = encoding.needed(*encodings.ALL)
    if inner.name not in ("IntegerDataEncoding", "FloatDataEncoding"):
        raise inner.unsupported("not supported in a time")
    for child in ("DefaultCalibrator", "ContextCalibratorList"):
        if (found := inner.child(child)) is not None:
            raise found.unsupported("not supported inside a time")
    return model.ParameterType(
        encoding=encodings.read(inner, scope),
        scale_ns=encoding.number("scale", _exactly, Fraction(1)) * _UNITS_NS[units],
        offset_ns=encoding.number("offset", _exactly, Fraction(0)) * _UNITS_NS[units],
        epoch=_epoch(node, scope, fields),
        **fields,
    )


def _exactly(text: str) -> Fraction:
    amounts.real(text)
    found = Fraction(text.strip())
    if max(found.numerator.bit_length(), found.denominator.bit_length()) > 200:
        raise ValueError(text)
    return found


def _epoch(node: Node, scope: Scope, fields: dict) -> model.Epoch:
    reference = node.child("ReferenceTime")
    if fields["kind"] == "duration":
        if reference is not None:
            raise reference.unsupported("not supported in a relative time")
        return model.Epoch()
    if reference is None:
        return model.Epoch(is_missing=True)
    chosen = reference.needed("Epoch", "OffsetFrom")
    if chosen.name == "OffsetFrom":
        return model.Epoch(parameter=scope.instance(chosen).name)
    text = chosen.words()
    if text in _EPOCHS:
        return model.Epoch(*_EPOCHS[text][:1], is_atomic=_EPOCHS[text][1])
    try:
        return model.Epoch(epoch_ns=criteria.instant_ns(text))
    except (ValueError, OverflowError):
        raise chosen.unsupported(f'"{text[:60]}" is not supported') from None


def references(kind: model.ParameterType) -> list[model.Reference]:
    """Return what a type needs from its packet: sizes, contexts and the time it counts from."""
    found = encodings.references(kind.encoding)
    for criterion, calibrator in kind.context_calibrators:
        found += criteria.references(criterion) + calibrators.references(calibrator)
    found += calibrators.references(kind.calibrator)
    if kind.epoch.parameter:
        found.append(model.Reference(kind.epoch.parameter, line=kind.line))
    return found
