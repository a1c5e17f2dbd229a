"""What a version costs satellites: its files, over booked contacts and passes to come."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from constellation import catalogue, visibility
from constellation.contacts.models import HOLDING, Contact
from constellation.models import Antenna, Satellite
from ops import errors
from uplink.registry import costing
from uplink.registry.costing import Load, Price, Window
from uplink.registry.models import Artefact, Format, Version

HORIZON = timedelta(days=7)
_STEP = timedelta(days=1)
SATELLITES_MAX = 50
MINIMUM_S = 60.0
"""Passes shorter than the planner books are not counted on."""


class TooManySatellites(errors.Invalid):
    code = "too_many_satellites"


@dataclass(frozen=True, slots=True)
class Quote:
    """What a version costs: the load of one copy, and each satellite's price or why it has none."""

    load: Load
    prices: dict[str, Price]
    refused: dict[str, str]


def load_of(artefact: Artefact) -> Load:
    """Return what one copy comes to on air: the artefact's bytes, and its parts'."""
    parts = artefact.parts.select_related("artefact") if artefact.format == Format.BUNDLE else ()
    return costing.load([artefact.size_bytes, *(part.artefact.size_bytes for part in parts)])


def cost(version: Version, satellites: Sequence[Satellite], now: datetime) -> Quote:
    """Return what it costs to carry a version to each satellite, from `now` (mission time) on.

    Booked contacts count as booked. After the last of them passes do, at the best rate of their
    stations' antennas, none of them promised to anybody else.
    """
    if len(satellites) > SATELLITES_MAX:
        raise TooManySatellites(
            f"{len(satellites)} satellites are more than {SATELLITES_MAX}; name some with "
            "satellite=CODE,CODE."
        )
    load = load_of(version.artefact)
    windows, refused = openings(
        satellites,
        now,
        lacks=lambda each, row: costing.price(load.on_air_bytes, row).ready_at is None,
    )
    prices = {
        each.code: costing.price(load.on_air_bytes, windows[each.pk])
        for each in satellites
        if each.code not in refused or windows[each.pk]
    }
    return Quote(load, prices, {code: why for code, why in refused.items() if code not in prices})


def openings(
    satellites: Sequence[Satellite],
    now: datetime,
    *,
    lacks: Callable[[Satellite, list[Window]], bool],
) -> tuple[dict[int, list[Window]], dict[str, str]]:
    """Return each satellite's windows in order: what is booked, then passes that could be.

    Passes are added a day at a time, up to `HORIZON`, to whom `lacks` says that its windows are
    too few. Returns also why some have no passes, by code.
    """
    windows = _booked(satellites, now)
    known = {row.satellite_id for row in catalogue.elements_of_record(now, satellites)}
    refused = {each.code: "It has no element set." for each in satellites if each.pk not in known}
    rates, apart = _antennas()
    open_ = list(satellites)
    from_ = {each.pk: _last(windows[each.pk], now) for each in satellites}
    start_at = now
    while open_ and start_at < now + HORIZON:
        open_ = [
            each for each in open_ if each.code not in refused and lacks(each, windows[each.pk])
        ]
        if open_:
            refused |= _add_passes(open_, windows, from_, rates, apart, start_at)
        start_at += _STEP
    return windows, refused


def _booked(satellites: Sequence[Satellite], now: datetime) -> dict[int, list[Window]]:
    windows: dict[int, list[Window]] = defaultdict(list)
    rows = Contact.objects.filter(satellite__in=satellites, state__in=HOLDING, los_at__gt=now)
    for row in rows.select_related("antenna__station").order_by("aos_at"):
        windows[row.satellite_id].append(
            Window(
                max(row.aos_at, now),
                row.los_at,
                row.antenna.uplink_bit_per_s,
                row.antenna.station.code,
                True,
                str(row.pk),
            )
        )
    return windows


def _last(windows: Sequence[Window], now: datetime) -> datetime:
    return max((each.los_at for each in windows), default=now)


def _antennas() -> tuple[dict[int, int], timedelta]:
    """Return each station's best uplink rate, and how far apart a satellite's contacts must be."""
    rates: dict[int, int] = {}
    apart_s = 0.0
    for each in Antenna.objects.filter(is_active=True):
        rates[each.station_id] = max(rates.get(each.station_id, 0), each.uplink_bit_per_s)
        apart_s = max(apart_s, each.setup_s + each.teardown_s)
    return rates, timedelta(seconds=apart_s)


def _add_passes(
    satellites: Sequence[Satellite],
    windows: dict[int, list[Window]],
    from_: dict[int, datetime],
    rates: dict[int, int],
    apart: timedelta,
    start_at: datetime,
) -> dict[str, str]:
    """Add a day's passes to the windows of each satellite; return whom SGP4 refuses, and why."""
    end_at = start_at + _STEP
    seen = visibility.passes_between(start_at, end_at, satellites=satellites)
    fresh: dict[int, list[Window]] = defaultdict(list)
    for each in seen.passes:
        pk, rate = each.satellite.pk, rates.get(each.station.pk)
        aos_at = max(each.aos_at, from_[pk])
        if rate is None or not start_at <= aos_at < end_at:
            continue
        if (each.los_at - aos_at).total_seconds() >= MINIMUM_S:
            fresh[pk].append(Window(aos_at, each.los_at, rate, each.station.code, False))
    for pk, found in fresh.items():
        after = windows[pk][-1].los_at if windows[pk] else None
        windows[pk] += costing.chosen(found, apart=apart, after=after)
    return dict(seen.refused)
