"""`/api/v1/telemetry/…` and `/satellites/{code}/telemetry/…`: values, packets, completeness.

Instants are RFC 3339 but in columns of samples, which count seconds since 1970.
"""

from datetime import timedelta
from uuid import UUID

import orjson
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from constellation.contacts import booking
from constellation.models import Satellite
from constellation.questions import Instant, NoQuestion, PageQuestion, asked
from ops import clock
from ops.api import Page
from telemetry import bodies, gaps, values
from telemetry.definitions import api as definitions_api
from telemetry.ledger import completeness, foreign
from telemetry.models import Gap, GapState, Packet, RawBatch, Reception, Rejected

REJECTED_SHOWN = 100


class ParameterList(APIView):
    """`GET /telemetry/parameters`: every parameter of the definition in force."""

    permissions = {"GET": "telemetry.view_sample"}

    def get(self, request: Request) -> Response:
        asked(NoQuestion, request)
        return Response({"results": values.parameters()})


class LatestValues(APIView):
    """`GET /satellites/{code}/telemetry/latest`: newest values, their age, and which are stale."""

    permissions = {"GET": "telemetry.view_sample"}

    def get(self, request: Request, code: str) -> Response:
        satellite, now = get_object_or_404(Satellite, code=code), clock.now()
        body = {
            "satellite": code,
            "now": now.isoformat().replace("+00:00", "Z"),
            "results": values.latest(satellite, now=now),
        }
        return Response(body)


class SamplesAsked(serializers.Serializer):
    parameter = serializers.ListField(
        child=serializers.CharField(), min_length=1, max_length=values.PARAMETERS_MAX
    )
    start = Instant(required=False)
    end = Instant(required=False)
    points = serializers.IntegerField(
        required=False, min_value=2, max_value=values.POINTS_MAX, default=values.POINTS
    )
    raw = serializers.BooleanField(required=False, default=False)


class Samples(APIView):
    """`GET /satellites/{code}/telemetry/samples?parameter=a&parameter=b&start=&end=&points=&raw=`.

    Columns for each parameter; by default of the last hour. `points` thins what is plotted.
    """

    permissions = {"GET": "telemetry.view_sample"}

    def get(self, request: Request, code: str) -> HttpResponse:
        satellite = get_object_or_404(Satellite, code=code)
        wanted = asked(SamplesAsked, request)
        end = wanted.get("end") or clock.now() + timedelta(seconds=1)
        start = wanted.get("start") or end - timedelta(hours=1)
        found = values.samples(
            satellite,
            list(dict.fromkeys(wanted["parameter"])),
            start=start,
            end=end,
            points=wanted["points"],
            is_raw=wanted["raw"],
        )
        body = {"satellite": code, "parameters": found}
        return HttpResponse(orjson.dumps(body), content_type="application/json")


class PacketsAsked(PageQuestion):
    apid = serializers.IntegerField(required=False, min_value=0, max_value=0x7FF)
    contact = serializers.UUIDField(required=False)
    start = Instant(required=False)
    end = Instant(required=False)


class NewestFirst(Page):
    ordering = "-id"


class PacketList(APIView):
    """`GET /satellites/{code}/telemetry/packets?apid=&contact=&start=&end=`, newest first."""

    permissions = {"GET": "telemetry.view_packet"}

    def get(self, request: Request, code: str) -> Response:
        satellite = get_object_or_404(Satellite, code=code)
        wanted = asked(PacketsAsked, request)
        packets = Packet.objects.filter(satellite=satellite).select_related("satellite")
        page = NewestFirst()
        rows = page.paginate_queryset(bodies.filtered(packets, wanted), request, view=self)
        return page.get_paginated_response([bodies.packet(row) for row in rows])


class Completeness(APIView):
    """`GET /satellites/{code}/telemetry/completeness`: known = held + missing + lost, by volume."""

    permissions = {"GET": "telemetry.view_packet"}

    def get(self, request: Request, code: str) -> Response:
        satellite = get_object_or_404(Satellite, code=code)
        return Response({"satellite": code, "volumes": gaps.completeness(satellite.pk)})


class GapsAsked(PageQuestion):
    state = serializers.ChoiceField(choices=GapState.choices, required=False)
    contact = serializers.UUIDField(required=False)
    apid = serializers.IntegerField(required=False, min_value=0, max_value=0x7FF)


class GapList(APIView):
    """`GET /satellites/{code}/telemetry/gaps?state=open|closed|lost&contact=&apid=`, newest first.

    `first` and `last` are serials of `volume`, or unwrapped counts of the foreign packets of
    `apid`; `contact` is the one that showed the gap.
    """

    permissions = {"GET": "telemetry.view_packet"}

    def get(self, request: Request, code: str) -> Response:
        satellite = get_object_or_404(Satellite, code=code)
        asked_for = asked(GapsAsked, request)
        wanted = Gap.objects.filter(satellite=satellite)
        for name in ("state", "contact"):
            if name in asked_for:
                wanted = wanted.filter(**{name: asked_for[name]})
        if "apid" in asked_for:
            wanted = wanted.filter(volume=foreign.volume_of(asked_for["apid"]))
        page = NewestFirst()
        rows = page.paginate_queryset(wanted, request, view=self)
        return page.get_paginated_response([completeness.gap_of(row) for row in rows])


class ReceptionDetail(APIView):
    """`GET /contacts/{id}/reception`: the ledger of what came down in a contact."""

    permissions = {"GET": "telemetry.view_packet"}

    def get(self, request: Request, contact_id: UUID) -> Response:
        asked(NoQuestion, request)
        contact = get_object_or_404(booking.visible_to(request.user), pk=contact_id)
        totals = Reception.totals(contact)
        if totals is None:
            raise Http404
        rejects = Rejected.objects.filter(batch__contact=contact).order_by("-id")[:REJECTED_SHOWN]
        batches = RawBatch.objects.filter(contact=contact)
        return Response(
            {
                "contact": str(contact.pk),
                **totals,
                "undecoded_batches": batches.filter(decoded=False).count(),
                "failures": list(batches.exclude(failure="").values_list("failure", flat=True)),
                "rejects": [{"kind": each.kind, "reason": each.reason} for each in rejects],
            }
        )


urlpatterns = [
    *definitions_api.urlpatterns,
    path("telemetry/parameters", ParameterList.as_view()),
    path("satellites/<str:code>/telemetry/latest", LatestValues.as_view()),
    path("satellites/<str:code>/telemetry/samples", Samples.as_view()),
    path("satellites/<str:code>/telemetry/packets", PacketList.as_view()),
    path("satellites/<str:code>/telemetry/completeness", Completeness.as_view()),
    path("satellites/<str:code>/telemetry/gaps", GapList.as_view()),
    path("contacts/<uuid:contact_id>/reception", ReceptionDetail.as_view()),
]
