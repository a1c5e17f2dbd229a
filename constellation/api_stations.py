"""`/api/v1/stations` and `/antennas`: where we can talk from, and changing what limits the view."""

from typing import Any

from django.db import transaction
from django.shortcuts import get_object_or_404
from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from constellation import horizons
from constellation.contacts import upkeep
from constellation.models import Antenna, Station
from constellation.questions import ByCode, NoQuestion, Number, PageQuestion, asked, sent
from ops import clock
from ops.errors import Refusal
from ops.live import events


class StationList(APIView):
    """`GET /stations`, each with its antennas."""

    permissions = {"GET": "constellation.view_station"}

    def get(self, request: Request) -> Response:
        asked(PageQuestion, request)
        page = ByCode()
        wanted = Station.objects.prefetch_related("antennas")
        rows = page.paginate_queryset(wanted, request, view=self)
        return page.get_paginated_response([station_body(row) for row in rows])


class HorizonField(serializers.Field):
    """Corners `[azimuth_deg, elevation_deg]`; see `constellation.horizons`."""

    def to_internal_value(self, data: Any) -> list[list[float]]:
        try:
            return horizons.read(data)
        except Refusal as refusal:
            raise serializers.ValidationError(str(refusal)) from refusal

    def to_representation(self, value: list[list[float]]) -> list[list[float]]:
        return value


class StationChange(serializers.Serializer):
    """What may be changed of a station. Each change makes its passes be computed anew."""

    latitude_deg = Number(min_value=-90, max_value=90)
    longitude_deg = Number(min_value=-180, max_value=180)
    altitude_m = Number(min_value=-500, max_value=9_000)
    mask_deg = Number(min_value=-90, max_value=89)
    horizon = HorizonField()


class StationDetail(APIView):
    """`GET /stations/{code}`; `PATCH` moves it, or changes its mask or horizon."""

    permissions = {"GET": "constellation.view_station", "PATCH": "constellation.change_station"}

    def get(self, request: Request, code: str) -> Response:
        asked(NoQuestion, request)
        return Response(station_body(get_object_or_404(Station, code=code)))

    def patch(self, request: Request, code: str) -> Response:
        changes = sent(StationChange, request)
        return Response(station_body(_changed(Station, code, changes)))


class AntennaChange(serializers.Serializer):
    """What may be changed of an antenna."""

    setup_s = Number(min_value=0, max_value=3_600)
    teardown_s = Number(min_value=0, max_value=3_600)
    azimuth_rate_max_deg_per_s = Number(min_value=0.01, max_value=360)
    keyhole_deg = Number(min_value=1, max_value=90, allow_null=True)
    sun_limit_deg = Number(min_value=0, max_value=90)
    moon_limit_deg = Number(min_value=0, max_value=90)
    is_active = serializers.BooleanField()


class AntennaDetail(APIView):
    """`GET /antennas/{code}`; `PATCH` changes its times, the limits of its mount, its service.

    Out of service it flies nothing: what is booked over it is cancelled in the same moment.
    """

    permissions = {"GET": "constellation.view_station", "PATCH": "constellation.change_station"}

    def get(self, request: Request, code: str) -> Response:
        asked(NoQuestion, request)
        return Response(antenna_body(get_object_or_404(Antenna, code=code)))

    @transaction.atomic
    def patch(self, request: Request, code: str) -> Response:
        changes = sent(AntennaChange, request)
        is_active = changes.pop("is_active", None)
        antenna = _changed(Antenna, code, changes)
        if is_active is not None:
            by = request.user.get_username()
            upkeep.set_service(antenna, is_active=is_active, by=by, now=clock.now())
        return Response(antenna_body(antenna))


@transaction.atomic
def _changed(model: type, code: str, changes: dict[str, Any]) -> Any:
    """Change one row by its code, tell the console, and return the row."""
    row = get_object_or_404(model.objects.select_for_update(no_key=True), code=code)
    for name, value in changes.items():
        setattr(row, name, value)
    if not changes:
        return row
    row.save(update_fields=list(changes))
    events.publish("fleet", model.__name__.lower(), {"code": code, "changed": sorted(changes)})
    return row


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
        "horizon": station.horizon,
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
        "azimuth_rate_max_deg_per_s": antenna.azimuth_rate_max_deg_per_s,
        "keyhole_deg": antenna.keyhole_deg,
        "sun_limit_deg": antenna.sun_limit_deg,
        "moon_limit_deg": antenna.moon_limit_deg,
        "is_active": antenna.is_active,
    }


urlpatterns = [
    path("stations", StationList.as_view()),
    path("stations/<str:code>", StationDetail.as_view()),
    path("antennas/<str:code>", AntennaDetail.as_view()),
]
