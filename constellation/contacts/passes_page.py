"""Pages of passes: the list with its filters, one pass on its sky, and calendar addresses."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_POST, require_safe

from constellation import (
    calendar_tokens,
    pass_pages,
    pass_question,
    pass_waiting,
    sky_plot,
    visibility,
)
from constellation.contacts import agenda, booking
from constellation.contacts.models import HOLDING
from constellation.models import Plane, Satellite, Station
from constellation.pass_details import Teller
from constellation.pass_pages import Cursor
from constellation.pass_question import LIGHTS, PassFilter
from constellation.questions import check_span, rfc3339
from constellation.visibility import Pass
from ops import clock
from ops.accounts import roles
from ops.errors import Invalid, NotFound
from ops.pages import needs

ROWS = 100
NAMES_MAX = 300
"""Above this many satellites a list to choose from is of no use to anybody."""
ELEVATIONS = [("", "Any elevation"), *((f"{deg}", f"above {deg}°") for deg in (20, 30, 45, 60, 75))]
NEAR = timedelta(minutes=10)


class BadFilter(Invalid):
    code = "bad_filter"


@require_safe
@needs("constellation.view_pass")
def passes_page(request: HttpRequest) -> HttpResponse:
    """The passes of the next day, a hundred at a time, and the chosen one on its sky.

    While much is still to be computed it says how far that is, and asks again by itself.
    """
    now = clock.now()
    given = {name: value for name, value in request.GET.items() if value.strip()}
    question = pass_question.understood(_read(given), now)
    view = question.view()
    progress = pass_waiting.progress(view, question.start_at, question.end_at)
    shown: dict[str, Any] = {
        "now": now,
        "given": given,
        "question": question,
        "progress": progress,
        "lights": list(LIGHTS),
        "elevations": ELEVATIONS,
        "stations": Station.objects.values_list("code", "name"),
        "clusters": _clusters(),
        "satellites": names(),
        "query": _query(given, {}),
        "section": "passes",
    }
    if progress.is_near:
        shown |= _listed(request, question, view, given)
    return render(request, "contacts/passes.html", shown)


def _read(given: dict[str, str]) -> dict[str, Any]:
    """Return the fields of the filter; refuse what cannot be read, and names nobody knows."""
    known = {*PassFilter().fields, "cursor"}
    if unknown := sorted(set(given) - known):
        raise BadFilter(f"There is no filter {', '.join(unknown)}.")
    read = PassFilter(data=given)
    if not read.is_valid():
        said = [f"{name}: {' '.join(map(str, words))}" for name, words in read.errors.items()]
        raise BadFilter(" ".join(said))
    return read.validated_data


def _listed(request: HttpRequest, question, view, given: dict[str, str]) -> dict[str, Any]:
    cursor = pass_pages.read(given["cursor"]) if "cursor" in given else None
    page = pass_pages.gather(pass_pages.after(question, view, cursor), ROWS)
    teller = Teller()
    bodies = [body for table in page.tables for body in teller.bodies(table)]
    passes = [each for table in page.tables for each in table.passes()]
    booked = _booked(request, passes)
    rows = [
        {"pass": each, "body": body, "contact": booked(each)}
        for each, body in zip(passes, bodies, strict=True)
    ]
    following = None
    if page.more:
        last = Cursor(*pass_pages.place_of(page.tables[-1], -1), view.version)
        following = _query(
            given,
            {
                "start": rfc3339(question.start_at),
                "end": rfc3339(question.end_at),
                "cursor": pass_pages.write(last),
            },
        )
    first = _query(given, {"cursor": ""}) if cursor else None
    return {
        "rows": rows,
        "next": following,
        "first": first,
        "refused": page.refused,
        **(_sky(request, passes[0]) if passes else {}),
    }


def _booked(request: HttpRequest, passes: list[Pass]):
    """Return a function from a pass to the contact that is booked in it, if somebody may know."""
    if not passes:
        return lambda _: None
    contacts = booking.visible_to(request.user).filter(
        state__in=HOLDING,
        los_at__gt=min(each.aos_at for each in passes),
        aos_at__lt=max(each.los_at for each in passes),
        satellite__in={each.satellite.pk for each in passes},
    )
    held: dict[tuple[int, int], list] = {}
    for contact in contacts.select_related("antenna"):
        held.setdefault((contact.satellite_id, contact.antenna.station_id), []).append(contact)

    def find(each: Pass):
        of_pair = held.get((each.satellite.pk, each.station.pk), ())
        return next((c for c in of_pair if c.aos_at < each.los_at and c.los_at > each.aos_at), None)

    return find


@require_safe
@needs("constellation.view_pass")
def sky(request: HttpRequest) -> HttpResponse:
    """One pass on its sky, for the side of the page: `?satellite=…&station=…&tca=…`."""
    satellite = Satellite.objects.filter(code=request.GET.get("satellite", "")).first()
    station = Station.objects.filter(code=request.GET.get("station", "")).first()
    try:
        tca_at = datetime.fromisoformat(request.GET.get("tca", ""))
        tca_at = tca_at if tca_at.tzinfo else tca_at.replace(tzinfo=UTC)
        check_span(tca_at - NEAR, tca_at + NEAR)
    except (ValueError, OverflowError) as error:
        raise BadFilter("A pass is named by satellite, station and tca, in RFC 3339.") from error
    if satellite is None or station is None:
        raise NotFound("There is no such satellite or station.")
    seen = visibility.passes_between(
        tca_at - NEAR, tca_at + NEAR, satellites=[satellite], stations=[station]
    ).passes
    if not seen:
        raise NotFound("There is no such pass any more: the orbit or the station has changed.")
    nearest = min(seen, key=lambda each: abs(each.tca_at - tca_at))
    template = "contacts/pass_sky.html" if request.htmx else "contacts/pass.html"
    return render(request, template, {**_sky(request, nearest), "section": "passes"})


def _sky(request: HttpRequest, each: Pass) -> dict[str, Any]:
    now = clock.now()
    [bookable] = agenda.bookable([each], now)
    start_at = each.aos_at - timedelta(microseconds=1)
    # The orbit that the pass is of, whichever one is of record where it begins.
    view = visibility.view_at(start_at, [], [each.station])
    view = replace(view, element_sets=[each.element_set])
    table = visibility.table_between(view, start_at, each.los_at)
    bodies = Teller().bodies(table)
    body = min(bodies, key=lambda one: abs(datetime.fromisoformat(one["tca_at"]) - each.tca_at))
    return {
        "now": now,
        "each": each,
        "body": body,
        "plot": sky_plot.plot(each),
        "bookable": bookable,
        "may_book": roles.may(request.user, "contacts.add_contact") and each.los_at > now,
    }


@require_safe
@never_cache
@needs("constellation.view_pass")
def calendars(request: HttpRequest) -> HttpResponse:
    """One's own calendar addresses."""
    return _calendars(request, None)


@require_POST
@never_cache
@needs("constellation.view_pass")
@sensitive_variables("token")
def add_calendar(request: HttpRequest) -> HttpResponse:
    """Make a calendar address, and show it this once."""
    name = request.POST.get("name", "").strip()
    if not name or len(name) > 100:
        raise BadFilter("A calendar address needs a name of up to 100 characters.")
    _, token = calendar_tokens.issue(token_id=uuid4(), user=request.user, name=name)
    return _calendars(request, token)


@require_POST
@needs("constellation.view_pass")
def revoke_calendar(request: HttpRequest, token_id: UUID) -> HttpResponse:
    """Take a calendar address back."""
    calendar_tokens.revoke(token_id=token_id, user=request.user)
    return redirect("calendars")


def _calendars(request: HttpRequest, token: str | None) -> HttpResponse:
    return render(
        request,
        "contacts/calendars.html",
        {
            "tokens": calendar_tokens.of_user(request.user),
            "address": token and request.build_absolute_uri(f"/api/v1/calendars/{token}/"),
            "section": "passes",
        },
    )


def _clusters() -> list[str]:
    flown = Plane.objects.filter(satellites__is_active=True)
    shells = flown.order_by("shell").values_list("shell", flat=True).distinct()
    planes = flown.order_by("code").values_list("code", flat=True).distinct()
    return list(dict.fromkeys([*shells, *planes]))


def names() -> list[tuple[str, str]]:
    """Return the satellites to choose from, or none where they are too many for a list."""
    names = Satellite.objects.filter(is_active=True).values_list("code", "name")[: NAMES_MAX + 1]
    return [] if len(names) > NAMES_MAX else list(names)


def _query(given: dict[str, str], changes: dict[str, str]) -> str:
    query = QueryDict(mutable=True)
    query.update({name: value for name, value in (given | changes).items() if value})
    return query.urlencode()


urlpatterns = [
    path("passes", passes_page, name="passes"),
    path("passes/sky", sky, name="pass-sky"),
    path("passes/calendars", calendars, name="calendars"),
    path("passes/calendars/new", add_calendar, name="add-calendar"),
    path("passes/calendars/<uuid:token_id>/revoke", revoke_calendar, name="revoke-calendar"),
]
