"""From where on the ground a satellite is seen above an elevation: the edge of that area."""

from math import pi, tau

import numpy as np

from constellation.orbits import ground
from constellation.orbits.frames import EQUATOR_RADIUS_M, FLATTENING, FloatArray

BEARINGS = 180
_HALVINGS = 50
"""Of a quarter of the Earth: to far less than a millimetre."""


def edge_rad(
    position_m: FloatArray, min_elevation_rad: float, bearings: int = BEARINGS
) -> tuple[FloatArray, FloatArray]:
    """Return latitudes and unwrapped longitudes of the edge, counter-clockwise from north.

    On WGS84, at height zero, without refraction. The elevation is halved in on along each
    bearing from the point below the satellite; the ring is not closed. Where it goes round a
    pole, its longitudes end a whole turn from where they would close.

    Parameters
    ----------
    position_m : (3,) array
        ITRS position of the satellite, above the ground.
    """
    latitude_rad, longitude_rad, _ = ground.subpoints_rad(position_m)
    bearing_rad = -tau * np.arange(bearings) / bearings
    low_rad, high_rad = np.zeros(bearings), np.full(bearings, pi / 2)
    for _ in range(_HALVINGS):
        middle_rad = 0.5 * (low_rad + high_rad)
        at = _along(latitude_rad, longitude_rad, bearing_rad, middle_rad)
        is_seen = _elevation_rad(position_m, *at) >= min_elevation_rad
        low_rad = np.where(is_seen, middle_rad, low_rad)
        high_rad = np.where(is_seen, high_rad, middle_rad)
    edge_latitude_rad, edge_longitude_rad = _along(
        latitude_rad, longitude_rad, bearing_rad, low_rad
    )
    return edge_latitude_rad, np.unwrap(edge_longitude_rad)


def _along(
    latitude_rad: FloatArray,
    longitude_rad: FloatArray,
    bearing_rad: FloatArray,
    arc_rad: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Return the end of an arc of a great circle, by spherical trigonometry on latitude and
    longitude: which curve on the ellipsoid that is does not matter, only that it leads away."""
    sine = np.sin(latitude_rad) * np.cos(arc_rad)
    sine = sine + np.cos(latitude_rad) * np.sin(arc_rad) * np.cos(bearing_rad)
    end_rad = np.arcsin(np.clip(sine, -1.0, 1.0))
    turn_rad = np.arctan2(
        np.sin(bearing_rad) * np.sin(arc_rad) * np.cos(latitude_rad),
        np.cos(arc_rad) - np.sin(latitude_rad) * np.sin(end_rad),
    )
    return end_rad, longitude_rad + turn_rad


def _elevation_rad(
    position_m: FloatArray, latitude_rad: FloatArray, longitude_rad: FloatArray
) -> FloatArray:
    """Return how high the satellite stands over points on the ellipsoid."""
    squared = FLATTENING * (2.0 - FLATTENING)
    normal_m = EQUATOR_RADIUS_M / np.sqrt(1.0 - squared * np.sin(latitude_rad) ** 2)
    up = np.stack(
        [
            np.cos(latitude_rad) * np.cos(longitude_rad),
            np.cos(latitude_rad) * np.sin(longitude_rad),
            np.sin(latitude_rad),
        ],
        axis=-1,
    )
    place_m = normal_m[:, None] * up * np.array([1.0, 1.0, 1.0 - squared])
    offset_m = position_m - place_m
    sine = np.einsum("ki,ki->k", offset_m, up) / np.linalg.norm(offset_m, axis=-1)
    return np.arcsin(np.clip(sine, -1.0, 1.0))
