"""When a ring has succeeded and when it has failed: over finished targets alone. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from uplink.rollouts import reading

TARGETS_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class Tally:
    """The targets of a ring. Those that were taken out of it by hand are in none of the counts."""

    total: int
    succeeded: int
    failed: int

    @property
    def finished(self) -> int:
        return self.succeeded + self.failed


@dataclass(frozen=True, slots=True)
class Success:
    """At least `percent` of the finished succeeded, and enough are finished: by default all."""

    percent: float = 100.0
    min_finished: int | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """More than `percent` of the finished failed, of at least `min_finished`; or `count` did."""

    percent: float | None = 0.0
    count: int | None = None
    min_finished: int = 1


def parse_success(given: Any) -> Success:
    """Read `{"percent": 95, "min_finished": 3}`; raises `reading.Malformed`."""
    found = reading.fields(given, ("percent", "min_finished"), "success")
    least = found.get("min_finished")
    if least is not None:
        least = reading.whole(least, "success.min_finished", 1, TARGETS_MAX)
    # Of nothing it could be said that 0 % succeeded.
    percent = reading.number(found.get("percent", 100.0), "success.percent", 1.0, 100.0)
    return Success(percent, least)


def parse_failure(given: Any) -> Failure:
    """Read `{"percent": 10, "count": 2, "min_finished": 5}`; raises `reading.Malformed`."""
    found = reading.fields(given, ("percent", "count", "min_finished"), "error")
    percent, count = found.get("percent"), found.get("count")
    if percent is None and count is None:
        raise reading.Malformed("error must have a percent, a count, or both.")
    if percent is not None:
        percent = reading.number(percent, "error.percent", 0.0, 99.999)
    if count is not None:
        count = reading.whole(count, "error.count", 1, TARGETS_MAX)
    least = reading.whole(found.get("min_finished", 1), "error.min_finished", 1, TARGETS_MAX)
    return Failure(percent, count, least)


def succeeded(condition: Success, tally: Tally) -> bool:
    """Say whether a ring is through. A ring in which nothing is finished never is."""
    least = tally.total if condition.min_finished is None else condition.min_finished
    if tally.finished == 0 or tally.finished < min(least, tally.total):
        return False
    return 100.0 * tally.succeeded >= condition.percent * tally.finished


def failed(condition: Failure, tally: Tally) -> str:
    """Return why a ring has failed, or nothing.

    A sample larger than the ring is the whole ring, so that no error waits for ever.
    """
    counted = f"{tally.failed} of {tally.finished} finished targets failed"
    if condition.count is not None and tally.failed >= condition.count:
        return f"{counted}; {condition.count} are the limit"
    if condition.percent is None or tally.finished < min(condition.min_finished, tally.total):
        return ""
    if 100.0 * tally.failed > condition.percent * tally.finished:
        return f"{counted}; at most {condition.percent:g} % may"
    return ""
