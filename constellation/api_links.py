"""`/api/v1/links`: laser links between satellites."""

from datetime import UTC, timedelta

from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from constellation import links
from constellation.questions import asked, check_span, rfc3339
from ops import clock


class InstantFilter(serializers.Serializer):
    at = serializers.DateTimeField(required=False, default_timezone=UTC)


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


urlpatterns = [path("links", Links.as_view())]
