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
from ops.pages import BadForm, cleaned, needs
from telemetry.models_replays import Replay
from telemetry.replays import asking, running, settling

SHOWN = 20
PARTS_SHOWN = 12


class ReplayForm(forms.Form):
    satellites = forms.CharField(max_length=2000)
    first_at = forms.DateTimeField()
    end_at = forms.DateTimeField()
    definition = forms.UUIDField(required=False)

    def clean(self) -> dict:
        given = super().clean()
        for name in ("first_at", "end_at"):
            if isinstance(given.get(name), datetime):
                given[name] = given[name].replace(tzinfo=UTC)
        return given


@require_safe
@needs("telemetry.view_replay")
def replays_page(request: HttpRequest) -> HttpResponse:
    rows = list(Replay.objects.order_by("-asked_at", "-pk")[:SHOWN])
    for row in rows:
        parts = list(row.parts.select_related("satellite", "replay").order_by("satellite__code"))
        totals = running.packets_in_span(parts[:PARTS_SHOWN])
        row.shown = [
            (part, 100 * running.progress(part, totals[part.satellite_id]))
            for part in parts[:PARTS_SHOWN]
        ]
        row.more = len(parts) - len(row.shown)
        row.first_at, row.end_at = (_instant(ns) for ns in (row.first_ns, row.end_ns))
    return render(
        request,
        "telemetry/replays.html",
        {
            "replays": rows,
            "may_add": roles.may(request.user, "telemetry.add_replay"),
            "may_end": roles.may(request.user, "telemetry.delete_replay"),
            "section": "completeness",
        },
    )


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
