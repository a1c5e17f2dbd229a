"""Raw values into engineering values: calibrators, labels and times over whole columns."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from telemetry.xtce import model


def polynomial(calibrator: model.Polynomial, raw: NDArray) -> NDArray[np.float64]:
    """Return the sum of the terms, added in the order of the definition."""
    x = raw.astype(np.float64)
    value = np.zeros(len(x))
    for coefficient, exponent in calibrator.terms:
        value += coefficient * _power(x, exponent)
    return value


def _power(x: NDArray[np.float64], exponent: int) -> NDArray[np.float64]:
    return x if exponent == 1 else x**exponent


def spline(calibrator: model.Spline, raw: NDArray) -> NDArray[np.float64]:
    """Return the value on the line (order 1) or of the point below (order 0); outside the points
    the outermost line or point goes on when the spline extrapolates, else it is not a number."""
    x = raw.astype(np.float64)
    points = np.array(calibrator.points)
    known, values = points[:, 0], points[:, 1]
    below = np.clip(np.searchsorted(known, x, side="right") - 1, 0, len(known) - 1)
    if calibrator.order == 0 or len(known) == 1:
        value = values[below]
    else:
        left = np.minimum(below, len(known) - 2)
        slope = (values[left + 1] - values[left]) / (known[left + 1] - known[left])
        value = slope * (x - known[left]) + values[left]
    if not calibrator.extrapolates:
        value = np.where((x < known[0]) | (x > known[-1]), np.nan, value)
    return value


def labels(table: tuple[tuple[int, int, str], ...], raw: NDArray) -> NDArray[np.object_]:
    """Return the label of each value, None where the definition has none."""
    found = np.full(len(raw), None, dtype=object)
    for first, last, label in reversed(table):
        found[(raw >= first) & (raw <= last)] = label
    return found


def times_ns(kind: model.ParameterType, raw: NDArray, reference_ns: NDArray | int) -> NDArray:
    """Return instants as int64 ns since 1970-01-01 UTC, exact where scale and offset are whole."""
    if raw.dtype.kind in "iu" and kind.scale_ns.is_integer() and kind.offset_ns.is_integer():
        elapsed = raw.astype(np.int64) * int(kind.scale_ns) + int(kind.offset_ns)
    else:
        elapsed = np.rint(raw * kind.scale_ns + kind.offset_ns).astype(np.int64)
    return reference_ns + elapsed
