"""Passes computed once for all processes: by element set, six hours, and the stations' geometry.

What is stored follows from its key alone, so that it is never out of date and nothing needs to
be told: a new element set, a station that moves or a new method are other keys, and what
nobody asks for any more is swept away. Above the table each process keeps some of it in memory.

Several processes that lack the same share the work: a chunk of satellites is computed under an
advisory lock, and who finds it locked takes another chunk first. Inside somebody's transaction
nothing is stored, so that no booking ever waits for geometry.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock

import orjson
from django.db import connection, transaction

from constellation import catalogue, pass_columns
from constellation.models import ElementSet, PassBlock, Station
from constellation.orbits import frames, passes

BLOCK_S = 6 * 3_600
METHOD = 3
"""Counted up whenever the same orbit and station may give other passes, or other rows."""
CHUNK = 128
"""Element sets computed and stored together: a second or two of work."""
MEMORY_BYTES = 48 * 1024 * 1024
"""Kept in each process: 2,800 satellites over 24 stations for two days."""
_OVERHEAD_BYTES = 200
STORED_BEFORE = timedelta(days=1)
STORED_AFTER = timedelta(days=9)


@dataclass(frozen=True)
class Piece:
    """The passes of one element set in one block, and why SGP4 refused some of it, if it did."""

    passes: bytes
    refused: str


Key = tuple[int, int]
"""Orbit (`catalogue.orbit_key`) and block."""


class _Memory:
    """The pieces used last, up to a number of bytes; safe for threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, int, int], Piece] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    def take(self, geometry: str, wanted: Iterable[Key]) -> dict[Key, Piece]:
        found = {}
        with self._lock:
            for key in wanted:
                if (piece := self._kept.get((geometry, *key))) is not None:
                    self._kept.move_to_end((geometry, *key))
                    found[key] = piece
        return found

    def put(self, geometry: str, pieces: dict[Key, Piece]) -> None:
        with self._lock:
            for key, piece in pieces.items():
                if (geometry, *key) not in self._kept:
                    self._kept[geometry, *key] = piece
                    self._bytes += len(piece.passes) + _OVERHEAD_BYTES
            while self._bytes > MEMORY_BYTES:
                _, piece = self._kept.popitem(last=False)
                self._bytes -= len(piece.passes) + _OVERHEAD_BYTES

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()
            self._bytes = 0


_memory = _Memory()


def forget() -> None:
    """Empty this process's memory, as a restart would."""
    _memory.clear()


def site(station: Station) -> frames.Site:
    """Return where a station stands and below which elevation it does not look."""
    return frames.Site.from_degrees(
        station.latitude_deg,
        station.longitude_deg,
        station.altitude_m,
        station.mask_deg,
        station.horizon,
    )


def geometry_of(stations: Sequence[Station]) -> str:
    """Return the digest of all that passes depend on besides the element set."""
    places = sorted(
        [
            each.pk,
            each.latitude_deg,
            each.longitude_deg,
            each.altitude_m,
            each.mask_deg,
            each.horizon,
        ]
        for each in stations
    )
    what = [METHOD, BLOCK_S, str(pass_columns.ROW.descr), places]
    return hashlib.sha256(orjson.dumps(what)).hexdigest()[:32]


def pieces(
    rows: Sequence[ElementSet], stations: Sequence[Station], blocks: Iterable[int]
) -> dict[Key, Piece]:
    """Return the passes of each element set in each block, computing what nobody has yet."""
    geometry = geometry_of(stations)
    wanted = {(orbit, block) for orbit in map(catalogue.orbit_key, rows) for block in blocks}
    found = _memory.take(geometry, wanted)
    if absent := wanted - found.keys():
        fresh = _stored(geometry, absent)
        by_orbit = {catalogue.orbit_key(row): row for row in rows}
        still = absent - fresh.keys()
        for block in sorted({block for _, block in still}):
            lacking = [by_orbit[orbit] for orbit, of in still if of == block]
            fresh |= _made(geometry, stations, lacking, block)
        _memory.put(geometry, fresh)
        found |= fresh
    return found


def missing(
    rows: Sequence[ElementSet], stations: Sequence[Station], blocks: Iterable[int]
) -> tuple[int, int]:
    """Return how many pieces nobody has computed yet, and how many there are in all."""
    geometry, blocks = geometry_of(stations), list(blocks)
    stored = PassBlock.objects.filter(
        geometry=geometry, block__in=blocks, orbit__in=map(catalogue.orbit_key, rows)
    )
    count = len(rows) * len(blocks)
    return count - stored.count(), count


def _stored(geometry: str, wanted: Iterable[Key]) -> dict[Key, Piece]:
    """Read what the table has of some pieces."""
    wanted = list(wanted)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT held.orbit, held.block, held.passes, held.refused"
            " FROM unnest(%s::bigint[], %s::int[]) AS wanted (orbit, block)"
            " JOIN constellation_passblock held USING (orbit, block)"
            " WHERE held.geometry = %s",
            [[orbit for orbit, _ in wanted], [block for _, block in wanted], geometry],
        )
        return {
            (orbit, block): Piece(bytes(data), refused)
            for orbit, block, data, refused in cursor.fetchall()
        }


def _made(
    geometry: str, stations: Sequence[Station], rows: Sequence[ElementSet], block: int
) -> dict[Key, Piece]:
    """Compute the pieces of one block chunk by chunk, each by whoever comes first to it."""
    chunks: dict[int, list[ElementSet]] = {}
    for row in sorted(rows, key=catalogue.orbit_key):
        chunks.setdefault(catalogue.orbit_key(row) // CHUNK, []).append(row)
    made: dict[Key, Piece] = {}
    if connection.in_atomic_block:
        for chunk in chunks.values():
            made |= _computed(stations, chunk, block)
        return made
    elsewhere: list[int] = []
    for number, chunk in chunks.items():
        with transaction.atomic():
            if _locked(geometry, block, number, wait=False):
                made |= _stored_or_computed(geometry, stations, chunk, block)
            else:
                elsewhere.append(number)
    for number in elsewhere:
        with transaction.atomic():
            _locked(geometry, block, number, wait=True)
            made |= _stored_or_computed(geometry, stations, chunks[number], block)
    return made


def _locked(geometry: str, block: int, chunk: int, *, wait: bool) -> bool:
    """Take a chunk for the rest of the transaction; say whether it was had."""
    name = hashlib.sha256(f"passes {geometry} {block} {chunk}".encode()).digest()
    key = int.from_bytes(name[:8], "big", signed=True)
    with connection.cursor() as cursor:
        if wait:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [key])
            return True
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [key])
        return cursor.fetchone()[0]


def _stored_or_computed(
    geometry: str, stations: Sequence[Station], rows: Sequence[ElementSet], block: int
) -> dict[Key, Piece]:
    """Compute what is not there even now, under the chunk's lock, and store it."""
    found = _stored(geometry, [(catalogue.orbit_key(row), block) for row in rows])
    lacking = [row for row in rows if (catalogue.orbit_key(row), block) not in found]
    if not lacking:
        return found
    fresh = _computed(stations, lacking, block)
    PassBlock.objects.bulk_create(
        (
            PassBlock(
                geometry=geometry,
                block=block,
                orbit=orbit,
                passes=piece.passes,
                refused=piece.refused,
            )
            for (orbit, block), piece in sorted(fresh.items(), key=lambda each: each[0])
        ),
        ignore_conflicts=True,
    )
    return found | fresh


def _computed(
    stations: Sequence[Station], rows: Sequence[ElementSet], block: int
) -> dict[Key, Piece]:
    orbits = catalogue.orbits(rows)
    found = passes.find_passes(
        orbits,
        [site(station) for station in stations],
        block * BLOCK_S,
        (block + 1) * BLOCK_S,
    )
    table = pass_columns.rows_of(found.passes, orbits, [station.pk for station in stations])
    # Stable, so that each satellite's passes stay in the order of AOS.
    table = table[table["satellite"].argsort(kind="stable")]
    ends = table["satellite"].searchsorted(range(len(rows) + 1))
    return {
        (catalogue.orbit_key(row), block): Piece(
            table[ends[number] : ends[number + 1]].tobytes(),
            found.refused.get(row.satellite.code, ""),
        )
        for number, row in enumerate(rows)
    }


def sweep(now: datetime) -> int:
    """Delete what is past, far ahead, or of stations and element sets that count no more.

    Returns how many rows went. Whoever asks for them again computes them again.
    """
    first = int((now - STORED_BEFORE).timestamp() // BLOCK_S)
    last = int((now + STORED_AFTER).timestamp() // BLOCK_S)
    geometry = geometry_of(list(Station.objects.all()))
    current = [catalogue.orbit_key(row) for row in catalogue.elements_of_record(now)]
    kept = PassBlock.objects.filter(
        block__gte=first, block__lte=last, geometry=geometry, orbit__in=current
    )
    gone, _ = PassBlock.objects.exclude(pk__in=kept.values("pk")).delete()
    return gone
