"""A satellite's judgement of what came up, by mission time and by nothing that a carrier says.

The order is TUF's (section 5), from the root down, and nothing of a document is looked at before
its signatures are; then Uptane's comparison of the two parties (section 5.4.4.2).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from tuf.api.metadata import Metadata, Root, Signed, Snapshot, Targets, Timestamp

from uplink.registry.trust import bundles, documents
from uplink.registry.trust.attacks import Attack, Refused
from uplink.registry.trust.documents import Choice
from uplink.registry.trust.state import Assigned, Trusted

JUMP_MOST = 10_000
"""A number this much above the last that was known is taken for an attempt to run it up."""
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Satellite:
    """Who judges: a satellite cannot be told that it is another, nor that it is made otherwise."""

    code: str
    profile: str
    storage_bytes: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to believe from now on, and either what may be installed or why nothing may.

    A root that was rotated in order is believed even where the rest is refused, so that a stolen
    key can be retired whatever its thief sends along.
    """

    state: Trusted
    assignment: Choice | None = None
    refusal: Refused | None = None


def verify(content: bytes, state: Trusted, now_s: float, satellite: Satellite) -> Verdict:
    """Judge a bundle at `now_s` (unix seconds of mission time). Never raises for what it reads."""
    try:
        bundle = bundles.decode(content)
        for fields in bundle.roots:
            state = _rotate(state, documents.read(fields, Root))
        _fresh(state.read_root(), now_s)
        if bundle.assignment is None:
            if not bundle.roots or (bundle.snapshot or bundle.release):
                raise Refused(Attack.MALFORMED, "no assignment")
            return Verdict(state)
        accepted, choice = _accept(bundle, state, now_s, satellite)
    except Refused as refusal:
        return Verdict(state, refusal=refusal)
    return Verdict(accepted, choice)


def may_load(state: Trusted, artefact: str, length: int, now_s: float) -> Assigned:
    """Return the accepted assignment that gives this artefact; `Refused` when none does freshly."""
    may_run(state, artefact)
    found = next((one for one in state.assigned.values() if one.artefact == artefact), None)
    if found is None:
        if artefact in state.superseded:
            text = f"counter {state.superseded[artefact]} was followed by a higher one"
            raise Refused(Attack.ROLLBACK, text)
        raise Refused(Attack.ARBITRARY_ARTEFACT, f"no release gives {artefact[:12]} to us")
    if found.length != length:
        text = f"{length} bytes where the release has {found.length}"
        raise Refused(Attack.ENDLESS_DATA, text)
    if now_s >= found.expires_s:
        raise Refused(Attack.EXPIRED, f"assigned until {found.expires_s:.0f}, it is {now_s:.0f}")
    return found


def may_run(state: Trusted, artefact: str) -> None:
    """Raise `Refused` when an artefact was withdrawn by those who sign releases or banned by the
    director; expiry alone stops nothing that is loaded."""
    if artefact in state.banned:
        raise Refused(Attack.REVOKED, f"{artefact[:12]} was banned by the director")
    if artefact in state.withdrawn:
        text = f"release {state.withdrawn[artefact]} was withdrawn"
        raise Refused(Attack.REVOKED, text)


def _rotate(state: Trusted, new: Metadata[Root]) -> Trusted:
    known = state.root_version
    if new.signed.version <= known:
        return state  # known already; to send it again is no attack
    if new.signed.version != known + 1:
        text = f"root {new.signed.version} follows {known}"
        raise Refused(Attack.FAST_FORWARD, text)
    _signed_by(state.read_root().signed, Root.type, new)
    _signed_by(new.signed, Root.type, new)
    return state.with_root(new)


def _accept(
    bundle: bundles.Bundle, state: Trusted, now_s: float, satellite: Satellite
) -> tuple[Trusted, Choice | None]:
    root = state.read_root().signed
    assignment = documents.read(bundle.assignment, Timestamp)
    _signed_by(root, documents.DIRECTOR_ROLE, assignment)
    said = documents.said(assignment)
    _meant_for(said, satellite)
    _is_next("assignment", assignment.signed.version, state.assignment_version)
    same = assignment.signed.version == state.assignment_version
    if same and documents.digest(assignment) != state.assignment_sha256:
        raise Refused(Attack.ROLLBACK, f"assignment {assignment.signed.version} says two things")
    _fresh(assignment, now_s)
    snapshot = _snapshot(bundle.snapshot, root, assignment, state, now_s)
    listed = {int(name.removesuffix(".json")): meta.version for name, meta in _entries(snapshot)}
    choice = documents.choice_of(assignment)
    bans = documents.bans_of(assignment)
    accepted = replace(state.with_snapshot(snapshot.signed.version, set(listed)), banned=bans)
    if choice is not None:
        if choice.artefact in bans:
            raise Refused(Attack.REVOKED, f"{choice.artefact[:12]} is given and banned at once")
        release = _release(bundle.release, root, choice, listed, now_s)
        form = _agree(choice, release, satellite)
        _not_older(choice, state)
        until_s = min(map(documents.expires_s, (assignment, snapshot, release)))
        new = Assigned(choice.artefact, choice.length, choice.counter, form, until_s)
        accepted = accepted.with_assigned(choice.line, new)
    nonce = said.get("nonce")
    if type(nonce) is not int or not 0 <= nonce < 1 << 64:
        raise Refused(Attack.MALFORMED, "an assignment without a nonce of 64 bits")
    return replace(
        accepted,
        assignment_version=assignment.signed.version,
        assignment_sha256=documents.digest(assignment),
        nonce=nonce,
    ), choice


def _signed_by(root: Root, role: str, document: Metadata[Any]) -> None:
    result = root.get_verification_result(role, document.signed_bytes, document.signatures)
    # Two names of one key are one signature.
    good = len({key.keyval["public"] for key in result.signed.values()})
    if good < result.threshold:
        text = f"{good} of {result.threshold} signatures on {document.signed.type} are good"
        raise Refused(Attack.KEY_COMPROMISE, text)


def _meant_for(said: dict[str, Any], satellite: Satellite) -> None:
    if said.get("satellite") != satellite.code:
        text = f"meant for {said.get('satellite')!r:.40}, this is {satellite.code}"
        raise Refused(Attack.WRONG_SATELLITE, text)
    if said.get("profile") != satellite.profile:
        text = f"meant for {said.get('profile')!r:.40}, this is {satellite.profile}"
        raise Refused(Attack.WRONG_HARDWARE, text)


def _is_next(what: str, version: int, known: int) -> None:
    if version < known:
        raise Refused(Attack.ROLLBACK, f"{what} {version} after {known}")
    if version > known + JUMP_MOST:
        raise Refused(Attack.FAST_FORWARD, f"{what} {version} after {known}")


def _fresh(document: Metadata[Signed], now_s: float) -> None:
    until_s = documents.expires_s(document)
    if now_s >= until_s:
        text = f"the {document.signed.type} ran out {now_s - until_s:.0f} s ago"
        raise Refused(Attack.EXPIRED, text)


def _snapshot(
    fields: object,
    root: Root,
    assignment: Metadata[Timestamp],
    state: Trusted,
    now_s: float,
) -> Metadata[Snapshot]:
    snapshot = documents.read(fields, Snapshot)
    _signed_by(root, Snapshot.type, snapshot)
    named = assignment.signed.snapshot_meta
    if (named.version, (named.hashes or {}).get("sha256")) != (
        snapshot.signed.version,
        documents.digest(snapshot),
    ):
        text = f"the assignment names another snapshot than {snapshot.signed.version}"
        raise Refused(Attack.MIX_AND_MATCH, text)
    _is_next("snapshot", snapshot.signed.version, state.snapshot_version)
    _fresh(snapshot, now_s)
    return snapshot


def _entries(snapshot: Metadata[Snapshot]) -> list[tuple[str, Any]]:
    entries = list(snapshot.signed.meta.items())
    if not all(name.removesuffix(".json").isdecimal() for name, _ in entries):
        raise Refused(Attack.MALFORMED, "a snapshot lists what is no release")
    return entries


def _release(
    fields: object, root: Root, choice: Choice, listed: dict[int, int], now_s: float
) -> Metadata[Targets]:
    release = documents.read(fields, Targets)
    _signed_by(root, Targets.type, release)
    said = documents.said(release)
    if (said.get("counter"), said.get("line")) != (choice.counter, choice.line):
        text = f"release {said.get('counter')!r:.20} came with an assignment of {choice.counter}"
        raise Refused(Attack.MIX_AND_MATCH, text)
    if choice.counter not in listed:
        raise Refused(Attack.REVOKED, f"release {choice.counter} is not in the snapshot")
    if listed[choice.counter] != release.signed.version:
        text = f"release {choice.counter} is not of the version that the snapshot lists"
        raise Refused(Attack.MIX_AND_MATCH, text)
    _fresh(release, now_s)
    return release


def _agree(choice: Choice, release: Metadata[Targets], satellite: Satellite) -> str:
    """Both parties name the same bytes, made for this hardware; return what form they have."""
    target = release.signed.targets.get(documents.ARTEFACT_PATH + choice.artefact)
    if target is None or target.hashes.get("sha256") != choice.artefact:
        text = f"release {choice.counter} does not name {choice.artefact[:12]}"
        raise Refused(Attack.ARBITRARY_ARTEFACT, text)
    if target.length != choice.length:
        text = f"{choice.length} bytes assigned, {target.length} released"
        raise Refused(Attack.MIX_AND_MATCH, text)
    custom = target.custom if isinstance(target.custom, dict) else {}
    profiles = custom.get("profiles")
    if not isinstance(profiles, list) or satellite.profile not in profiles:
        text = f"release {choice.counter} is not made for {satellite.profile}"
        raise Refused(Attack.WRONG_HARDWARE, text)
    if target.length > satellite.storage_bytes:
        text = f"{target.length} bytes do not fit into {satellite.storage_bytes}"
        raise Refused(Attack.ENDLESS_DATA, text)
    _check_delta(choice)
    return str(custom.get("format", ""))


def _check_delta(choice: Choice) -> None:
    delta = choice.delta
    if delta is None:
        return
    bases = all(isinstance(one, str) and _SHA256.fullmatch(one) for one in delta.bases)
    if delta.result != choice.artefact or delta.codec not in documents.CODECS or not bases:
        text = "the delta makes something else, or in a way that is not known here"
        raise Refused(Attack.DELTA_CONFUSION, text)


def _not_older(choice: Choice, state: Trusted) -> None:
    """Compare counters of the line; an authorised way back is a higher one with an old hash."""
    known = state.counters.get(choice.line, 0)
    if choice.counter < known:
        raise Refused(Attack.ROLLBACK, f"counter {choice.counter} after {known}")
    if choice.counter > known + JUMP_MOST:
        raise Refused(Attack.FAST_FORWARD, f"counter {choice.counter} after {known}")
    held = state.assigned.get(choice.line)
    if choice.counter == known and held is not None and held.artefact != choice.artefact:
        raise Refused(Attack.MIX_AND_MATCH, f"counter {known} names two artefacts")
