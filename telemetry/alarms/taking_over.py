"""Alarms of XTCE definitions taken over as limits, when a definition is put in force.

What an operator wrote, withdrew or chose has the last word; what is not taken over is told in
words.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from django.db import transaction

from telemetry import definitions, times, xtce
from telemetry.alarms import editing, from_xtce, limit_reading
from telemetry.alarms.limits import Limit as Content
from telemetry.alarms.models import Limit, LimitVersion, Source
from telemetry.models_definitions import Activation

log = logging.getLogger(__name__)

NAMES = UUID("4d8b0a52-3c1f-4a63-9d58-5f2f0b1d7e21")


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


def take_over(definition: xtce.Definition, origin: Origin, *, now: datetime) -> list[str]:
    """Write the alarms of a definition as limits and put them in force, now or when they are due;
    return in words what is not taken over. Safe to repeat. `editing.announce` has to follow."""
    translated = from_xtce.translate(definition)
    told = list(translated.left_out)
    for each in translated.limits:
        try:
            with transaction.atomic():
                _take(each, origin, now)
        except _Left as reason:
            told.append(f"{each.name}: {reason}")
        except limit_reading.BadLimit as error:
            told.append(f"{each.name}: {error}")
    return told


def put_due_in_force(*, now: datetime) -> int:
    """Put the limits in force whose definition has taken over by now; return how many."""
    count = 0
    with transaction.atomic():
        rows = LimitVersion.objects.select_for_update(skip_locked=True).filter(due_at__lte=now)
        for version in rows.order_by("due_at", "version"):
            limit = Limit.objects.select_for_update().get(pk=version.limit_id)
            LimitVersion.objects.filter(pk=version.pk).update(due_at=None)
            try:
                _check_last_word(limit)
                _check_others(limit, limit_reading.read(version.content))
            except _Left as reason:
                log.warning("limit %s is not put in force: %s", limit.pk, reason)
                continue
            if limit.active_id != version.pk:
                reason = version.reason
                editing.put_in_force(limit, version, by=Source.DEFINITION, reason=reason, now=now)
                count += 1
        if count:
            editing.announce(now)
    return count


class _Left(Exception):
    """The limit is not taken over; the message says why."""


def _take(said: from_xtce.Translated, origin: Origin, now: datetime) -> None:
    content, name, place = said.content, said.name, f"definition {said.parameter} {said.name}"
    if origin.profile:
        content = {**content, "applies_to": {"profiles": [origin.profile]}}
        name = f"{name} ({origin.profile})"
        place = f"definition of {origin.profile}: {said.parameter} {said.name}"
    limit_id = uuid5(NAMES, place)
    known = Limit.objects.select_for_update().filter(pk=limit_id).first()
    if known is not None:
        _check_last_word(known)
    limit, _ = editing.write_limit(
        limit_id=limit_id,
        name=name[:100],
        parameter=said.parameter,
        content=content,
        by=Source.DEFINITION,
        now=now,
        reason=origin.reason,
        source=Source.DEFINITION,
    )
    _check_others(limit, limit_reading.read(content))
    version = limit.versions.first()
    if limit.active_id == version.pk:
        return
    if origin.from_at > now:
        version.due_at = min(version.due_at or origin.from_at, origin.from_at)
        version.save(update_fields=["due_at"])
        return
    editing.put_in_force(limit, version, by=Source.DEFINITION, reason=origin.reason, now=now)


def _check_last_word(limit: Limit) -> None:
    """Raise `_Left` when an operator has the last word on a limit of a definition."""
    newest = limit.versions.first()
    if newest is not None and newest.source == Source.OPERATOR:
        raise _Left(f"{newest.written_by} wrote version {newest.version} of it, which stays.")
    chosen = limit.activations.order_by("-id").select_related("version").first()
    if chosen is None or chosen.by == Source.DEFINITION:
        return
    if chosen.version is None:
        raise _Left(f"{chosen.by} withdrew it.")
    if chosen.version != newest:
        raise _Left(f"{chosen.by} chose version {chosen.version.version} of it, which stays.")


def _check_others(limit: Limit, content: Content) -> None:
    """Raise `_Left` when another limit holds for the very same satellites, or when an operator
    wrote one for more satellites that this one would take the place of."""
    others = Limit.objects.filter(parameter=limit.parameter).exclude(active=None)
    for other in others.exclude(pk=limit.pk).select_related("active"):
        said = limit_reading.read(other.active.content)
        if said.kind != content.kind:
            continue
        if said.scope == content.scope:
            raise _Left(f"{other.name} ({other.pk}) holds for the same satellites.")
        is_shared = not said.scope.profiles or set(content.scope.profiles) & set(
            said.scope.profiles
        )
        is_theirs = other.active.source == Source.OPERATOR
        if is_theirs and is_shared and said.scope.rank <= content.scope.rank:
            by = other.active.written_by
            raise _Left(f"it would take the place of {other.name} ({other.pk}), written by {by}.")
