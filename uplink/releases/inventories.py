"""What satellites say that they hold, believed when signature, number and nonce are right."""

from __future__ import annotations

from datetime import UTC, datetime

from django.conf import settings

from constellation.models import Satellite
from ops.live import events
from telemetry.onboard import SlotState
from telemetry.packets.handlers import StoredPacket
from uplink.commands import authentication
from uplink.registry.trust import inventory
from uplink.registry.trust.attacks import Attack
from uplink.registry.trust.inventory import Held
from uplink.releases import signing
from uplink.releases.models import Assignment, Inventory, Release


class Replayed(ValueError):
    """A report that was heard before, or one that is older than what is known."""


def take(packet: StoredPacket, *, now: datetime) -> None:
    """Handle an INVENTORY packet; what cannot be believed is kept with the packet as its reason.

    `BadInventory` for a wrong signature, `Replayed` for a number that was there before. An older
    report that comes by playback says nothing new.
    """
    satellite = Satellite.objects.get(pk=packet.satellite_id)
    master = authentication.master_key(settings.COMMAND_KEY_FILE)
    key = inventory.key_of(master, satellite.code)
    said = inventory.Inventory.decode(packet.payload, satellite.code, key)
    row = Inventory.objects.select_for_update().filter(satellite=satellite).first()
    if row is not None and not _follows(said, row, packet):
        return
    slots = {"A": said.slot_a, "B": said.slot_b}
    mismatch = _mismatch(satellite, said)
    fresh, _ = Inventory.objects.update_or_create(
        satellite=satellite,
        defaults={
            "number": said.number,
            "volume": packet.volume,
            "reported_at": datetime.fromtimestamp(said.at_ns / 1e9, UTC),
            "nonce": said.nonce,
            "attack": said.attack.name.lower(),
            "root": said.root,
            "snapshot": said.snapshot,
            "assignment": said.assignment,
            "counter": said.counter,
            "slots": {name: _words(held) for name, held in slots.items()},
            "mismatch": mismatch,
        },
    )
    if _is_news(row, fresh):
        events.publish(
            signing.STREAM,
            "inventory",
            {"satellite": satellite.code, "attack": fresh.attack, "mismatch": mismatch},
        )


def _follows(said: inventory.Inventory, row: Inventory, packet: StoredPacket) -> bool:
    """Say whether a report is newer than the one that is known; `Replayed` when it is that again.

    A computer that was set up anew counts from the start, in a volume of its own and later.
    """
    if packet.volume != row.volume:
        return datetime.fromtimestamp(said.at_ns / 1e9, UTC) > row.reported_at
    if said.number == row.number:
        raise Replayed(f"report {said.number} came again in another packet")
    return said.number > row.number


def _mismatch(satellite: Satellite, said: inventory.Inventory) -> str:
    """Return what does not agree with what we gave to the satellite; empty when all does."""
    if said.nonce:
        given = Assignment.objects.filter(satellite=satellite, number=said.assignment)
        known = given.values_list("nonce", flat=True).first()
        if known is not None and int(known) != said.nonce:
            return f"assignment {said.assignment} has another nonce than ours"
        if known is None:
            return f"assignment {said.assignment} is not one that we gave"
    for name, held in (("A", said.slot_a), ("B", said.slot_b)):
        if held.state not in (SlotState.LOADED, SlotState.ACTIVE):
            continue
        if held.counter == 0:
            return f"slot {name} holds {held.sha256[:12]}, which came by no release"
        row = Release.objects.filter(pk=held.counter).first()
        if row is None or row.artefact_id != held.sha256:
            return f"slot {name} holds {held.sha256[:12]}, which release {held.counter} is not"
    return ""


def _is_news(before: Inventory | None, after: Inventory) -> bool:
    told = ("", Attack.NONE.name.lower())
    known = (before.mismatch, before.attack) if before is not None else told
    return (after.mismatch, after.attack) != known


def _words(held: Held) -> dict[str, object]:
    return {"state": held.state.name, "sha256": held.sha256, "counter": held.counter}
