"""What people ask about passes: of which satellites and stations, when, how high, how long."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import radians
from typing import Any

import numpy as np
from django.db.models import Q
from rest_framework import serializers

from constellation import visibility
from constellation.models import Satellite, Station
from constellation.orbits.eclipse import Light
from constellation.questions import Instant, Number, check_span, named
from constellation.visibility import Table, View
from ops.errors import Invalid

DAY = timedelta(hours=24)
LIGHTS = {light.name.lower(): light for light in Light}


class PassFilter(serializers.Serializer):
    """A span (by default the next 24 hours), which satellites and stations, and which passes.

    `plane` and `shell` name satellites by where they fly; `cluster` takes either. Several codes
    are separated by commas. `light` is the light on the satellite at TCA.
    """

    satellite = serializers.CharField(required=False, default="")
    plane = serializers.CharField(required=False, default="")
    shell = serializers.CharField(required=False, default="")
    cluster = serializers.CharField(required=False, default="")
    station = serializers.CharField(required=False, default="")
    start = Instant(required=False)
    end = Instant(required=False)
    min_elevation_deg = Number(required=False, default=0.0, min_value=-90, max_value=90)
    min_duration_s = Number(required=False, default=0.0, min_value=0)
    light = serializers.ChoiceField(choices=list(LIGHTS), required=False)


@dataclass(frozen=True)
class Question:
    """A question about passes, its names looked up."""

    start_at: datetime
    end_at: datetime
    satellites: list[Satellite] | None
    """None for all."""
    stations: list[Station] | None
    min_elevation_rad: float
    min_duration_s: float
    light: Light | None

    def view(self) -> View:
        """Return whose passes are asked for, by the element sets of record at the start."""
        return visibility.view_at(self.start_at, self.satellites, self.stations)

    def answer(self, table: Table) -> Table:
        """Return the passes of a table that are asked for."""
        rows = table.rows
        fits = rows["max_elevation_rad"] >= np.float32(self.min_elevation_rad)
        fits &= rows["los_s"] - rows["aos_s"] >= self.min_duration_s
        if self.light is not None:
            fits &= rows["tca_light"] == self.light
        return table.part(fits)


def understood(wanted: dict[str, Any], now: datetime) -> Question:
    """Return what the fields of a `PassFilter` ask for; refuse unknown names and bad spans."""
    start_at = wanted.get("start") or now
    end_at = wanted.get("end") or start_at + DAY
    check_span(start_at, end_at)
    return Question(
        start_at=start_at,
        end_at=end_at,
        satellites=_satellites(wanted),
        stations=named(Station, wanted["station"]),
        min_elevation_rad=radians(wanted["min_elevation_deg"]),
        min_duration_s=wanted["min_duration_s"],
        light=LIGHTS.get(wanted.get("light", "")),
    )


def _satellites(wanted: dict[str, Any]) -> list[Satellite] | None:
    """Return the satellites that every one of the filters lets through, or None for all."""
    chosen = named(Satellite, wanted["satellite"])
    for name, fields in (
        ("plane", ["code"]),
        ("shell", ["shell"]),
        ("cluster", ["code", "shell"]),
    ):
        if codes := {code.strip() for code in wanted[name].split(",") if code.strip()}:
            flying = _flying_in(name, codes, fields)
            chosen = flying if chosen is None else [each for each in chosen if each in flying]
    return chosen


def _flying_in(name: str, codes: set[str], fields: list[str]) -> list[Satellite]:
    some = Q()
    for field in fields:
        some |= Q(**{f"plane__{field}__in": codes})
    flying = list(Satellite.objects.filter(some, is_active=True).select_related("plane"))
    known = {getattr(each.plane, field) for each in flying for field in fields}
    if unknown := sorted(codes - known):
        raise Invalid(f"There is no {name} {', '.join(unknown)} with active satellites.")
    return flying
