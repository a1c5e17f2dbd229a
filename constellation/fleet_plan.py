"""The announced constellation: 2,800 planned satellites as element sets that SGP4 flies."""

from collections.abc import Iterator
from datetime import datetime
from math import degrees

from django.db import transaction

from constellation import carriers
from constellation.models import ElementSet, HardwareProfile, Plane, Satellite
from constellation.orbits import elements, omm, walker

SOURCE = "plan"
FIRST_ENTITY = 1_000
SPACECRAFT_IDS = range(14, 256)
"""Frames have room for 8 bits; neighbours in a plane differ, and so do the first thirteen."""

PROFILES = [
    {
        "code": "planned-inference",
        "name": "Planned inference satellite",
        "tops": 41_667.0,
        "accelerator_memory_bytes": 192_000_000_000,
        "storage_bytes": 8_000_000_000_000,
        "isl_bit_per_s": 100_000_000_000,
        "isl_terminals": 4,
        "battery_j": 2.16e7,
        "load_w": 900.0,
        "contact_w": 1_400.0,
    },
    {
        "code": "planned-training",
        "name": "Planned training satellite",
        "tops": 2_500_000.0,
        "accelerator_memory_bytes": 1_536_000_000_000,
        "storage_bytes": 64_000_000_000_000,
        "isl_bit_per_s": 100_000_000_000,
        "isl_terminals": 4,
        "battery_j": 1.08e8,
        "load_w": 4_500.0,
        "contact_w": 6_000.0,
    },
]
"""100,000 PFLOPS over 2,400 satellites and 1,000,000 over 400, as announced; memory,
storage and power are planning values."""


def planned_elements(
    epoch_at: datetime,
) -> Iterator[tuple[walker.Shell, int, int, elements.ElementSet]]:
    """Yield shell, plane, slot and element set of every planned satellite."""
    for shell in walker.announced_shells(epoch_at.timestamp()):
        for plane, slot, node_rad, anomaly_rad in walker.slots(shell):
            mean = walker.circular_elements(
                name=f"{shell.code}-{plane + 1:02d}-{slot + 1:02d}",
                epoch_at=epoch_at,
                altitude_m=shell.altitude_m,
                inclination_rad=shell.inclination_rad,
                node_rad=node_rad,
                anomaly_rad=anomaly_rad,
            )
            yield shell, plane, slot, mean


def export(epoch_at: datetime) -> bytes:
    """Return the planned constellation as a JSON OMM file."""
    return omm.to_json(mean for *_, mean in planned_elements(epoch_at))


@transaction.atomic
def plan_fleet(epoch_at: datetime) -> int:
    """Add the planned satellites that are not there yet; return how many were added.

    Safe to repeat: satellites keep the element sets that they have.
    """
    profiles = {
        each["code"]: HardwareProfile.objects.get_or_create(code=each["code"], defaults=each)[0]
        for each in PROFILES
    }
    carriers.load(profiles.values())
    planned = list(planned_elements(epoch_at))
    planes = _planes(planned)
    held = set(Satellite.objects.filter(planned=True).values_list("code", flat=True))
    satellites = [
        Satellite(
            code=mean.name,
            name=mean.name,
            profile=profiles[f"planned-{shell.role}"],
            plane=planes[mean.name.rpartition("-")[0]],
            slot=slot + 1,
            role=shell.role,
            planned=True,
            spacecraft_id=SPACECRAFT_IDS[number % len(SPACECRAFT_IDS)],
            entity_id=FIRST_ENTITY + number,
        )
        for number, (shell, _, slot, mean) in enumerate(planned)
        if mean.name not in held
    ]
    by_code = {row.code: row for row in Satellite.objects.bulk_create(satellites)}
    ElementSet.objects.bulk_create(
        ElementSet(
            satellite=by_code[mean.name],
            epoch_at=epoch_at,
            newness_at=epoch_at,
            source=SOURCE,
            omm=omm.to_fields(mean),
            loaded_at=epoch_at,
        )
        for *_, mean in planned
        if mean.name in by_code
    )
    return len(satellites)


def _planes(
    planned: list[tuple[walker.Shell, int, int, elements.ElementSet]],
) -> dict[str, Plane]:
    """Make the planes, named by shell and number."""
    described = {
        mean.name.rpartition("-")[0]: {
            "shell": shell.code,
            "altitude_km": shell.altitude_m / 1000.0,
            "inclination_deg": degrees(shell.inclination_rad),
            "raan_deg": mean.node_deg,
        }
        for shell, _, _, mean in planned
    }
    return {
        code: Plane.objects.get_or_create(code=code, defaults=details)[0]
        for code, details in described.items()
    }
