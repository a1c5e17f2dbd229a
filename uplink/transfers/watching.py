"""What the page of a transfer shows: its bar of packs, who carried them, and its forecast."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime

from uplink.transfers import bars, forecasts, progress, sources, suspending
from uplink.transfers.models import ON_ITS_WAY, Carriage, Shipment, Spread, State, Transfer
from uplink.transfers.overview import STATUS

LEGS_SHOWN, LIKELY_LEAST = 12, 0.01
CANCELLABLE = [*ON_ITS_WAY, State.ACTIVATING]
RETRIABLE = [State.FAILED, State.CANCELLED]


@dataclass(frozen=True)
class Carrier:
    """A contact that carried some of it, with the colour of its packs."""

    number: int
    row: Carriage
    fill: str
    packs: int

    @property
    def repeated_bytes(self) -> int:
        return max(self.row.sent_bytes - self.row.arrived_bytes, 0)


@dataclass(frozen=True)
class Giver:
    """A satellite that gave some of it over a laser link, with the colour of its packs."""

    row: sources.Source
    fill: str


@dataclass(frozen=True)
class Expected:
    """A contact that may carry some of it."""

    contact: str | None
    station: str
    from_at: datetime
    until_at: datetime
    percent: float
    mean_bytes: int


def of_transfer(transfer: Transfer, now: datetime) -> dict[str, Any]:
    """Return all that the page of a transfer shows."""
    shipments = list(transfer.shipments.defer("engine"))
    packs = [each for each in shipments if each.number >= 0]
    rows = list(transfer.carriages.select_related("contact__antenna__station"))
    keys = [str(row.contact_id) for row in rows]
    names = {
        str(row.contact_id): f"by contact {number} over {row.contact.antenna.station.code}"
        for number, row in enumerate(rows, start=1)
    }
    givers = [one for one in sources.of(transfer) if one.source != sources.GROUND]
    colours = bars.colours_of(keys, [one.source for one in givers])
    names |= {one.source: f"by laser from {one.source}" for one in givers}
    drawn = _drawn(transfer, packs, givers)
    held = sum(pack.held_bytes for pack in drawn)
    size = progress.carried_bytes(transfer, sum(pack.size_bytes for pack in drawn))
    known = forecasts.shown(transfer)
    legs = [leg for leg in known.legs if leg["probability"] >= LIKELY_LEAST] if known else []
    status, words = STATUS[State(transfer.state)]
    return {
        "now": now,
        "transfer": transfer,
        "status": status,
        "words": words,
        "bar": bars.lay_out(drawn, names, colours),
        "packs": len(drawn),
        "delivered": sum(pack.held_bytes >= pack.size_bytes for pack in drawn),
        "under_way": sum(pack.is_under_way for pack in drawn),
        "elsewhere": sum(
            pack.held_bytes >= pack.size_bytes and pack.carrier not in names for pack in drawn
        ),
        "elsewhere_fill": bars.ELSEWHERE,
        "laser_packs": sum(pack.is_by_laser for pack in drawn),
        "held_bytes": held,
        "size_bytes": size,
        "percent": 100 * held / size if size else 0.0,
        "sums": progress.summary(transfer),
        "carriers": [
            Carrier(
                number,
                row,
                colours[str(row.contact_id)],
                sum(pack.carrier == str(row.contact_id) for pack in drawn),
            )
            for number, row in enumerate(rows, start=1)
        ],
        "givers": [Giver(one, colours[one.source]) for one in givers],
        "spread": Spread.objects.filter(transfer=transfer).first(),
        "forecast": known,
        "sentence": forecasts.sentence(known) if known else "",
        "said_first": transfer.forecast.first_by_at if hasattr(transfer, "forecast") else None,
        "expected": [_expected(leg) for leg in legs[:LEGS_SHOWN]],
        "faults": [each for each in shipments if each.fault and not each.delivered][:5],
        "may_cancel": transfer.state in CANCELLABLE,
        "may_suspend": transfer.state in suspending.SUSPENDABLE,
        "may_resume": transfer.state == State.SUSPENDED,
        "may_retry": transfer.state in RETRIABLE,
    }


def _drawn(
    transfer: Transfer, files: list[Shipment], givers: list[sources.Source]
) -> list[bars.Pack]:
    """Return the packs of the bar: those that have a file, or all when others may give some."""
    by_laser = {
        n: giver.source
        for giver in givers
        for first, last in giver.spans
        for n in range(first, last + 1)
    }
    sizes = {each.number: each.size_bytes for each in files}
    if transfer.package_id is None and Spread.objects.filter(transfer=transfer).exists():
        sizes = dict(transfer.artefact.packs.values_list("number", "size_bytes"))
    by_number = {each.number: each for each in files}
    return [
        bars.Pack(number, size, size, by_laser[number], is_by_laser=True)
        if number in by_laser
        else _of_file(number, size, by_number.get(number))
        for number, size in sorted(sizes.items())
    ]


def _of_file(number: int, size: int, file: Shipment | None) -> bars.Pack:
    if file is None:
        return bars.Pack(number, size, 0, "")
    return bars.Pack(
        number,
        size,
        size if file.delivered else file.acknowledged_bytes,
        str(file.contact_id or ""),
        is_under_way=file.sequence is not None and not file.delivered,
    )


def _expected(leg: dict[str, Any]) -> Expected:
    return Expected(
        leg["contact"],
        leg["station"],
        parse_datetime(leg["from_at"]),
        parse_datetime(leg["until_at"]),
        100 * leg["probability"],
        leg["mean_bytes"],
    )
