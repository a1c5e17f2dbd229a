"""Judging recorded element sets: what flies, what is kept beside it, what is wrong.

A set that becomes the one of record is compared with the one before it, and the contacts that
were booked by that one are marked to be looked at again (`contacts.recheck`).
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from django.db import transaction

from constellation import catalogue, drift
from constellation.models import ElementSet, ElementState, Satellite
from constellation.orbits import propagation
from ops.live import events

log = logging.getLogger(__name__)


@dataclass
class Judged:
    """Codes of satellites that fly something new, and why, by row, the others do not."""

    taken: list[str] = field(default_factory=list)
    kept: dict[int, str] = field(default_factory=dict)
    refused: dict[int, str] = field(default_factory=dict)


@transaction.atomic
def judge(ids: list[int], now: datetime) -> Judged:
    """Enable the VALIDATING sets among `ids` that can be flown; say why of the others."""
    rows = list(
        ElementSet.objects.select_for_update(of=("self",))
        .filter(pk__in=ids, state=ElementState.VALIDATING)
        .select_related("satellite")
        .order_by("satellite_id", "newness_at", "pk")
    )
    judged = Judged()
    before = _of_record(rows, now)
    _check(rows, now)
    for row in rows:
        if row.state in (ElementState.INVALID, ElementState.ERROR):
            judged.refused[row.pk] = row.reason
    sound = [row.pk for row in rows if row.state == ElementState.ENABLED]
    ElementSet.objects.filter(pk__in=sound).update(state=ElementState.ENABLED)
    others = [row for row in rows if row.state != ElementState.ENABLED]
    ElementSet.objects.bulk_update(others, ["state", "reason"], batch_size=500)
    after = _of_record(rows, now)
    coming = [row for row in rows if _will_count(row, after.get(row.satellite_id), now)]
    changed(before, after, now, coming)
    flown = {row.pk for row in [*after.values(), *coming]}
    for row in rows:
        held = after.get(row.satellite_id)
        if row.pk in flown:
            judged.taken.append(row.satellite.code)
        elif row.pk not in judged.refused:
            judged.kept[row.pk] = _why_not_flown(row, held)
    return judged


def judge_what_was_left(now: datetime) -> int:
    """Judge what a process that died left behind; return how many sets that were."""
    left = list(
        ElementSet.objects.filter(state=ElementState.VALIDATING).values_list("pk", flat=True)
    )
    if left:
        judge(left, now)
    return len(left)


def _of_record(rows: list[ElementSet], now: datetime) -> dict[int, ElementSet]:
    satellites = {row.satellite_id: row.satellite for row in rows}
    found = catalogue.elements_of_record(now, satellites.values()) if satellites else []
    return {row.satellite_id: row for row in found}


def _check(rows: list[ElementSet], now: datetime) -> None:
    """Set the state of each row by whether it can be flown at its epoch."""
    orbits = {row.pk: orbit for row in rows if (orbit := _orbit(row)) is not None}
    sound = [row for row in rows if row.pk in orbits]
    flown = propagation.Orbits([(str(row.pk), orbits[row.pk]) for row in sound])
    epochs_s = np.array([row.epoch_at.timestamp() for row in sound])
    position_m, _ = flown.states_of(np.arange(len(sound)), epochs_s)
    for number, row in enumerate(sound):
        if not np.isfinite(position_m[number]).all():
            alone = flown.part(number, number + 1).states(epochs_s[number])
            row.state, row.reason = ElementState.INVALID, alone.refused[str(row.pk)][:500]
        elif row.expires_at is not None and row.expires_at <= now:
            row.state = ElementState.EXPIRED
        else:
            row.state = ElementState.ENABLED


def _orbit(row: ElementSet) -> propagation.Orbit | None:
    """Return what flies a row; None, and the row an ERROR, when we fail to read it."""
    try:
        return catalogue.orbit(row)
    except Exception as error:
        log.exception("element set %d of %s could not be checked", row.pk, row.satellite)
        row.state = ElementState.ERROR
        row.reason = f"it could not be checked: {type(error).__name__}: {error}"[:500]
        return None


def _will_count(row: ElementSet, held: ElementSet | None, now: datetime) -> bool:
    """Say whether a set of which the time has not come will go before the one of record."""
    return (
        row.state == ElementState.ENABLED
        and row.epoch_at > now
        and held is not None
        and held.pk != row.pk
        and held.priority <= row.priority
    )


def changed(
    before: dict[int, ElementSet],
    after: dict[int, ElementSet],
    now: datetime,
    coming: Iterable[ElementSet] = (),
) -> None:
    """Follow up a change of which sets are of record: drift, contacts to look at, an event.

    Those `coming` are compared with what is flown until then.
    """
    new = [row for pk, row in after.items() if pk not in before or before[pk].pk != row.pk]
    pairs = [(before[row.satellite_id], row) for row in new if row.satellite_id in before]
    pairs += [(after[row.satellite_id], row) for row in coming]
    new += coming
    for (_, row), found in zip(pairs, drift.drifts(pairs, now), strict=True):
        row.drift = found
        row.contacts_checked = False
    ElementSet.objects.bulk_update(
        [row for _, row in pairs], ["drift", "contacts_checked"], batch_size=500
    )
    if new:
        codes = [row.satellite.code for row in new]
        events.publish("fleet", "elements", {"satellites": codes[:100], "count": len(codes)})


def _why_not_flown(row: ElementSet, held: ElementSet | None) -> str:
    code = row.satellite.code
    kept = "it is kept in the history"
    if row.state == ElementState.EXPIRED:
        return f"it expired at {_when(row.expires_at)}; {kept}"
    if held is None:
        return f"{code} is not active; {kept}"
    if held.priority > row.priority:
        return (
            f"{code} flies the element set of {_when(held.epoch_at)} from {held.source}, which "
            f"has priority {held.priority} and this {row.priority}; {kept}"
        )
    return (
        f"the epoch {_when(row.epoch_at)} is older than {code}'s on record, "
        f"{_when(held.epoch_at)}; {kept}"
    )


def _when(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}"


def expire(now: datetime) -> int:
    """Mark enabled sets whose time is over; what then counts is looked at as if it were new."""
    over = ElementSet.objects.filter(state=ElementState.ENABLED, expires_at__lte=now)
    with transaction.atomic():
        rows = list(
            over.select_for_update(of=("self",), skip_locked=True)
            .select_related("satellite")
            .defer("states", "given")
        )
        if rows:
            before = _last_of_record(rows)
            ElementSet.objects.filter(pk__in=[row.pk for row in rows]).update(
                state=ElementState.EXPIRED
            )
            changed(before, _of_record(rows, now), now)
    return len(rows)


def _last_of_record(rows: list[ElementSet]) -> dict[int, ElementSet]:
    """Return what was flown just before it expired, by satellite."""
    by_satellite: dict[int, ElementSet] = {}
    for row in rows:
        satellites: list[Satellite] = [row.satellite]
        just_before = row.expires_at - catalogue.MOMENT
        for held in catalogue.elements_of_record(just_before, satellites):
            if held.pk == row.pk:
                by_satellite[row.satellite_id] = held
    return by_satellite
