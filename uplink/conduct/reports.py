"""A contact's report: what went up and came down, as we counted and as the station counted."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any
from uuid import UUID

from django.db.models import Count, F, Q, Sum
from django.db.models.functions import Length

from telemetry import onboard
from telemetry.models import RawBatch
from uplink.conduct import leases
from uplink.conduct.leases import Lease


@dataclass(slots=True)
class Tally:
    """What the conductors of one contact counted, added up over those who took it over."""

    links: int = 0
    sent_frames: int = 0
    file_frames: int = 0
    protocol_packets: int = 0
    commands: int = 0
    prompts: int = 0
    acknowledgements: int = 0
    gap_requests: int = 0
    releases: int = 0
    files_finished: int = 0
    file_bytes: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            *(getattr(self, each.name) + getattr(other, each.name) for each in fields(self))
        )

    @classmethod
    def of(cls, report: dict[str, Any] | None) -> Tally:
        """Return what an earlier holder left in the contact's report."""
        kept = (report or {}).get("tally", {})
        return cls(**{each.name: int(kept.get(each.name, 0)) for each in fields(cls)})


def keep(lease: Lease, tally: Tally) -> None:
    """Write down what was counted so far, for whoever may take over. In a transaction."""
    contact = leases.hold(lease)
    contact.report = {"tally": asdict(tally)}
    contact.save(update_fields=["report"])


def compose(
    contact_id: UUID, tally: Tally, *, fencing: int, ended: dict[str, Any] | None, reason: str
) -> dict[str, Any]:
    """Return the report.

    `up` is what the station radiated (only it can know), beside what we handed over; `down` is
    what lies committed in our database. `station` holds the station's own counters, and `agrees`
    says whether they equal ours.
    """
    down = committed(contact_id)
    station = ended or {}
    up = {
        "frames": station.get("radiated_frames"),
        "bytes": station.get("radiated_bytes"),
        "sent_frames": tally.sent_frames,
        "sent_bytes": tally.sent_frames * onboard.FRAME_BYTES,
        "packets": tally.protocol_packets + tally.file_frames,
    }
    agrees = (
        ended is not None
        and down["frames"] == station.get("down_frames")
        and down["bit_bytes"] == station.get("bit_bytes", 0)
        and down["bytes"] == station.get("down_bytes")
        and down["batches"] == station.get("batches")
        and (fencing > 1 or tally.sent_frames >= station.get("radiated_frames", 0))
    )
    return {
        "reason": reason,
        "up": up,
        "down": down,
        "tally": asdict(tally),
        "station": ended,
        "agrees": agrees,
        "holders": fencing,
    }


def committed(contact_id: UUID) -> dict[str, int]:
    """Return batches, frames and bytes of this contact in our database, without those of stations
    that only listened in, and without packets of others, which came in them; `bit_bytes` came as
    bits, of which the decoder makes frames."""
    own = RawBatch.objects.filter(
        contact=contact_id, station=F("contact__antenna__station"), relay=None
    )
    found = own.aggregate(
        batches=Count("pk"),
        bytes=Sum(Length("frames"), default=0),
        bit_bytes=Sum(Length("frames"), filter=Q(coding__isnull=False), default=0),
    )
    frames = (found["bytes"] - found["bit_bytes"]) // onboard.FRAME_BYTES
    return {"frames": frames, **found}
