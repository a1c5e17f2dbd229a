from django.apps import AppConfig


class ConstellationConfig(AppConfig):
    name = "constellation"
    label = "constellation"

    def ready(self) -> None:
        from constellation import clock_relay
        from ops import clock
        from ops.accounts import roles
        from ops.live import streams

        clock.tell_changes_to(clock_relay.tell)
        streams.register("fleet", lambda user, _: roles.may(user, "constellation.view_satellite"))
