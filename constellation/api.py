"""`/api/v1/satellites`, `/stations`, and what the other `api_` modules add: who is up, and when.

Angles are in degrees and instants in RFC 3339, as everywhere in the API. Lists come in cursor
pages: follow `next` until it is null.
"""

from datetime import datetime
from typing import Any

from django.shortcuts import get_object_or_404
from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from constellation import (
    api_eclipses,
    api_elements,
    api_ground,
    api_links,
    api_passes,
    api_positions,
    api_sources,
    api_stations,
    catalogue,
)
from constellation.models import ElementSet, Satellite
from constellation.questions import ByCode, PageQuestion, asked, rfc3339
from ops import clock


class SatelliteList(APIView):
    """`GET /satellites`, with the element set of record and its age. `?role=`, `?planned=`."""

    permissions = {"GET": "constellation.view_satellite"}

    def get(self, request: Request) -> Response:
        wanted = Satellite.objects.filter(**asked(SatelliteFilter, request))
        page = ByCode()
        rows = page.paginate_queryset(wanted.select_related("profile", "plane"), request, view=self)
        now = clock.now()
        sets = {row.satellite_id: row for row in catalogue.elements_of_record(now, rows)}
        return page.get_paginated_response(
            [satellite_body(row, sets.get(row.pk), now) for row in rows]
        )


class SatelliteFilter(PageQuestion):
    role = serializers.ChoiceField(choices=["inference", "training"], required=False)
    planned = serializers.BooleanField(required=False, allow_null=True, default=None)

    def validate(self, attrs: dict) -> dict:
        chosen = {name: attrs.get(name) for name in ("role", "planned")}
        return {name: value for name, value in chosen.items() if value is not None}


class SatelliteDetail(APIView):
    """`GET /satellites/{code}`: one satellite, with the keywords of its element set."""

    permissions = {"GET": "constellation.view_satellite"}

    def get(self, request: Request, code: str) -> Response:
        satellite = get_object_or_404(
            Satellite.objects.select_related("profile", "plane"), code=code
        )
        now = clock.now()
        row = next(iter(catalogue.elements_of_record(now, [satellite])), None)
        body = satellite_body(satellite, row, now)
        return Response({**body, "omm": row.omm if row else None})


def satellite_body(satellite: Satellite, row: ElementSet | None, now: datetime) -> dict[str, Any]:
    """Return a satellite as the API shows it."""
    profile, plane = satellite.profile, satellite.plane
    return {
        "code": satellite.code,
        "name": satellite.name,
        "catalogue_number": satellite.catalogue_number,
        "international_designator": satellite.international_designator,
        "role": satellite.role,
        "planned": satellite.planned,
        "is_active": satellite.is_active,
        "launched_on": satellite.launched_on and satellite.launched_on.isoformat(),
        "profile": {
            "code": profile.code,
            "name": profile.name,
            "tops": profile.tops,
            "storage_bytes": profile.storage_bytes,
            "isl_bit_per_s": profile.isl_bit_per_s,
        },
        "plane": plane and plane.code,
        "element_set": row
        and {
            "epoch_at": rfc3339(row.epoch_at),
            "age_s": round((now - row.epoch_at).total_seconds()),
            "source": row.source,
        },
    }


urlpatterns = [
    path("satellites", SatelliteList.as_view()),
    path("satellites/<str:code>", SatelliteDetail.as_view()),
    *api_stations.urlpatterns,
    *api_ground.urlpatterns,
    *api_elements.urlpatterns,
    *api_sources.urlpatterns,
    path("passes", api_passes.PassList.as_view()),
    path("passes.csv", api_passes.PassList.as_view(), {"format": "csv"}),
    *api_eclipses.urlpatterns,
    *api_links.urlpatterns,
    *api_positions.urlpatterns,
]
