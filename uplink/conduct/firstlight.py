"""The first start: the shipped model registered, and on its way to the fleet."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID, uuid5

from django.db.models import Q

from constellation.models import Satellite
from ops import errors
from ops.accounts.models import Organisation
from uplink.registry import shipped
from uplink.registry.models import Version
from uplink.releases import directing, keyfiles
from uplink.releases.models import Release
from uplink.transfers import requests
from uplink.transfers.models import Deployment

_NAMES = UUID("5f0c2b0e-6d0a-5a53-9a55-2f6a1de1a001")


class NobodyOperates(errors.Unavailable):
    code = "no_operating_organisation"


def prepare(*, now: datetime) -> Iterator[str]:
    """Do what a first start needs and say each thing done; what is done already is not repeated."""
    organisation = Organisation.objects.filter(operates_fleet=True).order_by("pk").first()
    if organisation is None:
        raise NobodyOperates("No organisation operates the fleet yet.")
    version, is_new = shipped.register(organisation=organisation)
    if is_new:
        yield f"Registered {version} ({version.artefact.size_bytes / 1e6:.0f} MB)"
    try:
        begun = [
            satellite
            for satellite in _without_a_model(version)
            if _send(version, satellite, organisation, now=now)
        ]
    except (directing.NotReleased, directing.Withdrawn) as refusal:
        # The keys are elsewhere, as they should be: people sign, and send it themselves.
        begun = []
        yield f"{version} is not sent: {refusal}"
    given = Release.objects.filter(artefact=version.artefact).last()
    if begun and given is not None:
        yield (
            f"Signed it as release {given.counter} with development keys of this machine "
            f"({keyfiles.folder()}); before you fly, keep keys elsewhere: docs/releases.md"
        )
    if begun:
        yield f"Sending {version} to {len(begun)} satellites, the one longest in view first"


def _without_a_model(version: Version) -> list[Satellite]:
    """Return the satellites in orbit that the version fits and that were never given a model."""
    served = Deployment.objects.exclude(active_sha256="").values("satellite_id")
    return list(
        Satellite.objects.filter(
            Q(profile__in=version.profiles.all()), is_active=True, planned=False
        ).exclude(pk__in=served)
    )


def _send(
    version: Version, satellite: Satellite, organisation: Organisation, *, now: datetime
) -> bool:
    """Create the transfer, once for ever; return whether it is new."""
    try:
        _, is_new = requests.request(
            transfer_id=uuid5(_NAMES, f"{version.artefact_id} {satellite.code}"),
            satellite=satellite,
            artefact=version.artefact,
            version=version,
            organisation=organisation,
            now=now,
        )
    except (requests.AlreadyUnderWay, errors.IdReused):
        return False
    return is_new
