"""Documents as one small file: what goes up before an artefact may be installed."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tuf.api.metadata import Metadata, Root, Snapshot, Targets, Timestamp

from uplink.registry.trust.attacks import Attack, Refused

BUNDLE_BYTES_MAX = 8_191
"""Metadata of one assignment stays under 8 KiB: eight frames."""
_PARTS = ("roots", "snapshot", "release", "assignment")


@dataclass(frozen=True)
class Bundle:
    """Decoded JSON of what came up; nothing of it is believed yet."""

    roots: tuple[Any, ...]
    snapshot: Any
    release: Any
    assignment: Any


def encode(
    *,
    roots: Iterable[Metadata[Root]] = (),
    snapshot: Metadata[Snapshot] | None = None,
    release: Metadata[Targets] | None = None,
    assignment: Metadata[Timestamp] | None = None,
) -> bytes:
    """Return the file; ValueError when it is too long for one (send roots ahead, alone)."""
    fields: dict[str, object] = {"roots": [one.to_dict() for one in roots]}
    parts = {"snapshot": snapshot, "release": release, "assignment": assignment}
    fields |= {name: one.to_dict() for name, one in parts.items() if one is not None}
    content = json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()
    if len(content) > BUNDLE_BYTES_MAX:
        raise ValueError(f"{len(content)} bytes of metadata are more than {BUNDLE_BYTES_MAX}")
    return content


def decode(content: bytes) -> Bundle:
    """Take a file apart; `Refused` when it is too long or not such a file."""
    if len(content) > BUNDLE_BYTES_MAX:
        text = f"{len(content)} bytes of metadata, {BUNDLE_BYTES_MAX} at most"
        raise Refused(Attack.ENDLESS_DATA, text)
    try:
        fields = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Refused(Attack.MALFORMED, f"not JSON: {error!s:.80}") from error
    if not isinstance(fields, dict) or not set(fields) <= set(_PARTS):
        raise Refused(Attack.MALFORMED, f"a bundle has {', '.join(_PARTS)}, and nothing else")
    roots = fields.get("roots", [])
    if not isinstance(roots, list):
        raise Refused(Attack.MALFORMED, "the roots are not a list")
    return Bundle(tuple(roots), *(fields.get(name) for name in _PARTS[1:]))
