from typing import Any

from django.apps import AppConfig


class TelemetryConfig(AppConfig):
    name = "telemetry"
    label = "telemetry"

    def ready(self) -> None:
        from ops.live import streams

        streams.register("telemetry", _may_read, part="values")


def _may_read(user: Any, stream: str) -> bool:
    from ops.accounts import roles

    return roles.may(user, "telemetry.view_sample")
