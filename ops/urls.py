"""Every address, and the room behind it."""

from django.urls import include, path

handler404 = "ops.pages.not_found"

urlpatterns = [
    path("", include("ops.console.pages")),
    path("", include("constellation.pages")),
    path("", include("constellation.contacts.pages")),
    path("", include("telemetry.pages")),
    path("", include("telemetry.ledger.pages")),
    path("", include("telemetry.replays.pages")),
    path("", include("telemetry.alarms.pages")),
    path("", include("uplink.registry.pages")),
    path("", include("uplink.transfers.pages")),
    path("", include("uplink.inference.pages")),
    path("", include("uplink.rollouts.pages")),
    path("v1/", include("uplink.inference.openai")),
    path("api/v1/", include("ops.clock_api")),
    path("api/v1/", include("constellation.api")),
    path("api/v1/", include("constellation.contacts.api")),
    path("api/v1/", include("telemetry.api")),
    path("api/v1/", include("telemetry.api_archive")),
    path("api/v1/", include("telemetry.ledger.api")),
    path("api/v1/", include("telemetry.replays.api")),
    path("api/v1/", include("telemetry.alarms.api")),
    path("api/v1/", include("uplink.registry.api")),
    path("api/v1/", include("uplink.releases.api")),
    path("api/v1/", include("uplink.transfers.api")),
    path("api/v1/", include("uplink.rollouts.api")),
    path("api/v1/", include("uplink.commands.api")),
    path("api/v1/", include("uplink.inference.api")),
]
