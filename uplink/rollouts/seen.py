"""What is known of satellites right now, read once for many of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from constellation.contacts.models import Contact
from constellation.contacts.models import State as ContactState
from telemetry import times
from telemetry.models import Latest
from uplink.commands import reach
from uplink.inference.models import OVER, Query
from uplink.rollouts import gates, windows
from uplink.transfers.models import Deployment

_PARAMETERS = {*windows.PARAMETERS, *gates.REPORTED}


@dataclass(frozen=True, slots=True)
class Fleet:
    """Deployments, newest values, open contacts and open questions, by satellite."""

    deployments: dict[int, Deployment]
    values: dict[int, dict[str, windows.Value]]
    in_contact: set[int]
    open_questions: Counter[int]
    in_reach: frozenset[int] = frozenset()
    """Without a contact, and joined by laser to a satellite that has one."""

    def is_spoken_to(self, satellite_id: int) -> bool:
        """Say whether telecommands leave for the satellite now."""
        return satellite_id in self.in_contact or satellite_id in self.in_reach

    def active_sha256(self, satellite_id: int) -> str:
        known = self.deployments.get(satellite_id)
        return known.active_sha256 if known else ""

    def reported_since(self, satellite_id: int, instant: datetime) -> bool:
        """Say whether the satellite told what it runs after `instant`."""
        known = self.deployments.get(satellite_id)
        return bool(known and known.reported_ns and known.reported_ns > times.to_ns(instant))


def look(
    satellite_ids: Iterable[int], *, now: datetime, heard: Iterable[int] | None = None
) -> Fleet:
    """Return what is known of these satellites; ages are mission time.

    Values are read of those in `heard` alone, if it is given: of 2,800 satellites most only wait.
    """
    ids = set(satellite_ids)
    heard_ids = ids if heard is None else set(heard)
    values: dict[int, dict[str, windows.Value]] = defaultdict(dict)
    now_ns = times.to_ns(now)
    for row in Latest.objects.filter(satellite__in=heard_ids, parameter__in=_PARAMETERS):
        age_s = max(0.0, (now_ns - row.generated_ns) / 1e9)
        values[row.satellite_id][row.parameter] = windows.Value(row.value, row.raw, age_s)
    contacts = Contact.objects.filter(satellite__in=ids, state=ContactState.PASS)
    questions = Query.objects.filter(satellite__in=heard_ids, only=None).exclude(state__in=OVER)
    return Fleet(
        {row.satellite_id: row for row in Deployment.objects.filter(satellite__in=ids)},
        values,
        set(contacts.values_list("satellite_id", flat=True)),
        Counter(questions.values_list("satellite_id", flat=True)),
        frozenset(reach.over_contacts(now=now) & ids) if ids else frozenset(),
    )
