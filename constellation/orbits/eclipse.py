"""Sun and shadow: where the sun is, and whether it lights a satellite. `eclipses` finds when.

The sun is within 0.005 degrees of JPL's DE421 between 2024 and 2050, apparent place. A low orbit
crosses the penumbra, half a degree wide, in about eight seconds, so that an edge is right to 0.1 s.
The Earth is the ellipsoid of WGS84 without air: what the air bends and absorbs at the edge, some
tens of kilometres of it, makes the penumbra of a real satellite a few seconds longer and softer.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike

from constellation.orbits import frames
from constellation.orbits.frames import DAY_S, EQUATOR_RADIUS_M, FLATTENING, FloatArray

ASTRONOMICAL_UNIT_M = 149_597_870_700.0
SUN_RADIUS_M = 695_700_000.0
"""Nominal solar radius (IAU 2015 resolution B3)."""
J2000_S = 946_728_000.0 - 64.184
"""2000-01-01T12:00 TT in POSIX seconds; TT is ahead of UTC by 64.184 s then."""


@dataclass(frozen=True)
class Shadow:
    """What throws the shadow, and how large the sun is."""

    radius_m: float = EQUATOR_RADIUS_M
    """At the equator."""
    flattening: float = FLATTENING
    sun_radius_m: float = SUN_RADIUS_M
    """0 makes the sun a point: no penumbra."""


EARTH = Shadow()


class Light(IntEnum):
    """How much of the sun a satellite sees."""

    UMBRA = 0
    PENUMBRA = 1
    SUNLIT = 2


def sun_teme_m(at_s: ArrayLike) -> FloatArray:
    """Return the sun's apparent position from the Earth's centre, `(..., 3)`, in TEME.

    Meeus, "Astronomical Algorithms" (2nd edition), chapter 25, with the periodic terms by Venus,
    Jupiter and the moon of his "Astronomical Formulae for Calculators", chapter 18, and the
    greatest terms of nutation. `at_s` is taken as dynamical time less 64.184 s.
    """
    centuries = (np.asarray(at_s, dtype=np.float64) - J2000_S) / (36_525.0 * DAY_S)
    anomaly_rad = np.radians(357.52911 + (35_999.05029 - 0.0001537 * centuries) * centuries)
    centre_rad = np.radians(_centre_deg(centuries, anomaly_rad))
    node_rad = np.radians(125.04452 - 1_934.136261 * centuries)
    nutation_rad = np.radians(-0.0047778 * np.sin(node_rad))
    mean_deg = 280.46646 + (36_000.76983 + 0.0003032 * centuries) * centuries
    aberration_deg = -0.00569
    longitude_rad = (
        np.radians(mean_deg + aberration_deg + _disturbed_deg(centuries))
        + centre_rad
        + nutation_rad
    )
    obliquity_rad = np.radians(23.4392911 - 0.0130042 * centuries + 0.0025556 * np.cos(node_rad))
    eccentricity = 0.016708634 - 0.000042037 * centuries
    distance_m = (1.000001018 * ASTRONOMICAL_UNIT_M) * (
        (1.0 - eccentricity**2) / (1.0 + eccentricity * np.cos(anomaly_rad + centre_rad))
    )
    # TEME counts from the mean equinox: the equation of the equinoxes is taken off.
    equinoxes_rad = nutation_rad * np.cos(obliquity_rad)
    x = np.cos(longitude_rad)
    y = np.cos(obliquity_rad) * np.sin(longitude_rad)
    z = np.sin(obliquity_rad) * np.sin(longitude_rad)
    cosine, sine = np.cos(equinoxes_rad), np.sin(equinoxes_rad)
    direction = np.stack([cosine * x + sine * y, cosine * y - sine * x, z], axis=-1)
    return direction * distance_m[..., None]


def _centre_deg(centuries: FloatArray, anomaly_rad: FloatArray) -> FloatArray:
    """Return the equation of the centre."""
    return (
        (1.914602 - (0.004817 + 0.000014 * centuries) * centuries) * np.sin(anomaly_rad)
        + (0.019993 - 0.000101 * centuries) * np.sin(2.0 * anomaly_rad)
        + 0.000289 * np.sin(3.0 * anomaly_rad)
    )


def _disturbed_deg(centuries: FloatArray) -> FloatArray:
    """Return what Venus (twice and slowly), Jupiter and the moon do to the longitude."""
    since_1900 = centuries + 1.0
    moon_deg = 350.74 + (445_267.1142 - 0.00144 * since_1900) * since_1900
    return (
        0.00134 * np.cos(np.radians(153.23 + 22_518.7541 * since_1900))
        + 0.00154 * np.cos(np.radians(216.57 + 45_037.5082 * since_1900))
        + 0.00200 * np.cos(np.radians(312.69 + 32_964.3577 * since_1900))
        + 0.00179 * np.sin(np.radians(moon_deg))
        + 0.00178 * np.sin(np.radians(231.19 + 20.20 * since_1900))
    )


def sun_m(at_s: ArrayLike) -> FloatArray:
    """Return the sun's position in ITRS, `(..., 3)`."""
    sun = sun_teme_m(at_s)
    position_m, _ = frames.itrs_from_teme(sun, np.zeros_like(sun), at_s)
    return position_m


def light(position_m: FloatArray, sun_position_m: FloatArray, shadow: Shadow = EARTH) -> np.ndarray:
    """Return the `Light` on each satellite, as an array of uint8.

    Both `(..., 3)` from the Earth's centre in one frame whose z is the pole, broadcast against
    each other.
    """
    clear_rad, sun_disc_rad = clearance_rad(position_m, sun_position_m, shadow)
    lit = np.full(clear_rad.shape, Light.PENUMBRA, dtype=np.uint8)
    lit[clear_rad >= sun_disc_rad] = Light.SUNLIT
    lit[clear_rad <= -sun_disc_rad] = Light.UMBRA
    return lit


def clearance_rad(
    position_m: FloatArray, sun_position_m: FloatArray, shadow: Shadow = EARTH
) -> tuple[FloatArray, FloatArray]:
    """Return the angle from the Earth's limb to the sun's centre, and the radius of its disc.

    The discs of sun and Earth are compared as the satellite sees them (Montenbruck and Gill,
    "Satellite Orbits", section 3.4.2), in a space stretched along the pole in which the
    ellipsoid is a sphere: lines that touch one touch the other. Angles near the limb are
    stretched by at most a 300th, which is 0.03 s of the sun's disc.
    """
    stretch = np.array([1.0, 1.0, 1.0 / (1.0 - shadow.flattening)])
    position_m, sun_position_m = position_m * stretch, sun_position_m * stretch
    to_sun_m = sun_position_m - position_m
    sun_range_m = np.linalg.norm(to_sun_m, axis=-1)
    earth_range_m = np.linalg.norm(position_m, axis=-1)
    sun_disc_rad = np.arcsin(shadow.sun_radius_m / sun_range_m)
    earth_disc_rad = np.arcsin(np.minimum(1.0, shadow.radius_m / earth_range_m))
    cosine = -np.einsum("...i,...i->...", to_sun_m, position_m) / (sun_range_m * earth_range_m)
    apart_rad = np.arccos(np.clip(cosine, -1.0, 1.0))
    return apart_rad - earth_disc_rad, sun_disc_rad


def beta_rad(position_m: FloatArray, velocity_m_s: FloatArray, sun_position_m: FloatArray):
    """Return the angle between the orbit's plane and the sun, in [-π/2, π/2].

    All `(..., 3)` in one frame that does not turn (TEME): an Earth-fixed velocity would tilt
    the plane.
    """
    normal = np.cross(position_m, velocity_m_s)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    sun = sun_position_m / np.linalg.norm(sun_position_m, axis=-1, keepdims=True)
    return np.arcsin(np.clip(np.einsum("...i,...i->...", normal, sun), -1.0, 1.0))
