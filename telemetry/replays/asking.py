"""Replays begun, cancelled and dropped."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Max

from constellation.models import Satellite
from ops import db, errors
from ops.accounts.models import Organisation
from telemetry import times
from telemetry.models_definitions import DefinitionFile
from telemetry.models_replays import Replay, ReplayPart, ReplayState
from telemetry.replays import generations


class CannotReplay(errors.Invalid):
    code = "cannot_replay"


class ReplayIsOver(errors.Conflict):
    code = "replay_is_over"


@transaction.atomic
def begin(
    *,
    replay_id: UUID,
    organisation: Organisation,
    satellites: list[Satellite],
    first_at: datetime,
    end_at: datetime,
    definition: UUID | None,
    asked_by: str,
    now: datetime,
) -> tuple[Replay, bool]:
    """Ask for stored packets to be decoded anew; return the replay and whether it is new.

    Safe to repeat; IdReused when the id names another replay.
    """
    if end_at <= first_at:
        raise CannotReplay("The span ends before it starts.")
    if not satellites:
        raise CannotReplay("There is no satellite in it.")
    if definition and not DefinitionFile.objects.filter(pk=definition).exists():
        raise CannotReplay(f"There is no definition {definition}.")
    wanted = {
        "organisation": organisation,
        "first_ns": times.to_ns(first_at),
        "end_ns": times.to_ns(end_at),
        "definition": definition,
    }
    replay, is_new = Replay.objects.get_or_create(
        id=replay_id, defaults={**wanted, "asked_by": asked_by, "asked_at": now}
    )
    if is_new:
        _give_generations(replay, satellites)
    else:
        named = set(replay.parts.values_list("satellite", flat=True))
        differs = any(getattr(replay, name) != value for name, value in wanted.items())
        if differs or named != {satellite.pk for satellite in satellites}:
            raise errors.IdReused(f"{replay_id} already names another replay.")
    return replay, is_new


def _give_generations(replay: Replay, satellites: list[Satellite]) -> None:
    newest = dict(
        ReplayPart.objects.filter(satellite__in=satellites)
        .values_list("satellite")
        .annotate(Max("generation"))
    )
    parts = [
        ReplayPart(
            replay=replay,
            satellite=satellite,
            generation=newest.get(satellite.pk, generations.FIRST) + 1,
        )
        for satellite in satellites
    ]
    try:
        with transaction.atomic():
            ReplayPart.objects.bulk_create(parts)
    except IntegrityError as error:
        if db.broken_rule(error) == "replay_generation_once":
            raise errors.Unavailable("Another replay begins just now. Ask again.") from error
        raise


@transaction.atomic
def cancel(*, replay_id: UUID, now: datetime) -> Replay:
    """Stop a replay that runs; what it wrote is erased. Safe to repeat."""
    replay = locked(replay_id)
    if replay.state == ReplayState.RUNNING:
        return _end(replay, ReplayState.CANCELLED, now=now)
    if replay.state != ReplayState.CANCELLED:
        raise ReplayIsOver(f"The replay is {replay.get_state_display().lower()}.")
    return replay


@transaction.atomic
def drop(*, replay_id: UUID, now: datetime) -> Replay:
    """Let readers go back to what was there before a replay; what it wrote is erased. Safe to
    repeat; one that runs is cancelled, and one that is settled refused."""
    replay = locked(replay_id)
    match replay.state:
        case ReplayState.RUNNING:
            return _end(replay, ReplayState.CANCELLED, now=now)
        case ReplayState.COMPLETE if replay.settled_at is not None:
            raise ReplayIsOver("The replay is settled: what was there before it is erased.")
        case ReplayState.COMPLETE:
            return _end(replay, ReplayState.DROPPED, now=now)
    return replay


def locked(replay_id: UUID) -> Replay:
    """Return a replay, locked until the transaction ends."""
    replay = Replay.objects.select_for_update().filter(pk=replay_id).first()
    if replay is None:
        raise errors.NotFound(f"There is no replay {replay_id}.")
    return replay


def _end(replay: Replay, state: ReplayState, *, now: datetime, reason: str = "") -> Replay:
    replay.state, replay.ended_at, replay.reason = state, now, reason
    replay.save(update_fields=["state", "ended_at", "reason"])
    return replay


def fail(replay_id: UUID, reason: str, *, now: datetime) -> None:
    """End a replay that cannot go on, with the reason."""
    with transaction.atomic():
        replay = locked(replay_id)
        if replay.state == ReplayState.RUNNING:
            _end(replay, ReplayState.FAILED, now=now, reason=reason[:200])


def complete_if_done(replay_id: UUID, *, now: datetime) -> bool:
    """Let readers have a replay of which every part is done: all satellites at one instant."""
    with transaction.atomic():
        replay = locked(replay_id)
        if replay.state != ReplayState.RUNNING or replay.parts.filter(done=False).exists():
            return False
        _end(replay, ReplayState.COMPLETE, now=now)
        return True
