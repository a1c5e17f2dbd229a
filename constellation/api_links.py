"""`/api/v1/links`, `/links/windows`: laser links between satellites, now and over a span."""

import base64
import binascii
from datetime import timedelta
from math import degrees
from typing import Any

import numpy as np
import orjson
from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from constellation import links
from constellation.models import Satellite
from constellation.orbits import isl
from constellation.questions import Instant, Number, asked, check_span, named, rfc3339
from ops import clock
from ops.errors import Invalid


class InstantFilter(serializers.Serializer):
    at = Instant(required=False)


class Links(APIView):
    """`GET /links?at=…`: laser links in sight, each as a pair of satellites and its range.

    A satellite holds at most as many links as it has terminals, to its nearest neighbours.
    """

    permissions = {"GET": "constellation.view_satellite"}

    def get(self, request: Request) -> Response:
        at = asked(InstantFilter, request).get("at") or clock.now()
        check_span(at, at + timedelta(hours=1))
        return Response(
            {
                "at": rfc3339(at),
                "links": [
                    {
                        "satellites": [link.first, link.second],
                        "range_m": round(link.range_m),
                        "bit_per_s": link.bit_per_s,
                    }
                    for link in links.links_at(at)
                ],
            }
        )


class WindowFilter(serializers.Serializer):
    """A span (by default the next hour), and whose windows: with anybody, or among themselves."""

    satellites = serializers.CharField(required=False, default="")
    among = serializers.BooleanField(required=False, default=False)
    start = Instant(required=False)
    end = Instant(required=False)
    min_duration_s = Number(required=False, default=0.0, min_value=0.0, max_value=86_400.0)
    limit = serializers.IntegerField(required=False, default=200, min_value=1, max_value=2000)
    cursor = serializers.CharField(required=False, default="")


class LinkWindows(APIView):
    """`GET /links/windows?satellites=A,B&among=true&start=…&end=…&min_duration_s=…`, by start.

    When the terminals of two satellites can hold a link: range, line of sight above the air and
    how fast the terminals turn. A window that an end of the span cuts says so.
    """

    permissions = {"GET": "constellation.view_satellite"}

    def get(self, request: Request) -> Response:
        wanted = asked(WindowFilter, request)
        start_at = wanted.get("start") or clock.now()
        end_at = wanted.get("end") or start_at + timedelta(hours=1)
        check_span(start_at, end_at)
        satellites = named(Satellite, wanted["satellites"])
        if wanted["among"] and satellites is None:
            raise Invalid("`among` needs `satellites`: among whom?")
        seen = links.windows_between(
            start_at,
            end_at,
            satellites=satellites,
            among=wanted["among"],
            min_duration_s=wanted["min_duration_s"],
        )
        first = first_after(seen, wanted["cursor"]) if wanted["cursor"] else 0
        last = min(first + wanted["limit"], len(seen))
        # The next page is of the same span, even when it began "now".
        following = {"start": rfc3339(start_at), "end": rfc3339(end_at)}
        if last < len(seen):
            following["cursor"] = write_cursor(place_of(seen, last - 1))
        return Response(
            {
                "next": address(request, following) if last < len(seen) else None,
                "terminals": terminals_body(isl.Terminals()),
                "results": [window_body(seen.window(number)) for number in range(first, last)],
                "refused": seen.refused,
            }
        )


def place_of(seen: links.Seen, number: int) -> tuple[float, str, str]:
    """Return what orders windows: start and satellites."""
    found = seen.windows
    codes = (
        seen.element_sets[int(each[number])].satellite.code for each in (found.first, found.second)
    )
    return (float(found.start_s[number]), *codes)


def first_after(seen: links.Seen, cursor: str) -> int:
    """Return the number of the first window behind a cursor."""
    after = read_cursor(cursor)
    number = int(np.searchsorted(seen.windows.start_s, after[0]))
    same = int(np.searchsorted(seen.windows.start_s, after[0], side="right"))
    for each in range(number, same):
        if place_of(seen, each) == after:
            return each + 1
    return number if number == same else same


def write_cursor(place: tuple[float, str, str]) -> str:
    """Return a cursor; callers need not understand it."""
    return base64.urlsafe_b64encode(orjson.dumps(place)).decode().rstrip("=")


def read_cursor(cursor: str) -> tuple[float, str, str]:
    """Return the place that a cursor names."""
    try:
        start_s, first, second = orjson.loads(
            base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        )
        return float(start_s), str(first), str(second)
    except (binascii.Error, ValueError, TypeError) as error:
        raise Invalid("This cursor is not one that a page gave.") from error


def address(request: Request, changes: dict[str, str]) -> str:
    """Return the address of this request with some of its query changed."""
    query = request.query_params.copy()
    for name, value in changes.items():
        query[name] = value
    return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")


def window_body(window: links.Window) -> dict[str, Any]:
    """Return a window as the API shows it."""
    return {
        "satellites": [window.first.code, window.second.code],
        "start_at": rfc3339(window.start_at),
        "end_at": rfc3339(window.end_at),
        "duration_s": round((window.end_at - window.start_at).total_seconds(), 3),
        "min_range_m": round(window.min_range_m),
        "nearest_at": rfc3339(window.nearest_at),
        "begun_before": window.begun_before,
        "ends_after": window.ends_after,
        "bit_per_s": window.bit_per_s,
    }


def terminals_body(terminals: isl.Terminals) -> dict[str, float]:
    """Return what the terminals are taken to do."""
    return {
        "range_limit_m": terminals.range_limit_m,
        "grazing_height_m": terminals.grazing_height_m,
        "slew_limit_deg_per_s": round(degrees(terminals.slew_limit_rad_per_s), 6),
    }


urlpatterns = [
    path("links", Links.as_view()),
    path("links/windows", LinkWindows.as_view()),
]
