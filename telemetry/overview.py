"""What the console shows of a satellite's telemetry: newest values, completeness, receptions."""

from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from django.utils.dateparse import parse_datetime

from constellation.contacts.models import Contact
from constellation.models import Satellite
from telemetry import gaps, values
from telemetry.alarms import console as alarm_marks
from telemetry.ledger import completeness as ledger
from telemetry.models import Gap, Reception

PLOTTED = ["battery_charge", "solar_power", "accelerator_load", "accelerator_temperature"]
"""Parameters plotted until the operator chooses others."""
PLOTS_MAX = 6
NO_MARK = alarm_marks.Shown("", "", "[]")
SPANS = {
    "hour": 3600,
    "day": 86_400,
    "week": 7 * 86_400,
    "month": 30 * 86_400,
    "year": 365 * 86_400,
}
"""What plots may show, up to now: seconds by name."""
UNITS = {"1": "", "degC": "°C"}


@dataclass(frozen=True)
class Value:
    """One row of the table of newest values."""

    qualified: str
    name: str
    group: str
    text: str
    unit: str
    generated_at: datetime
    is_stale: bool
    stale_after_s: float | None
    is_number: bool
    is_plotted: bool
    status: str = ""
    """Of its limits: caution, serious or critical; empty: normal, or without any."""
    word: str = ""
    limits: str = "[]"
    invalid: str = ""
    """Why the value means nothing; empty: it does."""


def of_satellite(
    satellite: Satellite,
    now: datetime,
    plotted: list[str] | None = None,
    *,
    span: str = "hour",
    search: str = "",
) -> dict[str, Any]:
    """Return the newest values by group whose names hold `search`, and which are plotted over what.

    `plotted` holds short names; without any, those people look at first.
    """
    span = span if span in SPANS else "hour"
    plotted = plotted or PLOTTED
    marks = alarm_marks.of_satellite(satellite, now)
    shown = [_value(row, plotted, marks) for row in values.latest(satellite, now=now)]
    # Groups that come by themselves before reports, which come when there is something to tell.
    shown.sort(key=lambda value: (value.stale_after_s is None, value.group))
    named = {value.name: value for value in shown}
    found = [value for value in shown if search.lower() in value.name.lower()]
    by_group = groupby(found, key=lambda value: value.group)
    listed = {value.name for value in found}
    return {
        "satellite": satellite,
        "heard": bool(shown),
        "span": span,
        "span_s": SPANS[span],
        "spans": list(SPANS),
        "files": ["csv", "parquet", "json"],
        "search": search,
        "unlisted": [name for name in plotted if name in named and name not in listed],
        "groups": [(name.replace("_", " "), list(members)) for name, members in by_group],
        "plots": [named[name] for name in plotted if name in named][:PLOTS_MAX],
        "plotted": [name for name in plotted if name in named],
    }


def completeness(satellite: Satellite, now: datetime) -> dict[str, Any]:
    """Return how much of what the recorder numbered is here, and the newest gaps."""
    volumes = gaps.completeness(satellite.pk)
    known = sum(row["following"] for row in volumes)
    held = sum(row["held"] for row in volumes)
    return {
        "satellite": satellite,
        "known": known,
        "held": held,
        "missing": sum(row["missing"] for row in volumes),
        "lost": sum(row["lost"] for row in volumes),
        "recovered": sum(row["recovered"] for row in volumes),
        "percent": 100 * held / known if known else None,
        "gaps": Gap.objects.filter(satellite=satellite).order_by("-opened_at", "-pk")[:4],
    }


def reception(contact: Contact, now: datetime) -> dict[str, Any]:
    """Return the ledger of what came down over a contact."""
    books = [
        one for one in ledger.by_contact([contact.pk]) if one.satellite == contact.satellite.code
    ]
    return {
        "reception": Reception.totals(contact),
        "undecoded": contact.raw_batches.filter(decoded=False).count(),
        "books": books[0] if books else None,
    }


def _value(row: dict[str, Any], plotted: list[str], marks: dict[str, alarm_marks.Shown]) -> Value:
    name = row["parameter"].rpartition("/")[2]
    value = row["value"]
    mark = marks.get(row["parameter"], NO_MARK)
    return Value(
        qualified=row["parameter"],
        name=name,
        group=row["group"],
        text=f"{value:.6g}" if isinstance(value, float) else str(value),
        unit=UNITS.get(row["unit"], row["unit"]),
        generated_at=parse_datetime(row["generated_at"]),
        is_stale=row["is_stale"],
        stale_after_s=row["stale_after_s"],
        is_number=isinstance(value, int | float) and not isinstance(value, bool),
        is_plotted=name in plotted,
        status=mark.status,
        word=mark.word,
        limits=mark.limits,
        invalid=row["invalid"] or "",
    )
