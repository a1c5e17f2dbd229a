"""`/api/v1/replays`: stored packets decoded anew, and how far that is."""

from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from constellation.models import Satellite
from constellation.questions import Instant, Named, NoQuestion, PageQuestion, asked
from ops import clock
from ops.api import Page
from ops.errors import Invalid
from telemetry import times
from telemetry.models_replays import Replay, ReplayPart, ReplayState
from telemetry.replays import asking, running, settling

SATELLITES_MAX = 5000


class NewestFirst(Page):
    ordering = ("-asked_at", "-id")


class ReplayRequest(Named):
    satellites = serializers.ListField(
        child=serializers.CharField(max_length=64),
        required=False,
        min_length=1,
        max_length=SATELLITES_MAX,
    )
    profile = serializers.CharField(required=False, max_length=64)
    definition = serializers.UUIDField(required=False, allow_null=True, default=None)

    def get_fields(self) -> dict[str, serializers.Field]:
        return super().get_fields() | {"from": Instant(), "to": Instant()}

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        if ("satellites" in given) == ("profile" in given):
            raise serializers.ValidationError(
                "Name either the satellites or the profile of those that are meant."
            )
        return given


def _satellites(wanted: dict[str, Any]) -> list[Satellite]:
    """Return the satellites that a request means; refuse names that nobody has."""
    if "profile" in wanted:
        found = list(Satellite.objects.filter(profile__code=wanted["profile"]).order_by("pk"))
        if not found:
            raise Invalid(f"There is no satellite of profile {wanted['profile']}.")
        return found
    codes = set(wanted["satellites"])
    found = list(Satellite.objects.filter(code__in=codes).order_by("pk"))
    if missing := codes - {satellite.code for satellite in found}:
        raise Invalid(f"There is no satellite {', '.join(sorted(missing))}.")
    return found


class ReplaysAsked(PageQuestion):
    state = serializers.ChoiceField(choices=ReplayState.choices, required=False)


class ReplayList(APIView):
    """`GET /replays?state=`: the newest first."""

    permissions = {"GET": "telemetry.view_replay"}

    def get(self, request: Request) -> Response:
        wanted = asked(ReplaysAsked, request)
        rows = Replay.objects.all()
        if "state" in wanted:
            rows = rows.filter(state=wanted["state"])
        page = NewestFirst()
        found = page.paginate_queryset(rows, request, view=self)
        return page.get_paginated_response([_body(row) for row in found])


class ReplayDetail(APIView):
    """`PUT /replays/{id}` begins one under an id the caller chose, `GET` tells how far it is, and
    `DELETE` lets readers go back to what was there before."""

    permissions = {
        "GET": "telemetry.view_replay",
        "PUT": "telemetry.add_replay",
        "DELETE": "telemetry.delete_replay",
    }

    def get(self, request: Request, replay_id: UUID) -> Response:
        asked(NoQuestion, request)
        return Response(_whole(get_object_or_404(Replay, pk=replay_id)))

    def put(self, request: Request, replay_id: UUID) -> Response:
        given = ReplayRequest(data=request.data)
        given.is_valid(raise_exception=True)
        wanted = given.validated_data
        replay, is_new = asking.begin(
            replay_id=replay_id,
            organisation=request.user.organisation,
            satellites=_satellites(wanted),
            first_at=wanted["from"],
            end_at=wanted["to"],
            definition=wanted["definition"],
            asked_by=request.user.get_username(),
            now=clock.now(),
        )
        return Response(_whole(replay), status=201 if is_new else 200)

    def delete(self, request: Request, replay_id: UUID) -> Response:
        return Response(_whole(asking.drop(replay_id=replay_id, now=clock.now())))


class ReplaySettle(APIView):
    """`POST /replays/{id}/settle` makes one final: what was read before it is erased, and it can
    not be dropped any more."""

    permissions = {"POST": "telemetry.delete_replay"}

    def post(self, request: Request, replay_id: UUID) -> Response:
        return Response(_whole(settling.settle(replay_id=replay_id, now=clock.now())))


class ReplayCancel(APIView):
    """`POST /replays/{id}/cancel` stops one that runs."""

    permissions = {"POST": "telemetry.delete_replay"}

    def post(self, request: Request, replay_id: UUID) -> Response:
        return Response(_whole(asking.cancel(replay_id=replay_id, now=clock.now())))


def _body(row: Replay) -> dict[str, Any]:
    return {
        "id": str(row.pk),
        "state": row.state,
        "reason": row.reason,
        "from": times.text(row.first_ns),
        "to": times.text(row.end_ns),
        "definition": row.definition and str(row.definition),
        "asked_by": row.asked_by,
        "asked_at": row.asked_at,
        "ended_at": row.ended_at,
        "settled_at": row.settled_at,
    }


def _whole(row: Replay) -> dict[str, Any]:
    parts = list(row.parts.select_related("satellite", "replay").order_by("satellite__code"))
    totals = running.packets_in_span(parts)
    return _body(row) | {"parts": [_part(part, totals[part.satellite_id]) for part in parts]}


def _part(part: ReplayPart, total: int) -> dict[str, Any]:
    return {
        "satellite": part.satellite.code,
        "generation": part.generation,
        "progress": running.progress(part, total),
        "done": part.done,
        "packets": part.packets,
        "samples": part.samples,
        "unread": part.unread,
        "cleared": part.cleared,
    }


urlpatterns = [
    path("replays", ReplayList.as_view()),
    path("replays/<uuid:replay_id>", ReplayDetail.as_view()),
    path("replays/<uuid:replay_id>/cancel", ReplayCancel.as_view()),
    path("replays/<uuid:replay_id>/settle", ReplaySettle.as_view()),
]
