"""Where a satellite stands over the ground."""

import numpy as np

from constellation.orbits.frames import EQUATOR_RADIUS_M, FLATTENING, FloatArray

_ECCENTRICITY_SQUARED = FLATTENING * (2.0 - FLATTENING)


def subpoints_rad(position_m: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return geodetic latitude, longitude in [-π, π] and altitude above WGS84 in metres.

    Parameters
    ----------
    position_m : (..., 3) array
        ITRS positions above the ground.
    """
    x_m, y_m, z_m = np.moveaxis(position_m, -1, 0)
    from_axis_m = np.hypot(x_m, y_m)
    latitude_rad = np.arctan2(z_m, from_axis_m * (1.0 - _ECCENTRICITY_SQUARED))
    # The fixed point of Bowring's relation; each turn gains a factor of 150 or more, so
    # that five leave nothing above rounding at any altitude from the ground upwards.
    for _ in range(5):
        sine = np.sin(latitude_rad)
        normal_m = EQUATOR_RADIUS_M / np.sqrt(1.0 - _ECCENTRICITY_SQUARED * sine**2)
        latitude_rad = np.arctan2(z_m + _ECCENTRICITY_SQUARED * normal_m * sine, from_axis_m)
    sine, cosine = np.sin(latitude_rad), np.cos(latitude_rad)
    normal_m = EQUATOR_RADIUS_M / np.sqrt(1.0 - _ECCENTRICITY_SQUARED * sine**2)
    altitude_m = from_axis_m * cosine + z_m * sine - EQUATOR_RADIUS_M**2 / normal_m
    return latitude_rad, np.arctan2(y_m, x_m), altitude_m
