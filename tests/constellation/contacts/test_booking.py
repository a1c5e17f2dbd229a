"""Booking and cancelling: what is promised once is promised once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction

from constellation import catalogue, visibility
from constellation.contacts import booking
from constellation.contacts.models import Contact, State
from constellation.models import Antenna, Satellite
from ops.errors import IdReused, NotFound
from tests.factories import NOON, make_contact, make_organisation
from tests.live import events_of


@pytest.fixture
def fleet(db):
    catalogue.load_reference(NOON)


@pytest.fixture
def seen(fleet):
    """The first long pass over a station with several antennas after noon."""
    return next(
        each
        for each in visibility.passes_between(NOON, NOON + timedelta(hours=3)).passes
        if each.aos_at > NOON + timedelta(minutes=2)
        and each.los_at - each.aos_at > timedelta(minutes=6)
        and each.station.antennas.count() > 1
    )


@pytest.fixture
def wanted(seen):
    return {
        "organisation": make_organisation(),
        "satellite": seen.satellite,
        "antenna": seen.station.antennas.first(),
        "aos_at": seen.aos_at,
        "los_at": seen.los_at,
        "now": NOON,
    }


def book(wanted, **changes):
    return booking.book_contact(**{"contact_id": uuid4(), **wanted, **changes})


def test_a_booked_contact_is_padded_and_knows_its_pass(wanted, seen):
    contact, is_new = book(wanted)

    assert is_new
    assert contact.state == State.SCHEDULED
    assert contact.starts_at == seen.aos_at - timedelta(seconds=60)
    assert contact.ends_at == seen.los_at + timedelta(seconds=15)
    assert contact.tca_at == seen.tca_at
    assert contact.max_elevation_deg > 10
    assert events_of("contacts").get().kind == "booked"


def test_booking_again_changes_nothing(wanted):
    contact_id = uuid4()
    first, _ = book(wanted, contact_id=contact_id)
    again, is_new = book(wanted, contact_id=contact_id)
    late, _ = book(wanted, contact_id=contact_id, now=wanted["los_at"] + timedelta(days=1))

    assert not is_new
    assert again == late == first
    assert events_of("contacts").count() == 1


def test_an_id_names_one_contact(wanted):
    contact_id = uuid4()
    book(wanted, contact_id=contact_id)
    with pytest.raises(IdReused):
        book(wanted, contact_id=contact_id, los_at=wanted["los_at"] - timedelta(seconds=9))
    with pytest.raises(IdReused):
        book(wanted, contact_id=contact_id, organisation=make_organisation())


def test_an_antenna_cannot_be_promised_twice(wanted):
    make_contact(antenna=wanted["antenna"], aos_at=wanted["aos_at"] - timedelta(minutes=8))
    with pytest.raises(booking.AntennaBusy, match=r"-1 is taken between .* tear-down included"):
        book(wanted)


def test_a_satellite_cannot_be_promised_twice(wanted):
    make_contact(satellite=wanted["satellite"], aos_at=wanted["los_at"] + timedelta(seconds=1))
    with pytest.raises(booking.SatelliteBusy, match="has another contact"):
        book(wanted)


def test_the_constraints_hold_without_the_function(wanted):
    first = make_contact()
    for change in ({"antenna": first.antenna}, {"satellite": first.satellite}):
        with pytest.raises(IntegrityError, match="alone"), transaction.atomic():
            make_contact(aos_at=first.los_at - timedelta(seconds=1), **change)
        make_contact(aos_at=first.aos_at + timedelta(hours=1), **change)
        Contact.objects.exclude(pk=first.pk).delete()


def test_a_cancelled_contact_gives_its_time_back(wanted):
    contact, _ = book(wanted)
    booking.cancel_contact(contact_id=contact.pk, reason="not needed", by="me")
    again, is_new = book(wanted)

    assert is_new
    assert again != contact


def test_only_a_pass_can_be_booked(wanted):
    with pytest.raises(booking.NoPass, match=r"is only from .* to ") as refused:
        book(wanted, aos_at=wanted["aos_at"] - timedelta(seconds=30))
    assert refused.value.extra["aos_at"] == wanted["aos_at"].isoformat()
    with pytest.raises(booking.NoPass, match="does not rise above 10 degrees"):
        book(
            wanted,
            aos_at=wanted["los_at"] + timedelta(minutes=10),
            los_at=wanted["los_at"] + timedelta(minutes=15),
        )


def test_too_short_and_too_late_are_told_apart(wanted):
    with pytest.raises(booking.TooShort, match="20 s from AOS to LOS is below"):
        book(wanted, los_at=wanted["aos_at"] + timedelta(seconds=20))
    with pytest.raises(booking.TooLate, match="less than the minimum viable 30 s is left"):
        book(wanted, now=wanted["los_at"] - timedelta(seconds=20))
    with pytest.raises(booking.TooLate):
        book(wanted, now=wanted["los_at"] + timedelta(days=1))


def test_a_span_that_no_pass_can_fill_is_refused_without_looking_for_one(wanted):
    with pytest.raises(booking.TooLong, match="longer than a contact may be"):
        book(wanted, aos_at=wanted["aos_at"] - timedelta(days=2000))
    with pytest.raises(booking.TooFar, match="say nothing of what is more than 30 days ahead"):
        book(wanted, **{at: wanted[at] + timedelta(days=3000) for at in ("aos_at", "los_at")})


def test_a_pass_under_way_can_be_booked_and_joined(wanted):
    contact, is_new = book(wanted, now=wanted["aos_at"] + timedelta(minutes=3))
    assert is_new
    assert contact.state == State.SCHEDULED


def test_an_antenna_that_is_maintained_then_is_refused(wanted):
    span = {"starts_at": wanted["aos_at"], "ends_at": wanted["los_at"], "reason": "bearings"}
    wanted["antenna"].maintenances.create(id=uuid4(), **span)
    with pytest.raises(booking.AntennaOut, match="bearings"):
        book(wanted)
    book(wanted, antenna=wanted["antenna"].station.antennas.last())


def test_an_antenna_out_of_service_is_refused(wanted):
    Antenna.objects.filter(pk=wanted["antenna"].pk).update(is_active=False)
    with pytest.raises(booking.AntennaOut, match="out of service"):
        book(wanted)


@pytest.mark.parametrize(
    ("state", "after"),
    [
        (State.SCHEDULED, State.CANCELLED),
        (State.PREPASS, State.CANCELLING),
        (State.PASS, State.CANCELLING),
        (State.CANCELLED, State.CANCELLED),
        (State.CANCELLING, State.CANCELLING),
    ],
)
def test_cancelling_by_state(db, state, after):
    contact = make_contact(state=state)
    cancelled = booking.cancel_contact(contact_id=contact.pk, reason="storm", by="ann")
    again = booking.cancel_contact(contact_id=contact.pk, reason="again", by="bob")
    contact.refresh_from_db()

    assert cancelled.state == again.state == contact.state == after
    if state in (State.SCHEDULED, State.PASS):
        assert contact.reason == "storm (ann)"


def test_what_is_over_cannot_be_cancelled(db):
    contact = make_contact(state=State.COMPLETED)
    with pytest.raises(booking.NotCancellable, match="is COMPLETED"):
        booking.cancel_contact(contact_id=contact.pk, reason="", by="me")
    with pytest.raises(NotFound):
        booking.cancel_contact(contact_id=uuid4(), reason="", by="me")


@pytest.mark.django_db(transaction=True)
def test_of_colliding_bookings_exactly_one_wins_and_none_deadlocks():
    # Four antennas of one station and all satellites in view of it, every pair at once, again
    # and again: without the locks PostgreSQL answers some with a deadlock.
    catalogue.load_reference(NOON)
    organisation = make_organisation()
    passes = [
        each
        for each in visibility.passes_between(NOON, NOON + timedelta(hours=24)).passes
        if each.station.code in ("SGS", "KIR") and each.los_at - each.aos_at > timedelta(minutes=4)
    ][:12]
    antennas = list(Antenna.objects.filter(station__code__in=("SGS", "KIR")))
    asked = [
        (each, antenna)
        for each in passes
        for antenna in antennas
        if antenna.station_id == each.station.pk
        for _ in range(3)
    ]

    def attempt(pair):
        each, antenna = pair
        try:
            contact, _ = booking.book_contact(
                contact_id=uuid4(),
                organisation=organisation,
                satellite=each.satellite,
                antenna=antenna,
                aos_at=each.aos_at,
                los_at=each.los_at,
                now=NOON,
            )
        except (booking.AntennaBusy, booking.SatelliteBusy) as refused:
            return refused.code
        else:
            return contact
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(attempt, asked))

    won = [answer for answer in answers if isinstance(answer, Contact)]
    assert len(won) + answers.count("antenna_busy") + answers.count("satellite_busy") == len(asked)
    assert len(won) == Contact.objects.count()
    # Every pass got at most one antenna, and some pass of each group of rivals got one.
    assert len({(contact.satellite_id, contact.aos_at) for contact in won}) == len(won)
    for each, antenna in asked:
        rivals = Contact.objects.filter(
            starts_at__lt=each.los_at + timedelta(seconds=antenna.teardown_s),
            ends_at__gt=each.aos_at - timedelta(seconds=antenna.setup_s),
        )
        assert (
            rivals.filter(antenna=antenna).exists()
            or rivals.filter(satellite=each.satellite).exists()
        )


@pytest.mark.django_db(transaction=True)
def test_the_same_id_from_many_callers_is_one_contact():
    catalogue.load_reference(NOON)
    seen = next(
        each
        for each in visibility.passes_between(NOON, NOON + timedelta(hours=3)).passes
        if each.aos_at > NOON and each.los_at - each.aos_at > timedelta(minutes=4)
    )
    wanted = {
        "contact_id": uuid4(),
        "organisation": make_organisation(),
        "satellite": seen.satellite,
        "antenna": seen.station.antennas.first(),
        "aos_at": seen.aos_at,
        "los_at": seen.los_at,
        "now": NOON,
    }

    def attempt(_):
        try:
            return booking.book_contact(**wanted)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(attempt, range(24)))

    assert sum(is_new for _, is_new in answers) == 1
    assert {contact.pk for contact, _ in answers} == {wanted["contact_id"]}
    assert Satellite.objects.count() == 13
