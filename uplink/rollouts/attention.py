"""Having a satellite heard that has no contact: spoken to over another's, it tells how it is."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import uuid4

from constellation.models import Satellite
from ops.accounts.models import Organisation
from telemetry import onboard
from uplink.commands import release
from uplink.commands.models import Command, State

NAME, SOURCE = onboard.Opcode.NO_OP.name, "attention"
AGAIN_AFTER = timedelta(seconds=120)
_PENDING = (State.RELEASED, State.SENDING, State.SENT)


def call(satellite: Satellite, organisation: Organisation, *, now: datetime) -> None:
    """Speak to a satellite that others reach by laser, so that its housekeeping is handed on
    (`onboard.ATTENDED_S`). One call is under way at a time, and none soon after another."""
    last = Command.objects.filter(satellite=satellite, source=SOURCE).order_by("created_at").last()
    if last is not None and (last.state in _PENDING or last.created_at > now - AGAIN_AFTER):
        return
    release.request(
        command_id=uuid4(),
        satellite=satellite,
        name=NAME,
        arguments={},
        organisation=organisation,
        source=SOURCE,
        now=now,
    )
