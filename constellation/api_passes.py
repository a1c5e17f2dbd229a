"""`/api/v1/passes`: when satellites are in view."""

import base64
import binascii
from datetime import UTC, timedelta
from math import degrees, radians
from typing import Any

import orjson
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from constellation import visibility
from constellation.models import Satellite, Station
from constellation.questions import check_span, named, rfc3339
from constellation.visibility import Pass
from ops import clock
from ops.errors import Invalid


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
