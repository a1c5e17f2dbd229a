"""The page of definitions: what was uploaded, and which satellites are read by it since when."""

from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_safe

from constellation.models import HardwareProfile
from ops import clock
from ops.pages import needs
from telemetry import definitions, times
from telemetry.definitions import generation
from telemetry.models_definitions import Activation, DefinitionFile

SHOWN = 100


@require_safe
@needs("telemetry.view_definition")
def definitions_page(request: HttpRequest) -> HttpResponse:
    """All definitions, newest first, and what is in force for each hardware profile."""
    now = clock.now()
    rows = DefinitionFile.objects.defer("xtce", "source").order_by("-uploaded_at", "-pk")[:SHOWN]
    found = list(rows.prefetch_related("activations__profile"))
    for row in found:
        row.time_words = generation.words(row.generation_time)
    shown = {
        "now": now,
        "definitions": found,
        "in_force": in_force(now),
        "section": "completeness",
    }
    return render(request, "telemetry/definitions.html", shown)


def in_force(now: datetime) -> list[dict[str, Any]]:
    """Return for each profile which definition reads its packets at `now`, and since when."""
    now_ns = times.to_ns(now)
    past = Activation.objects.filter(from_ns__lte=now_ns).select_related("definition")
    newest: dict[int | None, Activation] = {}
    for row in past.order_by("from_ns").defer("definition__xtce", "definition__source"):
        newest[row.profile_id] = row
    found = []
    for profile in HardwareProfile.objects.order_by("code"):
        row = newest.get(profile.pk) or newest.get(None)
        found.append(
            {
                "profile": profile,
                "name": row.definition.name if row else definitions.current().system.name,
                "version": row.definition.version if row else "",
                "is_shipped": row is None,
                "since": datetime.fromtimestamp(row.from_ns / 1e9, UTC) if row else None,
            }
        )
    return found


urlpatterns = [path("definitions", definitions_page, name="definitions")]
