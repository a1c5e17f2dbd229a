"""Frames in, alarms out: once each, in order, from live telemetry alone, whatever is repeated."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from telemetry import onboard
from telemetry.alarms import operating, watching
from telemetry.alarms.models import Alarm, Transition, Violation, Watch
from telemetry.archive import followers
from telemetry.models import RawBatch
from tests.factories import NOON, make_contact
from tests.live import events_of
from tests.telemetry.alarms.flight import Flown

HOT = "Accelerator temperature"


def history_of(alarm):
    return [(row.event, row.after) for row in alarm.transitions.all()]


def test_normal_flight_raises_nothing(flown):
    flown.seconds(30, batches=10)
    flown.seconds(30, light=0, solar_w=0.0, panel_c=-60.0, charge=0.62)
    flown.seconds(30, temperature_c=57.0, power_w=299.0, load=0.93, running=1, tokens_per_s=30.0)

    assert Alarm.objects.count() == 0
    assert Watch.objects.get(satellite=flown.satellite).rules == {}


@pytest.mark.parametrize(
    ("wrong", "name", "level"),
    [
        ({"temperature_c": 84.0}, HOT, 3),
        ({"temperature_c": 93.0}, HOT, 4),
        ({"power_w": 350.0}, "Accelerator power cap", 3),
        ({"charge": 0.2, "bus_v": 28.2}, "Battery charge", 3),
        ({"mode": onboard.Mode.SAFE}, "Mode", 3),
        ({"solar_w": 400.0}, "Solar power in sunlight", 3),
        ({"battery_c": 60.0}, "Battery temperature", 4),
    ],
)
def test_a_fault_raises_the_right_alarm(flown, wrong, name, level):
    flown.seconds(2)
    flown.seconds(4, **wrong)

    alarm = flown.alarms()[name]
    assert (alarm.state, alarm.level, alarm.occurrence) == ("unacknowledged", level, 1)


def test_an_alarm_says_what_is_wrong_and_since_when(flown):
    flown.seconds(2, temperature_c=69.0)
    flown.seconds(5, temperature_c=84.0)

    alarm = flown.alarms()[HOT]
    assert alarm.detail == "84 °C: above 80 °C (Distress)"
    assert alarm.raised_at == NOON + timedelta(seconds=4)  # the third violation of three
    assert [event.payload["calling"] for event in events_of("alarms")] == [1]


def test_a_burst_of_memory_errors_is_told_by_its_rate(flown):
    flown.seconds(600, batches=20)
    assert flown.states() == {}
    for corrected in range(10, 60, 5):
        flown.seconds(1, corrected=corrected)

    alarm = flown.alarms()["Corrected memory errors (SEU rate)"]
    assert (alarm.state, alarm.level) == ("unacknowledged", 2)
    assert "/s" in alarm.detail


def test_uncorrected_errors_latch(flown):
    flown.seconds(2)
    flown.seconds(2, uncorrected=5)
    alarm = flown.alarms()["Uncorrected memory errors"]
    assert (alarm.state, alarm.is_latching) == ("unacknowledged", True)
    flown.at += timedelta(hours=2)
    flown.seconds(2, uncorrected=5)
    alarm.refresh_from_db()
    assert alarm.state == "latched"
    operating.acknowledge([alarm.pk], by="ann", now=flown.at)
    operating.clear([alarm.pk], by="ann", now=flown.at)
    alarm.refresh_from_db()
    assert alarm.state == "normal"


def test_a_life_from_raise_to_normal_is_written_down(flown):
    flown.seconds(4, temperature_c=75.0)
    alarm = flown.alarms()[HOT]
    operating.acknowledge([alarm.pk], by="ann", now=flown.at, reason="looking")
    flown.seconds(4, temperature_c=85.0)  # worse than what Ann knows of
    flown.seconds(4, temperature_c=60.0)

    alarm.refresh_from_db()
    assert history_of(alarm) == [
        ("raise", "unacknowledged"),
        ("acknowledge", "acknowledged"),
        ("worsen", "unacknowledged"),
        ("return", "returned"),
    ]
    assert [row.by for row in alarm.transitions.all()] == ["", "ann", "", ""]
    assert (alarm.level, alarm.worst) == (0, 3)


def test_a_dump_raises_nothing_and_is_recorded(flown):
    flown.seconds(3)
    flown.seconds(10, at=NOON - timedelta(hours=1), dump=True, batches=3, temperature_c=95.0)
    flown.seconds(3)

    assert flown.states() == {}
    row = Violation.objects.get(name=HOT)
    assert (row.level, row.count, row.value) == (4, 10, 95.0)
    assert row.last_ns - row.first_ns == 9 * 10**9


def test_a_dump_of_what_an_alarm_told_of_is_told_once(flown):
    flown.seconds(3)
    flown.seconds(5, temperature_c=95.0)
    flown.seconds(5)
    flown.seconds(3, at=NOON + timedelta(seconds=6), dump=True, temperature_c=95.0)

    assert not Violation.objects.exists()


def test_live_samples_that_are_late_are_of_the_past(flown):
    flown.seconds(5)
    flown.seconds(4, at=NOON - timedelta(seconds=60), temperature_c=95.0)

    assert flown.states() == {}
    assert Violation.objects.get().count == 4


def test_a_clock_on_board_that_jumped_silences_nothing(flown):
    flown.seconds(3)
    flown.seconds(1, at=NOON + timedelta(days=400))
    flown.seconds(4, at=NOON - timedelta(days=9000), temperature_c=95.0)

    assert flown.states() == {}  # of one instant of reception there is one sample
    for _ in range(4):
        flown.at += timedelta(seconds=1)
        flown.seconds(1, at=NOON - timedelta(days=9000), temperature_c=95.0)
    assert flown.states()[HOT] == "unacknowledged"


def test_a_batch_decoded_again_raises_nothing_again(flown):
    flown.seconds(4, temperature_c=84.0)
    RawBatch.objects.update(decoded=False)
    flown.heard.decode()

    assert flown.alarms()[HOT].occurrence == 1
    assert Transition.objects.count() == 1


def test_an_arrival_followed_twice_changes_nothing(flown, monkeypatch):
    arrivals = []
    monkeypatch.setattr(followers, "_followers", [lambda a, *, now: arrivals.append(a)])
    flown.seconds(4, temperature_c=84.0)
    [arrival] = arrivals
    for _ in range(2):
        watching.follow(arrival, now=NOON)

    assert Transition.objects.count() == 1
    assert not Violation.objects.exists()


def test_what_was_undone_by_a_kill_is_done_by_the_repetition(flown, monkeypatch):
    def killed(*_, **__):
        raise SystemExit

    monkeypatch.setattr(watching.keeping, "keep", killed)
    with pytest.raises(SystemExit):
        flown.seconds(4, temperature_c=84.0)
    assert not Watch.objects.exists()
    monkeypatch.undo()
    flown.heard.decode()

    assert flown.states() == {HOT: "unacknowledged"}


def test_the_same_pass_by_two_stations_raises_once(flown):
    other = Flown(make_contact(satellite=flown.satellite, aos_at=NOON + timedelta(hours=1)))
    other.board = flown.board
    packets = flown.board.frames(
        [p for n in range(4) for p in flown.packets(NOON + timedelta(seconds=n), charge=0.1)]
    )
    for each in (flown, other):
        each.heard.receive(packets)

    assert flown.alarms()["Battery charge"].occurrence == 1


def test_a_shelved_alarm_stays_silent_and_speaks_at_the_end_of_its_shelf(flown):
    flown.seconds(4, temperature_c=84.0)
    alarm = flown.alarms()[HOT]
    operating.shelve(
        [alarm.pk], until=NOON + timedelta(hours=1), by="ann", now=flown.at, reason="known"
    )
    flown.seconds(4)
    flown.seconds(4, temperature_c=84.0)
    assert flown.states() == {HOT: "shelved"}

    assert operating.unshelve_due(now=NOON + timedelta(minutes=59)) == 0
    assert operating.unshelve_due(now=NOON + timedelta(hours=1)) == 1
    assert flown.states() == {HOT: "unacknowledged"}


def test_in_its_safe_mode_the_accelerator_is_held_to_cooler_limits(flown):
    flown.seconds(4, temperature_c=65.0)
    assert flown.states() == {}
    flown.seconds(4, temperature_c=65.0, mode=onboard.Mode.SAFE)
    assert flown.states() == {HOT: "unacknowledged", "Mode": "unacknowledged"}


def test_a_batch_that_nobody_minds_costs_two_statements(flown):
    flown.seconds(4)
    arrivals = []
    followers.register(lambda arrival, *, now: arrivals.append(arrival))
    flown.seconds(4)
    followers._followers.pop()
    Watch.objects.update(newest_ns={})
    with CaptureQueriesContext(
        connection,
    ) as statements:
        watching.follow(arrivals[0], now=NOON)

    said = [each["sql"] for each in statements if "SAVEPOINT" not in each["sql"]]
    assert len(said) == 2, said


def test_many_faults_at_once_cost_no_more_statements_than_one(flown):
    def cost(**wrong):
        with CaptureQueriesContext(connection) as statements:
            flown.seconds(4, **wrong)
        return len(statements)

    flown.seconds(4)
    one = cost(temperature_c=95.0)
    assert cost(charge=0.1, bus_v=26.0, battery_c=70.0, panel_c=120.0, structure_c=60.0) <= one
    assert len(flown.states()) == 7  # with the rise of the temperature
