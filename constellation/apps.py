from django.apps import AppConfig


class ConstellationConfig(AppConfig):
    name = "constellation"
    label = "constellation"

    def ready(self) -> None:
        from constellation import clock_relay
        from ops import clock

        clock.tell_changes_to(clock_relay.tell)
