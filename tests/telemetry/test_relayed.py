"""Packets that another satellite handed on: in the books of whose they are, once."""

import pytest
from django.db.models import Sum

from telemetry import relayed, times
from telemetry.ledger import completeness
from telemetry.models import (
    Gap,
    GapState,
    Latest,
    Packet,
    PacketAccount,
    RawBatch,
    Reception,
    Rejected,
)
from telemetry.models_ledger import RELAYED_CHANNEL
from telemetry.onboard import Apid, DownlinkChannel
from telemetry.packets import handlers
from tests.factories import NOON, make_contact
from tests.telemetry.downlink import Board, Heard

pytestmark = pytest.mark.usefixtures("no_handlers")


@pytest.fixture
def other(contact):
    """A satellite whose packets the contact's one hands on, and its transmitter."""
    own = make_contact()
    return own, Board(own.satellite.spacecraft_id, volume=0xBEEF)


@pytest.fixture
def handing_on(contact, other, board, heard):
    """Have packets of the other satellite come down inside packets of the contact's own."""
    satellite = other[0].satellite
    handlers.register(
        Apid.RELAYED, lambda packet, *, now: relayed.keep(packet, satellite.pk, packet.payload)
    )

    def hand_on(packets):
        heard.receive(board.frames([board.packet(Apid.RELAYED, one) for one in packets]))

    return hand_on


def held(satellite):
    rows = Packet.objects.filter(satellite=satellite).order_by("serial")
    return [bytes(row.data) for row in rows]


def totals(satellite):
    rows = PacketAccount.objects.filter(satellite=satellite)
    return rows.aggregate(
        received=Sum("received"), stored=Sum("stored"), duplicates=Sum("duplicates")
    )


def test_they_are_packets_of_the_satellite_whose_they_are(contact, other, handing_on):
    own, theirs = other
    packets = [theirs.packet(Apid.EVENT_REPORT, b"\x00\x00\x01\x00"), theirs.platform()]

    handing_on(packets)

    assert held(own.satellite) == packets
    rows = Packet.objects.filter(satellite=own.satellite)
    assert set(rows.values_list("contact_id", "channel")) == {(contact.pk, RELAYED_CHANNEL)}
    assert totals(own.satellite) == {"received": 2, "stored": 2, "duplicates": 0}
    # What brought them is the other one's, and counted there alone.
    assert totals(contact.satellite) == {"received": 2, "stored": 2, "duplicates": 0}
    books = completeness.by_contact([contact.pk])
    assert {one.satellite for one in books} == {contact.satellite.code, own.satellite.code}
    told = Reception.totals(contact)
    assert (told["packets"], told["frames"]) == (2, 1)
    assert told["relayed"] == [
        {
            "satellite": own.satellite.code,
            "packets": 2,
            "stored": 2,
            "duplicates": 0,
            "rejected": 0,
        }
    ]


def test_what_its_own_recorder_plays_later_is_a_duplicate(contact, other, handing_on):
    own, theirs = other
    packets = [theirs.platform() for _ in range(4)]
    handing_on(packets[1:3])
    gap = Gap.objects.get(satellite=own.satellite)
    assert (gap.serials.lower, gap.serials.upper, gap.state) == (0, 1, GapState.OPEN)

    Heard(own).receive(theirs.frames(packets, DownlinkChannel.PLAYBACK))

    assert held(own.satellite) == packets
    assert totals(own.satellite) == {"received": 6, "stored": 4, "duplicates": 2}
    assert not Gap.objects.filter(satellite=own.satellite, state=GapState.OPEN).exists()
    for reception in Reception.objects.filter(satellite=own.satellite):
        assert reception.packets == reception.stored + reception.duplicates + reception.rejected


def test_what_its_own_contact_brought_before_is_one_as_well(other, handing_on):
    own, theirs = other
    packet = theirs.platform()
    Heard(own).receive(theirs.frames([packet]))

    handing_on([packet, packet])

    assert held(own.satellite) == [packet]
    assert totals(own.satellite) == {"received": 3, "stored": 1, "duplicates": 2}


def test_the_same_again_from_whoever_hands_it_on_is_kept_once(contact, other, handing_on):
    own, theirs = other
    packet = theirs.platform()
    handing_on([packet])
    wrapped = Packet.objects.get(satellite=contact.satellite)
    brought = handlers.StoredPacket(
        id=wrapped.pk,
        satellite_id=contact.satellite_id,
        contact_id=contact.pk,
        apid=wrapped.apid,
        sequence_count=0,
        volume=wrapped.volume,
        boot=1,
        serial=wrapped.serial,
        channel=0,
        generated_ns=wrapped.generated_ns,
        received_at=NOON,
        received_ns=times.to_ns(NOON),
        data=bytes(wrapped.data),
    )

    relayed.keep(brought, own.satellite_id, packet)

    assert RawBatch.objects.filter(relay=contact.satellite).count() == 1


def test_nonsense_is_rejected_in_the_books_of_whose_it_is_said_to_be(other, handing_on):
    own, theirs = other
    good = theirs.platform()

    handing_on([good[:-3], good])

    assert held(own.satellite) == [good]
    assert Rejected.objects.get(satellite=own.satellite).code == "length"
    assert PacketAccount.objects.filter(satellite=own.satellite).aggregate(n=Sum("rejected")) == {
        "n": 1
    }


def test_its_values_are_decoded_and_its_handlers_called(other, handing_on):
    own, theirs = other
    called = []
    handlers.register(Apid.EVENT_REPORT, lambda packet, *, now: called.append(packet))
    handing_on([theirs.platform(charge=0.5), theirs.packet(Apid.EVENT_REPORT, b"\x00\x00\x01\x00")])

    assert [packet.satellite_id for packet in called] == [own.satellite_id]
    charge = Latest.objects.get(satellite=own.satellite, parameter__endswith="battery_charge")
    assert charge.value == pytest.approx(0.5)
