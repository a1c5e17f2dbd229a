"""What limits may ask of a satellite that its packets do not say: light, contact, partners.

Asked only when a value lies outside of some range: most batches ask nothing.
"""

from __future__ import annotations

from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from constellation import catalogue, links
from constellation.contacts.models import Contact, State
from constellation.models import Satellite
from constellation.orbits import eclipse
from telemetry import times
from telemetry.alarms import evaluation

HEARD_STATES = [State.PREPASS, State.PASS, State.POSTPASS, State.COMPLETED, State.FAILED]
_MARGIN = timedelta(days=1)
"""No contact is longer."""


def of(satellite_id: int) -> evaluation.Facts:
    """Return who answers for a satellite."""

    def answer(name: str, at_ns: NDArray[np.int64]) -> NDArray[np.bool_]:
        match name:
            case "sunlit":
                return light(satellite_id, at_ns) == eclipse.Light.SUNLIT
            case "eclipsed":
                return light(satellite_id, at_ns) == eclipse.Light.UMBRA
            case "in_contact":
                return in_contact(satellite_id, at_ns)
            case "no_laser_partner":
                return np.full(len(at_ns), not has_laser_partner(satellite_id, int(at_ns[-1])))
        raise AssertionError(f"nobody answers {name}")

    return answer


def light(satellite_id: int, at_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return `eclipse.Light` on a satellite, by its element set of record; without one, or where
    it cannot be flown, -1: neither sunlit nor eclipsed."""
    satellite = Satellite.objects.filter(pk=satellite_id)
    rows = catalogue.elements_of_record(times.from_ns(int(at_ns[-1])), satellite)
    found = np.full(len(at_ns), -1)
    if rows:
        position_m = catalogue.orbits(rows).states(at_ns / 1e9).position_m[0]
        is_flown = np.isfinite(position_m).all(axis=-1)
        seen = eclipse.light(position_m[is_flown], eclipse.sun_m(at_ns[is_flown] / 1e9))
        found[is_flown] = seen
    return found


def in_contact(satellite_id: int, at_ns: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Say for instants whether a contact of the satellite lasted then."""
    first, last = times.from_ns(int(at_ns.min())), times.from_ns(int(at_ns.max()))
    spans = Contact.objects.filter(
        satellite_id=satellite_id,
        state__in=HEARD_STATES,
        los_at__gte=first,
        aos_at__lte=last,
        aos_at__gte=first - _MARGIN,
    ).values_list("aos_at", "los_at")
    found = np.zeros(len(at_ns), bool)
    for aos_at, los_at in spans:
        found |= (at_ns >= times.to_ns(aos_at)) & (at_ns < times.to_ns(los_at))
    return found


def has_laser_partner(satellite_id: int, at_ns: int) -> bool:
    """Say whether geometry allows the satellite a laser link at an instant."""
    code = Satellite.objects.values_list("code", flat=True).get(pk=satellite_id)
    found = links.links_at(times.from_ns(at_ns))
    return any(code in (each.first, each.second) for each in found)
