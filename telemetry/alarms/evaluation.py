"""From columns of samples to changes of level: one pass over the columns that have limits. Pure.

A limit costs a comparison of a column's least and greatest value with bounds known in advance. Only
what may lie outside, or was outside before, is looked at sample by sample.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from telemetry.alarms import judging, patience
from telemetry.alarms.limits import Limit
from telemetry.archive import columns

Facts = Callable[[str, NDArray[np.int64]], NDArray[np.bool_]]
"""Says for instants (ns since 1970) whether a named fact holds of the satellite."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A limit in force for a satellite, compiled."""

    key: str
    parameter: str
    group: str
    limit: Limit
    lowest: float = -inf
    """No judgement minds values from `lowest` to `highest`."""
    highest: float = inf
    labels_that_matter: frozenset[str] | None = None
    """Of an enumeration: only these have a level; None: any might."""
    unit: str = ""
    """Of the parameter, as its definition writes it."""


def compile_rule(key: str, parameter: str, group: str, limit: Limit, unit: str = "") -> Rule:
    """Return the rule with the bounds inside of which nobody needs to look."""
    lowest, highest = -inf, inf
    for judgement in limit.judgements:
        for band in judgement.bands:
            if band.is_inside:
                lowest, highest = inf, -inf
            else:
                lowest, highest = max(lowest, band.low), min(highest, band.high)
    labels: frozenset[str] | None = None
    if not any(judgement.otherwise for judgement in limit.judgements):
        labels = frozenset(
            label for judgement in limit.judgements for label, level in judgement.labels if level
        )
    return Rule(key, parameter, group, limit, lowest, highest, labels, unit)


@dataclass(frozen=True)
class Plan:
    """The rules in force for one satellite, and the parameters that their conditions ask for."""

    rules: tuple[Rule, ...] = ()
    asked: frozenset[str] = frozenset()
    group_of: dict[str, str] = field(default_factory=dict)
    by_group: dict[str, tuple[Rule, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, rules: list[Rule], group_of: dict[str, str]) -> Plan:
        by_group: dict[str, list[Rule]] = {}
        for rule in rules:
            by_group.setdefault(rule.group, []).append(rule)
        asked = frozenset(
            condition.parameter
            for rule in rules
            for condition in rule.limit.conditions
            if condition.parameter
        )
        return cls(
            tuple(rules), asked, group_of, {name: tuple(each) for name, each in by_group.items()}
        )


@dataclass
class Memory:
    """What is remembered of a satellite from batch to batch, as JSON."""

    rules: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By rule, only of those that are not at rest (`patience.Tail` and whether suppressed)."""
    values: dict[str, Any] = field(default_factory=dict)
    """The newest value of each parameter that conditions ask for."""
    histories: dict[str, list[list[float]]] = field(default_factory=dict)
    """Of limits on change: the samples that the next ones are compared with."""


@dataclass(frozen=True, slots=True)
class Change:
    """A rule's level, or whether it is suppressed, is another from this sample on."""

    rule: Rule
    at_ns: int
    level: int
    before: int
    value: Any
    is_suppressed: bool


@dataclass(frozen=True, slots=True)
class Excursion:
    """Consecutive samples of a dump that violated a limit."""

    rule: Rule
    first_ns: int
    last_ns: int
    count: int
    level: int
    value: Any
    """The one farthest out, or the first of the worst level."""


def evaluate(
    plan: Plan, tables: dict[str, columns.Samples], memory: Memory, facts: Facts
) -> list[Change]:
    """Judge live samples, in the order of their generation; `memory` is brought up to date.

    Returns the changes in the order of their instants.
    """
    changes: list[Change] = []
    for group, samples in tables.items():
        for rule in plan.by_group.get(group, ()):
            series = judging.series_of(rule, samples)
            if series is None:
                continue
            before = memory.rules.get(rule.key)
            if rule.limit.kind == "change":
                series = judging.changes_of(rule, series, memory.histories)
            if before is None and judging.is_quiet(rule, series):
                continue
            asker = judging.Asker(plan, tables, samples, memory.values, facts)
            changes += _step(rule, series, asker, memory)
    _remember(plan, tables, memory)
    return sorted(changes, key=lambda change: change.at_ns)


def _step(rule: Rule, series: judging.Series, asker: judging.Asker, memory: Memory) -> list[Change]:
    kept = memory.rules.get(rule.key, {})
    now, inside = judging.levels(rule.limit, series, asker)
    suppressed = asker.any_holds(rule.limit.suppressed_when, series.places)
    tail = patience.Tail.from_json(kept)
    levels, following = patience.run(
        now,
        inside,
        violations=rule.limit.minimum_violations,
        conformance=rule.limit.minimum_conformance,
        before=tail,
    )
    was_suppressed = bool(kept.get("suppressed", False))
    flags = np.concatenate([[was_suppressed], suppressed])
    whole = np.concatenate([[tail.level], levels])
    moved = np.flatnonzero((np.diff(whole) != 0) | (np.diff(flags.astype(np.int8)) != 0))
    is_suppressed = bool(flags[-1])
    if following.is_at_rest and not is_suppressed:
        memory.rules.pop(rule.key, None)
    else:
        memory.rules[rule.key] = following.to_json() | (
            {"suppressed": True} if is_suppressed else {}
        )
    return [
        Change(
            rule,
            int(series.at_ns[place]),
            int(levels[place]),
            int(whole[place]),
            series.shown(int(place)),
            bool(suppressed[place]),
        )
        for place in moved.tolist()
    ]


def _remember(plan: Plan, tables: dict[str, columns.Samples], memory: Memory) -> None:
    """Keep what conditions will ask for, and forget rules that are not in force any more."""
    for name in plan.asked:
        samples = tables.get(plan.group_of.get(name, ""))
        if samples is not None and len(samples) and name in samples.columns:
            last = columns.select(samples, np.array([len(samples) - 1]))
            memory.values[name] = columns.values(last.columns[name])[0]
    known = {rule.key for rule in plan.rules}
    for table in (memory.rules, memory.histories):
        for key in [key for key in table if key not in known]:
            del table[key]


def look_back(plan: Plan, tables: dict[str, columns.Samples], facts: Facts) -> list[Excursion]:
    """Judge what a recorder dump brought: excursions, told by their spans. Raises nothing."""
    found: list[Excursion] = []
    for group, samples in tables.items():
        for rule in plan.by_group.get(group, ()):
            series = judging.series_of(rule, samples)
            if series is None:
                continue
            if rule.limit.kind == "change":
                series = judging.changes_of(rule, series, {})
            if judging.is_quiet(rule, series):
                continue
            asker = judging.Asker(plan, tables, samples, {}, facts)
            levels, _ = judging.levels(rule.limit, series, asker)
            levels[asker.any_holds(rule.limit.suppressed_when, series.places)] = 0
            found += _excursions(rule, series, levels)
    return found


def _excursions(rule: Rule, series: judging.Series, levels: NDArray) -> list[Excursion]:
    out = np.concatenate([[0], (levels > 0).astype(np.int8), [0]])
    steps = np.diff(out)
    found = []
    for start, end in zip(np.flatnonzero(steps == 1), np.flatnonzero(steps == -1), strict=True):
        worst = int(levels[start:end].max())
        place = int(start) + int(np.argmax(levels[start:end] == worst))
        found.append(
            Excursion(
                rule,
                int(series.at_ns[start]),
                int(series.at_ns[end - 1]),
                int(end - start),
                worst,
                series.shown(place),
            )
        )
    return found
