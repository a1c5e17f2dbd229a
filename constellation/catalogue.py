"""The inventory: loading the reference fleet, taking element sets, and which one counts when."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import orjson
from django.db import transaction
from django.db.models import Q

from constellation import carriers
from constellation.models import (
    Antenna,
    ElementSet,
    ElementState,
    HardwareProfile,
    Plane,
    Satellite,
    Station,
)
from constellation.orbits import elements as element_files
from constellation.orbits import omm, propagation
from constellation.orbits.elements import ElementSet as MeanElements
from ops.live import events

REFERENCE = Path(__file__).parent / "reference"
FIRST_ENTITY = 2
"""CFDP entity 1 is the ground."""


@dataclass
class Loaded:
    """The satellites that got a new element set, and a line for each entry that was not taken."""

    taken: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


@transaction.atomic
def load_reference(now: datetime) -> Loaded:
    """Load or refresh the reference satellites and stations; the second time changes nothing."""
    described = orjson.loads((REFERENCE / "satellites.json").read_bytes())
    profiles = {
        profile["code"]: HardwareProfile.objects.update_or_create(
            code=profile["code"], defaults=profile
        )[0]
        for profile in described["profiles"]
    }
    carriers.load(profiles.values())
    data = (REFERENCE / "computing-satellites.tle").read_bytes()
    for number, mean in enumerate(element_files.parse(data).taken):
        group = next(g for g in described["groups"] if mean.object_id.startswith(g["designator"]))
        _load_satellite(number, mean, group, profiles)
    for station in orjson.loads((REFERENCE / "stations.json").read_bytes())["stations"]:
        _load_station(station)
    return load_elements(data, source="reference", now=now)


def _load_satellite(
    number: int, mean: MeanElements, group: dict, profiles: dict[str, HardwareProfile]
) -> None:
    plane = (
        group["plane"]
        and Plane.objects.get_or_create(
            code=group["plane"]["code"], defaults={**group["plane"], "raan_deg": mean.node_deg}
        )[0]
    )
    Satellite.objects.get_or_create(
        code=mean.name.replace(" ", "-"),
        defaults={
            "name": mean.name,
            "catalogue_number": int(mean.catalogue_number),
            "international_designator": mean.object_id,
            "profile": profiles[group["profile"]],
            "plane": plane,
            "role": group["role"],
            "launched_on": group["launched_on"],
            "spacecraft_id": 1 + number,
            "entity_id": FIRST_ENTITY + number,
        },
    )


def _load_station(described: dict) -> None:
    place = ("name", "country", "latitude_deg", "longitude_deg", "altitude_m", "mask_deg")
    link = ("setup_s", "teardown_s", "uplink_bit_per_s", "downlink_bit_per_s")
    station, _ = Station.objects.get_or_create(
        code=described["code"], defaults={name: described[name] for name in place}
    )
    for number in range(1, described["antennas"] + 1):
        Antenna.objects.get_or_create(
            code=f"{station.code}-{number}",
            defaults={"station": station, **{name: described[name] for name in link}},
        )


@transaction.atomic
def load_elements(data: bytes, *, source: str, now: datetime) -> Loaded:
    """Take the element sets of a file; each that is not taken gets one clear line.

    Loading a file again takes nothing and says so. A newer set supersedes the older.
    """
    parsed = element_files.parse(data)
    taken, refused, known = [], list(parsed.refused), _Known()
    for mean in sorted(parsed.taken, key=lambda each: each.epoch_at):
        problem = _take(mean, known, source=source, now=now)
        if problem:
            refused.append(element_files.Refused(mean.line, mean.name, problem))
        else:
            taken.append(known.satellite(mean).code)
    refused.sort(key=lambda each: each.line)
    if taken:
        events.publish("fleet", "elements", {"satellites": taken[:100], "count": len(taken)})
    return Loaded(taken, [str(each) for each in refused])


class _Known:
    """The satellites by what an element set may call them, and their newest epochs."""

    def __init__(self) -> None:
        self.newest: dict[int, ElementSet] = {}
        self._by_number: dict[str, Satellite] = {}
        self._by_designator: dict[str, Satellite] = {}
        self._by_name: dict[str, Satellite] = {}
        for satellite in Satellite.objects.all():
            self._by_number[str(satellite.catalogue_number)] = satellite
            self._by_designator[satellite.international_designator] = satellite
            self._by_name[satellite.name] = self._by_name[satellite.code] = satellite
        on_record = ElementSet.objects.filter(state=ElementState.ENABLED)
        for held in on_record.order_by("satellite_id", "epoch_at"):
            self.newest[held.satellite_id] = held

    def satellite(self, mean: MeanElements) -> Satellite | None:
        """Return the satellite by catalogue number, else by designator, else by name."""
        if mean.catalogue_number:
            return self._by_number.get(mean.catalogue_number)
        if mean.object_id:
            return self._by_designator.get(mean.object_id)
        return self._by_name.get(mean.name)


def _take(mean: MeanElements, known: _Known, *, source: str, now: datetime) -> str:
    """Store one element set; return why not, or nothing."""
    satellite = known.satellite(mean)
    if satellite is None:
        return f"no satellite of the fleet is {mean.identity}"
    held = known.newest.get(satellite.pk)
    if held is not None and held.epoch_at == mean.epoch_at:
        return f"{satellite.code} has the element set of {_when(mean.epoch_at)} already"
    if held is not None and held.epoch_at > mean.epoch_at:
        return (
            f"the epoch {_when(mean.epoch_at)} is older than {satellite.code}'s on record, "
            f"{_when(held.epoch_at)}"
        )
    epoch_s = mean.epoch_at.timestamp()
    if refused := propagation.Orbits([(satellite.code, mean)]).states([epoch_s]).refused:
        return refused[satellite.code]
    new = ElementSet.objects.create(
        satellite=satellite,
        epoch_at=mean.epoch_at,
        source=source,
        omm=omm.to_fields(mean),
        loaded_at=now,
    )
    if held is not None:
        ElementSet.objects.filter(pk=held.pk).update(state=ElementState.SUPERSEDED)
    known.newest[satellite.pk] = new
    return ""


def _when(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}"


def elements_of_record(
    at: datetime, satellites: Iterable[Satellite] | None = None
) -> list[ElementSet]:
    """Return the element set that counts at an instant, of each satellite that has one.

    It is the newest that is not disabled and whose epoch is not after `at`; a satellite whose
    sets all lie later is flown backwards from the first. Ordered by satellite code; the
    satellite comes with it.
    """
    wanted = ElementSet.objects.exclude(state=ElementState.DISABLED).filter(
        satellite__is_active=True
    )
    if satellites is not None:
        wanted = wanted.filter(satellite__in=list(satellites))
    later = Q(epoch_at__gt=at)
    rows = list(
        wanted.filter(~later).order_by("satellite_id", "-epoch_at").distinct("satellite_id")
    )
    has = {row.satellite_id for row in rows}
    rows += (
        wanted.filter(later)
        .exclude(satellite__in=has)
        .order_by("satellite_id", "epoch_at")
        .distinct("satellite_id")
    )
    by_satellite = Satellite.objects.select_related("profile", "plane").in_bulk(
        [row.satellite_id for row in rows]
    )
    for row in rows:
        row.satellite = by_satellite[row.satellite_id]
    return sorted(rows, key=lambda row: row.satellite.code)


def mean_elements(row: ElementSet) -> MeanElements:
    """Return what SGP4 needs of a stored element set."""
    return _read(row.pk, orjson.dumps(row.omm))


@lru_cache(maxsize=20_000)
def _read(pk: int, message: bytes) -> MeanElements:
    parsed = element_files.parse(message)
    assert parsed.taken, f"element set {pk} was stored and cannot be read: {parsed.refused}"
    return parsed.taken[0]


def orbits(rows: Iterable[ElementSet]) -> propagation.Orbits:
    """Return the orbits of stored element sets, named by satellite code."""
    return propagation.Orbits([(row.satellite.code, mean_elements(row)) for row in rows])
