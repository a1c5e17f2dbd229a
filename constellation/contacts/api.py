"""`/api/v1/contacts`: antenna time. `PUT` books under the caller's id, and may be repeated."""

from datetime import UTC
from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from constellation.contacts import api_czml, api_feeds, api_maintenances, booking
from constellation.contacts.models import Contact, State
from constellation.models import Antenna, Satellite, Station
from constellation.questions import Instant, Named, PageQuestion, asked, by_code, named, rfc3339
from ops import clock
from ops.api import Page


class ByAos(Page):
    ordering = ("aos_at", "id")


class ContactFilter(PageQuestion):
    satellite = serializers.CharField(required=False, default="")
    station = serializers.CharField(required=False, default="")
    antenna = serializers.CharField(required=False, default="")
    state = serializers.CharField(required=False, default="")
    start = serializers.DateTimeField(required=False, default_timezone=UTC)
    end = serializers.DateTimeField(required=False, default_timezone=UTC)

    def validate_state(self, value: str) -> list[str]:
        states = [state.strip() for state in value.split(",") if state.strip()]
        if wrong := [state for state in states if state not in State.values]:
            raise serializers.ValidationError(f"There is no state {', '.join(wrong)}.")
        return states


class ContactList(APIView):
    """`GET /contacts?satellite=&station=&antenna=&state=A,B&start=&end=`, by AOS."""

    permissions = {"GET": "contacts.view_contact"}

    def get(self, request: Request) -> Response:
        wanted = asked(ContactFilter, request)
        page = ByAos()
        rows = page.paginate_queryset(chosen(request, wanted), request, view=self)
        return page.get_paginated_response([contact_body(row) for row in rows])


def chosen(request: Request, wanted: dict[str, Any]):
    """Return the caller's contacts that pass a filter."""
    contacts = booking.visible_to(request.user).select_related("satellite", "antenna__station")
    for name, field, model in (
        ("satellite", "satellite", Satellite),
        ("station", "antenna__station", Station),
        ("antenna", "antenna", Antenna),
    ):
        if rows := named(model, wanted[name]):
            contacts = contacts.filter(**{f"{field}__in": rows})
    if wanted["state"]:
        contacts = contacts.filter(state__in=wanted["state"])
    if "start" in wanted:
        contacts = contacts.filter(los_at__gt=wanted["start"])
    if "end" in wanted:
        contacts = contacts.filter(aos_at__lt=wanted["end"])
    return contacts


def contact_body(contact: Contact) -> dict[str, Any]:
    """Return a contact as the API shows it."""
    return {
        "id": str(contact.pk),
        "satellite": contact.satellite.code,
        "station": contact.antenna.station.code,
        "antenna": contact.antenna.code,
        "state": contact.state,
        "reason": contact.reason,
        "aos_at": rfc3339(contact.aos_at),
        "tca_at": rfc3339(contact.tca_at),
        "los_at": rfc3339(contact.los_at),
        "starts_at": rfc3339(contact.starts_at),
        "ends_at": rfc3339(contact.ends_at),
        "max_elevation_deg": round(contact.max_elevation_deg, 4),
        "minimum_viable_s": contact.minimum_viable_s,
        "booked_by": contact.booked_by,
        "version": contact.version,
        "report": contact.report,
    }


class ContactRequest(Named):
    satellite = serializers.CharField()
    antenna = serializers.CharField()
    aos_at = Instant()
    los_at = Instant()
    minimum_viable_s = serializers.FloatField(
        required=False, default=booking.MINIMUM_VIABLE_S, min_value=1.0, max_value=3_600.0
    )


class CancelRequest(Named):
    reason = serializers.CharField(required=False, default="", allow_blank=True, max_length=200)


class ContactDetail(APIView):
    """`GET`, `PUT` (books) and `DELETE` (cancels) `/contacts/{contact_id}`."""

    permissions = {
        "GET": "contacts.view_contact",
        "PUT": "contacts.add_contact",
        "DELETE": "contacts.delete_contact",
    }

    def get(self, request: Request, contact_id: UUID) -> Response:
        return Response(contact_body(_theirs(request, contact_id)))

    def put(self, request: Request, contact_id: UUID) -> Response:
        asked = ContactRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        wanted = asked.validated_data
        contact, is_new = booking.book_contact(
            contact_id=contact_id,
            organisation=request.user.organisation,
            satellite=by_code(Satellite, wanted["satellite"]),
            antenna=by_code(Antenna, wanted["antenna"]),
            aos_at=wanted["aos_at"],
            los_at=wanted["los_at"],
            minimum_viable_s=wanted["minimum_viable_s"],
            now=clock.now(),
            booked_by=request.user.get_username(),
        )
        return Response(contact_body(contact), status=201 if is_new else 200)

    def delete(self, request: Request, contact_id: UUID) -> Response:
        return _cancelled(request, contact_id, reason="")


class ContactCancel(APIView):
    """`POST /contacts/{contact_id}/cancel` with a reason."""

    permissions = {"POST": "contacts.delete_contact"}

    def post(self, request: Request, contact_id: UUID) -> Response:
        asked = CancelRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        return _cancelled(request, contact_id, reason=asked.validated_data["reason"])


def _cancelled(request: Request, contact_id: UUID, *, reason: str) -> Response:
    _theirs(request, contact_id)
    contact = booking.cancel_contact(
        contact_id=contact_id, reason=reason, by=request.user.get_username()
    )
    return Response(contact_body(contact))


def _theirs(request: Request, contact_id: UUID) -> Contact:
    contacts = booking.visible_to(request.user).select_related("satellite", "antenna__station")
    return get_object_or_404(contacts, pk=contact_id)


urlpatterns = [
    path("contacts", ContactList.as_view()),
    path("contacts/<uuid:contact_id>", ContactDetail.as_view()),
    path("contacts/<uuid:contact_id>/cancel", ContactCancel.as_view()),
    *api_maintenances.urlpatterns,
    *api_feeds.urlpatterns,
    *api_czml.urlpatterns,
]
