"""Questions: asked, put on their way, taken back, run out of time. Instants are mission time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from constellation.models import Satellite
from ops import errors
from ops.accounts import roles
from ops.accounts.models import Organisation, User
from ops.db import broken_rule
from ops.live import events
from uplink.inference import routing
from uplink.inference.models import OVER, Attempt, Query, State
from uplink.registry.models import Version

OPEN_MAX = 64
"""Questions that one organisation may have open at a time."""
LIFETIME_S = 3600
"""How long a question waits for its answer when the caller does not say."""


class TooManyOpen(errors.TooMuch):
    code = "too_many_open_queries"


class QueryReused(errors.IdReused):
    code = "query_reused"


class NoSuchQuery(errors.NotFound):
    code = "query_not_found"


class AlreadyOver(errors.Conflict):
    code = "query_over"


def stream_of(query_id: UUID) -> str:
    """Return the name of the stream that tells one question's story."""
    return f"query:{query_id}"


@transaction.atomic
def ask(
    *,
    query_id: UUID,
    organisation: Organisation,
    user: User | None,
    version: Version,
    messages: list[dict[str, str]],
    max_tokens: int,
    temperature: float,
    seed: int | None,
    lifetime_s: int | None,
    now: datetime,
    only: Satellite | None = None,
) -> tuple[Query, bool]:
    """Take a question and put it on its way; return it and whether it is new.

    With `only`, no other satellite is asked. Safe to repeat under the same id. Refuses with
    QueryReused when the id names another question, with TooManyOpen at the limit, and with
    `routing.NotInOrbit` when no satellite has the model and none is about to.
    """
    wanted = {
        "organisation": organisation,
        "version": version,
        "messages": messages,
        "max_tokens": max_tokens,
        "temperature": temperature,
        "only": only,
        "seed": int.from_bytes(query_id.bytes[:4]) if seed is None else seed & 0xFFFF_FFFF,
    }
    known = Query.objects.filter(pk=query_id).first()
    if known is None:
        _refuse_too_many(organisation)
        due_at = now + timedelta(seconds=lifetime_s or LIFETIME_S)
        known, is_new = _create(query_id, wanted, user=user, created_at=now, due_at=due_at)
        if is_new:
            _tell(known, "queued")
            routing.put_on_its_way(known, now=now, refuse=True)
            return known, True
    if any(getattr(known, name) != value for name, value in wanted.items()):
        raise QueryReused(f"{query_id} already names another question.")
    return known, False


def _refuse_too_many(organisation: Organisation) -> None:
    # Counted under a lock, so that many who ask at once cannot all find one place free.
    Organisation.objects.select_for_update(no_key=True).get(pk=organisation.pk)
    if Query.objects.filter(organisation=organisation).exclude(state__in=OVER).count() >= OPEN_MAX:
        raise TooManyOpen(f"{OPEN_MAX} questions are open already; wait for an answer.")


def _create(query_id: UUID, wanted: dict[str, Any], **details: Any) -> tuple[Query, bool]:
    try:
        with transaction.atomic():
            return Query.objects.create(id=query_id, **wanted, **details), True
    except IntegrityError as error:
        if broken_rule(error) != "inference_query_pkey":
            raise
        return Query.objects.get(pk=query_id), False


def of_organisation(query_id: UUID, organisation: Organisation) -> Query:
    """Return a question that `organisation` may see; NoSuchQuery for all others alike."""
    queries = Query.objects.select_related("version__model", "organisation")
    if not organisation.operates_fleet:
        queries = queries.filter(organisation=organisation)
    query = queries.filter(pk=query_id).first()
    if query is None:
        raise NoSuchQuery(f"There is no query {query_id}.")
    return query


@transaction.atomic
def cancel(*, query_id: UUID, now: datetime) -> Query:
    """Take a question back; the satellite is told at its next chance. Safe to repeat."""
    query = Query.objects.select_for_update().get(pk=query_id)
    if query.state == State.CANCELLED:
        return query
    if query.state in OVER:
        raise AlreadyOver(f"The query is {query.state} already.")
    _end(query, State.CANCELLED, "taken back by who asked")
    return query


def expire(*, now: datetime) -> int:
    """End every question whose time has run out; return how many."""
    overdue = Query.objects.exclude(state__in=OVER).filter(due_at__lte=now)
    count = 0
    for query_id in list(overdue.values_list("pk", flat=True)[:500]):
        with transaction.atomic():
            query = overdue.select_for_update(skip_locked=True).filter(pk=query_id).first()
            if query is not None:
                _end(query, State.EXPIRED, f"no answer by the deadline; {_how_far(query)}")
                count += 1
    return count


def _how_far(query: Query) -> str:
    if query.state == State.QUEUED:
        return query.reason or "it was never routed"
    if query.answered_by_id is not None:
        return "the answer had begun to come down"
    return f"it was {query.state} to {query.satellite.code}"


def _end(query: Query, state: State, reason: str) -> None:
    query.state, query.reason = state, reason
    query.save(update_fields=["state", "reason"])
    Attempt.objects.filter(query=query, is_over=False).exclude(prompts=0).update(dismiss_due=True)
    _tell(query, state.lower())
    for satellite_id in query.attempts.values_list("satellite_id", flat=True):
        routing.wake_satellite(satellite_id)


def _tell(query: Query, kind: str) -> None:
    events.publish(stream_of(query.pk), kind, {"state": query.state, "reason": query.reason})


def may_follow(user: Any, stream: str) -> bool:
    """Say whether `user` may read a question's stream: its organisation, and the fleet's own."""
    _, _, name = stream.partition(":")
    try:
        query_id = UUID(name)
        of_organisation(query_id, user.organisation)
    except (ValueError, NoSuchQuery):
        return False
    return roles.may(user, "inference.view_query")
