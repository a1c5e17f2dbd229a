"""What others hand on is believed when its own satellite sealed it, and else refused by name."""

import pytest

from constellation.simulator.board import commands as simulated
from telemetry import onboard
from telemetry.models import Packet, Rejected
from telemetry.onboard import Apid
from tests.factories import make_contact, make_satellite
from tests.telemetry.downlink import Board, Heard

MASTER = bytes(range(32))


@pytest.fixture
def contact(db, settings, tmp_path):
    settings.COMMAND_KEY_FILE = tmp_path / "master.key"
    settings.COMMAND_KEY_FILE.write_text(MASTER.hex())
    return make_contact()


@pytest.fixture
def hand_on(contact):
    board, heard = Board(contact.satellite.spacecraft_id), Heard(contact)
    return lambda sealed: heard.receive(board.frames([board.packet(Apid.RELAYED, sealed)]))


def event(satellite):
    board = Board(satellite.spacecraft_id, volume=0xBEEF)
    return board.packet(Apid.EVENT_REPORT, onboard.EVENT_REPORT_LAYOUT.pack(0, 1, 0))


def seal(satellite, packet, *, code=None):
    key = simulated.relay_key(MASTER, code or satellite.code)
    return simulated.seal(key, satellite.entity_id, packet)


def refusals(contact):
    rows = Rejected.objects.filter(satellite=contact.satellite)
    return list(rows.values_list("code", "reason"))


def test_a_sealed_packet_is_that_satellite_s(contact, hand_on):
    other = make_satellite()
    packet = event(other)

    hand_on(seal(other, packet))

    assert bytes(Packet.objects.get(satellite=other).data) == packet
    assert refusals(contact) == []


@pytest.mark.parametrize("forged", ["altered", "of another", "of nobody", "cut"])
def test_what_is_not_sealed_is_refused_by_name_in_the_books_of_who_handed_it_on(
    contact, hand_on, forged
):
    other = make_satellite()
    sealed = seal(other, event(other))
    sealed = {
        "altered": sealed[:-1] + bytes([sealed[-1] ^ 1]),
        "of another": seal(other, event(other), code=contact.satellite.code),
        "of nobody": b"\xff\xfe" + sealed[2:],
        "cut": sealed[:9],
    }[forged]

    hand_on(sealed)

    assert not Packet.objects.filter(satellite=other).exists()
    ((code, reason),) = refusals(contact)
    expected = {
        "of nobody": "NotItsOwn: there is no satellite 65534",
        "cut": "unpack_from requires a buffer",
    }.get(forged, f"NotItsOwn: it is handed on as {other.code}'s, whose seal is not on it")
    assert code == "unread"
    assert expected in reason
