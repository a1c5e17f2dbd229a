"""Each attack of the table, against the verifier that flies."""

import copy
import json
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.uplink.registry.trust.makers import (
    NOON,
    NOON_S,
    ONE,
    PROFILE,
    TWO,
    US,
    YEAR,
    Ground,
    choose,
    judged,
    taken,
)
from uplink.registry.trust import bundles, documents, verifying
from uplink.registry.trust.attacks import Attack, Refused
from uplink.registry.trust.documents import Delta
from uplink.registry.trust.state import Trusted
from uplink.registry.trust.verifying import Satellite

DAY_S = 86_400.0


@pytest.fixture
def ground():
    return Ground()


@pytest.fixture
def state(ground):
    return ground.trusted()


def assert_refused(content, state, attack, now_s=NOON_S, satellite=US):
    """The bundle is refused by this name, and nothing of it is believed."""
    verdict = judged(content, state, now_s, satellite)
    assert verdict.refusal is not None, "it was accepted"
    assert verdict.refusal.attack is attack, verdict.refusal
    assert verdict.assignment is None
    return verdict


def loads(state, artefact=ONE, length=1_000, now_s=NOON_S):
    verifying.may_load(state, artefact, length, now_s)


def test_an_honest_bundle_is_accepted_and_stays_under_8_kib(ground, state):
    content = ground.bundle()
    verdict = judged(content, state)

    assert verdict.assignment == choose()
    assert len(content) < 8_192
    loads(verdict.state)
    with_root = bundles.encode(
        roots=[ground.root()],
        snapshot=(snapshot := ground.snapshot(1, range(1, 41))),
        release=ground.release(40),
        assignment=ground.assignment(1, snapshot, choose(40)),
    )
    assert len(with_root) < 8_192
    # The very same again is no attack: files come twice over bad links.
    again = judged(content, verdict.state)
    assert (again.refusal, again.state) == (None, verdict.state)


def test_what_is_trusted_survives_a_restart(ground, state):
    state = taken(ground.bundle(2, TWO), taken(ground.bundle(), state))
    assert Trusted.from_json(state.to_json()) == state
    assert len(state.to_json()) < 8_192


def test_rollback_by_an_old_bundle_is_refused(ground, state):
    old = ground.bundle(1, ONE)
    state = taken(ground.bundle(2, TWO), taken(old, state))

    assert_refused(old, state, Attack.ROLLBACK)
    with pytest.raises(Refused, match="rollback: counter 1 was followed"):
        loads(state, ONE)


def test_rollback_by_a_director_that_chooses_an_old_release_is_refused(ground, state):
    state = taken(ground.bundle(2, TWO), state)
    assert_refused(ground.bundle(3, ONE, counter=1, listed=[1, 2]), state, Attack.ROLLBACK)


def test_rollback_by_an_old_snapshot_is_refused(ground, state):
    state = taken(ground.bundle(3, ONE, counter=1), state)
    before = ground.snapshot(2, [1])
    content = bundles.encode(
        snapshot=before,
        release=ground.release(1),
        assignment=ground.assignment(4, before, choose()),
    )
    assert_refused(content, state, Attack.ROLLBACK)


def test_an_authorised_way_back_is_a_higher_counter_with_an_old_hash(ground, state):
    state = taken(ground.bundle(2, TWO), taken(ground.bundle(1, ONE), state))
    state = taken(ground.bundle(3, ONE), state)
    loads(state, ONE)
    assert state.counters == {"smollm2": 3}
    with pytest.raises(Refused, match="rollback"):
        loads(state, TWO)


def test_two_things_under_one_number_are_refused(ground, state):
    state = taken(ground.bundle(1), state)
    assert_refused(ground.bundle(1, TWO), state, Attack.ROLLBACK)
    assert_refused(ground.bundle(2, TWO, counter=1), state, Attack.MIX_AND_MATCH)


def test_a_freeze_refuses_what_is_new_and_stops_nothing(ground, state):
    state = taken(ground.bundle(), state)
    late_s = NOON_S + 31 * DAY_S

    assert_refused(ground.bundle(2, TWO), state, Attack.EXPIRED, late_s)
    with pytest.raises(Refused, match="expired"):
        loads(state, now_s=late_s)
    verifying.may_run(state, ONE)


@pytest.mark.parametrize("which", ["root", "snapshot", "release", "assignment"])
def test_each_document_runs_out_by_mission_time(ground, which):
    ends = {"expires_at": NOON - timedelta(seconds=1)}
    state = Trusted.begin(ground.root(**ends if which == "root" else {}).to_dict())
    snapshot = ground.snapshot(1, [1], **ends if which == "snapshot" else {})
    content = bundles.encode(
        snapshot=snapshot,
        release=ground.release(1, **ends if which == "release" else {}),
        assignment=ground.assignment(
            1, snapshot, choose(), **ends if which == "assignment" else {}
        ),
    )
    assert_refused(content, state, Attack.EXPIRED)
    assert judged(content, state, NOON_S - 2).refusal is None


def test_mix_and_match_is_refused(ground, state):
    ours, other = ground.snapshot(1, [1]), ground.snapshot(1, [1, 2])
    assigned = ground.assignment(1, ours, choose())
    released = ground.release(1)
    for parts in (
        {"snapshot": other, "release": released},
        {"snapshot": ours, "release": ground.release(2)},
        {"snapshot": ours, "release": ground.release(1, line="qwen3")},
        {"snapshot": ours, "release": ground.release(1, version=2)},
        {"snapshot": ours, "release": ground.release(1, length=999)},
    ):
        content = bundles.encode(assignment=assigned, **parts)
        assert_refused(content, state, Attack.MIX_AND_MATCH)


def test_an_arbitrary_artefact_is_refused(ground, state):
    snapshot = ground.snapshot(1, [1])
    content = bundles.encode(
        snapshot=snapshot,
        release=ground.release(1, ONE),
        assignment=ground.assignment(1, snapshot, choose(1, TWO)),
    )
    assert_refused(content, state, Attack.ARBITRARY_ARTEFACT)
    with pytest.raises(Refused, match="arbitrary_artefact"):
        loads(state, TWO)


def test_wrong_hardware_is_refused_by_either_party(ground, state):
    other = Satellite(US.code, "starcloud-h100", US.storage_bytes)
    assert_refused(ground.bundle(), state, Attack.WRONG_HARDWARE, satellite=other)
    snapshot = ground.snapshot(1, [1])
    content = bundles.encode(
        snapshot=snapshot,
        release=ground.release(1, profiles=["starcloud-h100"]),
        assignment=ground.assignment(1, snapshot, choose()),
    )
    assert_refused(content, state, Attack.WRONG_HARDWARE)


def test_another_satellites_assignment_is_refused(ground, state):
    other = Satellite("SCS-01-J", PROFILE, US.storage_bytes)
    assert_refused(ground.bundle(), state, Attack.WRONG_SATELLITE, satellite=other)


def test_numbers_run_up_are_refused(ground, state):
    far = verifying.JUMP_MOST + 1
    near = ground.snapshot(1, [1])
    ahead = ground.snapshot(far, [1])
    for snapshot, version, counter in ((near, far, 1), (ahead, 1, 1)):
        content = bundles.encode(
            snapshot=snapshot,
            release=ground.release(counter),
            assignment=ground.assignment(version, snapshot, choose(counter)),
        )
        assert_refused(content, state, Attack.FAST_FORWARD)
    skipped = bundles.encode(roots=[ground.root(version=3)])
    assert_refused(skipped, state, Attack.FAST_FORWARD)


def test_one_stolen_offline_key_signs_nothing(ground, state):
    thief = ground.offline[0]
    snapshot = ground.snapshot(1, [1])
    for released, listed in (
        (ground.release(1, signers=[thief]), snapshot),
        (ground.release(1), ground.snapshot(1, [1], signers=[thief])),
        (ground.release(1, signers=[thief, Ed25519PrivateKey.generate()]), snapshot),
    ):
        content = bundles.encode(
            snapshot=listed,
            release=released,
            assignment=ground.assignment(1, listed, choose()),
        )
        assert_refused(content, state, Attack.KEY_COMPROMISE)
    alone = Ground(offline=[thief, Ed25519PrivateKey.generate()], director=ground.director)
    usurped = bundles.encode(roots=[alone.root(version=2)])
    assert_refused(usurped, state, Attack.KEY_COMPROMISE)


def test_one_key_under_two_names_is_one_key(ground):
    signed = ground.release(1, signers=ground.offline[:1])
    (name,) = signed.signatures
    root = ground.root()
    root.signed.keys["ab" * 32] = copy.copy(root.signed.keys[name])
    root.signed.roles["targets"].keyids.append("ab" * 32)
    signed.signatures["ab" * 32] = signed.signatures[name]
    with pytest.raises(Refused, match="1 of 2"):
        verifying._signed_by(root.signed, "targets", signed)


def test_a_thief_of_the_directors_key_cannot_release(ground, state):
    snapshot = ground.snapshot(1, [1], signers=[ground.director])
    content = bundles.encode(
        snapshot=snapshot,
        release=ground.release(1, signers=[ground.director]),
        assignment=ground.assignment(1, snapshot, choose()),
    )
    assert_refused(content, state, Attack.KEY_COMPROMISE)
    stranger = ground.bundle(1, signer=Ed25519PrivateKey.generate())
    assert_refused(stranger, state, Attack.KEY_COMPROMISE)


def test_a_stolen_key_is_rotated_out_and_what_it_ran_up_is_forgotten(ground, state):
    stolen = ground.director
    state = taken(ground.bundle(9_000, ONE, counter=1, listed=[1]), state)
    ground.director, ground.root_version = Ed25519PrivateKey.generate(), 2
    rotated = bundles.encode(roots=[ground.root()])

    state = taken(rotated, state)
    assert (state.root_version, state.assignment_version) == (2, 0)
    again = ground.bundle(9_001, ONE, counter=1, signer=stolen)
    assert_refused(again, state, Attack.KEY_COMPROMISE)
    snapshot = ground.snapshot(9_000, [1, 2])
    content = bundles.encode(
        snapshot=snapshot,
        release=ground.release(2, TWO),
        assignment=ground.assignment(1, snapshot, choose(2, TWO)),
    )
    loads(taken(content, state), TWO)


def test_a_chain_of_roots_is_followed_in_order_even_when_the_rest_is_refused(ground, state):
    chain = []
    for version in (2, 3):
        leaving = ground.offline[:2]
        ground.offline = [*ground.offline[1:], Ed25519PrivateKey.generate()]
        signers = {id(key): key for key in (*leaving, *ground.offline)}.values()
        # The one in between has run out; it only has to lead on.
        expires_at = NOON - YEAR if version == 2 else NOON + YEAR
        chain.append(ground.root(version=version, signers=signers, expires_at=expires_at))

    assert_refused(bundles.encode(roots=chain[1:]), state, Attack.FAST_FORWARD)
    parts = json.loads(bundles.encode(roots=chain))
    parts["assignment"] = {"signed": {}}
    verdict = assert_refused(json.dumps(parts).encode(), state, Attack.MALFORMED)
    assert verdict.state.root_version == 3
    loads(taken(ground.bundle(), verdict.state))


def test_a_withdrawn_release_is_neither_loaded_nor_run(ground, state):
    state = taken(ground.bundle(), state)
    snapshot = ground.snapshot(2, [2])
    notice = bundles.encode(
        snapshot=snapshot, assignment=ground.assignment(2, snapshot, choice=None)
    )
    state = taken(notice, state)
    for question in (lambda: loads(state), lambda: verifying.may_run(state, ONE)):
        with pytest.raises(Refused, match="revoked"):
            question()
    assert_refused(ground.bundle(3, ONE, counter=1, listed=[2]), state, Attack.REVOKED)


def test_what_the_director_bans_is_neither_loaded_nor_run_until_it_says_otherwise(ground, state):
    state = taken(ground.bundle(), state)
    snapshot = ground.snapshot(2, [1])

    def notice(number, bans):
        said = ground.assignment(number, snapshot, choice=None, bans=bans)
        return bundles.encode(snapshot=snapshot, assignment=said)

    state = Trusted.from_json(taken(notice(2, [ONE]), state).to_json())
    for question in (lambda: loads(state), lambda: verifying.may_run(state, ONE)):
        with pytest.raises(Refused, match="banned by the director"):
            question()
    verifying.may_run(state, TWO)
    # It cannot give what it bans, and who replays what was said before is refused.
    given = ground.bundle(3, ONE, counter=1, listed=[1], bans=[ONE])
    assert_refused(given, state, Attack.REVOKED)
    assert_refused(ground.bundle(), state, Attack.ROLLBACK)
    state = taken(notice(3, []), state)
    loads(state)
    # A ban is for the director to say.
    stranger = Ed25519PrivateKey.generate()
    usurped = ground.assignment(4, snapshot, choice=None, bans=[ONE], signer=stranger)
    forged = bundles.encode(snapshot=snapshot, assignment=usurped)
    assert_refused(forged, state, Attack.KEY_COMPROMISE)


@pytest.mark.parametrize(
    "bans", [{}, "11", [7], ["zz"], ["11" * 31], [["11" * 32]], ["11" * 32] * 33]
)
def test_bans_that_are_none_are_refused_by_name(ground, state, bans):
    snapshot = ground.snapshot(1, [1])
    said = ground.assignment(1, snapshot, choice=None)
    said.signatures.clear()
    said.signed.unrecognized_fields["zenith"]["bans"] = bans
    documents.sign(said, [ground.director])
    content = bundles.encode(snapshot=snapshot, assignment=said)
    assert_refused(content, state, Attack.MALFORMED)


def test_more_bytes_than_there_may_be_are_refused(ground, state):
    assert_refused(b"{" + b" " * 9_000 + b"}", state, Attack.ENDLESS_DATA)
    small = Satellite(US.code, PROFILE, 999)
    assert_refused(ground.bundle(), state, Attack.ENDLESS_DATA, satellite=small)
    with pytest.raises(Refused, match="endless_data"):
        loads(taken(ground.bundle(), state), length=1_001)


@pytest.mark.parametrize(
    "delta",
    [
        Delta("chunks-1", (TWO,), TWO),
        Delta("shell", (TWO,), ONE),
        Delta("chunks-1", ("../../etc",), ONE),
    ],
)
def test_a_delta_that_makes_something_else_is_refused(ground, state, delta):
    snapshot = ground.snapshot(1, [1])
    parts = {"snapshot": snapshot, "release": ground.release(1)}
    bad = ground.assignment(1, snapshot, choose(delta=delta))
    good = ground.assignment(1, snapshot, choose(delta=Delta("chunks-1", (TWO,), ONE)))

    assert_refused(bundles.encode(assignment=bad, **parts), state, Attack.DELTA_CONFUSION)
    assert judged(bundles.encode(assignment=good, **parts), state).refusal is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b"[" * 8_000,
        b'{"roots": 1}',
        b'{"roots": [[]]}',
        b'{"extra": 1}',
        b'{"assignment": 1}',
        b'{"assignment": {"signed": {"_type": "timestamp", "version": 1e999}, "signatures": []}}',
        b'{"assignment": {"signed": {"_type": "root"}, "signatures": []}}',
    ],
)
def test_garbage_is_refused_by_name(state, content):
    assert_refused(content, state, Attack.MALFORMED)


GROUND = Ground()
STATE = GROUND.trusted()
HONEST = GROUND.bundle()


@given(st.integers(0, len(HONEST) - 1), st.integers(1, 255))
@settings(max_examples=150, deadline=None)
def test_no_flipped_bit_gets_anything_else_accepted(place, flip):
    spoilt = bytearray(HONEST)
    spoilt[place] ^= flip
    verdict = judged(bytes(spoilt), STATE)
    # A signature beyond the threshold may be spoilt; what is accepted is what was signed.
    assert verdict.refusal is not None or verdict.assignment == choose()


def paths(value, path=()):
    yield path
    children = value.items() if isinstance(value, dict) else ()
    children = enumerate(value) if isinstance(value, list) else children
    for name, child in children:
        yield from paths(child, (*path, name))


@given(st.sampled_from(list(paths(json.loads(HONEST)))), st.sampled_from(
    [None, 0, -1, 2**70, 1.5, "", "x", [], {}, [[]], {"a": {}}, True]
))  # fmt: skip
@settings(max_examples=300, deadline=None)
def test_any_value_in_the_place_of_any_other_is_judged_and_never_breaks_the_judge(path, value):
    fields = json.loads(HONEST)
    if not path:
        fields = value
    else:
        place = fields
        for name in path[:-1]:
            place = place[name]
        place[path[-1]] = value
    verdict = judged(json.dumps(fields).encode(), STATE)
    assert verdict.refusal is not None or verdict.assignment in (choose(), None)


def test_a_root_says_how_many_must_sign(ground):
    with pytest.raises(ValueError, match="threshold of 4"):
        ground.root(threshold=4)
    ground.director = ground.offline[0]
    with pytest.raises(ValueError, match="a key of its own"):
        ground.root()
    with pytest.raises(Refused, match="not signed by its own"):
        Trusted.begin(Ground().root(signers=[]).to_dict())


def test_documents_are_tuf_metadata_to_tuf_itself(ground):
    root, release = ground.root(), ground.release(1)
    root.verify_delegate("root", root)
    root.verify_delegate("targets", release)
    assert documents.digest(documents.read(release.to_dict(), type(release.signed)))


def test_a_root_that_does_not_hold_the_keys_of_its_roles_is_refused_and_nothing_breaks(
    ground, state
):
    made = ground.root(version=2, signers=[])
    lost = made.signed.roles[documents.DIRECTOR_ROLE].keyids
    made.signed.keys = {name: key for name, key in made.signed.keys.items() if name not in lost}
    documents.sign(made, ground.offline)
    assert_refused(bundles.encode(roots=[made]), state, Attack.MALFORMED)
    taken(ground.bundle(), state)
