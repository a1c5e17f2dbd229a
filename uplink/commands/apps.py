from django.apps import AppConfig


class CommandsConfig(AppConfig):
    name = "uplink.commands"
    label = "commands"

    def ready(self) -> None:
        from ops.accounts import roles
        from ops.live import streams
        from telemetry import onboard
        from telemetry.packets import handlers
        from uplink.commands import relaying, release, reports

        handlers.register(onboard.Apid.COMMAND_REPORT, reports.take)
        handlers.register(onboard.Apid.RELAYED, relaying.take)
        streams.register(
            release.STREAM, lambda user, stream: roles.may(user, "commands.view_command")
        )
