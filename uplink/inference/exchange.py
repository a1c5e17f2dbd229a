"""What a conductor sends up for questions now, to one satellite in one open contact."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from constellation.contacts.models import Contact
from ops.live import events
from telemetry.onboard import Apid
from uplink.inference import answers, prompts
from uplink.inference.models import Attempt, Query, State

RESEND_S = 5.0
"""A question of which nothing was heard is sent again after this; the satellite knows it by id."""
PROMPTS_AT_ONCE = 16
_WAITING = [State.ROUTED, State.UPLINKED, State.RUNNING]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One packet to send. `uplinked` names the question that is up once this packet has left."""

    apid: Apid
    payload: bytes
    uplinked: UUID | None = None


@transaction.atomic
def due(
    *, satellite_id: int, contact_id: UUID, now: datetime, resend_s: float = RESEND_S
) -> list[Outgoing]:
    """Return the packets to send to this satellite now, and remember that they were given out.

    Acknowledgements come first, then questions taken back, then questions. What is lost on the
    way is due again: an acknowledgement when the satellite repeats itself, a question after
    `resend_s` without a word.
    """
    return [
        *_acknowledgements(satellite_id),
        *_cancellations(satellite_id),
        *_questions(satellite_id, contact_id, now, resend_s),
    ]


def awaited(satellite_id: int) -> bool:
    """Say whether a question is on its way up to this satellite, or its answer down."""
    return Attempt.objects.filter(
        satellite_id=satellite_id, is_over=False, prompts__gt=0, query__state__in=_WAITING
    ).exists()


def wanting(satellite_ids: Collection[int]) -> set[int]:
    """Return those of the satellites which may have to be told something now, or of which somebody
    waits for an answer."""
    told = Q(ack_due=True) | Q(dismiss_due=True) | Q(is_over=False, query__state__in=_WAITING)
    attempts = Attempt.objects.filter(told, satellite_id__in=satellite_ids)
    asked = Query.objects.filter(satellite_id__in=satellite_ids, state__in=_WAITING)
    found = attempts.order_by().values_list("satellite_id", flat=True)
    return set(found.union(asked.order_by().values_list("satellite_id", flat=True)))


def _locked_attempts(satellite_id: int, **details: object) -> list[Attempt]:
    """Return attempts with their questions locked, as `answers.take` locks them."""
    ids = Attempt.objects.filter(satellite_id=satellite_id, **details).values_list("query_id")
    held = Query.objects.select_for_update(skip_locked=True).filter(pk__in=ids).order_by("pk")
    locked = list(held.values_list("pk", flat=True))
    return list(Attempt.objects.filter(satellite_id=satellite_id, query_id__in=locked, **details))


def _acknowledgements(satellite_id: int) -> Iterable[Outgoing]:
    attempts = _locked_attempts(satellite_id, ack_due=True)
    outgoing = [Outgoing(Apid.TOKEN_ACK, answers.acknowledgement(each)) for each in attempts]
    Attempt.objects.filter(pk__in=[each.pk for each in attempts]).update(ack_due=False)
    return outgoing


def _cancellations(satellite_id: int) -> Iterable[Outgoing]:
    attempts = _locked_attempts(satellite_id, dismiss_due=True)
    Attempt.objects.filter(pk__in=[each.pk for each in attempts]).update(dismiss_due=False)
    return [Outgoing(Apid.PROMPT, prompts.cancellation(each.query_id)) for each in attempts]


def _questions(
    satellite_id: int, contact_id: UUID, now: datetime, resend_s: float
) -> Iterable[Outgoing]:
    heard_lately = Attempt.objects.filter(
        satellite_id=satellite_id, prompted_at__gt=now - timedelta(seconds=resend_s)
    )
    waiting = Query.objects.select_for_update(skip_locked=True).filter(
        satellite_id=satellite_id,
        state__in=[State.ROUTED, State.UPLINKED],
        answered_by=None,
        due_at__gt=now,
    )
    waiting = waiting.exclude(pk__in=heard_lately.values("query_id")).order_by("created_at")
    outgoing = []
    for query in waiting.select_related("version")[:PROMPTS_AT_ONCE]:
        attempt, _ = Attempt.objects.get_or_create(query=query, satellite_id=satellite_id)
        attempt.prompted_at, attempt.contact_id = now, contact_id
        attempt.prompts += 1
        attempt.save()
        outgoing += _packets(query, now)
    return outgoing


def _packets(query: Query, now: datetime) -> list[Outgoing]:
    parts = prompts.prompt_parts(
        query_id=query.pk,
        messages=prompts.with_system(query.messages, query.version.system_prompt),
        max_tokens=query.max_tokens,
        temperature=query.temperature,
        seed=query.seed,
        lifetime_s=int((query.due_at - now).total_seconds()),
    )
    *first, last = [Outgoing(Apid.PROMPT, part) for part in parts]
    return [*first, Outgoing(Apid.PROMPT, last.payload, uplinked=query.pk)]


@transaction.atomic
def uplinked(*, query_ids: list[UUID], contact_id: UUID, now: datetime) -> None:
    """Write down that the last part of these questions has left the station. Safe to repeat."""
    station = Contact.objects.select_related("antenna").get(pk=contact_id).antenna.station_id
    queries = Query.objects.select_for_update().filter(pk__in=query_ids, uplinked_at=None)
    for query in queries.order_by("pk"):
        query.uplinked_at, query.uplink_station_id, query.contact_id = now, station, contact_id
        if query.state == State.ROUTED:
            query.state = State.UPLINKED
        query.save(update_fields=["uplinked_at", "uplink_station", "contact", "state"])
        events.publish(f"query:{query.pk}", "uplinked", {"state": query.state})
