"""Other rooms follow the samples that come in, live ones told from those of a recorder dump."""

from datetime import timedelta

import pytest

from telemetry.archive import followers
from telemetry.models import Latest, Packet, RawBatch, Rejected, Segment
from telemetry.onboard import DownlinkChannel
from tests.factories import NOON
from tests.live import events_of

pytestmark = pytest.mark.usefixtures("no_handlers")
LATER = NOON + timedelta(minutes=5)


def charge(samples):
    return samples.columns["battery_charge"].raw.tolist()


def test_a_follower_hears_each_new_sample_once_and_knows_the_dumps(contact, board, heard):
    told = []
    followers.register(lambda arrival, *, now: told.append((arrival, now)))
    old, new = board.platform(charge=0.1), board.platform(charge=0.9, at=LATER)
    heard.receive(board.frames([old], DownlinkChannel.PLAYBACK) + board.frames([new]), now=LATER)
    heard.receive(board.frames([old, new], DownlinkChannel.PLAYBACK), now=LATER)

    ((arrival, now),) = told
    assert (arrival.satellite_id, arrival.contact_id, now) == (
        contact.satellite_id,
        contact.id,
        LATER,
    )
    assert charge(arrival.tables["HK_PLATFORM"]) == [1000, 9000]
    assert arrival.playback["HK_PLATFORM"].tolist() == [True, False]
    assert charge(arrival.live()["HK_PLATFORM"]) == [9000]


def test_a_dump_changes_no_newer_value_and_is_not_announced(contact, board, heard):
    lost = board.platform(charge=0.1)
    heard.receive(board.frames([board.platform(charge=0.9, at=LATER)]), now=LATER)
    heard.receive(board.frames([lost], DownlinkChannel.PLAYBACK), now=LATER)

    assert Latest.objects.get(parameter="battery_charge").raw == 9000
    events = events_of(f"telemetry:{contact.satellite.code}")
    assert events.get().payload["values"]["battery_charge"] == 0.9
    assert Segment.objects.count() == 2


def test_a_follower_that_fails_costs_no_sample(contact, board, heard):
    def fail(arrival, *, now):
        Packet.objects.all().delete()
        raise LookupError("no such limit")

    followers.register(fail)
    heard.receive(board.frames([board.platform()]))

    assert Packet.objects.count() == Segment.objects.count() == 1
    assert Rejected.objects.get().reason == "follower: LookupError: no such limit"
    assert RawBatch.objects.get().decoded
