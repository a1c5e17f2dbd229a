"""What this room puts on the console: the models page, a satellite's slots, who runs what."""

from collections.abc import Iterable
from datetime import datetime

from ops.console import panels
from uplink.transfers import overview


def facts(satellite_ids: Iterable[int], now: datetime) -> dict[int, panels.Fact]:
    states = overview.states(satellite_ids)
    return {
        key: panels.Fact(status, words, {"detail": detail})
        for key, (status, words, detail) in states.items()
    }


panels.register_page(panels.Page("Models", "models", "registry.view_model", key="m", order=30))
panels.register_satellite_facts(facts)
panels.register_panel(
    panels.Panel(
        of="satellite",
        name="slots",
        template="transfers/panel.html",
        permission="transfers.view_transfer",
        context=overview.of_satellite,
        order=20,
    )
)
