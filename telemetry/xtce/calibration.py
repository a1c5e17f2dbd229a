"""Raw values into engineering values: calibrators, labels and times over whole columns."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from telemetry.xtce import expressions, leapseconds, model

_LONGEST_NS = 2**63 - 1
_HALF = Fraction(1, 2)
_MOST_LISTED = 4_096
"""Values of an enumeration whose labels are kept ready."""
Get = Callable[[model.Reference], Any]


def calibrated(calibrator: model.Calibrator, raw: NDArray, get: Get) -> NDArray[np.float64]:
    """Return engineering values; `get` gives the columns that a calculation refers to."""
    if isinstance(calibrator, model.Polynomial):
        return polynomial(calibrator, raw)
    if isinstance(calibrator, model.Spline):
        return spline(calibrator, raw)
    return operation(calibrator, raw, get)


def polynomial(calibrator: model.Polynomial, raw: NDArray) -> NDArray[np.float64]:
    """Return the sum of the terms, added in the order of the definition; infinite, or not a number,
    where it is more than a float holds."""
    x = raw.astype(np.float64)
    value: Any = None
    with np.errstate(over="ignore", invalid="ignore"):
        for coefficient, exponent in calibrator.terms:
            if exponent == 0:
                term: Any = coefficient
            else:
                term = coefficient * (x if exponent == 1 else x**exponent)
            value = 0.0 + term if value is None else value + term
    return value if isinstance(value, np.ndarray) else np.full(len(x), float(value))


def spline(calibrator: model.Spline, raw: NDArray) -> NDArray[np.float64]:
    """Return the value on the curve; outside the points the outermost piece goes on when the
    spline extrapolates, else it is not a number."""
    x = raw.astype(np.float64)
    known = np.array([point for point, _ in calibrator.points])
    values = np.array([value for _, value in calibrator.points])
    below = np.clip(np.searchsorted(known, x, side="right") - 1, 0, len(known) - 1)
    orders = np.array(calibrator.orders)[below]
    value = values[below]
    for order in set(calibrator.orders) - {0}:
        chosen = orders == order
        if len(known) > 1 and chosen.any():
            value = np.where(chosen, _piece(order, known, values, below, x), value)
    if not calibrator.extrapolates:
        value = np.where((x < known[0]) | (x > known[-1]), np.nan, value)
    return np.where(np.isnan(x), np.nan, value)


def _piece(
    order: int, known: NDArray, values: NDArray, below: NDArray, x: NDArray
) -> NDArray[np.float64]:
    """Return the polynomial of `order` through the points around each x, in Newton's form."""
    order = min(order, len(known) - 1)
    first = np.clip(below - (order - 1) // 2, 0, len(known) - 1 - order)
    differences = values.astype(np.float64)
    table = [differences]
    for step in range(1, order + 1):
        differences = np.diff(differences) / (known[step:] - known[:-step])
        table.append(differences)
    with np.errstate(over="ignore", invalid="ignore"):
        if order == 1:
            return table[1][first] * (x - known[first]) + values[first]
        value = table[order][first]
        for step in range(order - 1, -1, -1):
            value = value * (x - known[first + step]) + table[step][first]
    return value


# --- Calculations in postfix order ----------------------------------------------------------


def _true(value: Any) -> Any:
    return np.asarray(value).astype(np.float64)


def _factorial(x: Any) -> Any:
    known = np.array([float(math.factorial(n)) for n in range(171)])
    is_whole = (x >= 0) & (x == np.trunc(x)) & (x <= 170)
    found = known[np.where(is_whole, x, 0).astype(int)]
    return np.where(is_whole, found, np.where(x > 170, np.inf, np.nan))


def _bits(way: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *values: _true(way(*(expressions.whole(value) for value in values)))


def _shift(way: Callable[..., Any]) -> Callable[..., Any]:
    return _bits(lambda left, right: way(left, np.clip(right, 0, 63)))


_CALCULATE: dict[str, Callable[..., Any]] = {
    # XTCE 1.2, MathOperatorsType; of two values, the first lies deeper on the stack
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "%": np.mod,
    "^": np.power,
    "y^x": lambda x, y: np.power(y, x),
    "ln": np.log,
    "log": np.log10,
    "e^x": np.exp,
    "1/x": lambda x: np.divide(1.0, x),
    "x!": _factorial,
    "tan": np.tan,
    "cos": np.cos,
    "sin": np.sin,
    "atan": np.arctan,
    "atan2": lambda x, y: np.arctan2(y, x),
    "acos": np.arccos,
    "asin": np.arcsin,
    "tanh": np.tanh,
    "cosh": np.cosh,
    "sinh": np.sinh,
    "atanh": np.arctanh,
    "acosh": np.arccosh,
    "asinh": np.arcsinh,
    "<<": _shift(np.left_shift),
    ">>": _shift(np.right_shift),
    "&": _bits(np.bitwise_and),
    "|": _bits(np.bitwise_or),
    "xor": _bits(np.bitwise_xor),
    "~": _bits(np.invert),
    "&&": lambda x, y: _true((x != 0) & (y != 0)),
    "||": lambda x, y: _true((x != 0) | (y != 0)),
    "!": lambda x: _true(x == 0),
    "abs": np.abs,
    "div": lambda x, y: np.sign(y) * np.floor(x / np.abs(y)),
    "int": np.trunc,
    ">": lambda x, y: _true(x > y),
    ">=": lambda x, y: _true(x >= y),
    "<": lambda x, y: _true(x < y),
    "<=": lambda x, y: _true(x <= y),
    "==": lambda x, y: _true(x == y),
    "!=": lambda x, y: _true(x != y),
    "min": np.minimum,
    "max": np.maximum,
}


def operation(
    calculation: model.Operation, raw: NDArray | None, get: Get, count: int = 0
) -> NDArray[np.float64]:
    """Return what a calculation leaves for each of `raw` (or for `count` rows without one).

    What has no result, like a root of a negative number, is not a number.
    """
    stack: list[Any] = []
    with np.errstate(all="ignore"):
        for step in calculation.steps:
            if step is None:
                assert raw is not None
                stack.append(raw.astype(np.float64))
            elif isinstance(step, model.Reference):
                stack.append(_true(get(step)))
            elif isinstance(step, float | int):
                stack.append(np.float64(step))
            else:
                _apply(step, stack)
    rows = len(raw) if raw is not None else count
    return np.broadcast_to(np.asarray(stack.pop(), np.float64), (rows,)).copy()


def _apply(name: str, stack: list[Any]) -> None:
    match name:
        case "swap":
            stack[-2:] = stack[-1], stack[-2]
        case "drop":
            stack.pop()
        case "dup":
            stack.append(stack[-1])
        case "over":
            stack.append(stack[-2])
        case _:
            way = _CALCULATE[name]
            taken = 1 if name in _UNARY else 2
            values = stack[-taken:]
            stack[-taken:] = [way(*values)]


_UNARY = {
    *("ln", "log", "e^x", "1/x", "x!", "tan", "cos", "sin", "atan", "acos", "asin", "tanh"),
    *("cosh", "sinh", "atanh", "acosh", "asinh", "~", "!", "abs", "int"),
}


# --- Labels and times -----------------------------------------------------------------------


def labels(table: tuple[tuple[int, int, str], ...], raw: NDArray) -> NDArray[np.object_]:
    """Return the label of each value, None where the definition has none."""
    if raw.dtype == np.int64 and (listed := _listed(table)) is not None:
        before, known = listed
        return known[np.clip(raw, before, before + len(known) - 1) - before]
    found = np.full(len(raw), None, dtype=object)
    for first, last, label in reversed(table):
        found[raw == first if first == last else (raw >= first) & (raw <= last)] = label
    return found


@lru_cache(1024)
def _listed(table: tuple[tuple[int, int, str], ...]) -> tuple[int, NDArray[np.object_]] | None:
    """Return the labels of all values from the one before the first label to the one behind the
    last, which have none, and the first of these values; None when they are too many to list."""
    low, high = min(first for first, _, _ in table), max(last for _, last, _ in table)
    if high - low > _MOST_LISTED or low < -(1 << 62) or high > 1 << 62:
        return None
    known = np.full(high - low + 3, None, dtype=object)
    for first, last, label in reversed(table):
        known[first - low + 1 : last - low + 2] = label
    return low - 1, known


def elapsed_ns(kind: model.ParameterType, raw: NDArray, since_ns: int = 0) -> NDArray[np.int64]:
    """Return raw times in ns behind `since_ns`: exact to the rounding for integers, clipped to what
    int64 holds."""
    scale, offset = kind.scale_ns, kind.offset_ns + since_ns
    if raw.dtype.kind in "iu":
        p, q = scale.numerator, scale.denominator
        if offset.denominator == 1 and _fits(raw, scale, offset):
            whole = raw.astype(np.int64)
            if q == 1:
                return whole * np.int64(p) + np.int64(offset)
            high, low = np.divmod(whole, np.int64(q))
            return high * np.int64(p) + (low * np.int64(p) + q // 2) // q + np.int64(offset)
        return _clipped(math.floor(each * scale + offset + _HALF) for each in raw.tolist())
    with np.errstate(invalid="ignore", over="ignore"):
        found = np.rint(raw.astype(np.float64) * float(scale) + float(offset))
    found = np.nan_to_num(found, nan=0.0, posinf=2.0**63, neginf=-(2.0**63))
    clipped = np.clip(found, -(2.0**63), 2.0**63 - 1024)
    return clipped.astype(np.int64)


def _fits(raw: NDArray, scale: Any, offset: Any) -> bool:
    """Say whether int64 holds all steps of the calculation."""
    if abs(int(offset)) > _LONGEST_NS:
        return False
    if not len(raw):
        return True
    largest = max(abs(int(raw.max())), abs(int(raw.min())))
    p, q = abs(scale.numerator), scale.denominator
    total = largest // q * p + p + abs(int(offset))
    return largest <= _LONGEST_NS and total <= _LONGEST_NS and q * p + q <= _LONGEST_NS


def _clipped(numbers: Iterable[int]) -> NDArray[np.int64]:
    return np.array([min(max(n, -_LONGEST_NS - 1), _LONGEST_NS) for n in numbers], np.int64)


def times_ns(kind: model.ParameterType, raw: NDArray, reference_ns: Any) -> NDArray[np.int64]:
    """Return instants as int64 ns since 1970-01-01 UTC, clipped to what it holds (1677 to 2262);
    `reference_ns` is what is counted from."""
    if kind.kind == "duration":
        return elapsed_ns(kind, raw)
    epoch = kind.epoch
    if epoch.parameter:
        elapsed = elapsed_ns(kind, raw)
        since = np.broadcast_to(np.asarray(reference_ns, np.int64), elapsed.shape)
        found = elapsed + since
        # A sum that wrapped has another sign than both of its parts.
        if (((elapsed ^ found) & (since ^ found)) < 0).any():
            pairs = zip(elapsed.tolist(), since.tolist(), strict=True)
            found = _clipped(one + other for one, other in pairs)
    else:
        found = elapsed_ns(kind, raw, epoch.epoch_ns)
    return leapseconds.utc_from_tai(found) if epoch.is_atomic else found
