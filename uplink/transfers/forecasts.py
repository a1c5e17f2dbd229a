"""Forecasts of transfers, kept current: made anew when anything they follow from changed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import F

from constellation.contacts.models import HOLDING, Contact
from constellation.contacts.models import State as ContactState
from constellation.models import Antenna
from ops import clock
from ops.live import events
from uplink.transfers import carriages, openings, progress
from uplink.transfers.forecasting import links, runs
from uplink.transfers.forecasting.runs import Need, Outlook
from uplink.transfers.models import Forecast, Shipment, Spread, State, Transfer

OPEN = [State.QUEUED, State.SENDING]
AGAIN_S = 30.0
"""While a contact is open forecasts age; so often are they made anew, in mission time."""
PLANNED_S = 20.0
"""A laser plan that moves by more is another."""
TOLD_S = 30.0
TOLD_SHARE = 0.02
"""A change of the instant that is worth an event: of seconds, or of what is left until then."""
LEGS_MOST = 100
_LOCK = 0x5A_46_43_53  # advisory lock: who forecasts


SUSPENDED = "suspended: nothing of it is sent until somebody resumes it"


def look_after(*, now: datetime) -> int:
    """Make the forecasts of all open transfers anew if anything changed; return how many.

    Safe to repeat and to race: whoever comes second leaves it to the first.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
            if not cursor.fetchone()[0]:
                return 0
        return _look_after(now=now)


def _look_after(*, now: datetime) -> int:
    transfers = list(
        Transfer.objects.filter(state__in=OPEN)
        .select_related("satellite", "artefact", "package", "forecast")
        .order_by(F("priority").desc(), "created_at", "pk")
    )
    needs = _needs(transfers)
    basis = _basis(needs, transfers, now)
    if all(_known(each) and each.forecast.basis == basis for each in transfers):
        return 0
    told, refused, reached_at = _ask(needs, transfers, now)
    for transfer, need in zip(transfers, needs, strict=True):
        why = refused.get(transfer.satellite.code, "")
        _write(transfer, need, told[need.key], why, basis, reached_at, now=now)
    return len(transfers)


def _ask(
    needs: Sequence[Need], transfers: Sequence[Transfer], now: datetime
) -> tuple[dict[str, Outlook], dict[str, str], datetime]:
    """Return the outlooks, why satellites have no passes, and how far ahead was looked.

    Where many wait for few places, or much fails, more windows are taken than the bytes alone
    would need, up to all of the horizon.
    """
    satellites = list({each.satellite_id: each.satellite for each in transfers}.values())
    fresh, known = links.estimate(carriages.history())
    for ample in openings.AMPLE:
        found, refused, reached_at = openings.of(satellites, needs, now, ample=ample)
        told = runs.forecast(needs, found, known, fresh, places=openings.places())
        if all(one.likely_s is not None for one in told.values()):
            break
    return told, refused, reached_at


def _known(transfer: Transfer) -> bool:
    return hasattr(transfer, "forecast")


def _needs(transfers: Sequence[Transfer]) -> list[Need]:
    """Return what each transfer lacks on board, in the order in which files are sent."""
    left: dict[Any, int] = {each.pk: 0 for each in transfers}
    rows = Shipment.objects.filter(transfer__in=transfers)
    packed = set(rows.filter(number__gte=0).values_list("transfer", flat=True))
    missing = rows.filter(delivered=False)
    for key, size, acknowledged in missing.values_list(
        "transfer", "size_bytes", "acknowledged_bytes"
    ):
        left[key] += size - acknowledged
    for each in transfers:
        if each.pk not in packed:  # its packs are being made; at most they are the artefact
            left[each.pk] += progress.carried_bytes(each, 0)
    return [Need(str(each.pk), each.satellite_id, max(left[each.pk], 1)) for each in transfers]


def _basis(needs: Sequence[Need], transfers: Sequence[Transfer], now: datetime) -> str:
    """Return a digest of all that forecasts follow from; with a contact open, of the time too."""
    satellites = {each.satellite_id for each in transfers}
    contacts = list(
        Contact.objects.filter(satellite__in=satellites, state__in=HOLDING)
        .order_by("pk")
        .values_list("pk", "version", "state", "aos_at", "los_at", "antenna")
    )
    ended = Contact.objects.filter(state__in=[ContactState.COMPLETED, ContactState.FAILED])
    is_open = any(state == ContactState.PASS for _, _, state, *_ in contacts)
    hours = now.timestamp() // (AGAIN_S if is_open else 3600.0)
    antennas = Antenna.objects.filter(is_active=True).order_by("pk")
    parts = (
        needs, _laser_plans(transfers), contacts, ended.count(), hours, clock.reading().rate,
        openings.places(),
        list(antennas.values_list("pk", "uplink_bit_per_s")),
    )  # fmt: skip
    return hashlib.blake2b(repr(parts).encode(), digest_size=16).hexdigest()


def _laser_plans(transfers: Sequence[Transfer]) -> list[tuple[Any, ...]]:
    """Return what is planned to come over laser links, and when, to `PLANNED_S`: the plan is made
    anew all the time, and says the same again to some tenths of a second."""
    rows = Spread.objects.filter(transfer__in=transfers, expected_at__isnull=False)
    planned = rows.exclude(laser=[]).order_by("transfer")
    return [
        (transfer, round(expected_at.timestamp() / PLANNED_S), laser)
        for transfer, expected_at, laser in planned.values_list("transfer", "expected_at", "laser")
    ]


def _write(
    transfer: Transfer,
    need: Need,
    outlook: Outlook,
    why: str,
    basis: str,
    reached_at: datetime,
    *,
    now: datetime,
) -> None:
    before = transfer.forecast if _known(transfer) else None
    by_at = _instant(outlook.likely_s)
    row = Forecast(
        transfer=transfer,
        made_at=now,
        horizon_at=reached_at,
        probability=outlook.probability,
        median_at=_instant(outlook.median_s),
        by_at=by_at,
        contacts=outlook.contacts,
        stations=list(outlook.stations),
        left_bytes=round(need.left_bytes),
        carried_bytes=round(outlook.carried_bytes),
        legs=[_leg(leg) for leg in outlook.legs[:LEGS_MOST]],
        first_by_at=(before.first_by_at if before else None) or by_at,
        basis=basis,
    )
    row.reason = "" if by_at else _lack(row, why)
    # The transfer may have been deleted or moved on meanwhile; a forecast locks nothing of it.
    Forecast.objects.update_or_create(
        transfer_id=transfer.pk,
        defaults={
            field.attname: getattr(row, field.attname)
            for field in Forecast._meta.concrete_fields
            if not field.primary_key
        },
    )
    if before is None or _is_news(before, row, now):
        events.publish(progress.STREAM, "forecast", _event(row))


def _instant(at_s: float | None) -> datetime | None:
    return None if at_s is None else datetime.fromtimestamp(at_s, UTC)


def _leg(leg: runs.Leg) -> dict[str, Any]:
    opening = leg.opening
    return {
        "contact": opening.key if opening.odds == 1.0 else None,
        "station": opening.station,
        "from_at": _instant(opening.from_s).isoformat(),
        "until_at": _instant(opening.until_s).isoformat(),
        "probability": round(leg.probability, 3),
        "mean_bytes": round(leg.mean_bytes),
    }


def _lack(row: Forecast, why: str) -> str:
    """Say that the contacts do not suffice, and by how much."""
    until = f"{row.horizon_at:%Y-%m-%dT%H:%MZ}"
    if not row.legs:
        return f"No contact up to {until} reaches the satellite. {why}".strip()
    if row.carried_bytes < row.left_bytes:
        return (
            f"The contacts up to {until} carry {row.carried_bytes:,} of {row.left_bytes:,} bytes, "
            f"and are enough with {100 * row.probability:.0f} % confidence only. {why}".strip()
        )
    return (
        f"The contacts up to {until} are enough with {100 * row.probability:.0f} % confidence "
        f"only. {why}".strip()
    )


def sentence(row: Forecast) -> str:
    """Return the forecast as people say it."""
    if row.reason == SUSPENDED:
        return SUSPENDED
    if row.by_at is None:
        return f"not certain to be delivered: {row.reason}"
    # Rounded up, since it says "by".
    by_at = row.by_at + timedelta(seconds=59, microseconds=999_999)
    counted = f"{row.contacts} contact{'s' if row.contacts != 1 else ''}"
    over = " and ".join([", ".join(row.stations[:-1]), row.stations[-1]]).removeprefix(" and ")
    return f"delivered by {by_at:%Y-%m-%dT%H:%MZ} with 95 % confidence, {counted}, over {over}"


def _is_news(before: Forecast, row: Forecast, now: datetime) -> bool:
    if (before.by_at is None) != (row.by_at is None) or before.reason != row.reason:
        return True
    if before.contacts != row.contacts or before.stations != row.stations:
        return True
    if row.by_at is None:
        return False
    moved_s = abs((row.by_at - before.by_at).total_seconds())
    return moved_s > max(TOLD_S, TOLD_SHARE * (row.by_at - now).total_seconds())


def say_suspended(transfer: Transfer, *, now: datetime) -> None:
    """Say of a transfer that nobody knows when it will be delivered, since it is held back."""
    numbers = progress.summary(transfer)
    known = Forecast.objects.filter(transfer=transfer).first()
    row, _ = Forecast.objects.update_or_create(
        transfer=transfer,
        defaults={
            "made_at": now,
            "horizon_at": now,
            "probability": 0.0,
            "median_at": None,
            "by_at": None,
            "contacts": 0,
            "stations": [],
            "left_bytes": max(numbers["size_bytes"] - numbers["acknowledged_bytes"], 0),
            "carried_bytes": 0,
            "legs": [],
            "reason": SUSPENDED,
            "first_by_at": known.first_by_at if known else None,
            "basis": SUSPENDED[:32],
        },
    )
    events.publish(progress.STREAM, "forecast", _event(row))


def shown(transfer: Transfer) -> Forecast | None:
    """Return the forecast that holds for a transfer in its state, None while it is made."""
    known = getattr(transfer, "forecast", None)
    is_held_back = transfer.state == State.SUSPENDED
    if known is None or not (is_held_back or transfer.state in OPEN):
        return None
    return known if is_held_back == (known.reason == SUSPENDED) else None


def _event(row: Forecast) -> dict[str, Any]:
    return {
        "transfer": str(row.transfer_id),
        "satellite": row.transfer.satellite.code,
        "by_at": row.by_at.isoformat() if row.by_at else None,
        "median_at": row.median_at.isoformat() if row.median_at else None,
        "probability": row.probability,
        "contacts": row.contacts,
        "stations": row.stations,
        "sentence": sentence(row),
    }
