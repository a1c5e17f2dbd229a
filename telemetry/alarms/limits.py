"""What a limit says: ranges by level, labels by level, contexts, and how patient it is. Pure.

A limit is written as JSON (docs/alarms.md), read by `limit_reading`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Literal

from telemetry.alarms.levels import Level

Kind = Literal["static", "change", "enumeration"]
FACTS = ("sunlit", "eclipsed", "in_contact", "no_laser_partner")
"""What conditions may ask of a satellite besides its own parameters (`alarms.facts`)."""


@dataclass(frozen=True, slots=True)
class Band:
    """Values at `level`: those outside of [low, high], or with `is_inside` those in it."""

    level: Level
    low: float = -inf
    high: float = inf
    is_inside: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """A parameter whose newest value is one of `labels` or in [low, high]; or a fact that holds."""

    parameter: str = ""
    labels: tuple[str, ...] = ()
    low: float = -inf
    high: float = inf
    fact: str = ""


@dataclass(frozen=True, slots=True)
class Judgement:
    """How values are judged: numbers by bands, labels by their level."""

    bands: tuple[Band, ...] = ()
    labels: tuple[tuple[str, Level], ...] = ()
    otherwise: Level = Level.NORMAL
    """The level of labels that are not named."""


@dataclass(frozen=True, slots=True)
class Context:
    """A judgement that takes the place of the default while all conditions hold."""

    when: tuple[Condition, ...]
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class Scope:
    """The satellites that a limit is for; an empty tuple lets all pass."""

    roles: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    satellites: tuple[str, ...] = ()

    def includes(self, code: str, profile: str, role: str) -> bool:
        return (
            (not self.satellites or code in self.satellites)
            and (not self.profiles or profile in self.profiles)
            and (not self.roles or role in self.roles)
        )

    @property
    def rank(self) -> tuple[bool, bool, bool]:
        """How special it is: of several limits that fit, the greatest holds."""
        return bool(self.satellites), bool(self.profiles), bool(self.roles)


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit of one parameter."""

    kind: Kind
    default: Judgement
    contexts: tuple[Context, ...] = ()
    scope: Scope = Scope()
    minimum_violations: int = 1
    """So many samples in a row before it is raised."""
    minimum_conformance: int = 1
    """So many in a row, inside by the dead band, before it returns."""
    dead_band: float = 0.0
    is_latching: bool = False
    suppressed_when: tuple[Condition, ...] = ()
    """While any of them holds the alarm is suppressed by design."""
    basis: str = "per_second"
    """Of a change: by time, or from sample to sample."""
    span_s: float = 1.0
    """Of a change per second: over how long it is measured."""
    span_samples: int = 1
    is_percentage: bool = False

    @property
    def judgements(self) -> tuple[Judgement, ...]:
        return (self.default, *(context.judgement for context in self.contexts))

    @property
    def conditions(self) -> tuple[Condition, ...]:
        return self.suppressed_when + tuple(c for each in self.contexts for c in each.when)
