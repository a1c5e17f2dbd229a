"""Three satellites that always see each other, and an artefact that is spread among them."""

import random
from datetime import timedelta
from uuid import uuid4

from constellation import catalogue, links
from constellation.models import Satellite
from telemetry import onboard
from tests.factories import (
    NOON,
    PASS,
    make_artefact,
    make_contact,
)
from tests.uplink.transfers.board import hear
from uplink.commands import authentication
from uplink.commands.models import Command
from uplink.registry.trust import inventory
from uplink.transfers import (
    packing,
    requests,
    spreads,
)
from uplink.transfers.models import (
    Shipment,
)
from uplink.transfers.spreading import holdings

PACK_BYTES = 64 * 1024
CONTENT = random.Random(3).randbytes(6 * PACK_BYTES - 100)
TRIO = ("SCS-01-A", "SCS-01-F", "SCS-01-L")
"""Always in sight of each other; SCS-01-J and M are another group that sees none of them."""
MASTER = bytes(range(32))


def load(settings, folder):
    """Load the fleet, and the key by which its reports are signed."""
    catalogue.load_reference(NOON)
    links._kept.clear()
    settings.COMMAND_KEY_FILE = folder / "master.key"
    settings.COMMAND_KEY_FILE.write_text(MASTER.hex())
    authentication.master_key(settings.COMMAND_KEY_FILE)


def packed():
    made = make_artefact(CONTENT)
    packing.pack(made, pack_bytes=PACK_BYTES)
    return made


def satellite(code):
    return Satellite.objects.get(code=code)


def contact_of(code, begins_s, **details):
    begins = NOON + timedelta(seconds=begins_s)
    return make_contact(satellite=satellite(code), aos_at=begins, los_at=begins + PASS, **details)


def ask(artefact, *codes, **details):
    """Ask for transfers as one would of a rollout; return them by code."""
    return {
        code: requests.request(
            transfer_id=uuid4(),
            satellite=satellite(code),
            artefact=artefact,
            version=None,
            organisation=artefact.organisation,
            now=NOON,
            activate=False,
            **details,
        )[0]
        for code in codes
    }


def planned(artefact, *, at_s=0.0):
    spreads.plan(artefact, now=NOON + timedelta(seconds=at_s), rate=1.0)
    rows = Shipment.objects.filter(transfer__artefact=artefact, number__gte=0, delivered=False)
    found = {}
    for row in rows.select_related("transfer__satellite"):
        found.setdefault(row.transfer.satellite.code, set()).add(row.number)
    return found


def tell(code, artefact, sources, *, by=None, at_s=1.0, refused=(), laser_bytes=0):
    """Let a satellite, or a neighbour for it, report from where it has each pack."""
    about = satellite(code)
    said = holdings.Holdings(
        entity_id=about.entity_id,
        at_ns=int((NOON.timestamp() + at_s) * 1e9),
        artefact=artefact.pk,
        packs=len(sources),
        first=0,
        count=len(sources),
        laser_bytes=laser_bytes,
        spans=holdings.spans_of(sources),
        refused=tuple(satellite(one).entity_id for one in refused),
    )
    payload = said.encode(code, inventory.key_of(MASTER, code))
    now = NOON + timedelta(seconds=at_s)
    hear(satellite(by or code), onboard.Apid.HOLDINGS, payload, now=now)


def orders_to(code):
    return list(
        Command.objects.filter(satellite__code=code, name="FETCH").order_by("created_at", "id")
    )
