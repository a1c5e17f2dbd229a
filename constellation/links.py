"""Laser links between satellites: who is in sight of whom, now and over a span.

`links_at` is an instant, with each satellite's terminals given out; `windows_between` tells when
pairs could link, whatever their terminals are busy with.
"""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock

import numpy as np

from constellation import catalogue
from constellation.models import ElementSet, Satellite
from constellation.orbits import isl, isl_windows
from ops.errors import Invalid

PAIR_DAYS_MOST = 30_000
"""What one call looks at: ten satellites of 2,800 for a day, in some seconds."""
KEPT, KEPT_WINDOWS = 3, 2_000_000
"""Calls whose windows a process keeps, for their next pages; of short answers more, up to so many
windows of some 45 bytes."""
DAY_S = 86_400.0


@dataclass(frozen=True)
class Link:
    """Two satellites that see each other, by code, the lesser first."""

    first: str
    second: str
    range_m: float
    bit_per_s: int


@dataclass(frozen=True)
class Window:
    """A span in which the terminals of two satellites can hold a link."""

    first: Satellite
    second: Satellite
    start_at: datetime
    end_at: datetime
    min_range_m: float
    nearest_at: datetime
    begun_before: bool
    """It was open where the span begins; `start_at` is that."""
    ends_after: bool
    bit_per_s: int


@dataclass(frozen=True)
class Seen:
    """Windows by start and pair, as columns, and why some satellites have none."""

    windows: isl_windows.Windows
    """`first` and `second` count in `element_sets`."""
    element_sets: Sequence[ElementSet]
    refused: dict[str, str]

    def __len__(self) -> int:
        return len(self.windows)

    def window(self, number: int) -> Window:
        """Return one of the windows."""
        found = self.windows
        rows = [self.element_sets[int(each[number])] for each in (found.first, found.second)]
        first, second = sorted((row.satellite for row in rows), key=lambda each: each.code)
        return Window(
            first=first,
            second=second,
            start_at=datetime.fromtimestamp(float(found.start_s[number]), UTC),
            end_at=datetime.fromtimestamp(float(found.end_s[number]), UTC),
            min_range_m=float(found.min_range_m[number]),
            nearest_at=datetime.fromtimestamp(float(found.nearest_s[number]), UTC),
            begun_before=bool(found.begun_before[number]),
            ends_after=bool(found.ends_after[number]),
            bit_per_s=min(first.profile.isl_bit_per_s, second.profile.isl_bit_per_s),
        )


_kept: OrderedDict[tuple, Seen] = OrderedDict()
_lock = Lock()


def windows_between(
    start_at: datetime,
    end_at: datetime,
    *,
    satellites: Iterable[Satellite] | None = None,
    among: bool = False,
    min_duration_s: float = 0.0,
    terminals: isl.Terminals | None = None,
    pair_days_most: float = PAIR_DAYS_MOST,
) -> Seen:
    """Return when satellites could link with each other, by the element sets of record.

    Parameters
    ----------
    satellites
        Whose windows are wanted, with anybody or (`among`) with each other; all by default.
    min_duration_s
        Shorter windows are left out, unless an end of the span cuts them.
    terminals
        What terminals can do, alike on all satellites that have any.

    Raises
    ------
    Invalid
        For a satellite without terminals, and when pairs times days are over `pair_days_most`.
    """
    chosen = None if satellites is None else list(satellites)
    for satellite in chosen or ():
        if not satellite.profile.isl_terminals:
            raise Invalid(f"{satellite.code} has no laser terminals.")
    rows = catalogue.elements_of_record(start_at, chosen if among else None)
    rows = [row for row in rows if row.satellite.profile.isl_terminals]
    wanted = None if chosen is None or among else {satellite.pk for satellite in chosen}
    if wanted is not None:
        rows.sort(key=lambda row: row.satellite_id not in wanted)
    first = len(rows) if wanted is None else sum(row.satellite_id in wanted for row in rows)
    _check_size(first, len(rows), (end_at - start_at).total_seconds(), pair_days_most)
    key = (
        tuple(catalogue.orbit_key(row) for row in rows),
        first,
        start_at,
        end_at,
        min_duration_s,
        terminals,
    )
    with _lock:
        if key in _kept:
            _kept.move_to_end(key)
            return Seen(_kept[key].windows, rows, _kept[key].refused)
    seen = _found(rows, first, start_at, end_at, min_duration_s, terminals)
    with _lock:
        _kept[key] = seen
        while len(_kept) > KEPT and sum(map(len, _kept.values())) > KEPT_WINDOWS:
            _kept.popitem(last=False)
    return seen


def _check_size(first: int, count: int, span_s: float, most: float) -> None:
    pairs = first * (first - 1) // 2 + first * (count - first)
    if pairs * span_s / DAY_S > most:
        raise Invalid(
            f"That is {pairs:,} pairs of satellites for {span_s / 3600:.1f} hours, and at most "
            f"{most:,.0f} pairs for a day are looked at in one call. "
            "Name fewer satellites, or ask for a shorter span."
        )


def _found(
    rows: Sequence[ElementSet],
    first: int,
    start_at: datetime,
    end_at: datetime,
    min_duration_s: float,
    terminals: isl.Terminals | None,
) -> Seen:
    search, refused = isl_windows.prepare(
        catalogue.orbits(rows),
        start_at.timestamp(),
        end_at.timestamp(),
        terminals=terminals,
        min_duration_s=min_duration_s,
    )
    blocks = isl_windows.blocks(search, range(first))
    found = isl_windows.joined(list(isl_windows.windows(search, blocks)))
    order = np.lexsort((found.second, found.first, found.start_s))
    return Seen(found.where(order), rows, refused)


def links_at(at: datetime, rows: Sequence[ElementSet] | None = None) -> list[Link]:
    """Return the links at an instant, the shortest first.

    A satellite holds at most as many as its hardware has terminals; the shortest go first.
    """
    if rows is None:
        rows = catalogue.elements_of_record(at)
    able = [row for row in rows if row.satellite.profile.isl_terminals]
    position_m = catalogue.orbits(able).states([at.timestamp()]).position_m[:, 0]
    terminals = [row.satellite.profile.isl_terminals for row in able]
    chosen = []
    for range_m, one, other in _by_range(position_m):
        if terminals[one] and terminals[other]:
            terminals[one] -= 1
            terminals[other] -= 1
            chosen.append(_link(able[one], able[other], range_m))
    return chosen


def _by_range(position_m: np.ndarray) -> list[tuple[float, int, int]]:
    pairs = np.array(isl.links(position_m), dtype=np.int64).reshape(-1, 2)
    range_m = np.linalg.norm(position_m[pairs[:, 0]] - position_m[pairs[:, 1]], axis=-1)
    order = np.argsort(range_m, kind="stable")
    return [(float(range_m[k]), int(pairs[k, 0]), int(pairs[k, 1])) for k in order]


def _link(one: ElementSet, other: ElementSet, range_m: float) -> Link:
    profiles = one.satellite.profile, other.satellite.profile
    first, second = sorted([one.satellite.code, other.satellite.code])
    return Link(first, second, range_m, min(each.isl_bit_per_s for each in profiles))
