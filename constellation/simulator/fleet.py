"""Who there is: satellites and stations, from a file that the ground writes, or reference data.

The JSON file is `{"satellites": [...], "stations": [...], "root": {...}}`; what is left out is that
of the reference data. `root` is what satellites trust that were never told whom to (TUF metadata,
uplink/registry/trust). A satellite has `code`, `name`, `entity_id`, `scid`, optionally `role`,
`profile` (the hardware that releases are made for), `isl_terminals`, `isl_bit_per_s` and
`storage_bytes`, and its elements as `line1` and `line2` (TLE) or as `omm` (a CCSDS OMM object). A
station has `code`, `latitude_deg`, `longitude_deg`, `altitude_m`, `mask_deg`, `antennas` (names, or
how many), `uplink_bit_per_s`, `downlink_bit_per_s`, and `coding` if it hands over the downlink as
the bits that it demodulates: how they are coded, as in docs/frames.md. A file that starts otherwise
is read as element sets alone; codes and ids then follow from their order, and the stations are
those of the reference data.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

from constellation.orbits import elements
from constellation.orbits.elements import ElementSet
from telemetry.frames import links
from uplink.registry.trust.attacks import Refused
from uplink.registry.trust.state import Trusted

REFERENCE = Path(__file__).resolve().parent.parent / "reference"
STORAGE_BYTES = 2_500_000_000_000
"""A twelfth of the 30 TB that the twelve satellites carry together."""
ISL_BIT_PER_S = 100_000_000_000
PROFILE = "scs-01"
FIRST_ENTITY_ID = 2
"""1 is the ground's."""
SPACECRAFT_IDS = 254
"""An AOS frame has 8 bits for the id; the ends of the range stay free."""


class BadFleet(Exception):
    """The fleet file cannot be flown; the message says where it is wrong."""


@dataclass(frozen=True, slots=True)
class SatelliteSpec:
    code: str
    name: str
    entity_id: int
    scid: int
    elements: ElementSet
    role: str = "inference"
    isl_terminals: int = 4
    isl_bit_per_s: int = ISL_BIT_PER_S
    storage_bytes: int = STORAGE_BYTES
    profile: str = PROFILE
    root: dict | None = None


@dataclass(frozen=True, slots=True)
class StationSpec:
    code: str
    latitude_deg: float
    longitude_deg: float
    altitude_m: float
    mask_deg: float
    antennas: tuple[str, ...]
    uplink_bit_per_s: int
    downlink_bit_per_s: int
    coding: dict | None = field(default=None, hash=False)
    """How the downlink is coded, for a station that hands over bits; None: it hands over frames."""


@dataclass(frozen=True)
class Fleet:
    satellites: dict[str, SatelliteSpec] = field(default_factory=dict)
    stations: dict[str, StationSpec] = field(default_factory=dict)


def load(path: Path | None) -> Fleet:
    """Read the fleet; BadFleet names what is wrong with the file.

    Without a file, or before the ground has written it, the reference data counts.
    """
    try:
        if path is None or not path.exists():
            return Fleet(_reference_satellites(), _reference_stations())
        content = path.read_bytes()
        if content.lstrip()[:1] != b"{":
            return Fleet(_satellites_of(content, path), _reference_stations())
        fields = json.loads(content)
        return _fleet(fields)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, Refused) as error:
        raise BadFleet(f"{path or REFERENCE}: {error!r}") from error


def coded(fleet: Fleet, named: str, coding: dict) -> Fleet:
    """Return the fleet with stations that hand over bits: `named` are their codes with commas
    between, or "all". BadFleet when there is no such station or no such coding."""
    codes = fleet.stations if named == "all" else [code.strip() for code in named.split(",")]
    for code in codes:
        if code not in fleet.stations:
            known = ", ".join(fleet.stations)
            raise BadFleet(
                f"there is no station {code!r} that could hand over bits; there is {known}"
            )
    bits = {code: replace(fleet.stations[code], coding=_coding(code, coding)) for code in codes}
    return replace(fleet, stations=fleet.stations | bits)


def _coding(code: str, value: object) -> dict | None:
    """Check how a station's downlink is coded."""
    if value is not None:
        try:
            links.read_coding(value)
        except links.BadLink as error:
            raise BadFleet(f"station {code}: {error}") from error
    return value


def _fleet(fields: dict) -> Fleet:
    if "satellites" in fields:
        satellites = _by_code([_satellite(entry) for entry in fields["satellites"]])
    else:
        satellites = _reference_satellites()
    if "stations" in fields:
        stations = _by_code([_station(entry) for entry in fields["stations"]])
    else:
        stations = _reference_stations()
    if (root := fields.get("root")) is not None:
        Trusted.begin(root)
        satellites = {code: replace(spec, root=root) for code, spec in satellites.items()}
    return Fleet(satellites, stations)


def _by_code(specs: list) -> dict:
    known = {spec.code: spec for spec in specs}
    if len(known) < len(specs):
        raise BadFleet("a code stands twice in the fleet file")
    return known


def _satellite(entry: dict) -> SatelliteSpec:
    if "omm" in entry:
        text = json.dumps([entry["omm"]])
    else:
        text = f"{entry['code']}\n{entry['line1']}\n{entry['line2']}\n"
    parsed = elements.parse(text.encode())
    if not parsed.taken:
        raise BadFleet(f"elements of {entry['code']}: {parsed.refused[0]}")
    return SatelliteSpec(
        code=entry["code"],
        name=entry.get("name", entry["code"]),
        entity_id=int(entry["entity_id"]),
        scid=int(entry["scid"]),
        elements=parsed.taken[0],
        role=entry.get("role", "inference"),
        isl_terminals=int(entry.get("isl_terminals", 4)),
        isl_bit_per_s=int(entry.get("isl_bit_per_s") or ISL_BIT_PER_S),
        storage_bytes=int(entry.get("storage_bytes") or STORAGE_BYTES),
        profile=entry.get("profile", PROFILE),
    )


def _station(entry: dict) -> StationSpec:
    antennas = entry["antennas"]
    if isinstance(antennas, int):
        antennas = [f"{entry['code']}-{n}" for n in range(1, antennas + 1)]
    return StationSpec(
        code=entry["code"],
        latitude_deg=float(entry["latitude_deg"]),
        longitude_deg=float(entry["longitude_deg"]),
        altitude_m=float(entry["altitude_m"]),
        mask_deg=float(entry["mask_deg"]),
        antennas=tuple(antennas),
        uplink_bit_per_s=int(entry["uplink_bit_per_s"]),
        downlink_bit_per_s=int(entry["downlink_bit_per_s"]),
        coding=_coding(entry["code"], entry.get("coding")),
    )


def _reference_satellites() -> dict[str, SatelliteSpec]:
    path = REFERENCE / "computing-satellites.tle"
    return _satellites_of(path.read_bytes(), path)


def _satellites_of(content: bytes, path: Path) -> dict[str, SatelliteSpec]:
    parsed = elements.parse(content)
    if not parsed.taken:
        raise BadFleet(f"{path}: {parsed.refused[0]}")
    hardware = json.loads((REFERENCE / "satellites.json").read_bytes())
    shared = Counter(one.name for one in parsed.taken)
    return _by_code(
        [
            _numbered(n, one, hardware, is_named=bool(one.name) and shared[one.name] == 1)
            for n, one in enumerate(parsed.taken)
        ]
    )


def _numbered(number: int, flown: ElementSet, hardware: dict, *, is_named: bool) -> SatelliteSpec:
    """Return a satellite known by its elements alone, numbered as the catalogue numbers them.

    It is called by its name if no other bears it, else by its catalogue number.
    """
    groups, profiles = hardware["groups"], hardware["profiles"]
    group = next((g for g in groups if flown.object_id.startswith(g["designator"])), groups[0])
    profile = next(one for one in profiles if one["code"] == group["profile"])
    return SatelliteSpec(
        code=flown.name.replace(" ", "-") if is_named else flown.identity,
        name=flown.name,
        entity_id=FIRST_ENTITY_ID + number,
        scid=1 + number % SPACECRAFT_IDS,
        elements=flown,
        role=group["role"],
        isl_terminals=profile["isl_terminals"],
        isl_bit_per_s=profile["isl_bit_per_s"],
        storage_bytes=profile["storage_bytes"],
        profile=profile["code"],
    )


def _reference_stations() -> dict[str, StationSpec]:
    fields = json.loads((REFERENCE / "stations.json").read_bytes())
    return _by_code([_station(entry) for entry in fields["stations"]])
