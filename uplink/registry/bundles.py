"""A model of many files under one digest: a bundle lists them by path, size and SHA-256.

Its bytes are an artefact like any other, so that a transfer, a slot and a telemetry report name
the whole by one digest; the same files make the same bundle.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from django.db import transaction

from ops import errors
from ops.accounts.models import Organisation
from uplink.registry import folders, registering, sources, store
from uplink.registry.models import Artefact, Format, Kind, Part


class WrongFiles(errors.Invalid):
    """The files do not make a model; `problems` lists everything that is wrong."""

    code = "wrong_files"


def make(files: Mapping[str, str], *, organisation: Organisation) -> Artefact:
    """Return the artefact of stored files, given by path and digest.

    One GGUF file is its own artefact; anything else becomes a bundle. Raises `UnknownArtefact`
    for bytes that are not stored, and `WrongFiles`.
    """
    stored = Artefact.objects.in_bulk(list(files.values()))
    if missing := sorted(set(files.values()) - set(stored)):
        raise registering.UnknownArtefact(
            f"No artefact {', '.join(missing[:3])} is stored; upload the bytes first."
        )
    found = folders.read({name: store.bring(sha256) for name, sha256 in files.items()})
    if found.left_out:
        found.problems.append(f"{', '.join(found.left_out)} belong to no model")
    if found.problems:
        raise WrongFiles(f"{'; '.join(found.problems)}.", problems=found.problems)
    return gather(found, {name: stored[files[name]] for name in found.files}, organisation)


@transaction.atomic
def gather(
    found: folders.Found, parts: Mapping[str, Artefact], organisation: Organisation
) -> Artefact:
    """Return the artefact that names these parts, which `found` has judged right."""
    if list(found.roles.values()) == ["weights"] and found.header["weights"] == Format.GGUF:
        return next(iter(parts.values()))
    text = content(found, parts)
    received = store.receive([text])
    received.keep()
    bundle, is_new = Artefact.objects.get_or_create(
        sha256=received.sha256,
        defaults={
            "blake3": received.blake3,
            "organisation": organisation,
            "size_bytes": received.size_bytes,
            "format": Format.BUNDLE,
            "kind": Kind.ADAPTER if "adapter" in found.header else Kind.MODEL,
            "header": found.header,
        },
    )
    if is_new:
        Part.objects.bulk_create(
            Part(bundle=bundle, path=path, role=found.roles[path], artefact=artefact)
            for path, artefact in parts.items()
        )
    return bundle


def content(found: folders.Found, parts: Mapping[str, Artefact]) -> bytes:
    """Return the bytes of a bundle: JSON, the same for the same files."""
    rows = [
        {
            "path": path,
            "role": found.roles[path],
            "sha256": parts[path].sha256,
            "size_bytes": parts[path].size_bytes,
        }
        for path in sorted(parts)
    ]
    said = {"zenith_bundle": 1, "files": rows}
    return json.dumps(said, sort_keys=True, separators=(",", ":")).encode()


def store_folder(found: folders.Found, *, organisation: Organisation) -> Artefact:
    """Take the files of a folder that was judged right into the store; return their artefact."""
    parts = {}
    for name, path in found.files.items():
        parts[name] = _stored(name, path, organisation)
    return gather(found, parts, organisation)


def _stored(name: str, path: Path, organisation: Organisation) -> Artefact:
    form = registering.form_of_name(name)
    pieces = sources.read_file(path)
    return registering.store_artefact(pieces, form=form, organisation=organisation, name=name)[0]
