"""Signing on many machines: a file that goes from one key holder to the next.

The ground prepares it (no key, and no signature), each holder adds a signature on a machine of
their own that needs neither the database nor a network, and the ground publishes it once enough
have. What is signed are a release, if it is for one, and the snapshot that lists it; or a snapshot
that lists a withdrawn release no more. The counters are taken when it is prepared: if somebody else
publishes in between, the file is refused and has to be prepared anew.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import transaction
from tuf.api.exceptions import UnsignedMetadataError
from tuf.api.metadata import Metadata, Targets
from tuf.api.metadata import Root as RootDocument
from tuf.api.metadata import Snapshot as SnapshotDocument

from ops import errors
from ops.accounts.models import Organisation
from uplink.registry.models import Artefact, Version
from uplink.registry.trust import documents
from uplink.registry.trust.attacks import Refused
from uplink.registry.trust.documents import Public
from uplink.releases import roots, signing
from uplink.releases.models import Release

FORM = "zenith-release-ceremony-1"
FILE_BYTES_MAX = 1_000_000


class BadCeremony(errors.Invalid):
    """The file is not one that `prepare` made, or was changed since."""

    code = "bad_ceremony"


class Overtaken(errors.Conflict):
    """Another release was published since this was prepared."""

    code = "overtaken"


@dataclass(slots=True)
class Ceremony:
    """What is to be signed. `withdraws` and `reason` are of a withdrawal, which has no release."""

    about: dict[str, Any]
    snapshot: Metadata[SnapshotDocument]
    release: Metadata[Targets] | None = None

    @property
    def signed(self) -> list[Metadata]:
        return [one for one in (self.release, self.snapshot) if one is not None]

    @property
    def holders(self) -> list[str]:
        """Ids of the keys that signed all of it."""
        return sorted(set.intersection(*(set(one.signatures) for one in self.signed)))

    def lines(self) -> list[str]:
        """Say what is signed, from the documents themselves and nothing beside them."""
        said = []
        if self.release is not None:
            told = self.release.signed.unrecognized_fields["zenith"]
            said.append(f"release {told['counter']} of {told['line']} {told.get('version', '')}")
            for path, target in self.release.signed.targets.items():
                profiles = ", ".join(target.unrecognized_fields["custom"]["profiles"])
                said.append(f"  {path}, {target.length} bytes, for {profiles}")
            said.append(f"  until {self.release.signed.expires:%Y-%m-%dT%H:%M:%SZ}")
        names = ", ".join(sorted(self.snapshot.signed.meta, key=lambda one: (len(one), one)))
        said.append(f"snapshot {self.snapshot.signed.version} lists {names or 'nothing'}")
        said.append(f"  until {self.snapshot.signed.expires:%Y-%m-%dT%H:%M:%SZ}")
        return said


def prepare_release(version: Version, organisation: Organisation, *, now: datetime) -> Ceremony:
    """Return what has to be signed for a version to be released under the next counter."""
    counter, profiles = signing.next_counter(), signing.profiles_of(version)
    release = signing.unsigned(counter, version.artefact, version, profiles, now=now)
    listed = signing.listed(plus={counter: release.signed.version})
    return Ceremony(
        {
            "artefact": version.artefact_id,
            "model": version.model.name,
            "version": version.version,
            "organisation": organisation.slug,
            "profiles": sorted(profiles),
        },
        signing.unsigned_snapshot(listed, now=now),
        release,
    )


def prepare_withdrawal(counter: int, reason: str, *, now: datetime) -> Ceremony:
    """Return what has to be signed for a release to be withdrawn."""
    with transaction.atomic():
        signing.withdrawable(counter)
    listed = signing.listed(without=counter)
    about = {"withdraws": counter, "reason": reason[:300]}
    return Ceremony(about, signing.unsigned_snapshot(listed, now=now))


def write(ceremony: Ceremony, path: Path) -> None:
    """Write the file whole or not at all."""
    fields = {
        "form": FORM,
        "about": ceremony.about,
        "release": ceremony.release.to_dict() if ceremony.release else None,
        "snapshot": ceremony.snapshot.to_dict(),
    }
    number, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(number, "w") as file:
        json.dump(fields, file, indent=1, sort_keys=True)
        file.flush()
        os.fsync(file.fileno())
    os.replace(name, path)


def read(path: Path) -> Ceremony:
    """Read a file; `BadCeremony` says what is wrong with it."""
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise BadCeremony(f"{path} is no ceremony: it has more than {FILE_BYTES_MAX} bytes.")
        fields = json.loads(path.read_bytes())
        if not isinstance(fields, dict) or fields.get("form") != FORM:
            raise BadCeremony(f"{path} is no ceremony: its form is not {FORM}.")
        about, release = fields["about"], fields["release"]
        if not isinstance(about, dict):
            raise BadCeremony(f"{path}: what it is about is not an object.")
        return Ceremony(
            about,
            documents.read(fields["snapshot"], SnapshotDocument),
            documents.read(release, Targets) if release is not None else None,
        )
    except OSError as error:
        raise BadCeremony(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, Refused) as error:
        raise BadCeremony(f"{path} is no ceremony: {error}") from error


def add_signatures(ceremony: Ceremony, keys: Sequence[Ed25519PrivateKey]) -> list[str]:
    """Sign all of it with these keys; return their ids. Needs no database."""
    if not keys:
        raise BadCeremony("There is no key in these folders.")
    for document in ceremony.signed:
        documents.sign(document, keys)
    return [Public.of(key).keyid for key in keys]


@transaction.atomic
def publish(ceremony: Ceremony, *, now: datetime) -> Release:
    """Take what enough people signed; return the release that is given out, or was withdrawn.

    `NotEnoughKeys`, `Overtaken`, and `BadCeremony` when what was signed is not what is said.
    """
    roots.alone()
    root = roots.current(now=now).signed
    _check_signed(root, "snapshot", ceremony.snapshot)
    if ceremony.snapshot.signed.version != signing.next_snapshot():
        raise Overtaken(
            f"Snapshot {ceremony.snapshot.signed.version} was to be signed, and "
            f"{signing.next_snapshot()} is the next; prepare it anew."
        )
    if ceremony.release is None:
        row = _withdraw(ceremony, now=now)
    else:
        _check_signed(root, "targets", ceremony.release)
        row = _release(ceremony, now=now)
    wanted = signing.unsigned_snapshot(signing.listed(), now=now)
    if wanted.signed.meta != ceremony.snapshot.signed.meta:
        raise BadCeremony("The snapshot that was signed lists other releases than it has to.")
    signing.keep_snapshot(ceremony.snapshot, now=now)
    return row


def _check_signed(root: RootDocument, role: str, document: Metadata) -> None:
    try:
        root.verify_delegate(role, document.signed_bytes, document.signatures)
    except UnsignedMetadataError as error:
        needed = root.roles[role].threshold
        good = [one for one in document.signatures if one in root.roles[role].keyids]
        raise roots.NotEnoughKeys(
            f"{needed} keys have to sign; of those that count, {len(good)} did, or signed "
            "something else."
        ) from error


def _release(ceremony: Ceremony, *, now: datetime) -> Release:
    document, about = ceremony.release, ceremony.about
    artefact = Artefact.objects.filter(pk=str(about.get("artefact"))).first()
    version = Version.objects.filter(
        model__name=str(about.get("model")), version=str(about.get("version")), artefact=artefact
    ).first()
    organisation = Organisation.objects.filter(slug=str(about.get("organisation"))).first()
    if artefact is None or version is None or organisation is None:
        raise BadCeremony("The version or the organisation that it names is not known here.")
    counter = document.signed.unrecognized_fields.get("zenith", {}).get("counter")
    if counter != signing.next_counter():
        raise Overtaken(
            f"Release {counter} was to be signed, and {signing.next_counter()} is the next; "
            "prepare it anew."
        )
    profiles = about.get("profiles")
    if not isinstance(profiles, list) or not all(isinstance(one, str) for one in profiles):
        raise BadCeremony("The hardware profiles that it names are no list of names.")
    wanted = signing.unsigned(counter, artefact, version, profiles, now=now)
    said = (document.signed.targets, document.signed.unrecognized_fields)
    if said != (wanted.signed.targets, wanted.signed.unrecognized_fields):
        raise BadCeremony("What was signed is not the artefact, or not for the hardware, it names.")
    return signing.keep(document, counter, artefact, version, profiles, organisation, now=now)


def _withdraw(ceremony: Ceremony, *, now: datetime) -> Release:
    counter, reason = ceremony.about.get("withdraws"), ceremony.about.get("reason")
    if type(counter) is not int or not isinstance(reason, str):
        raise BadCeremony("It says neither what is released nor what is withdrawn, and why.")
    return signing.mark_withdrawn(counter, reason, now=now)
