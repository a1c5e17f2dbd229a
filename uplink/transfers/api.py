"""Transfers and deployments by REST."""

from __future__ import annotations

from dataclasses import asdict
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from constellation.models import Satellite
from constellation.questions import Named, PageQuestion, asked, named
from ops import clock, errors
from ops.api import Page
from telemetry import onboard
from uplink.registry.models import Artefact, Version
from uplink.transfers import forecasts, holding, progress, requests, sources, suspending
from uplink.transfers.models import (
    Carriage,
    Deployment,
    Forecast,
    Shipment,
    Spread,
    State,
    Transfer,
)


class TransferRequest(Named):
    """Either a `model` and its `version`, or an `artefact` by its SHA-256."""

    satellite = serializers.SlugRelatedField(slug_field="code", queryset=Satellite.objects.all())
    model = serializers.CharField(required=False)
    version = serializers.CharField(required=False)
    artefact = serializers.PrimaryKeyRelatedField(queryset=Artefact.objects.all(), required=False)
    activate = serializers.BooleanField(default=True)
    slot = serializers.ChoiceField(choices=list(onboard.Slot.__members__), required=False)
    priority = serializers.IntegerField(default=0, min_value=-100, max_value=100)
    laser = serializers.BooleanField(default=True)

    def validate(self, attrs: dict) -> dict:
        name, number = attrs.pop("model", None), attrs.get("version")
        if bool(name) != bool(number) or bool(name) == ("artefact" in attrs):
            raise serializers.ValidationError("Name a model with its version, or an artefact.")
        attrs["version"] = None
        if name:
            row = Version.objects.filter(model__name=name, version=number).first()
            if row is None:
                raise errors.NotFound(f"There is no {name}:{number}.")
            attrs["version"], attrs["artefact"] = row, row.artefact
        if "slot" in attrs:
            attrs["slot"] = onboard.Slot[attrs["slot"]]
        return attrs


class ForecastBody(serializers.ModelSerializer):
    """When the transfer will be delivered. `by_at` is null where the contacts do not suffice."""

    sentence = serializers.SerializerMethodField()

    class Meta:
        model = Forecast
        fields = (
            "sentence",
            "made_at",
            "median_at",
            "by_at",
            "probability",
            "horizon_at",
            "contacts",
            "stations",
            "left_bytes",
            "carried_bytes",
            "reason",
            "first_by_at",
        )

    def get_sentence(self, row: Forecast) -> str:
        return forecasts.sentence(row)


class TransferBody(serializers.ModelSerializer):
    satellite = serializers.CharField(source="satellite.code")
    version = serializers.SerializerMethodField()
    base = serializers.CharField(source="package.base_id", default=None)
    slot = serializers.SerializerMethodField()
    progress = serializers.SerializerMethodField()
    forecast = serializers.SerializerMethodField()

    class Meta:
        model = Transfer
        fields = (
            "id",
            "satellite",
            "artefact",
            "base",
            "version",
            "activate",
            "slot",
            "laser",
            "priority",
            "state",
            "reason",
            "created_at",
            "started_at",
            "verified_at",
            "finished_at",
            "progress",
            "forecast",
        )

    def get_version(self, row: Transfer) -> str | None:
        return str(row.version) if row.version else None

    def get_forecast(self, row: Transfer) -> dict[str, object] | None:
        """None while it is being made, and when all files are up."""
        known = forecasts.shown(row)
        return ForecastBody(known).data if known is not None else None

    def get_slot(self, row: Transfer) -> str | None:
        return onboard.Slot(row.slot).name if row.slot else None

    def get_progress(self, row: Transfer) -> dict[str, object]:
        return progress.summary(row)


class FileBody(serializers.ModelSerializer):
    class Meta:
        model = Shipment
        fields = (
            "number",
            "name",
            "size_bytes",
            "sequence",
            "acknowledged_bytes",
            "sent_bytes",
            "attempts",
            "fault",
            "delivered",
            "delivered_at",
            "contact",
        )


class CarriageBody(serializers.ModelSerializer):
    """What one contact carried of a transfer."""

    station = serializers.CharField(source="contact.antenna.station.code")
    aos_at = serializers.DateTimeField(source="contact.aos_at")
    los_at = serializers.DateTimeField(source="contact.los_at")

    class Meta:
        model = Carriage
        fields = (
            "contact",
            "station",
            "aos_at",
            "los_at",
            "began_at",
            "last_at",
            "sent_bytes",
            "arrived_bytes",
            "files",
        )


class SpreadBody(serializers.ModelSerializer):
    """How a transfer gets its packs while other satellites may give them; spans [first, last]."""

    class Meta:
        model = Spread
        fields = (
            "planned_at",
            "uploads",
            "laser",
            "why",
            "peers",
            "orders",
            "refused",
            "expected_at",
            "left_to_ground_until",
            "withdrawn_bytes",
        )


def spread_body(row: Transfer) -> dict[str, object] | None:
    """None for a transfer that contacts of its own carry alone."""
    known = Spread.objects.filter(transfer=row).first()
    if known is None:
        return None
    body = dict(SpreadBody(known).data)
    named_by = dict(Satellite.objects.values_list("entity_id", "code"))
    lists = ("peers", "refused")
    return {**body, **{name: sorted(named_by.get(e, str(e)) for e in body[name]) for name in lists}}


class DeploymentBody(serializers.ModelSerializer):
    satellite = serializers.CharField(source="satellite.code")

    class Meta:
        model = Deployment
        fields = (
            "satellite",
            "desired",
            "active_sha256",
            "slot_a_sha256",
            "slot_b_sha256",
            "reported_ns",
        )


class TransferPage(Page):
    ordering = ("-created_at", "-id")


class TransferFilter(PageQuestion):
    state = serializers.ChoiceField(choices=State.choices, required=False)
    satellite = serializers.CharField(required=False, default="")


class DeploymentPage(Page):
    ordering = ("satellite__code",)


def _rows():
    return Transfer.objects.select_related(
        "satellite", "artefact", "package", "version__model", "forecast"
    )


class TransfersView(APIView):
    """`GET /transfers?satellite=CODE&state=…`, the newest first."""

    permissions = {"GET": "transfers.view_transfer"}

    def get(self, request: Request) -> Response:
        rows = _rows()
        wanted = asked(TransferFilter, request)
        if satellites := named(Satellite, wanted["satellite"]):
            rows = rows.filter(satellite__in=satellites)
        if state := wanted.get("state"):
            rows = rows.filter(state=state)
        page = TransferPage()
        shown = page.paginate_queryset(rows, request, view=self)
        return page.get_paginated_response(TransferBody(shown, many=True).data)


class TransferView(APIView):
    """One transfer: PUT asks for it under an id the caller chose, GET tells how far it is."""

    permissions = {"GET": "transfers.view_transfer", "PUT": "transfers.add_transfer"}

    def get(self, request: Request, transfer_id: UUID) -> Response:
        row = get_object_or_404(_rows(), pk=transfer_id)
        files = FileBody(row.shipments.all(), many=True).data
        known = forecasts.shown(row)
        contacts = row.carriages.select_related("contact__antenna__station")
        return Response(
            {
                **TransferBody(row).data,
                "spread": spread_body(row),
                "sources": [asdict(one) for one in sources.of(row)],
                "expected_contacts": known.legs if known is not None else [],
                "contacts": CarriageBody(contacts, many=True).data,
                "files": files,
            }
        )

    def put(self, request: Request, transfer_id: UUID) -> Response:
        asked = TransferRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        row, is_new = requests.request(
            transfer_id=transfer_id,
            organisation=request.user.organisation,
            now=clock.now(),
            **asked.validated_data,
        )
        return Response(TransferBody(row).data, status=201 if is_new else 200)


class TransferChangeView(APIView):
    """`POST /transfers/{id}/resume`, `cancel` and `retry`."""

    permissions = {"POST": "transfers.change_transfer"}

    def post(self, request: Request, transfer_id: UUID, change: str) -> Response:
        acts = {"resume": suspending.resume, "cancel": requests.cancel, "retry": requests.retry}
        return Response(TransferBody(acts[change](transfer_id, now=clock.now())).data)


class SuspensionRequest(Named):
    reason = serializers.CharField(max_length=200, default="", allow_blank=True)


class SuspensionView(APIView):
    """`POST /transfers/{id}/suspend` with a `reason`, or none: nothing more of it is sent."""

    permissions = {"POST": "transfers.change_transfer"}

    def post(self, request: Request, transfer_id: UUID) -> Response:
        said = SuspensionRequest(data=request.data)
        said.is_valid(raise_exception=True)
        by = f"suspended by {request.user.username}"
        reason = said.validated_data["reason"]
        row = suspending.suspend(
            transfer_id, now=clock.now(), reason=f"{by}: {reason}" if reason else by
        )
        return Response(TransferBody(_rows().get(pk=row.pk)).data)


class DeploymentsView(APIView):
    """What each satellite should run, and what it says that it runs."""

    permissions = {"GET": "transfers.view_transfer"}

    def get(self, request: Request) -> Response:
        asked(PageQuestion, request)
        page = DeploymentPage()
        rows = Deployment.objects.select_related("satellite")
        shown = page.paginate_queryset(rows, request, view=self)
        return page.get_paginated_response(DeploymentBody(shown, many=True).data)


class HoldingFilter(serializers.Serializer):
    artefact = serializers.CharField(max_length=64)


class HoldingsView(APIView):
    """`GET /holdings?artefact=SHA256`: which satellite says that it holds which packs of an
    artefact, from where each came, and whose contact told it. Spans are [source, first, last]."""

    permissions = {"GET": "transfers.view_transfer"}

    def get(self, request: Request) -> Response:
        wanted = asked(HoldingFilter, request)
        artefact = Artefact.objects.filter(pk=wanted["artefact"]).first()
        if artefact is None:
            raise errors.NotFound(f"There is no artefact {wanted['artefact']}.")
        rows = list(holding.newest(artefact=artefact).select_related("satellite", "told_by"))
        named_by = dict(Satellite.objects.values_list("entity_id", "code"))
        named_by[onboard.GROUND_ENTITY_ID] = sources.GROUND
        return Response(
            {
                "artefact": artefact.pk,
                "packs": artefact.packs.count(),
                "satellites": [
                    {
                        "satellite": row.satellite.code,
                        "reported_ns": row.reported_ns,
                        "told_by": row.told_by.code,
                        "spans": [
                            [named_by.get(source, str(source)), first, last]
                            for source, first, last in row.spans
                        ],
                        "refused": [named_by.get(one, str(one)) for one in row.refused],
                        "laser_bytes": row.laser_bytes,
                    }
                    for row in sorted(rows, key=lambda one: one.satellite.code)
                ],
            }
        )


urlpatterns = [
    path("holdings", HoldingsView.as_view()),
    path("transfers", TransfersView.as_view()),
    path("transfers/<uuid:transfer_id>", TransferView.as_view()),
    path("transfers/<uuid:transfer_id>/suspend", SuspensionView.as_view()),
    *(
        path(
            f"transfers/<uuid:transfer_id>/{change}",
            TransferChangeView.as_view(),
            {"change": change},
        )
        for change in ("resume", "cancel", "retry")
    ),
    path("deployments", DeploymentsView.as_view()),
]
