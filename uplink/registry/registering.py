"""Taking artefacts into the registry, and giving them a model's name and version."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from django.db import IntegrityError, transaction

from constellation.models import HardwareProfile
from ops import errors
from ops.accounts.models import Organisation
from ops.db import broken_rule
from telemetry import onboard
from uplink.registry import fits, folders, formats, golden, licences, store
from uplink.registry.formats import names
from uplink.registry.models import (
    Artefact,
    Format,
    GoldenPrompt,
    Kind,
    Model,
    Provenance,
    Version,
)


class MalformedArtefact(errors.Invalid):
    """The file's header is not that of its format."""

    code = "malformed_artefact"


class UnknownArtefact(errors.Invalid):
    code = "unknown_artefact"


class UnknownProfile(errors.Invalid):
    code = "unknown_profile"


class FormatConflict(errors.Conflict):
    code = "format_conflict"


class WrongBase(errors.Invalid):
    """An adapter without its base, a model with one, or a base that it does not fit."""

    code = "wrong_base"


class WrongName(errors.Invalid):
    code = "wrong_name"


class WrongGoldenPrompt(errors.Invalid):
    code = "wrong_golden_prompt"


_MODEL_NAME = re.compile(r"[A-Za-z0-9_-]+")
_VERSION_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")


def form_of_name(name: str) -> str:
    """Return the format that a file's name shows; nothing where only its bytes can tell."""
    suffix = PurePath(name).suffix.lower()
    known = {".gguf": Format.GGUF, ".safetensors": Format.SAFETENSORS}
    if suffix in known:
        return known[suffix]
    return Format.FILE if folders.role_of(name) else ""


def store_artefact(
    pieces: Iterable[bytes],
    *,
    form: str,
    organisation: Organisation,
    sha256: str | None = None,
    name: str = "",
) -> tuple[Artefact, bool]:
    """Take the bytes of an artefact in; return its row and whether it is new.

    Without `form` the name or the first bytes decide. The bytes lie in the store before the row
    says so; a refusal (`HashMismatch`, `TooBig`, `StoreFull`, `MalformedArtefact`) leaves neither.
    Safe to repeat.
    """
    taken = [one for one in Format.values if one != Format.BUNDLE]
    if form and form not in taken:
        raise MalformedArtefact(f"{form!r} is not one of {', '.join(taken)}.")
    received = store.receive(pieces, sha256=sha256)
    try:
        return keep(received, form=form, organisation=organisation, name=name)
    finally:
        received.discard()


def keep(
    received: store.Received, *, form: str, organisation: Organisation, name: str = ""
) -> tuple[Artefact, bool]:
    """Check received bytes by their header and keep them, as `store_artefact`."""
    known = Artefact.objects.filter(pk=received.sha256).first()
    if known is not None and form and known.format != form:
        raise FormatConflict(f"{known.sha256} is registered as {known.format}.")
    try:
        form = form or (known.format if known else "") or form_of_name(name)
        form = form or formats.detect(received.path)
        header = _file(received, name) if form == Format.FILE else _weights(received, form)
    except formats.MalformedFile as error:
        raise MalformedArtefact(str(error)) from error
    received.keep()
    kind = Kind.FILE if form == Format.FILE else Kind.MODEL
    if "adapter" in header:
        kind = Kind.ADAPTER
    artefact, is_new = Artefact.objects.get_or_create(
        sha256=received.sha256,
        defaults={
            "blake3": received.blake3,
            "organisation": organisation,
            "size_bytes": received.size_bytes,
            "format": form,
            "kind": kind,
            "header": header,
        },
    )
    if not artefact.blake3:
        Artefact.objects.filter(pk=artefact.pk).update(blake3=received.blake3)
    return artefact, is_new


def _weights(received: store.Received, form: str) -> dict[str, Any]:
    return formats.inspect(received.path, form)


def _file(received: store.Received, name: str) -> dict[str, Any]:
    if received.size_bytes > folders.SMALL_FILE_BYTES_MAX:
        raise formats.MalformedFile(
            f"A tokenizer or configuration has at most {folders.SMALL_FILE_BYTES_MAX} bytes, not "
            f"{received.size_bytes}."
        )
    with received.path.open("rb") as file:
        if what := names.of_bytes(file.read(16)):
            raise formats.MalformedFile(f"This is no tokenizer and no configuration. {what}")
    return {"name": name} if name else {}


@transaction.atomic
def register_version(
    *,
    name: str,
    version: str,
    artefact_sha256: str,
    profiles: Iterable[str],
    licence: str,
    organisation: Organisation,
    description: str = "",
    context_tokens: int | None = None,
    system_prompt: str = "",
    base: str = "",
    golden_prompts: Sequence[Any] = (),
    provenance: Mapping[str, Any] | None = None,
    registered_by: str = "",
) -> tuple[Version, bool]:
    """Give a stored artefact a model's name and version; return the version and whether it is new.

    `base` names the version that an adapter changes, as `model:version`. `provenance` holds the
    fields of `Provenance`, its parent by the same form of name. Safe to repeat; raises `IdReused`
    when the version exists with another artefact, licence or base, `UnknownArtefact`,
    `UnknownProfile`, `UnknownLicence`, `WrongBase`, `WrongGoldenPrompt`, and `DoesNotFit` when a
    profile's hardware is too small for it.
    """
    check_names(name, version)
    artefact = Artefact.objects.filter(pk=artefact_sha256).first()
    if artefact is None:
        raise UnknownArtefact(f"No artefact {artefact_sha256} is stored; upload its bytes first.")
    fitting = profiles_named(profiles)
    under = base_of(artefact, base)
    wanted = {"artefact": artefact, "licence": licences.canonical(licence), "base": under}
    row = Version.objects.filter(model__name=name, version=version).first()
    if row is None:
        check_golden(golden_prompts)
        model, _ = Model.objects.get_or_create(
            name=name, defaults={"organisation": organisation, "description": description}
        )
        native = (under.artefact if under else artefact).header.get("context_length")
        tokens = context_tokens or min(native or onboard.CONTEXT_TOKENS, onboard.CONTEXT_TOKENS)
        row = Version(
            model=model,
            version=version,
            context_tokens=tokens,
            system_prompt=system_prompt,
            **wanted,
        )
        fits.check(row, fitting)
        try:
            with transaction.atomic():
                row.save(force_insert=True)
        except IntegrityError as error:
            if broken_rule(error) == "version_once":
                raise errors.IdReused(f"{name}:{version} was registered just now.") from error
            raise
        row.profiles.set(fitting)
        replace_golden(row, golden_prompts)
        _remember(row, provenance or {}, registered_by)
        return row, True
    if any(getattr(row, key) != value for key, value in wanted.items()):
        raise errors.IdReused(f"{name}:{version} already names {row.artefact_id}.")
    return row, False


def check_names(name: str, version: str) -> None:
    """Refuse what a model or a version cannot be called; raises `WrongName`."""
    for what, said, shape, most in (
        ("model", name, _MODEL_NAME, 64),
        ("version", version, _VERSION_NAME, 40),
    ):
        if not shape.fullmatch(said) or len(said) > most:
            raise WrongName(
                f"A {what} is named by 1 to {most} letters, digits and hyphens"
                f"{'' if shape is _MODEL_NAME else ', points and plus signs'} or underscores, not "
                f"{said[:most]!r}{'…' if len(said) > most else ''}."
            )


def profiles_named(codes: Iterable[str]) -> list[HardwareProfile]:
    """Return hardware profiles by their codes; `UnknownProfile` names those that do not exist."""
    codes = list(codes)
    found = list(HardwareProfile.objects.filter(code__in=codes))
    if missing := set(codes) - {one.code for one in found}:
        known = ", ".join(HardwareProfile.objects.order_by("code").values_list("code", flat=True))
        raise UnknownProfile(
            f"There is no hardware profile {', '.join(sorted(missing))}; known are {known}."
        )
    return found


def named_version(said: str) -> Version:
    """Return the version of `model:version`; `NotFound` when there is none."""
    name, _, number = said.partition(":")
    row = Version.objects.filter(model__name=name, version=number).first()
    if row is None:
        raise errors.NotFound(f"There is no version {said!r}; it is written model:version.")
    return row


def base_of(artefact: Artefact, said: str) -> Version | None:
    """Return the version that an adapter changes, its weights compared; None for a model."""
    if artefact.kind != Kind.ADAPTER:
        if artefact.kind == Kind.FILE:
            raise MalformedArtefact("A version is a model or an adapter, not one of their files.")
        if said:
            raise WrongBase(f"{artefact} is no adapter, so it has no base.")
        return None
    if not said:
        raise WrongBase("An adapter changes a version: name it as its base, model:version.")
    base = named_version(said)
    if base.base_id is not None:
        raise WrongBase(f"{base} is an adapter itself.")
    if lines := fits.adapter_misfits(artefact, base.artefact):
        more = f" (and {len(lines) - 3} more)" if len(lines) > 3 else ""
        raise WrongBase(f"The adapter does not fit {base}: {'; '.join(lines[:3])}{more}.")
    return base


def check_golden(prompts: Sequence[Any]) -> None:
    """Refuse golden prompts that could not be judged, all that is wrong with them at once."""
    if not isinstance(prompts, list | tuple) or len(prompts) > golden.PROMPTS_MAX:
        raise WrongGoldenPrompt(f"Golden prompts are a list of at most {golden.PROMPTS_MAX}.")
    lines = [
        f"golden prompt {number}: {why}"
        for number, prompt in enumerate(prompts, 1)
        for why in golden.problems(prompt)
    ]
    if lines:
        raise WrongGoldenPrompt(f"{'; '.join(lines)}.", problems=lines)


@transaction.atomic
def replace_golden(version: Version, prompts: Sequence[Any]) -> None:
    """Give a version these golden prompts and no others."""
    check_golden(prompts)
    version.golden_prompts.all().delete()
    GoldenPrompt.objects.bulk_create(
        GoldenPrompt(
            version=version,
            number=number,
            messages=golden.messages(prompt),
            expect=prompt["expect"],
            **{key: prompt[key] for key in ("max_tokens", "temperature", "seed") if key in prompt},
        )
        for number, prompt in enumerate(prompts, 1)
    )


def _remember(version: Version, said: Mapping[str, Any], registered_by: str) -> None:
    fields = dict(said)
    parent = fields.pop("parent", "")
    Provenance.objects.create(
        version=version,
        parent=named_version(parent) if parent else None,
        registered_by=registered_by,
        **fields,
    )
