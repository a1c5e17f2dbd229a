"""Sun and shadow: where the sun is, and whether it lights a satellite.

The sun comes from the low-precision formulae of the Astronomical Almanac (page C5), good to
0.01 degrees between 1950 and 2050; a low orbit crosses the whole penumbra, half a degree
wide, in about eight seconds, so that an edge is right to some 0.2 s.
"""

from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike

from constellation.orbits import frames
from constellation.orbits.frames import DAY_S, FloatArray

ASTRONOMICAL_UNIT_M = 149_597_870_700.0
SUN_RADIUS_M = 695_700_000.0
"""Nominal solar radius (IAU 2015 resolution B3)."""
SHADOW_RADIUS_M = 6_371_008.8
"""The Earth as a sphere of its mean radius; the air's own shadow and bending are left out."""
J2000_S = 946_728_000.0 - 64.184
"""2000-01-01T12:00 TT in POSIX seconds; TT is ahead of UTC by 64.184 s then."""


class Light(IntEnum):
    """How much of the sun a satellite sees."""

    UMBRA = 0
    PENUMBRA = 1
    SUNLIT = 2


def sun_teme_m(at_s: ArrayLike) -> FloatArray:
    """Return the sun's position from the Earth's centre, `(..., 3)`, equator of date.

    Equation of the equinoxes (at most 0.005 degrees) and light time are neglected.
    """
    days = (np.asarray(at_s, dtype=np.float64) - J2000_S) / DAY_S
    anomaly_rad = np.radians(357.528 + 0.9856003 * days)
    longitude_rad = np.radians(
        280.460 + 0.9856474 * days + 1.915 * np.sin(anomaly_rad) + 0.020 * np.sin(2 * anomaly_rad)
    )
    obliquity_rad = np.radians(23.439 - 4e-7 * days)
    distance_m = ASTRONOMICAL_UNIT_M * (
        1.00014 - 0.01671 * np.cos(anomaly_rad) - 0.00014 * np.cos(2 * anomaly_rad)
    )
    direction = np.stack(
        [
            np.cos(longitude_rad),
            np.cos(obliquity_rad) * np.sin(longitude_rad),
            np.sin(obliquity_rad) * np.sin(longitude_rad),
        ],
        axis=-1,
    )
    return direction * distance_m[..., None]


def sun_m(at_s: ArrayLike) -> FloatArray:
    """Return the sun's position in ITRS, `(..., 3)`."""
    sun = sun_teme_m(at_s)
    position_m, _ = frames.itrs_from_teme(sun, np.zeros_like(sun), at_s)
    return position_m


def light(position_m: FloatArray, sun_position_m: FloatArray) -> np.ndarray:
    """Return the `Light` on each satellite, as an array of uint8.

    Both `(..., 3)` from the Earth's centre in one frame, broadcast against each other. The
    discs of sun and Earth are compared as the satellite sees them (Montenbruck and Gill,
    "Satellite Orbits", section 3.4.2).
    """
    to_sun_m = sun_position_m - position_m
    sun_range_m = np.linalg.norm(to_sun_m, axis=-1)
    earth_range_m = np.linalg.norm(position_m, axis=-1)
    sun_disc_rad = np.arcsin(SUN_RADIUS_M / sun_range_m)
    earth_disc_rad = np.arcsin(np.minimum(1.0, SHADOW_RADIUS_M / earth_range_m))
    cosine = -np.einsum("...i,...i->...", to_sun_m, position_m) / (sun_range_m * earth_range_m)
    apart_rad = np.arccos(np.clip(cosine, -1.0, 1.0))
    lit = np.full(apart_rad.shape, Light.PENUMBRA, dtype=np.uint8)
    lit[apart_rad >= earth_disc_rad + sun_disc_rad] = Light.SUNLIT
    lit[apart_rad <= earth_disc_rad - sun_disc_rad] = Light.UMBRA
    return lit


def beta_rad(position_m: FloatArray, velocity_m_s: FloatArray, sun_position_m: FloatArray):
    """Return the angle between the orbit's plane and the sun, in [-π/2, π/2].

    All `(..., 3)` in one frame that does not turn (TEME): an Earth-fixed velocity would tilt
    the plane.
    """
    normal = np.cross(position_m, velocity_m_s)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    sun = sun_position_m / np.linalg.norm(sun_position_m, axis=-1, keepdims=True)
    return np.arcsin(np.clip(np.einsum("...i,...i->...", normal, sun), -1.0, 1.0))
