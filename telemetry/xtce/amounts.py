"""Whole numbers that a definition gives, or lets the packet tell: FixedValue, DynamicValue and
DiscreteLookupList."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from telemetry.xtce import criteria, model
from telemetry.xtce.references import Scope
from telemetry.xtce.xml import Node

MOST = 1 << 40
_CHOICES = ("FixedValue", "DynamicValue", "DiscreteLookupList")


class BadAmount(ValueError):
    """A packet gives no usable number."""


def read(node: Node, scope: Scope) -> model.Amount:
    """Return the number that `node` has as a child."""
    chosen = node.needed(*_CHOICES)
    if chosen.name == "FixedValue":
        return whole(chosen, chosen.words())
    if chosen.name == "DynamicValue":
        return _dynamic(chosen, scope)
    cases = tuple(
        (criteria.needed(case, scope), case.number("value", _integer)) for case in chosen.children
    )
    if not cases:
        raise chosen.bad("has no DiscreteLookup")
    default = chosen.number("defaultValue", _integer) if chosen.get("defaultValue") else None
    return model.Lookup(cases, default, chosen.line)


def whole(node: Node, text: str) -> int:
    try:
        return _integer(text)
    except ValueError:
        raise node.bad(f'"{text[:60]}" is no whole number') from None


def _integer(text: str) -> int:
    found = criteria.number_of(text)
    if found is None or abs(found) > MOST or int(found) != found:
        raise ValueError(text)
    return int(found)


def real(text: str) -> float:
    """Return a number as XML Schema writes it; what is not a number is none here."""
    found = float({"INF": "inf", "-INF": "-inf"}.get(text.strip(), text))
    if math.isnan(found) or "_" in text:
        raise ValueError(text)
    return found


def _dynamic(node: Node, scope: Scope) -> model.Dynamic:
    reference = scope.instance(node.needed("ParameterInstanceRef", "ArgumentInstanceRef"))
    adjustment = node.child("LinearAdjustment")
    if adjustment is None:
        return model.Dynamic(reference)
    # The standard gives the slope no default before 1.3; without one, nothing is multiplied.
    return model.Dynamic(
        reference, adjustment.number("slope", real, 1.0), adjustment.number("intercept", real, 0.0)
    )


def references(amount: model.Amount | None) -> list[model.Reference]:
    if isinstance(amount, model.Dynamic):
        return [amount.reference]
    if isinstance(amount, model.Lookup):
        return [found for case, _ in amount.cases for found in criteria.references(case)]
    return []


def compiled(amount: model.Amount, types: criteria.Types) -> Callable[[criteria.Get], int]:
    """Return a function that gives the number for one packet; BadAmount says why there is none."""
    if isinstance(amount, int):
        return lambda get: amount
    if isinstance(amount, model.Dynamic):
        return _compiled_dynamic(amount, types)
    cases = [(criteria.compiled(case, types), value) for case, value in amount.cases]
    default = amount.default

    def looked_up(get: criteria.Get) -> int:
        for holds, value in cases:
            if holds(get):
                return value
        if default is None:
            raise BadAmount(f"no case of the DiscreteLookupList in line {amount.line} holds")
        return default

    return looked_up


def _compiled_dynamic(amount: model.Dynamic, types: criteria.Types) -> Callable[[Any], int]:
    reference, slope, intercept = amount.reference, amount.slope, amount.intercept
    kind = types(reference)
    if kind.kind not in ("integer", "float", "enumerated", "boolean"):
        raise model.BadDefinition(
            f"line {reference.line}: {reference.name} is {kind.kind}, and gives no number",
            line=reference.line,
        )
    if kind.kind in ("enumerated", "boolean"):
        # Labels count nothing; their raw values do.
        reference = model.Reference(reference.name, False, reference.is_argument, reference.line)

    def adjusted(get: criteria.Get) -> int:
        value = get(reference)
        if value is None:
            raise BadAmount(f"{reference.name} is not there")
        found = slope * float(value) + intercept
        if not np.isfinite(found) or abs(found) > MOST:
            raise BadAmount(f"{reference.name} gives {found}")
        return int(found) if found == int(found) else _refuse(reference.name, found)

    return adjusted


def _refuse(name: str, found: float) -> int:
    raise BadAmount(f"{name} gives {found}, which is no whole number")
