"""Pages of stations: what each has and does, and keeping antennas free or out of service."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_POST, require_safe

from constellation.contacts import agenda, station_agenda, upkeep
from constellation.models import Antenna, Station
from ops import clock
from ops.accounts import roles
from ops.errors import NotFound, Refusal
from ops.pages import InstantField, cleaned, needs

HOUR = timedelta(hours=1)


class MaintenanceForm(forms.Form):
    id = forms.UUIDField()
    antenna = forms.CharField(max_length=24)
    starts_at = InstantField()
    ends_at = InstantField()
    reason = forms.CharField(max_length=200)
    cancels_booked = forms.BooleanField(required=False)


class ServiceForm(forms.Form):
    action = forms.ChoiceField(choices=[(each, each) for each in ("in", "out")])


@require_safe
@needs("constellation.view_station")
def stations_page(request: HttpRequest) -> HttpResponse:
    """Every station with what its antennas do now, and the antennas that serve nobody.

    Asked for by htmx (when something changed), it answers with the moving parts alone.
    """
    now = clock.now()
    rows = station_agenda.rows(request.user, now)
    template = "contacts/stations_parts.html" if request.htmx else "contacts/stations.html"
    return render(
        request,
        template,
        {
            "now": now,
            "rows": rows,
            "antenna_count": sum(len(row.antennas) for row in rows),
            "maintenances": station_agenda.maintenances(now),
            **_reserving(request, now),
            "section": "stations",
        },
    )


@require_safe
@needs("constellation.view_station")
def station_page(request: HttpRequest, code: str) -> HttpResponse:
    """One station: its antennas, what is booked over them, and when they serve nobody."""
    now = clock.now()
    station = Station.objects.filter(code=code).first()
    if station is None:
        raise Http404(f"There is no station {code}.")
    [row] = station_agenda.rows(request.user, now, [station])
    template = "contacts/station_parts.html" if request.htmx else "contacts/station.html"
    return render(
        request,
        template,
        {
            "now": now,
            "station": station,
            "row": row,
            "contacts": agenda.over_station(request.user, station, now),
            "maintenances": station_agenda.maintenances(now, station),
            "may_change": roles.may(request.user, "constellation.change_station"),
            **_reserving(request, now, station),
            "section": "stations",
        },
    )


@require_safe
@needs("constellation.view_station")
def maintenances(request: HttpRequest) -> HttpResponse:
    """The maintenances that are not over, of one station if `?of=` names it: for those pages."""
    station = Station.objects.filter(code=request.GET.get("of", "")).first()
    return render(
        request,
        "contacts/maintenances.html",
        {
            "now": (now := clock.now()),
            "maintenances": station_agenda.maintenances(now, station),
            "may_give_back": roles.may(request.user, "contacts.delete_maintenance"),
        },
    )


def _reserving(
    request: HttpRequest, now: datetime, station: Station | None = None
) -> dict[str, object]:
    """Return what the form of a maintenance begins with: two hours from the next full one."""
    antennas = Antenna.objects.filter(station=station) if station else Antenna.objects.all()
    start = now.replace(minute=0, second=0, microsecond=0) + HOUR
    return {
        "may_reserve": roles.may(request.user, "contacts.add_maintenance"),
        "may_give_back": roles.may(request.user, "contacts.delete_maintenance"),
        "choices": list(antennas.values_list("code", flat=True)),
        "new_id": uuid4(),  # so that who presses twice reserves once
        "starts_at": start,
        "ends_at": start + 2 * HOUR,
    }


@require_POST
@needs("contacts.add_maintenance")
def reserve(request: HttpRequest) -> HttpResponse:
    """Keep an antenna free of contacts for a span; then to its station."""
    wanted = cleaned(MaintenanceForm(request.POST))
    maintenance_id = wanted.pop("id")
    antenna = _antenna(wanted["antenna"])
    try:
        row, _ = upkeep.reserve(
            maintenance_id=maintenance_id,
            by=request.user.get_username(),
            **wanted | {"antenna": antenna},
        )
    except Refusal as refusal:
        messages.error(request, str(refusal))
    else:
        span = f"{row.starts_at:%Y-%jT%H:%M}Z to {row.ends_at:%Y-%jT%H:%M}Z"
        messages.success(request, f"{antenna} serves nobody from {span}.")
    return redirect("station", code=antenna.station.code)


@require_POST
@needs("contacts.delete_maintenance")
def give_back(request: HttpRequest, maintenance_id: UUID) -> HttpResponse:
    """End a maintenance, or what is left of it; then to its station."""
    row = upkeep.give_back(maintenance_id)
    messages.success(request, f"{row.antenna} may be booked again.")
    return redirect("station", code=row.antenna.station.code)


@require_POST
@needs("constellation.change_station")
def set_service(request: HttpRequest, code: str) -> HttpResponse:
    """Put an antenna into service or out of it; then to its station."""
    is_active = cleaned(ServiceForm(request.POST))["action"] == "in"
    antenna = _antenna(code)
    by = request.user.get_username()
    upkeep.set_service(antenna, is_active=is_active, by=by, now=clock.now())
    words = "is in service." if is_active else "is out of service; nothing is booked over it."
    messages.success(request, f"{antenna} {words}")
    return redirect("station", code=antenna.station.code)


def _antenna(code: str) -> Antenna:
    antenna = Antenna.objects.select_related("station").filter(code=code).first()
    if antenna is None:
        raise NotFound(f"There is no antenna {code}.")
    return antenna


urlpatterns = [
    path("stations", stations_page, name="stations"),
    path("stations/<str:code>", station_page, name="station"),
    path("maintenances", maintenances, name="maintenances"),
    path("maintenances/new", reserve, name="reserve-maintenance"),
    path("maintenances/<uuid:maintenance_id>/end", give_back, name="end-maintenance"),
    path("antennas/<str:code>/service", set_service, name="set-service"),
]
