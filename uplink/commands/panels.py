"""What this room puts on the console: the telecommands of a satellite and of a contact."""

from datetime import datetime
from typing import Any

from constellation.contacts.models import Contact
from constellation.models import Satellite
from ops.console import panels
from uplink.commands.models import Command, State

STATUS = {
    State.RELEASED: "standby",
    State.SENDING: "caution",
    State.SENT: "standby",
    State.ACCEPTED: "standby",
    State.COMPLETED: "normal",
    State.FAILED: "critical",
    State.CANCELLED: "off",
}
SHOWN = 8


def of_satellite(satellite: Satellite, now: datetime) -> dict[str, Any]:
    return _told(satellite=satellite)


def of_contact(contact: Contact, now: datetime) -> dict[str, Any]:
    return _told(contact=contact)


def _told(**wanted: Any) -> dict[str, Any]:
    chosen = Command.objects.filter(**wanted).select_related("satellite")
    chosen = chosen.prefetch_related("handovers__relay")
    rows = list(chosen.order_by("-created_at", "id")[:SHOWN])
    for row in rows:
        row.status, row.words = STATUS[State(row.state)], row.state.capitalize()
        # One copy over an own contact is what everybody expects: only else there is a story.
        row.story = list(row.handovers.all())
        if not any(copy.relay_id for copy in row.story) and len(row.story) < 2:
            row.story = []
    return {"commands": rows, "contact": wanted.get("contact")}


for thing, context in [("satellite", of_satellite), ("contact", of_contact)]:
    panels.register_panel(
        panels.Panel(
            of=thing,
            name="commands",
            template="commands/panel.html",
            permission="commands.view_command",
            context=context,
            order=30,
        )
    )
