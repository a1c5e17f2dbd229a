"""XTCE files into the plain model. They come from outside: no entities, no network, no files that
the caller did not give."""

from __future__ import annotations

from collections.abc import Mapping

from telemetry.xtce import (
    algorithms,
    commands,
    containers,
    criteria,
    grammar,
    model,
    names,
    plans,
    xml,
)
from telemetry.xtce.references import Scope
from telemetry.xtce.types import Types

NAMESPACES = (
    "http://www.omg.org/space/xtce",
    "http://www.omg.org/spec/XTCE/",
    "https://www.omg.org/spec/XTCE/",
)
"""Versions 1.0 and 1.1; then 1.2 and later, which append their date; and the address of the schema,
which some files give in its place. A file without one is read."""
_DEEPEST_INCLUDE = 10
_SOURCES = ("telemetered", "derived", "constant", "local", "ground")
_SORTS = {
    # what a set holds: the sort under which it is found
    "ParameterTypeSet": "Type",
    "ArgumentTypeSet": "ArgumentType",
    "ParameterSet": "Parameter",
    "ContainerSet": "Container",
    "CommandContainerSet": "CommandContainer",
    "AlgorithmSet": "Algorithm",
    "MetaCommandSet": "Command",
    "MessageSet": "Message",
}
_THINGS = {"MessageSet": ("Message",)}
"""Children that a set has beside descriptions of itself."""


def load(data: bytes, files: Mapping[str, bytes] | None = None) -> plans.Definition:
    """Compile the definition in `data`; `files` are further ones, by name.

    A space system includes a file by XInclude; files that nothing includes are space systems beside
    the first. BadDefinition when it is no sound XTCE; Unsupported, one of those, when it asks for
    what is not done, with the line and the element.
    """
    return plans.Definition(read(data, files))


def read(data: bytes, files: Mapping[str, bytes] | None = None) -> model.SpaceSystem:
    """Return what the files define, not yet compiled."""
    others = dict(files or {})
    left_out: list[model.LeftOut] = []
    roots = _roots(data, others, left_out)
    top = names.System("", roots[0])
    for number, root in enumerate(roots):
        _grow(top, root, "" if number == 0 else root.get("name") + "/")
    return _Loader(top, roots[0].get("name"), left_out).load()


# --- Files ----------------------------------------------------------------------------------


def _roots(data: bytes, files: dict[str, bytes], left_out: list[model.LeftOut]) -> list[xml.Node]:
    first = _root(data, "", left_out)
    parsed = {name: _root(content, name, left_out) for name, content in files.items()}
    used: set[str] = set()
    for root in [first, *parsed.values()]:
        _include(root, parsed, used, ())
    return [first, *(root for name, root in parsed.items() if name not in used)]


def _root(data: bytes, file: str, left_out: list[model.LeftOut]) -> xml.Node:
    root = xml.parse(data, file)
    is_known = not root.namespace or root.namespace.startswith(NAMESPACES)
    if root.name != "SpaceSystem" or not is_known:
        raise root.unsupported(f"no SpaceSystem of XTCE (namespace {root.namespace or 'none'})")
    left_out += grammar.check(root)
    return root


def _include(
    node: xml.Node, parsed: dict[str, xml.Node], used: set[str], inside: tuple[str, ...]
) -> None:
    """Put the files that a space system includes in their places."""
    for place, child in enumerate(node.children):
        if child.name == "SpaceSystem":
            _include(child, parsed, used, inside)
        if child.name != "include" or child.namespace != grammar.XINCLUDE:
            continue
        wanted = child.attribute("href")
        if set(child.attributes) - {"href", "parse"} or child.get("parse", "xml") != "xml":
            raise child.unsupported("more than href is not supported")
        if wanted not in parsed:
            raise child.bad(f"{wanted[:100]} is not among the files given")
        if wanted in inside or len(inside) >= _DEEPEST_INCLUDE:
            raise child.bad(f"{wanted[:100]} includes itself")
        used.add(wanted)
        node.children[place] = parsed[wanted]
        _include(parsed[wanted], parsed, used, (*inside, wanted))


def _grow(parent: names.System, node: xml.Node, prefix: str) -> None:
    """Add a space system and those inside it to the tree of names."""
    name = node.attribute("name")
    if name in parent.children:
        raise node.bad(f"{name[:100]} is defined twice")
    system = names.System(name, node, parent, prefix)
    parent.children[name] = system
    for meta in node.children:
        for group in meta.children if meta.name.endswith("MetaData") else ():
            for thing in group.children if group.name in _SORTS else ():
                if thing.name not in _THINGS.get(group.name, (thing.name,)):
                    continue
                if "name" in thing.attributes or not thing.name.endswith("Ref"):
                    system.put(_SORTS[group.name], thing.attribute("name"), thing, thing)
    for child in node.children:
        if child.name == "SpaceSystem":
            _grow(system, child, f"{prefix}{child.attribute('name')}/")


# --- What they define -----------------------------------------------------------------------


class _Loader:
    def __init__(self, top: names.System, name: str, left_out: list[model.LeftOut]) -> None:
        self._systems = top.walk()[1:]
        self._types = Types()
        header = top.node.child("Header")
        version = header.get("version") if header is not None else ""
        self._found = model.SpaceSystem(name, version, left_out=left_out)

    def load(self) -> model.SpaceSystem:
        for system in self._systems:
            self._types_and_parameters(system)
        for system in self._systems:
            scope = Scope(system)
            for name, node in system.tables.get("Container", {}).items():
                qualified = system.qualified(name)
                self._found.containers[qualified] = containers.read(node, scope, qualified)
        for system in self._systems:
            for name, node in system.tables.get("Message", {}).items():
                self._message(Scope(system), node, system.qualified(name))
        for system in self._systems:
            for name, node in system.tables.get("Algorithm", {}).items():
                qualified = system.qualified(name)
                for number, one in enumerate(algorithms.read(node, Scope(system), qualified)):
                    key = qualified if number == 0 else f"{qualified}#{number + 1}"
                    self._found.algorithms[key] = one
        commands.read_all(self._systems, self._types, self._found)
        return self._found

    def _message(self, scope: Scope, node: xml.Node, name: str) -> None:
        reference = node.needed("ContainerRef", "ContainRef")
        self._found.messages[name] = model.Message(
            name,
            criteria.needed(node.needed("MatchCriteria"), scope),
            containers.container(reference, scope),
            node.line,
            node.place,
        )

    def _types_and_parameters(self, system: names.System) -> None:
        scope = Scope(system)
        for name, node in system.tables.get("Type", {}).items():
            self._types.find(node, scope, name)
        for name, node in system.tables.get("Parameter", {}).items():
            kind = self._types.find(node, scope, node.attribute("parameterTypeRef"))
            qualified = system.qualified(name)
            self._found.parameters[qualified] = model.Parameter(
                qualified,
                kind,
                _description(node),
                node.attributes.get("initialValue", kind.initial),
                _source(node),
                _validity(node, scope),
                _aliases(node),
            )
        for meta in system.node.children:
            for group in meta.children if meta.name.endswith("MetaData") else ():
                for thing in group.children:
                    if thing.name == "ParameterRef":
                        scope.parameter(thing, thing.attribute("parameterRef"))


def _description(node: xml.Node) -> str:
    written = node.child("ShortDescription")
    return node.get("shortDescription") or (written.words() if written is not None else "")


def _validity(node: xml.Node, scope: Scope) -> model.Criteria | None:
    properties = node.child("ParameterProperties")
    condition = properties.child("ValidityCondition") if properties is not None else None
    return criteria.needed(condition, scope) if condition is not None else None


def _aliases(node: xml.Node) -> tuple[tuple[str, str], ...]:
    return tuple(
        (each.get("nameSpace"), each.get("alias"))
        for each in node.below("AliasSet")
        if each.name == "Alias"
    )


def _source(node: xml.Node) -> str:
    properties = node.child("ParameterProperties")
    source = properties.get("dataSource", "telemetered") if properties is not None else ""
    if source and source not in _SOURCES:
        raise properties.bad(f'dataSource="{source[:40]}" is not understood')
    return source or "telemetered"
