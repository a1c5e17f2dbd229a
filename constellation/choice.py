"""Changing which element set is flown: enabling, disabling, priority, expiry."""

from datetime import datetime

from django.db import transaction

from constellation import catalogue, validation
from constellation.models import ElementKind, ElementSet, ElementState
from ops import errors

CHANGEABLE = [ElementState.ENABLED, ElementState.DISABLED, ElementState.EXPIRED]


class NotFlyable(errors.Conflict):
    code = "not_flyable"


class OutOfSpan(errors.Conflict):
    code = "out_of_span"


@transaction.atomic
def change(
    element_set_id: int,
    *,
    now: datetime,
    is_enabled: bool | None = None,
    priority: int | None = None,
    **expiry: datetime | None,
) -> ElementSet:
    """Change what is given of a set (`expires_at` too); safe to repeat.

    Contacts booked by a set that is thereby no longer flown are looked at again.
    """
    row = (
        ElementSet.objects.select_for_update(of=("self",))
        .select_related("satellite")
        .defer("states", "given")
        .filter(pk=element_set_id)
        .first()
    )
    if row is None:
        raise errors.NotFound(f"There is no element set {element_set_id}.")
    if row.state not in CHANGEABLE:
        raise NotFlyable(
            f"The element set is {row.state}: {row.reason or 'wait until it is judged'}."
        )
    before = {
        each.satellite_id: each for each in catalogue.elements_of_record(now, [row.satellite])
    }
    if priority is not None:
        row.priority = priority
    if "expires_at" in expiry:
        row.expires_at = _expiry(row, expiry["expires_at"])
    enabled = row.state != ElementState.DISABLED if is_enabled is None else is_enabled
    over = row.expires_at is not None and row.expires_at <= now
    if is_enabled and over:
        raise NotFlyable(f"It expired at {row.expires_at:%Y-%m-%dT%H:%M:%SZ}; set expires_at too.")
    row.state = (
        ElementState.DISABLED
        if not enabled
        else ElementState.EXPIRED
        if over
        else ElementState.ENABLED
    )
    row.save(update_fields=["priority", "expires_at", "state"])
    validation.changed(before, _of_record(row, now), now)
    return row


def _of_record(row: ElementSet, now: datetime) -> dict[int, ElementSet]:
    found = catalogue.elements_of_record(now, [row.satellite])
    return {each.satellite_id: each for each in found}


def _expiry(row: ElementSet, expires_at: datetime | None) -> datetime | None:
    if row.kind == ElementKind.MEAN:
        return expires_at
    ends_at = catalogue.orbit(row).ends_at
    if expires_at is not None and expires_at > ends_at:
        raise OutOfSpan(
            f"The ephemeris is useable until {ends_at:%Y-%m-%dT%H:%M:%SZ} and cannot expire after."
        )
    return expires_at or ends_at
