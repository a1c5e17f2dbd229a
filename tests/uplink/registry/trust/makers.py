"""A release repository and a director to send from: honest ones, unless a test says otherwise."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from uplink.registry.trust import bundles, documents
from uplink.registry.trust.documents import Choice, Public
from uplink.registry.trust.state import Trusted
from uplink.registry.trust.verifying import Satellite, Verdict, verify

NOON = datetime(2026, 8, 22, 12, tzinfo=UTC)
NOON_S = NOON.timestamp()
YEAR = timedelta(days=365)
LINE, PROFILE = "smollm2", "scs-compute"
ONE, TWO = "11" * 32, "22" * 32
US = Satellite("SCS-01-M", PROFILE, 1_000_000)


@dataclass
class Ground:
    """Three people of whom two must sign, and a director."""

    offline: list[Ed25519PrivateKey] = field(
        default_factory=lambda: [Ed25519PrivateKey.generate() for _ in range(3)]
    )
    director: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    root_version: int = 1

    def root(self, *, signers=None, version=None, expires_at=NOON + 10 * YEAR, threshold=2):
        made = documents.root(
            version=version or self.root_version,
            expires_at=expires_at,
            offline=map(Public.of, self.offline),
            threshold=threshold,
            director=[Public.of(self.director)],
        )
        return documents.sign(made, self.offline if signers is None else signers)

    def release(self, counter, artefact=ONE, *, signers=None, length=1_000, **said):
        profiles, line = said.pop("profiles", [PROFILE]), said.pop("line", LINE)
        made = documents.release(
            counter=counter,
            line=line,
            artefacts={artefact: (length, said.pop("form", "echo"), profiles)},
            **{"expires_at": NOON + YEAR} | said,
        )
        return documents.sign(made, self.offline[:2] if signers is None else signers)

    def snapshot(self, version, counters, *, signers=None, expires_at=NOON + YEAR):
        made = documents.snapshot(
            version=version, expires_at=expires_at, releases=dict.fromkeys(counters, 1)
        )
        return documents.sign(made, self.offline[1:] if signers is None else signers)

    def assignment(self, version, snapshot, choice, *, signer=None, to=US, **said):
        made = documents.assignment(
            version=version,
            satellite=to.code,
            profile=to.profile,
            nonce=77,
            of=snapshot,
            choice=choice,
            **{"expires_at": NOON + timedelta(days=30)} | said,
        )
        return documents.sign(made, [signer or self.director])

    def bundle(self, number=1, artefact=ONE, *, counter=None, listed=None, **said):
        """Return an honest bundle: assignment, snapshot and counter all have `number`."""
        counter = counter or number
        snapshot = self.snapshot(number, listed or range(1, counter + 1))
        return bundles.encode(
            snapshot=snapshot,
            release=self.release(counter, artefact),
            assignment=self.assignment(number, snapshot, choose(counter, artefact), **said),
        )

    def trusted(self) -> Trusted:
        return Trusted.begin(self.root().to_dict())


def choose(counter=1, artefact=ONE, length=1_000, line=LINE, delta=None) -> Choice:
    return Choice(line, counter, artefact, length, delta)


def judged(content: bytes, state: Trusted, now_s: float = NOON_S, satellite=US) -> Verdict:
    return verify(content, state, now_s, satellite)


def taken(content: bytes, state: Trusted, now_s: float = NOON_S) -> Trusted:
    """Return the state after a bundle that must be accepted."""
    verdict = judged(content, state, now_s)
    assert verdict.refusal is None, verdict.refusal
    return verdict.state
