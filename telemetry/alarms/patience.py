"""Minimum violations and minimum conformance: which samples move the level of an alarm. Pure.

XTCE 1.2, section 4.3.2.2.6.1: `minViolations` samples in a row raise an alarm, and (1.2's
`minConformance`) as many inside of the limits end it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

_NEVER_INSIDE = 9
"""Above every level: a sample not known yet speaks for no return."""


@dataclass(frozen=True, slots=True)
class Tail:
    """Where a rule stood after its last sample: its level, and the last samples' own levels."""

    level: int = 0
    outside: tuple[int, ...] = ()
    """The level of each of the last samples."""
    inside: tuple[int, ...] = ()
    """The same with the ranges made narrower by the dead band."""

    @property
    def is_at_rest(self) -> bool:
        return not (self.level or any(self.outside))

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Tail:
        return cls(kept.get("level", 0), tuple(kept.get("out", ())), tuple(kept.get("in", ())))

    def to_json(self) -> dict[str, Any]:
        return {"level": self.level, "out": list(self.outside), "in": list(self.inside)}


def run(
    outside: NDArray, inside: NDArray, *, violations: int, conformance: int, before: Tail
) -> tuple[NDArray, Tail]:
    """Return the alarm's level after each of n samples, and where that leaves it.

    It rises to what the last `violations` samples all reach, and falls to what the last
    `conformance` samples, judged with the dead band, all stay under.

    Parameters
    ----------
    outside, inside : (n,) arrays of levels
    """
    out = _behind(before.outside, outside, violations - 1, fill=0)
    back = _behind(before.inside, inside, conformance - 1, fill=_NEVER_INSIDE)
    levels = np.zeros(len(outside), np.int8)
    if len(outside):
        reached = sliding_window_view(out, violations).min(axis=1)
        stayed = sliding_window_view(back, conformance).max(axis=1)
        if before.level or reached.any():
            level = before.level
            for n, (up, down) in enumerate(zip(reached.tolist(), stayed.tolist(), strict=True)):
                level = up if up > level else min(level, down)
                levels[n] = level
    last = int(levels[-1]) if len(levels) else before.level
    return levels, Tail(
        last,
        tuple(out[len(out) - violations + 1 :].tolist()),
        tuple(back[len(back) - conformance + 1 :].tolist()),
    )


def _behind(tail: tuple[int, ...], fresh: NDArray, length: int, *, fill: int) -> NDArray:
    """Return `fresh` behind the last `length` samples before it, filled up where they are few."""
    kept = list(tail)[-length:] if length else []
    kept = [fill] * (length - len(kept)) + kept
    return np.concatenate([np.array(kept, np.int8), fresh.astype(np.int8)])
