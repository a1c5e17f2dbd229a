"""Alarms of an XTCE definition as limits in our own form. Pure.

What our limits cannot say (patterns of texts, conditions of alarms by themselves) is told in words
and not taken over in part.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from telemetry.xtce import Definition as Compiled
from telemetry.xtce import criteria, model

Definition = Compiled | model.SpaceSystem
CONTEXTS_MOST = 100
"""Of one limit: an `and` of many `or`s says as many as all their combinations."""


class _Unsayable(Exception):
    """Our limits have no words for it; the message says for what."""


@dataclass(frozen=True, slots=True)
class Translated:
    """One limit: its name, its parameter and its content as JSON."""

    name: str
    parameter: str
    content: dict[str, Any]


@dataclass
class Translation:
    limits: list[Translated] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def translate(definition: Definition) -> Translation:
    """Return the limits that the alarms of a definition say, and what of them is left out."""
    found = Translation()
    for name, parameter in definition.parameters.items():
        kind = parameter.type
        if kind.alarm is None and not kind.context_alarms:
            continue
        try:
            found.limits += _limits(definition, name, kind)
        except _Unsayable as reason:
            found.left_out.append(f"{_line(kind)}DefaultAlarm of {name}: {reason}")
    return found


def _line(kind: model.ParameterType) -> str:
    """Return where the first alarm of a type is written."""
    lines = [each.alarm.line for each in kind.context_alarms]
    if kind.alarm is not None:
        lines.append(kind.alarm.line)
    return f"line {min(lines)}: " if any(lines) else ""


def _limits(definition: Definition, name: str, kind: model.ParameterType) -> list[Translated]:
    alarm = kind.alarm or model.Alarm()
    everything = [alarm, *(each.alarm for each in kind.context_alarms)]
    for each in everything:
        if each.patterns or each.conditions:
            raise _Unsayable("alarms by pattern or by condition")
    if kind.kind == "time":
        raise _Unsayable("ranges of times")
    made = []
    if any(each.ranges for each in everything):
        made.append(_limit(definition, name, kind, "static"))
    if any(each.change for each in everything):
        made.append(_limit(definition, name, kind, "change"))
    if any(each.labels or each.default_level != "normal" for each in everything):
        made.append(_limit(definition, name, kind, "enumeration"))
    return made


def _limit(definition: Definition, name: str, kind: model.ParameterType, form: str) -> Translated:
    alarm = kind.alarm or model.Alarm()
    content: dict[str, Any] = {"kind": form, **_judgement(alarm, form), **_patience(kind)}
    if form == "change":
        content |= _basis([alarm, *(each.alarm for each in kind.context_alarms)])
    contexts = [
        {"when": when, **_judgement(each.alarm, form)}
        for each in kind.context_alarms
        for when in _alternatives(definition, each.context)
    ]
    if len(contexts) > CONTEXTS_MOST:
        raise _Unsayable(f"more than {CONTEXTS_MOST} contexts")
    if contexts:
        content["contexts"] = contexts
    label = {"static": "range", "change": "change", "enumeration": "state"}[form]
    return Translated(f"{name}: {label}", name, content)


def _patience(kind: model.ParameterType) -> dict[str, Any]:
    """Return how many samples raise and end the alarms of a type: a limit has one such number, in
    whatever context."""
    alarms = [each.alarm for each in kind.context_alarms]
    if kind.alarm is not None:
        alarms.append(kind.alarm)
    counts = {(each.min_violations, each.min_conformance) for each in alarms}
    if len(counts) > 1:
        raise _Unsayable("contexts that need other numbers of violations")
    ((violations, conformance),) = counts
    return {"minimum_violations": violations, "minimum_conformance": conformance}


def _judgement(alarm: model.Alarm, form: str) -> dict[str, Any]:
    if form == "enumeration":
        labels = {label: level for label, level in alarm.labels if level != "normal"}
        return {"labels": labels, "otherwise": alarm.default_level}
    ranges = alarm.ranges if form == "static" else (alarm.change.ranges if alarm.change else ())
    levels: dict[str, list[dict[str, Any]]] = {}
    for each in ranges:
        if each.level != "normal":
            levels.setdefault(each.level, []).append(_range(each))
    return {"levels": levels}


def _range(said: model.AlarmRange) -> dict[str, Any]:
    """Return a range with both ends in it: one that excludes its end stops a step before."""
    bounds, found = said.bounds, {}
    if bounds.low > -math.inf:
        found["low"] = math.nextafter(bounds.low, math.inf) if bounds.excludes_low else bounds.low
    if bounds.high < math.inf:
        found["high"] = (
            math.nextafter(bounds.high, -math.inf) if bounds.excludes_high else bounds.high
        )
    return found | ({"inside": True} if said.is_inside else {})


def _basis(alarms: list[model.Alarm]) -> dict[str, Any]:
    bases = {
        (c.is_per_second, c.is_percentage, c.span_samples, c.span_s)
        for c in (alarm.change for alarm in alarms)
        if c is not None
    }
    if len(bases) > 1:
        raise _Unsayable("contexts that measure change in different ways")
    (per_second, percentage, samples, span_s) = bases.pop()
    said: dict[str, Any] = {"basis": "per_second" if per_second else "per_sample"}
    if per_second:
        said["span_s"] = max(span_s, 0.001)
    else:
        said["span_samples"] = max(samples, 1)
    return said | ({"percentage": True} if percentage else {})


# --- Contexts -------------------------------------------------------------------------------


def _alternatives(definition: Definition, context: model.Criteria) -> list[list[dict[str, Any]]]:
    """Return lists of conditions; the criteria hold when all of one list do."""
    if isinstance(context, model.Or):
        return [each for term in context.terms for each in _alternatives(definition, term)]
    if isinstance(context, model.And):
        found: list[list[dict[str, Any]]] = [[]]
        for term in context.terms:
            others = _alternatives(definition, term)
            if len(found) * len(others) > CONTEXTS_MOST:
                raise _Unsayable(f"more than {CONTEXTS_MOST} contexts")
            found = [[*one, *other] for one in found for other in others]
        return found
    return [[each] for each in _comparison(definition, context)]


def _comparison(definition: Definition, said: model.Comparison) -> Iterable[dict[str, Any]]:
    named = said.left.name
    parameter = definition.parameters.get(named)
    if parameter is None or isinstance(said.right, model.Reference):
        raise _Unsayable(f"a context on {named}")
    kind = parameter.type
    if kind.labels or kind.kind == "string":
        return [{"parameter": named, "is": _words(kind, said, said.right)}]
    if kind.kind not in ("integer", "float"):
        raise _Unsayable(f"a context on {named}, which is {kind.kind}")
    if (kind.calibrator or kind.context_calibrators) and not said.left.is_calibrated:
        raise _Unsayable(f"a context on the raw value of {named}")
    value = criteria.number_of(said.right)
    if value is None or not math.isfinite(value):
        raise _Unsayable(f'a context on {named} "{said.right}"')
    above, below = math.nextafter(value, math.inf), math.nextafter(value, -math.inf)
    sides = {
        "==": [{"low": value, "high": value}],
        "!=": [{"high": below}, {"low": above}],
        "<": [{"high": below}],
        "<=": [{"high": value}],
        ">": [{"low": above}],
        ">=": [{"low": value}],
    }[said.operator]
    return [{"parameter": named, **side} for side in sides]


def _words(kind: model.ParameterType, said: model.Comparison, value: str) -> list[str]:
    """Return the labels for which a comparison on labels holds.

    What is compared means what it means to containers (`criteria`): a number beside labels is the
    raw value, and a boolean is written as true or 1 too.
    """
    known = list(dict.fromkeys(label for _, _, label in kind.labels))
    if kind.labels and not (said.left.is_calibrated and value in known):
        value = _label_of(kind, said, value)
    if said.operator == "==":
        return [value]
    others = [label for label in known if label != value]
    if said.operator == "!=" and others:
        return others
    raise _Unsayable(f"a context {said.operator} on {said.left.name}")


def _label_of(kind: model.ParameterType, said: model.Comparison, value: str) -> str:
    """Return the label that stands for the one raw value which is compared with."""
    raw = criteria.number_of(value)
    if kind.kind == "boolean" and said.left.is_calibrated:
        raw = {"true": 1, "false": 0}.get(value.lower(), raw)
    for first, last, label in kind.labels:
        if raw is not None and first <= raw <= last:
            if sum(each == label for _, _, each in kind.labels) > 1 or first != last:
                break
            return label
    raise _Unsayable(f'a context on {said.left.name} "{value[:60]}", which no label stands for')
