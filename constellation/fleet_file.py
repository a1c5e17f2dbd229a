"""The fleet as the simulator reads it: one JSON file, since it has no database."""

from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from constellation import catalogue
from constellation.models import Antenna, ElementSet

_enclosed: dict[str, Callable[[datetime], Any]] = {}


def enclose(name: str, tell: Callable[[datetime], Any]) -> None:
    """Have `tell(now)` stand under `name` in the file: for rooms that satellites must know of."""
    _enclosed[name] = tell


def write(path: Path, now: datetime) -> int:
    """Write satellites with elements and stations with antennas; return how many satellites.

    The simulator takes it up at its next start.
    """
    rows = _mean(catalogue.elements_of_record(now))
    fleet = {"satellites": [_satellite(row) for row in rows], "stations": list(_stations())}
    fleet |= {name: tell(now) for name, tell in _enclosed.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".new")
    fresh.write_bytes(orjson.dumps(fleet))
    fresh.replace(path)
    return len(rows)


def _mean(rows: Iterable[ElementSet]) -> list[ElementSet]:
    """Return rows with mean elements alone: the simulator's own truth is an orbit of SGP4.

    In the place of an ephemeris stand the mean elements that are on record beside it.
    """
    beside = {row.pk: getattr(row, "otherwise", None) for row in rows if row.omm is None}
    for pk, otherwise in beside.items():
        if otherwise is not None:
            otherwise.satellite = next(row.satellite for row in rows if row.pk == pk)
    found = [beside.get(row.pk, row) for row in rows]
    return [row for row in found if row is not None]


def _satellite(row: ElementSet) -> dict:
    satellite = row.satellite
    return {
        "code": satellite.code,
        "name": satellite.name,
        "entity_id": satellite.entity_id,
        "scid": satellite.spacecraft_id,
        "role": satellite.role,
        "profile": satellite.profile.code,
        "isl_terminals": satellite.profile.isl_terminals,
        "isl_bit_per_s": satellite.profile.isl_bit_per_s,
        "storage_bytes": satellite.profile.storage_bytes,
        "omm": row.omm,
    }


def _stations() -> Iterable[dict]:
    """Yield the stations that have an antenna; the links are those of the first."""
    antennas: dict[str, list[Antenna]] = {}
    for antenna in Antenna.objects.filter(is_active=True).select_related("station"):
        antennas.setdefault(antenna.station.code, []).append(antenna)
    for code, dishes in antennas.items():
        station = dishes[0].station
        yield {
            "code": code,
            "latitude_deg": station.latitude_deg,
            "longitude_deg": station.longitude_deg,
            "altitude_m": station.altitude_m,
            "mask_deg": station.mask_deg,
            "antennas": [dish.code for dish in dishes],
            "uplink_bit_per_s": dishes[0].uplink_bit_per_s,
            "downlink_bit_per_s": dishes[0].downlink_bit_per_s,
        }
