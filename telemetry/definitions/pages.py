"""The page of definitions: what was uploaded, and which satellites are read by it since when."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_POST, require_safe

from constellation.models import HardwareProfile
from ops import clock
from ops.accounts import roles
from ops.pages import needs
from telemetry import definitions, times
from telemetry.definitions import generation, keeping
from telemetry.models_definitions import Activation, DefinitionFile

SHOWN = 100


@require_safe
@needs("telemetry.view_definition")
def definitions_page(request: HttpRequest) -> HttpResponse:
    """All definitions, newest first, and what is in force for each hardware profile."""
    now = clock.now()
    rows = DefinitionFile.objects.defer("xtce", "source").order_by("-uploaded_at", "-pk")[:SHOWN]
    listed = list(rows.prefetch_related("activations__profile"))
    for row in listed:
        standing = [each for each in row.activations.all() if each.withdrawn_at is None]
        row.told = list(dict.fromkeys(told for each in standing for told in each.left_out))
        row.time_words = generation.words(row.generation_time)
        row.not_done = len(row.left_out) + len(row.told)
    shown = {
        "now": now,
        "definitions": listed,
        "in_force": in_force(now),
        "ahead": ahead(now),
        "may_activate": roles.may(request.user, "telemetry.activate_definition"),
        "section": "completeness",
    }
    return render(request, "telemetry/definitions.html", shown)


def in_force(now: datetime) -> list[dict[str, Any]]:
    """Return for each profile which definition reads its packets at `now`, and since when."""
    now_ns = times.to_ns(now)
    past = Activation.objects.standing().filter(from_ns__lte=now_ns).select_related("definition")
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


def ahead(now: datetime) -> list[dict[str, Any]]:
    """Return the activations that will rule, the next first."""
    rows = Activation.objects.standing().filter(from_ns__gt=times.to_ns(now))
    rows = rows.select_related("definition", "profile").order_by("from_ns", "pk")
    return [
        {"row": row, "from_at": times.from_ns(row.from_ns)}
        for row in rows.defer("definition__xtce", "definition__source")
    ]


@require_POST
@needs("telemetry.activate_definition")
def withdraw_activation(request: HttpRequest, activation_id: UUID) -> HttpResponse:
    """Withdraw an activation that does not rule yet; why it cannot be is said on the page."""
    try:
        row = keeping.withdraw(
            activation_id, withdrawn_by=request.user.get_username(), now=clock.now()
        )
        messages.success(request, f"{row.definition.name} will not take over.")
    except keeping.InForce as refusal:
        messages.error(request, str(refusal))
    return redirect("definitions")


urlpatterns = [
    path("definitions", definitions_page, name="definitions"),
    path(
        "definitions/activations/<uuid:activation_id>/withdraw",
        withdraw_activation,
        name="withdraw-activation",
    ),
]
