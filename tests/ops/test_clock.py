"""Mission time: continuous, shared, and never running backwards."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops import clock
from ops.clock_reading import Clock
from tests.factories import make_organisation, make_user
from tests.live import events_of

EPOCH = datetime(2026, 8, 22, 12, tzinfo=UTC)
WALL = datetime(2026, 11, 22, 17, tzinfo=UTC)


@pytest.fixture
def simulated(db):
    clock.forget()
    yield clock.start(epoch=EPOCH, rate=1.0)
    clock.forget()


@given(
    rates=st.lists(st.floats(0, 1000), min_size=1, max_size=8),
    steps_s=st.lists(st.integers(0, 10**6), min_size=8, max_size=8),
)
def test_mission_time_is_continuous_over_changes_of_rate(rates, steps_s):
    at, reading = WALL, Clock(True, WALL, EPOCH, 1.0, 1)
    for rate, step_s in zip(rates, steps_s, strict=False):
        at += timedelta(seconds=step_s)
        before = reading.at(at)
        reading = reading.moved(at, rate=rate)
        assert reading.at(at) == before
        assert reading.at(at + timedelta(seconds=1)) >= before


def test_a_reading_finds_the_wall_time_of_an_instant():
    reading = Clock(True, WALL, EPOCH, 4.0, 1)

    assert reading.wall_of(EPOCH + timedelta(minutes=4)) == WALL + timedelta(minutes=1)
    assert Clock(True, WALL, EPOCH, 0.0, 1).wall_of(EPOCH) is None


def test_a_second_start_goes_on_from_the_stored_row(simulated):
    clock.jump_by(timedelta(days=1))

    again = clock.start(epoch=EPOCH, rate=1.0)

    assert again.at(clock.wall()) >= EPOCH + timedelta(days=1)


def test_a_stopped_system_is_taken_up_where_it_was_left(simulated):
    left_at = simulated.at(simulated.wall_anchor)

    taken_up = clock.take_up(seen_at=simulated.wall_anchor)

    assert taken_up.mission_anchor == left_at
    assert taken_up.generation == simulated.generation + 1


def test_mission_time_never_goes_back(simulated):
    with pytest.raises(clock.ClockRefused, match="never goes back"):
        clock.jump_to(EPOCH - timedelta(hours=1))


def test_a_wrong_digit_of_the_year_is_refused(simulated):
    with pytest.raises(clock.ClockRefused, match="3026-08-22T12:00:00Z is more than 366 days"):
        clock.jump_to(EPOCH.replace(year=3026))
    assert clock.jump_to(EPOCH.replace(year=2027)).mission_anchor == EPOCH.replace(year=2027)


def test_a_paused_clock_stands_still_and_resumes_at_its_rate(simulated):
    clock.set_rate(8)
    paused = clock.pause()
    assert clock.now() == clock.now() == paused.mission_anchor

    assert clock.resume().rate == 8


def test_every_change_is_an_event_and_a_generation(simulated):
    clock.set_rate(2)
    clock.pause()

    changes = events_of("clock")

    assert [change.number for change in changes] == [1, 2]
    assert [change.payload["rate"] for change in changes] == [2, 0]
    assert clock.reading().generation == simulated.generation + 2


def test_real_time_cannot_be_changed(db):
    clock.forget()
    clock.start(epoch=None)
    with pytest.raises(clock.ClockRefused, match="real time"):
        clock.pause()
    assert abs(clock.now() - clock.wall()) < timedelta(seconds=5)
    clock.forget()


@pytest.mark.parametrize("rate", [-1, 1e-9, 10_001, float("nan")])
def test_a_rate_that_no_calendar_holds_is_refused(simulated, rate):
    with pytest.raises(clock.ClockRefused, match=r"A rate is 0, or 0.001 to 10000"):
        clock.set_rate(rate)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"action": "resume", "rate": 50}, "`resume` takes no `rate`."),
        ({"action": "pause", "after_s": 5}, "`pause` takes no `after_s`."),
        ({"action": "rate", "rate": True}, "A valid number is required."),
    ],
)
def test_what_a_change_does_not_take_is_refused(simulated, client, change, said):
    client.force_login(make_user(organisation=make_organisation(operates_fleet=True)))

    answer = client.post("/api/v1/clock", change, content_type="application/json")

    assert answer.status_code == 400
    assert said in answer.content.decode()
    assert clock.reading().generation == simulated.generation
