"""What a satellite knows for certain, kept on board as a small JSON file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from tuf.api.metadata import Metadata, Root

from uplink.registry.trust import documents
from uplink.registry.trust.attacks import Attack, Refused

SUPERSEDED_MOST = 16


@dataclass(frozen=True, slots=True)
class Assigned:
    """An artefact that may be installed, until `expires_s` (unix seconds of mission time)."""

    artefact: str
    length: int
    counter: int
    form: str
    expires_s: float


@dataclass(frozen=True)
class Trusted:
    """Whom a satellite believes, and the numbers below which it does not go.

    `assigned` has the newest of each line, `superseded` and `withdrawn` are artefacts with the
    counters they had: the first are known to be old, the second were taken back.
    """

    root: dict[str, Any]
    assignment_version: int = 0
    assignment_sha256: str = ""
    snapshot_version: int = 0
    nonce: int = 0
    assigned: dict[str, Assigned] = field(default_factory=dict)
    counters: dict[str, int] = field(default_factory=dict)
    superseded: dict[str, int] = field(default_factory=dict)
    withdrawn: dict[str, int] = field(default_factory=dict)
    banned: tuple[str, ...] = ()
    """Artefacts that the newest assignment bans."""

    @classmethod
    def begin(cls, root: Any) -> Trusted:
        """Trust a root because it was there when the satellite was made: it must be self-signed
        by its threshold, or `Refused`."""
        document = documents.read(root, Root)
        if not document.signed.get_verification_result(
            Root.type, document.signed_bytes, document.signatures
        ):
            raise Refused(Attack.KEY_COMPROMISE, "the first root is not signed by its own keys")
        return cls(document.to_dict())

    @classmethod
    def from_json(cls, content: bytes) -> Trusted:
        fields = json.loads(content)
        assigned = {line: Assigned(**one) for line, one in fields.pop("assigned").items()}
        banned = tuple(fields.pop("banned", ()))
        return cls(**fields, assigned=assigned, banned=banned)

    def to_json(self) -> bytes:
        return json.dumps(asdict(self), separators=(",", ":")).encode()

    def read_root(self) -> Metadata[Root]:
        return documents.read(self.root, Root)

    @property
    def root_version(self) -> int:
        return self.root["signed"]["version"]

    def counter_of(self, artefact: str) -> int:
        """Return the counter under which an artefact came, 0 when none did."""
        for one in self.assigned.values():
            if one.artefact == artefact:
                return one.counter
        return self.superseded.get(artefact, self.withdrawn.get(artefact, 0))

    @property
    def highest_counter(self) -> int:
        return max((*self.counters.values(), *self.withdrawn.values()), default=0)

    def with_root(self, new: Metadata[Root]) -> Trusted:
        """Trust the next root. Numbers given under keys that it retires are forgotten: this is the
        way back from a thief who ran them up (TUF 1.0, section 5.3.11)."""
        before = self.read_root().signed
        state = replace(self, root=new.to_dict())
        if _keys(before, documents.DIRECTOR_ROLE) != _keys(new.signed, documents.DIRECTOR_ROLE):
            state = replace(state, assignment_version=0, assignment_sha256="")
        if _lost(before, new.signed, "snapshot"):
            state = replace(state, snapshot_version=0)
        if _lost(before, new.signed, "targets"):
            state = replace(state, counters={})
        return state

    def with_assigned(self, line: str, new: Assigned) -> Trusted:
        assigned, superseded = dict(self.assigned), dict(self.superseded)
        old = assigned.get(line)
        if old is not None and old.artefact != new.artefact:
            superseded[old.artefact] = old.counter
        superseded.pop(new.artefact, None)
        withdrawn = {sha: n for sha, n in self.withdrawn.items() if sha != new.artefact}
        kept = sorted(superseded.items(), key=lambda one: one[1])[-SUPERSEDED_MOST:]
        assigned[line] = new
        return replace(
            self,
            assigned=assigned,
            counters={**self.counters, line: new.counter},
            superseded=dict(kept),
            withdrawn=withdrawn,
        )

    def with_snapshot(self, version: int, listed: set[int]) -> Trusted:
        """Take note of a snapshot: what it lists no more was withdrawn."""
        gone = {
            one.artefact: one.counter for one in self.assigned.values() if one.counter not in listed
        } | {sha: number for sha, number in self.superseded.items() if number not in listed}
        kept = {one: at for one, at in self.assigned.items() if at.counter in listed}
        withdrawn = sorted((self.withdrawn | gone).items(), key=lambda one: one[1])
        return replace(
            self,
            snapshot_version=version,
            assigned=kept,
            superseded={sha: n for sha, n in self.superseded.items() if sha not in gone},
            withdrawn=dict(withdrawn[-SUPERSEDED_MOST:]),
        )


def _keys(root: Root, role: str) -> dict[str, str]:
    return {name: root.keys[name].keyval["public"] for name in root.roles[role].keyids}


def _lost(before: Root, after: Root, role: str) -> bool:
    """Say whether keys were retired to such a number that a threshold might have been stolen."""
    gone = set(_keys(before, role).values()) - set(_keys(after, role).values())
    return len(gone) >= before.roles[role].threshold
