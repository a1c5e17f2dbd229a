"""The satellite that can start on a question first is the one that gets it."""

from datetime import UTC, datetime, timedelta

from constellation.routing.earliest import Meeting, earliest

NOON = datetime(2026, 8, 22, 12, tzinfo=UTC)


def meeting(satellite_id: int, aos_min: float, los_min: float) -> Meeting:
    return Meeting(
        contact_id=f"{satellite_id}@{aos_min}",
        satellite_id=satellite_id,
        aos_at=NOON + timedelta(minutes=aos_min),
        los_at=NOON + timedelta(minutes=los_min),
    )


def choose(*meetings, waiting=None, answer_s=20.0):
    return earliest(meetings, now=NOON, waiting=waiting or {}, answer_s=answer_s, margin_s=10)


def test_an_open_contact_beats_a_coming_one():
    route = choose(meeting(1, 3, 12), meeting(2, -4, 4))
    assert route.meeting.satellite_id == 2
    assert route.uplink_at == NOON


def test_a_contact_about_to_end_is_no_use():
    route = choose(meeting(1, -9, 0.1), meeting(2, 3, 12))
    assert route.meeting.satellite_id == 2
    assert route.uplink_at == NOON + timedelta(minutes=3)


def test_a_contact_that_is_over_is_no_use():
    assert choose(meeting(1, -20, -10)) is None


def test_work_waiting_on_board_sends_the_question_elsewhere():
    busy, free = meeting(1, -4, 4), meeting(2, 1, 9)
    assert choose(busy, free, waiting={1: 2}).meeting is busy
    assert choose(busy, free, waiting={1: 4}).meeting is free


def test_of_equals_the_longer_contact_wins_then_the_lower_satellite():
    assert choose(meeting(2, -1, 5), meeting(3, -1, 8)).meeting.satellite_id == 3
    assert choose(meeting(3, -1, 5), meeting(2, -1, 5)).meeting.satellite_id == 2


def test_without_meetings_there_is_no_route():
    assert choose() is None
