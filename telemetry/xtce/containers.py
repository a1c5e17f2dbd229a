"""Containers as a definition writes them: entries in their places, bases, and their criteria."""

from __future__ import annotations

import re

from telemetry.xtce import amounts, criteria, errorcontrol, model, types
from telemetry.xtce.references import Scope
from telemetry.xtce.xml import Node

_PLACES = ("containerStart", "containerEnd", "previousEntry", "nextEntry")
_TELEMETRY = (
    *("ParameterRefEntry", "ContainerRefEntry", "ArrayParameterRefEntry"),
    "IndirectParameterRefEntry",
)
_LONGEST_FIXED_BITS = 65_536 * 8
_HEXADECIMAL = re.compile(r"[0-9a-fA-F]+")


def read(node: Node, scope: Scope, name: str, *, is_command: bool = False) -> model.Container:
    base, listed = node.child("BaseContainer"), node.child("EntryList")
    sorts = ("CommandContainer", "Container") if is_command else ("Container", "CommandContainer")
    held = None
    if base is not None and (restrictions := base.child("RestrictionCriteria")) is not None:
        held = criteria.read(restrictions, scope)
    encoding = node.child("BinaryEncoding")
    return model.Container(
        name=name,
        entries=tuple(
            _entry(each, scope, sorts, is_command)
            for each in (listed.children if listed is not None else ())
        ),
        is_abstract=node.flag("abstract", False),
        base=container(base, scope, sorts) if base is not None else "",
        criteria=held,
        size=_size(encoding, scope),
        errors=errorcontrol.read(encoding, scope),
        line=node.line,
        place=node.place,
    )


def container(node: Node, scope: Scope, sorts: tuple[str, ...] = ("Container",)) -> str:
    """Return the qualified name of the container that `node` refers to."""
    reference = node.attribute("containerRef")
    for sort in sorts[:-1]:
        try:
            return scope.qualified(node, reference, sort)
        except model.BadDefinition:
            continue
    return scope.qualified(node, reference, sorts[-1], "container")


def _size(encoding: Node | None, scope: Scope) -> int | None:
    sized = encoding.child("SizeInBits") if encoding is not None else None
    if sized is None:
        return None
    size = amounts.read(sized, scope)
    if not isinstance(size, int):
        raise sized.unsupported("a container whose size changes")
    return size


def _entry(node: Node, scope: Scope, sorts: tuple[str, ...], is_command: bool) -> model.Entry:
    if not is_command and node.name not in _TELEMETRY:
        raise node.unsupported("not supported in a container of telemetry")
    if is_command and node.name == "IndirectParameterRefEntry":
        raise node.unsupported("not supported in a command")
    repeat = node.child("RepeatEntry")
    condition = node.child("IncludeCondition")
    offset = repeat.child("Offset") if repeat is not None else None
    return model.Entry(
        parameter=scope.parameter(node, node.attribute("parameterRef"))
        if node.name in ("ParameterRefEntry", "ArrayParameterRefEntry")
        else "",
        container=container(node, scope, sorts) if node.name == "ContainerRefEntry" else "",
        argument=_argument(node, scope)
        if node.name in ("ArgumentRefEntry", "ArrayArgumentRefEntry")
        else "",
        fixed=_fixed(node) if node.name == "FixedValueEntry" else None,
        indirect=_indirect(node, scope) if node.name == "IndirectParameterRefEntry" else None,
        location=_location(node.child("LocationInContainerInBits"), scope),
        count=amounts.read(repeat.needed("Count"), scope) if repeat is not None else None,
        spacing=amounts.read(offset, scope) if offset is not None else 0,
        condition=criteria.needed(condition, scope) if condition is not None else None,
        dimensions=types.dimensions(node, scope),
        line=node.line,
        place=node.place,
    )


def _indirect(node: Node, scope: Scope) -> model.Indirect:
    reference = scope.instance(node.needed("ParameterInstance"))
    return model.Indirect(reference, node.get("aliasNameSpace"))


def _argument(node: Node, scope: Scope) -> str:
    name = node.attribute("argumentRef")
    if name not in scope.arguments:
        raise node.bad(f"argument {name[:100]} is not defined")
    return name


def _fixed(node: Node) -> tuple[int, int]:
    """Return value and size in bits of a FixedValueEntry: the last bits of its digits; the first
    that are too many are dropped (XTCE 1.2, FixedValueEntryType). 1.0 and 1.1 need no size."""
    digits = node.attribute("binaryValue").strip().removeprefix("0x")
    size = node.number("sizeInBits", int, 4 * len(digits))
    if not _HEXADECIMAL.fullmatch(digits):
        raise node.bad(f'binaryValue="{digits[:60]}" are no hexadecimal digits')
    value = int(digits, 16)
    if not 0 < size <= _LONGEST_FIXED_BITS:
        raise node.bad(f"has {size} bits")
    return value & ((1 << size) - 1), size


def _location(node: Node | None, scope: Scope) -> model.Location | None:
    if node is None:
        return None
    reference = node.get("referenceLocation", "previousEntry")
    if reference not in _PLACES:
        raise node.bad(f'referenceLocation="{reference[:40]}" is none of {", ".join(_PLACES)}')
    bits = amounts.read(node, scope)
    if reference != "previousEntry" and isinstance(bits, int) and bits < 0:
        raise node.bad(f"{bits} bits from {reference} lies outside of the container")
    return model.Location(reference, bits)
