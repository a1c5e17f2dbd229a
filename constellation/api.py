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

from constellation import api_links, api_passes, api_positions, catalogue
from constellation.models import Antenna, ElementSet, Satellite, Station
from constellation.questions import rfc3339
from ops import clock
from ops.api import Page


class ByCode(Page):
    ordering = "code"


class SatelliteList(APIView):
    """`GET /satellites`, with the element set of record and its age. `?role=`, `?planned=`."""

    permissions = {"GET": "constellation.view_satellite"}

    def get(self, request: Request) -> Response:
        asked = SatelliteFilter(data=request.query_params)
        asked.is_valid(raise_exception=True)
        wanted = Satellite.objects.filter(**asked.validated_data)
        page = ByCode()
        rows = page.paginate_queryset(wanted.select_related("profile", "plane"), request, view=self)
        now = clock.now()
        sets = {row.satellite_id: row for row in catalogue.elements_of_record(now, rows)}
        return page.get_paginated_response(
            [satellite_body(row, sets.get(row.pk), now) for row in rows]
        )


class SatelliteFilter(serializers.Serializer):
    role = serializers.ChoiceField(choices=["inference", "training"], required=False)
    planned = serializers.BooleanField(required=False, allow_null=True, default=None)

    def validate(self, attrs: dict) -> dict:
        return {name: value for name, value in attrs.items() if value is not None}


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


class StationList(APIView):
    """`GET /stations`, each with its antennas."""

    permissions = {"GET": "constellation.view_station"}

    def get(self, request: Request) -> Response:
        page = ByCode()
        wanted = Station.objects.prefetch_related("antennas")
        rows = page.paginate_queryset(wanted, request, view=self)
        return page.get_paginated_response([station_body(row) for row in rows])


class StationDetail(APIView):
    """`GET /stations/{code}`."""

    permissions = {"GET": "constellation.view_station"}

    def get(self, request: Request, code: str) -> Response:
        return Response(station_body(get_object_or_404(Station, code=code)))


def station_body(station: Station) -> dict[str, Any]:
    """Return a station as the API shows it."""
    return {
        "code": station.code,
        "name": station.name,
        "country": station.country,
        "latitude_deg": station.latitude_deg,
        "longitude_deg": station.longitude_deg,
        "altitude_m": station.altitude_m,
        "mask_deg": station.mask_deg,
        "antennas": [antenna_body(antenna) for antenna in station.antennas.all()],
    }


def antenna_body(antenna: Antenna) -> dict[str, Any]:
    """Return an antenna as the API shows it."""
    return {
        "code": antenna.code,
        "setup_s": antenna.setup_s,
        "teardown_s": antenna.teardown_s,
        "uplink_bit_per_s": antenna.uplink_bit_per_s,
        "downlink_bit_per_s": antenna.downlink_bit_per_s,
        "is_active": antenna.is_active,
    }


urlpatterns = [
    path("satellites", SatelliteList.as_view()),
    path("satellites/<str:code>", SatelliteDetail.as_view()),
    path("stations", StationList.as_view()),
    path("stations/<str:code>", StationDetail.as_view()),
    path("passes", api_passes.PassList.as_view()),
    *api_links.urlpatterns,
    *api_positions.urlpatterns,
]
