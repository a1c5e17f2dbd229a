"""Many runs of what will happen: contacts come, some fail, files go up by rule. Pure.

The rule is `flying.may_carry_files`: at most so many contacts carry files at once; who has begun
goes on until nothing is left or the contact ends; a free place goes to the latest LOS among those
that wait. Transfers of one satellite go one after another. Every opening draws its luck from a
generator that its own name seeds, so that the same question has the same answer, and a contact
that is added or cancelled leaves the luck of the others as it was.
"""

from __future__ import annotations

import heapq
import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from uplink.transfers.forecasting.links import FloatArray, Link, clipped

CLOSING_S = 2.0
"""From the last byte to the satellite's word that the file is there."""
RUNS_LEAST, RUNS_MOST = 100, 400
WORK_MOST = 400_000
"""Openings over all runs: what a processor does in some seconds."""
LIKELY = 0.95


@dataclass(frozen=True, slots=True)
class Opening:
    """A span in which files may reach a satellite; seconds on any one scale.

    `odds` is the chance that it comes about at all (1 for what is booked). Something that takes no
    place at the ground, as a laser link does not, has `takes_place` False.
    """

    key: str
    satellite: int
    station: str
    from_s: float
    until_s: float
    bit_per_s: float
    odds: float = 1.0
    is_open: bool = False
    holds_place: bool = False
    takes_place: bool = True


@dataclass(frozen=True, slots=True)
class Need:
    """Bytes of files that a satellite lacks still of one transfer."""

    key: str
    satellite: int
    left_bytes: float


@dataclass(frozen=True, slots=True)
class Leg:
    """An opening that may carry some of a transfer: how likely, and how many bytes on average."""

    opening: Opening
    probability: float
    mean_bytes: float


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the runs say of one transfer. Instants are None where the openings do not reach.

    `contacts` and `stations` are those of the run that ends at `likely_s`, which is no sooner than
    `LIKELY` of all runs; of a run that carries the most when there is no such instant.
    """

    probability: float
    median_s: float | None
    likely_s: float | None
    contacts: int
    stations: tuple[str, ...]
    carried_bytes: float
    legs: tuple[Leg, ...]


@dataclass(slots=True)
class _Told:
    """What became of one need, run by run."""

    ends_s: list[float] = field(default_factory=list)
    used: list[list[tuple[int, float]]] = field(default_factory=list)


def count_for(openings: int) -> int:
    """Return how many runs are affordable: enough for a 95th percentile, whatever the fleet."""
    return max(RUNS_LEAST, min(RUNS_MOST, WORK_MOST // max(openings, 1)))


def forecast(
    needs: Sequence[Need],
    openings: Sequence[Opening],
    links: Mapping[str, Link],
    fresh: Link,
    *,
    places: int,
    runs: int | None = None,
    seed: int = 0,
) -> dict[str, Outlook]:
    """Return the outlook of each need, in the order in which a satellite's needs are served.

    Parameters
    ----------
    links, fresh : as `links.estimate` gives them
    places : int
        How many contacts may carry files at once.
    """
    count = runs or count_for(len(openings))
    rates = _rates(openings, links, fresh, count, seed)
    told = {need.key: _Told() for need in needs}
    for run in range(count):
        _run(needs, openings, rates[run].tolist(), places, told)
    return {need.key: _outlook(need, told[need.key], openings) for need in needs}


def _rates(
    openings: Sequence[Opening],
    links: Mapping[str, Link],
    fresh: Link,
    count: int,
    seed: int,
) -> FloatArray:
    """Return bytes of files a second, (runs, openings); 0 where an opening comes to nothing."""
    rates = np.empty((count, len(openings)))
    of_station: dict[str, tuple[FloatArray, FloatArray]] = {}
    for number, each in enumerate(openings):
        link = links.get(each.station, fresh)
        if each.station not in of_station:
            dice = _dice(each.station, seed)
            of_station[each.station] = link.shares(dice, count), link.failure_odds(dice, count)
        means, odds = of_station[each.station]
        dice = _dice(each.key, seed)
        share = clipped(means + link.spread * dice.standard_normal(count))
        luck = dice.random((2, count))
        comes = (luck[0] < each.odds) & (each.is_open | (luck[1] >= odds))
        rates[:, number] = np.where(comes, share * each.bit_per_s / 8.0, 0.0)
    return rates


def _dice(name: str, seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(zlib.crc32(name.encode(), seed)))


_FREE, _ENTER = 0, 1


def _run(
    needs: Sequence[Need],
    openings: Sequence[Opening],
    rates: Sequence[float],
    places: int,
    told: Mapping[str, _Told],
) -> None:
    """Let the contacts come once, and add to `told` when each need was met, and by which."""
    queues: dict[int, list[list[float]]] = {}
    rows = []
    for need in needs:
        row = [need.left_bytes, math.inf]
        rows.append((need.key, row, []))
        queues.setdefault(need.satellite, []).append([row, rows[-1][2]])
    events = [
        (each.from_s, _ENTER, not each.holds_place, number)
        for number, each in enumerate(openings)
        if rates[number] > 0.0
    ]
    heapq.heapify(events)
    waiting: list[tuple[float, int]] = []
    free = places
    while events:
        at_s, kind, _, number = heapq.heappop(events)
        if kind == _FREE:
            free += 1
        elif not (queue := queues.get(openings[number].satellite)):
            continue
        elif not openings[number].takes_place:
            _serve(queue, openings[number], rates[number], at_s, number)
            continue
        else:
            holds = openings[number].holds_place
            heapq.heappush(waiting, (-math.inf if holds else -openings[number].until_s, number))
        while free and waiting:
            _, first = heapq.heappop(waiting)
            chosen = openings[first]
            queue = queues.get(chosen.satellite)
            if chosen.until_s <= at_s or not queue:
                continue
            free -= 1
            end_s = _serve(queue, chosen, rates[first], at_s, first)
            heapq.heappush(events, (end_s, _FREE, True, first))
    for key, row, used in rows:
        told[key].ends_s.append(row[1])
        told[key].used.append(used)


def _serve(queue: list, opening: Opening, rate: float, at_s: float, number: int) -> float:
    """Carry what an opening can from `at_s` on, in the order of the queue; return when it ends."""
    while queue:
        row, used = queue[0]
        can = (opening.until_s - at_s) * rate
        if can <= 0.0:
            return opening.until_s
        if row[0] > can:
            row[0] -= can
            used.append((number, can))
            return opening.until_s
        used.append((number, row[0]))
        at_s += row[0] / rate
        row[0], row[1] = 0.0, at_s + CLOSING_S
        queue.pop(0)
    return at_s


def _outlook(need: Need, told: _Told, openings: Sequence[Opening]) -> Outlook:
    ends = np.array(told.ends_s)
    order = np.argsort(ends, kind="stable")
    # One more run would end by the k-th of n with a chance of k / (n + 1).
    likely = order[math.ceil(LIKELY * (len(ends) + 1)) - 1]
    carried = [sum(size for _, size in used) for used in told.used]
    if not np.isfinite(ends[likely]):
        likely = int(np.argmax(carried))
        likely_s = None
    else:
        likely_s = float(ends[likely])
    median_s = float(ends[order[math.ceil(0.5 * len(ends)) - 1]])
    used = told.used[likely]
    times: dict[int, list[float]] = {}
    for row in told.used:
        for number, size in row:
            times.setdefault(number, []).append(size)
    legs = [
        Leg(openings[number], len(sizes) / len(ends), sum(sizes) / len(sizes))
        for number, sizes in times.items()
    ]
    return Outlook(
        probability=float(np.isfinite(ends).mean()),
        median_s=median_s if math.isfinite(median_s) else None,
        likely_s=likely_s,
        contacts=len({number for number, _ in used}),
        stations=tuple(dict.fromkeys(openings[number].station for number, _ in used)),
        carried_bytes=float(np.median(carried)),
        legs=tuple(sorted(legs, key=lambda leg: leg.opening.from_s)),
    )
