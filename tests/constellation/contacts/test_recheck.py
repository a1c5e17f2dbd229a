"""Contacts and the element sets that come after they were booked."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from constellation import catalogue, intake, visibility
from constellation.contacts import booking, recheck
from constellation.contacts.models import Contact, ContactVersion, State
from constellation.models import ElementSet, Satellite
from constellation.orbits import omm
from tests.constellation.orbits import fleet as reference
from tests.factories import NOON, make_contact, make_organisation, make_satellite
from tests.live import events_of

MEAN = reference.element_sets()[0]
TURN_S = 86_400 / MEAN.mean_motion_rev_per_day


@pytest.fixture
def a(db):
    catalogue.load_reference(NOON)
    make_organisation(operates_fleet=True)
    return Satellite.objects.get(code="SCS-01-A")


@pytest.fixture
def seen(a):
    """A pass of some minutes in the next hours."""
    found = visibility.passes_between(NOON, NOON + timedelta(hours=12), satellites=[a]).passes
    return next(p for p in found if p.aos_at > NOON and (p.los_at - p.aos_at).seconds > 400)


def book(seen, aos_at=None, los_at=None, **details):
    contact, _ = booking.book_contact(
        contact_id=uuid4(),
        organisation=make_organisation(),
        satellite=seen.satellite,
        antenna=seen.station.antennas.order_by("code").first(),
        aos_at=aos_at or seen.aos_at,
        los_at=los_at or seen.los_at,
        now=NOON,
        **details,
    )
    return contact


def late(seconds, **changes):
    """Take the elements again, with the satellite some seconds behind, as a newer set."""
    behind_deg = 360.0 * seconds / TURN_S
    changed = replace(
        MEAN,
        epoch_at=MEAN.epoch_at + timedelta(seconds=1),
        mean_anomaly_deg=(MEAN.mean_anomaly_deg + 360.0 / TURN_S - behind_deg) % 360.0,
        **changes,
    )
    file, _ = intake.take_file(
        file_id=uuid4(), data=omm.to_json([changed]), source="operator", now=NOON
    )
    assert file.taken == ["SCS-01-A"]


def last_event():
    return events_of("contacts").last()


def test_a_small_change_leaves_a_contact_alone(seen):
    contact = book(seen)
    late(3.0)
    assert recheck.look_again(NOON) == {"keep": 1, "move": 0, "cancel": 0}
    contact.refresh_from_db()
    assert (contact.aos_at, contact.version) == (seen.aos_at, 1)
    assert not ElementSet.objects.filter(contacts_checked=False).exists()
    assert recheck.look_again(NOON) == {"keep": 0, "move": 0, "cancel": 0}


def test_a_pass_that_moves_takes_its_contact_along(seen):
    contact = book(seen)
    late(20.0)
    assert recheck.look_again(NOON)["move"] == 1

    contact.refresh_from_db()
    # The Earth turns on under a satellite that is late, which changes the pass by a little.
    moved_s = (contact.aos_at - seen.aos_at).total_seconds()
    assert moved_s == pytest.approx(20.0, abs=4.0)
    now_seen = visibility.pass_over(contact.satellite, seen.station, contact.aos_at, contact.los_at)
    assert (contact.aos_at, contact.los_at) == (now_seen.aos_at, now_seen.los_at)
    assert contact.starts_at == contact.aos_at - timedelta(seconds=contact.antenna.setup_s)
    assert (contact.state, contact.version) == (State.SCHEDULED, 2)
    before = ContactVersion.objects.get(contact=contact)
    assert (before.version, before.aos_at, before.changed_at) == (1, seen.aos_at, NOON)
    event = last_event()
    assert (event.kind, event.payload["id"]) == ("moved", str(contact.pk))
    assert event.payload["moved_s"] == pytest.approx(moved_s, abs=0.001)
    assert event.payload["why"].startswith("the pass moved by +")


def test_a_contact_that_took_part_of_a_pass_keeps_its_part(seen):
    middle = seen.aos_at + timedelta(seconds=120)
    contact = book(seen, aos_at=middle, los_at=middle + timedelta(seconds=180))
    late(20.0)
    assert recheck.look_again(NOON)["move"] == 1
    contact.refresh_from_db()
    assert (contact.aos_at - middle).total_seconds() == pytest.approx(20.0, abs=4.0)
    assert (contact.los_at - contact.aos_at).total_seconds() == pytest.approx(180.0, abs=1.0)


def test_a_pass_that_is_gone_cancels_its_contact_with_the_reason(seen):
    contact = book(seen)
    late(0.0, inclination_deg=12.0)
    assert recheck.look_again(NOON)["cancel"] == 1
    contact.refresh_from_db()
    assert (contact.state, contact.pass_gone) == (State.CANCELLED, True)
    assert contact.reason == "the new element set has no pass there (element set)"
    assert last_event().kind == "cancelled"


def test_a_booking_in_the_way_leaves_what_both_can_have(seen):
    contact = book(seen)
    antenna = contact.antenna
    gap = timedelta(seconds=antenna.setup_s + antenna.teardown_s)
    # Another satellite's contact follows as closely as it may.
    other = make_contact(antenna=antenna, satellite=make_satellite(), aos_at=seen.los_at + gap)
    late(60.0)
    assert recheck.look_again(NOON)["move"] == 1
    contact.refresh_from_db()
    assert contact.los_at == seen.los_at
    assert (contact.aos_at - seen.aos_at).total_seconds() == pytest.approx(60.0, abs=10.0)
    other.refresh_from_db()
    assert other.aos_at == seen.los_at + gap


def test_nothing_viable_left_is_cancelled(seen):
    contact = book(seen, minimum_viable_s=(seen.los_at - seen.aos_at).total_seconds() - 10.0)
    antenna = contact.antenna
    gap = timedelta(seconds=antenna.setup_s + antenna.teardown_s)
    make_contact(antenna=antenna, satellite=make_satellite(), aos_at=seen.los_at + gap)
    late(60.0)
    assert recheck.look_again(NOON)["cancel"] == 1
    contact.refresh_from_db()
    assert "another contact is where the new element set puts it" in contact.reason


def test_a_contact_under_way_is_told_of_and_left_to_who_flies_it(seen):
    contact = book(seen)
    Contact.objects.filter(pk=contact.pk).update(state=State.PREPASS)
    late(60.0)
    assert recheck.look_again(NOON)["keep"] == 1
    contact.refresh_from_db()
    assert (contact.state, contact.aos_at) == (State.PREPASS, seen.aos_at)
    event = last_event()
    assert (event.kind, event.payload["id"]) == ("aos_off", str(contact.pk))


def test_moving_a_contact_that_somebody_cancelled_changes_nothing(seen):
    contact = book(seen)
    booking.cancel_contact(contact_id=contact.pk, reason="", by="operator")
    left = booking.move_contact(
        contact_id=contact.pk,
        aos_at=seen.aos_at + timedelta(seconds=30),
        los_at=seen.los_at,
        seen=seen,
        reason="",
        now=NOON,
    )
    assert (left.state, left.aos_at) == (State.CANCELLED, seen.aos_at)


def test_a_set_that_counts_later_is_looked_at_when_it_does(seen):
    book(seen)
    changed = replace(MEAN, epoch_at=NOON + timedelta(minutes=30))
    intake.take_file(file_id=uuid4(), data=omm.to_json([changed]), source="operator", now=NOON)
    assert recheck.look_again(NOON) == {"keep": 0, "move": 0, "cancel": 0}
    assert ElementSet.objects.filter(contacts_checked=False).count() == 1
    recheck.look_again(NOON + timedelta(minutes=30))
    assert not ElementSet.objects.filter(contacts_checked=False).exists()
