"""`/api/v1/satellites/{code}/eclipses`: when a satellite is in shadow, how much light it has."""

from datetime import datetime, timedelta
from math import degrees
from typing import Any

from django.shortcuts import get_object_or_404
from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from constellation import eclipses
from constellation.models import Satellite
from constellation.questions import Instant, asked, check_span, rfc3339
from ops import clock
from ops.errors import Conflict


class NoOrbit(Conflict):
    """The satellite has no element set that can be flown."""

    code = "no_orbit"


class SpanFilter(serializers.Serializer):
    start = Instant(required=False)
    end = Instant(required=False)


class Eclipses(APIView):
    """`GET /satellites/{code}/eclipses?start=…&end=…`: by default those of the next 24 hours.

    Entry and exit are of the penumbra; without umbra the eclipse only grazes. `beta_deg` is the
    angle between the orbit's plane and the sun, `lit_share` the share of full light in the span.
    """

    permissions = {"GET": "constellation.view_satellite"}

    def get(self, request: Request, code: str) -> Response:
        wanted = asked(SpanFilter, request)
        satellite = get_object_or_404(Satellite, code=code)
        start_at = wanted.get("start") or clock.now()
        end_at = wanted.get("end") or start_at + timedelta(hours=24)
        check_span(start_at, end_at)
        seen = eclipses.eclipses_between(start_at, end_at, [satellite])
        if code not in seen.beta_rad:
            raise NoOrbit(seen.refused.get(code, f"{code} has no element set to fly."))
        return Response(
            {
                "satellite": code,
                "start_at": rfc3339(start_at),
                "end_at": rfc3339(end_at),
                "beta_deg": round(degrees(seen.beta_rad[code]), 4),
                "lit_share": round(seen.lit_share[code], 6),
                "results": [eclipse_body(each) for each in seen.eclipses],
            }
        )


def eclipse_body(each: eclipses.Eclipse) -> dict[str, Any]:
    """Return an eclipse as the API shows it."""
    return {
        "entry_at": rfc3339(each.entry_at),
        "umbra_entry_at": _or_none(each.umbra_entry_at),
        "umbra_exit_at": _or_none(each.umbra_exit_at),
        "exit_at": rfc3339(each.exit_at),
        "duration_s": round((each.exit_at - each.entry_at).total_seconds(), 3),
        "beta_deg": round(degrees(each.beta_rad), 4),
        "begun_before": each.begun_before,
        "ends_after": each.ends_after,
    }


def _or_none(instant: datetime | None) -> str | None:
    return instant and rfc3339(instant)


urlpatterns = [path("satellites/<str:code>/eclipses", Eclipses.as_view())]
