"""What was found, written down: alarms moved through their life, each transition a row.

One set of statements for any number of findings, on one satellite or on all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from django.db import connection, transaction
from django.db.models import Q

from ops.live import events
from telemetry import times
from telemetry.alarms import evaluation, lifecycle
from telemetry.alarms.levels import Level, shown
from telemetry.alarms.lifecycle import Event
from telemetry.alarms.models import Alarm, Transition

NAMES = UUID("9a0c8f2e-7d0e-4b52-8f0e-5d8f4b0a6c11")
ALARM_FIELDS = [
    *("name", "parameter", "limit", "state", "is_active", "is_acknowledged", "is_latched"),
    *("is_latching", "is_suppressed", "is_removed", "shelved_until", "level", "worst"),
    *("occurrence", "value", "detail", "raised_at", "returned_at", "changed_at"),
    *("acknowledged_by", "acknowledged_at", "inhibited_by", "inhibited_reason"),
]
TOLD_MOST = 50
"""Alarms that one event names; more are only counted, and pages read them again."""


@dataclass(frozen=True, slots=True)
class Finding:
    """From `generated_ns` on, a rule is at `level` on a satellite (0: its condition is over)."""

    satellite_id: int
    rule: str
    name: str
    level: int
    generated_ns: int
    parameter: str = ""
    limit_id: str | None = None
    value: Any = None
    detail: str = ""
    is_latching: bool = False
    is_suppressed: bool = False
    suppressed_why: str = "by design"


@transaction.atomic
def keep(findings: Iterable[Finding], *, now: datetime) -> list[Transition]:
    """Move alarms as findings say, in their order; return the transitions.

    Safe to repeat: a finding that says what is known changes nothing.
    """
    by_place: dict[tuple[int, str], list[Finding]] = defaultdict(list)
    for finding in findings:
        by_place[finding.satellite_id, finding.rule].append(finding)
    known = _locked(by_place)
    changed: list[Alarm] = []
    transitions: list[Transition] = []
    for place, wanted in by_place.items():
        alarm = known.get(place)
        if alarm is None:
            if not any(finding.level for finding in wanted):
                continue
            alarm = _made(wanted[0], now)
        before = len(transitions)
        for finding in wanted:
            transitions += _move(alarm, finding, now)
        if len(transitions) > before:
            changed.append(alarm)
    save(changed, transitions)
    return transitions


def save(changed: list[Alarm], transitions: list[Transition]) -> None:
    """Write alarms and their transitions, and tell who watches."""
    if not changed:
        return
    Alarm.objects.bulk_create(
        changed, update_conflicts=True, unique_fields=["id"], update_fields=ALARM_FIELDS
    )
    Transition.objects.bulk_create(transitions)
    _tell(changed)


def stands(alarm: Alarm) -> tuple[Any, ...]:
    """Return all of an alarm that people move, for `save_alike`."""
    return tuple(getattr(alarm, name) for name in _MOVED)


def save_alike(
    changed: list[Alarm], transitions: list[Transition], before: dict[UUID, tuple[Any, ...]]
) -> None:
    """Write what people did to alarms that were read, one transition each, and tell who watches.

    What is done to thousands is the same for nearly all of them: so many statements as there are
    different changes. `before` holds what each stood at.
    """
    if not changed:
        return
    alike: dict[tuple, list[UUID]] = defaultdict(list)
    for alarm in changed:
        pairs = zip(_MOVED, before[alarm.pk], stands(alarm), strict=True)
        alike[tuple((name, now) for name, was, now in pairs if was != now)].append(alarm.pk)
    told: dict[tuple, list[UUID]] = defaultdict(list)
    for each in transitions:
        said = (each.event, each.before, each.after, each.at, each.by, each.reason)
        told[said].append(each.alarm_id)
    with connection.cursor() as cursor:
        for fields, ids in alike.items():
            if not fields:
                continue  # a remark, which changes nothing
            # The names are those of the list below; nothing of them comes from outside.
            values = ", ".join(f"{name} = %s" for name, _ in fields)
            cursor.execute(
                f"UPDATE alarms_alarm SET {values} WHERE id = ANY(%s)",  # noqa: S608
                [*(value for _, value in fields), ids],
            )
        for said, ids in told.items():
            cursor.execute(_TOLD_ALIKE, [*said, ids])
    _tell(changed)


_MOVED = (
    *("state", "is_active", "is_acknowledged", "is_latched", "is_suppressed", "is_removed"),
    *("shelved_until", "changed_at", "acknowledged_by", "acknowledged_at"),
    *("inhibited_by", "inhibited_reason"),
)
_TOLD_ALIKE = """
    INSERT INTO alarms_transition
        (alarm_id, event, before, after, at, by, reason, level, occurrence, value, is_told)
    SELECT id, said.*, level, occurrence, value, false
    FROM alarms_alarm, (SELECT %s::text, %s::text, %s::text, %s::timestamptz, %s::text,
        %s::text) AS said
    WHERE id = ANY(%s) ORDER BY id
"""


def _tell(changed: list[Alarm]) -> None:
    events.publish(
        "alarms",
        "changed",
        {
            "count": len(changed),
            "calling": sum(alarm.state in lifecycle.CALLING for alarm in changed),
            "worst": max((alarm.level for alarm in changed), default=0),
            "alarms": [
                {"id": str(alarm.pk), "satellite": alarm.satellite_id, "state": alarm.state}
                for alarm in changed[:TOLD_MOST]
            ],
        },
    )


def _locked(places: Iterable[tuple[int, str]]) -> dict[tuple[int, str], Alarm]:
    """Return the alarms there are, locked in one order, so that nobody waits in a circle."""
    satellites = {satellite for satellite, _ in places}
    rules = {rule for _, rule in places}
    rows = Alarm.objects.select_for_update().order_by("id")
    rows = rows.filter(Q(satellite__in=satellites) & Q(rule__in=rules))
    return {(row.satellite_id, row.rule): row for row in rows}


def _made(finding: Finding, now: datetime) -> Alarm:
    return Alarm(
        id=uuid5(NAMES, f"{finding.satellite_id} {finding.rule}"),
        satellite_id=finding.satellite_id,
        rule=finding.rule,
        state=lifecycle.State.NORMAL,
        level=Level.NORMAL,
        worst=Level.NORMAL,
        changed_at=now,
    )


def _move(alarm: Alarm, finding: Finding, now: datetime) -> list[Transition]:
    """Let one finding act on an alarm."""
    made = []
    if alarm.is_suppressed != finding.is_suppressed:
        event = Event.SUPPRESS if finding.is_suppressed else Event.UNSUPPRESS
        why = finding.suppressed_why if finding.is_suppressed else ""
        made.append(happen(alarm, event, now=now, generated_ns=finding.generated_ns, reason=why))
        alarm.inhibited_by, alarm.inhibited_reason = "", why
    event = _event_of(alarm, finding.level)
    if event is None:
        return made
    alarm.name, alarm.parameter = finding.name, finding.parameter
    alarm.limit_id, alarm.is_latching = finding.limit_id, finding.is_latching
    alarm.level, alarm.value, alarm.detail = finding.level, finding.value, finding.detail[:300]
    if event is Event.RAISE:
        alarm.occurrence += 1
        alarm.worst = finding.level
        alarm.raised_at, alarm.returned_at = times.from_ns(finding.generated_ns), None
        alarm.acknowledged_by, alarm.acknowledged_at = "", None
    elif event is Event.RETURN:
        alarm.returned_at = times.from_ns(finding.generated_ns)
    alarm.worst = max(alarm.worst, finding.level)
    made.append(
        happen(
            alarm, event, now=now, generated_ns=finding.generated_ns, reason=finding.detail[:300]
        )
    )
    return made


def _event_of(alarm: Alarm, level: int) -> Event | None:
    if not alarm.is_active:
        return Event.RAISE if level else None
    if not level:
        return Event.RETURN
    if level == alarm.level:
        return None
    return Event.WORSEN if level > alarm.level else Event.EASE


def happen(
    alarm: Alarm,
    event: Event,
    *,
    now: datetime,
    generated_ns: int | None = None,
    by: str = "",
    reason: str = "",
) -> Transition:
    """Move an alarm by one event and return the row that tells of it; the caller saves both.

    `lifecycle.NotNow` when the event does not apply.
    """
    before = alarm.state
    alarm.status = lifecycle.after(alarm.status, event, is_latching=alarm.is_latching)
    if event is Event.UNSHELVE:
        alarm.shelved_until = None
    alarm.changed_at = now
    return Transition(
        alarm=alarm,
        event=event,
        before=before,
        after=alarm.state,
        level=alarm.level,
        occurrence=alarm.occurrence,
        value=alarm.value,
        at=now,
        generated_at=times.from_ns(generated_ns) if generated_ns is not None else None,
        by=by,
        reason=reason,
    )


# --- Words ----------------------------------------------------------------------------------


def words_of(rule: evaluation.Rule, level: int, value: Any) -> str:
    """Return what is wrong in a line: the value, and the range that it left."""
    unit = _unit(rule)
    if rule.limit.kind == "enumeration":
        return f"{value}: {shown(level)}" if level else f"{value}"
    said = f"{value:.6g}{unit}"
    if not level:
        return said
    for judgement in rule.limit.judgements:
        for band in judgement.bands:
            if band.level != level:
                continue
            if band.is_inside and band.low <= value <= band.high:
                return f"{said}: between {band.low:g} and {band.high:g}{unit} ({shown(level)})"
            if not band.is_inside and value < band.low:
                return f"{said}: below {band.low:g}{unit} ({shown(level)})"
            if not band.is_inside and value > band.high:
                return f"{said}: above {band.high:g}{unit} ({shown(level)})"
    return f"{said}: {shown(level)}"


def _unit(rule: evaluation.Rule) -> str:
    unit = {"1": "", "degC": " °C"}.get(rule.unit, f" {rule.unit}" if rule.unit else "")
    if rule.limit.kind != "change":
        return unit
    if rule.limit.is_percentage:
        unit = " %"
    return f"{unit}/s" if rule.limit.basis == "per_second" else f"{unit} a sample"
