"""The limits in force, compiled for each kind of satellite, and kept until they change."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from constellation.models import Satellite
from telemetry import definitions
from telemetry.alarms import evaluation, limit_reading
from telemetry.alarms.limits import Limit as Content
from telemetry.alarms.models import Limit, Revision

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
        self._plans: dict[tuple[str, ...], evaluation.Plan] = {}
        self._of: dict[int, tuple[str, evaluation.Plan]] = {}

    def of(self, satellite_id: int) -> evaluation.Plan:
        """Return the plan of a satellite; its role and profile are looked up once a revision."""
        if satellite_id not in self._of:
            row = Satellite.objects.select_related("profile").get(pk=satellite_id)
            plan = self.plan_for(row.code, row.profile.code, row.role)
            self._of[satellite_id] = (row.code, plan)
        return self._of[satellite_id][1]

    def code_of(self, satellite_id: int) -> str:
        self.of(satellite_id)
        return self._of[satellite_id][0]

    def plan_for(self, code: str, profile: str, role: str) -> evaluation.Plan:
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
        keys = tuple(sorted(limit.key for limit in chosen.values()))
        if keys not in self._plans:
            groups = definitions.groups()
            rules = [
                evaluation.compile_rule(
                    limit.key, limit.parameter, groups[limit.parameter], limit.content
                )
                for limit in chosen.values()
                if limit.parameter in groups
            ]
            self._plans[keys] = evaluation.Plan.of(rules, groups)
        return self._plans[keys]


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
