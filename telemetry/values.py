"""What is known of a satellite's parameters: newest values with their age, and samples."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Any

from constellation.models import Satellite
from ops import errors
from telemetry import ageing, definitions, times, xtce
from telemetry.archive import columns, reading
from telemetry.models import Latest

POINTS = 2_000
POINTS_MAX = 100_000
PARAMETERS_MAX = 50


class UnknownParameter(errors.NotFound):
    code = "unknown_parameter"


def parameters() -> list[dict[str, Any]]:
    """Return what definitions say of each archived parameter: the one that was activated last, of
    those that describe it."""
    found: dict[str, dict[str, Any]] = {}
    cadences_s = ageing.cadences_s()
    for edition in definitions.in_use():
        for name, group in edition.groups.items():
            found[name] = _described(edition.xtce.parameters[name], group, cadences_s.get(group))
    return [found[name] for name in sorted(found)]


def described(satellite_id: int, name: str) -> dict[str, Any]:
    """Return what the satellite's newest definition that has a parameter says of it."""
    for edition in reversed(definitions.timeline(satellite_id).editions()):
        group, parameter = edition.group_of(name), edition.xtce.parameters.get(name)
        if group is not None and parameter is not None:
            return _described(parameter, group, ageing.cadences_s().get(group))
    raise UnknownParameter(f"There is no parameter {name}.", parameter=name)


def groups_holding(satellite_id: int, names: list[str]) -> dict[str, tuple[str, ...]]:
    """Return for each parameter the groups that may hold samples of it; UnknownParameter names one
    that no definition of the satellite ever had."""
    known = definitions.groups_of(satellite_id)
    found = {}
    for name in names:
        held = known.get(name) or definitions.groups_of_element(satellite_id, name)
        if not held:
            raise UnknownParameter(f"There is no parameter {name}.", parameter=name)
        found[name] = held
    return found


def _described(parameter: Any, group: str, stale_after_s: float | None) -> dict[str, Any]:
    kind = parameter.type
    return {
        "name": parameter.name,
        "group": group,
        "kind": kind.kind,
        "unit": kind.unit,
        "description": parameter.description,
        "labels": [label for _, _, label in kind.labels],
        "stale_after_s": stale_after_s,
    }


def latest(satellite: Satellite, *, now: datetime) -> list[dict[str, Any]]:
    """Return the newest value of each parameter that was ever heard, by name.

    `age_s` is mission time since the value was made on board; `is_stale` says that a newer one
    should have come by now, as alarms of staleness have it (`ageing`). A group of which nobody
    expects anything has no age at which it would be stale. `invalid` says why a value means
    nothing, by its ValidRange or by its ValidityCondition beside the newest values of others; None:
    it means what it says.
    """
    found = []
    edition = definitions.for_satellite(satellite.pk, times.to_ns(now))
    ages_s = ageing.stale_after_s(satellite.pk, now=now)
    rows = list(Latest.objects.filter(satellite=satellite).order_by("parameter"))
    newest = {row.parameter: row for row in rows}

    def get(reference: xtce.model.Reference) -> Any:
        row = newest.get(reference.name)
        return None if row is None else row.value if reference.is_calibrated else row.raw

    for row in rows:
        group = edition.group_of(row.parameter) or ""
        stale_after_s = ages_s.get(group)
        age_s = max(0.0, (times.to_ns(now) - row.generated_ns) / 1e9)
        parameter, why = edition.xtce.parameters.get(row.parameter), ""
        if parameter is not None:
            why = xtce.validity.why(parameter, row.raw, row.value, get, edition.xtce.type_of)
        found.append(
            {
                "parameter": row.parameter,
                "group": group,
                "value": row.value,
                "raw": row.raw,
                "unit": parameter.type.unit if parameter else "",
                "generated_at": times.text(row.generated_ns),
                "received_at": times.text(row.received_ns),
                "age_s": round(age_s, 3),
                "stale_after_s": stale_after_s,
                "is_stale": stale_after_s is not None and age_s > stale_after_s,
                "invalid": why or None,
            }
        )
    return found


def samples(
    satellite: Satellite,
    names: list[str],
    *,
    start: datetime,
    end: datetime,
    points: int = POINTS,
    is_raw: bool = False,
) -> dict[str, dict[str, list[Any]]]:
    """Return for each parameter its samples generated in [start, end), as columns.

    `times_s` is seconds since 1970, `values` engineering values (or raw ones); at most about
    `points` of them, thinned such that no peak is lost. UnknownParameter names one that the
    definition does not have.
    """
    wanted: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for name, held in groups_holding(satellite.pk, names).items():
        wanted[held].add(name)
    found: dict[str, dict[str, list[Any]]] = {}
    for held, members in wanted.items():
        parts = [
            reading.read(
                satellite.pk,
                group,
                members,
                first_ns=times.to_ns(start),
                end_ns=times.to_ns(end),
            )
            for group in held
        ]
        for name in members:
            found[name] = _shown(_joined(parts, name), name, points, is_raw)
    return {name: found[name] for name in names}


def _joined(parts: list[columns.Samples | None], name: str) -> columns.Samples | None:
    """Return the samples of one parameter out of all groups that it was in."""
    having = [
        columns.Samples(part.generated_ns, part.received_ns, {name: part.columns[name]})
        for part in parts
        if part is not None and name in part.columns
    ]
    if len(having) < 2:
        return having[0] if having else None
    return columns.join(having)


def _shown(
    read: columns.Samples | None, name: str, points: int, is_raw: bool
) -> dict[str, list[Any]]:
    if read is None or name not in read.columns:
        return {"times_s": [], "values": []}
    column = read.columns[name]
    listed = columns.raws(column) if is_raw else columns.values(column)
    at, listed = reading.thin(read.generated_ns, listed, points)
    return {"times_s": (at / 1e9).tolist(), "values": listed}
