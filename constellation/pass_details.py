"""Passes as the API tells them: every column, with Doppler, keyholes, sun and moon."""

from math import degrees
from typing import Any

import numpy as np

from constellation import catalogue, pass_blocks, pass_columns
from constellation.models import Antenna, Carrier
from constellation.orbits import details, look
from constellation.orbits.eclipse import Light
from constellation.questions import rfc3339
from constellation.visibility import Pass, Table, View

EVENTS = ("aos", "tca", "los")
LIGHTS = {light.value: light.name.lower() for light in Light}


class Teller:
    """Tells the passes of a view; antennas and carriers are read once."""

    def __init__(self, *, with_details: bool = True) -> None:
        self.with_details = with_details
        self.carriers: dict[int, list[Carrier]] = {}
        for carrier in Carrier.objects.order_by("frequency_hz"):
            self.carriers.setdefault(carrier.profile_id, []).append(carrier)
        self.antennas: dict[int, list[Antenna]] = {}
        for antenna in Antenna.objects.filter(is_active=True).order_by("code"):
            self.antennas.setdefault(antenna.station_id, []).append(antenna)

    def carriers_of(self, view: View) -> list[str]:
        """Return the codes of all carriers that satellites of a view have, by frequency."""
        profiles = {row.satellite.profile_id for row in view.element_sets}
        found = [each for key in profiles for each in self.carriers.get(key, [])]
        found.sort(key=lambda carrier: (carrier.frequency_hz, carrier.code))
        return list(dict.fromkeys(carrier.code for carrier in found))

    def bodies(self, table: Table) -> list[dict[str, Any]]:
        """Return each pass of a table as the API shows it, in order."""
        bodies = [self._body(each) for each in table.passes()]
        if self.with_details and bodies:
            for body, more, row in zip(bodies, _details(table), table.rows, strict=True):
                antennas = self.antennas.get(int(row["station"]), [])
                body |= _warnings(more, float(row["max_elevation_rad"]), antennas)
        return bodies

    def _body(self, each: Pass) -> dict[str, Any]:
        profile = each.satellite.profile_id
        return {
            "satellite": each.satellite.code,
            "station": each.station.code,
            **{f"{event}_at": rfc3339(getattr(each, f"{event}_at")) for event in EVENTS},
            "duration_s": round((each.los_at - each.aos_at).total_seconds(), 3),
            "max_elevation_deg": round(degrees(each.max_elevation_rad), 4),
            **{
                f"{event}_azimuth_deg": round(degrees(getattr(each, f"{event}_azimuth_rad")), 3)
                for event in EVENTS
            },
            **{f"{event}_range_m": round(getattr(each, f"{event}_range_m"), 1) for event in EVENTS},
            **{
                f"{event}_range_rate_m_s": round(getattr(each, f"{event}_range_rate_m_s"), 3)
                for event in EVENTS
            },
            **{f"{event}_light": LIGHTS[getattr(each, f"{event}_light")] for event in EVENTS},
            "doppler": [_doppler(carrier, each) for carrier in self.carriers.get(profile, [])],
            "begun_before": each.begun_before,
            "ends_after": each.ends_after,
            "element_epoch_at": rfc3339(each.element_set.epoch_at),
        }


def _doppler(carrier: Carrier, each: Pass) -> dict[str, Any]:
    """Return by how much a carrier is received above where it was sent, at each event."""
    shifts = {
        f"{event}_hz": round(
            float(look.doppler_hz(carrier.frequency_hz, getattr(each, f"{event}_range_rate_m_s"))),
            1,
        )
        for event in EVENTS
    }
    return {
        "carrier": carrier.code,
        "direction": carrier.direction,
        "frequency_hz": carrier.frequency_hz,
        **shifts,
    }


def _details(table: Table) -> list[dict[str, Any]]:
    """Fly the passes of a table again for what is not stored."""
    flown, number = np.unique(table.rows["satellite"], return_inverse=True)
    stations = list(table.stations.values())
    numbers = {station.pk: place for place, station in enumerate(stations)}
    rows = table.rows.copy()
    rows["satellite"] = number
    found = details.details(
        catalogue.orbits([table.element_sets[each] for each in flown.tolist()]),
        [pass_blocks.site(station) for station in stations],
        pass_columns.passes_of(rows, numbers),
    )
    return list(details.rows(found))


def _warnings(
    more: dict[str, Any], max_elevation_rad: float, antennas: list[Antenna]
) -> dict[str, Any]:
    """Return what antennas of the station meet on a pass, each named where it is."""
    rate_deg_s = degrees(more["max_azimuth_rate_rad_s"])
    elevation_deg = degrees(max_elevation_rad)
    sun_deg, moon_deg = (
        degrees(more["sun_separation_rad"]),
        degrees(more["moon_separation_rad"]),
    )

    def has_keyhole(antenna: Antenna) -> bool:
        is_too_high = antenna.keyhole_deg is not None and elevation_deg > antenna.keyhole_deg
        return is_too_high or rate_deg_s > antenna.azimuth_rate_max_deg_per_s

    return {
        "max_azimuth_rate_deg_per_s": round(rate_deg_s, 3),
        "keyhole_antennas": [each.code for each in antennas if has_keyhole(each)],
        "sun_separation_deg": round(sun_deg, 3),
        "sun_conjunction_antennas": [a.code for a in antennas if sun_deg < a.sun_limit_deg],
        "moon_separation_deg": round(moon_deg, 3),
        "moon_conjunction_antennas": [a.code for a in antennas if moon_deg < a.moon_limit_deg],
    }
