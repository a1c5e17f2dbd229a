"""Signed metadata for a satellite without a contact: one packet, the same until it is answered."""

import hashlib
import random
from datetime import timedelta

import pytest
from django.db import transaction

from constellation.contacts.models import State as ContactState
from telemetry import onboard
from telemetry.onboard import Apid, StoreEvent
from tests.factories import (
    NOON,
    make_artefact,
    make_contact,
    make_profile,
    make_satellite,
    make_transfer,
)
from tests.uplink.transfers.board import hear, store_report
from uplink.commands import reach
from uplink.releases.models import Assignment
from uplink.transfers import packing, relayed_releases
from uplink.transfers.models import Shipment, State, Transfer

pytestmark = pytest.mark.django_db(transaction=True)
PACK_BYTES = 64 * 1024
HEAD = onboard.RELAYED_RELEASE_LAYOUT.size


@pytest.fixture
def satellite(monkeypatch):
    profile = make_profile(code="with-lasers", isl_terminals=4)
    other = make_satellite(profile=profile)
    monkeypatch.setattr(reach, "hops_from", lambda codes, *, now: {other.code: 2})
    return other


@pytest.fixture
def transfer(satellite):
    artefact = make_artefact(random.Random(5).randbytes(2 * PACK_BYTES))
    packing.pack(artefact, pack_bytes=PACK_BYTES)
    return make_transfer(satellite=satellite, artefact=artefact)


@pytest.fixture
def gateway(transfer):
    return make_satellite(profile=transfer.satellite.profile)


def due(gateway, *, after_s=0.0, check=lambda: None):
    now = NOON + timedelta(seconds=after_s)
    return relayed_releases.due(gateway.pk, now=now, rate=1.0, check=check)


def test_it_is_one_packet_for_the_satellite_alone(gateway, transfer):
    (packet,) = due(gateway)

    assert packet.apid == Apid.RELAYED_RELEASE
    assert packet.payload[:HEAD] == transfer.satellite.entity_id.to_bytes(2)
    bundle = packet.payload[HEAD:]
    row = Shipment.objects.get(number=packing.RELEASE)
    assert row.name == onboard.RELEASE_NAME + hashlib.sha256(bundle).hexdigest()
    assert Assignment.objects.get().satellite == transfer.satellite
    assert Transfer.objects.get().state == State.SENDING
    assert (row.relays, row.sent_bytes) == (1, len(bundle))


def test_unheard_it_goes_again_unchanged_and_accepted_no_more(gateway, transfer):
    first = due(gateway)
    assert due(gateway, after_s=10) == []
    assert due(gateway, after_s=31) == first

    sha256 = hashlib.sha256(first[0].payload[HEAD:]).hexdigest()
    with transaction.atomic():
        report = store_report(StoreEvent.RELEASE_ACCEPTED, sha256)
        hear(transfer.satellite, Apid.STORE_REPORT, report, now=NOON)

    assert Shipment.objects.get(number=packing.RELEASE).delivered
    assert due(gateway, after_s=62) == []


def test_refused_for_its_age_it_is_signed_anew(gateway, transfer):
    (first,) = due(gateway)
    sha256 = hashlib.sha256(first.payload[HEAD:]).hexdigest()
    with transaction.atomic():
        report = store_report(StoreEvent.RELEASE_REFUSED, sha256, text="rollback: 1 after 2")
        hear(transfer.satellite, Apid.STORE_REPORT, report, now=NOON)

    (second,) = due(gateway, after_s=31)

    assert second.payload[HEAD:] != first.payload[HEAD:]
    assert Assignment.objects.count() == 2


def test_in_the_end_its_own_contact_is_waited_for(gateway, transfer):
    given = [due(gateway, after_s=31 * n) for n in range(relayed_releases.TRIES_MOST + 2)]
    assert [len(found) for found in given] == [1] * relayed_releases.TRIES_MOST + [0, 0]


def test_who_has_a_contact_gets_it_there(gateway, transfer):
    contact = make_contact(
        satellite=transfer.satellite, aos_at=NOON, los_at=NOON + timedelta(minutes=5)
    )
    contact.state = ContactState.PASS
    contact.save()

    assert due(gateway) == []


def test_without_lasers_nothing_goes(gateway, transfer):
    Transfer.objects.update(laser=False)
    assert due(gateway) == []


def test_whoever_has_lost_the_contact_gives_nothing_out(gateway, transfer):
    class Lost(Exception):
        pass

    def check():
        raise Lost

    with pytest.raises(Lost):
        due(gateway, check=check)
    assert Shipment.objects.get(number=packing.RELEASE).relays == 0
