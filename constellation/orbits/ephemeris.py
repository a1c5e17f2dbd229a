"""Ephemerides: tables of states, interpolated as they ask for, in ITRS.

An ephemeris is one or more arcs. Each interpolates its own states alone, so that nothing is
interpolated over what lies between arcs, a manoeuvre above all. States are turned to ITRS before
they are interpolated: with them a state in between costs no frame, and at the steps that degree
5 and more are used with, the Earth's own turn adds less than the rounding of the file.
"""

import zlib
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Self

import numpy as np
import orjson

from constellation.orbits.elements import ElementSet
from constellation.orbits.frames import FloatArray

METHODS = ("HERMITE", "LAGRANGE", "LINEAR")
"""INTERPOLATION of CCSDS 502.0-B-3, table 5-3."""


@dataclass(frozen=True, eq=False)
class Arc:
    """States in ITRS that belong to one motion, and how to read between them."""

    at_s: FloatArray
    """POSIX seconds, rising, `(n,)`."""
    states: FloatArray
    """Position in metres and velocity as seen from the ground in m/s, `(n, 6)`."""
    start_s: float
    stop_s: float
    """Useable from and to, both included."""
    method: str = "HERMITE"
    degree: int = 7
    line: int = 0

    @property
    def nodes(self) -> int:
        """How many states one interpolation takes."""
        if self.method == "HERMITE":
            return (self.degree + 2) // 2  # Each gives a position and a velocity.
        return self.degree + 1

    def at(self, at_s: FloatArray) -> FloatArray:
        """Return states `(k, 6)` at instants within the arc."""
        count = self.nodes
        before = np.searchsorted(self.at_s, at_s, side="right") - 1
        first = np.clip(before - (count // 2 - 1), 0, len(self.at_s) - count)
        window = first[:, None] + np.arange(count)
        centre_s = self.at_s[first + count // 2]
        # Seconds in units of the step keep the powers near one.
        step_s = (self.at_s[first + count - 1] - self.at_s[first]) / (count - 1)
        nodes = (self.at_s[window] - centre_s[:, None]) / step_s[:, None]
        place = (at_s - centre_s) / step_s
        values = self.states[window]
        if self.method == "HERMITE":
            return hermite(nodes, values, place, step_s)
        return lagrange(nodes, values, place)


def lagrange(nodes: FloatArray, values: FloatArray, place: FloatArray) -> FloatArray:
    """Return the polynomial through `values` `(k, m, c)` at `nodes` `(k, m)`, at each place."""
    result = np.zeros((len(place), values.shape[2]))
    for one in range(nodes.shape[1]):
        weight = np.ones(len(place))
        for other in range(nodes.shape[1]):
            if other != one:
                weight *= (place - nodes[:, other]) / (nodes[:, one] - nodes[:, other])
        result += weight[:, None] * values[:, one]
    return result


def hermite(
    nodes: FloatArray, values: FloatArray, place: FloatArray, step_s: FloatArray
) -> FloatArray:
    """Return position and velocity of the polynomial that has both at every node.

    Divided differences over doubled nodes, and Horner's rule for value and derivative.
    """
    twice = np.repeat(nodes, 2, axis=1)
    count = twice.shape[1]
    slope = values[:, :, 3:] * step_s[:, None, None]
    column = np.repeat(values[:, :, :3], 2, axis=1)
    coefficients = [column[:, 0]]
    for order in range(1, count):
        span = (twice[:, order:] - twice[:, : count - order])[:, :, None]
        rise = column[:, 1:] - column[:, :-1]
        if order == 1:
            column = np.empty_like(rise)
            column[:, 0::2] = slope
            column[:, 1::2] = rise[:, 1::2] / span[:, 1::2]
        else:
            column = rise / span
        coefficients.append(column[:, 0])
    value, climb = coefficients[-1], np.zeros_like(coefficients[-1])
    for order in range(count - 2, -1, -1):
        away = (place - twice[:, order])[:, None]
        climb = climb * away + value
        value = value * away + coefficients[order]
    return np.concatenate([value, climb / step_s[:, None]], axis=1)


@dataclass(frozen=True, eq=False)
class Ephemeris:
    """The orbit of one object as arcs, in order; not finite outside of where they are useable."""

    name: str
    object_id: str
    arcs: tuple[Arc, ...]
    created_at: datetime | None = None
    originator: str = ""
    outside: ElementSet | None = None
    """What is flown where no arc is useable."""
    line: int = field(default=0)
    given: str = field(default="", repr=False)

    @property
    def identity(self) -> str:
        """Name the object as exactly as the message does."""
        return self.object_id or self.name

    @property
    def epoch_at(self) -> datetime:
        """From when on it is useable."""
        return datetime.fromtimestamp(self.arcs[0].start_s, UTC)

    @property
    def ends_at(self) -> datetime:
        """Until when it is useable."""
        return datetime.fromtimestamp(self.arcs[-1].stop_s, UTC)

    def states(self, at_s: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return ITRS positions and velocities `(n, 3)`; NaN where no arc is useable.

        Where two arcs touch, the later one counts.
        """
        at_s = np.asarray(at_s, dtype=np.float64)
        found = np.full((len(at_s), 6), np.nan)
        for arc in self.arcs:
            inside = (at_s >= arc.start_s) & (at_s <= arc.stop_s)
            if inside.any():
                found[inside] = arc.at(at_s[inside])
        return found[:, :3], found[:, 3:]

    def flown_outside_by(self, outside: ElementSet | None) -> Self:
        """Return this ephemeris with other mean elements where no arc is useable."""
        return replace(self, outside=outside)


def pack(ephemeris: Ephemeris) -> bytes:
    """Return an ephemeris as bytes for a database: a line of JSON, then float64, deflated."""
    header = {
        "name": ephemeris.name,
        "object_id": ephemeris.object_id,
        "originator": ephemeris.originator,
        "created_at": ephemeris.created_at and ephemeris.created_at.isoformat(),
        "arcs": [
            {
                "states": len(arc.at_s),
                "start_s": arc.start_s,
                "stop_s": arc.stop_s,
                "method": arc.method,
                "degree": arc.degree,
            }
            for arc in ephemeris.arcs
        ],
    }
    arrays = [np.column_stack([arc.at_s, arc.states]).astype("<f8") for arc in ephemeris.arcs]
    body = orjson.dumps(header) + b"\n" + b"".join(array.tobytes() for array in arrays)
    return zlib.compress(body, 6)


def unpack(data: bytes) -> Ephemeris:
    """Return what `pack` was given, but for its place in a file."""
    header_text, _, body = zlib.decompress(data).partition(b"\n")
    header = orjson.loads(header_text)
    arcs, at = [], 0
    for each in header["arcs"]:
        count = each.pop("states")
        rows = np.frombuffer(body, "<f8", count * 7, at).reshape(count, 7)
        at += rows.nbytes
        arcs.append(Arc(at_s=rows[:, 0].copy(), states=rows[:, 1:].copy(), **each))
    created_at = header["created_at"]
    return Ephemeris(
        name=header["name"],
        object_id=header["object_id"],
        arcs=tuple(arcs),
        created_at=datetime.fromisoformat(created_at) if created_at else None,
        originator=header["originator"],
    )
