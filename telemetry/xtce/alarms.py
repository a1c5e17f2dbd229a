"""Alarms as a definition writes them: DefaultAlarm and ContextAlarm of every kind of type."""

from __future__ import annotations

import re2

from telemetry.xtce import amounts, criteria, model
from telemetry.xtce.references import Scope
from telemetry.xtce.xml import Node

_UNITS_S = {
    "seconds": 1.0,
    "picoSeconds": 1e-12,
    "picoseconds": 1e-12,
    "nanoseconds": 1e-9,
    "microseconds": 1e-6,
    "milliseconds": 1e-3,
    "minutes": 60.0,
    "hours": 3600.0,
    "days": 86_400.0,
}
_LONGEST_PATTERN = 1000
_QUIETLY = re2.Options()
_QUIETLY.log_errors = False
_LISTS = ("ContextAlarmList", "BinaryContextAlarmList")


def default(node: Node, scope: Scope) -> model.Alarm | None:
    """Return the DefaultAlarm of a type."""
    chosen = node.child("DefaultAlarm")
    return _alarm(chosen, scope) if chosen is not None else None


def contexts(node: Node, scope: Scope) -> tuple[model.ContextAlarm, ...]:
    found = []
    listed = node.child(*_LISTS)
    for each in listed.children if listed is not None else []:
        context = criteria.needed(each.needed("ContextMatch"), scope)
        alarm = _alarm(each, scope)
        if alarm is not None:
            found.append(model.ContextAlarm(context, alarm))
    return tuple(found)


def _alarm(node: Node, scope: Scope) -> model.Alarm | None:
    if node.flag("disabled", False):
        return None
    violations = node.number("minViolations", _count, 1)
    change = node.child("ChangeAlarmRanges", "ChangePerSecondAlarmRanges")
    return model.Alarm(
        ranges=tuple(_ranges(node.child("StaticAlarmRanges")))
        + tuple(_multiple(node.child("AlarmMultiRanges"))),
        change=_change(change) if change is not None else None,
        labels=tuple(
            (each.attribute("enumerationLabel"), _level(each, "alarmLevel"))
            for each in node.below("EnumerationAlarmList")
        ),
        patterns=tuple(
            (pattern(each, "matchPattern"), _level(each, "alarmLevel"))
            for each in node.below("StringAlarmList")
        ),
        default_level=_level(node, "defaultAlarmLevel", "normal"),
        conditions=tuple(
            (_named_level(each, "Alarm"), criteria.needed(each, scope))
            for each in node.below("AlarmConditions")
        ),
        min_violations=violations,
        min_conformance=node.number("minConformance", _count, violations),
        line=node.line,
    )


def _count(text: str) -> int:
    found = int(text)
    if found < 1:
        raise ValueError(text)
    return found


def _level(node: Node, key: str, otherwise: str = "") -> model.Level:
    written = node.attributes.get(key, otherwise) or node.attribute(key)
    if written not in model.LEVELS:
        raise node.bad(f'{key}="{written[:40]}" is no level')
    return written


def _named_level(node: Node, ending: str) -> model.Level:
    name = node.name.removesuffix(ending).lower()
    return next(level for level in model.LEVELS if level == name)


def _is_inside(node: Node) -> bool:
    form = node.get("rangeForm", "outside")
    if form not in ("inside", "outside"):
        raise node.bad(f'rangeForm="{form[:40]}" is neither inside nor outside')
    return form == "inside"


def _ranges(node: Node | None) -> list[model.AlarmRange]:
    if node is None:
        return []
    units = node.get("timeUnits", "seconds")
    if units not in _UNITS_S:
        raise node.unsupported(f'timeUnits="{units[:40]}" is not supported')
    is_inside = _is_inside(node)
    return [
        model.AlarmRange(_named_level(each, "Range"), bounds(each, _UNITS_S[units]), is_inside)
        for each in node.children
        if each.name.endswith("Range")
    ]


def _multiple(node: Node | None) -> list[model.AlarmRange]:
    if node is None:
        return []
    return [
        model.AlarmRange(_level(each, "level"), bounds(each), _is_inside(each))
        for each in node.children
        if each.name == "Range"
    ]


def _change(node: Node) -> model.ChangeAlarm:
    basis = node.get("changeBasis", "absoluteChange")
    per = node.get("changeType", "changePerSecond")
    if basis not in ("absoluteChange", "percentageChange"):
        raise node.bad(f'changeBasis="{basis[:40]}" is not understood')
    if per not in ("changePerSecond", "changePerSample"):
        raise node.bad(f'changeType="{per[:40]}" is not understood')
    return model.ChangeAlarm(
        tuple(_ranges(node)),
        is_per_second=per == "changePerSecond",
        is_percentage=basis == "percentageChange",
        span_samples=node.number("spanOfInterestInSamples", _count, 1),
        span_s=node.number("spanOfInterestInSeconds", amounts.real, 0.0),
    )


def bounds(node: Node, scale: float = 1.0) -> model.Bounds:
    """Return the numbers that a range's attributes enclose."""
    for side in ("min", "max"):
        if f"{side}Inclusive" in node.attributes and f"{side}Exclusive" in node.attributes:
            raise node.bad(f"has {side}Inclusive and {side}Exclusive")
    low = node.number("minExclusive", amounts.real, -float("inf"))
    high = node.number("maxExclusive", amounts.real, float("inf"))
    return model.Bounds(
        node.number("minInclusive", amounts.real, low) * scale,
        node.number("maxInclusive", amounts.real, high) * scale,
        "minExclusive" in node.attributes,
        "maxExclusive" in node.attributes,
    )


def pattern(node: Node, key: str) -> str:
    """Return the regular expression that an attribute has."""
    text = node.attribute(key)
    if len(text) > _LONGEST_PATTERN:
        raise node.unsupported(f"a pattern of {len(text)} characters")
    try:
        re2.compile(text, _QUIETLY)
    except re2.error as error:
        raise node.bad(f'{key}="{text[:60]}": {error}') from None
    return text


def references(kind: model.ParameterType) -> list[model.Reference]:
    """Return all parameters that the alarms of a type look at."""
    alarms = [each.alarm for each in kind.context_alarms]
    if kind.alarm is not None:
        alarms.append(kind.alarm)
    found = [r for each in kind.context_alarms for r in criteria.references(each.context)]
    return found + [
        r for alarm in alarms for _, one in alarm.conditions for r in criteria.references(one)
    ]
