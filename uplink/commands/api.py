"""Telecommands by REST: `PUT /commands/{uuid}` releases one under an id the caller chose."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from constellation.models import Satellite
from constellation.questions import Named, PageQuestion, asked, named
from ops import clock
from ops.api import Page
from uplink.commands import definitions, handovers, release
from uplink.commands.models import Command, State


class CommandRequest(Named):
    satellite = serializers.SlugRelatedField(slug_field="code", queryset=Satellite.objects.all())
    name = serializers.ChoiceField(choices=list(definitions.DEFINITIONS))
    arguments = serializers.DictField(default=dict)


class CommandBody(serializers.ModelSerializer):
    satellite = serializers.CharField(source="satellite.code")
    relay = serializers.CharField(source="relay.code", default=None)
    handovers = serializers.SerializerMethodField()

    def get_handovers(self, command: Command) -> list[dict[str, Any]]:
        """To which contacts it was given, of its own satellite or of one that hands it on."""
        return [handovers.body(row) for row in command.handovers.all()]

    class Meta:
        model = Command
        fields = (
            "id",
            "satellite",
            "name",
            "arguments",
            "source",
            "state",
            "counter",
            "contact",
            "relay",
            "handovers",
            "created_at",
            "sent_at",
            "finished_at",
            "code",
            "reason",
        )


class CommandPage(Page):
    ordering = ("-created_at", "-id")


class CommandFilter(PageQuestion):
    state = serializers.ChoiceField(choices=State.choices, required=False)
    satellite = serializers.CharField(required=False, default="")


def _shown() -> QuerySet[Command]:
    rows = Command.objects.select_related("satellite", "relay")
    return rows.prefetch_related("handovers__relay")


class CommandsView(APIView):
    """`GET /commands?satellite=CODE&state=…`, the newest first."""

    permissions = {"GET": "commands.view_command"}

    def get(self, request: Request) -> Response:
        rows = _shown()
        wanted = asked(CommandFilter, request)
        if satellites := named(Satellite, wanted["satellite"]):
            rows = rows.filter(satellite__in=satellites)
        if state := wanted.get("state"):
            rows = rows.filter(state=state)
        page = CommandPage()
        shown = page.paginate_queryset(rows, request, view=self)
        return page.get_paginated_response(CommandBody(shown, many=True).data)


class CommandView(APIView):
    """One telecommand: released by PUT (201, again 200), seen by GET, taken back by DELETE."""

    permissions = {
        "GET": "commands.view_command",
        "PUT": "commands.add_command",
        "DELETE": "commands.change_command",
    }

    def get(self, request: Request, command_id: UUID) -> Response:
        row = get_object_or_404(_shown(), pk=command_id)
        return Response(CommandBody(row).data)

    def put(self, request: Request, command_id: UUID) -> Response:
        asked = CommandRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        command, is_new = release.request(
            command_id=command_id,
            organisation=request.user.organisation,
            source=f"user:{request.user.get_username()}",
            now=clock.now(),
            **asked.validated_data,
        )
        return Response(CommandBody(command).data, status=201 if is_new else 200)

    def delete(self, request: Request, command_id: UUID) -> Response:
        command = release.cancel(command_id, now=clock.now())
        return Response(CommandBody(command).data)


urlpatterns = [
    path("commands", CommandsView.as_view()),
    path("commands/<uuid:command_id>", CommandView.as_view()),
]
