"""Alarms of XTCE definitions taken over as limits, when a definition is put in force.

What an operator wrote, withdrew or chose has the last word; what is not taken over is told in
words.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from django.db import connection, transaction

from telemetry import definitions, times, xtce
from telemetry.alarms import described, editing, from_xtce, limit_reading, standing
from telemetry.alarms.limits import Limit as Content
from telemetry.alarms.limits import Scope
from telemetry.alarms.models import Activation as Held
from telemetry.alarms.models import Limit, LimitVersion, Source
from telemetry.definitions import Edition
from telemetry.models_definitions import Activation

log = logging.getLogger(__name__)

NAMES = UUID("4d8b0a52-3c1f-4a63-9d58-5f2f0b1d7e21")
_TOGETHER = 500


@dataclass(frozen=True, slots=True)
class Origin:
    """For whose satellites (a hardware profile's; empty: all) limits hold, from when, and why."""

    profile: str
    from_at: datetime
    reason: str = ""


def follow(activation: Activation, *, now: datetime) -> list[str]:
    """Take over the alarms of a definition that was just activated; return what was not.

    Limits of an activation for the future hold from its instant on (`put_due_in_force`).
    """
    if activation.withdrawn_at is not None:
        return _unfollow(activation, now=now)
    edition = definitions.load(activation.definition_id)
    profile = activation.profile.code if activation.profile else ""
    told: list[str] = []
    ahead = definitions.calendar().timeline(profile).editions_from(times.to_ns(now))
    if edition in ahead:
        origin = Origin(
            profile,
            max(times.from_ns(activation.from_ns), now),
            f"{edition.title} activated by {activation.activated_by}"[:300],
        )
        told = take_over(edition.xtce, origin, now=now)
    elif from_xtce.translate(edition.xtce).limits:
        told = ["Its alarms: another definition is in force by now."]
    editing.announce(now)
    return told


def _unfollow(activation: Activation, *, now: datetime) -> list[str]:
    """Take back the limits that would have held from a withdrawn activation on, but for those that
    another one brings too."""
    profile = activation.profile.code if activation.profile else ""
    from_at = times.from_ns(activation.from_ns)
    translated = from_xtce.translate(definitions.load(activation.definition_id).xtce)
    ids = [_named(each, profile)[0] for each in translated.limits]
    LimitVersion.objects.filter(limit__in=ids, due_at=from_at).update(due_at=None)
    ahead = Activation.objects.standing().filter(
        profile=activation.profile, from_ns__gt=times.to_ns(now)
    )
    for other in ahead.order_by("from_ns"):
        follow(other, now=now)
    editing.announce(now)
    return []


def take_over(definition: xtce.Definition, origin: Origin, *, now: datetime) -> list[str]:
    """Write the alarms of a definition as limits and put them in force, now or when they are due;
    return in words what is not taken over. Safe to repeat. `editing.announce` has to follow.

    However many they are, they cost the same few statements.
    """
    translated = from_xtce.translate(definition)
    told = list(translated.left_out)
    with transaction.atomic():
        wanted = _readable(translated.limits, origin, told, now=now)
        _make_unknown(wanted)
        known = standing.Standing.locked([each.limit_id for each in wanted])
        taken = []
        for each in wanted:
            try:
                known.check_last_word(each.limit_id)
                known.check_others(each.limit_id, each.read)
            except standing.Kept as reason:
                told.append(f"{each.name}: {reason}")
            else:
                taken.append(each)
        _take(taken, known, origin, now)
        # Whoever was made for a limit that is left out again has nothing to say.
        Limit.objects.filter(pk__in=[each.limit_id for each in wanted], versions=None).delete()
    return told


def put_due_in_force(*, now: datetime) -> int:
    """Put the limits in force whose definition has taken over by now; return how many."""
    with transaction.atomic():
        rows = LimitVersion.objects.select_for_update(skip_locked=True).filter(due_at__lte=now)
        due = list(rows.order_by("due_at", "version"))
        if not due:
            return 0
        known = standing.Standing.locked([version.limit_id for version in due])
        LimitVersion.objects.filter(pk__in=[version.pk for version in due]).update(due_at=None)
        chosen = []
        for version in due:
            try:
                known.check_last_word(version.limit_id)
                known.check_others(version.limit_id, limit_reading.read(version.content))
            except standing.Kept as reason:
                log.warning("limit %s is not put in force: %s", version.limit_id, reason)
                continue
            if known.limits[version.limit_id].active_id != version.pk:
                known.limits[version.limit_id].active_id = version.pk
                chosen.append((version, version.reason))
        _put_in_force(chosen, known, now=now)
        if chosen:
            editing.announce(now)
    return len(chosen)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """An alarm as the limit that it is to be; `name` is its own, `label` that of the limit."""

    limit_id: UUID
    name: str
    label: str
    parameter: str
    content: dict[str, Any]
    read: Content


def _named(said: from_xtce.Translated, profile: str) -> tuple[UUID, str]:
    """Return id and name of the limit that an alarm becomes for the satellites of a profile."""
    if not profile:
        return uuid5(NAMES, f"definition {said.parameter} {said.name}"), said.name
    place = f"definition of {profile}: {said.parameter} {said.name}"
    return uuid5(NAMES, place), f"{said.name} ({profile})"


def _readable(
    translated: list[from_xtce.Translated], origin: Origin, told: list[str], *, now: datetime
) -> list[_Wanted]:
    """Return the limits that suit their definitions; tell of the others."""
    wanted: list[_Wanted] = []
    looked_at: dict[Scope, list[Edition]] = {}
    for said in translated:
        content = said.content
        if origin.profile:
            content = {**content, "applies_to": {"profiles": [origin.profile]}}
        limit_id, label = _named(said, origin.profile)
        try:
            read = limit_reading.read(content)
            if read.scope not in looked_at:
                looked_at[read.scope] = described.editions(read.scope, now=now)
            described.check_by(looked_at[read.scope], said.parameter, read)
        except limit_reading.BadLimit as error:
            told.append(f"{said.name}: {error}")
            continue
        wanted.append(_Wanted(limit_id, said.name, label[:100], said.parameter, content, read))
    return wanted


def _make_unknown(wanted: list[_Wanted]) -> None:
    Limit.objects.bulk_create(
        [
            Limit(
                id=each.limit_id,
                name=each.label,
                parameter=each.parameter,
                source=Source.DEFINITION,
            )
            for each in sorted(wanted, key=lambda each: each.limit_id)
        ],
        ignore_conflicts=True,
    )


def _take(wanted: list[_Wanted], known: standing.Standing, origin: Origin, now: datetime) -> None:
    """Write versions where the last one says something else, and let them hold or be due."""
    written, renamed, delayed, chosen = [], [], [], []
    for each in wanted:
        limit, version = known.limits[each.limit_id], known.newest.get(each.limit_id)
        if version is None or version.content != each.content:
            version = LimitVersion(
                limit=limit,
                version=version.version + 1 if version else 1,
                content=each.content,
                source=Source.DEFINITION,
                written_by=Source.DEFINITION,
                written_at=now,
                reason=origin.reason,
            )
            written.append(version)
        if limit.name != each.label:
            limit.name = each.label
            renamed.append(limit)
        if version.pk is not None and limit.active_id == version.pk:
            continue
        if origin.from_at > now:
            version.due_at = min(version.due_at or origin.from_at, origin.from_at)
            if version.pk is not None:
                delayed.append(version)
        else:
            chosen.append((version, origin.reason))
    LimitVersion.objects.bulk_create(written)
    LimitVersion.objects.bulk_update(delayed, ["due_at"], batch_size=_TOGETHER)
    Limit.objects.bulk_update(renamed, ["name"], batch_size=_TOGETHER)
    for version, _ in chosen:
        known.limits[version.limit_id].active_id = version.pk
    _put_in_force(chosen, known, now=now)


def _put_in_force(
    chosen: list[tuple[LimitVersion, str]], known: standing.Standing, *, now: datetime
) -> None:
    """Let versions hold, whose locked limits name them already, and write down since when."""
    changed = {version.limit_id: known.limits[version.limit_id] for version, _ in chosen}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE alarms_limit SET active_id = chosen.version_id
            FROM unnest(%s::uuid[], %s::bigint[]) AS chosen(limit_id, version_id)
            WHERE id = chosen.limit_id
            """,
            [list(changed), [limit.active_id for limit in changed.values()]],
        )
    Held.objects.bulk_create(
        Held(
            limit_id=version.limit_id, version=version, at=now, by=Source.DEFINITION, reason=reason
        )
        for version, reason in chosen
    )
