"""`/api/v1/element-sources`: the addresses from which element sets are fetched.

A source is disabled and never deleted: when it was last asked must outlive it. Its instants are
wall time.
"""

from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.urls import path
from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from constellation import feeds
from constellation.models import ElementSource
from constellation.models_elements import LEAST_INTERVAL_S, MOST_PRIORITY, PUBLIC_PRIORITY
from constellation.questions import Named, PageQuestion, asked, rfc3339
from ops.api import Page

INTERVAL_MOST_S = 30 * 86_400


class ByName(Page):
    ordering = "name"


class SourceRequest(Named):
    name = serializers.RegexField(r"^[^\x00-\x1f]{1,60}$")
    url = serializers.CharField(max_length=500)
    form = serializers.ChoiceField(choices=ElementSource.Form.values, default="any")
    priority = serializers.IntegerField(
        min_value=0, max_value=MOST_PRIORITY, default=PUBLIC_PRIORITY
    )
    interval_s = serializers.IntegerField(
        min_value=LEAST_INTERVAL_S, max_value=INTERVAL_MOST_S, default=4 * 3600
    )
    is_enabled = serializers.BooleanField(default=True)


class SourceList(APIView):
    """`GET /element-sources`, by name."""

    permissions = {"GET": "constellation.view_elementsource"}

    def get(self, request: Request) -> Response:
        asked(PageQuestion, request)
        page = ByName()
        rows = page.paginate_queryset(ElementSource.objects.all(), request, view=self)
        return page.get_paginated_response([source_body(row) for row in rows])


class SourceDetail(APIView):
    """`GET` and `PUT /element-sources/{uuid}`: adds a source or changes it."""

    permissions = {
        "GET": "constellation.view_elementsource",
        "PUT": "constellation.change_elementsource",
    }

    def get(self, request: Request, source_id: UUID) -> Response:
        return Response(source_body(get_object_or_404(ElementSource, pk=source_id)))

    def put(self, request: Request, source_id: UUID) -> Response:
        wanted = SourceRequest(data=request.data)
        wanted.is_valid(raise_exception=True)
        row, is_new = feeds.put_source(source_id, wall=timezone.now(), **wanted.validated_data)
        return Response(source_body(row), status=201 if is_new else 200)


class SourceFetch(APIView):
    """`POST /element-sources/{uuid}/fetch`: asked within a minute, unless it was just now."""

    permissions = {"POST": "constellation.change_elementsource"}

    def post(self, request: Request, source_id: UUID) -> Response:
        return Response(source_body(feeds.ask_soon(source_id, timezone.now())), status=202)


def source_body(row: ElementSource) -> dict[str, Any]:
    """Return a source as the API shows it."""
    return {
        "id": str(row.pk),
        "name": row.name,
        "url": row.url,
        "form": row.form,
        "priority": row.priority,
        "interval_s": row.interval_s,
        "is_enabled": row.is_enabled,
        "asked_at": row.asked_at and rfc3339(row.asked_at),
        "answered_at": row.answered_at and rfc3339(row.answered_at),
        "due_at": rfc3339(row.due_at),
        "failures": row.failures,
        "outcome": row.outcome,
    }


urlpatterns = [
    path("element-sources", SourceList.as_view()),
    path("element-sources/<uuid:source_id>", SourceDetail.as_view()),
    path("element-sources/<uuid:source_id>/fetch", SourceFetch.as_view()),
]
