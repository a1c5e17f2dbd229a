"""Packages within a spread: who is sent one, and who gets the whole from whom."""

from datetime import timedelta

import pytest

from constellation.contacts.models import State as ContactState
from tests.factories import (
    NOON,
    make_artefact,
)
from tests.uplink.transfers import trio
from tests.uplink.transfers.trio import (
    PACK_BYTES,
    TRIO,
    ask,
    contact_of,
    orders_to,
    satellite,
    tell,
)
from uplink.transfers import (
    packages,
    progress,
    repairs,
    spreads,
    suspending,
)
from uplink.transfers.models import (
    Deployment,
    Package,
    PackageState,
    Shipment,
    Spread,
    State,
    Transfer,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fleet(settings, tmp_path):
    trio.load(settings, tmp_path)


@pytest.fixture
def artefact():
    return trio.packed()


def test_one_satellite_gets_the_package_and_gives_the_whole_to_the_others(artefact):
    base = make_artefact(b"before")
    package = Package.objects.create(
        artefact=artefact, base=base, state=PackageState.READY, manifest=b"manifest", chunks=2
    )
    package.files.create(number=0, size_bytes=1000, sha256="ab" * 32, crc32c=1, chunks=[0, 1])
    contact_of(TRIO[0], 600)
    contact_of(TRIO[1], 60)
    transfers = ask(artefact, *TRIO[:2])
    Transfer.objects.update(package=package)
    Shipment.objects.all().delete()

    spreads.plan(artefact, now=NOON, rate=1.0)

    rows = Shipment.objects.filter(number__gte=-1)
    assert {row.transfer_id for row in rows} == {transfers[TRIO[1]].pk}
    assert sorted(rows.values_list("number", flat=True)) == [-1, 0]
    assert Transfer.objects.get(pk=transfers[TRIO[0]].pk).package is None
    assert len(orders_to(TRIO[0])) == 1
    assert not orders_to(TRIO[1])


def with_package(artefact, *codes):
    """A package that satellites can use, each of which runs its base; return it."""
    base = make_artefact(b"before")
    package = Package.objects.create(
        artefact=artefact, base=base, state=PackageState.READY, manifest=b"manifest", chunks=2
    )
    package.files.create(number=0, size_bytes=1000, sha256="ab" * 32, crc32c=1, chunks=[0, 1])
    for code in codes:
        Deployment.objects.create(satellite=satellite(code), active_sha256=base.pk)
    return package


def files_up():
    """The numbers of the files that are to go up, by satellite; without signed metadata."""
    rows = Shipment.objects.filter(number__gte=-1).order_by("number")
    found: dict[str, list[int]] = {}
    for code, number in rows.values_list("transfer__satellite__code", "number"):
        found.setdefault(code, []).append(number)
    return found


@pytest.mark.parametrize("end", ["silent", "failed", "suspended", "base gone"])
def test_where_the_holder_of_a_package_is_lost_another_is_sent_it(artefact, monkeypatch, end):
    monkeypatch.setattr(packages, "ARTEFACT_BYTES_MIN", 0)
    package = with_package(artefact, *TRIO)
    first = contact_of(TRIO[1], 60)
    contact_of(TRIO[0], 600)
    transfers = ask(artefact, *TRIO[:2])
    spreads.plan(artefact, now=NOON, rate=1.0)
    assert files_up() == {TRIO[1]: [-1, 0]}
    now = NOON + timedelta(seconds=560)  # the contact of the first is over
    holder = Transfer.objects.get(pk=transfers[TRIO[1]].pk)
    if end == "silent":
        first.state = ContactState.PASS
        first.save()
    elif end == "failed":
        progress.fail(holder, "refused on board", now=now)
    elif end == "suspended":
        suspending.suspend(holder.pk, now=now, reason="by hand")
    else:
        repairs._send_whole(holder, now=now)
    spreads.plan(artefact, now=now, rate=1.0)
    up = files_up()
    assert up[TRIO[0]] == [-1, 0]
    assert Transfer.objects.get(pk=transfers[TRIO[0]].pk).package == package
    assert (end == "silent") == (TRIO[1] not in up)
    if end in ("silent", "base gone"):  # it fetches from who is sent it now
        assert Transfer.objects.get(pk=holder.pk).package is None
        assert orders_to(TRIO[1])
    spreads.plan(artefact, now=now + timedelta(seconds=5), rate=1.0)
    assert files_up()[TRIO[0]] == [-1, 0]  # and so it stays


def test_who_has_all_of_a_package_is_not_taken_for_lost(artefact, monkeypatch):
    monkeypatch.setattr(packages, "ARTEFACT_BYTES_MIN", 0)
    package = with_package(artefact, *TRIO)
    contact_of(TRIO[1], 60)
    contact_of(TRIO[0], 600)
    holder = ask(artefact, *TRIO[:2])[TRIO[1]]
    spreads.plan(artefact, now=NOON, rate=1.0)
    now = NOON + timedelta(seconds=545)  # its contact is over, and it decodes
    Shipment.objects.filter(transfer=holder).update(delivered=True, delivered_at=now)
    Transfer.objects.filter(pk=holder.pk).update(state=State.VERIFYING)
    spreads.plan(artefact, now=now, rate=1.0)
    assert files_up() == {TRIO[1]: [-1, 0]}
    assert Spread.objects.get(transfer__satellite__code=TRIO[0]).expected_at is not None
    # Half an hour later nobody has heard that it has anything to give.
    contact_of(TRIO[0], 3600)
    spreads.plan(artefact, now=now + timedelta(minutes=31), rate=1.0)
    assert files_up() == {TRIO[0]: [-1, 0]}
    assert Transfer.objects.get(satellite__code=TRIO[0]).package == package


def test_no_package_is_sent_for_less_than_it_is(artefact, monkeypatch):
    monkeypatch.setattr(packages, "ARTEFACT_BYTES_MIN", 0)
    package = with_package(artefact, *TRIO)
    package.files.update(size_bytes=2 * PACK_BYTES)
    first = contact_of(TRIO[1], 60)
    contact_of(TRIO[0], 600)
    ask(artefact, *TRIO[:2])
    spreads.plan(artefact, now=NOON, rate=1.0)
    first.state = ContactState.PASS
    first.save()
    # The other has all but one pack already, by laser.
    tell(TRIO[0], artefact, [satellite(TRIO[1]).entity_id] * 5 + [None], at_s=190.0)
    spreads.plan(artefact, now=NOON + timedelta(seconds=200), rate=1.0)
    assert files_up()[TRIO[0]] == [-1, 5]


def test_a_package_that_is_not_worth_it_keeps_nobody_waiting(artefact, monkeypatch):
    monkeypatch.setattr(packages, "ARTEFACT_BYTES_MIN", 0)
    package = with_package(artefact, *TRIO)
    Package.objects.update(state=PackageState.PREPARING)
    contact_of(TRIO[0], 60)
    ask(artefact, *TRIO[:2])
    spreads.plan(artefact, now=NOON, rate=1.0)
    assert files_up() == {}
    Package.objects.filter(pk=package.pk).update(state=PackageState.NOT_WORTH_IT)
    spreads.plan(artefact, now=NOON, rate=1.0)
    assert files_up() == {TRIO[0]: [-1, *range(6)]}
