"""The reference satellites and stations, as the tests of orbits read them."""

from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import orjson

import constellation
from constellation.orbits import elements, frames, propagation

REFERENCE = Path(constellation.__file__).parent / "reference"
TLE = REFERENCE / "computing-satellites.tle"
NOON_S = datetime(2026, 8, 22, 12, tzinfo=UTC).timestamp()
"""The element sets are fresh then."""


@cache
def element_sets() -> list[elements.ElementSet]:
    """Return the 12 SCS-01 satellites and Starcloud-1."""
    return elements.parse(TLE.read_bytes()).taken


@cache
def orbits() -> propagation.Orbits:
    """Return their orbits, in the order of the file."""
    return propagation.Orbits([(each.name, each) for each in element_sets()])


@cache
def stations() -> list[dict]:
    """Return the 24 stations as the reference file has them."""
    return orjson.loads((REFERENCE / "stations.json").read_bytes())["stations"]


def site(station: dict) -> frames.Site:
    """Return where a station stands."""
    return frames.Site.from_degrees(
        station["latitude_deg"],
        station["longitude_deg"],
        station["altitude_m"],
        station["mask_deg"],
    )
