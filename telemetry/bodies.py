"""Packets as the API shows them, and as callers choose among them."""

from typing import Any

from django.db.models import QuerySet

from telemetry import onboard, times
from telemetry.models import Packet

APIDS = {each.value: each.name for each in onboard.Apid}


def packet(row: Packet) -> dict[str, Any]:
    return {
        "id": row.pk,
        "satellite": row.satellite.code,
        "apid": row.apid,
        "name": APIDS.get(row.apid),
        "volume": row.volume,
        "serial": row.serial,
        "boot": row.boot,
        "sequence": row.sequence,
        "channel": row.channel,
        "contact": row.contact_id and str(row.contact_id),
        "generated_at": times.text(row.generated_ns),
        "received_at": times.text(row.received_ns),
        "data": bytes(row.data).hex(),
    }


def filtered(packets: QuerySet[Packet], wanted: dict[str, Any]) -> QuerySet[Packet]:
    """Return those of an APID, of a contact, and generated in [start, end), where asked for."""
    if "apid" in wanted:
        packets = packets.filter(apid=wanted["apid"])
    if "contact" in wanted:
        packets = packets.filter(contact_id=wanted["contact"])
    if "start" in wanted:
        packets = packets.filter(generated_ns__gte=times.to_ns(wanted["start"]))
    if "end" in wanted:
        packets = packets.filter(generated_ns__lt=times.to_ns(wanted["end"]))
    return packets
