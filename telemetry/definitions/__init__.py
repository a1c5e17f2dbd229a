"""The XTCE definitions that come with Zenith, loaded once a process."""

from functools import cache
from pathlib import Path

from telemetry import xtce
from telemetry.xtce import criteria

_FOLDER = Path(__file__).parent
HEADER_CONTAINER = "PACKET"
"""Holds what every packet says of itself; the packet table has that, the archive does not."""


@cache
def current() -> xtce.Definition:
    """Return the definition that our satellites' packets are decoded with."""
    return xtce.load((_FOLDER / "scs.xml").read_bytes())


@cache
def header_parameters() -> frozenset[str]:
    """Return the names of the parameters in the header of every packet."""
    plan = current().plans[HEADER_CONTAINER]
    return frozenset(placed.parameter.name for placed in plan.fields)


@cache
def apids() -> frozenset[int]:
    """Return the APIDs of which the definition describes packets."""
    found = set()
    for container in current().system.containers.values():
        for comparison in criteria.comparisons(container.criteria):
            if comparison.parameter == "packet_apid" and comparison.operator == "==":
                found.add(int(str(comparison.right), 0))
    return frozenset(found)


@cache
def groups() -> dict[str, str]:
    """Return for each archived parameter the group in which it is: its container's name."""
    found = {}
    for name, plan in current().plans.items():
        if name == HEADER_CONTAINER:
            continue
        for placed in plan.fields:
            if placed.parameter.name not in header_parameters():
                found[placed.parameter.name] = name
    return found
