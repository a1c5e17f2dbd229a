from typing import Any

from django.apps import AppConfig


class AlarmsConfig(AppConfig):
    name = "telemetry.alarms"
    label = "alarms"

    def ready(self) -> None:
        from ops.live import streams
        from telemetry import ageing
        from telemetry.alarms import freshness, taking_over, watching
        from telemetry.archive import followers
        from telemetry.definitions import keeping

        followers.register(watching.follow)
        keeping.register(taking_over.follow)
        ageing.register(freshness.Watcher())
        streams.register("alarms", _may_read)


def _may_read(user: Any, stream: str) -> bool:
    from ops.accounts import roles

    return roles.may(user, "alarms.view_alarm")
