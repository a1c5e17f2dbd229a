"""Where satellites are: SGP4 over many satellites and instants at once, or their ephemerides.

SGP4 hands out plausible numbers beside its error codes. Here a state that it does not vouch
for is never finite, and the satellite is refused by name with the reason.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import ArrayLike
from sgp4 import model
from sgp4.api import SGP4_ERRORS, WGS72, Satrec, SatrecArray

from constellation.orbits import frames
from constellation.orbits.elements import ElementSet
from constellation.orbits.ephemeris import Ephemeris
from constellation.orbits.frames import DAY_S, FloatArray

Orbit = ElementSet | Ephemeris

_SGP4_DAY_0 = datetime(1949, 12, 31, tzinfo=UTC)
_UNIX_EPOCH_JD = 2_440_587.5
_DAY_MIN = 1_440.0
_DECAYED = 6
"""SGP4's own number for it."""
_SHRUNK = 0.02
"""An orbit that a day's drag, gone on with, shrinks by less than this has not decayed."""


_STAND_IN = ElementSet("", "", "", _SGP4_DAY_0, 15.0, 0.0, 0.0, 0.0, 0.0, 0.0)
"""Keeps the place of an ephemeris in SGP4's arrays; what it yields is never handed out."""


@dataclass(frozen=True)
class States:
    """Positions and velocities in ITRS; the velocity is the one seen from the ground."""

    position_m: FloatArray
    velocity_m_s: FloatArray
    refused: dict[str, str]
    """Why, by the name of each satellite that could not be flown to some of the instants."""


def satrec(elements: ElementSet) -> Satrec:
    """Make SGP4's record (WGS72, improved mode). The catalogue number stays out of it."""
    record = Satrec()
    _start(record, elements)
    return record


def _start(record: Satrec | model.Satrec, elements: ElementSet) -> None:
    day_rad = 2.0 * np.pi / _DAY_MIN
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


class Orbits:
    """The orbits of some satellites, in a fixed order, ready to be flown in bulk."""

    def __init__(self, orbits: Sequence[tuple[str, Orbit]]) -> None:
        """Take pairs of a name, by which a satellite is refused, and its orbit."""
        self.names = [name for name, _ in orbits]
        self._orbits = [orbit for _, orbit in orbits]
        self._records = [_record_of(orbit) for orbit in self._orbits]
        self._array = SatrecArray(self._records) if self._records else None
        self._ephemerides = {
            number: orbit
            for number, (_, orbit) in enumerate(orbits)
            if isinstance(orbit, Ephemeris)
        }

    def __len__(self) -> int:
        return len(self.names)

    def __reduce__(self) -> tuple:
        # SGP4's records cannot be sent to another process; what they are made of can.
        return Orbits, (list(zip(self.names, self._orbits, strict=True)),)

    def part(self, start: int, stop: int) -> "Orbits":
        """Return the orbits of a slice of the satellites."""
        some = Orbits([])
        some.names, some._records = self.names[start:stop], self._records[start:stop]
        some._orbits = self._orbits[start:stop]
        some._array = SatrecArray(some._records) if some._records else None
        some._ephemerides = {
            number - start: each
            for number, each in self._ephemerides.items()
            if start <= number < stop
        }
        return some

    def states(self, at_s: ArrayLike) -> States:
        """Return the states of all satellites at all instants: `(satellites, instants, 3)`."""
        instants_s = np.atleast_1d(np.asarray(at_s, dtype=np.float64))
        if self._array is None:
            nothing = np.empty((0, len(instants_s), 3))
            return States(nothing, nothing.copy(), {})
        error, position_km, velocity_km_s = self._flown(instants_s)
        refused = {
            self.names[row]: _reason(error[row], instants_s)
            for row in np.flatnonzero(error.any(axis=1))
        }
        states = States(*_in_itrs(error, position_km, velocity_km_s, instants_s), refused)
        for number, ephemeris in self._ephemerides.items():
            self._fly(number, ephemeris, instants_s, error[number], states)
        return states

    def _flown(self, instants_s: FloatArray) -> tuple[np.ndarray, FloatArray, FloatArray]:
        error, position_km, velocity_km_s = self._array.sgp4(*_julian(instants_s))
        for number in range(len(self)):
            self._refuse_decayed(number, instants_s, error[number])
        return error, position_km, velocity_km_s

    def _refuse_decayed(self, number: int, at_s: FloatArray, error: np.ndarray) -> None:
        """Put an error where SGP4's drag has taken all of an orbit.

        The semimajor axis goes with the square of a polynomial in time (Hoots and Roehrich,
        Spacetrack Report No. 3, section 6), which falls through zero when the orbit is gone: from
        then on SGP4 raises it again, to the moon and beyond, and reports no error.
        """
        record = self._records[number]
        epoch_s = (record.jdsatepoch - _UNIX_EPOCH_JD + record.jdsatepochF) * DAY_S
        last_day = (at_s.max(initial=epoch_s) - epoch_s) / DAY_S
        if last_day <= 0.0:
            return
        record.sgp4(record.jdsatepoch, record.jdsatepochF + 1.0)
        if (1.0 - record.am / record.a) * last_day < _SHRUNK:
            return
        # Slow, and open: SGP4's compiled record does not tell its coefficients.
        drag = model.Satrec()
        _start(drag, _mean_elements(self._orbits[number]))
        at_min = (at_s - epoch_s) / 60.0
        left = 1.0 - drag.cc1 * at_min
        if not drag.isimp:
            left -= at_min**2 * (drag.d2 + at_min * (drag.d3 + at_min * drag.d4))
        error[(left <= 0.0) & (at_min > 0.0) & (error == 0)] = _DECAYED

    def _fly(
        self,
        number: int,
        ephemeris: Ephemeris,
        instants_s: FloatArray,
        error: np.ndarray,
        states: States,
    ) -> None:
        """Put an ephemeris where it is useable; elsewhere stays what flies outside of it."""
        position_m, velocity_m_s = ephemeris.states(instants_s)
        inside = np.isfinite(position_m[:, 0])
        kept = inside if ephemeris.outside is not None else slice(None)
        states.position_m[number, kept] = position_m[kept]
        states.velocity_m_s[number, kept] = velocity_m_s[kept]
        states.refused.pop(self.names[number], None)
        left = np.where(inside, 0, error)
        if ephemeris.outside is None and not inside.all():
            states.refused[self.names[number]] = _not_useable(ephemeris, instants_s[~inside][0])
        elif left.any():
            states.refused[self.names[number]] = _reason(left, instants_s)

    def teme(self, at_s: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Return positions and velocities in SGP4's own frame, which does not turn.

        Each `(satellites, instants, 3)`; where `states` are not finite they are not.
        """
        instants_s = np.atleast_1d(np.asarray(at_s, dtype=np.float64))
        if self._array is None:
            return np.empty((0, len(instants_s), 3)), np.empty((0, len(instants_s), 3))
        error, position_km, velocity_km_s = self._flown(instants_s)
        position_km[error != 0] = np.nan
        velocity_km_s[error != 0] = np.nan
        states = position_km * 1000.0, velocity_km_s * 1000.0
        for number, ephemeris in self._ephemerides.items():
            found = frames.teme_from_itrs(*ephemeris.states(instants_s), instants_s)
            kept = np.isfinite(found[0][:, 0]) | (ephemeris.outside is None)
            for column, flown in zip(states, found, strict=True):
                column[number, kept] = flown[kept]
        return states

    def states_of(self, which: np.ndarray, at_s: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return ITRS states of satellite `which[k]` at `at_s[k]`, as `(k, 3)`.

        Where SGP4 refuses, or an ephemeris is not useable, they are not finite.
        """
        error = np.zeros(len(which), dtype=np.uint8)
        position_km = np.empty((len(which), 3))
        velocity_km_s = np.empty((len(which), 3))
        day, fraction = _julian(at_s)
        order = np.argsort(which, kind="stable")
        starts = np.flatnonzero(np.diff(which[order], prepend=-1))
        for part in np.split(order, starts[1:]) if len(order) else []:
            record = self._records[which[part[0]]]
            flags, position_km[part], velocity_km_s[part] = record.sgp4_array(
                day[part], fraction[part]
            )
            self._refuse_decayed(int(which[part[0]]), at_s[part], flags)
            error[part] = flags
        states = _in_itrs(error, position_km, velocity_km_s, at_s)
        for number, ephemeris in self._ephemerides.items():
            own = np.flatnonzero(which == number)
            found = ephemeris.states(at_s[own])
            kept = np.isfinite(found[0][:, 0]) | (ephemeris.outside is None)
            for column, flown in zip(states, found, strict=True):
                column[own[kept]] = flown[kept]
        return states


def _record_of(orbit: Orbit) -> Satrec:
    """Return SGP4's record of an orbit; of an ephemeris, of what is flown outside of it."""
    return satrec(_mean_elements(orbit))


def _mean_elements(orbit: Orbit) -> ElementSet:
    return orbit if isinstance(orbit, ElementSet) else orbit.outside or _STAND_IN


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


def _not_useable(ephemeris: Ephemeris, at_s: float) -> str:
    at = datetime.fromtimestamp(float(at_s), UTC)
    return (
        f"its ephemeris, of {ephemeris.epoch_at:%Y-%m-%dT%H:%M:%SZ} to "
        f"{ephemeris.ends_at:%Y-%m-%dT%H:%M:%SZ}, is not useable at {at:%Y-%m-%dT%H:%M:%SZ}"
    )
