"""Where the moon is, to a tenth of a degree: a fifth of its own width."""

import numpy as np
from numpy.typing import ArrayLike

from constellation.orbits import frames
from constellation.orbits.eclipse import J2000_S
from constellation.orbits.frames import DAY_S, FloatArray

_CENTURY_S = 36_525.0 * DAY_S
_ARCSECOND_RAD = np.pi / 648_000.0
_ROUND = 2.0 * np.pi


def moon_teme_m(at_s: ArrayLike) -> FloatArray:
    """Return the moon's position from the Earth's centre, `(..., 3)`, equator of date.

    The series of Montenbruck and Gill, "Satellite Orbits", section 3.3.2 and the fuller
    form of their program: a few minutes of arc and 500 km by their account. Their equinox
    of J2000 is moved to that of date by the general precession in longitude (1.396971
    degrees a century); nutation and light time (0.7 seconds of arc) are left out.
    """
    century = (np.asarray(at_s, dtype=np.float64) - J2000_S) / _CENTURY_S
    longitude0 = _ROUND * ((0.606433 + 1336.851344 * century) % 1.0)
    anomaly = _ROUND * ((0.374897 + 1325.552410 * century) % 1.0)
    sun_anomaly = _ROUND * ((0.993133 + 99.997361 * century) % 1.0)
    elongation = _ROUND * ((0.827361 + 1236.853086 * century) % 1.0)
    latitude_argument = _ROUND * ((0.259086 + 1342.227825 * century) % 1.0)

    ahead = _longitude_terms(anomaly, sun_anomaly, elongation, latitude_argument)
    precession_rad = np.radians(1.396971) * century
    longitude_rad = longitude0 + ahead * _ARCSECOND_RAD + precession_rad
    latitude_rad = _latitude_rad(ahead, anomaly, sun_anomaly, elongation, latitude_argument)
    distance_m = _distance_m(anomaly, sun_anomaly, elongation)

    tilt_rad = np.radians(23.439291 - 0.0130042 * century)
    x = np.cos(latitude_rad) * np.cos(longitude_rad)
    y = np.cos(latitude_rad) * np.sin(longitude_rad)
    z = np.sin(latitude_rad)
    level = np.cos(tilt_rad) * y - np.sin(tilt_rad) * z
    north = np.sin(tilt_rad) * y + np.cos(tilt_rad) * z
    return np.stack([x, level, north], axis=-1) * distance_m[..., None]


def moon_m(at_s: ArrayLike) -> FloatArray:
    """Return the moon's position in ITRS, `(..., 3)`."""
    moon = moon_teme_m(at_s)
    position_m, _ = frames.itrs_from_teme(moon, np.zeros_like(moon), at_s)
    return position_m


def _longitude_terms(
    anomaly: FloatArray, sun_anomaly: FloatArray, elongation: FloatArray, argument: FloatArray
) -> FloatArray:
    """Return how far the moon is ahead of its mean longitude, seconds of arc."""
    double = 2.0 * elongation
    return (
        22_640.0 * np.sin(anomaly)
        - 4_586.0 * np.sin(anomaly - double)
        + 2_370.0 * np.sin(double)
        + 769.0 * np.sin(2.0 * anomaly)
        - 668.0 * np.sin(sun_anomaly)
        - 412.0 * np.sin(2.0 * argument)
        - 212.0 * np.sin(2.0 * anomaly - double)
        - 206.0 * np.sin(anomaly + sun_anomaly - double)
        + 192.0 * np.sin(anomaly + double)
        - 165.0 * np.sin(sun_anomaly - double)
        - 125.0 * np.sin(elongation)
        - 110.0 * np.sin(anomaly + sun_anomaly)
        + 148.0 * np.sin(anomaly - sun_anomaly)
        - 55.0 * np.sin(2.0 * argument - double)
    )


def _latitude_rad(
    ahead: FloatArray,
    anomaly: FloatArray,
    sun_anomaly: FloatArray,
    elongation: FloatArray,
    argument: FloatArray,
) -> FloatArray:
    moved = ahead + 412.0 * np.sin(2.0 * argument) + 541.0 * np.sin(sun_anomaly)
    less = argument - 2.0 * elongation
    terms = (
        -526.0 * np.sin(less)
        + 44.0 * np.sin(anomaly + less)
        - 31.0 * np.sin(-anomaly + less)
        - 23.0 * np.sin(sun_anomaly + less)
        + 11.0 * np.sin(-sun_anomaly + less)
        - 25.0 * np.sin(-2.0 * anomaly + argument)
        + 21.0 * np.sin(-anomaly + argument)
    )
    return (18_520.0 * np.sin(argument + moved * _ARCSECOND_RAD) + terms) * _ARCSECOND_RAD


def _distance_m(anomaly: FloatArray, sun_anomaly: FloatArray, elongation: FloatArray) -> FloatArray:
    double = 2.0 * elongation
    return 1_000.0 * (
        385_000.0
        - 20_905.0 * np.cos(anomaly)
        - 3_699.0 * np.cos(double - anomaly)
        - 2_956.0 * np.cos(double)
        - 570.0 * np.cos(2.0 * anomaly)
        + 246.0 * np.cos(2.0 * anomaly - double)
        - 205.0 * np.cos(sun_anomaly - double)
        - 171.0 * np.cos(anomaly + double)
        - 152.0 * np.cos(anomaly + sun_anomaly - double)
    )
