"""What no sample tells: silence in a contact, stale groups, a lookout that is itself missed."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from constellation.contacts.models import Contact, State
from ops import clock
from telemetry.alarms import conditions, looking, tasks
from telemetry.alarms.levels import Level
from telemetry.alarms.models import Alarm, Freshness
from tests.factories import NOON, make_contact, make_satellite
from tests.telemetry.alarms.flight import Flown


@pytest.fixture(autouse=True)
def nobody_else(monkeypatch):
    """The registry as it is before upper rooms fill it."""
    monkeypatch.setattr(conditions, "_registered", {})


def look(seconds, rate=1.0):
    return looking.look(now=NOON + timedelta(seconds=seconds), rate=rate)


def state_of(satellite, rule=looking.LINK):
    row = Alarm.objects.filter(satellite=satellite, rule=rule).first()
    return row and row.state


@pytest.fixture
def contact(flown):
    Contact.objects.filter(pk=flown.contact.pk).update(state=State.PASS)
    return flown.contact


def test_a_satellite_that_should_be_heard_and_is_not_raises_a_link_alarm(contact, flown):
    assert look(29) == 0
    assert look(31) == 1
    assert look(40) == 0
    alarm = Alarm.objects.get()
    assert (alarm.state, alarm.level) == ("unacknowledged", Level.DISTRESS)
    assert alarm.detail == f"Nothing heard over {contact.antenna.code} since 12:00:00Z"

    flown.seconds(3, at=NOON + timedelta(seconds=41))
    flown.at = NOON + timedelta(seconds=44)
    flown.seconds(1)
    look(45)
    assert state_of(flown.satellite) == "returned"


def test_it_stays_when_the_pass_is_over_and_nothing_was_heard(contact, flown):
    look(31)
    Contact.objects.update(state=State.COMPLETED)
    look(3600)
    assert state_of(flown.satellite) == "unacknowledged"


def test_falling_silent_in_the_middle_of_a_pass_raises_it_too(contact, flown):
    flown.seconds(60)
    assert look(80) == 0
    look(95)
    assert state_of(flown.satellite) == "unacknowledged"


def test_frames_that_wait_to_be_decoded_were_heard(contact, flown):
    flown.seconds(2)
    packets = flown.packets(NOON + timedelta(seconds=70))
    flown.heard.store(flown.board.frames(packets), at=NOON + timedelta(seconds=70))
    assert look(75) == 0  # a worker that is behind is no silence, and what it has is not stale
    flown.heard.decode(now=NOON + timedelta(seconds=76))
    assert look(77) == 0
    look(120)
    assert state_of(flown.satellite) == "unacknowledged"


def test_a_fast_clock_allows_for_the_time_that_decoding_takes(contact, flown):
    assert look(200, rate=60.0) == 0
    assert look(301, rate=60.0) == 1


def test_contacts_that_were_jumped_over_and_those_to_come_are_not_missed(flown):
    for state in (State.FAILED, State.SCHEDULED, State.CANCELLED):
        Contact.objects.update(state=state)
        assert look(100) == 0


def test_a_group_that_is_silent_in_contact_is_stale_and_the_others_are_fresh(contact, flown):
    flown.seconds(2)
    look(3)
    states = dict(Freshness.objects.values_list("group", "state"))
    assert states == {"HK_PLATFORM": "fresh", "HK_COMPUTE": "fresh"}

    flown.at = NOON + timedelta(seconds=50)
    platform, _ = flown.packets(flown.at)
    flown.heard.receive(flown.board.frames([platform]), now=flown.at)
    look(51)
    assert dict(Freshness.objects.values_list("group", "state"))["HK_COMPUTE"] == "stale"
    assert state_of(flown.satellite, "stale:HK_COMPUTE") == "unacknowledged"
    assert state_of(flown.satellite, "stale:HK_PLATFORM") is None
    assert state_of(flown.satellite) is None


def test_a_silent_satellite_has_one_alarm_and_not_one_a_group(contact, flown):
    flown.seconds(2)
    look(60)
    assert [row.rule for row in Alarm.objects.all()] == [looking.LINK]


def test_out_of_contact_nothing_is_expected_until_it_is_too_long(flown):
    flown.seconds(2)
    look(600)
    assert set(Freshness.objects.values_list("state", flat=True)) == {"resting"}
    look(6 * 3600 + 60)
    assert set(Freshness.objects.values_list("state", flat=True)) == {"stale"}
    assert not Alarm.objects.exists()


def test_what_other_rooms_find_is_raised_and_returns(db):
    satellite, found = make_satellite(), []
    conditions.register(conditions.Condition("model", "Wrong model", lambda now: found))
    found.append(conditions.Found(satellite.pk, NOON, Level.WARNING, "abc", "Runs abc"))
    assert (look(1), look(2)) == (1, 0)
    assert state_of(satellite, "model") == "unacknowledged"
    found.clear()
    assert (look(3), look(4)) == (1, 0)
    assert state_of(satellite, "model") == "returned"
    with pytest.raises(ValueError, match="already"):
        conditions.register(conditions.Condition("model", "Wrong model", lambda now: []))


def test_looking_at_many_costs_no_more_statements_than_at_one(limits):
    def fleet_of(count):
        for _ in range(count):
            make_contact(state=State.PASS)

    def cost(seconds):
        with CaptureQueriesContext(connection) as statements:
            look(seconds)
        return len(statements)

    fleet_of(1)
    one = cost(40)
    fleet_of(30)
    assert cost(50) == one
    assert Alarm.objects.filter(state="unacknowledged").count() == 31


def test_a_lookout_that_stopped_is_missed(db):
    wall = clock.wall()
    assert looking.late_s(wall) is None
    tasks.look_after_alarms()
    assert looking.late_s(clock.wall()) is None
    assert looking.late_s(clock.wall() + timedelta(seconds=90)) == pytest.approx(90, abs=20)


def test_the_same_satellite_flies_two_contacts_and_one_link_alarm(limits):
    satellite = make_satellite()
    first = Flown(make_contact(satellite=satellite, state=State.PASS))
    look(31)
    Contact.objects.filter(pk=first.contact.pk).update(state=State.COMPLETED)
    make_contact(satellite=satellite, aos_at=NOON + timedelta(hours=1), state=State.PASS)
    look(3600 + 40)
    assert Alarm.objects.get().occurrence == 1
