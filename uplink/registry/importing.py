"""Importing a folder as a version: everything is judged before anything is stored."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops import errors
from ops.accounts.models import Organisation
from telemetry import onboard
from uplink.registry import bundles, fits, folders, golden, licences, registering, store
from uplink.registry.models import Artefact, Kind, Model, Version


class CannotImport(errors.Invalid):
    """Something is wrong with the folder or with what is asked; `problems` lists all of it."""

    code = "cannot_import"


@dataclass(frozen=True, slots=True)
class Plan:
    """A folder that was judged right, and the need of the version that it will be."""

    found: folders.Found
    version: Version


def plan(
    folder: Path,
    *,
    name: str,
    version: str,
    licence: str,
    profiles: Sequence[str],
    context_tokens: int | None = None,
    base: str = "",
    golden_prompts: Sequence[Any] = (),
) -> Plan:
    """Judge a folder and what it is to become; `CannotImport` tells everything that is wrong."""
    if not folder.is_dir():
        raise CannotImport(f"{folder} is not a folder.", problems=[f"{folder} is not a folder"])
    found = folders.read(folders.listed(folder))
    problems = list(found.problems)

    def hear(ask: Callable[[], Any]) -> Any:
        try:
            return ask()
        except errors.Refusal as refusal:
            problems.extend(refusal.extra.get("problems") or [str(refusal).rstrip(".")])
            return None

    hear(lambda: registering.check_names(name, version))
    hear(lambda: licences.canonical(licence))
    chosen = hear(lambda: registering.profiles_named(profiles)) or []
    hear(lambda: registering.check_golden(golden_prompts))
    under = hear(lambda: registering.named_version(base)) if base else None
    is_adapter = "adapter" in found.header
    if is_adapter and not base:
        problems.append("an adapter changes a version: name it as its base, model:version")
    if base and not is_adapter and not found.problems:
        problems.append("this is no adapter, so it has no base")
    hear(lambda: store.check_room(found.size_bytes))
    if found.problems:
        raise CannotImport(f"{len(problems)} problems.", problems=problems)
    row = _draft(found, name, version, context_tokens, under)
    hear(lambda: fits.check(row, chosen))
    if problems:
        raise CannotImport(f"{len(problems)} problems.", problems=problems)
    return Plan(found, row)


def _draft(
    found: folders.Found,
    name: str,
    version: str,
    context_tokens: int | None,
    base: Version | None,
) -> Version:
    """Return an unsaved version as the folder will make it, to be judged against hardware."""
    weights = found.header["weights"]
    artefact = Artefact(
        sha256="0" * 64,
        size_bytes=found.size_bytes,
        format=weights,
        kind=Kind.ADAPTER if "adapter" in found.header else Kind.MODEL,
        header=found.header,
    )
    native = (base.artefact.header if base else found.header).get("context_length")
    tokens = context_tokens or min(native or onboard.CONTEXT_TOKENS, onboard.CONTEXT_TOKENS)
    return Version(
        model=Model(name=name),
        version=version,
        artefact=artefact,
        base=base,
        context_tokens=tokens,
    )


def import_folder(
    folder: Path, *, organisation: Organisation, **asked: Any
) -> tuple[Version, bool, folders.Found]:
    """Store a folder's files and register them as a version; return it and whether it is new.

    Takes what `plan` and `registering.register_version` take. Nothing is stored when anything is
    wrong. Safe to repeat.
    """
    judged = {
        key: asked[key]
        for key in ("name", "version", "licence", "profiles", "context_tokens", "base",
                    "golden_prompts")
        if key in asked
    }  # fmt: skip
    found = plan(folder, **judged).found
    artefact = bundles.store_folder(found, organisation=organisation)
    version, is_new = registering.register_version(
        artefact_sha256=artefact.sha256, organisation=organisation, **asked
    )
    return version, is_new, found


def golden_of(text: str) -> list[Any]:
    """Return the golden prompts of a JSON file's text; `Invalid` when it is not a list."""
    try:
        prompts = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise registering.WrongGoldenPrompt(f"The golden prompts are not JSON: {error}.") from error
    if not isinstance(prompts, list) or len(prompts) > golden.PROMPTS_MAX:
        raise registering.WrongGoldenPrompt(
            f"Golden prompts are a list of at most {golden.PROMPTS_MAX}."
        )
    return prompts
