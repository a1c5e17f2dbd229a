"""Metric gates, judged as Argo Rollouts does: successful, failed or inconclusive. Pure.

What nobody measured, what is old and what is no number is inconclusive: it is never a success.
After: Argo Rollouts, "Analysis & Progressive Delivery" (count, interval, failureLimit,
inconclusiveLimit, consecutiveSuccessLimit, initialDelay, dryRun).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite
from typing import Any

from uplink.rollouts import reading

STALE_AFTER_S = 30.0
METRICS = {
    "accelerator_temperature": "degrees Celsius, as last reported",
    "token_rate": "tokens a second, as last reported",
    "ecc_uncorrected": "uncorrected memory errors since the version became active",
    "error_rate": "share of the version's questions that failed there, 0 to 1",
    "latency_s": "seconds on board from the question to the end of its answer, on average",
}
_RANGES = {"error_rate": (0.0, 1.0), "accelerator_temperature": (-273.0, 1e9)}
"""What a metric can be; all others are from 0 on. A bound outside of it would always or never hold:
an error rate of at most 5, meant in per cent, would let everything through."""
REPORTED = ("accelerator_temperature", "token_rate", "ecc_uncorrected")
"""Those that telemetry brings; the others follow from answers."""
_KNOWN = (
    "metric", "min", "max", "count", "interval_s", "initial_delay_s", "failure_limit",
    "inconclusive_limit", "consecutive_successes", "dry_run",
)  # fmt: skip
MEASUREMENTS_MAX = 1_000
GATES_MAX = 20


def range_of(metric: str) -> tuple[float, float]:
    """Return the least and the most that a metric can be."""
    return _RANGES.get(metric, (0.0, 1e9))


class Verdict(StrEnum):
    SUCCESSFUL = "Successful"
    FAILED = "Failed"
    INCONCLUSIVE = "Inconclusive"
    RUNNING = "Running"


@dataclass(frozen=True, slots=True)
class Gate:
    """`count` conclusive measurements between `least` and `most`, `interval_s` apart."""

    metric: str
    least: float | None
    most: float | None
    count: int = 3
    interval_s: float = 10.0
    initial_delay_s: float = 0.0
    failure_limit: int = 0
    inconclusive_limit: int = 5
    consecutive_successes: int = 0
    dry_run: bool = False

    @property
    def wanted(self) -> str:
        parts = [
            f"at least {self.least:g}" if self.least is not None else "",
            f"at most {self.most:g}" if self.most is not None else "",
        ]
        return " and ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class Reading:
    """A value of a metric with its age; None when there is none."""

    value: Any
    age_s: float | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    verdict: Verdict
    reason: str


def parse(given: Any) -> list[Gate]:
    """Read the list of a ring's metric gates; raises `reading.Malformed`."""
    if not isinstance(given, list) or len(given) > GATES_MAX:
        raise reading.Malformed(f"metrics must be a list of at most {GATES_MAX} gates.")
    return [_gate(one, f"metrics[{place}]") for place, one in enumerate(given)]


def _gate(given: Any, where: str) -> Gate:
    found = reading.fields(given, _KNOWN, where)
    metric = found.get("metric")
    if not isinstance(metric, str) or metric not in METRICS:
        raise reading.Malformed(
            f"{where}.metric is {metric!r}; it must be one of {', '.join(METRICS)}."
        )
    least, most = (
        None
        if found.get(name) is None
        else reading.number(found[name], f"{where}.{name}", *range_of(metric))
        for name in ("min", "max")
    )
    if least is None and most is None:
        raise reading.Malformed(f"{where} needs a min, a max, or both.")
    if least is not None and most is not None and least > most:
        raise reading.Malformed(f"{where}.min is above its max.")

    def count(name: str, default: int, at_least: int = 0) -> int:
        value = found.get(name, default)
        return reading.whole(value, f"{where}.{name}", at_least, MEASUREMENTS_MAX)

    def seconds(name: str, default: float, at_least: float) -> float:
        return reading.number(found.get(name, default), f"{where}.{name}", at_least, 86_400.0)

    return Gate(
        metric=metric,
        least=least,
        most=most,
        count=count("count", 3, 1),
        interval_s=seconds("interval_s", 10.0, 1.0),
        initial_delay_s=seconds("initial_delay_s", 0.0, 0.0),
        failure_limit=count("failure_limit", 0),
        inconclusive_limit=count("inconclusive_limit", 5),
        consecutive_successes=count("consecutive_successes", 0),
        dry_run=reading.truth(found.get("dry_run", False), f"{where}.dry_run"),
    )


def measure(gate: Gate, seen: Reading) -> Judgement:
    """Judge one measurement."""
    if seen.value is None:
        return Judgement(Verdict.INCONCLUSIVE, "There is no telemetry of it.")
    is_number = isinstance(seen.value, int | float) and not isinstance(seen.value, bool)
    if not is_number or not isfinite(seen.value):
        return Judgement(Verdict.INCONCLUSIVE, f"{seen.value!r} is no number.")
    if seen.age_s is not None and seen.age_s > STALE_AFTER_S:
        return Judgement(Verdict.INCONCLUSIVE, f"The newest value is {seen.age_s:.0f} s old.")
    text = f"{seen.value:.6g}; it must be {gate.wanted}"
    too_low = gate.least is not None and seen.value < gate.least
    too_high = gate.most is not None and seen.value > gate.most
    return Judgement(Verdict.FAILED if too_low or too_high else Verdict.SUCCESSFUL, text)


def assess(gate: Gate, measured: Sequence[Verdict]) -> Judgement:
    """Judge a gate by its measurements so far, in order.

    Failed counts before inconclusive. Only conclusive measurements count towards `count`. A gate
    that is dry only tells.
    """
    failures = sum(one is Verdict.FAILED for one in measured)
    unclear = sum(one is Verdict.INCONCLUSIVE for one in measured)
    conclusive = len(measured) - unclear
    if gate.dry_run:
        is_over = len(measured) >= gate.count
        return Judgement(Verdict.SUCCESSFUL if is_over else Verdict.RUNNING, "only told")
    if failures > gate.failure_limit:
        return Judgement(
            Verdict.FAILED,
            f"{gate.metric} failed {failures} times; {gate.failure_limit} may, {gate.wanted}",
        )
    if unclear > gate.inconclusive_limit:
        return Judgement(
            Verdict.INCONCLUSIVE,
            f"{gate.metric} was inconclusive {unclear} times; {gate.inconclusive_limit} may be",
        )
    in_a_row = 0
    for one in reversed(measured):
        if one is not Verdict.SUCCESSFUL:
            break
        in_a_row += 1
    enough = conclusive >= gate.count and conclusive > failures
    if enough and in_a_row >= gate.consecutive_successes:
        return Judgement(Verdict.SUCCESSFUL, f"{conclusive} measurements, {failures} failed")
    return Judgement(Verdict.RUNNING, f"{conclusive} of {gate.count} measurements")
