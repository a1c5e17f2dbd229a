"""Pages of the registry: a model, a version with its cost, artefacts and uploads."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import path
from django.views.decorators.http import require_safe

from ops import clock
from ops.pages import needs
from uplink.registry import overview
from uplink.registry.models import Artefact, Model, Version


@require_safe
@needs("registry.view_artefact")
def model_page(request: HttpRequest, name: str) -> HttpResponse:
    """One model: its versions, what they need, and how many satellites run them."""
    model = get_object_or_404(Model, name=name)
    shown = {"model": model, "versions": overview.versions(model), "models": overview.models()}
    return render(request, "registry/model.html", {**shown, "section": "models"})


@require_safe
@needs("registry.view_artefact")
def version_page(request: HttpRequest, name: str, version: str) -> HttpResponse:
    """One version: artefact, hardware, golden prompts, where it comes from, who runs it."""
    row = _version(name, version)
    return render(request, "registry/version.html", {**overview.version(row), "section": "models"})


@require_safe
@needs("registry.view_artefact")
def cost_part(request: HttpRequest, name: str, version: str) -> HttpResponse:
    """What carrying a version up costs: asked for by its page, since passes take a while."""
    now = clock.now()
    shown = overview.cost(_version(name, version), now)
    return render(request, "registry/cost.html", {**shown, "now": now})


@require_safe
@needs("registry.view_artefact")
def artefacts_page(request: HttpRequest) -> HttpResponse:
    """What lies in the store, and what is coming in."""
    shown = {
        "artefacts": overview.artefacts(),
        "count": Artefact.objects.count(),
        "uploads": overview.uploads(request.user.organisation_id),
    }
    template = "registry/artefacts_parts.html" if request.htmx else "registry/artefacts.html"
    return render(request, template, {**shown, "section": "models"})


def _version(name: str, version: str) -> Version:
    rows = Version.objects.select_related("model", "artefact", "base__model", "base__artefact")
    return get_object_or_404(rows, model__name=name, version=version)


urlpatterns = [
    path("registry/<slug:name>", model_page, name="model"),
    path("registry/<slug:name>/<str:version>", version_page, name="version"),
    path("registry/<slug:name>/<str:version>/cost", cost_part, name="version-cost"),
    path("artefacts", artefacts_page, name="artefacts"),
]
