"""The next version of a model as differences, through the real simulator."""

import random
from datetime import timedelta

import numpy as np
import pytest
from asgiref.sync import sync_to_async
from django.db import connections

from tests.constellation.simulator import flight
from tests.factories import make_artefact, make_transfer
from tests.uplink.transfers.test_over_the_air import Conductor, set_up
from tests.uplink.transfers.test_over_the_air import simulator as simulator
from uplink.transfers import flying, tasks
from uplink.transfers.models import Package, State, Transfer
from uplink.transfers.packaging import manifests

pytestmark = pytest.mark.django_db(transaction=True)
PIECES = [random.Random(n).randbytes(400_000) for n in range(5)]


def edition(number: int) -> bytes:
    """A file that has most of its bytes in common with the edition before."""
    title = b"edition %d" % number
    return b"".join(title + piece for piece in PIECES[number % 2 :] + PIECES[: number % 2])


@pytest.fixture
def queued(monkeypatch):
    calls = []
    for task in (tasks.prepare_package, tasks.repair_transfer):
        monkeypatch.setattr(task, "delay", lambda task=task, **what: calls.append((task, what)))
    return calls


def is_active(transfer_id, queued):
    """Do what was queued, and say whether the transfer is over and well."""

    def until():
        while queued:
            task, what = queued.pop(0)
            task(**what)
        state = Transfer.objects.get(pk=transfer_id).state
        assert state != State.FAILED, Transfer.objects.get(pk=transfer_id).reason
        return state == State.ACTIVE

    return until


def on_board(simulator, sha256):
    return (simulator.root / "artefacts" / sha256[:2] / sha256).read_bytes()


async def test_the_next_version_goes_up_by_its_differences(
    settings, tmp_path, monkeypatch, simulator, queued
):
    monkeypatch.setattr(flying, "COMPARED_AFTER", timedelta(0))
    satellite, first, contact = await sync_to_async(set_up)(
        settings, tmp_path, simulator.started, edition(0)
    )
    try:
        ground = await flight.open_ground(simulator, contact_id=str(contact.pk), fencing=1)
        conductor = Conductor(ground, contact, satellite, simulator.started)
        await conductor.fly(is_active(first.pk, queued))

        # The second edition, to a satellite whose first one is whole.
        before = conductor.uplinker.counters.file_bytes
        second = await sync_to_async(_next)(satellite, edition(1), conductor.now)
        await conductor.fly(is_active(second.pk, queued))
        on_air = conductor.uplinker.counters.file_bytes - before
        assert on_air < 0.05 * second.artefact.size_bytes
        assert on_board(simulator, second.artefact_id).endswith(edition(1))

        # The third, when a bit of the second has flipped on board: its chunk goes up again.
        before = conductor.uplinker.counters.file_bytes
        third = await sync_to_async(_next)(satellite, edition(2), conductor.now)
        await sync_to_async(_make)(queued)
        lost = await sync_to_async(_flip)(simulator, second, third)
        await conductor.fly(is_active(third.pk, queued))
        on_air = conductor.uplinker.counters.file_bytes - before
        assert await sync_to_async(_repaired)(third) == lost
        assert on_air < 0.05 * third.artefact.size_bytes + 300_000
        assert on_board(simulator, third.artefact_id).endswith(edition(2))
        await ground.leave()
    finally:
        await sync_to_async(connections.close_all)()


def _next(satellite, content, now):
    transfer = make_transfer(satellite=satellite, artefact=make_artefact(content), now=now)
    assert transfer.package is not None
    return transfer


def _make(queued):
    while queued:
        task, what = queued.pop(0)
        task(**what)


def _flip(simulator, base, transfer) -> list[int]:
    """Flip a bit on board where the base has a chunk as it is; return what loses by it."""
    package = Package.objects.get(artefact=transfer.artefact_id)
    assert package.base_id == base.artefact_id
    sources = manifests.decode(bytes(package.manifest)).sources[0]
    number = int(np.flatnonzero(sources.kind == manifests.EXACT)[3])
    at = int(sources.offset[number]) + 3
    path = simulator.root / "artefacts" / base.artefact_id[:2] / base.artefact_id
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)
    spans = zip(sources.offset.tolist(), sources.length.tolist(), strict=True)
    return [n for n, (start, length) in enumerate(spans) if start <= at < start + length]


def _repaired(transfer) -> list[int]:
    files = Package.objects.get(artefact=transfer.artefact_id).files.filter(transfer=transfer)
    return sorted(number for chunks in files.values_list("chunks", flat=True) for number in chunks)
