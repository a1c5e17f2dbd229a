"""What is missing is known exactly, asked for, and either comes or is explained."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry import gapmath, gaps
from telemetry.models import Gap, GapState, Volume
from telemetry.onboard import DownlinkChannel
from tests.factories import NOON
from tests.telemetry.downlink import Board

LATER = NOON + timedelta(seconds=30)

pytestmark = pytest.mark.usefixtures("no_handlers")


def spans(contact, state):
    rows = Gap.objects.filter(satellite=contact.satellite, state=state)
    return sorted((row.serials.lower, row.serials.upper) for row in rows)


@given(st.sets(st.integers(0, 60)), st.sets(st.integers(0, 60)))
def test_span_arithmetic_is_that_of_sets(these, those):
    taken = gapmath.runs(those)
    assert {n for first, end in taken for n in range(first, end)} == those
    for span in gapmath.runs(these):
        whole = set(range(*span))
        left = gapmath.subtract(span, taken)
        both = gapmath.overlap(span, taken)
        assert {n for first, end in left for n in range(first, end)} == whole - those
        assert {n for first, end in both for n in range(first, end)} == whole & those


@given(st.lists(st.sets(st.integers(0, 40), min_size=1), max_size=8))
def test_gaps_opened_are_what_is_missing_below_the_highest(batches):
    following, opened, seen = 0, set(), set()
    for batch in batches:
        arrival = gapmath.arrive(following, gapmath.runs(batch))
        seen |= batch
        opened |= {n for first, end in arrival.opened for n in range(first, end)}
        following = arrival.following
        assert following == max(seen) + 1
        assert opened - seen == set(range(following)) - seen


def test_what_was_recorded_before_the_first_contact_is_a_gap(contact, heard):
    board = Board(contact.satellite.spacecraft_id, serial=100)
    heard.receive(board.frames([board.platform()]))

    assert spans(contact, "open") == [(0, 100)]
    assert gaps.requests_for(contact.satellite_id, now=NOON) == []  # it may yet come by itself
    assert gaps.requests_for(contact.satellite_id, now=LATER) == [(board.volume, 0, 99)]
    assert gaps.requests_for(contact.satellite_id, now=LATER) == []  # asked for already
    again = LATER + gaps.ASKING_AGAIN
    assert gaps.requests_for(contact.satellite_id, now=again) == [(board.volume, 0, 99)]


def test_playback_closes_a_gap_and_keeps_it_as_a_row(contact, board, heard):
    packets = [board.platform() for _ in range(10)]
    heard.receive(board.frames(packets[:2] + packets[7:]))
    assert spans(contact, "open") == [(2, 7)]
    gaps.requests_for(contact.satellite_id, now=LATER)

    heard.receive(board.frames(packets[3:5], DownlinkChannel.PLAYBACK), now=LATER)
    assert spans(contact, "open") == [(2, 3), (5, 7)]
    assert spans(contact, "closed") == [(3, 5)]

    heard.receive(board.frames(packets[2:7], DownlinkChannel.PLAYBACK), now=LATER)
    assert spans(contact, "open") == []
    assert spans(contact, "closed") == [(2, 3), (3, 7)]


def test_playback_batch_by_batch_is_one_gap_closed(contact, board, heard):
    packets = [board.platform() for _ in range(50)]
    heard.receive(board.frames([packets[0], packets[-1]]))
    for number in range(1, 49):
        heard.receive(board.frames([packets[number]], DownlinkChannel.PLAYBACK), now=LATER)
    assert spans(contact, "closed") == [(1, 49)]
    assert spans(contact, "open") == []


def test_a_packet_overtaken_by_a_more_urgent_one_was_never_a_gap(contact, board, heard):
    packets = [board.platform() for _ in range(4)]
    heard.receive(board.frames([packets[0], packets[3]]))
    heard.receive(board.frames(packets[1:3]), now=NOON + timedelta(seconds=1))
    assert not Gap.objects.exists()


def test_what_the_recorder_does_not_hold_is_lost_with_the_reason(contact, board, heard):
    packets = [board.platform() for _ in range(10)]
    heard.receive(board.frames([packets[0], packets[9]]))
    heard.receive(board.frames([board.status(oldest=3, missing=[(6, 7)])]))

    assert spans(contact, "lost") == [(1, 3), (6, 8)]
    assert spans(contact, "open") == [(3, 6), (8, 9)]
    reasons = Gap.objects.filter(state=GapState.LOST).values_list("reason", flat=True)
    assert set(reasons) == {"the recorder does not hold it"}


def test_a_lost_packet_that_comes_after_all_is_no_longer_lost(contact, board, heard):
    packets = [board.platform() for _ in range(3)]
    heard.receive(board.frames([packets[2], board.status(missing=[(0, 1)])]))
    heard.receive(board.frames(packets[:1]), now=LATER)
    assert spans(contact, "lost") == [(1, 2)]
    assert spans(contact, "closed") == [(0, 1)]


def test_the_status_tells_of_packets_nobody_heard(contact, board, heard):
    heard.receive(board.frames([board.platform()]))
    unheard = [board.platform() for _ in range(5)]
    status = board.status()
    board.serial = 100
    later = board.status()
    heard.receive(board.frames([status, later]))

    assert spans(contact, "open") == [(1, 6), (7, 100)]
    heard.receive(board.frames(unheard))
    assert spans(contact, "open") == [(7, 100)]


def test_only_what_is_held_or_explained_without_a_hole_may_be_forgotten(contact, board, heard):
    packets = [board.platform() for _ in range(10)]
    satellite_id = contact.satellite_id
    assert gaps.releasable(satellite_id) is None

    heard.receive(board.frames(packets[:4] + packets[6:]))
    assert gaps.releasable(satellite_id) == (board.volume, 4)

    heard.receive(board.frames([board.status(missing=[(4, 4)])]))
    assert gaps.releasable(satellite_id) == (board.volume, 5)

    heard.receive(board.frames(packets[5:6]))
    assert gaps.releasable(satellite_id) == (board.volume, 11)

    heard.receive(board.frames([board.status(oldest=11, at=LATER)]))
    assert gaps.releasable(satellite_id) == (board.volume, 12)
    assert Volume.objects.get().oldest == 11


def test_a_formatted_recorder_explains_the_gaps_of_the_volume_before(contact, board, heard):
    packets = [board.platform() for _ in range(5)]
    heard.receive(board.frames([packets[0], packets[4], board.status()]))
    new = Board(board.spacecraft, volume=0xBEEF)
    heard.receive(new.frames([new.status(at=LATER)]), now=LATER)

    gap = Gap.objects.get(volume=board.volume)
    assert (gap.state, gap.reason) == ("lost", "the recorder was formatted")
    assert gaps.newest_volume(contact.satellite_id).volume == 0xBEEF


def test_an_old_status_played_back_does_not_bring_the_old_volume_back(contact, board, heard):
    old = board.status()
    new = Board(board.spacecraft, volume=0xBEEF)
    heard.receive(new.frames([new.status(at=LATER)]), now=LATER)
    heard.receive(board.frames([old], DownlinkChannel.PLAYBACK), now=LATER)
    assert gaps.newest_volume(contact.satellite_id).volume == 0xBEEF


def test_completeness_adds_up(contact, board, heard):
    packets = [board.platform() for _ in range(10)]
    heard.receive(board.frames([packets[0], packets[9]]))
    heard.receive(board.frames([board.status(missing=[(1, 2)])]), now=LATER)
    heard.receive(board.frames(packets[5:6]), now=LATER)

    (volume,) = gaps.completeness(contact.satellite_id)
    assert volume == {
        "volume": board.volume,
        "following": 11,
        "oldest_on_board": 0,
        "held": 4,
        "missing": 5,
        "lost": 2,
        "recovered": 1,
    }
    assert volume["following"] == volume["held"] + volume["missing"] + volume["lost"]
