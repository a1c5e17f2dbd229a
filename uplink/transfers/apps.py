from django.apps import AppConfig


class TransfersConfig(AppConfig):
    name = "uplink.transfers"
    label = "transfers"

    def ready(self) -> None:
        from ops.accounts import roles
        from ops.live import streams
        from telemetry import onboard
        from telemetry.packets import handlers
        from uplink.commands import reports as command_reports
        from uplink.transfers import (
            activation,
            holding,
            laser_paths,
            openings,
            progress,
            repairs,
            reports,
            spreads,
        )

        handlers.register(onboard.Apid.STORE_REPORT, reports.take_store_report)
        handlers.register(onboard.Apid.WANT_LIST, repairs.take_want_list)
        handlers.register(onboard.Apid.HK_COMPUTE, reports.take_housekeeping)
        handlers.register(onboard.Apid.HOLDINGS, holding.take)
        openings.register_paths(laser_paths.of)
        progress.listen(spreads.moved)
        command_reports.listen("transfer", activation.command_ended)
        streams.register(
            progress.STREAM, lambda user, stream: roles.may(user, "transfers.view_transfer")
        )
