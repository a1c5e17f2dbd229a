"""Limits as people write them, in JSON: read into plain values, or refused with the place. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf, isfinite
from typing import Any

from ops import errors
from telemetry.alarms.levels import BY_NAME, Level
from telemetry.alarms.limits import FACTS, Band, Condition, Context, Judgement, Limit, Scope

KINDS = ("static", "change", "enumeration")
BASES = ("per_second", "per_sample")
PATIENCE_MOST = 3_600


class BadLimit(errors.Invalid):
    """The limit cannot mean what it says; the message has the place."""

    code = "invalid_limit"


_KNOWN = {
    *("kind", "levels", "labels", "otherwise", "contexts", "applies_to", "minimum_violations"),
    *("minimum_conformance", "dead_band", "latching", "suppressed_when", "basis", "span_s"),
    *("span_samples", "percentage"),
}


def read(said: Any) -> Limit:
    """Return the limit that JSON describes; `BadLimit` names the place and what would be right."""
    _object(said, "limit", _KNOWN)
    if _has_nul(said):
        raise BadLimit("limit: the character U+0000 is in no label and in no name.")
    kind = _one_of(said, "kind", KINDS)
    limit = Limit(
        kind=kind,
        default=_judgement(said, kind, "", may_be_empty=bool(said.get("contexts"))),
        contexts=tuple(
            _context(each, kind, f"contexts[{n}]") for n, each in enumerate(_list(said, "contexts"))
        ),
        scope=_scope(said.get("applies_to", {})),
        minimum_violations=_count(said, "minimum_violations"),
        minimum_conformance=_count(said, "minimum_conformance"),
        dead_band=_number(said, "dead_band", 0.0, least=0.0),
        is_latching=_flag(said, "latching"),
        suppressed_when=_conditions(said, "suppressed_when"),
        basis=_one_of(said, "basis", BASES, "per_second"),
        span_s=_number(said, "span_s", 1.0, least=0.001, most=86_400.0),
        span_samples=_count(said, "span_samples"),
        is_percentage=_flag(said, "percentage"),
    )
    _check_dead_band(limit)
    return limit


def _has_nul(said: Any) -> bool:
    """Say whether a text in JSON has the one character that the database does not store."""
    if isinstance(said, dict):
        return any(map(_has_nul, (*said, *said.values())))
    if isinstance(said, list):
        return any(map(_has_nul, said))
    return isinstance(said, str) and "\0" in said


def _context(said: Any, kind: str, place: str) -> Context:
    _object(said, place, {"when", "levels", "labels", "otherwise"})
    when = _conditions(said, "when", place)
    if not when:
        raise BadLimit(f"{place}.when: a context says when it holds.")
    return Context(when, _judgement(said, kind, f"{place}.", may_be_empty=True))


def _judgement(said: dict, kind: str, place: str, *, may_be_empty: bool = False) -> Judgement:
    if kind == "enumeration":
        if "levels" in said:
            raise BadLimit(f"{place}levels: an enumeration has labels, and no levels of numbers.")
        labels = _object(said.get("labels", {}), f"{place}labels")
        found = tuple(
            (word, _level(name, f"{place}labels.{word}")) for word, name in labels.items()
        )
        otherwise = _level(said.get("otherwise", "normal"), f"{place}otherwise")
        if not (found or otherwise or may_be_empty):
            raise BadLimit(f"{place}labels: at least one label has a level.")
        return Judgement(labels=found, otherwise=otherwise)
    if "labels" in said or "otherwise" in said:
        raise BadLimit(f"{place}labels: only a limit of kind enumeration has labels.")
    levels = _object(said.get("levels", {}), f"{place}levels")
    if not (levels or may_be_empty):
        raise BadLimit(f"{place}levels: at least one level has a range.")
    bands = [
        _band(_level(name, f"{place}levels.{name}"), each, f"{place}levels.{name}")
        for name, ranges in levels.items()
        for each in (ranges if isinstance(ranges, list) else [ranges])
    ]
    bands.sort(key=lambda band: band.level)
    _check_nested(bands, f"{place}levels")
    return Judgement(bands=tuple(bands))


def _band(level: Level, said: Any, place: str) -> Band:
    _object(said, place, {"low", "high", "inside"})
    low, high = _number(said, "low", -inf, place=place), _number(said, "high", inf, place=place)
    if low == -inf and high == inf:
        raise BadLimit(f"{place}: a range has a low, a high, or both.")
    if low > high:
        raise BadLimit(f"{place}: low {low:g} lies above high {high:g}.")
    if level is Level.NORMAL:
        raise BadLimit(f"{place}: normal is what lies in no other range.")
    return Band(level, low, high, _flag(said, "inside", place))


def _check_nested(bands: Iterable[Band], place: str) -> None:
    """A worse level must not begin nearer to the middle: that is a slip of the keyboard."""
    low, high, before = -inf, inf, ""
    for band in reversed([band for band in bands if not band.is_inside]):
        name = band.level.name.lower()
        if band.low < low:
            raise BadLimit(f"{place}: low of {before} ({low:g}) lies above that of {name}.")
        if band.high > high:
            raise BadLimit(f"{place}: high of {before} ({high:g}) lies below that of {name}.")
        if band.low > -inf:
            low, before = band.low, name
        if band.high < inf:
            high, before = band.high, name


def _check_dead_band(limit: Limit) -> None:
    for judgement in limit.judgements:
        for band in judgement.bands:
            if not band.is_inside and 2 * limit.dead_band >= band.high - band.low:
                raise BadLimit(
                    f"dead_band: {limit.dead_band:g} leaves nothing of the range from "
                    f"{band.low:g} to {band.high:g}: the alarm could never return."
                )


def _conditions(said: dict, name: str, place: str = "") -> tuple[Condition, ...]:
    where = f"{place}.{name}" if place else name
    return tuple(
        _condition(each, f"{where}[{n}]") for n, each in enumerate(_list(said, name, where))
    )


def _condition(said: Any, place: str) -> Condition:
    _object(said, place, {"parameter", "is", "low", "high", "fact"})
    if "fact" in said:
        if len(said) > 1:
            raise BadLimit(f"{place}: a fact stands alone.")
        return Condition(fact=_one_of(said, "fact", FACTS, place=place))
    if not isinstance(said.get("parameter"), str) or not said["parameter"]:
        raise BadLimit(f"{place}: names a parameter or a fact.")
    labels = said.get("is", [])
    labels = [labels] if isinstance(labels, str) else labels
    if not isinstance(labels, list) or not all(isinstance(each, str) for each in labels):
        raise BadLimit(f"{place}.is: a label, or a list of labels.")
    low, high = _number(said, "low", -inf, place=place), _number(said, "high", inf, place=place)
    if bool(labels) == (low > -inf or high < inf):
        raise BadLimit(f"{place}: says either which labels (is) or which numbers (low, high).")
    return Condition(said["parameter"], tuple(labels), low, high)


def _scope(said: Any) -> Scope:
    _object(said, "applies_to", {"roles", "profiles", "satellites"})
    found = {}
    for name, words in said.items():
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise BadLimit(f"applies_to.{name}: a list of codes.")
        found[name] = tuple(sorted(set(words)))
    return Scope(**found)


def _level(name: Any, place: str) -> Level:
    level = BY_NAME.get(name) if isinstance(name, str) else None
    if level is None:
        raise BadLimit(f"{place}: one of {', '.join(BY_NAME)}, not {str(name)[:40]!r}.")
    return level


def _object(said: Any, place: str, known: set[str] | None = None) -> dict:
    if not isinstance(said, dict):
        raise BadLimit(f"{place}: a JSON object is needed.")
    if known is not None and (unknown := sorted(set(said) - known)):
        there = ", ".join(sorted(known))
        raise BadLimit(f"{place}: {', '.join(unknown)[:80]} is not known; known are {there}.")
    return said


def _list(said: dict, name: str, place: str = "") -> list:
    found = said.get(name, [])
    if not isinstance(found, list):
        raise BadLimit(f"{place or name}: a list is needed.")
    return found


def _one_of(
    said: dict, name: str, choices: tuple[str, ...], default: str = "", place: str = ""
) -> Any:
    found = said.get(name, default)
    if found not in choices:
        where = f"{place}.{name}" if place else name
        raise BadLimit(f"{where}: one of {', '.join(choices)}, not {str(found)[:40]!r}.")
    return found


def _number(
    said: dict,
    name: str,
    default: float,
    *,
    least: float = -inf,
    most: float = inf,
    place: str = "",
) -> float:
    found = said.get(name)
    if found is None:
        return default
    where = f"{place}.{name}" if place else name
    if isinstance(found, bool) or not isinstance(found, int | float) or not isfinite(found):
        raise BadLimit(f"{where}: a finite number is needed.")
    if not least <= found <= most:
        raise BadLimit(f"{where}: lies between {least:g} and {most:g}, not at {found:g}.")
    return float(found)


def _count(said: dict, name: str) -> int:
    found = said.get(name, 1)
    if isinstance(found, bool) or not isinstance(found, int) or not 1 <= found <= PATIENCE_MOST:
        raise BadLimit(f"{name}: a whole number from 1 to {PATIENCE_MOST}.")
    return found


def _flag(said: dict, name: str, place: str = "") -> bool:
    found = said.get(name, False)
    if not isinstance(found, bool):
        raise BadLimit(f"{place}.{name}: true or false." if place else f"{name}: true or false.")
    return found
