"""What the fleet's pages show: satellites with what each room says about them, and the map."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import degrees
from typing import Any

from django.db.models import Q

from constellation import catalogue, eclipses
from constellation.contacts import booking
from constellation.contacts.models import HOLDING, Contact
from constellation.models import ElementSet, Satellite, Station
from ops.accounts.models import User
from ops.console import panels

MAP_AHEAD = timedelta(hours=6)
LIST_MAX = 200
"""Rows of the list. The map shows every satellite; a search finds the others."""


@dataclass(frozen=True)
class Row:
    """One satellite of the list."""

    satellite: Satellite
    next_contact: Contact | None
    status: str
    words: str
    values: dict[str, Any]


def rows(user: User, satellites: Iterable[Satellite], now: datetime) -> list[Row]:
    """Return one row a satellite, with its contact under way or next."""
    satellites = list(satellites)
    ids = [satellite.pk for satellite in satellites]
    facts = panels.facts_about(ids, now)
    upcoming = (
        booking.visible_to(user)
        .filter(satellite__in=ids, state__in=HOLDING, los_at__gt=now)
        .select_related("antenna__station")
        .order_by("satellite_id", "aos_at")
        .distinct("satellite_id")
    )
    next_of = {contact.satellite_id: contact for contact in upcoming}
    return [
        Row(
            satellite,
            next_of.get(satellite.pk),
            facts[satellite.pk].status or "off",
            facts[satellite.pk].words or "Not heard yet",
            facts[satellite.pk].values,
        )
        for satellite in satellites
    ]


def found(words: str) -> list[Satellite]:
    """Return the flying satellites whose code, name or plane contains `words`."""
    flying = Satellite.objects.filter(is_active=True).select_related("profile", "plane")
    if words:
        flying = flying.filter(
            Q(code__icontains=words) | Q(name__icontains=words) | Q(plane__code__icontains=words)
        )
    return list(flying)


def map_facts(user: User, rows: list[Row], now: datetime) -> dict[str, Any]:
    """Return what the map draws besides positions: sites, names and states, contacts."""
    codes = [row.satellite.pk for row in rows]
    contacts = (
        booking.visible_to(user)
        .filter(satellite__in=codes, state__in=HOLDING)
        .filter(los_at__gt=now, aos_at__lt=now + MAP_AHEAD)
        .select_related("satellite", "antenna__station")
    )
    return {
        "stations": [
            {
                "code": station.code,
                "name": station.name,
                "lon": station.longitude_deg,
                "lat": station.latitude_deg,
                "mask_deg": station.mask_deg,
            }
            for station in Station.objects.all()
        ],
        "satellites": [
            {
                "code": row.satellite.code,
                "name": row.satellite.name,
                "state": row.status,
                "state_text": row.words,
            }
            for row in rows
        ],
        "contacts": [
            {
                "satellite": contact.satellite.code,
                "station": contact.antenna.station.code,
                "aos": contact.aos_at.isoformat(),
                "los": contact.los_at.isoformat(),
            }
            for contact in contacts
        ],
    }


def element_set_of(satellite: Satellite, now: datetime) -> ElementSet | None:
    """Return the element set a satellite is flown by."""
    return next(iter(catalogue.elements_of_record(now, [satellite])), None)


def orbit_of(elements: ElementSet) -> list[tuple[str, str]]:
    """Return the figures of an orbit that people ask for, from its mean elements."""
    if elements.omm is None:
        return [("Useable until", f"{elements.expires_at:%Y-%m-%d %H:%M:%S} UTC")]
    omm = {name: value for name, value in elements.omm.items() if value not in (None, "")}
    turns_a_day = float(omm.get("MEAN_MOTION", 0))
    shown = [
        ("Inclination", f"{float(omm.get('INCLINATION', 0)):.3f}°"),
        ("Ascending node", f"{float(omm.get('RA_OF_ASC_NODE', 0)):.3f}°"),
        ("Eccentricity", f"{float(omm.get('ECCENTRICITY', 0)):.6f}"),
        ("Mean motion", f"{turns_a_day:.5f} turns a day"),
    ]
    if turns_a_day:
        shown.append(("Period", f"{1440 / turns_a_day:.1f} min"))
    return shown


def light_of(satellite: Satellite, now: datetime) -> list[tuple[str, datetime | None, str]]:
    """Return what the next day holds of sun and shadow: name, an instant to count to, words."""
    seen = eclipses.outlook(satellite, now)
    if seen is None:
        return []
    sunlit = f"{100 * seen.lit_share:.1f} % of the next 24 h"
    shown = [("Beta angle", None, f"{degrees(seen.beta_rad):+.1f}°"), ("Sunlit", None, sunlit)]
    if seen.eclipse is None:
        return [*shown, ("Next eclipse", None, "none in the next 24 h")]
    lasts_s = (seen.eclipse.exit_at - seen.eclipse.entry_at).total_seconds()
    if seen.eclipse.begun_before:
        return [*shown, ("In eclipse until", seen.eclipse.exit_at, "")]
    grazes = "" if seen.eclipse.umbra_entry_at else ", penumbra only"
    return [*shown, ("Next eclipse", seen.eclipse.entry_at, f"for {lasts_s / 60:.1f} min{grazes}")]
