"""A pass on the sky of its station: azimuth and elevation as a drawing, north up and east right."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from constellation import catalogue, pass_blocks
from constellation.orbits import eclipse, look
from constellation.orbits.frames import FloatArray
from constellation.visibility import Pass

RADIUS = 100.0
SAMPLES = 121
ELEVATIONS_DEG = (0, 30, 60)


@dataclass(frozen=True)
class Stretch:
    """A part of the track under one light."""

    points: str
    is_lit: bool


def plot(each: Pass) -> dict[str, Any]:
    """Return what a template draws: track, ends, mask, circles; zenith is at (0, 0)."""
    site = pass_blocks.site(each.station)
    at_s = np.linspace(each.aos_at.timestamp(), each.los_at.timestamp(), SAMPLES)
    position_m = catalogue.orbits([each.element_set]).states(at_s).position_m[0]
    seen = look.look_angles(site, position_m)
    xy = _on_paper(seen.azimuth_rad, seen.elevation_rad)
    lit = eclipse.light(position_m, eclipse.sun_m(at_s)) == eclipse.Light.SUNLIT
    top = int(np.argmin(np.abs(at_s - each.tca_at.timestamp())))
    round_rad = np.radians(np.arange(0, 360, 2.0))
    return {
        "stretches": list(_stretches(xy, lit)),
        "aos": _pair(xy[0]),
        "tca": _pair(xy[top]),
        "los": _pair(xy[-1]),
        "mask": _points(_on_paper(round_rad, site.mask_at_rad(round_rad))),
        "circles": [RADIUS * (90 - elevation) / 90 for elevation in ELEVATIONS_DEG],
        "labels": [
            (elevation, -RADIUS * (90 - elevation) / 90 + 8) for elevation in ELEVATIONS_DEG[1:]
        ],
    }


def _on_paper(azimuth_rad: FloatArray, elevation_rad: FloatArray) -> FloatArray:
    """Return `(n, 2)`; the distance from the middle grows evenly from zenith to horizon."""
    away = RADIUS * (1.0 - np.maximum(elevation_rad, 0.0) / (np.pi / 2))
    return np.stack([away * np.sin(azimuth_rad), -away * np.cos(azimuth_rad)], axis=-1)


def _stretches(xy: FloatArray, lit: np.ndarray) -> list[Stretch]:
    changes = np.flatnonzero(lit[1:] != lit[:-1]) + 1
    starts = [0, *changes.tolist()]
    ends = [*(change + 1 for change in changes.tolist()), len(lit)]
    return [
        Stretch(_points(xy[start:end]), bool(lit[start]))
        for start, end in zip(starts, ends, strict=True)
    ]


def _points(xy: FloatArray) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in xy.tolist() if np.isfinite(x))


def _pair(xy: FloatArray) -> tuple[float, float]:
    return round(float(xy[0]), 1), round(float(xy[1]), 1)
