"""What was withdrawn reaches every satellite in its next contact, signed, and until it says so."""

from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings as configured
from django.db import connections, transaction

from telemetry import onboard
from telemetry.onboard import Opcode, Slot
from tests.constellation.simulator import flight
from tests.constellation.simulator.test_uplink import load
from tests.factories import NOON, make_artefact, make_satellite, make_transfer, make_user
from tests.factories import make_version as version_of
from tests.uplink.transfers.board import Board, hear
from tests.uplink.transfers.test_flying import Pass
from tests.uplink.transfers.test_over_the_air import Conductor, set_up
from uplink.commands import authentication
from uplink.registry.trust import inventory, verifying
from uplink.registry.trust.attacks import Attack
from uplink.registry.trust.inventory import Held
from uplink.registry.trust.state import Trusted
from uplink.registry.trust.verifying import Satellite
from uplink.releases import directing, roots, signing
from uplink.releases.models import Assignment, Release, Root
from uplink.rollouts import revoking
from uplink.transfers import flying, progress
from uplink.transfers.models import BulkUplink, Shipment

pytestmark = pytest.mark.django_db(transaction=True)
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def keys_here(settings, tmp_path, monkeypatch):
    settings.RELEASE_KEYS = tmp_path / "releases"
    settings.DIRECTOR_KEY_FILE = tmp_path / "director.key"
    settings.COMMAND_KEY_FILE = tmp_path / "master.key"
    monkeypatch.setattr(flying, "COMPARED_AFTER", timedelta(0))


@pytest.fixture
def satellite():
    return make_satellite()


@pytest.fixture
def version(satellite):
    made = version_of(artefact=make_artefact(b"a model"))
    made.profiles.add(satellite.profile)
    return made


def release_of(version, satellite):
    organisation = version.artefact.organisation
    return directing.choose(satellite, version.artefact, version, organisation, now=NOON)


def withdraw(release, now=NOON):
    signing.withdraw(release.counter, "in verse", keys=roots.at_hand(now=now), now=now)


def revoke(version, now=NOON):
    user = make_user(role="operator")
    revoking.revoke(
        revocation_id=uuid4(), version=version, reason="in verse",
        organisation=user.organisation, user=user, now=now,
    )  # fmt: skip


def says(satellite, assignment, *, at, number=1, snapshot=0):
    """The satellite reports, signed, up to where it knows."""
    made = inventory.Inventory(
        number=number, at_ns=int(at.timestamp() * 1e9), nonce=int(assignment.nonce),
        attack=Attack.NONE, root=1, snapshot=snapshot, assignment=assignment.number, counter=0,
        slot_a=Held(), slot_b=Held(),
    )  # fmt: skip
    master = authentication.master_key(configured.COMMAND_KEY_FILE)
    payload = made.encode(satellite.code, inventory.key_of(master, satellite.code))
    with transaction.atomic():
        hear(satellite, onboard.Apid.INVENTORY, payload, now=at)


def flown(satellite, at, **details):
    """Fly a contact; return the files of metadata that the satellite took."""
    board = Board(satellite.entity_id)
    one = Pass(satellite, board, at=at, **details)
    one.run(40)
    one.end()
    return [content for name, content in board.files.items() if name.startswith("release/")]


def judge(satellite, files, at=NOON):
    state = Trusted.begin(Root.objects.get(version=1).document)
    us = Satellite(satellite.code, satellite.profile.code, satellite.profile.storage_bytes)
    for content in files:
        verdict = verifying.verify(content, state, at.timestamp(), us)
        assert verdict.refusal is None, verdict.refusal
        state = verdict.state
    return state


def test_nothing_is_sent_as_long_as_nothing_was_withdrawn(satellite, version):
    release_of(version, satellite)
    assert flown(satellite, NOON) == []
    assert not flying.has_work(satellite)


def test_every_satellite_is_told_in_its_next_contact_whether_it_had_it_or_not(satellite, version):
    release = release_of(version, satellite)
    given = directing.assign(
        satellite, version.artefact, version, version.artefact.organisation, now=NOON
    )
    other = make_satellite(profile=satellite.profile)  # which never got anything
    withdraw(release)
    for one in (satellite, other):
        assert flying.has_work(one)
        (notice,) = flown(one, NOON + HOUR)
        state = judge(one, [notice], NOON + HOUR)
        assert state.snapshot_version == 2
        # What a gateway kept of before is old, and what a thief of the director's key gives is not
        # in the snapshot.
        us = Satellite(one.code, one.profile.code, one.profile.storage_bytes)
        if one is satellite:
            verdict = verifying.verify(bytes(given.bundle), state, NOON.timestamp(), us)
            assert verdict.refusal.attack is Attack.ROLLBACK
        with pytest.raises(verifying.Refused):
            verifying.may_load(state, version.artefact_id, release.artefact.size_bytes, 0)
    assert not BulkUplink.objects.exists()


def test_it_is_told_once_a_contact_and_until_the_satellite_says_so(satellite, version):
    withdraw(release_of(version, satellite))
    for hours in (1, 2):  # its reports are lost
        assert len(flown(satellite, NOON + hours * HOUR)) == 1
    last = Assignment.objects.order_by("-number").first()
    assert (last.number, last.release, last.snapshot) == (2, None, 2)
    says(satellite, last, at=NOON + 3 * HOUR, snapshot=2)
    assert not flying.has_work(satellite)
    assert flown(satellite, NOON + 3 * HOUR) == []
    # The next withdrawal is news again.
    again = signing.sign(
        artefact=version.artefact, version=version, profiles=[satellite.profile.code],
        organisation=version.artefact.organisation, keys=roots.at_hand(now=NOON), now=NOON,
    )  # fmt: skip
    assert flown(satellite, NOON + 4 * HOUR) == []
    withdraw(again)
    assert len(flown(satellite, NOON + 5 * HOUR)) == 1


def test_what_a_station_makes_up_is_not_believed(satellite, version):
    withdraw(release_of(version, satellite))
    flown(satellite, NOON + HOUR)
    old = Assignment.objects.get()
    withdraw(release_of(version_like(version, satellite), satellite))
    says(satellite, old, at=NOON + HOUR, snapshot=2)
    flown(satellite, NOON + 2 * HOUR)
    newest = Assignment.objects.order_by("-number").first()
    with transaction.atomic():  # "accepted", says who carries it
        directing.answered(satellite.pk, newest.sha256, refusal="")
    assert flying.has_work(satellite)
    assert len(flown(satellite, NOON + 3 * HOUR)) == 1


def version_like(version, satellite):
    other = version_of(artefact=make_artefact(b"another"), model=version.model, version="2")
    other.profiles.add(satellite.profile)
    return other


def test_a_notice_that_was_overtaken_on_its_way_is_made_anew(satellite, version):
    withdraw(release_of(version, satellite))
    board = Board(satellite.entity_id)
    first = Pass(satellite, board, at=NOON)
    first.step(frames=1)
    first.end()
    begun = Shipment.objects.get()
    assert (begun.sequence is not None, begun.delivered) == (True, False)
    withdraw(release_of(version_like(version, satellite), satellite))
    second = Pass(satellite, board, at=NOON + HOUR)
    second.run(40)
    second.end()
    (content,) = [board.files[name] for name in board.files]
    assert judge(satellite, [content], NOON + HOUR).snapshot_version == 4


def test_a_notice_that_is_refused_is_tried_thrice_a_contact_and_again_in_the_next(
    satellite, version, monkeypatch
):
    withdraw(release_of(version, satellite))
    board = Board(satellite.entity_id)
    board.refuse = Everything()
    one = Pass(satellite, board)
    one.run(200)
    one.end()
    assert Shipment.objects.get().attempts == progress.ATTEMPTS_MAX
    assert Assignment.objects.count() == 3
    assert len(flown(satellite, NOON + HOUR)) == 1


class Everything:
    def __contains__(self, name):
        return True


def test_a_transfer_tells_it_too(satellite, version):
    withdraw(release_of(version, satellite))
    other = version_like(version, satellite)
    make_transfer(satellite=satellite, artefact=other.artefact, version=other)
    board = Board(satellite.entity_id)
    one = Pass(satellite, board)
    one.run(60)
    files = [c for name, c in board.files.items() if name.startswith("release/")]
    assert judge(satellite, files).snapshot_version == 3
    says(satellite, Assignment.objects.order_by("-number").first(), at=one.now, snapshot=3)
    one.run(20)
    one.end()
    assert not Shipment.objects.filter(transfer=None, delivered=False).exists()


def test_with_keys_elsewhere_the_director_bans_what_was_revoked_until_people_withdraw_it(
    satellite, version, tmp_path, settings
):
    release = release_of(version, satellite)
    settings.RELEASE_KEYS.rename(tmp_path / "away")
    revoke(version)
    release.refresh_from_db()
    assert release.withdrawn_at is None
    (notice,) = flown(satellite, NOON + HOUR)
    state = judge(satellite, [notice], NOON + HOUR)
    assert state.banned == (version.artefact_id,)
    with pytest.raises(verifying.Refused, match="banned by the director"):
        verifying.may_run(state, version.artefact_id)
    told = Assignment.objects.get()
    says(satellite, told, at=NOON + HOUR, snapshot=1)
    assert not flying.has_work(satellite)

    (tmp_path / "away").rename(settings.RELEASE_KEYS)
    withdraw(release)
    assert directing.bans() == []
    (second,) = flown(satellite, NOON + 2 * HOUR)
    state = judge(satellite, [notice, second], NOON + 2 * HOUR)
    assert (state.banned, state.snapshot_version) == ((), 2)


def test_where_keys_are_at_hand_a_revocation_withdraws_the_releases(satellite, version):
    release = release_of(version, satellite)
    revoke(version)
    release.refresh_from_db()
    assert (release.withdrawn_at, release.reason) == (
        NOON, f"{version} was revoked: in verse",
    )  # fmt: skip
    assert directing.bans() == []
    assert len(flown(satellite, NOON + HOUR)) == 1


@pytest.fixture
def simulator(tmp_path):
    process = flight.Simulator(tmp_path / "simulator")
    process.start()
    yield process
    process.stop()


async def test_on_board_what_was_revoked_is_refused_and_the_ground_knows_that_it_is(
    settings, tmp_path, simulator
):
    # The satellite holds all of it, loaded nowhere: the revocation reaches it in the next contact.
    rows = await sync_to_async(set_up)(settings, tmp_path, simulator.started, b"a small model")
    satellite, transfer, contact = rows
    try:
        ground = await flight.open_ground(simulator, contact_id=str(contact.pk), fencing=1)
        first = Conductor(ground, contact, satellite, simulator.started)
        await first.fly(lambda: transfer_state(transfer) == "ACTIVE")
        await sync_to_async(revoke_artefact)(transfer, satellite, first.now)
        await first.fly(lambda: not directing.uninformed([satellite.pk]))

        digest = transfer.artefact_id
        failed = await ground.obeyed(Opcode.LOAD_SLOT, load(Slot.B, digest), counter=2**31)
        assert failed[:2] == ("FAILED", "NOT_RELEASED")
        assert failed[2].startswith("revoked: ")
        await ground.leave()
    finally:
        await sync_to_async(connections.close_all)()


def transfer_state(transfer):
    transfer.refresh_from_db()
    return transfer.state


def revoke_artefact(transfer, satellite, now: datetime):
    version = version_of(artefact=transfer.artefact)
    version.profiles.add(satellite.profile)
    revoke(version, now)
    assert not Release.objects.filter(withdrawn_at=None).exists()
