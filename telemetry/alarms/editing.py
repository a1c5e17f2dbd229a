"""Limits written, activated and withdrawn, without a restart: what operators and definitions do."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F

from ops import errors
from ops.live import events
from telemetry import times
from telemetry.alarms import described, keeping, limit_reading, plans
from telemetry.alarms.limits import Limit as Content
from telemetry.alarms.models import Activation, Alarm, Limit, LimitVersion, Revision, Source


class UnknownLimit(errors.NotFound):
    code = "unknown_limit"


class UnknownVersion(errors.NotFound):
    code = "unknown_version"


class ScopeTaken(errors.Conflict):
    """Another limit in force says something of the same kind about the very same satellites."""

    code = "limit_scope_taken"


class Outdated(errors.Conflict):
    """Somebody else wrote a version since the caller looked."""

    code = "limit_outdated"


@transaction.atomic
def write_limit(
    *,
    limit_id: UUID,
    name: str,
    parameter: str,
    content: dict[str, Any],
    by: str,
    now: datetime,
    reason: str = "",
    activate: bool = False,
    source: str = Source.OPERATOR,
    seen_version: int | None = None,
) -> tuple[Limit, bool]:
    """Write what a limit says, as a new version if it differs from the last; return the limit and
    whether it is new. Safe to repeat.

    `seen_version` is the last one that the caller knew of; `Outdated` when there is a later one.
    """
    described.check(parameter, limit_reading.read(content), now=now)
    limit, is_new = Limit.objects.get_or_create(
        id=limit_id, defaults={"name": name, "parameter": parameter, "source": source}
    )
    limit = Limit.objects.select_for_update().get(pk=limit.pk)
    if limit.parameter != parameter:
        raise errors.IdReused(f"{limit_id} already names a limit of {limit.parameter}.")
    last = limit.versions.first()
    if last is None or last.content != content:
        if seen_version is not None and (last.version if last else 0) != seen_version:
            raise Outdated(
                f"Version {last.version if last else 0} is the last one, not {seen_version}."
            )
        last = LimitVersion.objects.create(
            limit=limit,
            version=last.version + 1 if last else 1,
            content=content,
            source=source,
            written_by=by,
            written_at=now,
            reason=reason,
        )
    if limit.name != name:
        limit.name = name
        limit.save(update_fields=["name"])
    if activate:
        activate_limit(limit_id=limit.pk, version=last.version, by=by, reason=reason, now=now)
        limit.refresh_from_db()
    return limit, is_new


@transaction.atomic
def activate_limit(
    *, limit_id: UUID, version: int, by: str, now: datetime, reason: str = ""
) -> Limit:
    """Let a version of a limit hold from now on, everywhere and at once. Safe to repeat."""
    limit = _locked(limit_id)
    chosen = limit.versions.filter(version=version).first()
    if chosen is None:
        raise UnknownVersion(f"{limit.name} has no version {version}.")
    if limit.active_id == chosen.pk:
        return limit
    described.check(limit.parameter, limit_reading.read(chosen.content), now=now)
    _check_scope(limit, limit_reading.read(chosen.content))
    put_in_force(limit, chosen, by=by, reason=reason, now=now)
    announce(now, limit)
    return limit


@transaction.atomic
def withdraw_limit(*, limit_id: UUID, by: str, now: datetime, reason: str = "") -> Limit:
    """Let a limit hold no more; its alarms return, its versions stay. Safe to repeat."""
    limit = _locked(limit_id)
    if limit.active_id is not None:
        put_in_force(limit, None, by=by, reason=reason, now=now)
        announce(now, limit)
    return limit


def _locked(limit_id: UUID) -> Limit:
    limit = Limit.objects.select_for_update().filter(pk=limit_id).first()
    if limit is None:
        raise UnknownLimit(f"There is no limit {limit_id}.")
    return limit


def put_in_force(
    limit: Limit, version: LimitVersion | None, *, by: str, reason: str, now: datetime
) -> None:
    """Let a version of a locked limit hold, or none; `announce` has workers judge by it."""
    limit.active = version
    limit.save(update_fields=["active"])
    Activation.objects.create(limit=limit, version=version, at=now, by=by, reason=reason)


def announce(now: datetime, limit: Limit | None = None) -> None:
    """Have all workers compile what is in force, from the next batch on; without a limit, several
    have changed, or the definitions that packets are read by."""
    Revision.objects.get_or_create(pk=1)
    Revision.objects.filter(pk=1).update(number=F("number") + 1)
    _end_what_nobody_judges(now)
    events.publish(
        "alarms",
        "limits",
        {
            "limit": str(limit.pk) if limit else None,
            "version": limit.active.version if limit and limit.active else None,
        },
    )


def _end_what_nobody_judges(now: datetime) -> None:
    """Let alarms return whose limit does not hold any more for their satellite."""
    rows = Alarm.objects.filter(is_active=True, limit__isnull=False)
    alarms = list(rows.select_related("satellite__profile"))
    if not alarms:
        return
    in_force, findings = plans.Plans(0), []
    for alarm in alarms:
        plan = in_force.at(alarm.satellite, times.to_ns(now))
        if alarm.rule in {rule.key for rule in plan.rules}:
            continue
        findings.append(
            keeping.Finding(
                satellite_id=alarm.satellite_id,
                rule=alarm.rule,
                name=alarm.name,
                parameter=alarm.parameter,
                level=0,
                generated_ns=times.to_ns(now),
                value=alarm.value,
                detail="No limit of this alarm is in force any more.",
            )
        )
    keeping.keep(findings, now=now)


def _check_scope(limit: Limit, content: Content) -> None:
    others = Limit.objects.filter(parameter=limit.parameter).exclude(active=None)
    for other in others.exclude(pk=limit.pk).select_related("active"):
        said = limit_reading.read(other.active.content)
        if said.kind == content.kind and said.scope == content.scope:
            raise ScopeTaken(
                f"{other.name} ({other.pk}) holds for the same satellites; withdraw it first."
            )
