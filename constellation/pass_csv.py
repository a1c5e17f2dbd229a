"""Passes as CSV (RFC 4180): one line a pass, a header row with units, nothing nested.

Doppler has a column for each carrier and event, empty where a satellite has no such carrier;
several antennas in one column are separated by blanks.
"""

import csv
import io
from collections.abc import Iterable
from typing import Any

from constellation.pass_details import EVENTS

PLAIN = (
    "satellite",
    "station",
    *(f"{event}_at" for event in EVENTS),
    "duration_s",
    "max_elevation_deg",
    *(f"{event}_azimuth_deg" for event in EVENTS),
    *(f"{event}_range_m" for event in EVENTS),
    *(f"{event}_range_rate_m_s" for event in EVENTS),
    *(f"{event}_light" for event in EVENTS),
    "begun_before",
    "ends_after",
    "element_epoch_at",
)
DETAILS = ("max_azimuth_rate_deg_per_s", "sun_separation_deg", "moon_separation_deg")
ANTENNAS = ("keyhole_antennas", "sun_conjunction_antennas", "moon_conjunction_antennas")


class Writer:
    """Writes passes for a fixed set of carriers."""

    def __init__(self, carriers: Iterable[str], *, with_details: bool) -> None:
        self.carriers = list(carriers)
        self.more = DETAILS if with_details else ()
        self.antennas = ANTENNAS if with_details else ()

    def header(self) -> str:
        shifts = [f"{event}_doppler_{carrier}_hz" for carrier in self.carriers for event in EVENTS]
        return _lines([[*PLAIN, *shifts, *self.more, *self.antennas]])

    def lines(self, bodies: Iterable[dict[str, Any]]) -> str:
        """Return passes, as `pass_details` tells them, as lines."""
        return _lines(self._cells(body) for body in bodies)

    def _cells(self, body: dict[str, Any]) -> list[Any]:
        shifts = {each["carrier"]: each for each in body["doppler"]}
        return [
            *(_plain(body[name]) for name in PLAIN),
            *(
                shifts[carrier][f"{event}_hz"] if carrier in shifts else ""
                for carrier in self.carriers
                for event in EVENTS
            ),
            *(body[name] for name in self.more),
            *(" ".join(body[name]) for name in self.antennas),
        ]


def _plain(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


def _lines(rows: Iterable[list[Any]]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()
