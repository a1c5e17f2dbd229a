"""Whom satellites in contact reach by laser at this moment, by the element sets of record."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import UTC, datetime
from threading import Lock

from constellation import links
from constellation.contacts.models import Contact, State
from constellation.models import Satellite
from constellation.routing.hops import hops
from ops.errors import Refusal
from telemetry import onboard

log = logging.getLogger(__name__)

KEPT_S = 10
"""Links are looked at once in so much mission time; they last for minutes."""
_kept: dict[int, list[tuple[str, str]]] = {}
_lock = Lock()


def hops_from(codes: Iterable[str], *, now: datetime) -> dict[str, int]:
    """Return the codes of satellites that laser links join to one of `codes`, with how many."""
    return hops(_links(now), codes, onboard.RELAY_HOPS_MAX)


def over_contacts(*, now: datetime) -> set[int]:
    """Return the satellites that have no contact, and can be spoken to over one of another's."""
    rows = Contact.objects.filter(state=State.PASS, satellite__profile__isl_terminals__gt=0)
    in_contact = set(rows.values_list("satellite__code", flat=True))
    if not in_contact:
        return set()
    found = hops_from(in_contact, now=now)
    others = [code for code, number in found.items() if number]
    return set(Satellite.objects.filter(code__in=others).values_list("pk", flat=True))


def spoken_to(*, now: datetime) -> set[int]:
    """Return the satellites for which telecommands leave now, over whosever contact."""
    rows = Contact.objects.filter(state=State.PASS)
    return set(rows.values_list("satellite_id", flat=True)) | over_contacts(now=now)


def _links(now: datetime) -> list[tuple[str, str]]:
    instant = int(now.timestamp()) // KEPT_S * KEPT_S
    with _lock:
        if instant not in _kept:
            while len(_kept) >= 4:
                del _kept[next(iter(_kept))]
            _kept[instant] = _look(instant)
        return _kept[instant]


def _look(instant: int) -> list[tuple[str, str]]:
    try:
        found = links.links_at(datetime.fromtimestamp(instant, UTC))
    except Refusal as refusal:
        log.error("nobody is reached by laser: %s", refusal)
        return []
    return [(one.first, one.second) for one in found]


def forget() -> None:
    """Look anew at the next question: element sets have changed."""
    with _lock:
        _kept.clear()
