"""Shadow on the fleet's satellites: eclipses of a span, beta, and how much light there is."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import isnan

import numpy as np

from constellation import catalogue
from constellation.models import ElementSet, Satellite
from constellation.orbits import eclipse
from constellation.orbits import eclipses as shadows

AHEAD = timedelta(hours=24)
"""How far the next eclipse is looked for: some seasons have none for months."""


@dataclass(frozen=True)
class Eclipse:
    """One eclipse of one satellite; entry and exit are of the penumbra."""

    satellite: Satellite
    entry_at: datetime
    umbra_entry_at: datetime | None
    """None where the eclipse only grazes."""
    umbra_exit_at: datetime | None
    exit_at: datetime
    beta_rad: float
    begun_before: bool
    """It had begun where the span begins; `entry_at` is that."""
    ends_after: bool


@dataclass(frozen=True)
class Seen:
    """The eclipses of a span by satellite and entry, and the share of full light, by code."""

    eclipses: list[Eclipse]
    lit_share: dict[str, float]
    beta_rad: dict[str, float]
    """At the start of the span: the angle between the orbit's plane and the sun."""
    refused: dict[str, str]


def eclipses_between(
    start_at: datetime, end_at: datetime, satellites: Iterable[Satellite] | None = None
) -> Seen:
    """Return the eclipses of satellites, all by default, by the element sets of record.

    A satellite without an element set, or that SGP4 refuses, has neither share nor beta.
    """
    rows = catalogue.elements_of_record(start_at, satellites)
    orbits = catalogue.orbits(rows)
    start_s, end_s = start_at.timestamp(), end_at.timestamp()
    found = shadows.find_eclipses(orbits, start_s, end_s)
    share = shadows.lit_share(found.eclipses, len(rows), start_s, end_s)
    position_m, velocity_m_s = (each[:, 0] for each in orbits.teme([start_s]))
    beta_rad = eclipse.beta_rad(position_m, velocity_m_s, eclipse.sun_teme_m(start_s))
    codes = [row.satellite.code for row in rows]
    flown = [number for number, code in enumerate(codes) if code not in found.refused]
    return Seen(
        [_eclipse(rows, found.eclipses, number) for number in range(len(found.eclipses))],
        {codes[number]: float(share[number]) for number in flown},
        {codes[number]: float(beta_rad[number]) for number in flown},
        found.refused,
    )


def _eclipse(rows: Sequence[ElementSet], found: shadows.Eclipses, number: int) -> Eclipse:
    return Eclipse(
        satellite=rows[int(found.satellite[number])].satellite,
        entry_at=_instant(found.entry_s[number]),
        umbra_entry_at=_instant_or_none(found.umbra_entry_s[number]),
        umbra_exit_at=_instant_or_none(found.umbra_exit_s[number]),
        exit_at=_instant(found.exit_s[number]),
        beta_rad=float(found.beta_rad[number]),
        begun_before=bool(found.begun_before[number]),
        ends_after=bool(found.ends_after[number]),
    )


def _instant(at_s: np.float64) -> datetime:
    return datetime.fromtimestamp(float(at_s), UTC)


def _instant_or_none(at_s: np.float64) -> datetime | None:
    return None if isnan(at_s) else _instant(at_s)


@dataclass(frozen=True)
class Outlook:
    """What a satellite's panels get in the next day."""

    eclipse: Eclipse | None
    """Under way or next; None when a day has none."""
    lit_share: float
    beta_rad: float


def outlook(satellite: Satellite, now: datetime) -> Outlook | None:
    """Return the light of the next 24 hours; None for a satellite that cannot be flown."""
    seen = eclipses_between(now, now + AHEAD, [satellite])
    if satellite.code not in seen.beta_rad:
        return None
    return Outlook(
        next(iter(seen.eclipses), None),
        seen.lit_share[satellite.code],
        seen.beta_rad[satellite.code],
    )
