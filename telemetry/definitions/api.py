"""`/api/v1/definitions…`: definitions of telemetry, and their activation."""

from __future__ import annotations

from datetime import UTC
from typing import Any
from uuid import UUID

from django.db.models import Prefetch, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path
from rest_framework import serializers
from rest_framework.parsers import BaseParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from constellation.models import HardwareProfile, Satellite
from constellation.questions import Instant, Named, NoQuestion, PageQuestion, asked
from ops import clock, errors, parsers
from ops.api import Page
from telemetry import definitions, times
from telemetry.definitions import keeping
from telemetry.models_definitions import Activation, DefinitionFile, DefinitionPart


class TooLarge(errors.Invalid):
    status = 413
    code = "too_large"


class _Bytes(BaseParser):
    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> bytes:
        data = stream.read(keeping.LONGEST_BYTES + 1)
        if len(data) > keeping.LONGEST_BYTES:
            raise TooLarge(f"A definition has at most {keeping.LONGEST_BYTES} bytes.")
        return data


class Xml(_Bytes):
    media_type = "application/xml"


class TextXml(_Bytes):
    media_type = "text/xml"


class Csv(_Bytes):
    media_type = "text/csv"


class Several(MultiPartParser):
    """`multipart/form-data`: the part `main`, or the first, is the file that the others are of."""


class NewestFirst(Page):
    ordering = ("-uploaded_at", "-id")


class LatestFirst(Page):
    ordering = ("-from_ns", "-id")


def body_of(row: DefinitionFile) -> dict[str, Any]:
    return {
        "id": str(row.pk),
        "name": row.name,
        "version": row.version,
        "sha256": row.digest,
        "format": "csv" if row.source is not None else "xtce",
        **row.summary,
        "generation_time": row.generation_time,
        "files": [part.name for part in row.parts.all()],
        "left_out": row.left_out,
        "uploaded_by": row.uploaded_by,
        "uploaded_at": row.uploaded_at,
        "activations": [activation_body(each) for each in row.activations.all()],
    }


def activation_body(row: Activation) -> dict[str, Any]:
    return {
        "id": str(row.pk),
        "definition": str(row.definition_id),
        "profile": row.profile.code if row.profile else None,
        "from": times.text(row.from_ns),
        "activated_by": row.activated_by,
        "activated_at": row.activated_at,
        "left_out": row.left_out,
        "withdrawn_by": row.withdrawn_by or None,
        "withdrawn_at": row.withdrawn_at,
    }


def _rows() -> QuerySet[DefinitionFile]:
    parts = Prefetch("parts", DefinitionPart.objects.defer("xtce").order_by("place"))
    rows = DefinitionFile.objects.defer("xtce")
    return rows.prefetch_related("activations__profile", parts)


class DefinitionList(APIView):
    """`GET /definitions`: all that were uploaded, newest first."""

    permissions = {"GET": "telemetry.view_definition"}

    def get(self, request: Request) -> Response:
        asked(PageQuestion, request)
        page = NewestFirst()
        shown = page.paginate_queryset(_rows(), request, view=self)
        return page.get_paginated_response([body_of(row) for row in shown])


class TimeAsked(NoQuestion):
    generation_time = serializers.CharField(required=False, default="", max_length=2000)
    epoch = serializers.CharField(required=False, default="", max_length=40)
    scale = serializers.CharField(required=False, default="", max_length=10)


class DefinitionDetail(APIView):
    """`PUT /definitions/{id}?generation_time=&epoch=&scale=` takes XTCE (`application/xml`, or
    `multipart/form-data` for several files of one definition) or a dictionary (`text/csv`), and how
    its packets tell their time, if the file does not say it."""

    permissions = {"GET": "telemetry.view_definition", "PUT": "telemetry.add_definition"}
    parser_classes = [Xml, TextXml, Csv, Several]

    def get(self, request: Request, definition_id: UUID) -> Response:
        asked(NoQuestion, request)
        return Response(body_of(get_object_or_404(_rows(), pk=definition_id)))

    def put(self, request: Request, definition_id: UUID) -> Response:
        said = asked(TimeAsked, request)
        data, files = _files(request)
        if not data:
            raise errors.Invalid("The body is an XTCE file, or a dictionary in CSV.")
        row, is_new = keeping.upload(
            definition_id,
            data,
            files,
            organisation=request.user.organisation,
            uploaded_by=request.user.username,
            now=clock.now(),
            is_dictionary=(request.content_type or "").startswith("text/csv"),
            **said,
        )
        return Response(body_of(row), status=201 if is_new else 200)


def _files(request: Request) -> tuple[bytes, dict[str, bytes]]:
    """Return the file of a definition, and the further ones by name."""
    if isinstance(request.data, bytes):
        return request.data, {}
    given = [(key, file) for key, listed in request.FILES.lists() for file in listed]
    if not given or set(request.data) - set(request.FILES):
        raise errors.Invalid("Each part of the body is a file with a name.")
    if sum(file.size for _, file in given) > keeping.LONGEST_BYTES:
        raise TooLarge(f"A definition has at most {keeping.LONGEST_BYTES} bytes.")
    named = [place for place, (key, _) in enumerate(given) if key == "main"]
    if len(named) > 1:
        raise errors.Invalid("Only one part can be main.")
    _, main = given.pop(named[0] if named else 0)
    files: dict[str, bytes] = {}
    for _, file in given:
        if file.name in files or len(file.name) > 200 or not file.name.isprintable():
            raise errors.Invalid(f"{file.name[:200]!r}: no name of a file, or one that came twice.")
        files[file.name] = file.read()
    return main.read(), files


class DefinitionPartXtce(APIView):
    """`GET /definitions/{id}/files/{name}`: a further file of a definition."""

    permissions = {"GET": "telemetry.view_definition"}

    def get(self, request: Request, definition_id: UUID, name: str) -> HttpResponse:
        asked(NoQuestion, request)
        part = get_object_or_404(DefinitionPart, definition=definition_id, name=name)
        return HttpResponse(bytes(part.xtce), content_type="application/xml")


class DefinitionXtce(APIView):
    """`GET /definitions/{id}/xtce`: the file by which packets are read."""

    permissions = {"GET": "telemetry.view_definition"}

    def get(self, request: Request, definition_id: UUID) -> HttpResponse:
        asked(NoQuestion, request)
        row = get_object_or_404(DefinitionFile, pk=definition_id)
        return HttpResponse(bytes(row.xtce), content_type="application/xml")


class ActivationRequest(Named):
    definition = serializers.UUIDField()
    profile = serializers.CharField(required=False, allow_null=True, default=None)

    def get_fields(self) -> dict[str, serializers.Field]:
        # `from` is a word of Python, and no name that a class body can give.
        return {**super().get_fields(), "from": Instant()}


class ActivationList(APIView):
    """`GET /definition-activations`, by the instants from which they rule, latest first."""

    permissions = {"GET": "telemetry.view_definition"}

    def get(self, request: Request) -> Response:
        asked(PageQuestion, request)
        page = LatestFirst()
        rows = Activation.objects.select_related("profile")
        shown = page.paginate_queryset(rows, request, view=self)
        return page.get_paginated_response([activation_body(row) for row in shown])


class ActivationDetail(APIView):
    """`PUT /definition-activations/{id}` with `definition`, `profile` (or null: all) and `from`;
    `DELETE` withdraws it before it rules. What was withdrawn is still shown, and rules nothing."""

    permissions = {
        "GET": "telemetry.view_definition",
        "PUT": "telemetry.activate_definition",
        "DELETE": "telemetry.activate_definition",
    }
    parser_classes = [parsers.Json]

    def get(self, request: Request, activation_id: UUID) -> Response:
        asked(NoQuestion, request)
        rows = Activation.objects.select_related("profile")
        return Response(activation_body(get_object_or_404(rows, pk=activation_id)))

    def delete(self, request: Request, activation_id: UUID) -> Response:
        asked(NoQuestion, request)
        by = request.user.username
        row = keeping.withdraw(activation_id, withdrawn_by=by, now=clock.now())
        return Response(activation_body(row))

    def put(self, request: Request, activation_id: UUID) -> Response:
        asked(NoQuestion, request)
        wanted = _activation_request(request)
        definition = DefinitionFile.objects.defer("xtce").filter(pk=wanted["definition"]).first()
        if definition is None:
            raise errors.NotFound(f"There is no definition {wanted['definition']}.")
        profile = None
        if wanted["profile"] is not None:
            profile = HardwareProfile.objects.filter(code=wanted["profile"]).first()
            if profile is None:
                raise errors.NotFound(f"There is no hardware profile {wanted['profile']}.")
        row, is_new = keeping.activate(
            activation_id,
            definition=definition,
            profile=profile,
            from_at=wanted["from"],
            activated_by=request.user.username,
            now=clock.now(),
        )
        return Response(activation_body(row), status=201 if is_new else 200)


def _activation_request(request: Request) -> dict[str, Any]:
    read = ActivationRequest(data=request.data)
    read.is_valid(raise_exception=True)
    return read.validated_data


class InForceAsked(serializers.Serializer):
    at = Instant(required=False)


class InForce(APIView):
    """`GET /satellites/{code}/telemetry/definition?at=`: by what a satellite's packets are read."""

    permissions = {"GET": "telemetry.view_definition"}

    def get(self, request: Request, code: str) -> Response:
        satellite = get_object_or_404(Satellite, code=code)
        at = asked(InForceAsked, request).get("at") or clock.now()
        edition = definitions.for_satellite(satellite.pk, times.to_ns(at.astimezone(UTC)))
        return Response(
            {
                "satellite": code,
                "at": at,
                "definition": str(edition.id) if edition.id else None,
                "name": edition.xtce.system.name,
            }
        )


urlpatterns = [
    path("definitions", DefinitionList.as_view()),
    path("definitions/<uuid:definition_id>", DefinitionDetail.as_view()),
    path("definitions/<uuid:definition_id>/xtce", DefinitionXtce.as_view()),
    path("definitions/<uuid:definition_id>/files/<str:name>", DefinitionPartXtce.as_view()),
    path("definition-activations", ActivationList.as_view()),
    path("definition-activations/<uuid:activation_id>", ActivationDetail.as_view()),
    path("satellites/<str:code>/telemetry/definition", InForce.as_view()),
]
