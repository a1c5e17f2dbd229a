"""Taking models, their versions and their bytes into the registry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx
from django.db import IntegrityError, transaction

from constellation.models import HardwareProfile
from ops import errors
from ops.accounts.models import Organisation
from ops.db import broken_rule
from telemetry import onboard
from uplink.registry import formats, store
from uplink.registry.models import Artefact, Format, Model, Version

_PIECE_BYTES = 1024 * 1024


class MalformedArtefact(errors.Invalid):
    """The file's header is not that of its format."""

    code = "malformed_artefact"


class UnknownArtefact(errors.Invalid):
    code = "unknown_artefact"


class UnknownProfile(errors.Invalid):
    code = "unknown_profile"


class FormatConflict(errors.Conflict):
    code = "format_conflict"


class SourceUnavailable(errors.Unavailable):
    """The place that the bytes should come from does not give them."""

    code = "source_unavailable"


def store_artefact(
    pieces: Iterable[bytes], *, form: str, organisation: Organisation, sha256: str | None = None
) -> tuple[Artefact, bool]:
    """Take the bytes of an artefact in; return its row and whether it is new.

    The bytes lie in the store before the row says so; a refusal (`HashMismatch`, `TooBig`,
    `StoreFull`, `MalformedArtefact`) leaves neither. Safe to repeat.
    """
    if form not in Format.values:
        raise MalformedArtefact(f"{form!r} is not one of {', '.join(Format.values)}.")
    received = store.receive(pieces, sha256=sha256)
    try:
        known = Artefact.objects.filter(pk=received.sha256).first()
        if known is not None and known.format != form:
            raise FormatConflict(f"{known.sha256} is registered as {known.format}.")
        header = formats.inspect(received.path, form)
        received.keep()
    except formats.MalformedFile as error:
        raise MalformedArtefact(str(error)) from error
    finally:
        received.discard()
    return Artefact.objects.get_or_create(
        sha256=received.sha256,
        defaults={
            "organisation": organisation,
            "size_bytes": received.size_bytes,
            "format": form,
            "header": header,
        },
    )


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
) -> tuple[Version, bool]:
    """Give stored bytes a model's name and version; return the version and whether it is new.

    Safe to repeat; raises `IdReused` when the version exists with another artefact or licence,
    `UnknownArtefact` and `UnknownProfile`.
    """
    artefact = Artefact.objects.filter(pk=artefact_sha256).first()
    if artefact is None:
        raise UnknownArtefact(f"No artefact {artefact_sha256} is stored; upload its bytes first.")
    fitting = list(HardwareProfile.objects.filter(code__in=list(profiles)))
    if missing := set(profiles) - {one.code for one in fitting}:
        raise UnknownProfile(f"There is no hardware profile {', '.join(sorted(missing))}.")
    model, _ = Model.objects.get_or_create(
        name=name, defaults={"organisation": organisation, "description": description}
    )
    native = artefact.header.get("context_length", onboard.CONTEXT_TOKENS)
    tokens = context_tokens or min(native, onboard.CONTEXT_TOKENS)
    wanted = {"artefact": artefact, "licence": licence}
    settings_of_its_own = {"context_tokens": tokens, "system_prompt": system_prompt}
    try:
        with transaction.atomic():
            row, is_new = Version.objects.get_or_create(
                model=model, version=version, defaults={**wanted, **settings_of_its_own}
            )
    except IntegrityError as error:
        if broken_rule(error) == "version_once":
            raise errors.IdReused(f"{name}:{version} was registered just now.") from error
        raise
    if is_new:
        row.profiles.set(fitting)
    elif any(getattr(row, key) != value for key, value in wanted.items()):
        raise errors.IdReused(f"{name}:{version} already names {row.artefact_id}.")
    return row, is_new


def read_file(path: Path) -> Iterator[bytes]:
    """Yield the bytes of a local file; `SourceUnavailable` when it cannot be read."""
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE_BYTES):
                yield piece
    except OSError as error:
        raise SourceUnavailable(f"{path} cannot be read: {error.strerror}.") from error


def read_url(url: str) -> Iterator[bytes]:
    """Yield the bytes behind a `file:`, `http:` or `https:` URL, as they come."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        yield from read_file(Path(unquote(parts.path)))
        return
    if parts.scheme not in ("http", "https"):
        raise SourceUnavailable(f"{url} is not a file, http or https URL.")
    try:
        with httpx.stream("GET", url, follow_redirects=True, timeout=60) as answer:
            answer.raise_for_status()
            yield from answer.iter_bytes(_PIECE_BYTES)
    except httpx.HTTPError as error:
        raise SourceUnavailable(f"{url} does not give the file: {error}.") from error
