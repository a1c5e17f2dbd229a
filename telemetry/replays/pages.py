"""The page of replays: what is decoded anew, and how far it is."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_POST, require_safe

from constellation.models import Satellite
from ops import clock
from ops.accounts import roles
from ops.pages import BadForm, InstantField, cleaned, needs
from telemetry.models_definitions import DefinitionFile
from telemetry.models_replays import Replay, ReplayPart
from telemetry.replays import asking, running, settling

SHOWN = 20
NAMED, COUNTED = 2, 24
"""Satellites of a replay that are named, and up to how many are asked how far they are."""
DEFINITIONS = 50


class ReplayForm(forms.Form):
    satellites = forms.CharField(max_length=2000)
    first_at = InstantField()
    end_at = InstantField()
    definition = forms.UUIDField(required=False)


@require_safe
@needs("telemetry.view_replay")
def replays_page(request: HttpRequest) -> HttpResponse:
    rows = list(Replay.objects.order_by("-asked_at", "-pk")[:SHOWN])
    uploaded = DefinitionFile.objects.defer("xtce", "source").order_by("-uploaded_at", "-pk")
    titles = {one.pk: f"{one.name} {one.version}" for one in uploaded}
    for row in rows:
        parts = list(row.parts.select_related("satellite", "replay").order_by("satellite__code"))
        row.names = [part.satellite.code for part in parts[:NAMED]]
        row.more = len(parts) - len(row.names)
        row.percent = _percent(parts)
        row.samples = sum(part.samples for part in parts)
        row.unread = sum(part.unread for part in parts)
        row.definition_words = titles.get(row.definition, "comes with Zenith")
        row.first_at, row.end_at = (_instant(ns) for ns in (row.first_ns, row.end_ns))
    return render(
        request,
        "telemetry/replays.html",
        {
            "replays": rows,
            "definitions": list(uploaded[:DEFINITIONS]),
            "may_add": roles.may(request.user, "telemetry.add_replay"),
            "may_end": roles.may(request.user, "telemetry.delete_replay"),
            "section": "completeness",
        },
    )


def _percent(parts: list[ReplayPart]) -> float:
    """Return how far a replay is; of many satellites those that are done count, not their packets,
    which it takes a look at each to know."""
    if not parts:
        return 100.0
    done = [part.done for part in parts]
    if all(done) or len(parts) > COUNTED:
        return 100 * sum(done) / len(parts)
    totals = running.packets_in_span(parts)
    shares = [running.progress(part, totals[part.satellite_id]) for part in parts]
    return 100 * sum(shares) / len(parts)


def _instant(nanoseconds: int) -> datetime:
    return datetime.fromtimestamp(nanoseconds // 1_000_000_000, UTC)


@require_POST
@needs("telemetry.add_replay")
def begin_replay(request: HttpRequest) -> HttpResponse:
    wanted = cleaned(ReplayForm(request.POST))
    codes = set(wanted["satellites"].replace(",", " ").split())
    satellites = list(Satellite.objects.filter(code__in=codes).order_by("pk"))
    if missing := codes - {satellite.code for satellite in satellites}:
        raise BadForm(f"There is no satellite {', '.join(sorted(missing))}.")
    asking.begin(
        replay_id=uuid4(),
        organisation=request.user.organisation,
        satellites=satellites,
        first_at=wanted["first_at"],
        end_at=wanted["end_at"],
        definition=wanted["definition"],
        asked_by=request.user.get_username(),
        now=clock.now(),
    )
    messages.success(request, "The replay begins. What is read changes when all of it is done.")
    return redirect("replays")


@require_POST
@needs("telemetry.delete_replay")
def drop_replay(request: HttpRequest, replay_id: UUID) -> HttpResponse:
    asking.drop(replay_id=replay_id, now=clock.now())
    return redirect("replays")


@require_POST
@needs("telemetry.delete_replay")
def settle_replay(request: HttpRequest, replay_id: UUID) -> HttpResponse:
    settling.settle(replay_id=replay_id, now=clock.now())
    messages.success(request, "The replay is final. What was read before it is erased.")
    return redirect("replays")


urlpatterns = [
    path("replays", replays_page, name="replays"),
    path("replays/new", begin_replay, name="begin-replay"),
    path("replays/<uuid:replay_id>/drop", drop_replay, name="drop-replay"),
    path("replays/<uuid:replay_id>/settle", settle_replay, name="settle-replay"),
]
