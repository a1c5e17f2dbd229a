"""`/api/v1/positions`: where satellites are, as keyframes for a browser."""

from datetime import timedelta

from django.http import HttpResponse
from django.urls import path
from django.utils.cache import get_conditional_response, patch_vary_headers
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.views import APIView

from constellation import catalogue, positions
from constellation.models import Satellite
from constellation.questions import Instant, asked, check_span, named
from ops import clock

KEYFRAMES_MAX = 181


class SpanFilter(serializers.Serializer):
    satellites = serializers.CharField(required=False, default="")
    start = Instant(required=False)
    keyframes = serializers.IntegerField(
        required=False, default=11, min_value=2, max_value=KEYFRAMES_MAX
    )


class Positions(APIView):
    """`GET /positions?satellites=A,B&start=…&keyframes=11`: see `constellation.positions`.

    By default the whole active fleet for ten minutes from now. The ETag stands for the orbits
    flown and the keyframes asked for. Bodies are not compressed: of numbers in 32 bits gzip
    takes a sixteenth off, for as long as flying the satellites took.
    """

    permissions = {"GET": "constellation.view_satellite"}

    def get(self, request: Request) -> HttpResponse:
        wanted = asked(SpanFilter, request)
        start_at = wanted.get("start") or clock.now()
        check_span(start_at, start_at + timedelta(hours=1))
        rows = catalogue.elements_of_record(start_at, named(Satellite, wanted["satellites"]))
        tag = positions.tag(rows, start_at.timestamp(), wanted["keyframes"])
        # Told before anything is flown: whoever has this answer gets none.
        answer = get_conditional_response(request, etag=tag)
        if answer is None:
            body = positions.keyframes(rows, start_at.timestamp(), wanted["keyframes"])
            answer = HttpResponse(body, content_type=positions.MEDIA_TYPE)
        answer["ETag"] = tag
        answer["Cache-Control"] = "private, no-cache"
        patch_vary_headers(answer, ["Authorization", "Cookie"])
        return answer


urlpatterns = [path("positions", Positions.as_view())]
