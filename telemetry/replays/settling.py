"""A replay made final: what was read before it is erased, and it cannot be dropped any more.

An operator settles a replay, or beat does once it was read for so many days as the operator set
(`ZENITH_KEEP_DAYS["superseded"]`), unless it left something not understood. Rows that reach out of
the replay's span hold what is still read, and stay.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from telemetry.models import Replay, ReplayPart
from telemetry.models_replays import ReplayState
from telemetry.replays import asking

_ERASED_AT_ONCE = 500
_PARTS_AT_ONCE = 20
_HIDDEN = {
    "telemetry_segment": "last_ns < %(end)s",
    "telemetry_rollup": "end_ns <= %(end)s",
}


@transaction.atomic
def settle(*, replay_id: UUID, now: datetime) -> Replay:
    """Let what a complete replay hides be erased. Safe to repeat; it cannot be undone."""
    replay = asking.locked(replay_id)
    if replay.state != ReplayState.COMPLETE:
        state = replay.get_state_display().lower()
        raise asking.ReplayIsOver(f"Only a complete replay can be settled; this one is {state}.")
    if replay.settled_at is None:
        replay.settled_at = now
        replay.save(update_fields=["settled_at"])
    return replay


def settle_old(*, now: datetime) -> int:
    """Settle what was complete for so long that nobody will drop it; return how many."""
    days = settings.ZENITH_KEEP_DAYS.get("superseded", 0)
    if not days:
        return 0
    rows = Replay.objects.filter(
        state=ReplayState.COMPLETE,
        settled_at=None,
        ended_at__lt=now - timedelta(days=days),
    ).exclude(parts__unread__gt=0)
    found = list(rows.values_list("pk", flat=True))
    for replay_id in found:
        settle(replay_id=replay_id, now=now)
    return len(found)


def clear() -> int:
    """Erase some of what settled replays hide; return how many rows."""
    rows = ReplayPart.objects.filter(
        replay__state=ReplayState.COMPLETE, replay__settled_at__isnull=False, cleared=False
    )
    found = list(rows.order_by("pk").values_list("pk", flat=True)[:_PARTS_AT_ONCE])
    return sum(map(_clear, found))


@transaction.atomic
def _clear(part_id: int) -> int:
    rows = ReplayPart.objects.select_for_update(skip_locked=True, of=("self",))
    part = rows.select_related("replay").filter(pk=part_id, cleared=False).first()
    if part is None:
        return 0
    told = {
        "satellite": part.satellite_id,
        "generation": part.generation,
        "first": part.replay.first_ns,
        "end": part.replay.end_ns,
    }
    count, left = 0, False
    with connection.cursor() as cursor:
        for table, ends_inside in _HIDDEN.items():
            # Nothing of the statement comes from outside.
            hidden = (
                f"FROM {table} WHERE satellite_id = %(satellite)s"
                f" AND generation < %(generation)s AND first_ns >= %(first)s AND {ends_inside}"
            )
            cursor.execute(
                f"WITH chosen AS MATERIALIZED (SELECT id {hidden}"  # noqa: S608
                f" LIMIT {_ERASED_AT_ONCE} FOR UPDATE SKIP LOCKED)"
                f" DELETE FROM {table} AS gone USING chosen"
                " WHERE gone.satellite_id = %(satellite)s AND gone.id = chosen.id",
                told,
            )
            count += cursor.rowcount
            # What a compactor holds just now is passed over, and goes the next time.
            cursor.execute(f"SELECT EXISTS (SELECT {hidden})", told)
            left = left or cursor.fetchone()[0]
    if not left:
        part.cleared = True
        part.save(update_fields=["cleared"])
    return count
