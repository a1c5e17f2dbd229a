"""A contact has one owner at a time, and an owner that lost it can write nothing."""

import threading
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from django.db import connection, transaction
from django.db.models.functions import Now

from constellation.contacts.models import Contact, State
from ops.clock_reading import Clock
from tests.factories import NOON, make_contact
from tests.live import events_of
from tests.running import wait_for
from uplink.conduct import leases, standing
from uplink.conduct.leases import LeaseLost

WALL = datetime(2026, 11, 22, 18, tzinfo=UTC)


def clock_at(mission=NOON, rate=1.0, anchor=None) -> Clock:
    anchor = mission if anchor is None else anchor
    return Clock(True, WALL - (mission - anchor) / (rate or 1.0), anchor, rate, 1)


def claim(owner="one", most=10, clock=None):
    return leases.claim(owner=owner, most=most, clock=clock or clock_at(), wall=WALL)


def expire(contact) -> None:
    Contact.objects.filter(pk=contact.pk).update(lease_expires_at=Now() - timedelta(seconds=1))


@pytest.mark.django_db
def test_contacts_are_claimed_30_wall_seconds_early_whatever_the_rate():
    contact = make_contact(aos_at=NOON + timedelta(minutes=5))
    assert claim(clock=clock_at()) == []
    assert claim(clock=clock_at(rate=0)) == []
    (lease,) = claim(clock=clock_at(rate=10))
    contact.refresh_from_db()
    assert (lease.contact_id, lease.fencing) == (contact.pk, 1)
    assert (contact.state, contact.owner) == (State.PREPASS, "one")


@pytest.mark.django_db
def test_what_is_owned_cannot_be_claimed_until_the_lease_is_over_and_then_by_a_higher_number():
    contact = make_contact()
    (first,) = claim("one")
    assert claim("two") == []
    expire(contact)
    (second,) = claim("two")
    assert (first.fencing, second.fencing) == (1, 2)
    assert leases.renew([first]) == {}
    assert leases.renew([second]) == {contact.pk: State.PREPASS}


def silence(contact, seconds: float) -> None:
    """Leave a lease as it is after so many seconds without a heartbeat."""
    left = timedelta(seconds=leases.LEASE_S - seconds)
    Contact.objects.filter(pk=contact.pk).update(lease_expires_at=Now() + left)


@pytest.mark.django_db(transaction=True)
def test_an_owner_that_is_gone_is_followed_before_its_lease_is_over_and_one_that_sleeps_is_not():
    contact = make_contact()
    owner = "a-long-host-name." * 4 + ":4711:0a1b2c3d"
    claim(owner)
    known = {"dbname", "user", "password", "host", "port"}
    wanted = connection.get_connection_params().items()
    details = {name: value for name, value in wanted if name in known}
    with psycopg.connect(**details, application_name=leases.presence(owner)):
        silence(contact, leases.GONE_S + 1)
        assert claim("two") == []
    silence(contact, leases.GONE_S / 2)
    assert claim("two") == []
    silence(contact, leases.GONE_S + 1)
    (lease,) = wait_for("the server has seen it leave", lambda: claim("two"), 60)
    assert (lease.owner, lease.fencing) == ("two", 2)


@pytest.mark.django_db
def test_who_lost_the_lease_can_neither_write_nor_release():
    contact = make_contact()
    (first,) = claim("one")
    expire(contact)
    (second,) = claim("two")
    with pytest.raises(LeaseLost), transaction.atomic():
        leases.hold(first)
    leases.release([first])
    with transaction.atomic():
        assert leases.hold(second).owner == "two"


@pytest.mark.django_db
def test_a_released_contact_is_free_at_once_and_a_crashed_one_after_a_rest():
    make_contact()
    (lease,) = claim("one")
    leases.release([lease])
    (lease,) = claim("two")
    leases.release([lease], rest_s=leases.REST_S)
    assert claim("three") == []


@pytest.mark.django_db
def test_what_was_begun_is_claimed_even_after_its_end_and_what_is_over_never():
    begun = make_contact(state=State.PASS, los_at=NOON + timedelta(minutes=1))
    for state in (State.COMPLETED, State.FAILED, State.CANCELLED, State.CANCELLING):
        make_contact(state=state)
    (lease,) = claim(clock=clock_at(NOON + timedelta(minutes=2)))
    assert lease.contact_id == begun.pk


@pytest.mark.django_db
def test_contacts_jumped_over_fail_and_say_so():
    jumped = make_contact(los_at=NOON + timedelta(minutes=1))
    missed = make_contact(los_at=NOON + timedelta(minutes=5))
    ahead = make_contact(los_at=NOON + timedelta(minutes=9))
    clock = clock_at(NOON + timedelta(minutes=6), anchor=NOON + timedelta(minutes=2))
    assert leases.close_missed(clock=clock, wall=WALL) == 2
    assert leases.close_missed(clock=clock, wall=WALL) == 0
    for contact in (jumped, missed, ahead):
        contact.refresh_from_db()
    assert (jumped.state, jumped.reason) == (State.FAILED, "clock jumped")
    assert (missed.state, missed.reason) == (State.FAILED, "no conductor was free to fly it")
    assert ahead.state == State.SCHEDULED
    assert list(events_of("contacts").values_list("kind", flat=True)) == [
        "failed",
        "failed",
    ]


@pytest.mark.django_db
def test_a_contact_that_ends_has_no_owner_any_more():
    make_contact()
    (lease,) = claim()
    with transaction.atomic():
        standing.move(leases.hold(lease), State.COMPLETED, report={"reason": "los"})
    with pytest.raises(LeaseLost), transaction.atomic():
        leases.hold(lease)
    contact = Contact.objects.get(pk=lease.contact_id)
    assert (contact.owner, contact.lease_expires_at) == ("", None)


@pytest.mark.django_db(transaction=True)
def test_of_many_that_claim_at_once_each_contact_goes_to_exactly_one():
    contacts = {make_contact().pk for _ in range(12)}
    start, taken = threading.Barrier(4), []

    def race(owner: str) -> None:
        start.wait()
        taken.extend(each.contact_id for _ in range(6) for each in claim(owner, most=2))
        connection.close()

    threads = [threading.Thread(target=race, args=[f"owner-{n}"]) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == len(contacts)
    assert set(taken) == contacts
