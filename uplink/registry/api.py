"""Models, versions and artefacts by REST. An artefact is its bytes: `PUT /artefacts/{sha256}`."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.urls import path, register_converter
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from constellation.models import HardwareProfile, Satellite
from constellation.questions import NoQuestion, PageQuestion, asked, named
from ops import clock, errors, parsers
from ops.accounts.models import User
from ops.api import Page
from uplink.registry import (
    api_uploads,
    bundles,
    fits,
    prices,
    registering,
    store,
    streaming,
)
from uplink.registry.bodies import (
    ArtefactBody,
    CostQuestion,
    GoldenPromptBody,
    ModelBody,
    StoreQuestion,
    VersionBody,
    VersionRequest,
    cost_body,
    fit_rows,
)
from uplink.registry.models import Artefact, Model, Version


class BytesParser(BaseParser):
    """Leaves a body of bytes alone; the view reads it piece by piece."""

    media_type = "application/octet-stream"

    def parse(self, stream, media_type=None, parser_context=None):
        return stream


class Sha256:
    """A path segment of 64 hexadecimal digits."""

    regex = "[0-9a-f]{64}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


class ModelPage(Page):
    ordering = ("name",)


class VersionPage(Page):
    ordering = ("-registered_at", "-id")


class ArtefactPage(Page):
    ordering = ("-stored_at", "sha256")


def _versions() -> QuerySet[Version]:
    return Version.objects.select_related(
        "model", "artefact", "base__artefact", "base__model", "provenance__parent__model"
    ).prefetch_related("profiles", "golden_prompts")


class ModelsView(APIView):
    permissions = {"GET": "registry.view_model"}

    def get(self, request: Request) -> Response:
        asked(PageQuestion, request)
        page = ModelPage()
        rows = Model.objects.prefetch_related("versions")
        shown = page.paginate_queryset(rows, request, view=self)
        return page.get_paginated_response(ModelBody(shown, many=True).data)


class ModelView(APIView):
    permissions = {"GET": "registry.view_model"}

    def get(self, request: Request, name: str) -> Response:
        asked(NoQuestion, request)
        return Response(ModelBody(get_object_or_404(Model, name=name)).data)


class VersionsView(APIView):
    permissions = {"GET": "registry.view_model"}

    def get(self, request: Request, name: str) -> Response:
        asked(PageQuestion, request)
        page = VersionPage()
        rows = _versions().filter(model=get_object_or_404(Model, name=name))
        shown = page.paginate_queryset(rows, request, view=self)
        return page.get_paginated_response(VersionBody(shown, many=True).data)


class VersionView(APIView):
    """`PUT /models/{name}/versions/{version}` names stored bytes; they come first."""

    permissions = {"GET": "registry.view_model", "PUT": "registry.add_model"}

    def get(self, request: Request, name: str, version: str) -> Response:
        asked(NoQuestion, request)
        row = get_object_or_404(_versions(), model__name=name, version=version)
        return Response(VersionBody(row).data)

    def put(self, request: Request, name: str, version: str) -> Response:
        asked(NoQuestion, request)
        wanted = VersionRequest(data=_object(request))
        wanted.is_valid(raise_exception=True)
        fields = wanted.validated_data
        row, is_new = registering.register_version(
            name=name,
            version=version,
            artefact_sha256=_artefact(fields, request.user),
            organisation=request.user.organisation,
            registered_by=request.user.username,
            **fields,
        )
        row = _versions().get(pk=row.pk)
        return Response(VersionBody(row).data, status=201 if is_new else 200)


def _object(request: Request) -> dict[str, Any]:
    if not isinstance(request.data, dict):
        raise errors.Invalid("The body must be a JSON object.")
    return request.data


def _artefact(fields: dict[str, Any], user: User) -> str:
    """Take the artefact, or the files that make one, out of what was asked; return its digest."""
    files = fields.pop("files", None)
    if files is None:
        return fields.pop("artefact")
    listed = {each["path"]: each["sha256"] for each in files}
    return bundles.make(listed, organisation=user.organisation).sha256


class GoldenPromptsView(APIView):
    """The golden prompts of a version; PUT replaces them all."""

    permissions = {"GET": "registry.view_artefact", "PUT": "registry.add_model"}

    def get(self, request: Request, name: str, version: str) -> Response:
        asked(NoQuestion, request)
        row = get_object_or_404(Version, model__name=name, version=version)
        return Response({"golden_prompts": GoldenPromptBody(row.golden_prompts, many=True).data})

    def put(self, request: Request, name: str, version: str) -> Response:
        asked(NoQuestion, request)
        row = get_object_or_404(Version, model__name=name, version=version)
        registering.replace_golden(row, _object(request).get("golden_prompts"))
        return Response({"golden_prompts": GoldenPromptBody(row.golden_prompts, many=True).data})


class FitsView(APIView):
    """Which hardware a version fits, and why not, with numbers."""

    permissions = {"GET": "registry.view_artefact"}

    def get(self, request: Request, version_id: int) -> Response:
        asked(NoQuestion, request)
        row = get_object_or_404(_versions(), pk=version_id)
        profiles = HardwareProfile.objects.order_by("code")
        return Response({"version": str(row), "profiles": fit_rows(row, fits.fits(row, profiles))})


class CostView(APIView):
    """`GET /versions/{id}/cost?satellite=CODE,CODE`: bytes on air, contacts and time for each.

    Without satellites it is for all that the version's hardware profiles name.
    """

    permissions = {"GET": "registry.view_artefact"}

    def get(self, request: Request, version_id: int) -> Response:
        wanted = asked(CostQuestion, request)
        row = get_object_or_404(_versions(), pk=version_id)
        satellites = named(Satellite, wanted["satellite"])
        if satellites is None:
            satellites = list(
                Satellite.objects.filter(is_active=True, profile__in=row.profiles.all())
            )
        return Response(cost_body(row, prices.cost(row, satellites, clock.now())))


class ArtefactsView(APIView):
    permissions = {"GET": "registry.view_artefact"}

    def get(self, request: Request) -> Response:
        asked(PageQuestion, request)
        page = ArtefactPage()
        shown = page.paginate_queryset(Artefact.objects.all(), request, view=self)
        return page.get_paginated_response(ArtefactBody(shown, many=True).data)


class ArtefactView(APIView):
    """`PUT /artefacts/{sha256}?file_format=gguf` with the bytes as the body, of any length."""

    permissions = {"GET": "registry.view_model", "PUT": "registry.add_model"}
    parser_classes = (BytesParser, parsers.Json)

    def get(self, request: Request, sha256: str) -> Response:
        asked(NoQuestion, request)
        return Response(ArtefactBody(get_object_or_404(Artefact, pk=sha256)).data)

    def put(self, request: Request, sha256: str) -> Response:
        wanted = asked(StoreQuestion, request)
        length = request.META.get("CONTENT_LENGTH") or ""
        if length.isdigit():
            store.check_room(int(length))
        artefact, is_new = registering.store_artefact(
            streaming.pieces(request._request),
            form=wanted["file_format"],
            organisation=request.user.organisation,
            sha256=sha256,
            name=wanted["name"],
        )
        return Response(ArtefactBody(artefact).data, status=201 if is_new else 200)


register_converter(Sha256, "sha256")
urlpatterns = [
    path("models", ModelsView.as_view()),
    path("models/<slug:name>", ModelView.as_view()),
    path("models/<slug:name>/versions", VersionsView.as_view()),
    path("models/<slug:name>/versions/<str:version>", VersionView.as_view()),
    path("models/<slug:name>/versions/<str:version>/golden-prompts", GoldenPromptsView.as_view()),
    path("versions/<int:version_id>/fits", FitsView.as_view()),
    path("versions/<int:version_id>/cost", CostView.as_view()),
    path("artefacts", ArtefactsView.as_view()),
    path("artefacts/<sha256:sha256>", ArtefactView.as_view()),
    *api_uploads.urlpatterns,
]
