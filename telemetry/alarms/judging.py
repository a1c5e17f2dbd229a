"""Samples of one parameter against one limit: the level of each, before any patience. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from telemetry.alarms.limits import Band, Condition, Judgement, Limit
from telemetry.archive import columns

if TYPE_CHECKING:
    from telemetry.alarms.evaluation import Facts, Plan, Rule

HISTORY_MOST = 32
"""Samples that a limit on change remembers; closer ones are left out."""


@dataclass(frozen=True, slots=True)
class Series:
    """The values of n samples that can be judged, in order.

    `places` are their rows in the group's table. One of `numbers` and `words` is given.
    """

    at_ns: NDArray[np.int64]
    places: NDArray[np.int64]
    numbers: NDArray[np.float64] | None = None
    words: list[Any] | None = None

    def __len__(self) -> int:
        return len(self.at_ns)

    def shown(self, place: int) -> Any:
        """Return the value of a sample as people are shown it."""
        if self.words is not None:
            return self.words[place]
        return float(self.numbers[place])


def series_of(rule: Rule, samples: columns.Samples) -> Series | None:
    """Return what of a table can be judged by a rule; None when nothing can.

    Without a value (outside of a spline, not a number) there is nothing to judge, and none is one
    that means nothing: a valid range is not an alarm, but says which values are reasonable (XTCE
    1.2, IntegerParameterType, ValidRange).
    """
    column = samples.columns.get(rule.parameter)
    if column is None or not len(samples):
        return None
    meaningless = samples.invalid.get(rule.parameter)
    everything = np.arange(len(samples))
    if rule.limit.kind == "enumeration":
        words = columns.values(column)
        if meaningless is None:
            return Series(samples.generated_ns, everything, words=words)
        chosen = everything[~meaningless]
        said = [words[place] for place in chosen.tolist()]
        return Series(samples.generated_ns[chosen], chosen, words=said) if said else None
    numbers = column.value if column.value is not None else column.raw
    if isinstance(numbers, list) or column.labels is not None:
        return None
    numbers = np.asarray(numbers, np.float64)
    known = np.isfinite(numbers)
    if meaningless is not None:
        known &= ~meaningless
    if known.all():
        return Series(samples.generated_ns, everything, numbers)
    if not known.any():
        return None
    return Series(samples.generated_ns[known], everything[known], numbers[known])


def is_quiet(rule: Rule, series: Series) -> bool:
    """Say whether no judgement of the rule minds any of the samples, whatever the context."""
    if series.words is not None:
        if rule.labels_that_matter is None:
            return False
        return rule.labels_that_matter.isdisjoint(set(map(str, series.words)))
    if not len(series):
        return True
    return bool(series.numbers.min() >= rule.lowest and series.numbers.max() <= rule.highest)


def levels(limit: Limit, series: Series, asker: Asker) -> tuple[NDArray, NDArray]:
    """Return the level of each sample, and the same with the dead band taken off the ranges."""
    out, inside = _judged(limit.default, series, limit.dead_band)
    decided = np.zeros(len(series), bool)
    for context in limit.contexts:
        here = asker.all_hold(context.when, series.places) & ~decided
        if here.any():
            other, other_inside = _judged(context.judgement, series, limit.dead_band)
            out[here], inside[here] = other[here], other_inside[here]
            decided |= here
    return out, inside


def _judged(judgement: Judgement, series: Series, dead_band: float) -> tuple[NDArray, NDArray]:
    if series.words is not None:
        known = dict(judgement.labels)
        found = [known.get(str(word), judgement.otherwise) for word in series.words]
        out = np.array([int(level) for level in found], np.int8)
        return out, out.copy()
    out = np.zeros(len(series), np.int8)
    inside = np.zeros(len(series), np.int8)
    for band in judgement.bands:
        out[_violates(band, series.numbers, 0.0)] = band.level
        inside[_violates(band, series.numbers, dead_band)] = band.level
    return out, inside


def _violates(band: Band, numbers: NDArray, dead_band: float) -> NDArray[np.bool_]:
    if band.is_inside:
        return (numbers >= band.low - dead_band) & (numbers <= band.high + dead_band)
    return (numbers < band.low + dead_band) | (numbers > band.high - dead_band)


# --- Change ---------------------------------------------------------------------------------


def changes_of(rule: Rule, series: Series, histories: dict[str, list[list[float]]]) -> Series:
    """Return how much each sample differs from an earlier one, by the limit's basis.

    Per second: from the sample `span_s` before, or the last one before that, over the time that
    lies between, at least the span; so that one count after a long silence is no burst. Per
    sample: from the one `span_samples` before. The first samples have nothing to differ from.
    `histories` remembers what the next batch is compared with.
    """
    limit, kept = rule.limit, histories.get(rule.key, [])
    at_s = np.concatenate([[each[0] for each in kept], series.at_ns / 1e9])
    numbers = np.concatenate([[each[1] for each in kept], series.numbers])
    here = np.arange(len(kept), len(at_s))
    if limit.basis == "per_sample":
        base = here - limit.span_samples
        elapsed_s = np.ones(len(here))
        histories[rule.key] = _pairs(at_s, numbers, np.arange(len(at_s))[-limit.span_samples :])
    else:
        base = np.searchsorted(at_s, at_s[here] - limit.span_s, side="right") - 1
        base = np.where((base < 0) & (here > 0), 0, base)
        elapsed_s = np.maximum(at_s[here] - at_s[np.maximum(base, 0)], limit.span_s)
        # Of a run of equal values only its ends are kept: it lasted up to the span's start.
        is_run = numbers[np.maximum(base, 0)] == numbers[np.minimum(base + 1, len(numbers) - 1)]
        elapsed_s[is_run & (base + 1 < here)] = limit.span_s
        histories[rule.key] = _thinned(at_s, numbers, limit.span_s)
    known = base >= 0
    change = (numbers[here] - numbers[np.maximum(base, 0)]) / elapsed_s
    if limit.is_percentage:
        with np.errstate(divide="ignore", invalid="ignore"):
            change = 100.0 * change / np.abs(numbers[np.maximum(base, 0)])
        known &= np.isfinite(change)
    return Series(series.at_ns[known], series.places[known], change[known])


def _thinned(at_s: NDArray, numbers: NDArray, span_s: float) -> list[list[float]]:
    """Return the samples that the next span may be compared with, few of them: the ends of runs
    of equal values, and of what always changes one in each 16th of the span."""
    first = max(0, int(np.searchsorted(at_s, at_s[-1] - span_s, side="right")) - 1)
    at_s, numbers = at_s[first:], numbers[first:]
    is_end = np.ones(len(at_s), bool)
    is_end[1:-1] = (numbers[1:-1] != numbers[:-2]) | (numbers[1:-1] != numbers[2:])
    chosen = np.flatnonzero(is_end)
    if len(chosen) > HISTORY_MOST:
        slots = np.floor((at_s[chosen] - at_s[0]) / (span_s / 16)).astype(int)
        is_first = np.concatenate([[True], np.diff(slots) != 0])
        is_first[-1] = True
        chosen = chosen[is_first][-HISTORY_MOST:]
    return _pairs(at_s, numbers, chosen)


def _pairs(at_s: NDArray, numbers: NDArray, chosen: NDArray) -> list[list[float]]:
    return [[float(at_s[place]), float(numbers[place])] for place in chosen]


# --- Conditions -----------------------------------------------------------------------------


class Asker:
    """Says of samples of one group where conditions hold, which may ask for other groups.

    Of another group's parameter the newest sample at or before counts, else what is remembered.
    """

    def __init__(
        self,
        plan: Plan,
        tables: dict[str, columns.Samples],
        samples: columns.Samples,
        remembered: dict[str, Any],
        facts: Facts,
    ) -> None:
        self._plan, self._tables, self._samples = plan, tables, samples
        self._remembered, self._facts = remembered, facts
        self._known: dict[Condition, NDArray[np.bool_]] = {}

    def all_hold(self, conditions: tuple[Condition, ...], places: NDArray) -> NDArray[np.bool_]:
        found = np.ones(len(places), bool)
        for condition in conditions:
            found &= self._holds(condition)[places]
        return found

    def any_holds(self, conditions: tuple[Condition, ...], places: NDArray) -> NDArray[np.bool_]:
        found = np.zeros(len(places), bool)
        for condition in conditions:
            found |= self._holds(condition)[places]
        return found

    def _holds(self, condition: Condition) -> NDArray[np.bool_]:
        if condition not in self._known:
            if condition.fact:
                found = self._facts(condition.fact, self._samples.generated_ns)
            else:
                found = holds(condition, self._aligned(condition.parameter))
            self._known[condition] = found
        return self._known[condition]

    def _aligned(self, name: str) -> list[Any]:
        if name in self._samples.columns:
            return columns.values(self._samples.columns[name])
        before = self._remembered.get(name)
        other = self._tables.get(self._plan.group_of.get(name, ""))
        if other is None or name not in other.columns or not len(other):
            return [before] * len(self._samples)
        values = columns.values(other.columns[name])
        places = np.searchsorted(other.generated_ns, self._samples.generated_ns, side="right") - 1
        return [values[place] if place >= 0 else before for place in places.tolist()]


def holds(condition: Condition, values: list[Any]) -> NDArray[np.bool_]:
    """Say where a condition on a parameter holds of its values (None: unknown, and it does not)."""
    if condition.labels:
        return np.array([str(value) in condition.labels for value in values], bool)
    numbers = np.array(
        [value if isinstance(value, int | float) else np.nan for value in values], np.float64
    )
    return (numbers >= condition.low) & (numbers <= condition.high)


def level_of(judgement: Judgement, value: Any) -> int:
    """Return the level of one value as JSON has it."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        bad = [b.level for b in judgement.bands if _violates(b, np.array([value]), 0.0)[0]]
        return int(max(bad, default=0))
    if judgement.bands:
        return 0
    return int(dict(judgement.labels).get(str(value), judgement.otherwise))
