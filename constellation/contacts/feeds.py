"""Calendars of a station or a satellite: its passes, and the contacts that are booked."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from math import degrees, radians

from constellation import icalendar, pass_waiting, visibility
from constellation.contacts import booking
from constellation.contacts.agenda import WORDS
from constellation.contacts.models import Contact, State
from constellation.icalendar import Event
from constellation.models import Satellite, Station
from constellation.pass_details import LIGHTS
from constellation.visibility import Pass
from ops import errors
from ops.accounts.models import User

BEFORE = timedelta(days=1)
DAYS, DAYS_MAX = 2, 7
EVENTS_MAX = 10_000
GRID = timedelta(hours=1)
"""The span moves in steps, so that a feed stays the same between them."""
SAME_PASS_S = 1_800.0
STATUS = {
    State.SCHEDULING: "TENTATIVE",
    State.FAILED_TO_SCHEDULE: "CANCELLED",
    State.FAILED: "CANCELLED",
    State.CANCELLING: "CANCELLED",
    State.CANCELLED: "CANCELLED",
}


class TooManyEvents(errors.Invalid):
    code = "too_many_events"


def calendar(
    thing: Station | Satellite, user: User, now: datetime, *, days: int, min_elevation_deg: float
) -> bytes:
    """Return the calendar of a station or satellite from a day ago on, for what `user` may see.

    Contacts in any state are told, passes above an elevation. Refuses more events than
    calendar programs bear.
    """
    today = datetime.fromtimestamp(now.timestamp() // GRID.total_seconds() * 3600, UTC)
    start_at, end_at = today - BEFORE, today + timedelta(days=days)
    contacts = booking.visible_to(user).filter(los_at__gt=start_at, aos_at__lt=end_at)
    if isinstance(thing, Station):
        contacts = contacts.filter(antenna__station=thing)
        view = visibility.view_at(start_at, None, [thing])
    else:
        contacts = contacts.filter(satellite=thing)
        view = visibility.view_at(start_at, [thing], None)
    pass_waiting.check(view, start_at, end_at)
    events = [
        _contact(each)
        for each in contacts.select_related("satellite", "antenna__station").order_by("aos_at")
    ]
    seen: list[Pass] = []
    for table in visibility.walk(view, start_at, end_at):
        high = table.rows["max_elevation_rad"] >= radians(min_elevation_deg)
        if len(events) + len(seen) + int(high.sum()) > EVENTS_MAX:
            raise TooManyEvents(
                f"The calendar would have more than {EVENTS_MAX:,} events. "
                "Ask for fewer days or a higher min_elevation_deg."
            )
        seen += table.part(high).passes()
    return icalendar.calendar(f"{thing.name} ({thing.code})", [*events, *_passes(seen)])


def _contact(contact: Contact) -> Event:
    station, satellite = contact.antenna.station, contact.satellite
    words = WORDS[State(contact.state)]
    return Event(
        uid=f"contact-{contact.pk}@zenith",
        stamp_at=contact.created_at,
        start_at=contact.aos_at,
        end_at=contact.los_at,
        summary=f"CONTACT {satellite.name} on {contact.antenna.code}: {words.lower()}",
        description=(
            f"Booked contact, {words.lower()}.\n"
            f"Antenna {contact.antenna.code}, taken from {_hms(contact.starts_at)} to "
            f"{_hms(contact.ends_at)} UTC.\n"
            f"Maximum elevation {contact.max_elevation_deg:.1f}° at {_hms(contact.tca_at)} UTC.\n"
            f"Booked by {contact.booked_by}."
        ),
        location=f"{station.name} ({station.code})",
        latitude_deg=station.latitude_deg,
        longitude_deg=station.longitude_deg,
        category="CONTACT",
        status=STATUS.get(State(contact.state), "CONFIRMED"),
        is_busy=STATUS.get(State(contact.state)) != "CANCELLED",
        sequence=contact.version - 1,
    )


def _passes(passes: Iterable[Pass]) -> Iterator[Event]:
    """Yield passes as events.

    The name of a pass is made of its satellite, its station and the half hour nearest to its
    TCA, so that the event moves when a new element set moves the pass by seconds. Several
    passes in a half hour, cut apart by a horizon, are counted.
    """
    held: Counter[str] = Counter()
    for each in passes:
        nearest = round(each.tca_at.timestamp() / SAME_PASS_S)
        name = f"pass-{each.satellite.code}-{each.station.code}-{nearest}".lower()
        held[name] += 1
        yield _pass(each, f"{name}-{held[name]}@zenith" if held[name] > 1 else f"{name}@zenith")


def _pass(each: Pass, uid: str) -> Event:
    station = each.station
    elevation = f"{degrees(each.max_elevation_rad):.1f}°"
    cut = " Cut: it began before." if each.begun_before else ""
    cut += " Cut: it goes on." if each.ends_after else ""
    return Event(
        uid=uid,
        stamp_at=each.element_set.loaded_at,
        start_at=each.aos_at,
        end_at=each.los_at,
        summary=f"Pass {each.satellite.name} over {station.code}, {elevation}",
        description=(
            "Geometry only: nothing is booked by this.\n"
            f"Maximum elevation {elevation} at {_hms(each.tca_at)} UTC, "
            f"{each.tca_range_m / 1000:.0f} km.\n"
            f"Azimuth {degrees(each.aos_azimuth_rad):.0f}°, "
            f"{degrees(each.tca_azimuth_rad):.0f}°, {degrees(each.los_azimuth_rad):.0f}°; "
            f"satellite {LIGHTS[each.tca_light]} at the top.{cut}"
        ),
        location=f"{station.name} ({station.code})",
        latitude_deg=station.latitude_deg,
        longitude_deg=station.longitude_deg,
        category="PASS",
        status="TENTATIVE",
        is_busy=False,
    )


def _hms(at: datetime) -> str:
    return f"{at.astimezone(UTC):%H:%M:%S}"
