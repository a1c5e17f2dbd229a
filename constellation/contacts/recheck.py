"""Looking again at contacts whose satellite flies a new element set: kept, moved or taken back.

A pass whose AOS moves by less than the limit is left alone, since stations point by the newest
elements anyway. One that moves by more takes its contact along; what is left of it when another
booking is in the way may still do; what is gone is cancelled, with the reason.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from constellation import visibility
from constellation.contacts import booking
from constellation.contacts.models import FLYING, HOLDING, Contact
from constellation.models import ElementSet, ElementState, Satellite
from constellation.models_elements import FLYABLE
from constellation.visibility import Pass
from ops.live import events

CHUNK = 200
"""Satellites looked at in one transaction's worth of passes."""
NEAR = timedelta(minutes=20)
"""A pass whose TCA is farther than this from the one booked is another pass."""
AT_RISE = timedelta(seconds=15)
"""A contact that began this near to its pass's rise was booked from the rise on."""
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Verdict:
    """What becomes of a contact: `keep`, `move` to a span, or `cancel` for a reason."""

    action: str
    aos_at: datetime | None = None
    los_at: datetime | None = None
    reason: str = ""


def judge(contact: Contact, seen: Pass | None, limit: timedelta, now: datetime) -> Verdict:
    """Say what a contact should do about the pass as the new element set has it."""
    if seen is None:
        return Verdict("cancel", reason="the new element set has no pass there")
    shift = seen.tca_at - contact.tca_at
    aos_at = _followed(contact.aos_at + shift, seen.aos_at, seen)
    los_at = _followed(contact.los_at + shift, seen.los_at, seen)
    if contact.aos_at <= now:
        aos_at = contact.aos_at  # It is under way, and was joined where it was.
    moved = abs(aos_at - contact.aos_at) > limit or abs(los_at - contact.los_at) > limit
    if not moved:
        return Verdict("keep")
    if (los_at - aos_at).total_seconds() < contact.minimum_viable_s:
        left_s = max(0.0, (los_at - aos_at).total_seconds())
        return Verdict(
            "cancel",
            reason=f"the new element set leaves {left_s:.0f} s of it, below the minimum viable "
            f"{contact.minimum_viable_s:.0f} s",
        )
    return Verdict("move", aos_at, los_at, f"the pass moved by {shift.total_seconds():+.1f} s")


def _followed(at: datetime, edge: datetime, seen: Pass) -> datetime:
    """Return where an end of a contact goes: along with its pass's end, or with the pass."""
    if abs(at - edge) <= AT_RISE:
        return edge
    return min(max(at, seen.aos_at), seen.los_at)


def look_again(now: datetime) -> dict[str, int]:
    """Look at the contacts of every satellite that flies a new element set; count what became."""
    rows = ElementSet.objects.filter(
        contacts_checked=False, epoch_at__lte=now, state__in=[*FLYABLE, ElementState.DISABLED]
    )
    waiting = list(rows.order_by("satellite_id").values_list("pk", "satellite_id"))
    counts = {"keep": 0, "move": 0, "cancel": 0}
    satellites = sorted({satellite for _, satellite in waiting})
    for start in range(0, len(satellites), CHUNK):
        some = set(satellites[start : start + CHUNK])
        for verdict in _look_at(Satellite.objects.filter(pk__in=some), now):
            counts[verdict] += 1
        done = [pk for pk, satellite in waiting if satellite in some]
        ElementSet.objects.filter(pk__in=done).update(contacts_checked=True)
    return counts


def _look_at(satellites: Iterable[Satellite], now: datetime) -> list[str]:
    satellites = list(satellites)
    contacts = list(
        Contact.objects.filter(satellite__in=satellites, state__in=HOLDING, los_at__gt=now)
        .select_related("satellite", "antenna__station")
        .order_by("aos_at", "pk")
    )
    if not contacts:
        return []
    last = max(contact.los_at for contact in contacts) + NEAR
    passes: dict[tuple[int, int], list[Pass]] = {}
    for each in visibility.passes_between(now, last, satellites=satellites).passes:
        passes.setdefault((each.satellite.pk, each.station.pk), []).append(each)
    limit = timedelta(seconds=settings.ZENITH_AOS_LIMIT_S)
    found = []
    for contact in contacts:
        key = contact.satellite_id, contact.antenna.station_id
        found.append(_follow(contact, _same_pass(contact, passes.get(key, ())), limit, now))
    return found


def _same_pass(contact: Contact, passes: Sequence[Pass]) -> Pass | None:
    """Return the pass that a contact was booked in, as it is now."""
    near = [each for each in passes if abs(each.tca_at - contact.tca_at) <= NEAR]
    overlapping = [
        each for each in passes if each.aos_at < contact.los_at and each.los_at > contact.aos_at
    ]
    return min(near or overlapping, key=lambda p: abs(p.tca_at - contact.tca_at), default=None)


def _follow(contact: Contact, seen: Pass | None, limit: timedelta, now: datetime) -> str:
    """Do what the verdict says; return which it was."""
    verdict = judge(contact, seen, limit, now)
    if verdict.action == "keep":
        return "keep"
    if contact.state in FLYING:
        _warn(contact, verdict)
        return "keep"
    if verdict.action == "move":
        moved = booking.move_contact(
            contact_id=contact.pk,
            aos_at=verdict.aos_at,
            los_at=verdict.los_at,
            seen=seen,
            reason=verdict.reason,
            now=now,
        )
        if moved is not None:
            return "move"
        verdict = Verdict("cancel", reason="another contact is where the new element set puts it")
    log.warning("%s is cancelled: %s", contact, verdict.reason)
    with transaction.atomic():
        booking.cancel_contact(
            contact_id=contact.pk, reason=verdict.reason, by="element set", pass_gone=True
        )
    return "cancel"


def _warn(contact: Contact, verdict: Verdict) -> None:
    """Tell that a contact under way is off; whoever flies it goes on."""
    events.publish(
        booking.STREAM,
        "aos_off",
        {
            "id": str(contact.pk),
            "satellite": contact.satellite.code,
            "station": contact.antenna.station.code,
            "reason": verdict.reason,
        },
    )
