"""The limits that Zenith starts with, and those that an XTCE definition brings."""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid5

import orjson
from django.db import transaction

from ops import errors
from telemetry import xtce
from telemetry.alarms import editing, taking_over
from telemetry.alarms.models import Cadence, Limit, Source

log = logging.getLogger(__name__)

REFERENCE = Path(__file__).parent / "reference" / "limits.json"


def load(now: datetime) -> int:
    """Write the limits and cadences of the reference data; return how many limits there are.

    Safe to repeat. A limit that an operator rewrote or withdrew stays as it is; a cadence too.
    """
    said = orjson.loads(REFERENCE.read_bytes())
    for each in said["limits"]:
        try:
            with transaction.atomic():
                _write(each["name"], each["parameter"], each["content"], Source.REFERENCE, now)
        except errors.Refusal as refusal:
            # All satellites may be read by other definitions, and operators have limits of theirs.
            log.warning("the reference limit %s is left out: %s", each["name"], refusal)
    Cadence.objects.bulk_create(
        (Cadence(group=group, **fields) for group, fields in said["cadences"].items()),
        ignore_conflicts=True,
    )
    return len(said["limits"])


@transaction.atomic
def install(definition: xtce.Definition, now: datetime) -> list[str]:
    """Write the alarms of the definition that is in force for all satellites as limits; return in
    words what of them is not. Safe to repeat."""
    told = taking_over.take_over(definition, taking_over.Origin("", now), now=now)
    editing.announce(now)
    return told


def _write(name: str, parameter: str, content: dict[str, Any], source: str, now: datetime) -> None:
    limit_id = uuid5(taking_over.NAMES, f"{source} {parameter} {name}")
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
