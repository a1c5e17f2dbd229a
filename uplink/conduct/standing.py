"""Where a contact stands, written and told in one transaction."""

from __future__ import annotations

from typing import Any

from constellation.contacts import booking
from constellation.contacts.models import Contact, State


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
    booking.tell(contact, state.lower())
