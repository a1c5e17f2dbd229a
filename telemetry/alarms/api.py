"""`/api/v1/alarms`: what is wrong, its history, and what people do about it.

What is done may be repeated: the second time changes nothing.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from constellation.models import Satellite
from constellation.questions import Instant, NoQuestion, PageQuestion, asked, named
from ops import clock
from ops.api import Page
from ops.errors import Invalid
from telemetry import times
from telemetry.alarms import api_limits, api_notices, bodies, lifecycle, operating, summary
from telemetry.alarms.levels import AT_LEAST, BY_NAME
from telemetry.alarms.models import Alarm, Freshness, FreshnessState, State, Violation


class NewestFirst(Page):
    ordering = ("-changed_at", "id")


class ByNumber(Page):
    ordering = "id"


class LatestSpans(Page):
    ordering = ("-first_ns", "id")


class AlarmFilter(PageQuestion):
    state = serializers.CharField(required=False, default="")
    level = serializers.ChoiceField(choices=list(AT_LEAST), required=False)
    satellite = serializers.CharField(required=False, default="")
    rule = serializers.CharField(required=False, max_length=100)
    parameter = serializers.CharField(required=False, max_length=200)
    active = serializers.BooleanField(required=False, allow_null=True, default=None)

    def validate_state(self, value: str) -> list[str]:
        words = [word.strip() for word in value.split(",") if word.strip()]
        if words == ["all"]:
            return list(State.values)
        if wrong := [word for word in words if word not in State.values]:
            known = ", ".join(State.values)
            raise serializers.ValidationError(
                f"There is no state {', '.join(wrong)}; there are {known}, and all."
            )
        return words or [state.value for state in lifecycle.OPEN]


def _chosen(wanted: dict[str, Any]) -> QuerySet[Alarm]:
    rows = Alarm.objects.filter(state__in=wanted["state"]).select_related("satellite")
    if satellites := named(Satellite, wanted["satellite"]):
        rows = rows.filter(satellite__in=satellites)
    if "level" in wanted:
        rows = rows.filter(worst__gte=AT_LEAST[wanted["level"]])
    for name in ("rule", "parameter"):
        if name in wanted:
            rows = rows.filter(**{name: wanted[name]})
    if wanted["active"] is not None:
        rows = rows.filter(is_active=wanted["active"])
    return rows


class AlarmList(APIView):
    """`GET /alarms?state=&level=&satellite=&rule=&parameter=&active=`, the last changed first.

    Without `state` those that are open; `state=all` gives also what is normal or inhibited.
    """

    permissions = {"GET": "alarms.view_alarm"}

    def get(self, request: Request) -> Response:
        page = NewestFirst()
        rows = page.paginate_queryset(_chosen(asked(AlarmFilter, request)), request, view=self)
        return page.get_paginated_response([bodies.alarm(row) for row in rows])


class GroupList(APIView):
    """`GET /alarms/groups`: one line a cause, those that call first, then the worst."""

    permissions = {"GET": "alarms.view_alarm"}

    def get(self, request: Request) -> Response:
        asked(NoQuestion, request)
        groups = summary.groups()
        return Response({**_counted(), "results": [bodies.group(each) for each in groups]})


def _counted() -> dict[str, Any]:
    counts = summary.counts()
    return {"open": counts["open"], "unacknowledged": counts["calling"], "worst": counts["word"]}


class AlarmDetail(APIView):
    """`GET /alarms/{alarm_id}`."""

    permissions = {"GET": "alarms.view_alarm"}

    def get(self, request: Request, alarm_id: UUID) -> Response:
        asked(NoQuestion, request)
        return Response(bodies.alarm(_alarm(alarm_id)))


class AlarmHistory(APIView):
    """`GET /alarms/{alarm_id}/history`: every transition, in order."""

    permissions = {"GET": "alarms.view_alarm"}

    def get(self, request: Request, alarm_id: UUID) -> Response:
        asked(PageQuestion, request)
        page = ByNumber()
        rows = page.paginate_queryset(_alarm(alarm_id).transitions.all(), request, view=self)
        return page.get_paginated_response([bodies.transition(row) for row in rows])


def _alarm(alarm_id: UUID) -> Alarm:
    return get_object_or_404(Alarm.objects.select_related("satellite"), pk=alarm_id)


# --- What people do -------------------------------------------------------------------------


class Said(serializers.Serializer):
    """Why; every action takes it, and some need it."""

    reason = serializers.CharField(required=False, default="", allow_blank=True, max_length=300)


class Acknowledgement(Said):
    occurrence = serializers.IntegerField(required=False, min_value=1)


class Shelf(Said):
    until = Instant()


class Many(serializers.Serializer):
    """Which alarms: by their ids, or all open ones of a group."""

    alarms = serializers.ListField(
        child=serializers.UUIDField(), required=False, max_length=operating.ALARMS_MOST
    )
    rule = serializers.CharField(required=False, max_length=100)
    level = serializers.ChoiceField(choices=list(BY_NAME), required=False)

    def validate(self, said: dict[str, Any]) -> dict[str, Any]:
        if ("alarms" in said) == ("rule" in said):
            raise serializers.ValidationError("Either alarms (ids) or rule and level are named.")
        if ("rule" in said) != ("level" in said):
            raise serializers.ValidationError("A group is named by its rule and its level.")
        return said


ACTIONS = {
    "acknowledge": (Acknowledgement, operating.acknowledge),
    "shelve": (Shelf, operating.shelve),
    "unshelve": (Said, operating.unshelve),
    "clear": (Said, operating.clear),
    "out-of-service": (Said, operating.take_out_of_service),
    "in-service": (Said, operating.put_in_service),
    "note": (Said, operating.note),
}


def _read(kind: type[serializers.Serializer], request: Request, *also: type) -> dict[str, Any]:
    """Return what a body says; refuse members that nobody knows."""
    data = request.data if request.data not in (None, "") else {}
    if not isinstance(data, dict):
        raise Invalid("The body is a JSON object.")
    known = {name for each in (kind, *also) for name in each().fields}
    if unknown := sorted(set(data) - known):
        raise Invalid(f"{', '.join(unknown)} is not known here; known are {', '.join(known)}.")
    read = kind(data=data)
    read.is_valid(raise_exception=True)
    return dict(read.validated_data)


class AlarmAction(APIView):
    """`POST /alarms/{alarm_id}/{action}`: acknowledge, shelve, unshelve, clear, out-of-service,
    in-service, note."""

    permissions = {"POST": "alarms.change_alarm"}
    action = ""

    def post(self, request: Request, alarm_id: UUID) -> Response:
        kind, act = ACTIONS[self.action]
        said = _read(kind, request)
        act([alarm_id], by=request.user.get_username(), now=clock.now(), **said)
        return Response(bodies.alarm(_alarm(alarm_id)))


class ManyAction(APIView):
    """`POST /alarms/{action}` for many: `{"alarms": […]}` or `{"rule": …, "level": …}`."""

    permissions = {"POST": "alarms.change_alarm"}
    action = ""

    def post(self, request: Request) -> Response:
        kind, act = ACTIONS[self.action]
        chosen, said = _read(Many, request, kind), _read(kind, request, Many)
        said.pop("occurrence", None)
        wanted = chosen.get("alarms")
        if wanted is None:
            rows = summary.members(chosen["rule"], BY_NAME[chosen["level"]])
            wanted = list(rows.values_list("pk", flat=True)[: operating.ALARMS_MOST])
        done = act(wanted, by=request.user.get_username(), now=clock.now(), **said)
        refused = {str(pk): reason for pk, reason in done.refused.items()}
        return Response({"found": len(done.alarms), "changed": done.changed, "refused": refused})


# --- What nobody has to act on --------------------------------------------------------------


class ViolationFilter(PageQuestion):
    satellite = serializers.CharField(required=False, default="")
    rule = serializers.CharField(required=False, max_length=100)
    start = Instant(required=False)
    end = Instant(required=False)


class ViolationList(APIView):
    """`GET /alarms/violations?satellite=&rule=&start=&end=`: what dumps told of the past."""

    permissions = {"GET": "alarms.view_alarm"}

    def get(self, request: Request) -> Response:
        wanted = asked(ViolationFilter, request)
        rows = Violation.objects.select_related("satellite")
        if satellites := named(Satellite, wanted["satellite"]):
            rows = rows.filter(satellite__in=satellites)
        if "rule" in wanted:
            rows = rows.filter(rule=wanted["rule"])
        if "start" in wanted:
            rows = rows.filter(last_ns__gte=times.to_ns(wanted["start"]))
        if "end" in wanted:
            rows = rows.filter(first_ns__lt=times.to_ns(wanted["end"]))
        page = LatestSpans()
        found = page.paginate_queryset(rows, request, view=self)
        return page.get_paginated_response([bodies.violation(row) for row in found])


class FreshnessFilter(PageQuestion):
    satellite = serializers.CharField(required=False, default="")
    state = serializers.ChoiceField(choices=FreshnessState.choices, required=False)


class FreshnessList(APIView):
    """`GET /telemetry/freshness?satellite=&state=`: which groups of parameters are stale."""

    permissions = {"GET": "alarms.view_alarm"}

    def get(self, request: Request) -> Response:
        wanted = asked(FreshnessFilter, request)
        rows = Freshness.objects.select_related("satellite")
        if satellites := named(Satellite, wanted["satellite"]):
            rows = rows.filter(satellite__in=satellites)
        if "state" in wanted:
            rows = rows.filter(state=wanted["state"])
        page = ByNumber()
        found = page.paginate_queryset(rows, request, view=self)
        return page.get_paginated_response([bodies.freshness(row) for row in found])


urlpatterns = [
    path("alarms", AlarmList.as_view()),
    path("alarms/groups", GroupList.as_view()),
    path("alarms/violations", ViolationList.as_view()),
    *(path(f"alarms/{name}", ManyAction.as_view(action=name)) for name in ACTIONS),
    path("alarms/<uuid:alarm_id>", AlarmDetail.as_view()),
    path("alarms/<uuid:alarm_id>/history", AlarmHistory.as_view()),
    *(path(f"alarms/<uuid:alarm_id>/{name}", AlarmAction.as_view(action=name)) for name in ACTIONS),
    path("telemetry/freshness", FreshnessList.as_view()),
    *api_limits.urlpatterns,
    *api_notices.urlpatterns,
]
