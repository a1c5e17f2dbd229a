"""`/api/v1/satellites`, `/stations`, `/passes`, `/positions`, `/links`: who is up there, and when.

Angles are in degrees and instants in RFC 3339, as everywhere in the API. Lists come in cursor
pages: follow `next` until it is null.
"""

import base64
import binascii
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from math import degrees, radians
from typing import Any

import orjson
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from constellation import catalogue, links, positions, visibility
from constellation.models import Antenna, ElementSet, Satellite, Station
from constellation.visibility import Pass
from ops import clock
from ops.api import Page
from ops.errors import Invalid

SPAN_MAX = timedelta(days=7)
KEYFRAMES_MAX = 181


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


class PassFilter(serializers.Serializer):
    """A span (by default the next 24 hours), and which satellites and stations."""

    satellite = serializers.CharField(required=False, default="")
    station = serializers.CharField(required=False, default="")
    start = serializers.DateTimeField(required=False, default_timezone=UTC)
    end = serializers.DateTimeField(required=False, default_timezone=UTC)
    min_elevation_deg = serializers.FloatField(required=False, default=0.0)
    limit = serializers.IntegerField(required=False, default=200, min_value=1, max_value=2000)
    cursor = serializers.CharField(required=False, default="")


class PassList(APIView):
    """`GET /passes?satellite=A,B&station=C&start=…&end=…&min_elevation_deg=…`, by AOS.

    Passes that overlap the span come whole. `refused` names satellites that SGP4 refuses.
    """

    permissions = {"GET": "constellation.view_pass"}

    def get(self, request: Request) -> Response:
        asked = PassFilter(data=request.query_params)
        asked.is_valid(raise_exception=True)
        wanted = asked.validated_data
        start_at = wanted.get("start") or clock.now()
        end_at = wanted.get("end") or start_at + timedelta(hours=24)
        check_span(start_at, end_at)
        seen = visibility.passes_between(
            start_at,
            end_at,
            satellites=named(Satellite, wanted["satellite"]),
            stations=named(Station, wanted["station"]),
        )
        least_rad = radians(wanted["min_elevation_deg"])
        high = [each for each in seen.passes if each.max_elevation_rad >= least_rad]
        rows, cursor = page_of(high, wanted["cursor"], wanted["limit"])
        # The next page is of the same span, even when it began "now".
        following = {"start": rfc3339(start_at), "end": rfc3339(end_at), "cursor": cursor}
        return Response(
            {
                "next": address(request, following) if cursor else None,
                "results": [pass_body(each) for each in rows],
                "refused": seen.refused,
            }
        )


def named(model: type, codes: str) -> list | None:
    """Return the rows of comma-separated codes, or None when none are given."""
    wanted = {code.strip() for code in codes.split(",") if code.strip()}
    if not wanted:
        return None
    rows = list(model.objects.filter(code__in=wanted))
    if missing := wanted - {row.code for row in rows}:
        raise Invalid(f"There is no {model.__name__.lower()} {', '.join(sorted(missing))}.")
    return rows


def check_span(start_at: datetime, end_at: datetime) -> None:
    """Refuse a span that is empty, too long or out of what element sets can tell."""
    if end_at <= start_at:
        raise Invalid("The span ends before it starts.")
    if end_at - start_at > SPAN_MAX:
        raise Invalid(f"The span is longer than {SPAN_MAX.days} days.")
    if not 1958 <= start_at.year <= 2056:
        raise Invalid("The span lies outside of 1958 to 2056.")


def page_of(rows: list[Pass], cursor: str, limit: int) -> tuple[list[Pass], str]:
    """Return one page behind a cursor, and the cursor of the next page if there is one."""
    if cursor:
        after = read_cursor(cursor)
        rows = [each for each in rows if place_of(each) > after]
    page = rows[:limit]
    return page, write_cursor(place_of(page[-1])) if len(rows) > limit else ""


def place_of(each: Pass) -> tuple[float, str, str]:
    """Return what orders passes."""
    return each.aos_at.timestamp(), each.satellite.code, each.station.code


def write_cursor(place: tuple[float, str, str]) -> str:
    """Return a cursor; callers need not understand it."""
    return base64.urlsafe_b64encode(orjson.dumps(place)).decode().rstrip("=")


def read_cursor(cursor: str) -> tuple[float, str, str]:
    """Return the place that a cursor names."""
    try:
        data = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        aos_s, satellite, station = orjson.loads(data)
        return float(aos_s), str(satellite), str(station)
    except (binascii.Error, ValueError, TypeError) as error:
        raise Invalid("This cursor is not one that a page gave.") from error


def address(request: Request, changes: dict[str, str]) -> str:
    """Return the address of this request with some of its query changed."""
    query = request.query_params.copy()
    for name, value in changes.items():
        query[name] = value
    return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")


def pass_body(each: Pass) -> dict[str, Any]:
    """Return a pass as the API shows it."""
    return {
        "satellite": each.satellite.code,
        "station": each.station.code,
        "aos_at": rfc3339(each.aos_at),
        "tca_at": rfc3339(each.tca_at),
        "los_at": rfc3339(each.los_at),
        "duration_s": round((each.los_at - each.aos_at).total_seconds(), 3),
        "max_elevation_deg": round(degrees(each.max_elevation_rad), 4),
        "aos_azimuth_deg": round(degrees(each.aos_azimuth_rad), 3),
        "tca_azimuth_deg": round(degrees(each.tca_azimuth_rad), 3),
        "los_azimuth_deg": round(degrees(each.los_azimuth_rad), 3),
        "tca_range_m": round(each.tca_range_m, 1),
        "begun_before": each.begun_before,
        "ends_after": each.ends_after,
        "element_epoch_at": rfc3339(each.element_set.epoch_at),
    }


def rfc3339(instant: datetime) -> str:
    """Return an instant as the API writes it."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


class SpanFilter(serializers.Serializer):
    satellites = serializers.CharField(required=False, default="")
    start = serializers.DateTimeField(required=False, default_timezone=UTC)
    keyframes = serializers.IntegerField(
        required=False, default=11, min_value=2, max_value=KEYFRAMES_MAX
    )


class Positions(APIView):
    """`GET /positions?satellites=A,B&start=…&keyframes=11`: see `constellation.positions`.

    By default the whole active fleet for ten minutes from now.
    """

    permissions = {"GET": "constellation.view_satellite"}

    def get(self, request: Request) -> HttpResponse:
        asked = SpanFilter(data=request.query_params)
        asked.is_valid(raise_exception=True)
        wanted = asked.validated_data
        start_at = wanted.get("start") or clock.now()
        check_span(start_at, start_at + timedelta(hours=1))
        rows = catalogue.elements_of_record(start_at, named(Satellite, wanted["satellites"]))
        body = positions.keyframes(rows, start_at.timestamp(), wanted["keyframes"])
        return HttpResponse(body, content_type=positions.MEDIA_TYPE)


class Links(APIView):
    """`GET /links?at=…`: laser links in sight, each as a pair of satellites and its range.

    A satellite holds at most as many links as it has terminals, to its nearest neighbours.
    """

    permissions = {"GET": "constellation.view_satellite"}

    def get(self, request: Request) -> Response:
        asked = InstantFilter(data=request.query_params)
        asked.is_valid(raise_exception=True)
        at = asked.validated_data.get("at") or clock.now()
        check_span(at, at + timedelta(hours=1))
        found: Iterable[links.Link] = links.links_at(at)
        return Response(
            {
                "at": rfc3339(at),
                "links": [
                    {
                        "satellites": [link.first, link.second],
                        "range_m": round(link.range_m),
                        "bit_per_s": link.bit_per_s,
                    }
                    for link in found
                ],
            }
        )


class InstantFilter(serializers.Serializer):
    at = serializers.DateTimeField(required=False, default_timezone=UTC)


urlpatterns = [
    path("satellites", SatelliteList.as_view()),
    path("satellites/<str:code>", SatelliteDetail.as_view()),
    path("stations", StationList.as_view()),
    path("stations/<str:code>", StationDetail.as_view()),
    path("passes", PassList.as_view()),
    path("positions", Positions.as_view()),
    path("links", Links.as_view()),
]
