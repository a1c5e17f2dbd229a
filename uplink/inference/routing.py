"""Which satellite gets a question: the one that can start on it first."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from constellation.contacts import models as contacts
from constellation.contacts.models import Contact
from constellation.routing.earliest import Meeting, Route, earliest
from ops import errors
from ops.live import events
from uplink.conduct import wake
from uplink.inference.models import OVER, Attempt, Query, State
from uplink.registry.models import Version
from uplink.transfers import models as transfers
from uplink.transfers.models import Deployment, Transfer

ANSWER_S = 20.0
"""What one waiting question is reckoned to cost, in seconds: 256 tokens at some 13 a second."""
MARGIN_S = 5.0
"""A contact that ends sooner than this is not worth starting a question in."""
MEETABLE = [contacts.State.SCHEDULED, contacts.State.PREPASS, contacts.State.PASS]


class NotInOrbit(errors.Unavailable):
    code = "model_not_in_orbit"


wake_satellite = wake.satellite


def put_on_its_way(query: Query, *, now: datetime, refuse: bool = False) -> bool:
    """Route a question that no satellite has taken yet; return whether its way changed.

    The caller holds the row's lock or has just written it. Without a way it stays QUEUED with the
    reason; with `refuse`, a model that is neither in orbit nor going there raises NotInOrbit.
    """
    route = _best(query, now=now)
    if route is None:
        reason, hopeless = _why_not(query.version)
        if hopeless and refuse:
            raise NotInOrbit(reason)
        return _wait(query, reason)
    if query.contact_id == route.meeting.contact_id and query.state != State.QUEUED:
        return False
    query.contact_id, query.satellite_id = route.meeting.contact_id, route.meeting.satellite_id
    query.state, query.routed_at, query.reason = State.ROUTED, now, ""
    query.save(update_fields=["contact", "satellite", "state", "routed_at", "reason"])
    told = {"state": query.state, "satellite": query.satellite.code}
    told |= {"contact": str(query.contact_id), "uplink_at": route.uplink_at.isoformat()}
    events.publish(f"query:{query.pk}", "routed", told)
    wake.satellite(query.satellite_id)
    return True


def _wait(query: Query, reason: str) -> bool:
    if query.state == State.QUEUED and query.reason == reason:
        return False
    query.state, query.reason, query.contact = State.QUEUED, reason, None
    query.save(update_fields=["state", "reason", "contact"])
    events.publish(f"query:{query.pk}", "queued", {"state": query.state, "reason": reason})
    return True


def _best(query: Query, *, now: datetime) -> Route | None:
    running = Deployment.objects.filter(
        active_sha256=query.version.artefact_id, satellite__is_active=True
    ).values("satellite_id")
    if query.only_id is not None:
        running = running.filter(satellite_id=query.only_id)
    booked = Contact.objects.filter(
        satellite_id__in=running, state__in=MEETABLE, los_at__gt=now, aos_at__lt=query.due_at
    ).order_by("aos_at")
    meetings = [
        Meeting(*row) for row in booked.values_list("id", "satellite_id", "aos_at", "los_at")[:500]
    ]
    open_queries = Query.objects.exclude(state__in=OVER).exclude(pk=query.pk)
    waiting = Counter(
        open_queries.exclude(state=State.QUEUED).values_list("satellite_id", flat=True)
    )
    return earliest(meetings, now=now, waiting=waiting, answer_s=ANSWER_S, margin_s=MARGIN_S)


def _why_not(version: Version) -> tuple[str, bool]:
    """Return why there is no way, and whether waiting for one is hopeless."""
    running = Deployment.objects.filter(active_sha256=version.artefact_id)
    if count := running.count():
        return f"{count} satellites run {version}, and none has a contact booked in time", False
    going = Transfer.objects.filter(artefact=version.artefact_id, activate=True)
    if count := going.exclude(state__in=transfers.OVER).count():
        return f"{version} is on its way to {count} satellites and runs on none yet", False
    return f"no satellite runs {version}, and none is about to", True


def route_all(*, now: datetime) -> int:
    """Look again at every question that no satellite has taken; return how many changed way."""
    changed = 0
    for query_id in list(_undecided(now).values_list("pk", flat=True).order_by("created_at")[:500]):
        with transaction.atomic():
            # Only the question's own row: joined tables would be locked with it.
            query = (
                _undecided(now)
                .select_for_update(skip_locked=True, of=("self",))
                .filter(pk=query_id)
            ).first()
            changed += query is not None and put_on_its_way(query, now=now)
    return changed


def _undecided(now: datetime):
    """Questions that may still be given to another satellite.

    One that was sent and not heard of stays where it is while that contact lasts; sent again
    elsewhere it cannot be answered twice, for only the first satellite heard from counts.
    """
    sent = Attempt.objects.filter(prompts__gt=0).values("query_id")
    contact_over = ~Q(contact__state__in=MEETABLE) | Q(contact__los_at__lte=now)
    return Query.objects.filter(
        Q(state=State.QUEUED)
        | (Q(state=State.ROUTED) & ~Q(pk__in=sent))
        | (Q(state__in=[State.ROUTED, State.UPLINKED]) & contact_over),
        answered_by=None,
    )
