"""The inventory: loading the reference fleet, and which element set counts when."""

from collections import OrderedDict
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from threading import Lock

import orjson
from django.db import transaction
from django.db.models import Model, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from constellation import carriers
from constellation.models import (
    Antenna,
    ElementFile,
    ElementKind,
    ElementSet,
    HardwareProfile,
    Plane,
    Satellite,
    Station,
)
from constellation.models_elements import FLYABLE, PUBLIC_PRIORITY
from constellation.orbits import elements as element_files
from constellation.orbits import ephemeris, propagation
from constellation.orbits.elements import ElementSet as MeanElements

REFERENCE = Path(__file__).parent / "reference"
MOMENT = timedelta(microseconds=1)
"""The database's resolution: what counted until an instant counted a moment before it."""
SOURCE = "reference"
FIRST_ENTITY = 2
"""CFDP entity 1 is the ground."""


@transaction.atomic
def load_reference(now: datetime) -> None:
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
    _load_satellites(element_files.parse(data).taken, described["groups"], profiles)
    _load_stations(orjson.loads((REFERENCE / "stations.json").read_bytes())["stations"])
    # Imported here, since it reads by this module what is on record.
    from constellation import intake

    # Taken whole it is not given again at every start, to be refused line by line.
    known = ElementFile.objects.filter(name=SOURCE, sha256=sha256(data).hexdigest(), refused=[])
    if not known.exists():
        intake.load_elements(data, source=SOURCE, priority=PUBLIC_PRIORITY, now=now)


def _load_satellites(
    flown: list[MeanElements], groups: list[dict], profiles: dict[str, HardwareProfile]
) -> None:
    known, new = _codes(Satellite), []
    planes: dict[str, Plane] = {}
    for number, mean in enumerate(flown):
        code = mean.name.replace(" ", "-")
        if code in known:
            continue
        group = next(g for g in groups if mean.object_id.startswith(g["designator"]))
        new.append(
            Satellite(
                code=code,
                name=mean.name,
                catalogue_number=int(mean.catalogue_number),
                international_designator=mean.object_id,
                profile=profiles[group["profile"]],
                plane=group["plane"] and _plane(group["plane"], mean, planes),
                role=group["role"],
                launched_on=group["launched_on"],
                spacecraft_id=1 + number,
                entity_id=FIRST_ENTITY + number,
            )
        )
    Satellite.objects.bulk_create(new)


def _plane(described: dict, mean: MeanElements, planes: dict[str, Plane]) -> Plane:
    code = described["code"]
    if code not in planes:
        defaults = {**described, "raan_deg": mean.node_deg}
        planes[code], _ = Plane.objects.get_or_create(code=code, defaults=defaults)
    return planes[code]


def _load_stations(described: list[dict]) -> None:
    place = ("code", "name", "country", "latitude_deg", "longitude_deg", "altitude_m", "mask_deg")
    link = ("setup_s", "teardown_s", "uplink_bit_per_s", "downlink_bit_per_s")
    known = _codes(Station)
    Station.objects.bulk_create(
        Station(**{name: each[name] for name in place})
        for each in described
        if each["code"] not in known
    )
    known, stations = _codes(Antenna), {station.code: station for station in Station.objects.all()}
    Antenna.objects.bulk_create(
        Antenna(code=code, station=stations[each["code"]], **{name: each[name] for name in link})
        for each in described
        for number in range(1, each["antennas"] + 1)
        if (code := f"{each['code']}-{number}") not in known
    )


def _codes(model: type[Model]) -> set[str]:
    return set(model.objects.values_list("code", flat=True))


def elements_of_record(
    at: datetime, satellites: Iterable[Satellite] | None = None
) -> list[ElementSet]:
    """Return the element set that counts at an instant, of each satellite that has one.

    Of those that are enabled and had not expired at `at`, with an epoch not after it, the one
    of the highest priority counts, and between equals the newest. An ephemeris counts only
    where it is useable. A satellite whose sets all lie later is flown backwards from the first
    mean elements. Ordered by satellite code; the satellite comes with it, and with an ephemeris
    the mean elements that are flown outside of it, as `otherwise`.
    """
    flying = Satellite.objects.filter(is_active=True)
    if satellites is not None:
        flying = flying.filter(pk__in=[satellite.pk for satellite in satellites])
    chosen = {
        satellite.pk: satellite
        for satellite in flying.annotate(
            chosen_id=Coalesce(_best(at), _first_after(at))
        ).select_related("profile", "plane")
    }
    rows = _rows(satellite.chosen_id for satellite in chosen.values())
    for row in rows:
        row.satellite = chosen[row.satellite_id]
    _add_what_is_flown_outside(rows, at)
    return sorted(rows, key=lambda row: row.satellite.code)


def _candidates(at: datetime) -> QuerySet[ElementSet]:
    """Return the sets that may be flown at an instant, of the satellite of an outer query."""
    return ElementSet.objects.filter(
        Q(expires_at=None) | Q(expires_at__gt=at),
        satellite=OuterRef("pk"),
        # Spelt as the index has it, so that PostgreSQL sees that it may use it.
        state__in=FLYABLE,
    )


def _best(at: datetime, **of: str) -> Subquery:
    known = _candidates(at).filter(epoch_at__lte=at, **of)
    return Subquery(known.order_by("-priority", "-newness_at", "-id").values("pk")[:1])


def _first_after(at: datetime) -> Subquery:
    later = _candidates(at).filter(epoch_at__gt=at, kind=ElementKind.MEAN)
    return Subquery(later.order_by("epoch_at", "-priority", "-id").values("pk")[:1])


def _rows(ids: Iterable[int | None]) -> list[ElementSet]:
    wanted = [each for each in ids if each is not None]
    return list(ElementSet.objects.filter(pk__in=wanted).defer("states", "given"))


def _add_what_is_flown_outside(rows: list[ElementSet], at: datetime) -> None:
    """Give each ephemeris, as `otherwise`, the mean elements that count beside it."""
    ephemerides = [row for row in rows if row.kind == ElementKind.EPHEMERIS]
    if not ephemerides:
        return
    beside = Satellite.objects.filter(pk__in=[row.satellite_id for row in ephemerides]).annotate(
        chosen_id=Coalesce(_best(at, kind=ElementKind.MEAN), _first_after(at))
    )
    by_satellite = {row.satellite_id: row for row in _rows(each.chosen_id for each in beside)}
    for row in ephemerides:
        row.otherwise = by_satellite.get(row.satellite_id)


def orbit_key(row: ElementSet) -> int:
    """Return a number that stands for the orbit that a row of record flies, and no other.

    It is the row's own number for mean elements. What an ephemeris flies outside of itself
    changes with the mean elements beside it, and so does its number, which is negative.
    """
    otherwise = getattr(row, "otherwise", None)
    return row.pk if otherwise is None else -((row.pk << 31) + otherwise.pk)


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
    return propagation.Orbits([(row.satellite.code, orbit(row)) for row in rows])


def orbit(row: ElementSet) -> propagation.Orbit:
    """Return what flies a stored element set: mean elements, or an ephemeris.

    Outside of where it is useable an ephemeris flies what stands beside it on record.
    """
    if row.kind == ElementKind.MEAN:
        return mean_elements(row)
    otherwise = getattr(row, "otherwise", None)
    outside = mean_elements(otherwise) if otherwise is not None else None
    return _unpacked(row).flown_outside_by(outside)


_KEPT = 256
"""Ephemerides kept in a process; one of a day takes half a megabyte at a state a minute."""
_ephemerides: OrderedDict[int, ephemeris.Ephemeris] = OrderedDict()
_lock = Lock()


def _unpacked(row: ElementSet) -> ephemeris.Ephemeris:
    """Return a stored ephemeris, read from the database once."""
    with _lock:
        if row.pk in _ephemerides:
            _ephemerides.move_to_end(row.pk)
            return _ephemerides[row.pk]
    found = ephemeris.unpack(bytes(row.states))
    with _lock:
        _ephemerides[row.pk] = found
        while len(_ephemerides) > _KEPT:
            _ephemerides.popitem(last=False)
    return found
