from django.apps import AppConfig


class ReleasesConfig(AppConfig):
    name = "uplink.releases"
    label = "releases"

    def ready(self) -> None:
        from constellation import fleet_file
        from telemetry import onboard
        from telemetry.packets import handlers
        from uplink.releases import inventories, roots

        fleet_file.enclose("root", roots.for_new_satellites)
        handlers.register(onboard.Apid.INVENTORY, inventories.take)
