"""What a link carries and how often a contact comes to nothing, from history and a prior. Pure.

A link's *share* is the bytes of files that arrived over those that its rate could have brought in
the span in which files went up: headers, repeats, other traffic and the machine's own limits are
all in it. Contacts of one station are taken as alike (a normal spread about the station's mean),
stations as alike among each other: with few contacts a station's mean is drawn to that of all, and
with none at all everything is the prior. (Gelman et al., Bayesian Data Analysis, 5.4, with the
weights of the priors given instead of estimated.)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from telemetry import onboard
from uplink.registry import costing

FloatArray = NDArray[np.float64]

SHARE = onboard.FILE_SEGMENT_BYTES / onboard.FRAME_BYTES / costing.REPEATS
"""Of a link nobody has used yet: what `costing` counts with before a byte is sent."""
SPREAD = 0.05
"""Standard deviation between contacts, as long as nobody has seen any."""
PRIOR_CONTACTS = 3.0
"""So many contacts are what all stations' mean is worth to one, and the prior to the spread."""
PRIOR_OF_ALL = 1.0
"""So many contacts are what the prior is worth to the mean of all stations."""
SHARE_LEAST, SHARE_MOST = 0.01, 1.0
FAILED, FLOWN = 0.5, 10.0
"""Of contacts before any were flown: half a failure in ten."""


@dataclass(frozen=True, slots=True)
class Flown:
    """A contact that ended: how it did. `share` is None when it carried too little to tell."""

    station: str
    share: float | None
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """A station's links: mean share, how sure that mean is, spread between contacts, failures."""

    share: float
    share_error: float
    spread: float
    failed: float
    flown: float

    def shares(self, station: np.random.Generator, count: int) -> FloatArray:
        """Draw the station's mean for each of `count` runs, none of them clipped."""
        return self.share + self.share_error * station.standard_normal(count)

    def failure_odds(self, station: np.random.Generator, count: int) -> FloatArray:
        """Draw the chance that a contact comes to nothing, for each of `count` runs."""
        return station.beta(self.failed, self.flown - self.failed, count)


def clipped(shares: FloatArray) -> FloatArray:
    return np.clip(shares, SHARE_LEAST, SHARE_MOST)


def estimate(history: Iterable[Flown]) -> tuple[Link, Mapping[str, Link]]:
    """Return the link of a station nobody has flown over, and the links of those that were."""
    shares: dict[str, list[float]] = defaultdict(list)
    flown: dict[str, list[bool]] = defaultdict(list)
    for each in history:
        flown[each.station].append(each.failed)
        if each.share is not None:
            shares[each.station].append(each.share)
    every = [share for row in shares.values() for share in row]
    mean = (PRIOR_OF_ALL * SHARE + sum(every)) / (PRIOR_OF_ALL + len(every))
    residue = sum((share - _mean(row, mean)) ** 2 for row in shares.values() for share in row)
    spread = ((PRIOR_CONTACTS * SPREAD**2 + residue) / (PRIOR_CONTACTS + len(every))) ** 0.5
    failures = sum(sum(row) for row in flown.values())
    count = sum(len(row) for row in flown.values())
    rate = (FAILED + failures) / (FLOWN + count)
    # A station of which nothing is known is one more of its kind: its mean is not that of all.
    fresh = Link(mean, spread, spread, FLOWN * rate, FLOWN)
    known = {}
    for station, row in flown.items():
        weight = PRIOR_CONTACTS + len(shares[station])
        known[station] = Link(
            _mean(shares[station], mean),
            spread * (PRIOR_CONTACTS / weight if not shares[station] else 1 / weight) ** 0.5,
            spread,
            FLOWN * rate + sum(row),
            FLOWN + len(row),
        )
    return fresh, known


def _mean(row: list[float], of_all: float) -> float:
    """Return a station's mean, drawn to that of all stations as long as it has few contacts."""
    return (PRIOR_CONTACTS * of_all + sum(row)) / (PRIOR_CONTACTS + len(row))
