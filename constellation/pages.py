"""Pages of this room: the fleet on its map, and one satellite."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_safe

from constellation import element_pages, fleet
from constellation.contacts import agenda
from constellation.models import Satellite
from ops import clock
from ops.console import panels
from ops.pages import needs


@require_safe
@needs("constellation.view_satellite")
def fleet_page(request: HttpRequest) -> HttpResponse:
    """The map, the list of satellites, and the contacts under way and next.

    Asked for by htmx (when something changed), it answers with the moving parts alone.
    """
    now = clock.now()
    words = request.GET.get("q", "").strip()
    rows = fleet.rows(request.user, fleet.found(words), now)
    template = "constellation/fleet_parts.html" if request.htmx else "constellation/fleet.html"
    return render(
        request,
        template,
        {
            "now": now,
            "words": words,
            "rows": rows[: fleet.LIST_MAX],
            "more": max(0, len(rows) - fleet.LIST_MAX),
            "count": len(rows),
            "map_facts": fleet.map_facts(request.user, rows, now),
            "next_up": agenda.next_up(request.user, now),
            "section": "fleet",
        },
    )


@require_safe
@needs("constellation.view_satellite")
def satellite_page(request: HttpRequest, code: str) -> HttpResponse:
    """One satellite: what every room has to say about it."""
    now = clock.now()
    satellite = Satellite.objects.filter(code=code).select_related("profile", "plane").first()
    if satellite is None:
        raise Http404(f"There is no satellite {code}.")
    [row] = fleet.rows(request.user, [satellite], now)
    elements = fleet.element_set_of(satellite, now)
    return render(
        request,
        "constellation/satellite.html",
        {
            "now": now,
            "satellite": satellite,
            "row": row,
            "elements": elements,
            "orbit": fleet.orbit_of(elements) if elements else [],
            "light": fleet.light_of(satellite, now) if elements else [],
            "elements_age_days": (now - elements.epoch_at).total_seconds() / 86400
            if elements
            else None,
            "contacts": agenda.of_satellite(request.user, satellite, now),
            "panels": panels.panels_of("satellite", satellite, request.user, now),
            "section": "fleet",
        },
    )


urlpatterns = [
    path("", fleet_page, name="fleet"),
    path("satellites/<str:code>", satellite_page, name="satellite"),
    *element_pages.urlpatterns,
]
