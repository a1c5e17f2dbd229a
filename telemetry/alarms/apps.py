from typing import Any

from django.apps import AppConfig


class AlarmsConfig(AppConfig):
    name = "telemetry.alarms"
    label = "alarms"

    def ready(self) -> None:
        from ops.live import streams
        from telemetry.alarms import watching
        from telemetry.archive import followers

        followers.register(watching.follow)
        streams.register("alarms", _may_read)


def _may_read(user: Any, stream: str) -> bool:
    from ops.accounts import roles

    return roles.may(user, "alarms.view_alarm")
