"""What comes down of an answer: numbered segments, each counted once, the whole told in order."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from ops import errors
from ops.live import events
from telemetry import onboard
from telemetry.onboard import TokenKind
from telemetry.packets.handlers import StoredPacket
from uplink.inference import prompts
from uplink.inference.models import OVER, Attempt, Query, Segment, State

ENDS = (TokenKind.END, TokenKind.ERROR)


class UnknownQuestion(errors.NotFound):
    code = "unknown_query"


@transaction.atomic
def take(packet: StoredPacket, *, now: datetime) -> None:
    """Take in one TOKENS packet, in the transaction that stores it. Safe to repeat.

    The first satellite that is heard from gives the answer; what others say is kept and
    acknowledged, so that they forget it, and shown to nobody.
    """
    heard = onboard.Tokens.decode(packet.payload)
    query = Query.objects.select_for_update().filter(pk=heard.query_id).first()
    if query is None:
        raise UnknownQuestion(f"nobody asked {heard.query_id}")
    attempt, _ = Attempt.objects.get_or_create(query=query, satellite_id=packet.satellite_id)
    _, is_new = Segment.objects.get_or_create(
        query=query,
        satellite_id=packet.satellite_id,
        number=heard.number,
        defaults={
            "kind": heard.kind,
            "text": heard.text.replace("\x00", ""),
            "contact_id": packet.contact_id,
            "received_at": packet.received_at,
        },
    )
    attempt.ack_due = True
    attempt.is_over = attempt.is_over or heard.kind in ENDS
    attempt.dismiss_due = _is_unwanted(query, attempt)
    attempt.save()
    if is_new and query.state not in OVER and _counts(query, attempt):
        _apply(query, heard, packet, now=now)


def _is_unwanted(query: Query, attempt: Attempt) -> bool:
    """Say whether the satellite should be told to stop: nobody waits for what it says."""
    taken_back = query.state in (State.CANCELLED, State.EXPIRED)
    answered_elsewhere = query.state in OVER and query.answered_by_id != attempt.satellite_id
    return not attempt.is_over and (taken_back or answered_elsewhere)


def _counts(query: Query, attempt: Attempt) -> bool:
    """Say whether this satellite gives the answer, binding the question to the first one heard."""
    if query.answered_by_id is None:
        query.answered_by_id = query.satellite_id = attempt.satellite_id
        others = Attempt.objects.filter(query=query, prompts__gt=0, is_over=False)
        others.exclude(pk=attempt.pk).update(dismiss_due=True)
    if query.answered_by_id == attempt.satellite_id:
        return True
    if not attempt.is_over:
        Attempt.objects.filter(pk=attempt.pk).update(dismiss_due=True)
    return False


def _apply(query: Query, heard: onboard.Tokens, packet: StoredPacket, *, now: datetime) -> None:
    query.state = State.RUNNING
    query.downlink_contact_id = packet.contact_id or query.downlink_contact_id
    told: dict[str, Any] = {"state": query.state}
    if heard.kind == TokenKind.ACCEPTED:
        query.accepted_at = datetime.fromtimestamp(packet.generated_ns / 1e9, UTC)
        query.model_sha256 = heard.text[:64]
        told["model_sha256"] = query.model_sha256
    elif heard.kind == TokenKind.TEXT:
        query.first_token_at = query.first_token_at or packet.received_at
        told |= {"number": heard.number, "text": heard.text}
    events.publish(f"query:{query.pk}", TokenKind(heard.kind).name.lower(), told)
    _close_if_whole(query, now=now)
    query.save()


def _close_if_whole(query: Query, *, now: datetime) -> None:
    segments = Segment.objects.filter(query=query, satellite=query.answered_by_id)
    last = segments.filter(kind__in=ENDS).first()
    if last is None or segments.filter(number__lte=last.number).count() <= last.number:
        return
    try:
        details = json.loads(last.text)
    except ValueError:
        details = {}
    if last.kind == TokenKind.ERROR:
        query.state = State.FAILED
        query.reason = str(details.get("detail") or details.get("code") or last.text)[:300]
    else:
        query.state = State.DELIVERED
        query.prompt_tokens = details.get("prompt_tokens")
        query.completion_tokens = details.get("completion_tokens")
        query.finish_reason = str(details.get("finish_reason", "stop"))[:20]
        query.accepted_at = _instant(details, "accepted_at") or query.accepted_at
        query.started_at = _instant(details, "started_at")
        query.finished_at = _instant(details, "ended_at")
    if query.state == State.DELIVERED and query.model_sha256 != query.version.artefact_id:
        query.state = State.FAILED
        query.reason = f"answered by another model: {query.model_sha256[:12] or 'unknown'}"
    query.delivered_at = now
    events.publish(f"query:{query.pk}", query.state.lower(), story(query))


def _instant(details: dict[str, Any], name: str) -> datetime | None:
    value = details.get(name)
    return datetime.fromtimestamp(value, UTC) if isinstance(value, int | float) else None


@dataclass(frozen=True, slots=True)
class Progress:
    """What can be read of an answer: segments in order without a hole, and where it stands."""

    query: Query
    pieces: list[tuple[int, str]]
    following: int
    is_over: bool


def read(query_id: UUID, *, after: int = -1) -> Progress:
    """Return the text segments behind number `after`, up to the first that is missing."""
    query = Query.objects.select_related(*STORY).get(pk=query_id)
    following, pieces = after + 1, []
    rows = Segment.objects.filter(
        query=query, satellite=query.answered_by_id, number__gt=after
    ).order_by("number")
    for number, kind, text in rows.values_list("number", "kind", "text"):
        if number != following:
            break
        following += 1
        if kind == TokenKind.TEXT:
            pieces.append((number, text))
    return Progress(query, pieces, following, query.state in OVER)


STORY = (
    "version__model",
    "satellite",
    "answered_by",
    "uplink_station",
    "contact__antenna__station",
    "downlink_contact__antenna__station",
)


def story(query: Query) -> dict[str, Any]:
    """Return a question's legs as the API tells them; instants are RFC 3339 or null."""
    down = query.downlink_contact
    up = query.uplink_station or (query.contact.antenna.station if query.contact else None)
    instants = (
        "created_at", "routed_at", "uplinked_at", "accepted_at", "started_at", "first_token_at",
        "finished_at", "delivered_at",
    )  # fmt: skip
    names = ("queued", *(name.removesuffix("_at") for name in instants[1:]))
    legs = {
        name: _text_of(getattr(query, field)) for name, field in zip(names, instants, strict=True)
    }
    return {
        "query": str(query.pk),
        "state": query.state,
        "reason": query.reason,
        "model": str(query.version),
        "model_digest": query.model_sha256,
        "satellite": query.satellite.code if query.satellite else None,
        "uplink_station": up.code if up else None,
        "downlink_station": down.antenna.station.code if down else None,
        "uplink_contact": str(query.contact_id) if query.contact_id else None,
        "downlink_contact": str(query.downlink_contact_id) if down else None,
        "legs": legs,
    }


def _text_of(instant: datetime | None) -> str | None:
    return instant.isoformat().replace("+00:00", "Z") if instant else None


def acknowledgement(attempt: Attempt) -> bytes:
    """Return the TOKEN_ACK payload that says which segments of this satellite we hold."""
    held = Segment.objects.filter(query=attempt.query_id, satellite=attempt.satellite_id)
    return prompts.acknowledgement(attempt.query_id, held.values_list("number", flat=True))
