from django.apps import AppConfig


class LiveConfig(AppConfig):
    name = "ops.live"
    label = "live"

    def ready(self) -> None:
        from ops.accounts import roles
        from ops.live import streams

        streams.register("clock", lambda user, stream: roles.may(user, "ops.view_clock"))
