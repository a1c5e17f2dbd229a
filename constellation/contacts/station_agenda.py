"""What the pages of stations show: antennas with what they do now, do next, and when nothing."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Prefetch

from constellation.contacts import booking
from constellation.contacts.agenda import STATUS, WORDS
from constellation.contacts.models import FLYING, HOLDING, Contact, State
from constellation.models import Antenna, Maintenance, Station
from ops.accounts.models import User

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Dish:
    """One antenna: its state in a word, and its contact under way or next."""

    antenna: Antenna
    status: str
    words: str
    next_contact: Contact | None


@dataclass(frozen=True)
class Row:
    """One station of the list; `contacts` are those of the next day."""

    station: Station
    antennas: list[Dish]
    contacts: int
    next_contact: Contact | None


def rows(user: User, now: datetime, stations: Iterable[Station] | None = None) -> list[Row]:
    """Return one row a station, by code; of the contacts those that `user` may know of."""
    wanted = Station.objects.prefetch_related(
        Prefetch("antennas", Antenna.objects.order_by("code"), to_attr="dishes")
    )
    if stations is not None:
        wanted = wanted.filter(pk__in=[station.pk for station in stations])
    held = booking.visible_to(user).filter(state__in=HOLDING, los_at__gt=now, aos_at__lt=now + DAY)
    counts = dict(held.order_by().values_list("antenna_id").annotate(Count("pk")))
    firsts = held.select_related("satellite").order_by("antenna_id", "aos_at")
    first_of = {contact.antenna_id: contact for contact in firsts.distinct("antenna_id")}
    spans = Maintenance.objects.filter(starts_at__lte=now, ends_at__gt=now)
    closed = set(spans.values_list("antenna_id", flat=True))
    found = []
    for station in wanted:
        dishes = [
            _dish(antenna, first_of.get(antenna.pk), antenna.pk in closed)
            for antenna in station.dishes
        ]
        count = sum(counts.get(antenna.pk, 0) for antenna in station.dishes)
        soonest = [dish.next_contact for dish in dishes if dish.next_contact]
        found.append(
            Row(station, dishes, count, min(soonest, key=lambda each: each.aos_at, default=None))
        )
    return found


def _dish(antenna: Antenna, first: Contact | None, is_closed: bool) -> Dish:
    if first and first.state in FLYING:
        state = State(first.state)
        return Dish(antenna, STATUS[state], WORDS[state], first)
    if not antenna.is_active:
        return Dish(antenna, "off", "Out of service", first)
    if is_closed:
        return Dish(antenna, "off", "Maintenance", first)
    # Not "free": others may be in contact over it, of whom the reader may not know.
    return Dish(antenna, "standby", "In service", first)


def maintenances(now: datetime, station: Station | None = None) -> list[Maintenance]:
    """Return the spans in which antennas serve nobody, as far as they are not over."""
    spans = Maintenance.objects.filter(ends_at__gt=now).select_related("antenna__station")
    if station is not None:
        spans = spans.filter(antenna__station=station)
    return list(spans.order_by("starts_at", "antenna__code"))
