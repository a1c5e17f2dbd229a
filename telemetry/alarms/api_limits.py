"""`/api/v1/limits`: limits in versions, put in force without a restart; and expected cadences."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from constellation.questions import Named, NoQuestion, Number, PageQuestion, asked
from ops import clock
from ops.api import Page
from ops.errors import Invalid
from telemetry.alarms import bodies, described, editing
from telemetry.alarms.limits import Scope
from telemetry.alarms.models import Cadence, Limit, Source


class ByName(Page):
    ordering = ("parameter", "id")


class LimitFilter(PageQuestion):
    parameter = serializers.CharField(required=False, max_length=200)
    source = serializers.ChoiceField(choices=Source.choices, required=False)
    active = serializers.BooleanField(required=False, allow_null=True, default=None)


class LimitList(APIView):
    """`GET /limits?parameter=&source=&active=`, by parameter."""

    permissions = {"GET": "alarms.view_limit"}

    def get(self, request: Request) -> Response:
        wanted = asked(LimitFilter, request)
        rows = Limit.objects.select_related("active").prefetch_related("versions")
        for name in ("parameter", "source"):
            if name in wanted:
                rows = rows.filter(**{name: wanted[name]})
        if wanted["active"] is not None:
            rows = rows.filter(active__isnull=not wanted["active"])
        page = ByName()
        found = page.paginate_queryset(rows, request, view=self)
        return page.get_paginated_response([bodies.limit(row) for row in found])


class LimitRequest(Named):
    name = serializers.CharField(max_length=100)
    parameter = serializers.CharField(max_length=200)
    content = serializers.DictField()
    reason = serializers.CharField(required=False, default="", allow_blank=True, max_length=300)
    activate = serializers.BooleanField(required=False, default=False)
    version = serializers.IntegerField(required=False, min_value=0, max_value=10**6)


class LimitDetail(APIView):
    """`GET`, `PUT` (writes a version) and `DELETE` (withdraws) `/limits/{limit_id}`.

    `PUT` with `activate` puts the version in force at once; `version` is the last one that the
    caller has seen, and a later one is a conflict.
    """

    permissions = {
        "GET": "alarms.view_limit",
        "PUT": "alarms.change_limit",
        "DELETE": "alarms.change_limit",
    }

    def get(self, request: Request, limit_id: UUID) -> Response:
        asked(NoQuestion, request)
        return Response(bodies.limit(get_object_or_404(Limit, pk=limit_id)))

    def put(self, request: Request, limit_id: UUID) -> Response:
        read = LimitRequest(data=request.data)
        read.is_valid(raise_exception=True)
        said = dict(read.validated_data)
        seen = said.pop("version", None)
        limit, is_new = editing.write_limit(
            limit_id=limit_id,
            by=request.user.get_username(),
            now=clock.now(),
            seen_version=seen,
            **said,
        )
        return Response(bodies.limit(limit), status=201 if is_new else 200)

    def delete(self, request: Request, limit_id: UUID) -> Response:
        editing.withdraw_limit(limit_id=limit_id, by=request.user.get_username(), now=clock.now())
        return Response(status=204)


class VersionList(APIView):
    """`GET /limits/{limit_id}/versions`, the last one first."""

    permissions = {"GET": "alarms.view_limit"}

    def get(self, request: Request, limit_id: UUID) -> Response:
        asked(NoQuestion, request)
        limit = get_object_or_404(Limit, pk=limit_id)
        return Response({"results": [bodies.version(row) for row in limit.versions.all()]})


class ActivationRequest(Named):
    version = serializers.IntegerField(min_value=1, max_value=10**6)
    reason = serializers.CharField(required=False, default="", allow_blank=True, max_length=300)


class LimitActivation(APIView):
    """`POST /limits/{limit_id}/activate` with a version; an earlier one goes back to it."""

    permissions = {"POST": "alarms.change_limit"}

    def post(self, request: Request, limit_id: UUID) -> Response:
        read = ActivationRequest(data=request.data)
        read.is_valid(raise_exception=True)
        limit = editing.activate_limit(
            limit_id=limit_id,
            by=request.user.get_username(),
            now=clock.now(),
            **read.validated_data,
        )
        return Response(bodies.limit(limit))


class LimitWithdrawal(APIView):
    """`POST /limits/{limit_id}/withdraw` with a reason."""

    permissions = {"POST": "alarms.change_limit"}

    def post(self, request: Request, limit_id: UUID) -> Response:
        reason = request.data.get("reason", "") if isinstance(request.data, dict) else None
        if not isinstance(reason, str) or len(reason) > 300 or "\0" in reason:
            raise Invalid("reason is a text of at most 300 characters, none of them U+0000.")
        limit = editing.withdraw_limit(
            limit_id=limit_id, by=request.user.get_username(), now=clock.now(), reason=reason
        )
        return Response(bodies.limit(limit))


class CadenceRequest(Named):
    in_contact_s = Number(min_value=1.0, max_value=86_400.0)
    out_of_contact_s = Number(min_value=1.0, max_value=30 * 86_400.0)

    def validate(self, said: dict[str, Any]) -> dict[str, Any]:
        if said["out_of_contact_s"] < said["in_contact_s"]:
            raise serializers.ValidationError(
                "Out of contact a group is stale no earlier than in contact."
            )
        return said


class CadenceList(APIView):
    """`GET /cadences`: when each group of parameters counts as stale."""

    permissions = {"GET": "alarms.view_limit"}

    def get(self, request: Request) -> Response:
        asked(NoQuestion, request)
        rows = Cadence.objects.order_by("group")
        return Response({"results": [_cadence(row) for row in rows]})


class CadenceDetail(APIView):
    """`PUT /cadences/{group}` and `DELETE`, after which the group is never stale."""

    permissions = {"PUT": "alarms.change_limit", "DELETE": "alarms.change_limit"}

    def put(self, request: Request, group: str) -> Response:
        read = CadenceRequest(data=request.data)
        read.is_valid(raise_exception=True)
        looked_at = described.editions(Scope(), now=clock.now())
        if not any(group in each.groups.values() for each in looked_at):
            names = ", ".join(each.title for each in looked_at)
            raise Invalid(f"There is no group {group}. Looked at: {names}.")
        row, is_new = Cadence.objects.update_or_create(group=group, defaults=read.validated_data)
        return Response(_cadence(row), status=201 if is_new else 200)

    def delete(self, request: Request, group: str) -> Response:
        get_object_or_404(Cadence, group=group).delete()
        return Response(status=204)


def _cadence(row: Cadence) -> dict[str, Any]:
    return {
        "group": row.group,
        "in_contact_s": row.in_contact_s,
        "out_of_contact_s": row.out_of_contact_s,
    }


urlpatterns = [
    path("limits", LimitList.as_view()),
    path("limits/<uuid:limit_id>", LimitDetail.as_view()),
    path("limits/<uuid:limit_id>/versions", VersionList.as_view()),
    path("limits/<uuid:limit_id>/activate", LimitActivation.as_view()),
    path("limits/<uuid:limit_id>/withdraw", LimitWithdrawal.as_view()),
    path("cadences", CadenceList.as_view()),
    path("cadences/<str:group>", CadenceDetail.as_view()),
]
