"""Parts of the satellite page that belong to this room: newest values and plots."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_safe

from constellation.models import Satellite
from ops import clock
from ops.pages import needs
from telemetry import overview


@require_safe
@needs("telemetry.view_sample")
def latest(request: HttpRequest, code: str) -> HttpResponse:
    """The table of newest values alone, fetched again when telemetry arrives."""
    shown = overview.of_satellite(_satellite(code), clock.now(), request.GET.getlist("plot"))
    return render(request, "telemetry/latest.html", {"panel": shown})


@require_safe
@needs("telemetry.view_sample")
def plots(request: HttpRequest, code: str) -> HttpResponse:
    """The plots of the parameters that were ticked, and the table beside them."""
    shown = overview.of_satellite(_satellite(code), clock.now(), request.GET.getlist("plot"))
    return render(request, "telemetry/panel.html", {"panel": shown})


def _satellite(code: str) -> Satellite:
    satellite = Satellite.objects.filter(code=code).first()
    if satellite is None:
        raise Http404(f"There is no satellite {code}.")
    return satellite


urlpatterns = [
    path("satellites/<str:code>/latest", latest, name="latest"),
    path("satellites/<str:code>/plots", plots, name="plots"),
]
