"""Passes as rows of one NumPy array: what is stored, joined over blocks, filtered and sorted."""

from collections.abc import Sequence

import numpy as np

from constellation.orbits import eclipse
from constellation.orbits.passes import Passes
from constellation.orbits.propagation import Orbits

INSTANTS = ("aos_s", "tca_s", "los_s")
ANGLES_AND_DISTANCES = (
    "max_elevation_rad",
    "aos_azimuth_rad",
    "tca_azimuth_rad",
    "los_azimuth_rad",
    "aos_range_m",
    "tca_range_m",
    "los_range_m",
    "aos_range_rate_m_s",
    "tca_range_rate_m_s",
    "los_range_rate_m_s",
)
LIGHTS = ("aos_light", "tca_light", "los_light")
"""On the satellite, as `orbits.eclipse.Light` has it."""
OF_AOS = (
    "aos_s",
    "aos_azimuth_rad",
    "aos_range_m",
    "aos_range_rate_m_s",
    "aos_light",
    "begun_before",
)
OF_LOS = (
    "los_s",
    "los_azimuth_rad",
    "los_range_m",
    "los_range_rate_m_s",
    "los_light",
    "ends_after",
)
ROW = np.dtype(
    [
        ("satellite", "<i4"),
        ("station", "<i4"),
        *((name, "<f8") for name in INSTANTS),
        # 24 bits of an angle are a hundredth of an arc second, of a range a decimetre.
        *((name, "<f4") for name in ANGLES_AND_DISTANCES),
        *((name, "u1") for name in LIGHTS),
        ("begun_before", "?"),
        ("ends_after", "?"),
    ]
)
"""`satellite` is a number that the reader gives; `station` is the station's key."""


def rows_of(passes: Passes, orbits: Orbits, station_keys: Sequence[int]) -> np.ndarray:
    """Return passes of `orbits` as rows, in their order; `satellite` is its number there."""
    rows = np.empty(len(passes), dtype=ROW)
    for name in ("satellite", *INSTANTS, *ANGLES_AND_DISTANCES, "begun_before", "ends_after"):
        rows[name] = getattr(passes, name)
    rows["station"] = np.asarray(station_keys, dtype=np.int32)[passes.station]
    for light, instant in zip(LIGHTS, INSTANTS, strict=True):
        at_s = rows[instant]
        position_m, _ = orbits.states_of(passes.satellite, at_s)
        rows[light] = eclipse.light(position_m, eclipse.sun_m(at_s))
    return rows


def passes_of(rows: np.ndarray, stations: dict[int, int]) -> Passes:
    """Return rows as `Passes`; `stations` tells the number of each station's key."""
    names = set(Passes.__dataclass_fields__) - {"station"}
    number = np.array([stations[key] for key in rows["station"].tolist()], dtype=np.int64)
    wide = {name: rows[name] for name in names}
    for name in ANGLES_AND_DISTANCES:
        wide[name] = rows[name].astype(np.float64)
    return Passes(station=number, **wide)


def read(stored: Sequence[bytes], satellites: Sequence[int]) -> np.ndarray:
    """Return the rows of several stored pieces, of satellite `satellites[k]` in piece k."""
    rows = np.frombuffer(b"".join(stored), dtype=ROW).copy()
    counts = [len(piece) // ROW.itemsize for piece in stored]
    rows["satellite"] = np.repeat(np.asarray(satellites, dtype=np.int32), counts)
    return rows


def joined(rows: np.ndarray) -> np.ndarray:
    """Join passes that the edges of blocks cut in pieces.

    A piece goes on where the one before it ended, when that ended at an edge and this begins
    at it. TCA is the highest point of all pieces.
    """
    rows = rows[np.lexsort((rows["aos_s"], rows["station"], rows["satellite"]))]
    if not len(rows):
        return rows
    before, after = rows[:-1], rows[1:]
    goes_on = before["ends_after"] & after["begun_before"]
    goes_on &= before["satellite"] == after["satellite"]
    goes_on &= before["station"] == after["station"]
    goes_on &= before["los_s"] == after["aos_s"]
    first = np.flatnonzero(np.concatenate([[True], ~goes_on]))
    last = np.flatnonzero(np.concatenate([~goes_on, [True]]))
    group = np.cumsum(np.concatenate([[True], ~goes_on])) - 1
    by_height = np.lexsort((rows["max_elevation_rad"], group))
    # The last of each group in that order is its highest.
    highest = by_height[np.flatnonzero(np.diff(group[by_height], append=group[-1] + 1))]
    whole = rows[highest]
    for name in OF_AOS:
        whole[name] = rows[name][first]
    for name in OF_LOS:
        whole[name] = rows[name][last]
    return whole
