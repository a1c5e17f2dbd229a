"""Time systems and reference frames of messages, turned to UTC and ITRS.

What cannot be turned is refused by its name. Skyfield does the celestial frames: the IAU 2000A
nutation, its own delta T, no polar motion.
"""

import re

import numpy as np
from skyfield.constants import AU_M
from skyfield.framelib import ICRS_to_J2000
from skyfield.framelib import itrs as skyfield_itrs
from skyfield.positionlib import ICRF

from constellation.orbits import frames
from constellation.orbits.elements import BadEntry
from constellation.orbits.frames import DAY_S, FloatArray

TIME_SYSTEMS = ("UTC", "TAI", "GPS", "TT", "UT1", "TDB")
FRAMES = ("ITRF and its realisations", "TEME", "EME2000", "GCRF", "ICRF")
TT_AHEAD_OF_TAI_S = 32.184
"""By definition (IAU 1991, recommendation IV)."""
GPS_BEHIND_TAI_S = 19.0
"""IS-GPS-200, 3.3.4: leap seconds up to 1980."""
_UNIX_EPOCH_JD = 2_440_587.5
_ITRF = re.compile(r"ITR[FS][- ]?(\d{2}|(19|20)\d{2})?(-\d+)?", re.ASCII)


def utc_s(system: str, scale_s: FloatArray) -> FloatArray:
    """Return POSIX seconds for readings of another clock, each as if it were POSIX seconds."""
    if system == "UTC":
        return scale_s
    if system not in TIME_SYSTEMS:
        raise BadEntry(f"TIME_SYSTEM is {system[:40]}; right is {', '.join(TIME_SYSTEMS)}")
    # The offset a minute off is the same but at a leap second; the second round is exact.
    found = scale_s
    for _ in range(2):
        found = scale_s - _ahead_of_utc_s(system, found)
    return found


def _ahead_of_utc_s(system: str, at_s: FloatArray) -> FloatArray:
    time = frames.skyfield_time(at_s)
    if system == "UT1":
        return np.asarray(time.dut1)
    tai_s = np.round((time.whole - _UNIX_EPOCH_JD + time.tai_fraction) * DAY_S - at_s)
    if system == "TAI":
        return tai_s
    if system == "GPS":
        return tai_s - GPS_BEHIND_TAI_S
    if system == "TT":
        return tai_s + TT_AHEAD_OF_TAI_S
    return tai_s + TT_AHEAD_OF_TAI_S + (time.tdb_fraction - time.tt_fraction) * DAY_S


def itrs(frame: str, states: FloatArray, at_s: FloatArray) -> FloatArray:
    """Turn states `(n, 6)` in metres and m/s from a frame to ITRS, as seen from the ground.

    All realisations of the terrestrial system are one here: they differ by centimetres.
    """
    if _ITRF.fullmatch(frame):
        return states
    if frame == "TEME":
        turned = frames.itrs_from_teme(states[:, :3], states[:, 3:], at_s)
        return np.concatenate(turned, axis=1)
    if frame == "EME2000":
        # J2000's equator and equinox are 23 milliarcseconds off the ICRS.
        to_icrs = ICRS_to_J2000.T
        return _from_icrs(states[:, :3] @ to_icrs.T, states[:, 3:] @ to_icrs.T, at_s)
    if frame in ("GCRF", "ICRF", "ICRF2", "ICRF3"):
        return _from_icrs(states[:, :3], states[:, 3:], at_s)
    raise BadEntry(f"REF_FRAME is {frame[:40]}; right is {', '.join(FRAMES)}")


def _from_icrs(position_m: FloatArray, velocity_m_s: FloatArray, at_s: FloatArray) -> FloatArray:
    place = ICRF(
        position_m.T / AU_M,
        velocity_m_s.T * (DAY_S / AU_M),
        t=frames.skyfield_time(at_s),
        center=399,
    )
    position, velocity = place.frame_xyz_and_velocity(skyfield_itrs)
    return np.concatenate([position.m.T, velocity.m_per_s.T], axis=1)
