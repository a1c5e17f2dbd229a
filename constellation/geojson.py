"""Lines and areas on the ground as GeoJSON wants them (RFC 7946): longitude before latitude,
nothing across the antimeridian (section 3.1.9), outer rings counter-clockwise (3.1.6)."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from constellation.orbits.frames import FloatArray

MEDIA_TYPE = "application/geo+json"
POLE_DEG = 90.0
Point = tuple[float, ...]


def lines(points: FloatArray) -> list[FloatArray]:
    """Cut a line where it crosses the antimeridian.

    Parameters
    ----------
    points : (n, k) array
        Longitude in [-180, 180] and latitude in degrees, then whatever else goes along the
        line; at a cut all of it is interpolated.
    """
    parts, part = [], [points[0]] if len(points) else []
    for before, here in itertools.pairwise(points):
        step_deg = here[0] - before[0]
        if abs(step_deg) > 180.0:
            edge_deg = 180.0 if step_deg < 0 else -180.0
            there = here.copy()
            there[0] += 2 * edge_deg
            share = (edge_deg - before[0]) / (there[0] - before[0])
            cut = before + share * (there - before)
            cut[0] = edge_deg
            part.append(cut)
            parts.append(np.array(part))
            part = [np.concatenate([[-edge_deg], cut[1:]])]
        part.append(here)
    return [*parts, np.array(part)] if len(part) > 1 else parts


def line_geometry(parts: Sequence[FloatArray], columns: int) -> dict[str, Any]:
    """Return the first columns of the parts of a line as a geometry."""
    rounded = [_rounded(part[:, :columns]) for part in parts]
    if len(rounded) == 1:
        return {"type": "LineString", "coordinates": rounded[0]}
    return {"type": "MultiLineString", "coordinates": rounded}


def area_geometry(longitude_deg: FloatArray, latitude_deg: FloatArray) -> dict[str, Any]:
    """Return the area inside a ring, which runs counter-clockwise and is not closed.

    Longitudes are unwrapped: one that ends a turn from its start goes round a pole, north if
    it has gone east.
    """
    ring = np.stack([longitude_deg, latitude_deg], axis=-1)
    closing_deg = _turn(longitude_deg[0] - longitude_deg[-1])
    turn_deg = longitude_deg[-1] + closing_deg - longitude_deg[0]
    if abs(turn_deg) > 180.0:
        areas = [_around_pole(ring, np.sign(turn_deg))]
    else:
        ring[:, 0] -= 360.0 * np.floor((ring[:, 0].min() + 180.0) / 360.0)
        west, east = _clipped(ring, 180.0, -1.0), _clipped(ring, 180.0, 1.0)
        east[:, 0] -= 360.0
        areas = [part for part in (west, east) if len(part) > 2]
    rings = [_rounded(np.concatenate([area, area[:1]])) for area in areas]
    if len(rings) == 1:
        return {"type": "Polygon", "coordinates": rings}
    return {"type": "MultiPolygon", "coordinates": [[ring] for ring in rings]}


def _around_pole(ring: FloatArray, sign: float) -> FloatArray:
    """Return the ring of all that lies between an edge and its pole, cut at the antimeridian."""
    longitude_deg = ring[:, 0] + 360.0 * np.round(-ring[:, 0] / 360.0)
    longitude_deg = (longitude_deg + 180.0) % 360.0 - 180.0
    order = np.argsort(longitude_deg)
    edge = np.stack([longitude_deg[order], ring[order, 1]], axis=-1)
    # Where the edge meets the antimeridian, on a straight line from its last point to its first.
    gap_deg = edge[0, 0] + 360.0 - edge[-1, 0]
    share = (180.0 - edge[-1, 0]) / gap_deg
    at_edge = edge[-1, 1] + share * (edge[0, 1] - edge[-1, 1])
    pole = sign * POLE_DEG
    eastwards = np.concatenate([[[-180.0, at_edge]], edge, [[180.0, at_edge]]])
    if sign > 0:
        return np.concatenate([eastwards, [[180.0, pole], [-180.0, pole]]])
    return np.concatenate([[[-180.0, pole], [180.0, pole]], eastwards[::-1]])


def _clipped(ring: FloatArray, at_deg: float, side: float) -> FloatArray:
    """Return what of a ring lies on one side of a meridian (Sutherland and Hodgman)."""
    kept: list[FloatArray] = []
    for before, here in zip(np.roll(ring, 1, axis=0), ring, strict=True):
        was_in, is_in = ((each[0] - at_deg) * side > 0 for each in (before, here))
        if was_in != is_in:
            share = (at_deg - before[0]) / (here[0] - before[0])
            kept.append(np.array([at_deg, before[1] + share * (here[1] - before[1])]))
        if is_in:
            kept.append(here)
    return np.array(kept).reshape(-1, 2)


def _turn(difference_deg: float) -> float:
    return float((difference_deg + 180.0) % 360.0 - 180.0)


def _rounded(points: FloatArray) -> list[list[float]]:
    """Return coordinates to a decimetre on the ground (RFC 7946, section 11.2)."""
    return np.round(points, 6).tolist()
