"""The limits in force, compiled for each kind of satellite and each definition that its packets
are read by, and kept until they change. An activation of a definition is such a change."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from constellation.models import Satellite
from telemetry import definitions
from telemetry.alarms import evaluation, limit_reading
from telemetry.alarms.limits import Limit as Content
from telemetry.alarms.models import Limit, Revision
from telemetry.definitions import Edition, Timeline

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class InForce:
    """A limit's row and its content."""

    key: str
    name: str
    parameter: str
    content: Content


class Plans:
    """The compiled plans of one revision. Satellites that the same limits fit share a plan."""

    def __init__(self, revision: int) -> None:
        self.revision = revision
        self.limits = _in_force()
        self.by_key = {limit.key: limit for limit in self.limits}
        self._calendar = definitions.calendar()
        self._plans: dict[tuple[Edition, tuple[str, ...]], evaluation.Plan] = {}
        self._kinds: dict[int, tuple[str, str, str]] = {}
        self._of: dict[tuple[int, Edition], evaluation.Plan] = {}

    def timeline(self, satellite_id: int) -> Timeline:
        """Return which definitions read a satellite's packets."""
        return self._calendar.timeline(self._kind(satellite_id)[1])

    def of(self, satellite_id: int, edition: Edition) -> evaluation.Plan:
        """Return the plan of a satellite for packets that a definition reads."""
        place = (satellite_id, edition)
        if place not in self._of:
            self._of[place] = self._compiled(*self._kind(satellite_id), edition)
        return self._of[place]

    def _kind(self, satellite_id: int) -> tuple[str, str, str]:
        """Return a satellite's code, profile and role, looked up once a revision."""
        if satellite_id not in self._kinds:
            row = Satellite.objects.select_related("profile").get(pk=satellite_id)
            self._kinds[satellite_id] = (row.code, row.profile.code, row.role)
        return self._kinds[satellite_id]

    def at(self, satellite: Satellite, at_ns: int) -> evaluation.Plan:
        """Return the plan of a satellite whose profile is read, for what it made at an instant."""
        profile = satellite.profile.code
        edition = self._calendar.timeline(profile).at(at_ns)
        return self._compiled(satellite.code, profile, satellite.role, edition)

    def _compiled(self, code: str, profile: str, role: str, edition: Edition) -> evaluation.Plan:
        """Return the plan of satellites of that profile and role (and of that name, if named).

        Of several limits of one kind on one parameter the most special holds.
        """
        chosen: dict[tuple[str, str], InForce] = {}
        for limit in self.limits:
            if not limit.content.scope.includes(code, profile, role):
                continue
            place = (limit.parameter, limit.content.kind)
            other = chosen.get(place)
            if other is None or other.content.scope.rank < limit.content.scope.rank:
                chosen[place] = limit
        place = (edition, tuple(sorted(limit.key for limit in chosen.values())))
        if place not in self._plans:
            self._plans[place] = _plan(list(chosen.values()), edition)
        return self._plans[place]


def _plan(limits: list[InForce], edition: Edition) -> evaluation.Plan:
    """Return the plan of limits for packets that a definition reads; those on parameters that it
    does not have are none of it."""
    rules = [
        evaluation.compile_rule(
            limit.key,
            limit.parameter,
            group,
            limit.content,
            edition.xtce.parameters[limit.parameter].type.unit,
        )
        for limit in limits
        if (group := edition.group_of(limit.parameter)) is not None
    ]
    asked = {each.parameter for rule in rules for each in rule.limit.conditions if each.parameter}
    groups = {name: group for name in asked if (group := edition.group_of(name)) is not None}
    return evaluation.Plan.of(rules, groups)


_current: Plans | None = None


def at(revision: int) -> Plans:
    """Return the plans of a revision, compiled when this process has another one."""
    global _current
    if _current is None or _current.revision != revision:
        _current = Plans(revision)
    return _current


def current() -> Plans:
    """Return the plans of the limits that are in force now."""
    return at(revision_now())


def revision_now() -> int:
    row = Revision.objects.filter(pk=1).values_list("number", flat=True).first()
    return row or 0


def forget() -> None:
    """Drop what this process compiled."""
    global _current
    _current = None


def _in_force() -> list[InForce]:
    found = []
    for row in Limit.objects.exclude(active=None).select_related("active").order_by("name", "id"):
        try:
            content = limit_reading.read(row.active.content)
        except limit_reading.BadLimit:
            # It was checked when it was written: only an older Zenith could have.
            log.exception("limit %s cannot be read any more and is left out", row.pk)
            continue
        found.append(InForce(str(row.pk), row.name, row.parameter, content))
    return found
