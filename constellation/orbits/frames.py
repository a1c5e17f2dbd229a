"""Where things are on the turning Earth: SGP4's frame to ITRS, and sites on the ellipsoid.

Skyfield is the reference. Its TEME and its ITRS share the true equator of date, so the
matrices that it would multiply (precession, nutation, equation of the equinoxes) cancel and
one rotation about the pole remains, by Greenwich mean sidereal time of 1982. A test holds
this shortcut to Skyfield's full product. Polar motion is left out, as Skyfield does unless a
table of it is loaded.

Instants are POSIX seconds (UTC days of 86,400 s since 1970-01-01) in float arrays: they
resolve 0.24 µs, two millimetres of orbit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from skyfield.api import load, wgs84
from skyfield.constants import ANGVEL
from skyfield.sgp4lib import theta_GMST1982
from skyfield.timelib import Time, Timescale

from constellation.orbits.horizon import Horizon

FloatArray = NDArray[np.float64]

DAY_S = 86_400.0
EARTH_TURN_RAD_PER_S = ANGVEL
"""Rate of the Earth's rotation, as Skyfield's ITRS has it (IERS conventions)."""

EQUATOR_RADIUS_M = 6_378_137.0
"""Semi-major axis of WGS84 (NGA.STND.0036, table 3.1)."""
FLATTENING = 1.0 / 298.257223563
"""Of WGS84 (NGA.STND.0036, table 3.1)."""


@cache
def timescale() -> Timescale:
    """Return Skyfield's time scales from the tables in its package; nothing is fetched."""
    return load.timescale(builtin=True)


def skyfield_time(at_s: ArrayLike) -> Time:
    """Return Skyfield's `Time` for POSIX seconds, leap seconds accounted for."""
    days, second = np.divmod(np.asarray(at_s, dtype=np.float64), DAY_S)
    return timescale().utc(1970, 1, 1 + days, 0, 0, second)


def sidereal_angle_rad(at_s: ArrayLike) -> FloatArray:
    """Return the angle that turns TEME into ITRS about the pole, at each instant."""
    time = skyfield_time(at_s)
    theta_rad, _ = theta_GMST1982(time.whole, time.ut1_fraction)
    return theta_rad


def itrs_from_teme(
    position_m: FloatArray, velocity_m_s: FloatArray, at_s: ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """Turn `(..., 3)` states from TEME to ITRS; `at_s` broadcasts against their `...`.

    The velocity is the one seen from the ground: the Earth's rotation is taken off it.
    """
    theta_rad = sidereal_angle_rad(at_s)
    turned_m = _turned(position_m, theta_rad)
    turned_m_s = _turned(velocity_m_s, theta_rad)
    turned_m_s[..., 0] += EARTH_TURN_RAD_PER_S * turned_m[..., 1]
    turned_m_s[..., 1] -= EARTH_TURN_RAD_PER_S * turned_m[..., 0]
    return turned_m, turned_m_s


def teme_from_itrs(
    position_m: FloatArray, velocity_m_s: FloatArray, at_s: ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """Turn `(..., 3)` states from ITRS to TEME: what `itrs_from_teme` does, undone."""
    theta_rad = -sidereal_angle_rad(at_s)
    inertial_m_s = velocity_m_s.copy()
    inertial_m_s[..., 0] -= EARTH_TURN_RAD_PER_S * position_m[..., 1]
    inertial_m_s[..., 1] += EARTH_TURN_RAD_PER_S * position_m[..., 0]
    return _turned(position_m, theta_rad), _turned(inertial_m_s, theta_rad)


def _turned(vector: FloatArray, theta_rad: FloatArray) -> FloatArray:
    cosine, sine = np.cos(theta_rad), np.sin(theta_rad)
    x, y = vector[..., 0], vector[..., 1]
    turned = np.empty(np.broadcast_shapes(vector.shape, (*np.shape(theta_rad), 3)))
    turned[..., 0] = cosine * x + sine * y
    turned[..., 1] = cosine * y - sine * x
    turned[..., 2] = vector[..., 2]
    return turned


@dataclass(frozen=True)
class Site:
    """A place on the ground, with the elevation below which it does not look."""

    position_m: FloatArray
    """ITRS, `(3,)`."""
    east_north_up: FloatArray
    """Rows are the local east, north and up (the ellipsoid's normal) in ITRS, `(3, 3)`."""
    mask_rad: float = 0.0
    """The same at every azimuth."""
    horizon: Horizon | None = None
    """By azimuth; where both are given the higher counts."""

    @classmethod
    def from_degrees(
        cls,
        latitude_deg: float,
        longitude_deg: float,
        altitude_m: float,
        mask_deg: float = 0.0,
        horizon_deg: Sequence[tuple[float, float]] = (),
    ) -> Self:
        """Return the site at geodetic coordinates on WGS84, altitude above the ellipsoid.

        `horizon_deg` are corners (azimuth, elevation) of a horizon, none for an open one;
        ValueError says which corner is wrong and how.
        """
        place = wgs84.latlon(latitude_deg, longitude_deg, elevation_m=altitude_m)
        latitude_rad, longitude_rad = np.radians(latitude_deg), np.radians(longitude_deg)
        sin_lat, cos_lat = np.sin(latitude_rad), np.cos(latitude_rad)
        sin_lon, cos_lon = np.sin(longitude_rad), np.cos(longitude_rad)
        axes = [
            [-sin_lon, cos_lon, 0.0],
            [-sin_lat * cos_lon, -sin_lat * sin_lon, cos_lat],
            [cos_lat * cos_lon, cos_lat * sin_lon, sin_lat],
        ]
        return cls(
            position_m=np.asarray(place.itrs_xyz.m, dtype=np.float64),
            east_north_up=np.array(axes),
            mask_rad=float(np.radians(mask_deg)),
            horizon=Horizon.from_degrees(horizon_deg) if len(horizon_deg) else None,
        )

    @property
    def lowest_mask_rad(self) -> float:
        """The elevation below which the site looks at no azimuth."""
        lowest_rad = -np.inf if self.horizon is None else self.horizon.lowest_rad
        return max(self.mask_rad, lowest_rad)

    def mask_at_rad(self, azimuth_rad: ArrayLike) -> FloatArray:
        """Return the elevation below which the site does not look, at each azimuth."""
        azimuth_rad = np.asarray(azimuth_rad, dtype=np.float64)
        if self.horizon is None:
            return np.full(azimuth_rad.shape, self.mask_rad)
        return np.maximum(self.mask_rad, self.horizon.at_rad(azimuth_rad))
