"""`/api/v1/satellites/{code}/ground-track` and `/footprint`: GeoJSON (RFC 7946)."""

from datetime import UTC, datetime, timedelta
from math import degrees, radians
from typing import Any

import numpy as np
import orjson
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.views import APIView

from constellation import catalogue, geojson
from constellation.models import ElementSet, Satellite
from constellation.orbits import footprint, ground
from constellation.questions import Instant, Number, asked, check_span, rfc3339
from ops import clock
from ops.errors import Conflict, Invalid

SAMPLES_MAX = 20_000
SPAN = timedelta(minutes=100)
"""By default a bit more than a revolution in low orbit."""


class NoOrbit(Conflict):
    code = "no_orbit"


class TrackQuery(serializers.Serializer):
    start = Instant(required=False)
    end = Instant(required=False)
    step_s = Number(required=False, default=60.0, min_value=1.0, max_value=3_600.0)


class GroundTrack(APIView):
    """`GET /satellites/{code}/ground-track?start=…&end=…&step_s=60`: a Feature, a line.

    Coordinates are longitude, latitude and altitude above WGS84 in metres; the property
    `times` has the instant of each, in the same nesting.
    """

    permissions = {"GET": "constellation.view_satellite"}

    def get(self, request: Request, code: str) -> HttpResponse:
        wanted = asked(TrackQuery, request)
        start_at = wanted.get("start") or clock.now()
        end_at = wanted.get("end") or start_at + SPAN
        check_span(start_at, end_at)
        count = int((end_at - start_at).total_seconds() // wanted["step_s"]) + 1
        if count > SAMPLES_MAX:
            raise Invalid(
                f"The track would have {count} points; at most {SAMPLES_MAX} are told. "
                "Ask for a shorter span or a longer step_s."
            )
        if count < 2:
            raise Invalid("The span is shorter than step_s: a line has two points at least.")
        row = element_set_of(code, start_at)
        at_s = start_at.timestamp() + wanted["step_s"] * np.arange(count)
        position_m, why = positions_of(row, at_s)
        latitude_rad, longitude_rad, altitude_m = ground.subpoints_rad(position_m)
        points = np.stack(
            [
                np.degrees(longitude_rad),
                np.degrees(latitude_rad),
                altitude_m,
                at_s[: len(altitude_m)],
            ],
            axis=-1,
        )
        parts = geojson.lines(points)
        times = [[_instant(at) for at in part[:, 3].tolist()] for part in parts]
        return feature(
            row,
            geojson.line_geometry(parts, 3),
            {"times": times if len(times) > 1 else times[0], "refused": why},
        )


class FootprintQuery(serializers.Serializer):
    at = Instant(required=False)
    min_elevation_deg = Number(required=False, default=10.0, min_value=0, max_value=89)


class Footprint(APIView):
    """`GET /satellites/{code}/footprint?at=…&min_elevation_deg=10`: a Feature, an area.

    From all of it the satellite stands at least that high.
    """

    permissions = {"GET": "constellation.view_satellite"}

    def get(self, request: Request, code: str) -> HttpResponse:
        wanted = asked(FootprintQuery, request)
        at = wanted.get("at") or clock.now()
        check_span(at, at + timedelta(hours=1))
        row = element_set_of(code, at)
        position_m, _ = positions_of(row, np.array([at.timestamp()]))
        edge = footprint.edge_rad(position_m[0], radians(wanted["min_elevation_deg"]))
        latitude_rad, longitude_rad, altitude_m = ground.subpoints_rad(position_m[0])
        below = [round(degrees(longitude_rad), 6), round(degrees(latitude_rad), 6)]
        return feature(
            row,
            geojson.area_geometry(np.degrees(edge[1]), np.degrees(edge[0])),
            {
                "at": rfc3339(at),
                "min_elevation_deg": wanted["min_elevation_deg"],
                "subpoint": below,
                "altitude_m": round(float(altitude_m)),
            },
        )


def element_set_of(code: str, at: datetime) -> ElementSet:
    """Return what a satellite is flown by; refuse one that has nothing."""
    satellite = get_object_or_404(Satellite, code=code)
    row = next(iter(catalogue.elements_of_record(at, [satellite])), None)
    if row is None:
        raise NoOrbit(f"{code} has no element set to be flown by at {rfc3339(at)}.")
    return row


def positions_of(row: ElementSet, at_s: np.ndarray) -> tuple[np.ndarray, str | None]:
    """Return the positions of one satellite up to where SGP4 refuses, and why it does."""
    states = catalogue.orbits([row]).states(at_s)
    why = states.refused.get(row.satellite.code)
    position_m = states.position_m[0]
    good = np.isfinite(position_m).all(axis=-1)
    known = len(good) if good.all() else int(np.argmin(good))
    if known < min(2, len(at_s)):
        raise NoOrbit(f"{row.satellite.code} cannot be flown then: {why}")
    return position_m[:known], why


def feature(row: ElementSet, geometry: dict[str, Any], properties: dict[str, Any]) -> HttpResponse:
    """Answer with a Feature about a satellite."""
    body = {
        "type": "Feature",
        "geometry": geometry,
        "properties": {
            "satellite": row.satellite.code,
            "element_epoch_at": rfc3339(row.epoch_at),
            **properties,
        },
    }
    return HttpResponse(orjson.dumps(body), content_type=geojson.MEDIA_TYPE)


def _instant(at_s: float) -> str:
    return rfc3339(datetime.fromtimestamp(round(at_s, 3), UTC))


urlpatterns = [
    path("satellites/<str:code>/ground-track", GroundTrack.as_view()),
    path("satellites/<str:code>/footprint", Footprint.as_view()),
]
