"""What satellites report of telecommands, and who else wants to know."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from constellation.models import Satellite
from ops.live import events
from telemetry import onboard
from telemetry.models_ledger import RELAYED_CHANNEL
from telemetry.packets.handlers import StoredPacket
from uplink.commands import handovers, release
from uplink.commands.models import Command, State

log = logging.getLogger(__name__)
Listener = Callable[..., None]
_listeners: dict[str, Listener] = {}

_STATES = {
    onboard.CommandStage.ACCEPTED: State.ACCEPTED,
    onboard.CommandStage.STARTED: State.ACCEPTED,
    onboard.CommandStage.COMPLETED: State.COMPLETED,
    onboard.CommandStage.FAILED: State.FAILED,
    onboard.CommandStage.REFUSED: State.FAILED,
}
_ENDED = (State.COMPLETED, State.FAILED)


def listen(source: str, heard: Listener) -> None:
    """Have `heard(command, now=…)` called when a command of `source:…` was completed or failed."""
    _listeners[source] = heard


def take(packet: StoredPacket, *, now: datetime) -> None:
    """Handle a COMMAND_REPORT: move the command on, never back.

    Reports come late (playback) and in any order; of a command that we do not know (another ground
    station's, or a lost database's) nothing is kept but the packet itself.
    """
    body = packet.payload
    identity, stage, code, length = onboard.COMMAND_REPORT_LAYOUT.unpack_from(body)
    text = onboard.text_of(body[onboard.COMMAND_REPORT_LAYOUT.size :][:length])
    command = (
        Command.objects.select_for_update(of=["self"])
        .select_related("satellite", "relay")
        .filter(pk=UUID(bytes=identity), satellite_id=packet.satellite_id)
        .first()
    )
    if stage == onboard.CommandStage.RELAY_REFUSED:
        _relay_refused(packet, command, _reason(code, text), now=now)
        return
    state = _STATES[onboard.CommandStage(stage)]
    if command is None or command.state in _ENDED or command.state == state:
        return
    is_relayed = packet.channel == RELAYED_CHANNEL
    told = f"{handovers.TAKEN}, told over laser" if is_relayed else handovers.TAKEN
    handovers.close(command, told, now=now)
    command.state = state
    if state in _ENDED:
        command.finished_at, command.code = now, code
        command.reason = _reason(code, text)[:300] if state == State.FAILED else ""
    command.save(update_fields=["state", "finished_at", "code", "reason"])
    release.announce(command)
    heard = _listeners.get(command.source.partition(":")[0])
    if state in _ENDED and heard is not None:
        heard(command, now=now)


def _relay_refused(
    packet: StoredPacket, command: Command | None, reason: str, *, now: datetime
) -> None:
    """Something that bears a telecommand's id came by laser and was refused.

    It is told, and nothing follows from it for the telecommand: anybody can write that id. Its own
    copy, if it was that, is waited for until it would not be obeyed any more.
    """
    if command is not None:
        handovers.refused(command, reason, now=now)
    satellite = Satellite.objects.get(pk=packet.satellite_id)
    log.warning("%s refused what came by laser: %s", satellite.code, reason)
    events.publish(
        release.STREAM,
        "relay_refused",
        {
            "command": command and str(command.pk),
            "satellite": satellite.code,
            "reason": reason,
        },
    )


def _reason(code: int, text: str) -> str:
    try:
        name = onboard.CommandCode(code).name.replace("_", " ").lower()
    except ValueError:
        name = f"code {code}"
    return f"{name}: {text}" if text else name
