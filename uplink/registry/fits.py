"""Which hardware a version fits: its need, from its header, against each profile's numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from constellation.models import HardwareProfile
from ops import errors
from uplink.registry import fitting, formats, store
from uplink.registry.formats import MalformedFile, adapters
from uplink.registry.models import Artefact, Format, Version


class DoesNotFit(errors.Invalid):
    """A satellite of that hardware could not hold it or run it."""

    status = 422
    code = "does_not_fit"


@dataclass(frozen=True, slots=True)
class Fit:
    """A profile, what it has, and why the version does not fit it; nothing when it does."""

    profile: HardwareProfile
    misfits: list[str]

    @property
    def is_one(self) -> bool:
        return not self.misfits


def need(version: Version) -> fitting.Need:
    """Return what a version needs to run, an adapter together with its base."""
    base = version.base and need(version.base)
    return fitting.need(
        version.artefact.header,
        carried_bytes=version.artefact.carried_bytes,
        context_tokens=version.context_tokens,
        base=base,
    )


def weights_format(artefact: Artefact) -> str:
    """Return the format of an artefact's weights, within a bundle too."""
    if artefact.format == Format.BUNDLE:
        return artefact.header.get("weights", "")
    return artefact.format


def fits(version: Version, profiles: Iterable[HardwareProfile]) -> list[Fit]:
    """Return how a version fits each of the profiles."""
    needed, weights = need(version), weights_format(version.artefact)
    return [
        Fit(
            profile,
            fitting.misfits(
                needed,
                weights=weights,
                runtime=profile.runtime,
                memory_bytes=profile.accelerator_memory_bytes,
                storage_bytes=profile.storage_bytes,
            ),
        )
        for profile in profiles
    ]


def check(version: Version, profiles: Iterable[HardwareProfile]) -> None:
    """Refuse a version on hardware that is too small for it, with the numbers."""
    lines = [
        f"{version} does not fit {one.profile.code}: {'; '.join(one.misfits)}"
        for one in fits(version, profiles)
        if not one.is_one
    ]
    if lines:
        raise DoesNotFit(". ".join(lines) + ".", problems=lines)


def adapter_misfits(adapter: Artefact, base: Artefact) -> list[str]:
    """Return a line for each weight that an adapter changes and its base does not have so.

    Bases without tensors (an echo) take any adapter.
    """
    if base.format == Format.ECHO:
        return []
    if weights_format(adapter) != weights_format(base):
        return [f"it is {weights_format(adapter)}, and the base {weights_format(base)}"]
    try:
        changed = [change for header in _headers(adapter) for change in adapters.changes(header)]
        headers = _headers(base)
        known = [each for header in headers for each in header.tensors]
        whole = formats.Header(headers[0].form, known, {})
    except (MalformedFile, errors.NotFound) as error:
        return [f"the bytes cannot be compared: {error}"]
    return adapters.misfits(changed, whole)


def _headers(artefact: Artefact) -> list[formats.Header]:
    if artefact.format != Format.BUNDLE:
        return [formats.read(store.bring(artefact.sha256), artefact.format)]
    weights = artefact.parts.filter(role="weights").select_related("artefact")
    return [formats.read(store.bring(p.artefact_id), p.artefact.format) for p in weights]
