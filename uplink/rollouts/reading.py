"""Reading what a person wrote into a rollout: known names, numbers in their range. Pure.

Nothing is evaluated and nothing is guessed: what is not understood is refused by name.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from math import isfinite
from typing import Any


class Malformed(ValueError):
    """Says what is wrong, where, and what would be right."""


def fields(given: Any, known: Collection[str], where: str) -> Mapping[str, Any]:
    """Return `given` if it is an object with none but `known` names."""
    if not isinstance(given, Mapping):
        raise Malformed(f"{where} must be an object with {', '.join(known)}.")
    if unknown := sorted(str(name) for name in set(given) - set(known)):
        raise Malformed(f"{where}.{unknown[0]} is not known; known are {', '.join(known)}.")
    return given


def number(value: Any, where: str, least: float, most: float) -> float:
    """Return a finite number in [least, most]; a text, a truth value and NaN are none."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not isfinite(value) or not least <= value <= most:
        raise Malformed(f"{where} must be a number from {least:g} to {most:g}, not {value!r}.")
    return float(value)


def whole(value: Any, where: str, least: int, most: int) -> int:
    """Return a whole number in [least, most]."""
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise Malformed(f"{where} must be a whole number from {least} to {most}, not {value!r}.")
    return value


def truth(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise Malformed(f"{where} must be true or false, not {value!r}.")
    return value
