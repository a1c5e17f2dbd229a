"""Passes of the fleet over the stations, computed once for each element set and six hours.

A pass is geometry: nothing here is stored as a promise. Each process keeps what it computed,
by element set, so that a new element set invalidates the old one's passes by itself.
"""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from threading import Lock

from constellation import catalogue
from constellation.models import ElementSet, Satellite, Station
from constellation.orbits import frames, passes

BLOCK_S = 6 * 3_600
MARGIN_S = 1_800
"""Low passes that reach over an end of the span are found whole."""
KEPT = 40_000
"""Blocks kept in a process: 2,800 satellites for three days."""


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
    tca_range_m: float
    begun_before: bool
    """It rose before what was computed; `aos_at` is where that begins."""
    ends_after: bool


@dataclass(frozen=True)
class Seen:
    """Passes by AOS, and by satellite code why some satellites have none or too few."""

    passes: list[Pass]
    refused: dict[str, str]


_Key = tuple[int, int, tuple]
_Pieces = tuple[list[dict], str | None]
_kept: OrderedDict[_Key, _Pieces] = OrderedDict()
_lock = Lock()


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
    rows = catalogue.elements_of_record(start_at, satellites)
    places = list(Station.objects.all()) if stations is None else list(stations)
    first = int((start_at.timestamp() - MARGIN_S) // BLOCK_S)
    last = int((end_at.timestamp() + MARGIN_S) // BLOCK_S)
    blocks = range(first, last + 1)
    by_block = _computed(rows, places, blocks)
    found: list[Pass] = []
    refused: dict[str, str] = {}
    for row in rows:
        parts = [by_block[row.pk, block] for block in blocks]
        pieces = [piece for more, _ in parts for piece in more]
        found += (_pass(row, places, piece) for piece in _joined(pieces))
        why = next((why for _, why in parts if why), None)
        if why:
            refused[row.satellite.code] = why
    wanted = [each for each in found if each.los_at > start_at and each.aos_at < end_at]
    wanted.sort(key=lambda each: (each.aos_at, each.satellite.code, each.station.code))
    return Seen(wanted, refused)


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


def site(station: Station) -> frames.Site:
    """Return where a station stands and below which elevation it does not look."""
    return frames.Site.from_degrees(
        station.latitude_deg, station.longitude_deg, station.altitude_m, station.mask_deg
    )


def _place(station: Station) -> tuple:
    return (
        station.code,
        station.latitude_deg,
        station.longitude_deg,
        station.altitude_m,
        station.mask_deg,
    )


def _computed(
    rows: Sequence[ElementSet], places: Sequence[Station], blocks: range
) -> dict[tuple[int, int], _Pieces]:
    """Return the passes of each element set in each block, computing what is not kept."""
    sites = [site(station) for station in places]
    where = tuple(_place(station) for station in places)
    result: dict[tuple[int, int], _Pieces] = {}
    for block in blocks:
        with _lock:
            for row in rows:
                if (row.pk, block, where) in _kept:
                    _kept.move_to_end((row.pk, block, where))
                    result[row.pk, block] = _kept[row.pk, block, where]
        missing = [row for row in rows if (row.pk, block) not in result]
        if missing:
            fresh = _compute(missing, sites, block)
            with _lock:
                _kept.update({(pk, block, where): pieces for pk, pieces in fresh.items()})
                while len(_kept) > KEPT:
                    _kept.popitem(last=False)
            result.update({(pk, block): pieces for pk, pieces in fresh.items()})
    return result


def _compute(
    rows: Sequence[ElementSet], sites: Sequence[frames.Site], block: int
) -> dict[int, _Pieces]:
    found = passes.find_passes(
        catalogue.orbits(rows), sites, block * BLOCK_S, (block + 1) * BLOCK_S
    )
    pieces: list[list[dict]] = [[] for _ in rows]
    for piece in passes.rows(found.passes):
        pieces[piece["satellite"]].append(piece)
    return {
        row.pk: (pieces[number], found.refused.get(row.satellite.code))
        for number, row in enumerate(rows)
    }


def _joined(pieces: list[dict]) -> list[dict]:
    """Join passes that the edges of blocks cut; the pieces of one satellite, block by block."""
    whole: list[dict] = []
    open_at: dict[int, int] = {}
    for piece in pieces:
        station = piece["station"]
        before = open_at.pop(station, None)
        if piece["begun_before"] and before is not None:
            whole[before] = _merged(whole[before], piece)
        else:
            before = len(whole)
            whole.append(piece)
        if whole[before]["ends_after"]:
            open_at[station] = before
    return whole


def _merged(first: dict, second: dict) -> dict:
    top = first if first["max_elevation_rad"] >= second["max_elevation_rad"] else second
    return {
        **top,
        **{name: first[name] for name in ("aos_s", "aos_azimuth_rad", "begun_before")},
        **{name: second[name] for name in ("los_s", "los_azimuth_rad", "ends_after")},
    }


def _pass(row: ElementSet, places: Sequence[Station], piece: dict) -> Pass:
    return Pass(
        satellite=row.satellite,
        station=places[piece["station"]],
        element_set=row,
        aos_at=_instant(piece["aos_s"]),
        los_at=_instant(piece["los_s"]),
        tca_at=_instant(piece["tca_s"]),
        **{
            name: piece[name]
            for name in (
                "max_elevation_rad",
                "aos_azimuth_rad",
                "tca_azimuth_rad",
                "los_azimuth_rad",
                "tca_range_m",
                "begun_before",
                "ends_after",
            )
        },
    )


def _instant(at_s: float) -> datetime:
    return datetime.fromtimestamp(at_s, UTC)


def cut_to(each: Pass, start_at: datetime, end_at: datetime) -> Pass:
    """Return a pass with its AOS and LOS moved inside a span that overlaps it."""
    return replace(each, aos_at=max(each.aos_at, start_at), los_at=min(each.los_at, end_at))
