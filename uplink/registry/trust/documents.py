"""The signed documents: made here, signed here, and read from bytes nobody trusts.

They are TUF metadata (`tuf.api.metadata`), signed with Ed25519 over their canonical JSON. What TUF
has no field for stands under `zenith` in an assignment and under `custom` in a release.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner, SSlibKey
from tuf.api.metadata import (
    Metadata,
    MetaFile,
    Role,
    Root,
    Signed,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)
from tuf.api.serialization import SerializationError

from uplink.registry.trust.attacks import Attack, Refused

OFFLINE_ROLES = ("root", "targets", "snapshot")
DIRECTOR_ROLE = "timestamp"
ARTEFACT_PATH = "artefact/"
BANS_MOST = 32
"""Artefacts that an assignment bans, so that a bundle stays under 8 KiB."""
RELEASES_MOST = 100
"""Releases that a snapshot lists; older ones are retired, so that it stays under 4 KiB."""
UNREADABLE = (
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    RecursionError,
    OverflowError,
    SerializationError,
)
"""What reading a document can raise, whatever somebody wrote into it."""

S = TypeVar("S", bound=Signed)
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Delta:
    """How the artefact may be made from one on board; the release's own hash judges the result."""

    codec: str
    bases: tuple[str, ...]
    result: str


CODECS = ("chunks-1",)
"""Deltas that satellites decode: the chunk manifests of `uplink.transfers.packaging`."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What the director gives to a satellite: all of it must be in a release, too."""

    line: str
    counter: int
    artefact: str
    length: int
    delta: Delta | None = None


@dataclass(frozen=True, slots=True)
class Public:
    """A key's name and what checks its signatures, both in hex."""

    keyid: str
    public: str

    @classmethod
    def of(cls, private: Ed25519PrivateKey) -> Public:
        key = CryptoSigner(private).public_key
        return cls(key.keyid, key.keyval["public"])

    def as_key(self) -> SSlibKey:
        return SSlibKey(self.keyid, "ed25519", "ed25519", {"public": self.public})


def root(
    *,
    version: int,
    expires_at: datetime,
    offline: Iterable[Public],
    threshold: int,
    director: Iterable[Public],
) -> Metadata[Root]:
    """Return an unsigned root: who may sign releases, how many of them, and who directs."""
    offline, director = tuple(offline), tuple(director)
    if not 1 <= threshold <= len({key.keyid for key in offline}):
        raise ValueError(f"a threshold of {threshold} with {len(offline)} offline keys")
    if not director or {one.keyid for one in offline} & {one.keyid for one in director}:
        raise ValueError("the director needs a key of its own")
    names = [key.keyid for key in offline]
    roles = {name: Role(names, threshold) for name in OFFLINE_ROLES}
    roles[DIRECTOR_ROLE] = Role([key.keyid for key in director], 1)
    keys = {key.keyid: key.as_key() for key in (*offline, *director)}
    return Metadata(
        Root(
            version=version,
            expires=_whole(expires_at),
            keys=keys,
            roles=roles,
            consistent_snapshot=False,
        )
    )


def release(
    *,
    counter: int,
    line: str,
    expires_at: datetime,
    artefacts: Mapping[str, tuple[int, str, Iterable[str]]],
    about: Mapping[str, str] | None = None,
    version: int = 1,
) -> Metadata[Targets]:
    """Return an unsigned release: `artefacts` maps SHA-256 to (bytes, format, profiles).

    `line` is the family whose counters follow one another; `about` is for people.
    """
    targets = {
        ARTEFACT_PATH + sha: TargetFile(
            length,
            {"sha256": sha},
            ARTEFACT_PATH + sha,
            {"custom": {"format": form, "profiles": sorted(profiles)}},
        )
        for sha, (length, form, profiles) in artefacts.items()
    }
    said = {"zenith": {"counter": counter, "line": line, **(about or {})}}
    return Metadata(
        Targets(
            version=version,
            expires=_whole(expires_at),
            targets=targets,
            unrecognized_fields=said,
        )
    )


def snapshot(
    *, version: int, expires_at: datetime, releases: Mapping[int, int]
) -> Metadata[Snapshot]:
    """Return an unsigned snapshot: which releases may be installed, by counter and version."""
    if len(releases) > RELEASES_MOST:
        raise ValueError(f"{len(releases)} releases are more than {RELEASES_MOST}: retire some")
    meta = {release_name(counter): MetaFile(number) for counter, number in releases.items()}
    return Metadata(Snapshot(version=version, expires=_whole(expires_at), meta=meta))


def assignment(
    *,
    version: int,
    expires_at: datetime,
    satellite: str,
    profile: str,
    nonce: int,
    of: Metadata[Snapshot],
    choice: Choice | None,
    bans: Sequence[str] = (),
) -> Metadata[Timestamp]:
    """Return an unsigned assignment; without `choice` it only brings the snapshot to notice.

    `bans` are artefacts (SHA-256) that are not to be loaded or switched to, whoever signed for
    them: the director alone can say no, and only with the people yes.
    """
    said: dict[str, Any] = {"satellite": satellite, "profile": profile, "nonce": nonce}
    if len(bans) > BANS_MOST:
        raise ValueError(f"{len(bans)} bans are more than {BANS_MOST}")
    if bans:
        said["bans"] = sorted(bans)
    if choice is not None:
        chosen = asdict(choice)
        said["choice"] = {name: value for name, value in chosen.items() if value is not None}
    meta = MetaFile(of.signed.version, hashes={"sha256": digest(of)})
    return Metadata(
        Timestamp(
            version=version,
            expires=_whole(expires_at),
            snapshot_meta=meta,
            unrecognized_fields={"zenith": said},
        )
    )


def sign(document: Metadata[S], keys: Iterable[Ed25519PrivateKey]) -> Metadata[S]:
    """Add the signatures of `keys` to those that are there; return the document."""
    for key in keys:
        document.sign(CryptoSigner(key), append=True)
    return document


def digest(document: Metadata[S]) -> str:
    """Return the SHA-256 of what is signed: it stays when another signature is added."""
    return hashlib.sha256(document.signed_bytes).hexdigest()


def release_name(counter: int) -> str:
    return f"{counter}.json"


def read(fields: object, kind: type[S]) -> Metadata[S]:
    """Read a document of type `kind` from decoded JSON; `Refused` as malformed when it is none."""
    if not isinstance(fields, dict):
        raise Refused(Attack.MALFORMED, f"a {kind.type} is not an object")
    try:
        # It takes apart what it is given.
        document = Metadata.from_dict(_copied(fields))
        if not isinstance(document.signed, kind):
            raise Refused(Attack.MALFORMED, f"{document.signed.type} stands in for {kind.type}")
        if type(document.signed.version) is not int or not document.signed_bytes:
            raise Refused(Attack.MALFORMED, f"a {kind.type} has no whole version")
        if isinstance(document.signed, Root):
            _check_keys(document.signed)
    except UNREADABLE as error:
        raise Refused(Attack.MALFORMED, f"a {kind.type} cannot be read: {error!r:.80}") from error
    return document


def _check_keys(root: Root) -> None:
    """Refuse a root whose roles name keys that it does not hold, or fewer than have to sign."""
    for name, role in root.roles.items():
        if not set(role.keyids) <= set(root.keys) or len(role.keyids) < role.threshold:
            raise Refused(Attack.MALFORMED, f"the root has not the keys of its role {name}")


def said(document: Metadata[S]) -> dict[str, Any]:
    """Return what stands under `zenith`; `Refused` as malformed when nothing does."""
    fields = document.signed.unrecognized_fields.get("zenith")
    if not isinstance(fields, dict):
        raise Refused(Attack.MALFORMED, f"a {document.signed.type} says nothing of ours")
    return fields


def choice_of(document: Metadata[Timestamp]) -> Choice | None:
    """Return what an assignment gives, if anything; `Refused` as malformed when it is not sane."""
    fields = said(document).get("choice")
    if fields is None:
        return None
    try:
        delta = fields.get("delta")
        choice = Choice(
            line=fields["line"],
            counter=fields["counter"],
            artefact=fields["artefact"],
            length=fields["length"],
            delta=delta and Delta(delta["codec"], tuple(delta["bases"]), delta["result"]),
        )
    except UNREADABLE as error:
        raise Refused(Attack.MALFORMED, f"a choice cannot be read: {error!r:.80}") from error
    sane = (
        isinstance(choice.line, str)
        and type(choice.counter) is int
        and choice.counter > 0
        and isinstance(choice.artefact, str)
        and type(choice.length) is int
        and choice.length > 0
    )
    if not sane:
        raise Refused(Attack.MALFORMED, "a choice without line, counter, artefact or length")
    return choice


def bans_of(document: Metadata[Timestamp]) -> tuple[str, ...]:
    """Return the artefacts that an assignment bans; `Refused` as malformed when it is not sane."""
    bans = said(document).get("bans", [])
    if not isinstance(bans, list) or len(bans) > BANS_MOST:
        raise Refused(Attack.MALFORMED, f"bans are a list of {BANS_MOST} at most")
    if not all(isinstance(one, str) and _SHA256.fullmatch(one) for one in bans):
        raise Refused(Attack.MALFORMED, "a ban is not of a SHA-256")
    return tuple(bans)


def expires_s(document: Metadata[S]) -> float:
    """Return when a document runs out, in unix seconds of mission time."""
    return document.signed.expires.replace(tzinfo=UTC).timestamp()


def _whole(instant: datetime) -> datetime:
    """Return an instant as TUF writes it: in UTC, to the second."""
    return instant.astimezone(UTC).replace(microsecond=0)


def _copied(fields: Any) -> Any:
    if isinstance(fields, dict):
        return {name: _copied(value) for name, value in fields.items()}
    return [_copied(one) for one in fields] if isinstance(fields, list) else fields
