"""What stands of limits that a definition is about to change: who had the last word, and what other
limits are in force beside them. Read for all of them at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from telemetry.alarms import limit_reading
from telemetry.alarms.limits import Limit as Content
from telemetry.alarms.models import Activation, Limit, LimitVersion, Source


class Kept(Exception):
    """The limit is not taken over; the message says why."""


@dataclass(slots=True)
class Standing:
    """Locked limits by their id, the newest version and the last activation of each, and all
    limits in force on their parameters."""

    limits: dict[UUID, Limit]
    newest: dict[UUID, LimitVersion]
    chosen: dict[UUID, Activation]
    others: dict[str, list[tuple[Limit, Content]]] = field(default_factory=dict)

    @classmethod
    def locked(cls, limit_ids: Sequence[UUID]) -> Standing:
        """Lock limits, in one order, and read what stands; call inside a transaction."""
        rows = Limit.objects.select_for_update().filter(pk__in=limit_ids).order_by("pk")
        limits = {row.pk: row for row in rows}
        versions = LimitVersion.objects.filter(limit__in=limits).order_by("limit_id", "-version")
        chosen = Activation.objects.filter(limit__in=limits).order_by("limit_id", "-id")
        others: dict[str, list[tuple[Limit, Content]]] = defaultdict(list)
        parameters = {limit.parameter for limit in limits.values()}
        in_force = Limit.objects.filter(parameter__in=parameters).exclude(active=None)
        for other in in_force.select_related("active"):
            try:
                content = limit_reading.read(other.active.content)
            except limit_reading.BadLimit:
                continue  # an older Zenith wrote it, and nobody is judged by it (`plans`)
            others[other.parameter].append((other, content))
        return cls(
            limits,
            {row.limit_id: row for row in versions.distinct("limit_id")},
            {row.limit_id: row for row in chosen.distinct("limit_id").select_related("version")},
            others,
        )

    def check_last_word(self, limit_id: UUID) -> None:
        """Raise `Kept` when an operator has the last word on a limit of a definition."""
        newest, chosen = self.newest.get(limit_id), self.chosen.get(limit_id)
        if newest is not None and newest.source == Source.OPERATOR:
            raise Kept(f"{newest.written_by} wrote version {newest.version} of it, which stays.")
        if chosen is None or chosen.by == Source.DEFINITION:
            return
        if chosen.version is None:
            raise Kept(f"{chosen.by} withdrew it.")
        if chosen.version != newest:
            version = chosen.version.version
            raise Kept(f"{chosen.by} chose version {version} of it, which stays.")

    def check_others(self, limit_id: UUID, content: Content) -> None:
        """Raise `Kept` when another limit holds for the very same satellites, or when an operator
        wrote one for more satellites that this one would take the place of."""
        for other, said in self.others.get(self.limits[limit_id].parameter, ()):
            if other.pk == limit_id or said.kind != content.kind:
                continue
            if said.scope == content.scope:
                raise Kept(f"{other.name} ({other.pk}) holds for the same satellites.")
            is_shared = not said.scope.profiles or set(content.scope.profiles) & set(
                said.scope.profiles
            )
            is_theirs = other.active.source == Source.OPERATOR
            if is_theirs and is_shared and said.scope.rank <= content.scope.rank:
                by = other.active.written_by
                raise Kept(
                    f"it would take the place of {other.name} ({other.pk}), written by {by}."
                )
