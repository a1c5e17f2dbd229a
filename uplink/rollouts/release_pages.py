"""Pages of releases: what people signed for, who was given it, and who runs it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_safe

from ops import clock
from ops.errors import NotFound
from ops.pages import needs
from uplink.releases.models import Release
from uplink.rollouts import release_overview


@require_safe
@needs("releases.view_release")
def releases_page(request: HttpRequest) -> HttpResponse:
    """All releases, whose keys count, and what satellites say that looks like an attack."""
    shown = release_overview.of_all(clock.now())
    return render(request, "rollouts/releases.html", {**shown, "section": "rollouts"})


@require_safe
@needs("releases.view_release")
def release_page(request: HttpRequest, counter: str) -> HttpResponse:
    """One release; asked for by htmx (when something moved), its moving parts alone."""
    rows = Release.objects.select_related("version__model", "artefact", "organisation")
    is_number = counter.isdecimal() and len(counter) < 10
    release = rows.filter(pk=int(counter)).first() if is_number else None
    if release is None:
        raise NotFound(f"There is no release {counter}.")
    template = "rollouts/release_parts.html" if request.htmx else "rollouts/release.html"
    shown = release_overview.of_release(release, clock.now())
    return render(request, template, {**shown, "section": "rollouts"})


urlpatterns = [
    path("releases", releases_page, name="releases"),
    path("releases/<str:counter>", release_page, name="release"),
]
