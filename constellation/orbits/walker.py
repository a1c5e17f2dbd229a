"""Orbits to plan: sun-synchronous planes, their nodes by local time, and Walker patterns.

Circular orbits under the Earth's oblateness (J2) as SGP4 has it, in WGS72: planes drawn here
keep their promise when SGP4 flies them.
"""

from dataclasses import dataclass
from datetime import datetime
from math import acos, cos, degrees, pi, radians, sqrt, tau

import numpy as np

from constellation.orbits import eclipse
from constellation.orbits.elements import ElementSet
from constellation.orbits.frames import DAY_S

EARTH_RADIUS_M = 6_378_135.0
GRAVITY_M3_S2 = 3.986008e14
J2 = 0.001082616
"""WGS72, as SGP4 uses it (AIAA 2006-6753, table 1)."""
SUN_TURN_RAD_PER_S = tau / (365.2421897 * DAY_S)
"""How fast the mean sun goes round: once a tropical year."""


def mean_motion_rad_per_s(altitude_m: float) -> float:
    """Return how fast a circular orbit at an altitude over the equator's radius goes round."""
    return sqrt(GRAVITY_M3_S2 / (EARTH_RADIUS_M + altitude_m) ** 3)


def node_rate_rad_per_s(altitude_m: float, inclination_rad: float) -> float:
    """Return how fast oblateness turns the node of a circular orbit (eastward positive)."""
    radius_m = EARTH_RADIUS_M + altitude_m
    turn = 1.5 * J2 * (EARTH_RADIUS_M / radius_m) ** 2 * mean_motion_rad_per_s(altitude_m)
    return -turn * cos(inclination_rad)


def sun_synchronous_inclination_rad(altitude_m: float) -> float:
    """Return the inclination at which the node follows the sun.

    Raises
    ------
    ValueError
        Above 5,970 km no inclination turns the node fast enough.
    """
    cosine = -SUN_TURN_RAD_PER_S / node_rate_rad_per_s(altitude_m, pi)
    if cosine < -1.0:
        raise ValueError(f"no orbit at {altitude_m / 1000:,.0f} km is sun-synchronous")
    return acos(cosine)


def node_at_local_time_rad(local_time_h: float, at_s: float) -> float:
    """Return the node whose satellites cross the equator northward at a mean local time.

    Local time counts from the mean sun (12 h apart at noon): 6 or 18 is dawn-dusk.
    """
    x, y, _ = eclipse.sun_teme_m(at_s)
    sun_rad = np.arctan2(y, x)
    return float((sun_rad + (local_time_h - 12.0) * tau / 24.0) % tau)


@dataclass(frozen=True)
class Shell:
    """A Walker pattern: planes of evenly spaced satellites, one altitude and inclination."""

    code: str
    role: str
    altitude_m: float
    inclination_rad: float
    planes: int
    satellites_per_plane: int
    phasing: int
    first_node_rad: float
    node_span_rad: float = tau
    """Angle over which the planes are spread: 2π for a delta pattern, less for a star."""

    @property
    def satellites(self) -> int:
        """How many there are in all planes."""
        return self.planes * self.satellites_per_plane


def slots(shell: Shell) -> list[tuple[int, int, float, float]]:
    """Return plane, slot, node and mean anomaly (radians) of every satellite of a shell.

    Walker's i:t/p/f: neighbours in the next plane are ahead by f·2π/t.
    """
    result = []
    for plane in range(shell.planes):
        node_rad = (shell.first_node_rad + plane * shell.node_span_rad / shell.planes) % tau
        for slot in range(shell.satellites_per_plane):
            turn = slot / shell.satellites_per_plane + shell.phasing * plane / shell.satellites
            result.append((plane, slot, node_rad, turn * tau % tau))
    return result


def circular_elements(
    *,
    name: str,
    epoch_at: datetime,
    altitude_m: float,
    inclination_rad: float,
    node_rad: float,
    anomaly_rad: float,
    bstar_per_earth_radius: float = 2e-5,
) -> ElementSet:
    """Return an element set of a planned satellite: no numbers yet, an almost round orbit.

    The mean motion is Kozai's, as element sets carry it, so that SGP4 recovers the altitude
    (Hoots and Roehrich, Spacetrack Report 3, section 6, with the eccentricity near 0).
    """
    radius_m = EARTH_RADIUS_M + altitude_m
    oblate = 0.75 * J2 * (EARTH_RADIUS_M / radius_m) ** 2 * (3.0 * cos(inclination_rad) ** 2 - 1.0)
    kozai_rad_per_s = mean_motion_rad_per_s(altitude_m) * (1.0 + oblate)
    return ElementSet(
        name=name,
        object_id="",
        catalogue_number="",
        epoch_at=epoch_at,
        mean_motion_rev_per_day=round(kozai_rad_per_s * DAY_S / tau, 8),
        eccentricity=0.0001,
        inclination_deg=round(degrees(inclination_rad), 4),
        node_deg=round(degrees(node_rad) % 360.0, 4) % 360.0,
        perigee_argument_deg=0.0,
        mean_anomaly_deg=round(degrees(anomaly_rad) % 360.0, 4) % 360.0,
        bstar_per_earth_radius=bstar_per_earth_radius,
    )


def announced_shells(at_s: float) -> list[Shell]:
    """Return the 2,800 announced satellites: 2,400 for inference, 400 for training.

    How many fly at which altitude was not announced; this spreads them over dawn-dusk and
    other sun-synchronous planes and low inclinations, between 500 and 1,000 km. Training
    takes the dawn-dusk planes above 700 km, nearly always lit.
    """

    def sun_synchronous(code, role, altitude_km, planes, each, first_h, span_h):
        altitude_m = altitude_km * 1000.0
        return Shell(
            code=code,
            role=role,
            altitude_m=altitude_m,
            inclination_rad=sun_synchronous_inclination_rad(altitude_m),
            planes=planes,
            satellites_per_plane=each,
            phasing=1,
            first_node_rad=node_at_local_time_rad(first_h, at_s),
            node_span_rad=span_h * tau / 24.0,
        )

    def low(code, altitude_km, inclination_deg, planes, each):
        return Shell(
            code=code,
            role="inference",
            altitude_m=altitude_km * 1000.0,
            inclination_rad=radians(inclination_deg),
            planes=planes,
            satellites_per_plane=each,
            phasing=1,
            first_node_rad=0.0,
        )

    return [
        sun_synchronous("DDT", "training", 850.0, 8, 50, 17.6, 0.8),
        sun_synchronous("DDI", "inference", 600.0, 10, 40, 17.5, 1.0),
        sun_synchronous("SSA", "inference", 520.0, 16, 50, 0.0, 12.0),
        sun_synchronous("SSB", "inference", 980.0, 8, 50, 0.75, 12.0),
        low("LIA", 550.0, 45.0, 16, 30),
        low("LIB", 700.0, 30.0, 16, 20),
    ]
