"""A model goes as differences to a satellite that holds another build of it."""

import random
from datetime import timedelta

import numpy as np
import psycopg
import pytest
from django.db import connection

from telemetry import onboard
from tests.factories import (
    NOON,
    make_artefact,
    make_contact,
    make_satellite,
    make_transfer,
    make_user,
    make_version,
)
from tests.uplink.transfers.board import hear, store_report
from uplink.registry import store
from uplink.transfers import flying, packages, tasks, uplinker
from uplink.transfers.models import (
    Deployment,
    Package,
    PackageState,
    Repair,
    Shipment,
    State,
    Transfer,
)
from uplink.transfers.packaging import manifests, wants

pytestmark = pytest.mark.django_db
NOISE = random.Random(3).randbytes(2_000_000)
LATER = NOON + timedelta(minutes=1)


@pytest.fixture
def queued(monkeypatch):
    """Names of the tasks that were queued, with what for; they run when a test runs them."""
    calls = []
    for task in (tasks.prepare_package, tasks.repair_transfer):
        monkeypatch.setattr(task, "delay", lambda task=task, **what: calls.append((task, what)))
    return calls


@pytest.fixture
def run(queued, django_capture_on_commit_callbacks):
    """Call a function with its commit, then run what it queued."""

    def call(work, *args, **kwargs):
        with django_capture_on_commit_callbacks(execute=True):
            result = work(*args, **kwargs)
        while queued:
            task, what = queued.pop(0)
            with django_capture_on_commit_callbacks(execute=True):
                task(**what)
        return result

    return call


@pytest.fixture
def satellite():
    return make_satellite()


def builds(*contents):
    return [make_artefact(content) for content in contents]


def holds(satellite, artefact):
    Deployment.objects.update_or_create(
        satellite=satellite, defaults={"active_sha256": artefact.pk, "slot_a_sha256": artefact.pk}
    )


@pytest.fixture
def pair(satellite):
    old, new = builds(NOISE, NOISE[:900_000] + b"second edition" + NOISE[900_000:])
    holds(satellite, old)
    return old, new


def tell_wants(transfer, wanted, *, taken=0, now=LATER, first=0):
    body = wants.encode(np.array(wanted, np.uint8))
    head = onboard.WANT_LIST_LAYOUT.pack(
        bytes.fromhex(transfer.artefact_id), taken, first, len(wanted), len(body)
    )
    hear(transfer.satellite, onboard.Apid.WANT_LIST, head + body, now=now)


def test_a_transfer_waits_for_its_package_and_then_has_its_files(satellite, pair, queued):
    old, new = pair
    transfer = make_transfer(satellite=satellite, artefact=new)
    assert (transfer.package.base_id, transfer.package.state) == (old.pk, "PREPARING")
    assert not transfer.shipments.exists()
    assert transfer.state == State.QUEUED

    packages.prepare(transfer.package_id, now=LATER, watch=lambda: None)

    release, manifest, pack = Shipment.objects.all()
    assert release.name.startswith("release/")
    assert (manifest.number, manifest.name) == (-1, f"manifest/{new.pk}")
    assert pack.name == f"chunks/{pack.sha256}"
    assert manifest.size_bytes + pack.size_bytes < 0.01 * new.size_bytes
    assert store.path_of(pack.sha256).stat().st_size == pack.size_bytes


def test_the_second_satellite_gets_the_same_package(satellite, pair, run):
    old, new = pair
    other = make_satellite()
    holds(other, old)
    one, two = (run(make_transfer, satellite=each, artefact=new) for each in (satellite, other))
    assert one.package_id == two.package_id
    names = [list(each.shipments.values_list("name", flat=True)) for each in (one, two)]
    assert names[0][1:] == names[1][1:]
    assert len(names[0]) == 3


def test_who_holds_nothing_like_it_gets_it_whole(satellite, pair, run):
    _, new = pair
    stranger = make_satellite()
    other_model = make_satellite()
    holds(other_model, make_version().artefact)
    for each in (stranger, other_model):
        transfer = run(make_transfer, satellite=each, artefact=new)
        assert transfer.package is None
        assert transfer.shipments.get(number=0).name.startswith("pack/")


def test_a_named_version_takes_a_build_of_its_own_model_as_base(satellite, pair):
    old, new = pair
    ours = make_version(name="ours")
    ours.artefact = new
    ours.save()
    assert packages._base(satellite, new, ours) is None
    theirs = make_version(name="ours", version="0", sha256="0" * 64)
    theirs.artefact = old
    theirs.save()
    assert packages._base(satellite, new, ours) == old


def test_what_was_verified_before_is_a_base_too(pair):
    old, new = pair
    satellite = make_satellite()
    transfer = make_transfer(satellite=satellite, artefact=old)
    Transfer.objects.filter(pk=transfer.pk).update(verified_at=NOON)
    assert packages._base(satellite, new, None) == old
    store.path_of(old.pk).unlink()
    assert packages._base(satellite, new, None) is None


def test_a_retrained_model_goes_whole(satellite, run):
    old, new = builds(NOISE, random.Random(4).randbytes(2_000_000))
    holds(satellite, old)
    transfer = run(make_transfer, satellite=satellite, artefact=new)
    transfer.refresh_from_db()
    assert transfer.package is None
    assert Package.objects.get().state == PackageState.NOT_WORTH_IT
    assert transfer.shipments.get(number=0).name.startswith("pack/")
    again = run(make_transfer, satellite=make_satellite(), artefact=new)
    assert again.package is None


def test_a_package_that_cannot_be_made_lets_the_transfer_go_whole(satellite, pair, queued, run):
    old, new = pair
    transfer = make_transfer(satellite=satellite, artefact=new)
    store.path_of(old.pk).unlink()
    run(tasks.prepare_package, package_id=transfer.package_id)
    transfer.refresh_from_db()
    assert (transfer.package, Package.objects.get().state) == (None, PackageState.FAILED)
    assert old.pk in Package.objects.get().reason
    assert transfer.shipments.filter(name__startswith="pack/").exists()


def test_a_worker_that_ends_leaves_the_package_to_the_next(satellite, pair, queued):
    transfer = make_transfer(satellite=satellite, artefact=pair[1])
    tasks._ENDING.set()
    try:
        tasks.prepare_package(package_id=transfer.package_id)
    finally:
        tasks._ENDING.clear()
    assert Package.objects.get().state == PackageState.PREPARING
    tasks.look_after_packages()
    assert queued == [(tasks.prepare_package, {"package_id": transfer.package_id})]


def test_what_was_sent_away_while_another_was_packed_is_taken_up_right_after_it(
    satellite, pair, queued
):
    old, new = pair
    other = make_satellite()
    holds(other, new)
    first = make_transfer(satellite=satellite, artefact=new)
    second = make_transfer(satellite=other, artefact=old)
    with psycopg.connect(**connection.get_connection_params()) as elsewhere:
        elsewhere.execute("SELECT pg_advisory_lock(%s)", [tasks._LOCK])
        tasks.prepare_package(package_id=second.package_id)
    assert queued == []
    assert not second.shipments.exists()

    tasks.prepare_package(package_id=first.package_id)
    assert queued == [(tasks.prepare_package, {"package_id": second.package_id})]
    queued.clear()
    tasks.prepare_package(package_id=second.package_id)
    assert queued == []
    assert first.shipments.exists()
    assert second.shipments.exists()


@pytest.fixture
def transfer(satellite, pair, run):
    made = run(make_transfer, satellite=satellite, artefact=pair[1])
    made.refresh_from_db()
    return made


@pytest.fixture
def manifest(transfer):
    return manifests.decode(bytes(transfer.package.manifest))


def test_a_contact_is_given_the_manifest_and_the_packs(transfer, satellite, monkeypatch):
    monkeypatch.setattr(flying, "COMPARED_AFTER", timedelta(0))
    contact = make_contact(satellite=satellite, fencing=1)
    snapshot = uplinker.Snapshot(contact.pk, 1, satellite.pk, frozenset(), ())
    _, first, second = flying.checkpoint(snapshot, now=NOON).assignments
    assert first.content == bytes(transfer.package.manifest)
    assert second.name.startswith("chunks/")
    with open(second.path, "rb") as file:
        assert len(file.read()) == second.size_bytes
    # Whoever holds a file that is no more is told to let go of it.
    held = frozenset([first.shipment_id, second.shipment_id])
    transfer.shipments.all().delete()
    snapshot = uplinker.Snapshot(contact.pk, 1, satellite.pk, held, ())
    assert flying.checkpoint(snapshot, now=NOON).cancelled == held


def test_progress_counts_the_bytes_that_have_to_go_up(transfer):
    from uplink.transfers import overview, progress

    said = progress.summary(transfer)
    assert said["size_bytes"] == transfer.shipments.get(number=0).size_bytes
    (row,) = overview.transfers(NOON)
    assert row.size_bytes == said["size_bytes"]


def test_a_pack_of_chunks_is_delivered_when_the_satellite_says_so(transfer):
    row = transfer.shipments.get(number=0)
    body = store_report(onboard.StoreEvent.PACK_STORED, row.sha256)
    hear(transfer.satellite, onboard.Apid.STORE_REPORT, body, now=LATER)
    row.refresh_from_db()
    assert row.delivered


def test_what_is_wanted_and_on_its_way_is_not_packed_again(transfer, manifest, run):
    pack = transfer.package.files.get()
    wanted = np.zeros(len(manifest), np.uint8)
    wanted[pack.chunks] = wants.FROM_BASE
    run(tell_wants, transfer, wanted)
    assert transfer.shipments.count() == 3
    assert not Repair.objects.exists()


def test_a_damaged_chunk_of_the_base_is_packed_for_this_satellite_alone(transfer, manifest, run):
    damaged = int(np.flatnonzero(manifest.sources[0].kind == manifests.EXACT)[1])
    wanted = np.zeros(len(manifest), np.uint8)
    wanted[damaged] = wants.LACKING
    transfer.shipments.update(delivered=True)
    Transfer.objects.update(state=State.VERIFYING)

    run(tell_wants, transfer, wanted, taken=0)

    repair = transfer.shipments.get(delivered=False)
    assert transfer.package.files.get(number=repair.number).chunks == [damaged]
    assert repair.size_bytes < 1.01 * manifest.lengths[damaged] + 100
    transfer.refresh_from_db()
    assert transfer.state == State.SENDING
    run(tell_wants, transfer, wanted, taken=0)  # said twice: it is on its way
    assert transfer.shipments.count() == 4
    other = run(make_transfer, satellite=_like(transfer), artefact=transfer.artefact)
    assert other.shipments.count() == 3


def _like(transfer):
    other = make_satellite()
    holds(other, transfer.package.base)
    return other


def test_a_satellite_that_spoke_before_it_took_a_pack_is_not_sent_it_again(transfer, manifest, run):
    pack = transfer.package.files.get()
    transfer.shipments.update(delivered=True)
    wanted = np.zeros(len(manifest), np.uint8)
    wanted[pack.chunks] = wants.LACKING
    run(tell_wants, transfer, wanted, taken=0)
    assert transfer.shipments.count() == 3
    run(tell_wants, transfer, wanted, taken=1)
    assert transfer.shipments.count() == 4


def test_a_base_that_is_gone_makes_the_transfer_go_whole(transfer, manifest, run):
    run(tell_wants, transfer, np.full(len(manifest), wants.LACKING))
    transfer.refresh_from_db()
    assert (transfer.package, transfer.state) == (None, State.QUEUED)
    names = [name.split("/")[0] for name in transfer.shipments.values_list("name", flat=True)]
    assert names == ["release", "manifest", "pack"]
    assert transfer.shipments.get(number=0).size_bytes == transfer.artefact.size_bytes


def test_old_news_and_strangers_want_nothing(transfer, manifest, run):
    wanted = np.full(len(manifest), wants.LACKING)
    run(tell_wants, transfer, wanted, now=NOON - timedelta(days=1))
    stranger = Transfer(satellite=make_satellite(), artefact_id=transfer.artefact_id)
    run(tell_wants, stranger, wanted)
    transfer.refresh_from_db()
    assert transfer.package is not None
    assert not Repair.objects.exists()


def test_a_want_list_beyond_the_manifest_is_refused(transfer, manifest):
    with pytest.raises(ValueError, match="more of"):
        tell_wants(transfer, [1], first=len(manifest))


def test_a_package_that_is_finished_meanwhile_is_not_waited_for(satellite, pair, run, monkeypatch):
    _, new = pair
    found = packages.package_for(satellite, new, None)
    monkeypatch.setattr(packages, "package_for", lambda *what: found)
    packages.prepare(found.pk, now=LATER, watch=lambda: None)
    assert found.state == PackageState.PREPARING  # as whoever asked read it
    transfer = run(make_transfer, satellite=satellite, artefact=new)
    assert transfer.shipments.count() == 3

    Package.objects.update(state=PackageState.NOT_WORTH_IT)
    other = run(make_transfer, satellite=_like(transfer), artefact=new)
    assert other.package is None


def test_a_base_that_no_package_has_counts_as_none(transfer, manifest, run):
    transfer.shipments.update(delivered=True)
    wanted = np.zeros(len(manifest), np.uint8)
    wanted[2] = wants.FROM_BASE + 7
    run(tell_wants, transfer, wanted, taken=1)
    assert transfer.package.files.get(transfer=transfer).chunks == [2]


def test_a_repair_that_cannot_be_packed_makes_the_transfer_go_whole(transfer, manifest, run):
    transfer.shipments.update(delivered=True)
    store.path_of(transfer.package.base_id).unlink()
    wanted = np.zeros(len(manifest), np.uint8)
    wanted[2] = wants.LACKING
    run(tell_wants, transfer, wanted, taken=1)
    transfer.refresh_from_db()
    assert transfer.package is None
    assert transfer.shipments.filter(delivered=False, name__startswith="pack/").exists()
    assert not Repair.objects.exists()


def test_the_api_names_the_base(transfer, client):
    client.force_login(make_user())
    said = client.get(f"/api/v1/transfers/{transfer.pk}").json()
    assert said["base"] == transfer.package.base_id
    assert said["progress"]["size_bytes"] < 0.01 * transfer.artefact.size_bytes
    whole = make_transfer()
    assert client.get(f"/api/v1/transfers/{whole.pk}").json()["base"] is None
