"""Where satellites are: SGP4 over many satellites and instants at once.

SGP4 hands out plausible numbers beside its error codes. Here a state that it does not vouch
for is never finite, and the satellite is refused by name with the reason.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import ArrayLike
from sgp4.api import SGP4_ERRORS, WGS72, Satrec, SatrecArray

from constellation.orbits import frames
from constellation.orbits.elements import ElementSet
from constellation.orbits.frames import DAY_S, FloatArray

_SGP4_DAY_0 = datetime(1949, 12, 31, tzinfo=UTC)
_UNIX_EPOCH_JD = 2_440_587.5
_DAY_MIN = 1_440.0


@dataclass(frozen=True)
class States:
    """Positions and velocities in ITRS; the velocity is the one seen from the ground."""

    position_m: FloatArray
    velocity_m_s: FloatArray
    refused: dict[str, str]
    """Why, by the name of each satellite that SGP4 refused at some of the instants."""


def satrec(elements: ElementSet) -> Satrec:
    """Make SGP4's record (WGS72, improved mode). The catalogue number stays out of it."""
    day_rad = 2.0 * np.pi / _DAY_MIN
    record = Satrec()
    record.sgp4init(
        WGS72,
        "i",
        0,
        (elements.epoch_at - _SGP4_DAY_0).total_seconds() / DAY_S,
        elements.bstar_per_earth_radius,
        elements.mean_motion_dot * day_rad / _DAY_MIN,
        elements.mean_motion_ddot * day_rad / _DAY_MIN**2,
        elements.eccentricity,
        np.radians(elements.perigee_argument_deg),
        np.radians(elements.inclination_deg),
        np.radians(elements.mean_anomaly_deg),
        elements.mean_motion_rev_per_day * day_rad,
        np.radians(elements.node_deg),
    )
    return record


class Orbits:
    """The orbits of some satellites, in a fixed order, ready to be flown in bulk."""

    def __init__(self, orbits: Sequence[tuple[str, ElementSet]]) -> None:
        """Take pairs of a name, by which a satellite is refused, and its element set."""
        self.names = [name for name, _ in orbits]
        self._elements = [elements for _, elements in orbits]
        self._records = [satrec(elements) for elements in self._elements]
        self._array = SatrecArray(self._records) if self._records else None

    def __len__(self) -> int:
        return len(self.names)

    def __reduce__(self) -> tuple:
        # SGP4's records cannot be sent to another process; what they are made of can.
        return Orbits, (list(zip(self.names, self._elements, strict=True)),)

    def part(self, start: int, stop: int) -> "Orbits":
        """Return the orbits of a slice of the satellites."""
        some = Orbits([])
        some.names, some._records = self.names[start:stop], self._records[start:stop]
        some._elements = self._elements[start:stop]
        some._array = SatrecArray(some._records) if some._records else None
        return some

    def states(self, at_s: ArrayLike) -> States:
        """Return the states of all satellites at all instants: `(satellites, instants, 3)`."""
        instants_s = np.atleast_1d(np.asarray(at_s, dtype=np.float64))
        if self._array is None:
            nothing = np.empty((0, len(instants_s), 3))
            return States(nothing, nothing.copy(), {})
        error, position_km, velocity_km_s = self._array.sgp4(*_julian(instants_s))
        refused = {
            self.names[row]: _reason(error[row], instants_s)
            for row in np.flatnonzero(error.any(axis=1))
        }
        return States(*_in_itrs(error, position_km, velocity_km_s, instants_s), refused)

    def teme(self, at_s: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Return positions and velocities in SGP4's own frame, which does not turn.

        Each `(satellites, instants, 3)`; where SGP4 refuses they are not finite.
        """
        instants_s = np.atleast_1d(np.asarray(at_s, dtype=np.float64))
        if self._array is None:
            return np.empty((0, len(instants_s), 3)), np.empty((0, len(instants_s), 3))
        error, position_km, velocity_km_s = self._array.sgp4(*_julian(instants_s))
        position_km[error != 0] = np.nan
        velocity_km_s[error != 0] = np.nan
        return position_km * 1000.0, velocity_km_s * 1000.0

    def states_of(self, which: np.ndarray, at_s: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return ITRS states of satellite `which[k]` at `at_s[k]`, as `(k, 3)`.

        Where SGP4 refuses they are not finite.
        """
        error = np.zeros(len(which), dtype=np.uint8)
        position_km = np.empty((len(which), 3))
        velocity_km_s = np.empty((len(which), 3))
        day, fraction = _julian(at_s)
        order = np.argsort(which, kind="stable")
        starts = np.flatnonzero(np.diff(which[order], prepend=-1))
        for part in np.split(order, starts[1:]) if len(order) else []:
            record = self._records[which[part[0]]]
            error[part], position_km[part], velocity_km_s[part] = record.sgp4_array(
                day[part], fraction[part]
            )
        return _in_itrs(error, position_km, velocity_km_s, at_s)


def _julian(at_s: FloatArray) -> tuple[FloatArray, FloatArray]:
    days = np.floor(at_s / DAY_S)
    return days + _UNIX_EPOCH_JD, (at_s - days * DAY_S) / DAY_S


def _in_itrs(
    error: np.ndarray, position_km: FloatArray, velocity_km_s: FloatArray, at_s: FloatArray
) -> tuple[FloatArray, FloatArray]:
    position_m, velocity_m_s = frames.itrs_from_teme(
        position_km * 1000.0, velocity_km_s * 1000.0, at_s
    )
    position_m[error != 0] = np.nan
    velocity_m_s[error != 0] = np.nan
    return position_m, velocity_m_s


def _reason(error: np.ndarray, at_s: FloatArray) -> str:
    first = int(np.flatnonzero(error)[0])
    at = datetime.fromtimestamp(float(at_s[first]), UTC)
    return f"SGP4 refuses it at {at:%Y-%m-%dT%H:%M:%SZ}: {SGP4_ERRORS[int(error[first])]}"
