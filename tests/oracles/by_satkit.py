"""Passes by `satkit` (Rust): its reading of elements, SGP4, frames, ellipsoid and time.

It has no search for passes that is used here: elevations every five seconds, the tops between
them looked at closely, and crossings halved to a microsecond.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
import satkit

GRID_S = 5.0
HALVINGS = 23
NEAR_DEG = 0.1
"""A top between two samples is less than this above them, where it is near the mask."""


def passes(
    lines: Sequence[str],
    station: dict,
    mask_deg: float,
    start_s: float,
    end_s: float,
    dut1_s: float,
) -> list[tuple[float, float, float]]:
    """Return (AOS, LOS, highest elevation in degrees) of each pass of a TLE over a station.

    `dut1_s` is UT1-UTC: satkit is given the one of Skyfield's tables, so that both turn the
    Earth alike.
    """
    tle = satkit.TLE.from_lines(list(lines))
    grid_s = np.append(np.arange(start_s, end_s, GRID_S), end_s)
    heights = _elevation_deg(tle, station, grid_s, dut1_s) - mask_deg
    tops = 1 + np.flatnonzero((heights[1:-1] >= heights[:-2]) & (heights[1:-1] >= heights[2:]))
    more_s = [
        np.linspace(grid_s[top - 1], grid_s[top + 1], 201)
        for top in tops[np.abs(heights[tops]) < NEAR_DEG]
    ]
    if more_s:
        fine_s = np.concatenate(more_s)
        fine = _elevation_deg(tle, station, fine_s, dut1_s) - mask_deg
        grid_s, first = np.unique(np.concatenate([grid_s, fine_s]), return_index=True)
        heights = np.concatenate([heights, fine])[first]
    up = heights > 0.0
    change = np.flatnonzero(up[1:] != up[:-1])
    low_s, high_s = grid_s[change], grid_s[change + 1]
    for _ in range(HALVINGS if len(change) else 0):
        middle_s = 0.5 * (low_s + high_s)
        same = (_elevation_deg(tle, station, middle_s, dut1_s) > mask_deg) == up[change]
        low_s, high_s = np.where(same, middle_s, low_s), np.where(same, high_s, middle_s)
    crossing_s = 0.5 * (low_s + high_s)
    aos_s = np.concatenate([grid_s[:1][up[:1]], crossing_s[~up[change]]])
    los_s = np.concatenate([crossing_s[up[change]], grid_s[-1:][up[-1:]]])
    return [
        (float(aos), float(los), _top_deg(tle, station, aos, los, dut1_s))
        for aos, los in zip(aos_s, los_s, strict=True)
    ]


def _top_deg(tle, station: dict, low_s: float, high_s: float, dut1_s: float) -> float:
    for _ in range(5):
        grid_s = np.linspace(low_s, high_s, 21)
        heights = _elevation_deg(tle, station, grid_s, dut1_s)
        top = int(np.argmax(heights))
        low_s, high_s = grid_s[max(top - 1, 0)], grid_s[min(top + 1, 20)]
    return float(heights.max())


def _elevation_deg(tle, station: dict, at_s: np.ndarray, dut1_s: float) -> np.ndarray:
    times = [satkit.time.from_unixtime(float(at)) for at in at_s]
    position_m, _ = satkit.sgp4(tle, times)
    position_m = np.asarray(position_m).reshape(-1, 3)
    cosine, sine = _turn(tuple(at_s.tolist()), dut1_s)
    x_m, y_m = position_m[:, 0], position_m[:, 1]
    fixed_m = np.stack(
        [cosine * x_m + sine * y_m, cosine * y_m - sine * x_m, position_m[:, 2]], axis=1
    )
    place = satkit.itrfcoord(
        latitude_deg=station["latitude_deg"],
        longitude_deg=station["longitude_deg"],
        altitude=station["altitude_m"],
    )
    up = place.qenu2itrf * np.array([0.0, 0.0, 1.0])
    offset_m = fixed_m - np.asarray(place.vector)
    return np.degrees(np.arcsin(offset_m @ up / np.linalg.norm(offset_m, axis=1)))


@cache
def _grid_turn(at_s: tuple[float, ...], dut1_s: float) -> tuple[np.ndarray, np.ndarray]:
    return _turned(at_s, dut1_s)


def _turn(at_s: tuple[float, ...], dut1_s: float) -> tuple[np.ndarray, np.ndarray]:
    """Return cosine and sine of the angle by which satkit turns TEME into ITRF."""
    return (_grid_turn if len(at_s) > 10_000 else _turned)(at_s, dut1_s)


def _turned(at_s: tuple[float, ...], dut1_s: float) -> tuple[np.ndarray, np.ndarray]:
    axis = np.array([1.0, 0.0, 0.0])
    turned = np.array(
        [
            satkit.frametransform.qteme2itrf(satkit.time.from_unixtime(at + dut1_s)) * axis
            for at in at_s
        ]
    ).reshape(-1, 3)
    return turned[:, 0], -turned[:, 1]


def quietly() -> None:
    """Take the lack of its own Earth orientation table as known: UT1 is given."""
    satkit.frametransform.disable_eop_time_warning()
