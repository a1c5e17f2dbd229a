"""Names of a tree of space systems: where a reference leads.

A reference is a path like those of files: `/A/B/x` from the top, `../x` and `B/x` from the space
system that it stands in, `x` that system's own. What is not found there is looked for in the
systems around it (XTCE 1.2, NameReferenceType; the search outwards is that of 1.0 and 1.1, and
mission databases rely on it).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from telemetry.xtce.xml import Node

_NAME = re.compile(r"[^/:\[\]\s]+")
"""The standard has no dots in names; files of missions do, and mean what they say."""


@dataclass(slots=True, eq=False)
class System:
    """One space system: `tables` holds what it defines, by sort ("Parameter", "Container", …)."""

    name: str
    node: Node
    parent: System | None = None
    prefix: str = ""
    children: dict[str, System] = field(default_factory=dict)
    tables: dict[str, dict[str, object]] = field(default_factory=dict)

    def qualified(self, name: str) -> str:
        """Return the name as it is known outside: what the first root defines by its own name,
        everything else with its path."""
        return self.prefix + name

    def put(self, sort: str, name: str, thing: object, node: Node) -> None:
        if not _NAME.fullmatch(name):
            raise node.bad(f'"{name[:60]}" is no name')
        table = self.tables.setdefault(sort, {})
        if name in table:
            raise node.bad(f"{name} is defined twice")
        table[name] = thing

    def walk(self) -> list[System]:
        """Return the system and all below it, in the order of the files."""
        found, waiting = [], [self]
        while waiting:
            system = waiting.pop()
            found.append(system)
            waiting += reversed(system.children.values())
        return found


def find(system: System, reference: str, sort: str) -> tuple[System, str] | None:
    """Return the system that defines what `reference` means to `system`, and the name in it."""
    path, _, name = reference.rpartition("/")
    steps = [step for step in path.split("/") if step and step != "."]
    if reference.startswith("/"):
        top = _top(system)
        # Some files leave the name of the root out.
        starts = [top, *top.children.values()]
        return next((found for at in starts if (found := _at(at, steps, name, sort))), None)
    around: System | None = system
    while around is not None:
        if found := _at(around, steps, name, sort):
            return found
        around = around.parent
    return None


def system(here: System, reference: str) -> System | None:
    """Return the space system that a path leads to, seen from another one; None if nowhere."""
    steps = [step for step in reference.split("/") if step and step != "."]
    top = _top(here)
    starts = [top, *top.children.values()] if reference.startswith("/") else [here]
    while not reference.startswith("/") and starts[-1].parent is not None:
        starts.append(starts[-1].parent)
    for start in starts:
        at: System | None = start
        for step in steps:
            at = (at.parent if step == ".." else at.children.get(step)) if at else None
        if at is not None:
            return at
    return None


def find_member(system: System, reference: str, sort: str) -> tuple[tuple[System, str] | None, str]:
    """Like `find`, for a reference that may go on to a member or an element: `x.y[2]`. Return
    what was found, and the rest with its leading dot or bracket."""
    head, slash, last = reference.rpartition("/")
    cut = min((at for at in (last.find("."), last.find("[")) if at > 0), default=len(last))
    # A name may hold a dot in older files; the whole is tried first.
    found = find(system, reference, sort)
    if found is not None or cut == len(last):
        return found, ""
    return find(system, head + slash + last[:cut], sort), last[cut:]


def _top(system: System) -> System:
    while system.parent is not None:
        system = system.parent
    return system


def _at(system: System, steps: list[str], name: str, sort: str) -> tuple[System, str] | None:
    here: System | None = system
    for step in steps:
        here = here.parent if step == ".." else here.children.get(step)
        if here is None:
            return None
    return (here, name) if name in here.tables.get(sort, ()) else None
