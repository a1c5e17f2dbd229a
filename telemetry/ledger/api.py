"""`/api/v1/completeness` and the way down from it: rejected packets, raw batches, their bytes.

Books are kept by day of reception (UTC), so that `from` and `to` take whole days in.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Q
from django.db.models.functions import Length
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from constellation.contacts import booking
from constellation.models import Satellite
from constellation.questions import Instant, NoQuestion, PageQuestion, asked, named
from ops import clock
from ops.api import Page
from ops.errors import Invalid
from telemetry import times
from telemetry.ledger import completeness
from telemetry.models import RawBatch, Rejected, RejectedKind

USUAL = timedelta(days=1)
SPAN_MAX = timedelta(days=366)
BY_CONTACT_MAX = 1000


class NewestFirst(Page):
    ordering = "-id"


class CompletenessAsked(serializers.Serializer):
    satellite = serializers.CharField(required=False, default="")
    contact = serializers.UUIDField(required=False)
    by = serializers.ChoiceField(choices=["day", "contact"], required=False)

    def get_fields(self) -> dict[str, serializers.Field]:
        span = {"from": Instant(required=False), "to": Instant(required=False)}
        return super().get_fields() | span


class Completeness(APIView):
    """`GET /completeness?satellite=A,B&from=&to=&contact=&by=day|contact`: the books.

    By default of all satellites, by day, over the last day. Of named satellites or one contact
    every virtual channel and APID is told, else the sums. Of more than a thousand contacts the
    last are told, and `is_cut`.
    """

    permissions = {"GET": "telemetry.view_packet"}

    def get(self, request: Request) -> Response:
        wanted = asked(CompletenessAsked, request)
        satellites = named(Satellite, wanted["satellite"])
        start_at, end_at = _span(wanted)
        is_named = satellites is not None or "contact" in wanted
        by = wanted.get("by") or ("contact" if "contact" in wanted else "day")
        is_cut = False
        if by == "contact":
            contacts = booking.visible_to(request.user)
            if "contact" in wanted:
                contacts = contacts.filter(pk=get_object_or_404(contacts, pk=wanted["contact"]).pk)
            else:
                contacts = contacts.filter(aos_at__lte=end_at, los_at__gte=start_at)
            if satellites is not None:
                contacts = contacts.filter(satellite__in=satellites)
            newest = contacts.order_by("-aos_at").values_list("pk", flat=True)
            ids = list(newest[: BY_CONTACT_MAX + 1])
            is_cut = len(ids) > BY_CONTACT_MAX
            books = completeness.by_contact(ids[:BY_CONTACT_MAX])
        elif "contact" in wanted:
            raise Invalid("One contact is told by contact, not by day.")
        else:
            chosen = Satellite.objects.all() if satellites is None else satellites
            books = completeness.by_day(chosen, start_at.date(), end_at.date())
        return Response(
            {
                "from": start_at.isoformat().replace("+00:00", "Z"),
                "to": end_at.isoformat().replace("+00:00", "Z"),
                "by": by,
                **({"is_cut": True} if is_cut else {}),
                "results": [_body(each, is_named) for each in books],
            }
        )


def _span(wanted: dict[str, Any]) -> tuple[datetime, datetime]:
    end_at = wanted.get("to") or clock.now()
    start_at = wanted.get("from") or end_at - USUAL
    if end_at < start_at:
        raise Invalid("The span ends before it starts.")
    if end_at - start_at > SPAN_MAX:
        raise Invalid(f"The span is longer than {SPAN_MAX.days} days.")
    return start_at.astimezone(UTC), end_at.astimezone(UTC)


def _body(books: completeness.Books, is_whole: bool) -> dict[str, Any]:
    body: dict[str, Any] = {"satellite": books.satellite}
    if books.day is not None:
        body["day"] = books.day.isoformat()
    if books.contact is not None:
        body["contact"] = str(books.contact)
    body |= {"percent": books.percent, "frames": books.frames, "packets": books.packets}
    body["gaps"] = books.gaps
    if is_whole:
        body |= {"channels": books.channels, "apids": books.apids}
    return body


class Unsettled(APIView):
    """`GET /completeness/unsettled`: satellites with open gaps, or batches that are not decoded."""

    permissions = {"GET": "telemetry.view_packet"}

    def get(self, request: Request) -> Response:
        asked(NoQuestion, request)
        return Response({"results": completeness.unsettled()})


# --- What was rejected ----------------------------------------------------------------------


class RejectedAsked(PageQuestion):
    kind = serializers.ChoiceField(choices=RejectedKind.choices, required=False)
    code = serializers.CharField(required=False)
    apid = serializers.IntegerField(required=False, min_value=0, max_value=0x7FF)
    channel = serializers.IntegerField(required=False, min_value=0, max_value=63)
    contact = serializers.UUIDField(required=False)


class RejectedList(APIView):
    """`GET /satellites/{code}/telemetry/rejected?kind=&code=&apid=&channel=&contact=`, newest
    first: frames and packets that could not be used, with the reason and where their bytes are."""

    permissions = {"GET": "telemetry.view_packet"}

    def get(self, request: Request, code: str) -> Response:
        satellite = get_object_or_404(Satellite, code=code)
        wanted = asked(RejectedAsked, request)
        rows = Rejected.objects.filter(satellite=satellite).select_related("batch")
        rows = rows.filter(
            **{name: wanted[name] for name in ("kind", "code", "apid", "channel") if name in wanted}
        )
        if "contact" in wanted:
            rows = rows.filter(batch__contact=wanted["contact"])
        rows = rows.annotate(size=Length("data")).defer("data", "batch__frames")
        page = NewestFirst()
        found = page.paginate_queryset(rows, request, view=self)
        return page.get_paginated_response([_rejected_body(row, code) for row in found])


def _rejected_body(row: Rejected, code: str) -> dict[str, Any]:
    return {
        "id": row.pk,
        "kind": row.kind,
        "code": row.code,
        "reason": row.reason,
        "channel": row.channel,
        "apid": row.apid,
        "contact": str(row.batch.contact_id),
        "batch": row.batch_id,
        "received_at": times.text(row.batch.received_ns),
        "bytes": row.size,
        "data": f"/api/v1/satellites/{code}/telemetry/rejected/{row.pk}/data",
    }


class RejectedData(APIView):
    """`GET /satellites/{code}/telemetry/rejected/{id}/data`: the bytes, as they came."""

    permissions = {"GET": "telemetry.view_packet"}

    def get(self, request: Request, code: str, rejected_id: int) -> HttpResponse:
        asked(NoQuestion, request)
        row = get_object_or_404(Rejected, pk=rejected_id, satellite__code=code)
        return _file(bytes(row.data), f"{code}-rejected-{row.pk}.bin")


# --- Raw batches ----------------------------------------------------------------------------

_STATES = {
    "decoded": Q(decoded=True),
    "waiting": Q(decoded=False, failure=""),
    "set aside": Q(decoded=False) & ~Q(failure=""),
}


class BatchesAsked(PageQuestion):
    state = serializers.ChoiceField(choices=list(_STATES), required=False)
    contact = serializers.UUIDField(required=False)


class BatchList(APIView):
    """`GET /satellites/{code}/telemetry/batches?state=decoded|waiting|set aside&contact=`, newest
    first: frames as stations delivered them; with a `coding`, the bits in which they are; with a
    `relay`, a packet that this other satellite handed on.
    """

    permissions = {"GET": "telemetry.view_packet"}

    def get(self, request: Request, code: str) -> Response:
        satellite = get_object_or_404(Satellite, code=code)
        wanted = asked(BatchesAsked, request)
        rows = RawBatch.objects.filter(satellite=satellite).select_related("station", "relay")
        if "state" in wanted:
            rows = rows.filter(_STATES[wanted["state"]])
        if "contact" in wanted:
            rows = rows.filter(contact=wanted["contact"])
        rows = rows.annotate(size=Length("frames")).defer("frames")
        page = NewestFirst()
        found = page.paginate_queryset(rows, request, view=self)
        return page.get_paginated_response([_batch_body(row, code) for row in found])


def _batch_body(row: RawBatch, code: str) -> dict[str, Any]:
    waiting = "set aside" if row.failure else "waiting"
    return {
        "id": row.pk,
        "contact": str(row.contact_id),
        "station": row.station.code,
        "relay": row.relay and row.relay.code,
        "number": row.number,
        "received_at": times.text(row.received_ns),
        "state": "decoded" if row.decoded else waiting,
        "failure": row.failure,
        "bytes": row.size,
        "coding": row.coding,
        "frames": f"/api/v1/satellites/{code}/telemetry/batches/{row.pk}/frames",
    }


class BatchFrames(APIView):
    """`GET /satellites/{code}/telemetry/batches/{id}/frames`: the frames, one behind the other, or
    the bits in which they are."""

    permissions = {"GET": "telemetry.view_packet"}

    def get(self, request: Request, code: str, batch_id: int) -> HttpResponse:
        asked(NoQuestion, request)
        row = get_object_or_404(RawBatch, pk=batch_id, satellite__code=code)
        return _file(bytes(row.frames), f"{code}-batch-{row.pk}.bin")


def _file(content: bytes, name: str) -> HttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(content, content_type="application/octet-stream", headers=headers)


_OF_SATELLITE = "satellites/<str:code>/telemetry"
urlpatterns = [
    path("completeness", Completeness.as_view()),
    path("completeness/unsettled", Unsettled.as_view()),
    path(f"{_OF_SATELLITE}/rejected", RejectedList.as_view()),
    path(f"{_OF_SATELLITE}/rejected/<int:rejected_id>/data", RejectedData.as_view()),
    path(f"{_OF_SATELLITE}/batches", BatchList.as_view()),
    path(f"{_OF_SATELLITE}/batches/<int:batch_id>/frames", BatchFrames.as_view()),
]
