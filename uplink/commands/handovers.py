"""The story of a telecommand: to which contacts it was given, and what became of each copy."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from uplink.commands.models import Command, Handover

NOT_LEFT = "the link broke before it left"
TAKEN = "taken on board"
UNHEARD = "not acknowledged in time"
REFUSED = "refused on board"
AGAIN = "given to its own contact meanwhile"


def begin(command: Command, *, now: datetime) -> None:
    """Note that a copy was claimed: by whom, under which counter, and until when."""
    close(command, AGAIN, now=now)
    Handover.objects.create(
        command=command,
        counter=command.counter,
        contact_id=command.contact_id,
        relay_id=command.relay_id,
        at=now,
        until=command.relay_until if command.relay_id else None,
    )


def close(command: Command, outcome: str, *, now: datetime) -> None:
    """Note what became of the copies of which nothing is known yet."""
    rows = Handover.objects.filter(command=command, ended_at=None)
    rows.update(outcome=outcome[:300], ended_at=now)


def refused(command: Command, reason: str, *, now: datetime) -> None:
    """Note that a copy which was handed on was refused on board, as far as can be told: it need
    not be the one that we made."""
    row = Handover.objects.filter(command=command, relay__isnull=False).last()
    if row is not None and row.outcome in ("", UNHEARD, AGAIN):
        row.outcome = f"{REFUSED}: {reason}"[:300]
        row.ended_at = row.ended_at or now
        row.save(update_fields=["outcome", "ended_at"])


def body(row: Handover) -> dict[str, Any]:
    """Return a handover as the API shows it."""
    return {
        "way": row.way,
        "contact": str(row.contact_id),
        "relay": row.relay and row.relay.code,
        "counter": row.counter,
        "at": row.at,
        "until": row.until,
        "ended_at": row.ended_at,
        "outcome": row.outcome,
    }
