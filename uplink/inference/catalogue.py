"""What customers may ask: models by name, and on how many satellites they run."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from ops import errors
from uplink.registry.models import Version
from uplink.transfers.models import Deployment


class UnknownModel(errors.NotFound):
    code = "model_not_found"


@dataclass(frozen=True, slots=True)
class Offer:
    """A name a customer may ask under, the version behind it, and how many satellites run it."""

    name: str
    version: Version
    satellites: int


def offers() -> list[Offer]:
    """Return every model by its plain name and every version by `name:version`."""
    running = _running()
    versions = _versions()
    plain = {version.model.name: version for version in _by_preference(versions, running)}
    named = [*plain.items(), *((str(version), version) for version in versions)]
    return [Offer(name, version, running[version.artefact_id]) for name, version in named]


def version_of(name: str) -> Version:
    """Return the version that `name` asks for: `model:version`, or the plain name of a model.

    Of a plain name it is the version that most satellites run, then the one registered last.
    Raises UnknownModel.
    """
    model, _, wanted = name.partition(":")
    versions = [
        version
        for version in _versions().filter(model__name=model)
        if wanted in ("", version.version)
    ]
    if not versions:
        raise UnknownModel(f"The model '{name}' does not exist or you do not have access to it.")
    return list(_by_preference(versions, _running()))[-1]


def _versions():
    return Version.objects.select_related("model__organisation").order_by("registered_at", "pk")


def _running() -> Counter[str]:
    active = Deployment.objects.filter(satellite__is_active=True).exclude(active_sha256="")
    return Counter(active.values_list("active_sha256", flat=True))


def _by_preference(versions, running: Counter[str]) -> list[Version]:
    return sorted(versions, key=lambda each: (running[each.artefact_id], each.registered_at))
