"""`/api/v1/positions`: where satellites are, as keyframes for a browser."""

from datetime import UTC, timedelta

from django.http import HttpResponse
from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.views import APIView

from constellation import catalogue, positions
from constellation.models import Satellite
from constellation.questions import asked, check_span, named
from ops import clock

KEYFRAMES_MAX = 181


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
        wanted = asked(SpanFilter, request)
        start_at = wanted.get("start") or clock.now()
        check_span(start_at, start_at + timedelta(hours=1))
        rows = catalogue.elements_of_record(start_at, named(Satellite, wanted["satellites"]))
        body = positions.keyframes(rows, start_at.timestamp(), wanted["keyframes"])
        return HttpResponse(body, content_type=positions.MEDIA_TYPE)


urlpatterns = [path("positions", Positions.as_view())]
