"""When a packet was generated, by what its definition says of it. Pure.

Our own packets say it in their secondary header. Of others the definition has to know: by a time in
what its packets have in common (an absolute time in an abstract container), or, where a mission's
file has only counts of days and ticks there, by what whoever uploads it says of them: so many
seconds a count, summed up from an epoch on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from telemetry import times, xtce
from telemetry.xtce import leapseconds

SCALES = ("utc", "tai")
AHEAD_MOST_NS = 3_600 * 10**9
"""A packet that says it was generated later than this after it was received is not believed."""
_LARGEST_NS = 1 << 62


class BadTime(ValueError):
    """A definition's packets cannot say their time so; the message says why."""


@dataclass(frozen=True, slots=True)
class Source:
    """A time in a packet: one parameter that is an absolute time (`terms` has it without a factor),
    or counts of parameters, each times so many ns, after an epoch.

    `epoch_ns` counts from 1970 in the scale itself; with `is_atomic` the counts are seconds of TAI.
    """

    terms: tuple[tuple[str, Fraction | None], ...]
    epoch_ns: int = 0
    is_atomic: bool = False

    def read(self, table: xtce.Table) -> NDArray[np.int64] | None:
        """Return the times of a table's packets; None when they do not have all of its parts."""
        if any(name not in table.raw for name, _ in self.terms):
            return None
        (name, factor), *_ = self.terms
        if factor is None:
            return np.asarray(table.values[name], np.int64)
        total = np.full(len(table.indices), float(self.epoch_ns))
        whole = np.full(len(table.indices), self.epoch_ns, np.int64)
        for name, factor in self.terms:
            raw = np.asarray(table.raw[name])
            total += raw.astype(np.float64) * float(factor)
            whole += _times(raw, factor)
        whole[np.abs(total) >= _LARGEST_NS] = _LARGEST_NS  # nobody believes it
        return leapseconds.utc_from_tai(whole) if self.is_atomic else whole


def _times(raw: NDArray, factor: Fraction) -> NDArray[np.int64]:
    """Return counts times a factor in whole ns, exact for whole counts; what int64 does not hold
    wraps."""
    if raw.dtype.kind == "f":
        return np.nan_to_num(np.rint(raw * float(factor))).astype(np.int64)
    with np.errstate(over="ignore"):
        high, low = np.divmod(raw.astype(np.int64), factor.denominator)
        return high * factor.numerator + low * factor.numerator // factor.denominator


def told_by(definition: xtce.Definition) -> tuple[Source, ...]:
    """Return the absolute times in what packets of a definition have in common, in their order.

    A time that another one counts from is only a part of that.
    """
    containers = definition.system.containers
    placed = [
        field.parameter
        for name, plan in definition.plans.items()
        if containers[name].is_abstract
        for field in plan.fields
        if field.parameter.type.kind == "time"
    ]
    parts = {parameter.type.epoch.parameter for parameter in placed}
    names = dict.fromkeys(each.name for each in placed if each.name not in parts)
    return tuple(Source(((name, None),)) for name in names)


def of_json(said: dict[str, Any] | None) -> tuple[Source, ...]:
    """Return what was said of a definition's packets, as `read` wrote it."""
    if not said:
        return ()
    epoch_ns = times.to_ns(datetime.fromisoformat(said["epoch"]))
    is_atomic = said["scale"] == "tai"
    return tuple(
        Source(
            tuple((name, seconds and Fraction(seconds) * 10**9) for name, seconds in terms),
            epoch_ns,
            is_atomic,
        )
        for terms in said["sources"]
    )


def read(text: str, epoch: str, scale: str, definition: xtce.Definition) -> dict[str, Any] | None:
    """Read what an uploader says: `DOY:86400,MSEC:0.001` is the sum of two counts in seconds, a
    name alone an absolute time; of several behind `;` the first counts that a packet has all of.
    Return it as JSON, None when nothing is said; BadTime when it cannot be.
    """
    if not text:
        if epoch or scale:
            raise BadTime("An epoch and a scale are those of a generation_time, which is missing.")
        return None
    if scale not in ("", *SCALES):
        raise BadTime(f"scale is one of {', '.join(SCALES)}, not {scale!r}.")
    sources = [
        [_term(part.strip(), definition) for part in source.split(",")]
        for source in text.split(";")
    ]
    for source in sources:
        absolute = [name for name, seconds in source if seconds is None]
        if absolute and len(source) > 1:
            raise BadTime(f"{absolute[0]} is a time by itself: nothing is added to it.")
    counts = any(seconds is not None for source in sources for _, seconds in source)
    if counts and not epoch:
        raise BadTime("Counts are summed up from an epoch, which is missing: 1958-01-01T00:00:00Z.")
    if epoch and not counts:
        raise BadTime("An absolute time has its epoch in the definition.")
    return {
        "sources": sources,
        "epoch": _epoch(epoch).isoformat() if epoch else "1970-01-01T00:00:00+00:00",
        "scale": scale or "utc",
    }


def _term(part: str, definition: xtce.Definition) -> list[str | None]:
    name, colon, seconds = part.rpartition(":")
    if not colon:
        name = part
    parameter = definition.parameters.get(name)
    if parameter is None:
        raise BadTime(f"There is no parameter {name or part!r} in the definition.")
    kind = parameter.type.kind
    if not colon:
        if kind != "time":
            raise BadTime(f"{name} is {kind}: write how many seconds a count is, {name}:1.")
        return [name, None]
    if kind not in ("integer", "float"):
        raise BadTime(f"{name} is {kind}: only numbers are counted.")
    try:
        factor = Fraction(seconds)
    except (ValueError, ZeroDivisionError):
        raise BadTime(
            f"{name}:{seconds}: seconds a count are a number, 0.001 or 1/65536."
        ) from None
    if not 0 < factor <= 10**7 or factor.denominator > 10**9:
        raise BadTime(f"{name}:{seconds}: between 1e-9 and 1e7 seconds a count.")
    return [name, str(factor)]


def _epoch(text: str) -> datetime:
    try:
        epoch = datetime.fromisoformat(text)
    except ValueError:
        raise BadTime(f"epoch is an instant such as 1958-01-01T00:00:00Z, not {text!r}.") from None
    if epoch.tzinfo is None:
        raise BadTime(f"epoch has an offset from UTC, or Z: {text}Z.")
    if not 1678 <= epoch.year <= 2261:
        raise BadTime(f"epoch lies outside of 1678 to 2261, as far as ns are counted: {text}.")
    return epoch


def words(said: dict[str, Any] | None) -> str:
    """Return in words what was said of a definition's packets; empty when nothing was."""
    if not said:
        return ""
    sources = [
        " + ".join(name if seconds is None else f"{name} x {seconds} s" for name, seconds in terms)
        for terms in said["sources"]
    ]
    is_counted = any(seconds is not None for terms in said["sources"] for _, seconds in terms)
    scale = " TAI" if said["scale"] == "tai" else ""
    since = f" since {said['epoch'].replace('+00:00', 'Z')}{scale}" if is_counted else ""
    return f"{', or '.join(sources)}{since}"


def dates(
    sources: Sequence[Source], definition: xtce.Definition, packets: Sequence[bytes]
) -> dict[int, int]:
    """Return by place when packets were generated (ns since 1970-01-01 UTC), where they say it."""
    found: dict[int, int] = {}
    if not sources or not packets:
        return found
    for table in definition.decode(packets).tables:
        if not table.indices or all(index in found for index in table.indices):
            continue
        at_ns = next((t for t in (s.read(table) for s in sources) if t is not None), None)
        if at_ns is not None:
            for index, instant in zip(table.indices, at_ns.tolist(), strict=True):
                found.setdefault(index, instant)
    return found
