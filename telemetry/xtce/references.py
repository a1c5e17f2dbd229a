"""What an element means by a name: references resolved and held to what they lead to."""

from __future__ import annotations

from collections.abc import Collection

from telemetry.xtce import model, names
from telemetry.xtce.xml import Node


class Scope:
    """A space system as references see it, inside a command with that command's arguments."""

    def __init__(self, system: names.System, arguments: Collection[str] = ()) -> None:
        self.system = system
        self.arguments = arguments

    def qualified(self, node: Node, reference: str, sort: str, called: str = "") -> str:
        """Return the qualified name of a container, an algorithm, a command, a type…"""
        found = names.find(self.system, reference, sort)
        if found is None:
            raise node.bad(f"{called or sort.lower()} {reference[:100]} is not defined")
        system, name = found
        return system.qualified(name)

    def parameter(self, node: Node, reference: str) -> str:
        """Return the qualified name of a parameter, or of a member or an element of one."""
        found, rest = names.find_member(self.system, reference, "Parameter")
        head, more = reference, ""
        while found is None and "/" in head.strip("/"):
            # Some files go on to a member as if it lay in a space system: P/x.
            head, _, last = head.rpartition("/")
            more = f".{last}{more}"
            found, rest = names.find_member(self.system, head, "Parameter")
            rest += more
        if found is None:
            raise node.bad(f"parameter {reference[:100]} is not defined")
        system, name = found
        return system.qualified(name) + rest

    def instance(self, node: Node) -> model.Reference:
        """Return what a ParameterInstanceRef, or one of its kind, refers to."""
        is_calibrated = node.flag("useCalibratedValue", True)
        if "argumentRef" in node.attributes:
            name = node.attribute("argumentRef")
            head = name.split(".")[0].split("[")[0]
            if head not in self.arguments:
                raise node.bad(f"argument {name[:100]} is not defined")
            return model.Reference(name, is_calibrated, True, node.line)
        name = self.parameter(node, node.attribute("parameterRef"))
        return model.Reference(name, is_calibrated, False, node.line)
