"""Keeping the next day booked: passes become contacts, the most valuable first.

Every tick plans the next two hours anew around what is booked, and what of the day no tick has
planned yet. What is booked stays booked; what somebody cancelled is not booked again.
"""

import logging
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from math import degrees
from uuid import uuid4

from django.db import transaction
from django.db.models import Max, Q

from constellation import visibility
from constellation.contacts import booking, darkness, greedy
from constellation.contacts.models import HOLDING, Contact, Demand, State
from constellation.models import Antenna, Maintenance, Satellite
from constellation.visibility import Pass
from ops import errors
from ops.accounts.models import Organisation
from ops.live import events

HORIZON = timedelta(hours=24)
NEAR = timedelta(hours=2)
JOIN_S = 3.0
"""A pass under way is joined this much later: an idle antenna needs only to turn."""
MINIMUM_S = 60.0
HEALTH_EVERY = timedelta(hours=6)
"""A satellite is heard of at least this often, if any pass allows it."""
log = logging.getLogger(__name__)


class NobodyToPlanFor(errors.Unavailable):
    code = "no_operating_organisation"


def plan_contacts(now: datetime) -> list[Contact]:
    """Book what is worth booking of the next 24 hours; return the new contacts.

    Two hours at a time, each committed by itself: the first contacts of a fresh system do not
    wait for the rest of the day, and nobody's booking waits long for the planner's locks.
    """
    # The last half hour once more: a pass that the end of the horizon cut is whole by now.
    planned_to = _planned_to(now) - timedelta(minutes=30)
    contacts = plan_span(now, now, now + NEAR)
    start_at = max(now + NEAR, planned_to)
    while start_at < now + HORIZON:
        end_at = min(start_at + NEAR, now + HORIZON)
        contacts += plan_span(now, start_at, end_at)
        start_at = end_at
    return contacts


def plan_soon(now: datetime) -> list[Contact]:
    """Book the next two hours, unless the day is booked already: what a start cannot wait for."""
    if _planned_to(now) > now + NEAR / 2:
        return []
    return plan_span(now, now, now + NEAR)


def _planned_to(now: datetime) -> datetime:
    """Return how far the planner has got: the last AOS that it booked."""
    booked = Contact.objects.filter(booked_by="planner", state__in=HOLDING)
    return max(booked.aggregate(last=Max("aos_at"))["last"] or now, now)


def plan_span(now: datetime, start_at: datetime, end_at: datetime) -> list[Contact]:
    """Book what is worth booking of the passes that overlap a span from now on."""
    seen = visibility.passes_between(start_at, end_at)
    for code, why in seen.refused.items():
        log.warning("%s is not planned for: %s", code, why)
    with transaction.atomic():
        # The same order as every booking has it: antennas, then satellites.
        antennas = list(
            Antenna.objects.select_for_update(no_key=True, of=("self",))
            .filter(is_active=True)
            .order_by("pk")
        )
        satellites = {each.satellite.pk: each.satellite for each in seen.passes}
        list(
            Satellite.objects.select_for_update(no_key=True, of=("self",))
            .filter(pk__in=satellites)
            .order_by("pk")
            .values_list("pk")
        )
        problem, by_window = _problem(now, seen.passes, antennas)
        problem.eclipses = darkness.eclipses_of(satellites.values(), start_at, end_at)
        choices = greedy.plan(problem)
        contacts = _book(choices, by_window, antennas)
        if contacts:
            span = {"count": len(contacts), "until": end_at.isoformat()}
            events.publish(booking.STREAM, "planned", span)
    return contacts


def _problem(
    now: datetime, seen: list[Pass], antennas: list[Antenna]
) -> tuple[greedy.Problem, dict[greedy.Window, Pass]]:
    start_s = now.timestamp() + JOIN_S
    cancelled = _cancelled(now)
    by_window = {}
    for each in seen:
        key = each.satellite.pk, each.station.pk
        if any(aos < each.los_at and los > each.aos_at for aos, los in cancelled.get(key, ())):
            continue
        by_window[greedy.Window(*key, each.aos_at.timestamp(), each.los_at.timestamp())] = each
    antenna_busy, satellite_busy = _busy(now)
    dishes = [
        greedy.Dish(each.pk, each.station_id, each.setup_s, each.teardown_s, each.uplink_bit_per_s)
        for each in antennas
    ]
    problem = greedy.Problem(
        start_s=start_s,
        windows=list(by_window),
        dishes=dishes,
        wishes=_wishes(now, {each.satellite.pk for each in seen}),
        minimum_s=MINIMUM_S,
        antenna_busy=antenna_busy,
        satellite_busy=satellite_busy,
    )
    return problem, by_window


def _cancelled(now: datetime) -> dict[tuple[int, int], list[tuple[datetime, datetime]]]:
    """Return the spans somebody cancelled, by satellite and station."""
    spans: dict[tuple[int, int], list[tuple[datetime, datetime]]] = {}
    taken_back = Contact.objects.filter(
        state__in=[State.CANCELLED, State.CANCELLING], los_at__gt=now, pass_gone=False
    )
    for satellite, station, aos_at, los_at in taken_back.values_list(
        "satellite_id", "antenna__station_id", "aos_at", "los_at"
    ):
        spans.setdefault((satellite, station), []).append((aos_at, los_at))
    return spans


def _busy(now: datetime) -> tuple[dict[int, list[greedy.Span]], dict[int, list[greedy.Span]]]:
    antennas: dict[int, list[greedy.Span]] = {}
    satellites: dict[int, list[greedy.Span]] = {}
    # Set-up reaches back into the past of a pass that is joined.
    recent = now - timedelta(hours=1)
    held = Contact.objects.filter(state__in=HOLDING, ends_at__gt=recent)
    for antenna, satellite, starts_at, ends_at in held.values_list(
        "antenna_id", "satellite_id", "starts_at", "ends_at"
    ):
        span = (starts_at.timestamp(), ends_at.timestamp())
        antennas.setdefault(antenna, []).append(span)
        satellites.setdefault(satellite, []).append(span)
    for out in Maintenance.objects.filter(ends_at__gt=recent):
        span = (out.starts_at.timestamp(), out.ends_at.timestamp())
        antennas.setdefault(out.antenna_id, []).append(span)
    return antennas, satellites


def _wishes(now: datetime, satellites: Iterable[int]) -> dict[int, greedy.Wish]:
    wishes = {pk: greedy.Wish() for pk in satellites}
    heard = dict(
        Contact.objects.filter(
            Q(state__in=HOLDING) | Q(state=State.COMPLETED), satellite__in=wishes
        )
        .values_list("satellite")
        .annotate(last=Max("los_at"))
        .order_by()
    )
    for pk, wish in wishes.items():
        wish.health_due_s = (heard.get(pk, now - HEALTH_EVERY) + HEALTH_EVERY).timestamp()
    for demand in Demand.objects.all():
        for pk, wish in wishes.items():
            if demand.satellite_id in (None, pk):
                wish.up_bytes += demand.up_bytes
                wish.value += demand.value
    return wishes


def _book(
    choices: list[greedy.Choice], by_window: dict[greedy.Window, Pass], antennas: list[Antenna]
) -> list[Contact]:
    if not choices:
        return []
    operator = Organisation.objects.filter(operates_fleet=True).order_by("pk").first()
    if operator is None:
        raise NobodyToPlanFor("No organisation operates the fleet; there is nobody to plan for.")
    by_pk = {each.pk: each for each in antennas}
    return Contact.objects.bulk_create(
        _contact(choice, by_window[choice.window], by_pk[choice.antenna], operator)
        for choice in choices
    )


def _contact(
    choice: greedy.Choice, seen: Pass, antenna: Antenna, operator: Organisation
) -> Contact:
    aos_at = datetime.fromtimestamp(choice.aos_s, UTC)
    los_at = datetime.fromtimestamp(choice.los_s, UTC)
    return Contact(
        id=uuid4(),
        organisation=operator,
        satellite=seen.satellite,
        antenna=antenna,
        aos_at=aos_at,
        los_at=los_at,
        starts_at=aos_at - timedelta(seconds=antenna.setup_s),
        ends_at=los_at + timedelta(seconds=antenna.teardown_s),
        tca_at=seen.tca_at,
        max_elevation_deg=degrees(seen.max_elevation_rad),
        booked_by="planner",
    )
