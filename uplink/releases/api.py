"""Releases, roots, and what satellites say of themselves, by REST. Signing is not done here."""

from __future__ import annotations

from django.shortcuts import get_object_or_404
from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from constellation.models import Satellite
from constellation.questions import NoQuestion, PageQuestion, asked, named
from ops import errors
from ops.api import Page
from uplink.releases.models import Assignment, Inventory, Release, Root, State


class ReleaseBody(serializers.ModelSerializer):
    version = serializers.CharField(source="version.__str__", default=None)
    size_bytes = serializers.IntegerField(source="artefact.size_bytes")
    signatures = serializers.SerializerMethodField()

    class Meta:
        model = Release
        fields = (
            "counter",
            "line",
            "version",
            "artefact",
            "size_bytes",
            "profiles",
            "signed_at",
            "expires_at",
            "withdrawn_at",
            "reason",
            "signatures",
        )

    def get_signatures(self, row: Release) -> list[str]:
        return [one["keyid"] for one in row.document["signatures"]]


class AssignmentBody(serializers.ModelSerializer):
    satellite = serializers.CharField(source="satellite.code")
    size_bytes = serializers.SerializerMethodField()

    class Meta:
        model = Assignment
        fields = (
            "satellite",
            "number",
            "release",
            "snapshot",
            "bans",
            "sha256",
            "size_bytes",
            "state",
            "reason",
            "made_at",
            "expires_at",
        )

    def get_size_bytes(self, row: Assignment) -> int:
        return len(row.bundle)


class InventoryBody(serializers.ModelSerializer):
    satellite = serializers.CharField(source="satellite.code")

    class Meta:
        model = Inventory
        fields = (
            "satellite",
            "number",
            "reported_at",
            "attack",
            "root",
            "snapshot",
            "assignment",
            "counter",
            "slots",
            "mismatch",
        )


class ReleasePage(Page):
    ordering = "-counter"


class AssignmentPage(Page):
    ordering = ("-made_at", "-id")


class AssignmentFilter(PageQuestion):
    state = serializers.ChoiceField(choices=State.choices, required=False)
    satellite = serializers.CharField(required=False, default="")


class ReleasesView(APIView):
    """`GET /releases`, the highest counter first."""

    permissions = {"GET": "releases.view_release"}

    def get(self, request: Request) -> Response:
        asked(PageQuestion, request)
        page = ReleasePage()
        rows = Release.objects.select_related("version__model", "artefact")
        shown = page.paginate_queryset(rows, request, view=self)
        return page.get_paginated_response(ReleaseBody(shown, many=True).data)


class ReleaseView(APIView):
    """`GET /releases/{counter}`, with the document as it was signed."""

    permissions = {"GET": "releases.view_release"}

    def get(self, request: Request, counter: int) -> Response:
        asked(NoQuestion, request)
        rows = Release.objects.select_related("version__model", "artefact")
        row = get_object_or_404(rows, pk=counter)
        return Response({**ReleaseBody(row).data, "document": row.document})


class RootView(APIView):
    """`GET /release-root`: whose signatures count today, as TUF metadata."""

    permissions = {"GET": "releases.view_release"}

    def get(self, request: Request) -> Response:
        asked(NoQuestion, request)
        row = Root.objects.order_by("-version").first()
        if row is None:
            raise errors.NotFound("There are no keys yet; `manage.py release_keys` makes them.")
        return Response(row.document)


class AssignmentsView(APIView):
    """`GET /release-assignments?satellite=CODE&state=…`: which satellite was given what, and what
    it said, the newest first."""

    permissions = {"GET": "releases.view_release"}

    def get(self, request: Request) -> Response:
        wanted = asked(AssignmentFilter, request)
        rows = Assignment.objects.select_related("satellite")
        if satellites := named(Satellite, wanted["satellite"]):
            rows = rows.filter(satellite__in=satellites)
        if state := wanted.get("state"):
            rows = rows.filter(state=state)
        page = AssignmentPage()
        shown = page.paginate_queryset(rows, request, view=self)
        return page.get_paginated_response(AssignmentBody(shown, many=True).data)


class InventoryView(APIView):
    """`GET /satellites/{code}/inventory`: what the satellite says that it holds and trusts."""

    permissions = {"GET": "releases.view_release"}

    def get(self, request: Request, code: str) -> Response:
        asked(NoQuestion, request)
        satellite = get_object_or_404(Satellite, code=code)
        row = Inventory.objects.select_related("satellite").filter(satellite=satellite).first()
        if row is None:
            raise errors.NotFound(f"{code} has not reported what it holds yet.")
        return Response(InventoryBody(row).data)


urlpatterns = [
    path("releases", ReleasesView.as_view()),
    path("releases/<int:counter>", ReleaseView.as_view()),
    path("release-root", RootView.as_view()),
    path("release-assignments", AssignmentsView.as_view()),
    path("satellites/<str:code>/inventory", InventoryView.as_view()),
]
