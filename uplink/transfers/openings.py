"""Spans in which files may reach satellites: booked contacts, passes to come, and other paths."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from math import fsum

from django.conf import settings

from constellation.contacts.models import Contact, State
from constellation.models import Satellite
from ops import clock
from uplink.registry import costing, prices
from uplink.registry.costing import Window
from uplink.transfers.flying import COMPARED_AFTER
from uplink.transfers.forecasting.links import SHARE
from uplink.transfers.forecasting.runs import Need, Opening
from uplink.transfers.models import BulkUplink

BOOKED, CONTESTED = 9.0, 10.0
"""Of passes nobody has booked yet: nine in ten will be, as far as nothing else is known."""
AMPLE = (3.0, 12.0, float("inf"))
"""Windows are enough when they carry so many times what is needed: first, and if that was not."""
AMPLE_MORE = 4
"""Besides, so many windows more than are needed: of few contacts, several may fail."""

Paths = Callable[[Sequence[Satellite], datetime, datetime], list[Opening]]
_paths: list[Paths] = []


def register_paths(paths: Paths) -> None:
    """Have `paths(satellites, now, until_at)` asked for other ways to satellites than from the
    ground: a laser link from a gateway that holds the packs, say. What it returns has instants in
    seconds since 1970, and takes a place among those that carry files only if it says so."""
    _paths.append(paths)


def of(
    satellites: Sequence[Satellite], needs: Sequence[Need], now: datetime, *, ample: float
) -> tuple[list[Opening], dict[str, str], datetime]:
    """Return all openings of these satellites in order, why some have no passes, and how far was
    looked."""
    wanted = {each.pk: 0.0 for each in satellites}
    for need in needs:
        wanted[need.satellite] += need.left_bytes
    reached = now

    def lacks(each: Satellite, windows: list[Window]) -> bool:
        return not _is_ample(wanted[each.pk], windows, ample)

    windows, refused = prices.openings(satellites, now, lacks=lacks)
    odds = _odds(windows)
    flying = set(
        Contact.objects.filter(satellite__in=satellites, state=State.PASS).values_list(
            "pk", flat=True
        )
    )
    granted = set(BulkUplink.objects.filter(granted=True).values_list("pk", flat=True))
    flying, granted = {str(pk) for pk in flying}, {str(pk) for pk in granted}
    compared = COMPARED_AFTER * clock.reading().rate
    found = []
    for satellite_id, row in windows.items():
        for each in row:
            begins_at = max(each.aos_at + timedelta(seconds=costing.ACQUIRING_S), now) + compared
            if each.contact in granted:
                begins_at = now
            found.append(
                Opening(
                    each.contact or f"{satellite_id} {each.station} {each.aos_at:%d%H%M}",
                    satellite_id,
                    each.station,
                    begins_at.timestamp(),
                    each.los_at.timestamp(),
                    each.uplink_bit_per_s,
                    odds=1.0 if each.is_booked else odds,
                    is_open=each.contact in flying,
                    holds_place=each.contact in granted,
                )
            )
            reached = max(reached, each.los_at)
    until_at = now + prices.HORIZON
    for paths in _paths:
        found += paths(satellites, now, until_at)
    found = [each for each in found if each.until_s > each.from_s]
    is_all = any(lacks(each, windows[each.pk]) for each in satellites)
    return sorted(found, key=lambda each: each.from_s), refused, until_at if is_all else reached


def places() -> int:
    return settings.ZENITH_BULK_UPLINKS


def _is_ample(wanted_bytes: float, windows: Sequence[Window], ample: float) -> bool:
    carries = [each.carries_bytes * SHARE for each in windows]
    left, needed = wanted_bytes, 0
    for size in carries:
        if left <= 0:
            break
        left, needed = left - size, needed + 1
    enough = fsum(carries) >= ample * wanted_bytes
    return left <= 0 and enough and len(carries) >= needed + AMPLE_MORE


def _odds(windows: dict[int, list[Window]]) -> float:
    """Return the chance that a pass is booked in time: nine in ten, or what the plan shows.

    A satellite for which nothing is booked at all says that the planner leaves it out, or has not
    come to it.
    """
    planned = [any(each.is_booked for each in row) for row in windows.values() if row]
    return (BOOKED + sum(planned)) / (CONTESTED + len(planned))
