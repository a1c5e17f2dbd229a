"""Refuses what is in a file and not understood, by its line; tells what is there and not done.

A definition that is half obeyed gives wrong values that look right, so that nothing is passed over
but what only describes. What asks for something beside decoding is told: see `elements.NOTED`.
"""

from __future__ import annotations

from collections.abc import Iterator

from telemetry.xtce import elements
from telemetry.xtce.model import LeftOut, Unsupported
from telemetry.xtce.xml import Node

MOST_TOLD = 100
XINCLUDE = "http://www.w3.org/2001/XInclude"


def check(root: Node) -> list[LeftOut]:
    """Return what of a file is not carried out. Refuse `root` if anything in it is not understood;
    the refusal lists all that is not."""
    found: list[Unsupported] = []
    left_out: list[LeftOut] = []
    for each in _findings(root):
        if isinstance(each, LeftOut):
            left_out.append(each)
            continue
        found.append(each)
        if len(found) == MOST_TOLD:
            break
    if found:
        found[0].others = list(found)
        raise found[0]
    return left_out


def _findings(root: Node) -> Iterator[Unsupported | LeftOut]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        attributes, allowed = elements.ELEMENTS[node.name]
        for key, value in node.attributes.items():
            known = elements.VALUES.get((node.name, key))
            if key not in attributes:
                yield node.unsupported(f"attribute {key.rpartition(' ')[2]} is not supported")
            elif known is not None and value not in known:
                yield node.unsupported(f'{key}="{value[:60]}" is not supported')
            elif key in elements.NOTED_ATTRIBUTES:
                yield _noted(node, f'{key}="{value[:60]}": {elements.NOTED_ATTRIBUTES[key]}')
        understood = []
        for child in node.children:
            is_include = child.name == "include" and child.namespace == XINCLUDE
            # Where the root has a prefix, elements without one are its own all the same.
            is_ours = child.namespace in (root.namespace, "") and child.name != "include"
            if child.name not in allowed or not (is_ours or is_include):
                yield child.unsupported(f"not supported in {node.name}")
            elif child.name in elements.NOTED:
                yield _noted(child, elements.NOTED[child.name])
            elif child.name not in elements.OPAQUE and not is_include:
                understood.append(child)
        waiting += reversed(understood)


def _noted(node: Node, why: str) -> LeftOut:
    return LeftOut(node.line, node.name, why, node.file)
