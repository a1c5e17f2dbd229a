"""Packets of satellites that others hand on: believed when their own seal is on them."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings

from constellation.models import Satellite
from telemetry import onboard, relayed
from telemetry.packets.handlers import StoredPacket
from uplink.commands import authentication


class NotItsOwn(ValueError):
    """A packet is not that of the satellite whose it is said to be."""


def take(packet: StoredPacket, *, now: datetime) -> None:
    """Handle a RELAYED packet: what is in it goes to the books of the satellite whose it is.

    `NotItsOwn` when that one did not seal it: whoever handed it on altered it, or made it up.
    """
    body = packet.payload
    entity_id, code = onboard.RELAYED_LAYOUT.unpack_from(body)
    inner = body[onboard.RELAYED_LAYOUT.size :]
    satellite = Satellite.objects.filter(entity_id=entity_id).first()
    if satellite is None:
        raise NotItsOwn(f"there is no satellite {entity_id}")
    master = authentication.master_key(settings.COMMAND_KEY_FILE)
    key = authentication.relay_key(master, satellite.code)
    if not authentication.is_sealed(key, entity_id, inner, code):
        raise NotItsOwn(f"it is handed on as {satellite.code}'s, whose seal is not on it")
    relayed.keep(packet, satellite.pk, inner)
