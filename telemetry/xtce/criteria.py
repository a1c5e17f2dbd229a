"""What must hold: Comparison, ComparisonList and BooleanExpression, read and made ready to test.

A test works on single values and on whole columns alike. A value that is not there holds nothing.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np

from telemetry.xtce import model
from telemetry.xtce.references import Scope
from telemetry.xtce.xml import Node

OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_LONGEST = 10_000
_DURATION = re.compile(
    r"(-)?P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?", re.ASCII
)
Get = Callable[[model.Reference], Any]
"""Returns the value that a reference means; None if there is none."""
Test = Callable[[Get], Any]
Types = Callable[[model.Reference], model.ParameterType]
"""Returns the type of what a reference means; KeyError if it has none."""


# --- Reading --------------------------------------------------------------------------------


def read(node: Node, scope: Scope) -> model.Criteria | None:
    """Return the criteria that are children of `node`; None when it has none."""
    chosen = node.child("Comparison", "ComparisonList", "BooleanExpression")
    if chosen is None:
        return None
    if chosen.name == "Comparison":
        return _comparison(chosen, scope)
    if chosen.name == "ComparisonList":
        if not chosen.children:
            return None
        return model.And(tuple(_comparison(child, scope) for child in chosen.children))
    if len(chosen.children) != 1:
        raise chosen.bad("needs one condition, or conditions joined by and or by or")
    return _condition(chosen.children[0], scope)


def needed(node: Node, scope: Scope) -> model.Criteria:
    found = read(node, scope)
    if found is None:
        raise node.bad("says nothing that must hold")
    return found


def _comparison(node: Node, scope: Scope) -> model.Comparison:
    if "parameterRef" in node.attributes:
        left = scope.instance(node)
    else:
        left = scope.instance(node.needed("ParameterInstanceRef", "ArgumentInstanceRef"))
    compare = node.get("comparisonOperator", "==")
    return model.Comparison(left, _known(node, compare), node.attribute("value"), node.line)


def _known(node: Node, compare: str) -> str:
    if compare not in OPERATORS:
        raise node.unsupported(f'comparisonOperator="{compare[:20]}" is not supported')
    return compare


def _condition(node: Node, scope: Scope) -> model.Criteria:
    if node.name != "Condition":
        if not node.children:
            raise node.bad("joins no conditions")
        terms = tuple(_condition(child, scope) for child in node.children)
        return model.And(terms) if node.name == "ANDedConditions" else model.Or(terms)
    sides = [c for c in node.children if c.name in ("ParameterInstanceRef", "ArgumentInstanceRef")]
    value = node.child("Value")
    if len(sides) + (value is not None) != 2 or not sides:
        raise node.bad("compares a parameter with a value or with another parameter")
    written = node.child("ComparisonOperator")
    compare = written.words() if written is not None else node.get("comparisonOperator", "==")
    right = value.text if value is not None else scope.instance(sides[1])
    return model.Comparison(scope.instance(sides[0]), _known(node, compare), right, node.line)


def references(criteria: model.Criteria | None) -> list[model.Reference]:
    """Return all that is compared, in order."""
    if criteria is None:
        return []
    if isinstance(criteria, model.Comparison):
        right = [criteria.right] if isinstance(criteria.right, model.Reference) else []
        return [criteria.left, *right]
    return [found for term in criteria.terms for found in references(term)]


def comparisons(criteria: model.Criteria | None) -> list[model.Comparison]:
    """Return the comparisons all of which must hold, those inside an Or left out."""
    if isinstance(criteria, model.Comparison):
        return [criteria]
    if isinstance(criteria, model.And):
        return [found for term in criteria.terms for found in comparisons(term)]
    return []


# --- Testing --------------------------------------------------------------------------------


def compiled(criteria: model.Criteria, types: Types) -> Test:
    """Return a function that says whether the criteria hold. BadDefinition for a comparison that
    can never be made."""
    if isinstance(criteria, model.Comparison):
        return _compiled_comparison(criteria, types)
    tests = [compiled(term, types) for term in criteria.terms]
    join = operator.and_ if isinstance(criteria, model.And) else operator.or_

    def holds(get: Get) -> Any:
        found = tests[0](get)
        for test in tests[1:]:
            found = join(found, test(get))
        return found

    return holds


def _compiled_comparison(comparison: model.Comparison, types: Types) -> Test:
    left, compare = comparison.left, OPERATORS[comparison.operator]
    kind = types(left)
    is_ordered = comparison.operator not in ("==", "!=")
    if (is_ordered and kind.kind in ("binary", "boolean")) or kind.kind in ("array", "aggregate"):
        raise _bad(comparison, f"{left.name} is {kind.kind}: {comparison.operator} says nothing")
    if isinstance(comparison.right, model.Reference):
        right = comparison.right
        types(right)
        return lambda get: _compared(compare, get(left), get(right))
    reading = left
    if kind.kind == "enumerated" and left.is_calibrated and not _is_label(kind, comparison.right):
        # A number where a label is expected is the raw value.
        reading = model.Reference(left.name, False, left.is_argument, left.line)
    wanted = wanted_value(kind, reading.is_calibrated, comparison)
    return lambda get: _compared(compare, get(reading), wanted)


def _compared(compare: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
    if left is None or right is None:
        return False
    if _is_objects(left) or _is_objects(right):
        pairs = np.broadcast(np.asarray(left, object), np.asarray(right, object))
        return np.array([a is not None and b is not None and compare(a, b) for a, b in pairs], bool)
    found = compare(left, right)
    return found.astype(bool) if isinstance(found, np.ndarray) else bool(found)


def _is_objects(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype == object


def _is_label(kind: model.ParameterType, text: Any) -> bool:
    return any(label == text for _, _, label in kind.labels)


def wanted_value(
    kind: model.ParameterType, is_calibrated: bool, comparison: model.Comparison
) -> Any:
    """Return what a comparison's text means beside a raw or an engineering value of `kind`."""
    text = comparison.right
    assert isinstance(text, str)
    if kind.kind == "string":
        if is_calibrated:
            return text
        assert kind.encoding is not None
        return text.encode(kind.encoding.characters or "utf-8")
    if kind.kind == "binary":
        return _hexadecimal(comparison, text)
    if is_calibrated and kind.kind == "boolean":
        return _truth(kind, comparison, text)
    if is_calibrated and kind.kind == "enumerated":
        return text
    if is_calibrated and kind.kind == "time" and "T" in text:
        return _instant_ns(comparison, text)
    number = number_of(text)
    if number is None and is_calibrated and kind.kind == "duration":
        number = duration_s(text)
    if number is None:
        raise _bad(comparison, f'"{text[:60]}" is no number')
    if is_calibrated and kind.kind in ("time", "duration"):
        number = number * 10**9 if isinstance(number, int) else number * 1e9
    return number


def number_of(text: str) -> int | float | None:
    """Return the number that is written, whole ones exactly, hexadecimal ones too; or None."""
    text = text.strip()
    if len(text) > _LONGEST or "_" in text:
        return None
    for reading in (int, lambda digits: int(digits, 0), float):
        try:
            found = reading(text)
        except ValueError:
            continue
        return None if isinstance(found, float) and math.isnan(found) else found
    return None


def duration_s(text: str) -> float | None:
    """Return a duration as XML Schema writes it (PT30S) in seconds; days have 86,400 of them.
    None for what is none, and for months and years, which have no length."""
    found = _DURATION.fullmatch(text.strip())
    if found is None or not any(found.groups()[1:]):
        return None
    days, hours, minutes, rest = (float(part or 0) for part in found.groups()[1:])
    seconds = days * 86_400 + hours * 3_600 + minutes * 60 + rest
    return -seconds if found[1] else seconds


def _truth(kind: model.ParameterType, comparison: model.Comparison, text: str) -> bool:
    zero, one = (label for _, _, label in kind.labels)
    if text in (zero, one):
        return text == one
    if text.lower() in ("true", "false", "1", "0"):
        return text.lower() in ("true", "1")
    raise _bad(comparison, f"{comparison.left.name} is never {text[:60]}")


def _hexadecimal(comparison: model.Comparison, text: str) -> bytes:
    try:
        return bytes.fromhex(text.strip().removeprefix("0x"))
    except ValueError:
        raise _bad(comparison, f'"{text[:60]}" are no hexadecimal digits') from None


def _instant_ns(comparison: model.Comparison, text: str) -> int:
    try:
        return instant_ns(text)
    except (ValueError, OverflowError):
        raise _bad(comparison, f'"{text[:60]}" is no instant') from None


def instant_ns(text: str) -> int:
    """Return an instant as XML Schema writes it in ns since 1970, UTC where it has no zone."""
    at = datetime.fromisoformat(text.strip())
    elapsed = (at if at.tzinfo else at.replace(tzinfo=UTC)) - datetime(1970, 1, 1, tzinfo=UTC)
    return (elapsed.days * 86_400 + elapsed.seconds) * 10**9 + elapsed.microseconds * 1000


def _bad(comparison: model.Comparison, what: str) -> model.BadDefinition:
    line = comparison.line
    return model.BadDefinition(f"line {line}: Comparison: {what}", line=line, element="Comparison")
