"""Alarms, limits and violations as the API shows them."""

from __future__ import annotations

from typing import Any

from constellation.questions import rfc3339
from telemetry import times
from telemetry.alarms import levels, summary
from telemetry.alarms.levels import Level
from telemetry.alarms.models import Alarm, Freshness, Limit, LimitVersion, Transition, Violation


def alarm(row: Alarm) -> dict[str, Any]:
    """Return an alarm with its satellite, which the caller has selected with it."""
    return {
        "id": str(row.pk),
        "satellite": row.satellite.code,
        "rule": row.rule,
        "limit": row.limit_id and str(row.limit_id),
        "name": row.name,
        "parameter": row.parameter or None,
        "state": row.state,
        "level": levels.shown(row.level),
        "xtce_level": Level(row.level).name.lower(),
        "worst_level": levels.shown(row.worst),
        "is_active": row.is_active,
        "is_latching": row.is_latching,
        "occurrence": row.occurrence,
        "value": row.value,
        "detail": row.detail,
        "raised_at": _instant(row.raised_at),
        "returned_at": _instant(row.returned_at),
        "changed_at": _instant(row.changed_at),
        "acknowledged_by": row.acknowledged_by or None,
        "acknowledged_at": _instant(row.acknowledged_at),
        "shelved_until": _instant(row.shelved_until),
        "inhibited_by": row.inhibited_by or None,
        "inhibited_reason": row.inhibited_reason or None,
    }


def transition(row: Transition) -> dict[str, Any]:
    return {
        "number": row.pk,
        "event": row.event,
        "before": row.before,
        "after": row.after,
        "level": levels.shown(row.level),
        "occurrence": row.occurrence,
        "value": row.value,
        "at": _instant(row.at),
        "generated_at": _instant(row.generated_at),
        "by": row.by or None,
        "reason": row.reason,
    }


def group(row: summary.Group) -> dict[str, Any]:
    return {
        "rule": row.rule,
        "level": row.word,
        "xtce_level": Level(row.level).name.lower(),
        "name": row.name,
        "parameter": row.parameter or None,
        "count": row.count,
        "unacknowledged": row.calling,
        "active": row.active,
        "first_raised_at": _instant(row.first_at),
        "newest_raised_at": _instant(row.newest_at),
        "satellites": row.members,
        "more": row.more,
        "causes": [
            {
                "attribute": cause.attribute,
                "value": cause.value,
                "members": cause.members,
                "fleet": cause.fleet,
            }
            for cause in row.causes
        ],
    }


def limit(row: Limit) -> dict[str, Any]:
    """Return a limit with its last version and the one in force."""
    last = next(iter(row.versions.all()), None)
    return {
        "id": str(row.pk),
        "name": row.name,
        "parameter": row.parameter,
        "source": row.source,
        "version": last.version if last else None,
        "active_version": row.active.version if row.active else None,
        "content": last.content if last else None,
        "active_content": row.active.content if row.active else None,
    }


def version(row: LimitVersion) -> dict[str, Any]:
    return {
        "version": row.version,
        "content": row.content,
        "source": row.source,
        "written_by": row.written_by,
        "written_at": _instant(row.written_at),
        "reason": row.reason,
        "due_at": _instant(row.due_at),
    }


def violation(row: Violation) -> dict[str, Any]:
    return {
        "satellite": row.satellite.code,
        "rule": row.rule,
        "name": row.name,
        "parameter": row.parameter,
        "level": levels.shown(row.level),
        "first_at": times.text(row.first_ns),
        "last_at": times.text(row.last_ns),
        "samples": row.count,
        "would_have_raised": row.count >= row.needed,
        "value": row.value,
        "recorded_at": _instant(row.recorded_at),
    }


def freshness(row: Freshness) -> dict[str, Any]:
    return {
        "satellite": row.satellite.code,
        "group": row.group,
        "state": row.state,
        "since": _instant(row.since_at),
    }


def _instant(at: Any) -> str | None:
    return rfc3339(at) if at else None
