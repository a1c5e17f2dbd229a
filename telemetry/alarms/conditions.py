"""What no sample tells: conditions that are found by looking, and who looks for them.

Rooms above register what they know (`register`): who finds it says on which satellites, and the
others return by themselves. Asked on beat (`looking`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from telemetry.alarms.levels import Level


@dataclass(frozen=True, slots=True)
class Found:
    """A condition holds on a satellite."""

    satellite_id: int
    since: datetime
    level: Level = Level.DISTRESS
    value: Any = None
    detail: str = ""


Finder = Callable[[datetime], list[Found]]


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that may be wrong, and who finds it."""

    rule: str
    name: str
    find: Finder
    parameter: str = ""


_registered: dict[str, Condition] = {}


def register(condition: Condition) -> None:
    """Let `condition.find` be asked on every beat. ValueError when another has its name."""
    known = _registered.setdefault(condition.rule, condition)
    if known != condition:
        raise ValueError(f"{condition.rule} is found by {known.find} already")


def registered() -> list[Condition]:
    """Return what rooms above have registered."""
    return list(_registered.values())
