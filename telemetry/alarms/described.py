"""What definitions say of the parameters that limits name: of those in force now or later, for the
satellites that a limit is for."""

from __future__ import annotations

from datetime import datetime

from constellation.models import HardwareProfile
from telemetry import definitions, times
from telemetry.alarms.limit_reading import BadLimit
from telemetry.alarms.limits import Limit, Scope
from telemetry.definitions import Edition


def editions(scope: Scope, *, now: datetime) -> list[Edition]:
    """Return the definitions that read packets of the satellites of a scope from `now` on.

    A scope that names no profile and no satellite has those of profiles that are still to come.
    """
    profiles = HardwareProfile.objects.all()
    if scope.profiles:
        profiles = profiles.filter(code__in=scope.profiles)
    if scope.satellites:
        profiles = profiles.filter(satellites__code__in=scope.satellites)
    codes = set(profiles.values_list("code", flat=True))
    if not codes or not (scope.profiles or scope.satellites):
        codes.add("")
    calendar, now_ns = definitions.calendar(), times.to_ns(now)
    timelines = (calendar.timeline(code) for code in sorted(codes))
    return list(dict.fromkeys(each for line in timelines for each in line.editions_from(now_ns)))


def parameters(*, now: datetime) -> list[str]:
    """Return the names of the parameters that limits may be on, for whatever satellites."""
    return sorted({name for edition in editions(Scope(), now=now) for name in edition.groups})


def check(parameter: str, content: Limit, *, now: datetime) -> None:
    """Refuse a limit that no definition of its satellites suits: its parameters are in no packet,
    or of another kind. The refusal says which definitions were looked at."""
    check_by(editions(content.scope, now=now), parameter, content)


def check_by(looked_at: list[Edition], parameter: str, content: Limit) -> None:
    """Refuse a limit that none of these definitions suits."""
    faults = [_fault(parameter, content, edition) for edition in looked_at]
    if None in faults:
        return
    names = [edition.title for edition in looked_at]
    if len(set(faults)) == 1:
        raise BadLimit(f"{faults[0]} Looked at: {', '.join(names)}.")
    told = (f"{name}: {fault}" for name, fault in zip(names, faults, strict=True))
    raise BadLimit(f"No definition suits the limit. {' '.join(told)}")


def _fault(parameter: str, content: Limit, edition: Edition) -> str | None:
    """Return what a definition has against a limit, as a sentence; None: nothing."""
    for name in [parameter, *(c.parameter for c in content.conditions if c.parameter)]:
        if edition.group_of(name) is None:
            return f"There is no parameter {name}."
    said = edition.xtce.parameters[parameter].type
    has_labels = said.kind in ("enumerated", "boolean", "string")
    if content.kind == "enumeration" and not has_labels:
        return f"{parameter} is {said.kind}: a limit of kind enumeration needs labels."
    if content.kind != "enumeration" and said.kind not in ("integer", "float"):
        return f"{parameter} is {said.kind}: a limit of kind {content.kind} needs numbers."
    labels = {label for _, _, label in said.labels}
    if labels and content.kind == "enumeration":
        named = {word for judgement in content.judgements for word, _ in judgement.labels}
        if unknown := sorted(named - labels):
            there = ", ".join(sorted(labels))
            return f"{parameter} has no label {', '.join(unknown)}; there are {there}."
    return None
