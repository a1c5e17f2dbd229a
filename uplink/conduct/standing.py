"""Where a contact stands, written and told in one transaction."""

from __future__ import annotations

from typing import Any

from constellation.contacts.models import Contact, State
from ops.live import events

STREAM = "contacts"


def move(
    contact: Contact, state: State, *, reason: str = "", report: dict[str, Any] | None = None
) -> None:
    """Write a new state. The caller holds the contact's lock."""
    contact.state, contact.reason = state, reason[:300]
    fields = ["state", "reason"]
    if report is not None:
        contact.report = report
        fields.append("report")
    if state in (State.COMPLETED, State.FAILED, State.CANCELLED):
        contact.owner, contact.lease_expires_at = "", None
        fields += ["owner", "lease_expires_at"]
    contact.save(update_fields=fields)
    tell(contact, state.lower())


def tell(contact: Contact, kind: str) -> None:
    """Publish how the contact stands on the stream of contacts."""
    events.publish(
        STREAM,
        kind,
        {
            "id": str(contact.pk),
            "satellite": contact.satellite.code,
            "station": contact.antenna.station.code,
            "antenna": contact.antenna.code,
            "state": contact.state,
            "reason": contact.reason,
            "aos_at": contact.aos_at.isoformat(),
            "los_at": contact.los_at.isoformat(),
            "owner": contact.owner,
            "fencing": contact.fencing,
        },
    )
