"""Keys, signatures, choices and reports, on the ground's side."""

import io
import logging
import stat
from datetime import timedelta
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives import serialization
from django.conf import settings as configured
from django.core.management import CommandError, call_command
from django.db import connection
from rest_framework.test import APIClient

from ops import errors
from telemetry import onboard
from telemetry.onboard import SlotState, StoreEvent
from tests.factories import (
    NOON,
    make_artefact,
    make_satellite,
    make_transfer,
    make_user,
    make_version,
)
from tests.live import events_of
from tests.uplink.transfers.board import hear, store_report
from uplink.commands import authentication
from uplink.registry.trust import inventory, verifying
from uplink.registry.trust.attacks import Attack
from uplink.registry.trust.inventory import Held
from uplink.registry.trust.state import Trusted
from uplink.registry.trust.verifying import Satellite
from uplink.releases import directing, inventories, keyfiles, roots, signing
from uplink.releases.models import Assignment, Inventory, Release, Root
from uplink.transfers import packing, requests

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def keys_here(settings, tmp_path):
    settings.RELEASE_KEYS = tmp_path / "releases"
    settings.DIRECTOR_KEY_FILE = tmp_path / "director.key"
    settings.COMMAND_KEY_FILE = tmp_path / "master.key"


@pytest.fixture
def satellite():
    return make_satellite()


@pytest.fixture
def version(satellite):
    made = make_version(artefact=make_artefact(b"a model"))
    made.profiles.add(satellite.profile)
    return made


def assign(satellite, version, now=NOON):
    return directing.assign(
        satellite, version.artefact, version, version.artefact.organisation, now=now
    )


def on_board(satellite, assignments, now=NOON):
    """Return what a satellite, made with the first root, makes of the files in order."""
    state = Trusted.begin(Root.objects.get(version=1).document)
    us = Satellite(satellite.code, satellite.profile.code, satellite.profile.storage_bytes)
    for row in assignments:
        verdict = verifying.verify(bytes(row.bundle), state, now.timestamp(), us)
        if verdict.refusal is not None:
            return verdict.refusal.attack
        state = verdict.state
    return state


def report(satellite, *, number=1, nonce=0, at=NOON, **said):
    """Let a satellite report its inventory."""
    fields = {"attack": Attack.NONE, "root": 1, "snapshot": 0, "assignment": 0, "counter": 0}
    fields |= {"slot_a": Held(), "slot_b": Held(), **said}
    made = inventory.Inventory(
        number=number, at_ns=int(at.timestamp() * 1e9), nonce=nonce, **fields
    )
    master = authentication.master_key(configured.COMMAND_KEY_FILE)
    payload = made.encode(satellite.code, inventory.key_of(master, satellite.code))
    hear(satellite, onboard.Apid.INVENTORY, payload, now=at)


# --- what is given ---


def test_the_first_start_makes_keys_and_signs_by_itself(satellite, version, tmp_path):
    given = assign(satellite, version)
    assert len(given.bundle) < 8_192
    state = on_board(satellite, [given])
    verifying.may_load(state, version.artefact_id, version.artefact.size_bytes, NOON.timestamp())
    assert len(list((tmp_path / "releases").iterdir())) == roots.KEYS
    assert given.release.profiles == [satellite.profile.code]
    # Given again, it is the same release under the next number.
    again = assign(satellite, version)
    assert (again.release, again.number) == (given.release, given.number + 1)
    on_board(satellite, [given, again])


def test_each_release_has_a_higher_counter_and_the_way_back_too(satellite, version):
    other = make_version(artefact=make_artefact(b"another"), model=version.model, version="2")
    other.profiles.add(satellite.profile)
    rows = [assign(satellite, one) for one in (version, other, version)]
    assert [row.release_id for row in rows] == [1, 2, 3]
    assert rows[2].release.artefact_id == rows[0].release.artefact_id
    assert on_board(satellite, rows).counters == {version.model.name: 3}
    assert on_board(satellite, [rows[1], rows[0]]) is Attack.ROLLBACK


def test_with_keys_elsewhere_only_what_was_signed_goes_up(satellite, version, tmp_path):
    roots.current(now=NOON)
    away = tmp_path / "away"
    (tmp_path / "releases").rename(away)
    with pytest.raises(directing.NotReleased, match="release_sign"):
        make_transfer(satellite=satellite, artefact=version.artefact, version=version)
    told = io.StringIO()
    name, number = version.model.name, version.version
    organisation = make_user(role="operator").organisation
    call_command(
        *("release_sign", name, number, "--keys", str(away)),
        *("--organisation", organisation.slug),
        stdout=told,
    )
    assert told.getvalue() == f"{version} is release 1 for {satellite.profile.code}\n"
    transfer = make_transfer(satellite=satellite, artefact=version.artefact, version=version)
    assert transfer.shipments.get(number=packing.RELEASE)
    # One of the keys is not enough.
    alone = tmp_path / "alone"
    alone.mkdir()
    one = next(away.iterdir())
    one.rename(alone / one.name)
    with pytest.raises(CommandError, match="1 of these keys count, 2 have to sign"):
        call_command(
            *("release_sign", name, number, "--keys", str(alone)),
            *("--organisation", organisation.slug),
        )


def test_a_ground_brought_back_from_a_copy_goes_on_above_what_satellites_know(satellite, version):
    report(satellite, assignment=41, counter=17, snapshot=23)
    given = assign(satellite, version)
    assert (given.number, given.release_id) == (42, 18)
    assert signing.newest_snapshot(now=NOON).signed.version == 24


def test_what_a_satellite_has_on_board_stays_listed_however_old(satellite, version, monkeypatch):
    monkeypatch.setattr(signing, "LISTED_MOST", 2)
    first = assign(satellite, version)
    held = Held(SlotState.LOADED, first.release.artefact_id, first.release.counter)
    report(satellite, assignment=1, counter=1, slot_b=held)
    later = [make_version(artefact=make_artefact(b"%d" % n), version=f"1{n}") for n in range(3)]
    for one in later:
        one.profiles.add(satellite.profile)
    rows = [assign(satellite, one) for one in later]

    assert list(signing.listed()) == [4, 1]
    state = on_board(satellite, [first, *rows])
    assert version.artefact_id not in state.withdrawn
    assert later[0].artefact_id in state.withdrawn  # nobody has it: it made room


# --- keys ---


def test_keys_are_rotated_and_the_stolen_one_signs_nothing(satellite, version, tmp_path):
    before = assign(satellite, version)
    folder = tmp_path / "releases"
    stolen = sorted(folder.iterdir())[0]
    kept = tmp_path / "stolen"
    kept.mkdir()
    (kept / stolen.name).write_bytes(stolen.read_bytes())
    (kept / stolen.name).chmod(0o600)
    name = next(one.keyid for one in map(keyfiles.Public.of, keyfiles.load([kept])))
    call_command(
        *("release_rotate", "--keys", str(folder), "--retire", name[:8], "--add", "1"),
        *("--director",),
        stdout=io.StringIO(),
    )
    assert not stolen.exists()
    assert Root.objects.count() == 2
    assert roots.trusted(keyfiles.load([kept]), now=NOON) == []
    after = assign(satellite, version)
    state = on_board(satellite, [before, after])
    assert (state.root_version, state.assignment_version) == (2, 2)
    # The old director's word is worth nothing to who has heard of the new root.
    late = Assignment(bundle=before.bundle)
    assert on_board(satellite, [after, late]) is Attack.KEY_COMPROMISE


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--retire", "zz"], "'zz' is the start of 0 of the keys' ids"),
        (["--retire", ""], "'' is the start of 3 of the keys' ids, not of one; they are"),
        (["--add", "1", "--threshold", "9"], "a threshold of 9 with 4 offline keys"),
        (["--add", "1", "--threshold", "0"], "a threshold of 0 with 4 offline keys"),
    ],
)
def test_a_rotation_that_cannot_be_leaves_everything_as_it_was(
    satellite, version, tmp_path, options, says
):
    assign(satellite, version)
    folder = tmp_path / "releases"
    before = sorted(folder.iterdir())
    with pytest.raises(CommandError, match=says):
        call_command("release_rotate", "--keys", str(folder), *options)
    assert sorted(folder.iterdir()) == before
    assert Root.objects.count() == 1


def test_a_withdrawn_release_goes_nowhere_and_is_told_with_the_next(satellite, version, tmp_path):
    first = assign(satellite, version)
    call_command(
        *("release_revoke", "1", "--keys", str(tmp_path / "releases"), "--reason", "in verse"),
        stdout=io.StringIO(),
    )
    with pytest.raises(directing.Withdrawn, match="in verse"):
        make_transfer(satellite=satellite, artefact=version.artefact, version=version)
    other = make_version(artefact=make_artefact(b"another"))
    other.profiles.add(satellite.profile)
    state = on_board(satellite, [first, assign(satellite, other)])
    with pytest.raises(verifying.Refused, match="revoked"):
        verifying.may_run(state, version.artefact_id)
    with pytest.raises(CommandError, match="withdrawn already"):
        call_command(
            *("release_revoke", "1", "--keys", str(tmp_path / "releases"), "--reason", "again")
        )


def test_keys_are_files_of_their_owner_alone(tmp_path):
    call_command("release_keys", str(tmp_path / "mine"), stdout=io.StringIO())
    paths = [*(tmp_path / "mine").iterdir(), tmp_path / "director.key"]
    assert len(paths) == 4
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o600}
    assert stat.S_IMODE((tmp_path / "mine").stat().st_mode) == 0o700
    with pytest.raises(CommandError, match="holds keys already"):
        call_command("release_keys", str(tmp_path / "mine"))
    with pytest.raises(CommandError, match="There are keys already"):
        call_command("release_keys", str(tmp_path / "others"))
    assert not (tmp_path / "others").exists()
    paths[0].chmod(0o640)
    with pytest.raises(errors.Invalid, match="read by others"):
        keyfiles.load([tmp_path / "mine"])


def test_no_private_key_is_in_the_database_or_the_log(satellite, version, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    make_transfer(satellite=satellite, artefact=version.artefact, version=version)
    assign(satellite, version)
    folder = tmp_path / "releases"
    before = keyfiles.load([folder])
    with caplog.at_level(logging.DEBUG):
        roots.rotate([folder], add=1, director=True, now=NOON)
        signing.renew(keyfiles.load([folder]), now=NOON)
    keys = [*before, *keyfiles.load([folder]), keyfiles.director()]
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        dump = ""
        for table in tables:
            cursor.execute(f'SELECT t::text FROM "{table}" t')
            dump += "\n".join(row[0] for row in cursor.fetchall())
    assert Root.objects.first().document["signatures"][0]["sig"] in dump
    for key in keys:
        raw = key.private_bytes(
            serialization.Encoding.Raw,
            serialization.PrivateFormat.Raw,
            serialization.NoEncryption(),
        )
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()
        for secret in (raw.hex(), pem.splitlines()[1]):
            assert secret not in dump
            assert secret not in caplog.text


# --- what satellites answer ---


def test_a_refusal_on_board_ends_the_transfer_with_its_reason(satellite, version):
    transfer = make_transfer(satellite=satellite, artefact=version.artefact, version=version)
    given = assign(satellite, version)
    transfer.shipments.filter(number=packing.RELEASE).update(
        name=f"release/{given.sha256}", sha256=given.sha256
    )
    text = "key_compromise: 1 of 2 signatures on targets are good"
    body = store_report(StoreEvent.RELEASE_REFUSED, given.sha256, text=text)
    hear(satellite, onboard.Apid.STORE_REPORT, body, now=NOON)
    transfer.refresh_from_db()
    assert (transfer.state, transfer.reason) == ("FAILED", f"refused on board: {text}")
    seen = operator().get("/api/v1/release-assignments?state=REFUSED").json()["results"]
    assert [one["reason"] for one in seen] == [text]
    assert events_of("transfers").filter(kind="release_refused").exists()


def test_a_release_that_was_too_old_is_made_anew(satellite, version):
    transfer = make_transfer(satellite=satellite, artefact=version.artefact, version=version)
    given = assign(satellite, version)
    transfer.shipments.filter(number=packing.RELEASE).update(
        name=f"release/{given.sha256}", sha256=given.sha256
    )
    body = store_report(StoreEvent.RELEASE_REFUSED, given.sha256, text="rollback: 1 after 7")
    hear(satellite, onboard.Apid.STORE_REPORT, body, now=NOON)
    transfer.refresh_from_db()
    assert transfer.state == "QUEUED"


def test_an_inventory_is_kept_and_what_is_odd_in_it_told(satellite, version):
    given = assign(satellite, version)
    sha = version.artefact_id
    about = {"assignment": given.number, "nonce": int(given.nonce), "counter": 1}
    held = Held(SlotState.ACTIVE, sha, 1)
    report(satellite, number=1, slot_a=held, **about)
    url = f"/api/v1/satellites/{satellite.code}/inventory"
    seen = operator().get(url).json()
    assert (seen["attack"], seen["mismatch"], seen["assignment"]) == ("none", "", given.number)
    assert seen["slots"]["A"] == {"state": "ACTIVE", "sha256": sha, "counter": 1}
    assert not events_of("transfers").filter(kind="inventory").exists()

    smuggled = Held(SlotState.LOADED, "ab" * 32, 0)
    report(satellite, number=2, slot_a=held, slot_b=smuggled, **about)
    assert "came by no release" in operator().get(url).json()["mismatch"]
    report(satellite, number=3, slot_a=Held(SlotState.LOADED, "ab" * 32, 1), **about)
    assert "which release 1 is not" in operator().get(url).json()["mismatch"]
    report(satellite, number=4, attack=Attack.ROLLBACK, **about | {"nonce": 5})
    seen = operator().get(url).json()
    assert "another nonce" in seen["mismatch"]
    assert seen["attack"] == "rollback"
    assert events_of("transfers").filter(kind="inventory").count() == 3


def test_an_inventory_is_believed_once_and_from_its_satellite_alone(satellite):
    report(satellite, number=5, at=NOON + timedelta(minutes=1))
    with pytest.raises(inventories.Replayed):
        report(satellite, number=5, at=NOON + timedelta(minutes=2))
    report(satellite, number=4, at=NOON)  # by playback: old news
    assert Inventory.objects.get().number == 5
    other = make_satellite()
    master = authentication.master_key(configured.COMMAND_KEY_FILE)
    made = inventory.Inventory(6, 0, 0, Attack.NONE, 1, 0, 0, 0, Held(), Held())
    forged = made.encode(satellite.code, inventory.key_of(master, other.code))
    with pytest.raises(inventory.BadInventory):
        hear(satellite, onboard.Apid.INVENTORY, forged, now=NOON)
    assert Inventory.objects.get().number == 5


# --- the doors ---


def operator():
    client = APIClient()
    client.force_login(make_user(role="operator"))
    return client


def test_releases_are_told_with_who_signed_them(satellite, version):
    assign(satellite, version)
    (seen,) = operator().get("/api/v1/releases").json()["results"]
    assert (seen["counter"], seen["version"]) == (1, str(version))
    assert len(seen["signatures"]) == roots.KEYS
    assert operator().get("/api/v1/releases/1").json()["document"]["signed"]["_type"] == "targets"
    assert operator().get("/api/v1/release-root").json()["signed"]["_type"] == "root"
    assert operator().get("/api/v1/releases/2").status_code == 404


@pytest.mark.parametrize(
    "url",
    [
        "/api/v1/releases",
        "/api/v1/releases/1",
        "/api/v1/release-root",
        "/api/v1/release-assignments",
        "/api/v1/satellites/{}/inventory",
    ],
)
def test_strangers_and_customers_see_nothing_of_it(url, satellite, version):
    assign(satellite, version)
    report(satellite)
    url = url.format(satellite.code)
    stranger, customer = APIClient(), APIClient()
    customer.force_login(make_user(role="customer"))
    assert stranger.get(url).status_code in (401, 403)
    assert customer.get(url).status_code == 403
    assert operator().get(url).status_code == 200
    assert operator().get(url, {"colour": "red"}).status_code == 400


def test_a_transfer_without_a_version_that_is_not_to_run_needs_no_release(satellite, tmp_path):
    roots.current(now=NOON)
    (tmp_path / "releases").rename(tmp_path / "away")
    transfer, _ = requests.request(
        transfer_id=uuid4(),
        satellite=satellite,
        artefact=make_artefact(b"a part"),
        version=None,
        organisation=make_user(role="operator").organisation,
        now=NOON,
        activate=False,
    )
    assert not transfer.shipments.filter(number=packing.RELEASE).exists()
    assert not Release.objects.exists()
