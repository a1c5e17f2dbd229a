"""`/api/v1/element-sets`: the orbits on record, files of them, how old and how far off they are.

A file is sent as it is, the bytes as the body, under an id that the caller chooses. It is always
taken as far as it is good; the answer has a line for each entry that is not flown.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http.request import RawPostDataException
from django.shortcuts import get_object_or_404
from django.urls import path
from rest_framework import serializers
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from constellation import catalogue, choice, drift, intake
from constellation.models import ElementFile, ElementKind, ElementSet, ElementState, Satellite
from constellation.models_elements import MOST_PRIORITY, OPERATOR_PRIORITY
from constellation.orbits.elements import MAX_FILE_BYTES
from constellation.questions import ByCode, PageQuestion, asked, named, rfc3339, sent
from ops import clock, errors
from ops.api import Page


class TooBig(errors.Refusal):
    status = 413
    code = "too_large"


class Newest(Page):
    ordering = ("-loaded_at", "-id")


class AnyBytes(BaseParser):
    """Leaves the body alone, whatever it says that it is."""

    media_type = "*/*"

    def parse(self, stream, media_type=None, parser_context=None):
        return stream


class SetFilter(PageQuestion):
    satellite = serializers.CharField(required=False, default="")
    state = serializers.CharField(required=False, default="")
    kind = serializers.ChoiceField(choices=ElementKind.values, required=False)
    source = serializers.CharField(required=False, default="")

    def validate_state(self, value: str) -> list[str]:
        states = [state.strip() for state in value.split(",") if state.strip()]
        if wrong := [state for state in states if state not in ElementState.values]:
            raise serializers.ValidationError(
                f"There is no state {', '.join(wrong)}; there are {', '.join(ElementState.values)}."
            )
        return states


class SetList(APIView):
    """`GET /element-sets?satellite=&state=A,B&kind=&source=`: the history, newest first."""

    permissions = {"GET": "constellation.view_satellite"}

    def get(self, request: Request) -> Response:
        wanted = asked(SetFilter, request)
        rows = history()
        if satellites := named(Satellite, wanted["satellite"]):
            rows = rows.filter(satellite__in=satellites)
        if wanted["state"]:
            rows = rows.filter(state__in=wanted["state"])
        for name in ("kind", "source"):
            if wanted.get(name):
                rows = rows.filter(**{name: wanted[name]})
        page = Newest()
        shown = page.paginate_queryset(rows, request, view=self)
        now = clock.now()
        flown = in_use(shown, now)
        return page.get_paginated_response([set_body(row, now, flown) for row in shown])


def history() -> QuerySet[ElementSet]:
    """Return element sets without what only flying them needs."""
    return ElementSet.objects.select_related("satellite").defer("states", "given")


def in_use(rows: Iterable[ElementSet], now: datetime) -> set[int]:
    """Return which of some sets are flown now."""
    satellites = {row.satellite_id: row.satellite for row in rows}
    return {row.pk for row in catalogue.elements_of_record(now, satellites.values())}


def set_body(row: ElementSet, now: datetime, flown: set[int]) -> dict[str, Any]:
    """Return an element set as the API shows it."""
    return {
        "id": row.pk,
        "satellite": row.satellite.code,
        "kind": row.kind,
        "state": row.state,
        "reason": row.reason,
        "flown": row.pk in flown,
        "priority": row.priority,
        "source": row.source,
        "file": str(row.file_id) if row.file_id else None,
        "epoch_at": row.epoch_at and rfc3339(row.epoch_at),
        "age_s": row.epoch_at and round((now - row.epoch_at).total_seconds()),
        "expires_at": row.expires_at and rfc3339(row.expires_at),
        "loaded_at": rfc3339(row.loaded_at),
        "drift": row.drift,
    }


class SetChange(serializers.Serializer):
    is_enabled = serializers.BooleanField()
    priority = serializers.IntegerField(min_value=0, max_value=MOST_PRIORITY)
    expires_at = serializers.DateTimeField(default_timezone=UTC, allow_null=True)


class SetDetail(APIView):
    """`GET /element-sets/{id}` with what was given; `PATCH` enables, disables, orders."""

    permissions = {
        "GET": "constellation.view_satellite",
        "PATCH": "constellation.change_elementset",
    }

    def get(self, request: Request, element_set_id: int) -> Response:
        row = get_object_or_404(ElementSet.objects.select_related("satellite"), pk=element_set_id)
        now = clock.now()
        body = set_body(row, now, in_use([row], now))
        return Response({**body, "omm": row.omm, "given": row.given})

    def patch(self, request: Request, element_set_id: int) -> Response:
        now = clock.now()
        row = choice.change(element_set_id, now=now, **sent(SetChange, request))
        return Response(set_body(row, now, in_use([row], now)))


class DriftFilter(serializers.Serializer):
    against = serializers.IntegerField()


class SetDrift(APIView):
    """`GET /element-sets/{id}/drift?against={id}`: how far an older set is from this one."""

    permissions = {"GET": "constellation.view_satellite"}

    def get(self, request: Request, element_set_id: int) -> Response:
        wanted = asked(DriftFilter, request)
        rows = ElementSet.objects.select_related("satellite")
        new = get_object_or_404(rows, pk=element_set_id)
        old = get_object_or_404(rows, pk=wanted["against"])
        if old.satellite_id != new.satellite_id:
            raise errors.Invalid(f"{old.pk} is of {old.satellite} and {new.pk} of {new.satellite}.")
        for row in (old, new):
            if row.state not in choice.CHANGEABLE:
                raise choice.NotFlyable(f"The element set {row.pk} is {row.state}: {row.reason}")
        (found,) = drift.drifts([(old, new)], clock.now())
        if found is None:
            raise choice.NotFlyable("One of them says nothing of the epoch of the newer.")
        return Response({"satellite": new.satellite.code, "element_set": new.pk, **found})


class RecordFilter(PageQuestion):
    satellite = serializers.CharField(required=False, default="")


class OfRecord(APIView):
    """`GET /element-sets/of-record?satellite=A,B`: what each satellite flies, its age and drift.

    Satellites that fly nothing have null.
    """

    permissions = {"GET": "constellation.view_satellite"}

    def get(self, request: Request) -> Response:
        wanted = asked(RecordFilter, request)
        satellites = Satellite.objects.filter(is_active=True)
        if chosen := named(Satellite, wanted["satellite"]):
            satellites = satellites.filter(pk__in=[each.pk for each in chosen])
        page = ByCode()
        shown = page.paginate_queryset(satellites, request, view=self)
        now = clock.now()
        rows = {row.satellite_id: row for row in catalogue.elements_of_record(now, shown)}
        flown = {row.pk for row in rows.values()}
        bodies = {pk: set_body(row, now, flown) for pk, row in rows.items()}
        return page.get_paginated_response(
            [{"satellite": each.code, "element_set": bodies.get(each.pk)} for each in shown]
        )


class UploadFilter(serializers.Serializer):
    source = serializers.RegexField(r"^[^\x00-\x1f]{1,100}$", required=False)
    priority = serializers.IntegerField(
        required=False, default=OPERATOR_PRIORITY, min_value=0, max_value=MOST_PRIORITY
    )
    expires_at = serializers.DateTimeField(required=False, default=None, default_timezone=UTC)


class FileList(APIView):
    """`GET /element-files`: the files that came, newest first."""

    permissions = {"GET": "constellation.view_elementfile"}

    def get(self, request: Request) -> Response:
        asked(PageQuestion, request)
        page = Newest()
        shown = page.paginate_queryset(ElementFile.objects.all(), request, view=self)
        return page.get_paginated_response([file_body(row) for row in shown])


class FileDetail(APIView):
    """`PUT /element-files/{uuid}?source=&priority=&expires_at=` with the file as the body."""

    permissions = {
        "GET": "constellation.view_elementfile",
        "PUT": "constellation.add_elementset",
    }
    parser_classes = (AnyBytes,)

    def get(self, request: Request, file_id: UUID) -> Response:
        return Response(file_body(get_object_or_404(ElementFile, pk=file_id)))

    def put(self, request: Request, file_id: UUID) -> Response:
        wanted = asked(UploadFilter, request)
        name = request.user.get_username()
        file, is_new = intake.take_file(
            file_id=file_id,
            data=_body(request),
            source=wanted.get("source", name),
            priority=wanted["priority"],
            expires_at=wanted["expires_at"],
            given_by=name,
            now=clock.now(),
        )
        return Response(file_body(file), status=201 if is_new else 200)


def _body(request: Request) -> bytes:
    length = request.META.get("CONTENT_LENGTH") or ""
    if length.isdigit() and int(length) > MAX_FILE_BYTES:
        raise TooBig(f"The file has {length} bytes; at most {MAX_FILE_BYTES} are taken: split it.")
    try:
        data = request._request.read(MAX_FILE_BYTES + 1)
    except (RawPostDataException, OSError) as error:
        raise errors.Invalid(f"The upload broke off: {error}.") from error
    if len(data) > MAX_FILE_BYTES:
        raise TooBig(f"The file has over {MAX_FILE_BYTES} bytes: split it.")
    return data


def file_body(row: ElementFile) -> dict[str, Any]:
    """Return a file as the API shows it."""
    return {
        "id": str(row.pk),
        "source": row.name,
        "given_by": row.given_by,
        "sha256": row.sha256,
        "size_bytes": row.size_bytes,
        "priority": row.priority,
        "expires_at": row.expires_at and rfc3339(row.expires_at),
        "loaded_at": rfc3339(row.loaded_at),
        "taken": row.taken,
        "kept": row.kept,
        "refused": row.refused,
    }


urlpatterns = [
    path("element-sets", SetList.as_view()),
    path("element-sets/of-record", OfRecord.as_view()),
    path("element-sets/<int:element_set_id>", SetDetail.as_view()),
    path("element-sets/<int:element_set_id>/drift", SetDrift.as_view()),
    path("element-files", FileList.as_view()),
    path("element-files/<uuid:file_id>", FileDetail.as_view()),
]
