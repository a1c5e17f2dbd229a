"""`/api/v1/maintenances`: spans in which an antenna serves nobody."""

from datetime import UTC
from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from constellation.contacts import upkeep
from constellation.models import Antenna, Maintenance
from constellation.questions import (
    Instant,
    Named,
    NoQuestion,
    PageQuestion,
    asked,
    by_code,
    named,
    rfc3339,
)
from ops.api import Page


class ByStart(Page):
    ordering = ("starts_at", "id")


class MaintenanceFilter(PageQuestion):
    antenna = serializers.CharField(required=False, default="")
    start = serializers.DateTimeField(required=False, default_timezone=UTC)
    end = serializers.DateTimeField(required=False, default_timezone=UTC)


class MaintenanceList(APIView):
    """`GET /maintenances?antenna=&start=&end=`, by their start."""

    permissions = {"GET": "constellation.view_station"}

    def get(self, request: Request) -> Response:
        wanted = asked(MaintenanceFilter, request)
        rows = Maintenance.objects.select_related("antenna")
        if antennas := named(Antenna, wanted["antenna"]):
            rows = rows.filter(antenna__in=antennas)
        if "start" in wanted:
            rows = rows.filter(ends_at__gt=wanted["start"])
        if "end" in wanted:
            rows = rows.filter(starts_at__lt=wanted["end"])
        page = ByStart()
        found = page.paginate_queryset(rows, request, view=self)
        return page.get_paginated_response([maintenance_body(row) for row in found])


class MaintenanceRequest(Named):
    antenna = serializers.CharField()
    starts_at = Instant()
    ends_at = Instant()
    reason = serializers.CharField(max_length=200)
    cancels_booked = serializers.BooleanField(
        default=False, help_text="What is booked in the span and not begun is cancelled."
    )


class MaintenanceDetail(APIView):
    """`GET`, `PUT` (keeps an antenna free) and `DELETE` (gives it back) `/maintenances/{id}`."""

    permissions = {
        "GET": "constellation.view_station",
        "PUT": "contacts.add_maintenance",
        "DELETE": "contacts.delete_maintenance",
    }

    def get(self, request: Request, maintenance_id: UUID) -> Response:
        asked(NoQuestion, request)
        known = Maintenance.objects.select_related("antenna")
        return Response(maintenance_body(get_object_or_404(known, pk=maintenance_id)))

    def put(self, request: Request, maintenance_id: UUID) -> Response:
        read = MaintenanceRequest(data=request.data)
        read.is_valid(raise_exception=True)
        wanted = read.validated_data
        wanted |= {"antenna": by_code(Antenna, wanted["antenna"])}
        by = request.user.get_username()
        row, is_new = upkeep.reserve(maintenance_id=maintenance_id, by=by, **wanted)
        return Response(maintenance_body(row), status=201 if is_new else 200)

    def delete(self, request: Request, maintenance_id: UUID) -> Response:
        asked(NoQuestion, request)
        upkeep.give_back(maintenance_id)
        return Response(status=204)


def maintenance_body(row: Maintenance) -> dict[str, Any]:
    """Return a maintenance as the API shows it."""
    return {
        "id": str(row.pk),
        "antenna": row.antenna.code,
        "reason": row.reason,
        "starts_at": rfc3339(row.starts_at),
        "ends_at": rfc3339(row.ends_at),
    }


urlpatterns = [
    path("maintenances", MaintenanceList.as_view()),
    path("maintenances/<uuid:maintenance_id>", MaintenanceDetail.as_view()),
]
