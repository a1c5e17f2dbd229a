"""What the books say: by day or contact, by virtual channel and APID, and over the fleet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from django.db.models import BigIntegerField, Count, F, Min, Q, QuerySet, Sum

from constellation.models import Satellite
from telemetry import onboard
from telemetry.ledger import foreign
from telemetry.models import Gap, GapState, RawBatch
from telemetry.models_ledger import (
    RELAYED_CHANNEL,
    UNTRUSTED_CHANNEL,
    FrameAccount,
    PacketAccount,
)

APIDS = {each.value: each.name for each in onboard.Apid}
CHANNELS = {each.value: each.name for each in onboard.DownlinkChannel} | {
    UNTRUSTED_CHANNEL: "UNTRUSTED",
    RELAYED_CHANNEL: "RELAYED",
}
_FRAME_SUMS = ("received", "used", "rejected", "lost", "corrected_symbols")
_PACKET_SUMS = ("received", "stored", "duplicates", "rejected", "unknown", "bytes")
_FOLLOWED = ("expected", "heard")
_PACKETS_IN_GAPS = Sum(
    F("serials__endswith") - F("serials__startswith"), output_field=BigIntegerField()
)


@dataclass(slots=True)
class Books:
    """The accounts of one satellite over one day or one contact.

    `channels` are frames by virtual channel, `apids` packets by virtual channel and APID; `frames`
    and `packets` are their sums. What they miss did not come when it was first sent; `gaps` says
    what became of it: packets in gaps that the day or the contact opened, by what they are now.
    """

    satellite: str
    day: date | None = None
    contact: UUID | None = None
    channels: list[dict[str, Any]] = field(default_factory=list)
    apids: list[dict[str, Any]] = field(default_factory=list)
    gaps: dict[str, int] = field(default_factory=lambda: _gaps_by_state([]))

    @property
    def frames(self) -> dict[str, Any]:
        return _summed(self.channels, ("expected", *_FRAME_SUMS))

    @property
    def packets(self) -> dict[str, Any]:
        return _summed(self.apids, ("expected", "missing", *_PACKET_SUMS))

    @property
    def percent(self) -> float | None:
        """Return how much of what was expected came at once, in percent; None when nothing was."""
        packets = self.packets
        if not packets["expected"]:
            return None
        return 100 * (packets["expected"] - packets["missing"]) / packets["expected"]


def by_day(satellites: Iterable[Satellite], first: date, last: date) -> list[Books]:
    """Return the books of each day of reception from `first` to `last`, the newest first."""
    chosen = Q(satellite__in=list(satellites))
    found = _books(chosen & Q(day__range=(first, last)), "day")
    gaps = Gap.objects.filter(chosen, opened_at__date__range=(first, last))
    _add_gaps(found, gaps, F("opened_at__date"))
    return sorted(found.values(), key=lambda books: (books.day, books.satellite), reverse=True)


def by_contact(contact_ids: Iterable[UUID] | QuerySet) -> list[Books]:
    """Return the books of each of the contacts over which anything came down."""
    found = _books(Q(reception__contact__in=contact_ids), "reception__contact")
    _add_gaps(found, Gap.objects.filter(contact__in=contact_ids), F("contact"))
    return sorted(found.values(), key=lambda books: (books.satellite, books.contact))


def _books(chosen: Q, by: str) -> dict[tuple[str, Any], Books]:
    found: dict[tuple[str, Any], Books] = {}

    def books_of(row: dict[str, Any]) -> Books:
        code, what = row["satellite__code"], row[by]
        named = {"day": what} if by == "day" else {"contact": what}
        return found.setdefault((code, what), Books(code, **named))

    for row in _accounts(FrameAccount, chosen, by, ("channel",), _FRAME_SUMS):
        row["expected"] = row["used"] + row["lost"]
        books_of(row).channels.append(_row(row, ("expected", *_FRAME_SUMS)))
    sums = (*_PACKET_SUMS, *_FOLLOWED)
    for row in _accounts(PacketAccount, chosen, by, ("channel", "apid"), sums):
        row["missing"] = row["expected"] - row["heard"]
        books_of(row).apids.append(_row(row, ("expected", "missing", *_PACKET_SUMS)))
    return found


def _add_gaps(found: dict[tuple[str, Any], Books], gaps: QuerySet, by: F) -> None:
    """Add to the books what became of the gaps that they opened; `by` is the books' second key."""
    counted: dict[tuple[str, Any], list[dict[str, Any]]] = {}
    rows = gaps.order_by().values("satellite__code", "state", by=by)
    for row in rows.annotate(packets=_PACKETS_IN_GAPS, gaps=Count("pk")):
        counted.setdefault((row["satellite__code"], row["by"]), []).append(row)
    for key in counted.keys() & found.keys():
        found[key].gaps = _gaps_by_state(counted[key])


def _gaps_by_state(rows: list[dict[str, Any]]) -> dict[str, int]:
    """Return how many packets lie in gaps of each state, and how many gaps are open."""
    packets = {row["state"]: int(row["packets"]) for row in rows}
    return {
        "missing": packets.get(GapState.OPEN, 0),
        "recovered": packets.get(GapState.CLOSED, 0),
        "lost": packets.get(GapState.LOST, 0),
        "open_gaps": sum(row["gaps"] for row in rows if row["state"] == GapState.OPEN),
    }


def _accounts(
    model: type, chosen: Q, by: str, keys: tuple[str, ...], sums: tuple[str, ...]
) -> Iterable[dict[str, Any]]:
    """Yield the rows of a table of accounts, summed over whatever is not a key, with reasons."""
    grouped = ("satellite__code", by, *keys)
    rows = model.objects.filter(chosen).order_by().values(*grouped)
    reasons: dict[tuple, Counter[str]] = {}
    for row in rows.exclude(rejected=0).values(*grouped, "reasons"):
        key = tuple(row[name] for name in grouped)
        reasons.setdefault(key, Counter()).update(row["reasons"])
    for row in rows.annotate(**{f"{n}_sum": Sum(n) for n in sums}).order_by(*grouped):
        key = tuple(row[name] for name in grouped)
        yield (
            {name: row[name] for name in grouped}
            | {name: int(row[f"{name}_sum"]) for name in sums}
            | {"reasons": dict(reasons.get(key, {}))}
        )


def _row(row: dict[str, Any], counts: tuple[str, ...]) -> dict[str, Any]:
    """Return a row of the books as it is read."""
    named: dict[str, Any] = {
        "channel": row["channel"],
        "channel_name": CHANNELS.get(row["channel"]),
    }
    if "apid" in row:
        named |= {"apid": row["apid"], "name": APIDS.get(row["apid"])}
    return named | {name: row[name] for name in counts} | {"reasons": row["reasons"]}


def _summed(rows: list[dict[str, Any]], names: tuple[str, ...]) -> dict[str, Any]:
    reasons: Counter[str] = Counter()
    for row in rows:
        reasons.update(row["reasons"])
    return {name: sum(row[name] for row in rows) for name in names} | {"reasons": dict(reasons)}


# --- Gaps and backlog -----------------------------------------------------------------------


def unsettled() -> list[dict[str, Any]]:
    """Return the satellites that have open gaps, or batches undecoded or set aside; the one with
    the most to do first."""
    rows: dict[int, dict[str, Any]] = {}

    def row_of(satellite_id: int) -> dict[str, Any]:
        names = ("open_gaps", "missing", "undecoded_batches", "set_aside_batches")
        return rows.setdefault(satellite_id, dict.fromkeys(names, 0) | {"oldest_gap_at": None})

    open_gaps = Gap.objects.filter(state=GapState.OPEN).order_by().values("satellite")
    for row in open_gaps.annotate(gaps=Count("pk"), size=_PACKETS_IN_GAPS, first=Min("opened_at")):
        row_of(row["satellite"]).update(
            open_gaps=row["gaps"], missing=int(row["size"]), oldest_gap_at=row["first"]
        )
    waiting = RawBatch.objects.filter(decoded=False).order_by().values("satellite")
    for row in waiting.annotate(aside=Count("pk", ~Q(failure="")), n=Count("pk")):
        row_of(row["satellite"]).update(
            undecoded_batches=row["n"] - row["aside"], set_aside_batches=row["aside"]
        )
    satellites = Satellite.objects.in_bulk(rows)
    named = [
        {"satellite": satellites[pk].code, "name": satellites[pk].name, **row}
        for pk, row in rows.items()
    ]
    return sorted(
        named,
        key=lambda row: (
            -row["set_aside_batches"],
            -row["undecoded_batches"],
            -row["missing"],
            row["satellite"],
        ),
    )


def gap_of(row: Gap) -> dict[str, Any]:
    """Return a gap as it is read: of a recorder's volume, or of the packets of one APID."""
    apid = foreign.apid_of(row.volume)
    return {
        "id": row.pk,
        "volume": None if apid is not None else row.volume,
        "apid": apid,
        "contact": row.contact_id and str(row.contact_id),
        "first": row.serials.lower,
        "last": row.serials.upper - 1,
        "state": row.state,
        "reason": row.reason,
        "opened_at": row.opened_at,
        "asked_at": row.asked_at,
        "closed_at": row.closed_at,
    }
