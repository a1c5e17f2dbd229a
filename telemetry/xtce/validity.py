"""Which values mean nothing: those outside of their ValidRange, and those of a parameter whose
ValidityCondition does not hold. They are decoded and kept like all others, and marked."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from telemetry.xtce import criteria, layout, model

Column = NDArray | list
_COMPARED = {"integer", "float", "enumerated", "boolean", "string"}
"""Kinds whose values are the same wherever they are kept."""


def is_asked(plan: layout.Plan) -> bool:
    """Say whether any parameter of a container can be invalid."""
    return any(each.parameter.validity or each.parameter.type.valid for each in plan.fields)


def invalid(
    parameter: model.Parameter, raw: Column, value: Column, get: criteria.Get, plan: layout.Plan
) -> NDArray[np.bool_] | None:
    """Return which rows of a column mean nothing; None when none can be told to.

    A condition on what other packets hold is left to who has their values (`why`).
    """
    found: NDArray[np.bool_] | None = None
    kind = parameter.type
    if kind.valid:
        numbers = np.asarray(value if kind.is_valid_calibrated else raw)
        found = ~np.logical_or.reduce([_lie_in(each, numbers) for each in kind.valid])
    condition = parameter.validity
    if condition is not None and all(
        each.name in plan.types for each in criteria.references(condition)
    ):
        holds = np.asarray(criteria.compiled(condition, plan.type_of)(get), bool)
        fails = ~np.broadcast_to(holds, (len(raw),))
        found = fails if found is None else found | fails
    return found


def _lie_in(bounds: model.Bounds, numbers: NDArray) -> NDArray[np.bool_]:
    over = numbers > bounds.low if bounds.excludes_low else numbers >= bounds.low
    under = numbers < bounds.high if bounds.excludes_high else numbers <= bounds.high
    return over & under


def why(
    parameter: model.Parameter, raw: Any, value: Any, get: criteria.Get, types: criteria.Types
) -> str:
    """Return in words why one value means nothing; empty: it means what it says. `get` gives the
    values that other parameters have beside it."""
    kind = parameter.type
    if kind.valid and kind.kind in ("integer", "float"):
        number = value if kind.is_valid_calibrated else raw
        if not isinstance(number, int | float) or not any(b.holds(number) for b in kind.valid):
            return f"is not {' or '.join(map(str, kind.valid))}"
    condition = parameter.validity
    if condition is None:
        return ""
    looked_at = criteria.references(condition)
    if any(types(each).kind not in _COMPARED for each in looked_at):
        return ""
    if not criteria.compiled(condition, types)(get):
        names = dict.fromkeys(each.name for each in looked_at)
        return f"the condition on {', '.join(names)} does not hold"
    return ""
