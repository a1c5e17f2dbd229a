"""`/api/v1/parameters`, `/samples`, `/packets` and `/exports/samples`: the archive, fleet-wide.

Instants are RFC 3339 but in columns of samples, which count seconds since 1970.
"""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import orjson
from asgiref.sync import sync_to_async
from django.db.models import QuerySet
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from constellation.models import Satellite
from constellation.questions import Instant, Number, PageQuestion, asked
from ops import clock
from ops.api import Page
from ops.errors import Invalid
from telemetry import bodies, times, values
from telemetry.archive import exporting, reading, series
from telemetry.models import Packet

POINTS = 800
POINTS_MAX = 20_000


class ParametersAsked(serializers.Serializer):
    satellite = serializers.CharField(required=False)
    group = serializers.CharField(required=False)
    search = serializers.CharField(required=False, max_length=100)


class ParameterList(APIView):
    """`GET /parameters?satellite=&group=&search=`: what is known of each parameter.

    With a satellite, also when it was last heard of it (`heard_at`, null: never). `search` finds
    names and descriptions that hold it.
    """

    permissions = {"GET": "telemetry.view_sample"}

    def get(self, request: Request) -> Response:
        wanted = asked(ParametersAsked, request)
        found = values.parameters()
        if "group" in wanted:
            found = [each for each in found if each["group"] == wanted["group"]]
        if word := wanted.get("search", "").lower():
            found = [e for e in found if word in f"{e['name']} {e['description']}".lower()]
        if "satellite" in wanted:
            satellite = get_object_or_404(Satellite, code=wanted["satellite"])
            heard = dict(satellite.newest.values_list("group", "generated_ns"))
            for each in found:
                ns = heard.get(each["group"])
                each["heard_at"] = None if ns is None else times.text(ns)
        for each in found:
            each["limits"] = f"/api/v1/limits?parameter={each['name']}"
        return Response({"results": found})


class SpanAsked(serializers.Serializer):
    satellite = serializers.CharField()
    parameter = serializers.ListField(
        child=serializers.CharField(), min_length=1, max_length=values.PARAMETERS_MAX
    )
    start = Instant(required=False)
    end = Instant(required=False)
    last_s = Number(required=False, min_value=1, max_value=100 * 366 * 86_400)
    raw = serializers.BooleanField(required=False, default=False)


class SamplesAsked(SpanAsked):
    points = serializers.IntegerField(
        required=False, min_value=2, max_value=POINTS_MAX, default=POINTS
    )
    form = serializers.ChoiceField(
        required=False, choices=["auto", "samples", "envelope"], default="auto"
    )


def _spans(wanted: dict[str, Any]) -> list[tuple[str, reading.Span]]:
    """Return each parameter that is asked for with what is to be read of it; by default of the
    last hour. Refuses what nobody knows and spans that end before they begin."""
    satellite = get_object_or_404(Satellite, code=wanted["satellite"])
    if "start" in wanted and "last_s" in wanted:
        raise Invalid("A span has a start or a length, last_s, and not both.")
    end = wanted.get("end") or clock.now() + timedelta(seconds=1)
    start = wanted.get("start") or end - timedelta(seconds=wanted.get("last_s", 3600.0))
    if end <= start:
        raise Invalid("The span ends before it starts.")
    first_ns, end_ns = times.to_ns(start), times.to_ns(end)
    held = values.groups_holding(satellite.pk, list(dict.fromkeys(wanted["parameter"])))
    return [
        (name, reading.Span(satellite.pk, groups, first_ns, end_ns))
        for name, groups in held.items()
    ]


class Samples(APIView):
    """`GET /samples?satellite=&parameter=a&parameter=b&start=|last_s=&end=&points=&raw=&form=`.

    Columns for each parameter, thinned to what a plot of so many points can show: see
    `telemetry/archive/series.py` for the forms. A year comes out of roll-ups.
    """

    permissions = {"GET": "telemetry.view_sample"}

    def get(self, request: Request) -> HttpResponse:
        wanted = asked(SamplesAsked, request)
        spans = _spans(wanted)
        found = {}
        for name, span in spans:
            told = values.described(span.satellite_id, name)
            found[name] = {
                "unit": told["unit"],
                "stale_after_s": told["stale_after_s"],
                **series.shown(
                    span, name, points=wanted["points"], raw=wanted["raw"], form=wanted["form"]
                ),
            }
        body = {
            "satellite": wanted["satellite"],
            "start": times.text(spans[0][1].first_ns),
            "end": times.text(spans[0][1].end_ns),
            "parameters": found,
        }
        return HttpResponse(orjson.dumps(body), content_type="application/json")


class ExportAsked(SpanAsked):
    raw = None
    file = serializers.ChoiceField(choices=list(exporting.FORMATS), required=False, default="csv")


class Export(APIView):
    """`GET /exports/samples?satellite=&parameter=…&start=&end=&file=csv|parquet|json`.

    Every sample, as a file, streamed.
    """

    permissions = {"GET": "telemetry.view_sample"}

    def get(self, request: Request) -> StreamingHttpResponse:
        wanted = asked(ExportAsked, request)
        kind = wanted["file"]
        parts = exporting.WRITERS[kind](exporting.pieces(_spans(wanted)))
        answer = StreamingHttpResponse(_in_thread(parts), content_type=exporting.FORMATS[kind])
        name = "".join(c if c.isalnum() or c in "-_" else "_" for c in wanted["satellite"])
        answer["Content-Disposition"] = f'attachment; filename="{name}.{kind}"'
        answer["X-Accel-Buffering"] = "no"
        return answer


async def _in_thread(parts: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Take one part at a time: Django would take all of a plain iterator before the first."""
    take = sync_to_async(lambda: next(parts, None))
    while (part := await take()) is not None:
        if part:
            yield part


class PacketsAsked(PageQuestion):
    satellite = serializers.CharField(required=False)
    apid = serializers.IntegerField(required=False, min_value=0, max_value=0x7FF)
    contact = serializers.UUIDField(required=False)
    start = Instant(required=False)
    end = Instant(required=False)


class NewestFirst(Page):
    ordering = "-id"


class PacketList(APIView):
    """`GET /packets?satellite=&apid=&contact=&start=&end=`, the last stored first. The span is one
    of generation on board."""

    permissions = {"GET": "telemetry.view_packet"}

    def get(self, request: Request) -> Response:
        wanted = asked(PacketsAsked, request)
        page = NewestFirst()
        rows = page.paginate_queryset(_chosen(wanted), request, view=self)
        return page.get_paginated_response([bodies.packet(row) for row in rows])


def _chosen(wanted: dict[str, Any]) -> QuerySet[Packet]:
    packets = Packet.objects.select_related("satellite")
    if "satellite" in wanted:
        packets = packets.filter(satellite=get_object_or_404(Satellite, code=wanted["satellite"]))
    return bodies.filtered(packets, wanted)


class PacketBytes(APIView):
    """`GET /packets/{id}/data`: one packet exactly as it came, headers and all."""

    permissions = {"GET": "telemetry.view_packet"}

    def get(self, request: Request, packet_id: int) -> HttpResponse:
        row = get_object_or_404(Packet.objects.select_related("satellite"), pk=packet_id)
        answer = HttpResponse(bytes(row.data), content_type="application/octet-stream")
        name = f"packet-{row.apid:03x}-{row.pk}.bin"
        answer["Content-Disposition"] = f'attachment; filename="{name}"'
        return answer


urlpatterns = [
    path("parameters", ParameterList.as_view()),
    path("samples", Samples.as_view()),
    path("exports/samples", Export.as_view()),
    path("packets", PacketList.as_view()),
    path("packets/<int:packet_id>/data", PacketBytes.as_view()),
]
