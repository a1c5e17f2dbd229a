"""Passes of the fleet over the stations, whole, in any span.

A pass is geometry: nothing here is stored as a promise. What was computed is shared by all
processes (`constellation.pass_blocks`) and joined here over the seams of its blocks.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from constellation import catalogue, pass_blocks, pass_columns
from constellation.models import ElementSet, Satellite, Station
from constellation.pass_blocks import BLOCK_S

MARGIN_S = 1_800
"""Low passes that reach over an end of the span are found whole."""


@dataclass(frozen=True)
class Pass:
    """One pass of one satellite over one station."""

    satellite: Satellite
    station: Station
    element_set: ElementSet
    aos_at: datetime
    los_at: datetime
    tca_at: datetime
    max_elevation_rad: float
    aos_azimuth_rad: float
    tca_azimuth_rad: float
    los_azimuth_rad: float
    aos_range_m: float
    tca_range_m: float
    los_range_m: float
    aos_range_rate_m_s: float
    """Positive where the satellite recedes."""
    tca_range_rate_m_s: float
    los_range_rate_m_s: float
    aos_light: int
    """On the satellite: `orbits.eclipse.Light`."""
    tca_light: int
    los_light: int
    begun_before: bool
    """It rose before what was computed; `aos_at` is where that begins."""
    ends_after: bool


@dataclass(frozen=True)
class Seen:
    """Passes by AOS, and by satellite code why some satellites have none or too few."""

    passes: list[Pass]
    refused: dict[str, str]


@dataclass(frozen=True)
class Table:
    """Many passes as rows (`pass_columns.ROW`), by AOS, satellite and station."""

    rows: np.ndarray
    """`satellite` counts in `element_sets`, `station` is the key in `stations`."""
    element_sets: Sequence[ElementSet]
    stations: dict[int, Station]
    refused: dict[str, str]

    def part(self, which: np.ndarray) -> "Table":
        """Return some of the passes: by a mask or by their numbers."""
        return replace(self, rows=self.rows[which])

    def passes(self) -> list[Pass]:
        """Return each as a `Pass`."""
        return [self._pass(values) for values in self.rows.tolist()]

    def _pass(self, values: tuple) -> Pass:
        named = dict(zip(pass_columns.ROW.names or (), values, strict=True))
        row = self.element_sets[named.pop("satellite")]
        return Pass(
            satellite=row.satellite,
            station=self.stations[named.pop("station")],
            element_set=row,
            aos_at=_instant(named.pop("aos_s")),
            tca_at=_instant(named.pop("tca_s")),
            los_at=_instant(named.pop("los_s")),
            **named,
        )


@dataclass(frozen=True)
class View:
    """Whose passes are asked for, fixed before they are: element sets and stations.

    Passes are computed over all stations at once, whichever are wanted.
    """

    element_sets: Sequence[ElementSet]
    stations: Sequence[Station]
    wanted: frozenset[int]
    """Keys of the stations that count."""

    @property
    def version(self) -> str:
        """A digest of the orbits and stations: another one means other passes."""
        orbits = sorted(map(catalogue.orbit_key, self.element_sets))
        what = f"{pass_blocks.geometry_of(self.stations)} {orbits}"
        return hashlib.sha256(what.encode()).hexdigest()[:16]


def view_at(
    at: datetime,
    satellites: Iterable[Satellite] | None = None,
    stations: Sequence[Station] | None = None,
) -> View:
    """Return satellites by their element set of record at an instant, and stations as given."""
    by_pk = {station.pk: station for station in Station.objects.all()}
    by_pk |= {station.pk: station for station in stations or ()}
    wanted = by_pk if stations is None else [station.pk for station in stations]
    rows = catalogue.elements_of_record(at, satellites)
    return View(rows, list(by_pk.values()), frozenset(wanted))


def passes_between(
    start_at: datetime,
    end_at: datetime,
    *,
    satellites: Iterable[Satellite] | None = None,
    stations: Sequence[Station] | None = None,
) -> Seen:
    """Return the passes that overlap a span, whole, for satellites with an element set.

    The element set of a satellite is the one of record at the start of the span.
    """
    table = table_between(view_at(start_at, satellites, stations), start_at, end_at)
    return Seen(table.passes(), table.refused)


def pass_over(
    satellite: Satellite, station: Station, start_at: datetime, end_at: datetime
) -> Pass | None:
    """Return the pass that overlaps a span the longest, or None when there is none."""
    seen = passes_between(start_at, end_at, satellites=[satellite], stations=[station])
    return max(
        seen.passes,
        key=lambda each: min(each.los_at, end_at) - max(each.aos_at, start_at),
        default=None,
    )


def table_between(view: View, start_at: datetime, end_at: datetime) -> Table:
    """Return the passes of a view that overlap a span, whole, as rows."""
    return _table(view, start_at.timestamp(), end_at.timestamp(), end_at.timestamp())


def walk(view: View, start_at: datetime, end_at: datetime) -> Iterator[Table]:
    """Yield the same passes a few hours at a time, in order; each in one table only."""
    start_s, end_s = start_at.timestamp(), end_at.timestamp()
    low_s = start_s
    while low_s < end_s:
        # What begins before this is over, if low, by the end of the block.
        edge = (low_s + MARGIN_S) // BLOCK_S + 1
        high_s = min(end_s, edge * BLOCK_S - MARGIN_S)
        table = _table(view, low_s, high_s, end_s)
        yield table.part(table.rows["aos_s"] >= low_s) if low_s > start_s else table
        low_s = high_s


def blocks_of(start_at: datetime, end_at: datetime) -> range:
    """Return the blocks that the passes of a span are made of."""
    return _blocks(start_at.timestamp(), end_at.timestamp())


def _blocks(start_s: float, end_s: float) -> range:
    return range(int((start_s - MARGIN_S) // BLOCK_S), int(-(-(end_s + MARGIN_S) // BLOCK_S)))


def _table(view: View, start_s: float, end_s: float, until_s: float) -> Table:
    """Return the passes that overlap `[start_s, end_s)`; those that go on are followed up to
    `until_s`."""
    numbers = range(len(view.element_sets))
    blocks = _blocks(start_s, end_s)
    rows, refused = _read(view, numbers, blocks)
    rows = pass_columns.joined(rows)
    rows = rows[(rows["los_s"] > start_s) & (rows["aos_s"] < end_s)]
    later = range(blocks.stop, _blocks(start_s, until_s).stop)
    if later and (long := np.unique(rows["satellite"][rows["ends_after"]])).size:
        more, _ = _read(view, long.tolist(), later)
        rows = pass_columns.joined(np.concatenate([rows, more]))
        rows = rows[rows["aos_s"] < end_s]
    rank = {station.pk: number for number, station in enumerate(_by_code(view.stations))}
    order = [rank[pk] for pk in rows["station"].tolist()]
    rows = rows[np.lexsort((order, rows["satellite"], rows["aos_s"]))]
    return Table(rows, view.element_sets, {each.pk: each for each in view.stations}, refused)


def _read(view: View, numbers: Sequence[int], blocks: range) -> tuple[np.ndarray, dict[str, str]]:
    """Return the rows of some satellites over the wanted stations, and who was refused."""
    wanted = [view.element_sets[number] for number in numbers]
    pieces = pass_blocks.pieces(wanted, view.stations, blocks)
    parts, owners, refused = [], [], {}
    for number, row in zip(numbers, wanted, strict=True):
        for block in blocks:
            piece = pieces[catalogue.orbit_key(row), block]
            parts.append(piece.passes)
            owners.append(number)
            if piece.refused:
                refused.setdefault(row.satellite.code, piece.refused)
    rows = pass_columns.read(parts, owners)
    if len(view.wanted) < len(view.stations):
        rows = rows[np.isin(rows["station"], list(view.wanted))]
    return rows, refused


def _by_code(stations: Sequence[Station]) -> list[Station]:
    return sorted(stations, key=lambda station: station.code)


def _instant(at_s: float) -> datetime:
    return datetime.fromtimestamp(at_s, UTC)


def cut_to(each: Pass, start_at: datetime, end_at: datetime) -> Pass:
    """Return a pass with its AOS and LOS moved inside a span that overlaps it."""
    return replace(each, aos_at=max(each.aos_at, start_at), los_at=min(each.los_at, end_at))
