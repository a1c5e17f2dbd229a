"""Parts of the satellite page that belong to this room: newest values and plots."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_safe

from constellation.models import Satellite
from ops import clock
from ops.pages import needs
from telemetry import overview
from telemetry.definitions import pages as definition_pages


@require_safe
@needs("telemetry.view_sample")
def latest(request: HttpRequest, code: str) -> HttpResponse:
    """The table of newest values alone, fetched again when telemetry arrives."""
    return render(request, "telemetry/latest.html", {"panel": _shown(request, code)})


@require_safe
@needs("telemetry.view_sample")
def plots(request: HttpRequest, code: str) -> HttpResponse:
    """The plots of the parameters that were ticked, and the table beside them."""
    return render(request, "telemetry/panel.html", {"panel": _shown(request, code)})


def _shown(request: HttpRequest, code: str) -> dict[str, Any]:
    return overview.of_satellite(
        _satellite(code),
        clock.now(),
        request.GET.getlist("plot"),
        span=request.GET.get("span", "hour"),
        search=request.GET.get("search", "").strip(),
    )


def _satellite(code: str) -> Satellite:
    satellite = Satellite.objects.filter(code=code).first()
    if satellite is None:
        raise Http404(f"There is no satellite {code}.")
    return satellite


urlpatterns = [
    *definition_pages.urlpatterns,
    path("satellites/<str:code>/latest", latest, name="latest"),
    path("satellites/<str:code>/plots", plots, name="plots"),
]
