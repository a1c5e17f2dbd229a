"""Models, versions and artefacts by REST. An artefact is its bytes: `PUT /artefacts/{sha256}`."""

from __future__ import annotations

from collections.abc import Iterator

from django.http.request import RawPostDataException
from django.shortcuts import get_object_or_404
from django.urls import path, register_converter
from rest_framework import serializers
from rest_framework.parsers import BaseParser, JSONParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ops import errors
from ops.api import Page
from uplink.registry import registering, store
from uplink.registry.models import Artefact, Model, Version

_PIECE_BYTES = 1024 * 1024


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


class VersionRequest(serializers.Serializer):
    artefact = serializers.RegexField(r"^[0-9a-f]{64}$")
    licence = serializers.CharField(max_length=100)
    profiles = serializers.ListField(child=serializers.SlugField(), allow_empty=False)
    description = serializers.CharField(default="", allow_blank=True)
    context_tokens = serializers.IntegerField(required=False, min_value=1, max_value=1_048_576)
    system_prompt = serializers.CharField(default="", allow_blank=True, max_length=2000)


class ArtefactBody(serializers.ModelSerializer):
    class Meta:
        model = Artefact
        fields = ("sha256", "size_bytes", "format", "header", "stored_at")


class VersionBody(serializers.ModelSerializer):
    model = serializers.CharField(source="model.name")
    artefact = ArtefactBody()
    profiles = serializers.SlugRelatedField(slug_field="code", many=True, read_only=True)

    class Meta:
        model = Version
        fields = (
            "model",
            "version",
            "artefact",
            "licence",
            "profiles",
            "context_tokens",
            "system_prompt",
            "registered_at",
        )


class ModelBody(serializers.ModelSerializer):
    versions = serializers.SlugRelatedField(slug_field="version", many=True, read_only=True)

    class Meta:
        model = Model
        fields = ("name", "description", "versions")


class ModelPage(Page):
    ordering = ("name",)


class VersionPage(Page):
    ordering = ("-registered_at", "-id")


def _versions():
    return Version.objects.select_related("model", "artefact").prefetch_related("profiles")


class ModelsView(APIView):
    permissions = {"GET": "registry.view_model"}

    def get(self, request: Request) -> Response:
        page = ModelPage()
        rows = Model.objects.prefetch_related("versions")
        shown = page.paginate_queryset(rows, request, view=self)
        return page.get_paginated_response(ModelBody(shown, many=True).data)


class ModelView(APIView):
    permissions = {"GET": "registry.view_model"}

    def get(self, request: Request, name: str) -> Response:
        return Response(ModelBody(get_object_or_404(Model, name=name)).data)


class VersionsView(APIView):
    permissions = {"GET": "registry.view_model"}

    def get(self, request: Request, name: str) -> Response:
        page = VersionPage()
        rows = _versions().filter(model=get_object_or_404(Model, name=name))
        shown = page.paginate_queryset(rows, request, view=self)
        return page.get_paginated_response(VersionBody(shown, many=True).data)


class VersionView(APIView):
    """`PUT /models/{name}/versions/{version}` names stored bytes; they come first."""

    permissions = {"GET": "registry.view_model", "PUT": "registry.add_model"}

    def get(self, request: Request, name: str, version: str) -> Response:
        row = get_object_or_404(_versions(), model__name=name, version=version)
        return Response(VersionBody(row).data)

    def put(self, request: Request, name: str, version: str) -> Response:
        asked = VersionRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        fields = asked.validated_data
        row, is_new = registering.register_version(
            name=name,
            version=version,
            artefact_sha256=fields.pop("artefact"),
            organisation=request.user.organisation,
            **fields,
        )
        return Response(VersionBody(row).data, status=201 if is_new else 200)


class ArtefactView(APIView):
    """`PUT /artefacts/{sha256}?file_format=gguf` with the bytes as the body, of any length."""

    permissions = {"GET": "registry.view_model", "PUT": "registry.add_model"}
    parser_classes = (BytesParser, JSONParser)

    def get(self, request: Request, sha256: str) -> Response:
        return Response(ArtefactBody(get_object_or_404(Artefact, pk=sha256)).data)

    def put(self, request: Request, sha256: str) -> Response:
        length = request.META.get("CONTENT_LENGTH") or ""
        if length.isdigit() and int(length) > store.ARTEFACT_BYTES_MAX:
            raise store.TooBig(f"An artefact has at most {store.ARTEFACT_BYTES_MAX} bytes.")
        artefact, is_new = registering.store_artefact(
            _body(request),
            form=request.query_params.get("file_format", ""),
            organisation=request.user.organisation,
            sha256=sha256,
        )
        return Response(ArtefactBody(artefact).data, status=201 if is_new else 200)


def _body(request: Request) -> Iterator[bytes]:
    """Yield the body in pieces, as it arrived; it is never in memory whole."""
    try:
        while piece := request._request.read(_PIECE_BYTES):
            yield piece
    except (RawPostDataException, OSError) as error:
        raise errors.Invalid(f"The upload broke off: {error}.") from error


register_converter(Sha256, "sha256")
urlpatterns = [
    path("models", ModelsView.as_view()),
    path("models/<slug:name>", ModelView.as_view()),
    path("models/<slug:name>/versions", VersionsView.as_view()),
    path("models/<slug:name>/versions/<str:version>", VersionView.as_view()),
    path("artefacts/<sha256:sha256>", ArtefactView.as_view()),
]
