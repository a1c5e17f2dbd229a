"""The limits that Zenith starts with, and those that an XTCE definition brings."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import orjson

from telemetry import xtce
from telemetry.alarms import editing, from_xtce
from telemetry.alarms.models import Cadence, Limit, Source

REFERENCE = Path(__file__).parent / "reference" / "limits.json"
NAMES = UUID("4d8b0a52-3c1f-4a63-9d58-5f2f0b1d7e21")


def load(now: datetime) -> int:
    """Write the limits and cadences of the reference data; return how many limits there are.

    Safe to repeat. A limit that an operator rewrote or withdrew stays as it is; a cadence too.
    """
    said = orjson.loads(REFERENCE.read_bytes())
    for each in said["limits"]:
        _write(each["name"], each["parameter"], each["content"], Source.REFERENCE, now)
    Cadence.objects.bulk_create(
        (Cadence(group=group, **fields) for group, fields in said["cadences"].items()),
        ignore_conflicts=True,
    )
    return len(said["limits"])


def install(definition: xtce.Definition, now: datetime) -> list[str]:
    """Write the alarms of a definition as limits; return what of them cannot be, in words.

    Safe to repeat. They are activated unless an operator has the last word on a limit.
    """
    translated = from_xtce.translate(definition)
    for each in translated.limits:
        _write(each.name, each.parameter, each.content, Source.DEFINITION, now)
    return translated.left_out


def _write(name: str, parameter: str, content: dict[str, Any], source: str, now: datetime) -> None:
    limit_id = uuid5(NAMES, f"{source} {parameter} {name}")
    known = Limit.objects.filter(pk=limit_id).first()
    last = known.versions.first() if known else None
    if last is not None and last.source == Source.OPERATOR:
        return
    was_withdrawn = known is not None and known.active_id is None and known.activations.exists()
    if last is not None and last.content == content and (known.active_id or was_withdrawn):
        return
    editing.write_limit(
        limit_id=limit_id,
        name=name,
        parameter=parameter,
        content=content,
        by=source,
        now=now,
        source=source,
        activate=not was_withdrawn,
    )
