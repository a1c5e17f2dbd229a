"""What people do about alarms: acknowledge, shelve, take out of service, clear. One or thousands.

Each is safe to repeat: what is done already makes no second transition. Who saw an earlier
occurrence than the present one is told so, and acknowledges nothing that nobody has seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from ops import errors
from telemetry.alarms import keeping, lifecycle
from telemetry.alarms.lifecycle import Event, State
from telemetry.alarms.models import Alarm, Transition

SHELF_MOST = timedelta(days=30)
ALARMS_MOST = 10_000
"""Of one call: more than a fleet has of one rule."""


class UnknownAlarm(errors.NotFound):
    code = "unknown_alarm"


class NewerOccurrence(errors.Conflict):
    """It was raised again since the caller looked."""

    code = "alarm_raised_again"


class BadShelf(errors.Invalid):
    code = "invalid_shelf"


@dataclass
class Done:
    """What became of a call on many alarms."""

    alarms: list[Alarm] = field(default_factory=list)
    changed: int = 0
    refused: dict[UUID, str] = field(default_factory=dict)


Move = Callable[[Alarm], Transition | None]


def acknowledge(
    ids: Iterable[UUID], *, by: str, now: datetime, reason: str = "", occurrence: int | None = None
) -> Done:
    """Say that somebody knows. `occurrence` is the one that the caller has seen."""

    def move(alarm: Alarm) -> Transition | None:
        if occurrence is not None and alarm.occurrence != occurrence:
            raise NewerOccurrence(
                f"It was raised again: this is occurrence {alarm.occurrence}, not {occurrence}."
            )
        if alarm.status.is_inhibited or not alarm.is_acknowledged:
            made = keeping.happen(alarm, Event.ACKNOWLEDGE, now=now, by=by, reason=reason)
            alarm.acknowledged_by, alarm.acknowledged_at = by, now
            return made
        return None

    return _do(ids, move)


def shelve(ids: Iterable[UUID], *, until: datetime, by: str, now: datetime, reason: str) -> Done:
    """Keep alarms silent until an instant, for a reason. Shelving again moves the end."""
    if not now < until <= now + SHELF_MOST:
        raise BadShelf(f"A shelf ends after now and within {SHELF_MOST.days} days.")
    if not reason.strip():
        raise BadShelf("A shelf has a reason, for whoever comes on shift next.")

    def move(alarm: Alarm) -> Transition | None:
        if alarm.shelved_until == until and alarm.inhibited_reason == reason:
            return None
        alarm.inhibited_by, alarm.inhibited_reason = by, reason
        was, alarm.shelved_until = alarm.shelved_until, until
        said = f"until {until:%Y-%m-%dT%H:%M:%SZ}: {reason}"[:300]
        if was is not None:
            alarm.changed_at = now
            return _noted(alarm, Event.SHELVE, by=by, now=now, reason=said)
        alarm.shelved_until = None
        made = keeping.happen(alarm, Event.SHELVE, now=now, by=by, reason=said)
        alarm.shelved_until = until
        return made

    return _do(ids, move)


def unshelve(ids: Iterable[UUID], *, by: str, now: datetime, reason: str = "") -> Done:
    """Let alarms speak again; one whose condition holds calls anew."""
    return _do(ids, _flagged(Event.UNSHELVE, "is_shelved", False, by, now, reason))


def unshelve_due(*, now: datetime) -> int:
    """Let go what was shelved until now; return how many."""
    due = Alarm.objects.filter(shelved_until__lte=now).values_list("pk", flat=True)
    ids = list(due[:ALARMS_MOST])
    return unshelve(ids, by="", now=now, reason="The shelf ended.").changed if ids else 0


def take_out_of_service(ids: Iterable[UUID], *, by: str, now: datetime, reason: str) -> Done:
    """Silence alarms until somebody puts them back, for a reason."""
    if not reason.strip():
        raise BadShelf("Taking an alarm out of service needs a reason.")
    return _do(ids, _flagged(Event.REMOVE, "is_removed", True, by, now, reason))


def put_in_service(ids: Iterable[UUID], *, by: str, now: datetime, reason: str = "") -> Done:
    return _do(ids, _flagged(Event.RESTORE, "is_removed", False, by, now, reason))


def clear(ids: Iterable[UUID], *, by: str, now: datetime, reason: str = "") -> Done:
    """End what has returned: resets a latch, and acknowledges. An active alarm is refused."""

    def move(alarm: Alarm) -> Transition | None:
        if alarm.state == State.NORMAL:
            return None
        made = keeping.happen(alarm, Event.RESET, now=now, by=by, reason=reason)
        alarm.acknowledged_by, alarm.acknowledged_at = by, now
        return made

    return _do(ids, move)


def note(ids: Iterable[UUID], *, by: str, now: datetime, reason: str) -> Done:
    """Write a remark into the history of alarms."""
    if not reason.strip():
        raise BadShelf("A remark says something.")
    return _do(ids, lambda alarm: _noted(alarm, "note", by=by, now=now, reason=reason))


def _flagged(event: Event, flag: str, value: bool, by: str, now: datetime, reason: str) -> Move:
    def move(alarm: Alarm) -> Transition | None:
        if getattr(alarm.status, flag) == value:
            return None
        made = keeping.happen(alarm, event, now=now, by=by, reason=reason)
        if value:
            alarm.inhibited_by, alarm.inhibited_reason = by, reason
        elif not alarm.status.is_inhibited:
            alarm.inhibited_by = alarm.inhibited_reason = ""
        return made

    return move


def _noted(alarm: Alarm, event: str, *, by: str, now: datetime, reason: str) -> Transition:
    return Transition(
        alarm=alarm,
        event=event,
        before=alarm.state,
        after=alarm.state,
        level=alarm.level,
        occurrence=alarm.occurrence,
        value=alarm.value,
        at=now,
        by=by,
        reason=reason[:300],
    )


@transaction.atomic
def _do(ids: Iterable[UUID], move: Move) -> Done:
    """Move each alarm; one alone that refuses raises, of several it is left out with the reason."""
    wanted = list(dict.fromkeys(ids))
    if len(wanted) > ALARMS_MOST:
        raise errors.TooMuch(f"{len(wanted)} alarms at once; at most {ALARMS_MOST} are taken.")
    rows = Alarm.objects.select_for_update().filter(pk__in=wanted).defer("name", "detail")
    alarms = list(rows.order_by("id"))
    if len(wanted) == 1 and not alarms:
        raise UnknownAlarm(f"There is no alarm {wanted[0]}.")
    done, changed, transitions, before = Done(alarms), [], [], {}
    for alarm in alarms:
        stood = keeping.stands(alarm)
        try:
            made = move(alarm)
        except (lifecycle.NotNow, NewerOccurrence) as refusal:
            if len(wanted) == 1:
                raise
            done.refused[alarm.pk] = str(refusal)
            continue
        if made is not None:
            changed.append(alarm)
            transitions.append(made)
            before[alarm.pk] = stood
    keeping.save_alike(changed, transitions, before)
    done.changed = len(changed)
    return done
