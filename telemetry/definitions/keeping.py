"""Definitions taken in, and put in force for groups of satellites."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from django.db import IntegrityError, transaction

from constellation.models import HardwareProfile
from ops import db, errors
from ops.accounts.models import Organisation
from telemetry import times, xtce
from telemetry.definitions import dictionary, generation
from telemetry.definitions.editions import Edition
from telemetry.models_definitions import Activation, DefinitionFile, DefinitionPart

LONGEST_BYTES = 16 * 1024 * 1024
LONGEST_GROUP, LONGEST_PARAMETER = 100, 200
_MOST_TOLD = 100


class BadDefinition(errors.Invalid):
    """The file is no definition that would be obeyed; `errors` lists where."""

    code = "bad_definition"


class InstantTaken(errors.Conflict):
    code = "instant_taken"


class InForce(errors.Conflict):
    """The activation rules already: what it reads stays read by it."""

    code = "in_force"


class Withdrawn(errors.Conflict):
    code = "withdrawn"


class Follower(Protocol):
    """What is registered: a function of a new activation, that returns in words what of the
    definition it cannot follow; it is called again when the activation was withdrawn."""

    def __call__(self, activation: Activation, *, now: datetime) -> list[str]: ...


_followers: list[Follower] = []


def register(follow: Follower) -> None:
    """Let `follow(activation, *, now)` be called inside the transaction of each new activation, and
    of each withdrawal. Safe to repeat."""
    if follow not in _followers:
        _followers.append(follow)


def read(
    data: bytes, files: Mapping[str, bytes] | None = None, *, is_dictionary: bool = False
) -> tuple[bytes, Edition]:
    """Return the XTCE of a file, and the same compiled with `files` that it includes or that are
    beside it; BadDefinition lists what is wrong."""
    if is_dictionary:
        try:
            data = dictionary.to_xtce(data)
        except dictionary.BadDictionary as error:
            listed = [each.as_json() for each in error.faults[:_MOST_TOLD]]
            raise BadDefinition(f"The dictionary is not sound: {error}.", errors=listed) from error
    try:
        edition = Edition(None, xtce.load(data, files))
    except xtce.BadDefinition as error:
        listed = [
            {"line": each.line, "element": each.element, "detail": str(each)}
            for each in (error.others or [error])[:_MOST_TOLD]
        ]
        raise BadDefinition(f"The definition is refused: {error}.", errors=listed) from error
    _check_names(edition)
    return data, edition


def _time(edition: Edition, *said: str) -> dict[str, Any] | None:
    try:
        return generation.read(*said, edition.xtce)
    except generation.BadTime as error:
        raise BadDefinition(f"generation_time: {error}") from error


def _check_names(edition: Edition) -> None:
    """Refuse names that the archive could not hold."""
    long = [g for g in set(edition.groups.values()) if len(g) > LONGEST_GROUP]
    long += [name for name in edition.groups if len(name) > LONGEST_PARAMETER]
    if long:
        raise BadDefinition(
            f"Names of groups have at most {LONGEST_GROUP} characters, of parameters "
            f"{LONGEST_PARAMETER}.",
            errors=[{"line": 0, "element": "", "detail": name} for name in sorted(long)[:10]],
        )


def left_out(said: xtce.model.LeftOut) -> dict[str, Any]:
    """Return as JSON what a definition has that is not carried out."""
    return {
        "file": said.file,
        "line": said.line,
        "element": said.element,
        "detail": said.detail,
    }


def _digest(data: bytes, files: Mapping[str, bytes]) -> str:
    """Return the SHA-256 of a file; of several, that of all with their names and sizes."""
    digest = hashlib.sha256(data)
    for name, part in files.items():
        digest.update(f"\0{name}\0{len(part)}\0".encode() + part)
    return digest.hexdigest()


def upload(
    definition_id: UUID,
    data: bytes,
    files: Mapping[str, bytes] | None = None,
    *,
    organisation: Organisation,
    uploaded_by: str,
    now: datetime,
    is_dictionary: bool = False,
    generation_time: str = "",
    epoch: str = "",
    scale: str = "",
) -> tuple[DefinitionFile, bool]:
    """Keep a definition under an id that the caller chose; return it and whether it is new.
    `files` are further ones of it, by the names by which they are included.

    `generation_time`, `epoch` and `scale` say how its packets tell their time (`generation.read`).
    Safe to repeat; IdReused when the id names another one. It reads nothing until it is activated.
    """
    digest = _digest(data, files or {})
    said = (generation_time, epoch, scale)
    known = DefinitionFile.objects.filter(pk=definition_id).first()
    if known is None:
        written, edition = read(data, files, is_dictionary=is_dictionary)
        system = edition.xtce.system
        told = _time(edition, *said)
        with transaction.atomic():
            known, is_new = DefinitionFile.objects.get_or_create(
                id=definition_id,
                defaults={
                    "name": system.name[:200],
                    "version": system.version[:100],
                    "digest": digest,
                    "xtce": written,
                    "source": data if is_dictionary else None,
                    "generation_time": told,
                    "summary": {
                        "containers": len(system.containers),
                        "parameters": len(system.parameters),
                        "commands": len(system.commands),
                        "apids": sorted(edition.apids) if edition.apids is not None else None,
                    },
                    "left_out": [left_out(each) for each in edition.xtce.left_out],
                    "organisation": organisation,
                    "uploaded_by": uploaded_by,
                    "uploaded_at": now,
                },
            )
            if is_new:
                DefinitionPart.objects.bulk_create(
                    DefinitionPart(definition=known, place=place, name=name, xtce=part)
                    for place, (name, part) in enumerate((files or {}).items())
                )
                return known, True
    told = None
    if any(said):
        parts = {part.name: bytes(part.xtce) for part in known.parts.order_by("place")}
        told = _time(Edition(known.pk, xtce.load(bytes(known.xtce), parts)), *said)
    if known.digest != digest or known.generation_time != told:
        raise errors.IdReused(f"{definition_id} already names another definition.")
    return known, False


@transaction.atomic
def activate(
    activation_id: UUID,
    *,
    definition: DefinitionFile,
    profile: HardwareProfile | None,
    from_at: datetime,
    activated_by: str,
    now: datetime,
) -> tuple[Activation, bool]:
    """Read packets generated from an instant on by `definition`, for the satellites of a hardware
    profile or for all; return the activation and whether it is new. Safe to repeat.

    What was decoded before stays as it is until it is replayed. Rooms that registered follow it;
    what they could not is kept in `left_out`.
    """
    wanted: dict[str, Any] = {
        "definition": definition,
        "profile": profile,
        "from_ns": times.to_ns(from_at),
    }
    try:
        with transaction.atomic():
            row, is_new = Activation.objects.get_or_create(
                id=activation_id,
                defaults={**wanted, "activated_by": activated_by, "activated_at": now},
            )
    except IntegrityError as error:
        if db.broken_rule(error) == "activation_once_per_instant":
            group = profile.code if profile else "all satellites"
            raise InstantTaken(
                f"Another activation for {group} begins at {times.text(wanted['from_ns'])}."
            ) from error
        raise
    if row.withdrawn_at is not None:
        raise Withdrawn(f"{activation_id} was withdrawn; a new activation has an id of its own.")
    if not is_new and any(getattr(row, name) != value for name, value in wanted.items()):
        raise errors.IdReused(f"{activation_id} already names another activation.")
    if is_new:
        row.left_out = [told for follow in _followers for told in follow(row, now=now)]
        row.save(update_fields=["left_out"])
    return row, is_new


@transaction.atomic
def withdraw(activation_id: UUID, *, withdrawn_by: str, now: datetime) -> Activation:
    """Withdraw an activation before it rules; return it. Safe to repeat.

    InForce when its instant has come: packets were read by it, and only a further activation lets
    another definition take over.
    """
    row = Activation.objects.select_for_update().filter(pk=activation_id).first()
    if row is None:
        raise errors.NotFound(f"There is no activation {activation_id}.")
    if row.withdrawn_at is not None:
        return row
    if row.from_ns <= times.to_ns(now):
        raise InForce(
            f"It has been in force since {times.text(row.from_ns)}, and cannot be withdrawn. "
            f"To read packets by another definition from now on, activate that one."
        )
    row.withdrawn_by, row.withdrawn_at = withdrawn_by, now
    row.save(update_fields=["withdrawn_by", "withdrawn_at"])
    for follow in _followers:
        follow(row, now=now)
    return row
