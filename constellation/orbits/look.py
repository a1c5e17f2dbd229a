"""Where to point, how far, how fast that changes, and what it does to a carrier."""

from dataclasses import dataclass
from math import tau

import numpy as np
from numpy.typing import ArrayLike

from constellation.orbits.frames import FloatArray, Site

SPEED_OF_LIGHT_M_S = 299_792_458.0


@dataclass(frozen=True)
class LookAngles:
    """Directions and distances from one site."""

    azimuth_rad: FloatArray
    elevation_rad: FloatArray
    range_m: FloatArray


def look_angles(site: Site, target_m: FloatArray) -> LookAngles:
    """Return where to point from `site` to see each target.

    Straight lines only: neither refraction nor light time is applied.

    Parameters
    ----------
    target_m : (..., 3) array
        ITRS positions of the targets.

    Returns
    -------
    LookAngles of (...) arrays
        Azimuth is clockwise from north, in [0, 2π]. Elevation is above the
        plane of the ellipsoid, in [-π/2, π/2].
    """
    offset_m = target_m - site.position_m
    east_m, north_m, up_m = np.moveaxis(offset_m @ site.east_north_up.T, -1, 0)
    level_m = np.hypot(east_m, north_m)
    return LookAngles(
        azimuth_rad=np.arctan2(east_m, north_m) % tau,
        elevation_rad=np.arctan2(up_m, level_m),
        range_m=np.hypot(level_m, up_m),
    )


def direction(offset_m: FloatArray) -> FloatArray:
    """Return vectors `(..., 3)` of length one along these."""
    return offset_m / np.linalg.norm(offset_m, axis=-1, keepdims=True)


def range_rate_m_s(site: Site, target_m: FloatArray, target_velocity_m_s: FloatArray) -> FloatArray:
    """Return how fast each target recedes from `site`; both `(..., 3)`, in ITRS."""
    offset_m = target_m - site.position_m
    along = np.einsum("...i,...i->...", offset_m, target_velocity_m_s)
    return along / np.linalg.norm(offset_m, axis=-1)


def light_time_s(range_m: FloatArray) -> FloatArray:
    """Return how long light takes over a distance in vacuum."""
    return range_m / SPEED_OF_LIGHT_M_S


def doppler_hz(frequency_hz: ArrayLike, range_rate_m_s: ArrayLike) -> FloatArray:
    """Return by how much a carrier is received above where it was sent.

    Negative where the satellite recedes. It holds both ways; to be received at its nominal
    frequency, a carrier is sent this much below it. First order in v/c: what is left out
    (second order, time dilation, gravity) is about 1e-9 of the carrier, 8 Hz at 8 GHz.
    """
    return -np.asarray(frequency_hz) * np.asarray(range_rate_m_s) / SPEED_OF_LIGHT_M_S
