"""Definitions of telemetry: which one is in force, by satellite and instant.

    edition = definitions.for_satellite(satellite_id, at_ns)
    edition.xtce.decode(packets)

One comes with Zenith; others are uploaded and activated for groups of satellites from an instant
on (`definitions.keeping`). What is in force is asked of the database each time, so that all
processes agree; what a definition says is compiled once a process.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from uuid import UUID

import numpy as np
from django.db.models import Q
from numpy.typing import NDArray

from telemetry import xtce
from telemetry.definitions.editions import Edition

_FOLDER = Path(__file__).parent
_KEPT = 32
_ALWAYS_NS = -(1 << 63)


@cache
def shipped() -> Edition:
    """Return the definition that comes with Zenith."""
    return Edition(None, xtce.load((_FOLDER / "scs.xml").read_bytes()))


@lru_cache(_KEPT)
def _compiled(definition_id: UUID) -> Edition:
    from telemetry.models_definitions import DefinitionFile, DefinitionPart

    rows = DefinitionFile.objects.values_list("xtce", "generation_time")
    data, told = rows.get(pk=definition_id)
    parts = DefinitionPart.objects.filter(definition=definition_id).order_by("place")
    files = {name: bytes(part) for name, part in parts.values_list("name", "xtce")}
    return Edition(definition_id, xtce.load(bytes(data), files), told)


def load(definition_id: UUID | None) -> Edition:
    """Return one edition by its id, compiled once a process; None is the one of Zenith."""
    return shipped() if definition_id is None else _compiled(definition_id)


@dataclass(frozen=True, slots=True)
class Timeline:
    """Which definition is in force for a satellite, over all time."""

    from_ns: tuple[int, ...]
    definitions: tuple[UUID | None, ...]

    def at(self, at_ns: int) -> Edition:
        """Return the edition by which a packet generated at `at_ns` is read."""
        return load(self.definitions[bisect_right(self.from_ns, at_ns) - 1])

    def dating(self, generated_ns: int, received_ns: int) -> Edition:
        """Return the edition by which a packet is read that another maker's satellite dated: that
        of when it was generated, or, where that one cannot date packets, the one that did."""
        edition = self.at(generated_ns)
        if generated_ns != received_ns and (edition.id is None or not edition.times):
            dated_by = self.at(received_ns)
            return dated_by if dated_by.times else edition
        return edition

    def steps(self, at_ns: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return for instants which step of the timeline they are in; `edition` takes one."""
        return np.searchsorted(np.array(self.from_ns, np.int64), at_ns, side="right") - 1

    def edition(self, step: int) -> Edition:
        return load(self.definitions[step])

    def editions(self) -> list[Edition]:
        """Return all editions, the oldest first, each once."""
        return [load(each) for each in dict.fromkeys(self.definitions)]

    def editions_from(self, at_ns: int) -> list[Edition]:
        """Return the edition in force at an instant and all that follow it, each once."""
        step = bisect_right(self.from_ns, at_ns) - 1
        return [load(each) for each in dict.fromkeys(self.definitions[step:])]


Steps = list[tuple[int, UUID | None]]
"""Instants and the definitions that are in force from them on, in order."""


def _timeline(everyone: Steps, own: Steps) -> Timeline:
    """Activations for a hardware profile go before those for all satellites: these rule only
    until the profile has its first."""
    if own:
        everyone = [step for step in everyone if step[0] < own[0][0]]
    steps = [(_ALWAYS_NS, None), *everyone, *own]
    return Timeline(tuple(at for at, _ in steps), tuple(each for _, each in steps))


def timeline(satellite_id: int) -> Timeline:
    """Return a satellite's definitions as the database has them now."""
    from telemetry.models_definitions import Activation

    rows = (
        Activation.objects.standing()
        .filter(Q(profile=None) | Q(profile__satellites=satellite_id))
        .order_by("from_ns")
        .values_list("from_ns", "definition_id", "profile_id")
    )
    own = [(at, each) for at, each, profile in rows if profile is not None]
    everyone = [(at, each) for at, each, profile in rows if profile is None]
    return _timeline(everyone, own)


@dataclass(frozen=True)
class Calendar:
    """All activations as they were when it was made: timelines of profiles without a statement."""

    everyone: Steps
    own: dict[str, Steps]
    """By the code of a hardware profile."""

    def timeline(self, profile: str) -> Timeline:
        """Return the definitions of a profile's satellites; of one nobody knows, those for all."""
        return _timeline(self.everyone, self.own.get(profile, []))


def calendar() -> Calendar:
    """Return all activations as the database has them now, in one statement."""
    from telemetry.models_definitions import Activation

    found: dict[str | None, Steps] = {}
    rows = Activation.objects.standing().order_by("from_ns")
    for at, each, profile in rows.values_list("from_ns", "definition_id", "profile__code"):
        found.setdefault(profile, []).append((at, each))
    everyone = found.pop(None, [])
    return Calendar(everyone, {code: steps for code, steps in found.items() if code is not None})


def for_satellite(satellite_id: int, at_ns: int) -> Edition:
    """Return the edition by which a packet that a satellite generated at `at_ns` is read."""
    return timeline(satellite_id).at(at_ns)


def _read_by(satellite_id: int) -> list[Edition]:
    """Return all editions by which a satellite's packets are or were read, also in replays; the
    newest first."""
    from telemetry.models_replays import ReplayPart, ReplayState

    replayed = ReplayPart.objects.filter(
        satellite=satellite_id, replay__state=ReplayState.COMPLETE
    ).order_by("-generation")
    found = [load(each) for each in replayed.values_list("replay__definition", flat=True)]
    found += reversed(timeline(satellite_id).editions())
    return list(dict.fromkeys(found))


def groups_of(satellite_id: int) -> dict[str, tuple[str, ...]]:
    """Return for each archived parameter of a satellite the groups that may hold samples of it,
    by any definition that it ever had; the newest definition's first."""
    found: dict[str, dict[str, None]] = {}
    for edition in _read_by(satellite_id):
        for parameter, group in edition.groups.items():
            names = found.setdefault(parameter, {})
            names[group] = names[edition.own(group)] = None
    return {parameter: tuple(names) for parameter, names in found.items()}


def groups_of_element(satellite_id: int, parameter: str) -> tuple[str, ...]:
    """Return the groups that may hold an element of an array whose size is in the packet."""
    found: dict[str, None] = {}
    for edition in _read_by(satellite_id):
        group = edition.group_of(parameter)
        if group is not None:
            found[group] = found[edition.own(group)] = None
    return tuple(found)


def in_use() -> list[Edition]:
    """Return the definition that comes with Zenith and all that rule, ruled or will, in order."""
    from telemetry.models_definitions import Activation

    rows = Activation.objects.standing().order_by("from_ns").values_list("definition_id", flat=True)
    return [shipped(), *(load(each) for each in dict.fromkeys(rows))]


# --- The definition that comes with Zenith --------------------------------------------------


def current() -> xtce.Definition:
    return shipped().xtce


def header_parameters() -> frozenset[str]:
    """Return the names of the parameters in the header of every packet."""
    return shipped().header_parameters


def apids() -> frozenset[int]:
    """Return the APIDs of which the definition describes packets."""
    return shipped().apids or frozenset()


def groups() -> dict[str, str]:
    """Return for each archived parameter the group in which it is: its container's name."""
    return shipped().groups
