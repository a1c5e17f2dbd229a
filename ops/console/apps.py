from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class ConsoleConfig(AppConfig):
    name = "ops.console"
    label = "console"

    def ready(self) -> None:
        from ops.accounts import roles
        from ops.live import streams

        streams.register("clock", lambda user, stream: roles.may(user, "ops.view_clock"))
        # Each room's `panels` module registers what it puts on the console's pages.
        autodiscover_modules("panels")
