"""A day that the planner has booked, and planning on top of it."""

from collections import Counter
from datetime import timedelta

import pytest
from rest_framework.test import APIClient

from constellation import catalogue, visibility
from constellation.contacts import booking, planner
from constellation.contacts.models import HOLDING, Contact, State
from ops import clock
from tests.factories import NOON, make_organisation, make_user, standing


@pytest.fixture(scope="module")
def day(django_db_setup, django_db_blocker):
    with standing(django_db_blocker):
        catalogue.load_reference(NOON)
        make_organisation(operates_fleet=True)
        yield planner.plan_contacts(NOON)


@pytest.fixture
def planned(day, db):
    return day


def test_whenever_a_satellite_is_in_view_a_contact_is_there(planned):
    # Passes joined or cut to under a minute, and the 75 s of changing from station to station,
    # leave some gaps.
    end_at = NOON + timedelta(hours=24)
    instants = [NOON + timedelta(seconds=30 * k) for k in range(1, 2_870)]
    passes = visibility.passes_between(NOON, end_at).passes

    def covered(spans):
        spans = [(each.aos_at, each.los_at) for each in spans]
        return [any(aos <= at < los for aos, los in spans) for at in instants]

    in_view, in_contact = covered(passes), covered(planned)
    assert sum(in_view) > 0.9 * len(instants)
    served = sum(a and b for a, b in zip(in_view, in_contact, strict=True))
    assert served > 0.97 * sum(in_view)


def test_the_plan_keeps_to_the_geometry_and_the_padding(planned):
    assert min((c.los_at - c.aos_at).total_seconds() for c in planned) >= planner.MINIMUM_S
    for contact in planned[:50]:
        seen = visibility.pass_over(
            contact.satellite, contact.antenna.station, contact.aos_at, contact.los_at
        )
        microsecond = timedelta(microseconds=2)
        assert seen.aos_at - microsecond <= contact.aos_at
        assert contact.los_at <= seen.los_at + microsecond
        assert contact.aos_at - contact.starts_at == timedelta(seconds=contact.antenna.setup_s)


def test_planning_again_books_nothing_twice(planned):
    assert planner.plan_contacts(NOON) == []
    later = planner.plan_contacts(NOON + timedelta(minutes=30))
    assert 0 < len(later) < 40
    assert min(contact.los_at for contact in later) > NOON + timedelta(hours=22)


def test_after_a_jump_the_day_ahead_is_booked_again(planned):
    jumped_to = NOON + timedelta(hours=20)
    Contact.objects.filter(los_at__lte=jumped_to).update(state=State.FAILED)
    planner.plan_contacts(jumped_to)

    ahead = Contact.objects.filter(state__in=HOLDING, aos_at__gt=jumped_to + timedelta(hours=22))
    assert ahead.count() > 20


def test_what_somebody_cancelled_is_not_booked_again(planned):
    contact = next(c for c in planned if c.aos_at > NOON + timedelta(minutes=20))
    booking.cancel_contact(contact_id=contact.pk, reason="storm", by="ann")
    planner.plan_contacts(NOON)

    same = Contact.objects.filter(
        satellite=contact.satellite,
        antenna__station=contact.antenna.station,
        aos_at__lt=contact.los_at,
        los_at__gt=contact.aos_at,
    )
    assert same.get() == contact


def test_what_lost_its_pass_is_booked_again_when_the_pass_is_back(planned):
    contact = next(c for c in planned if c.aos_at > NOON + timedelta(minutes=20))
    booking.cancel_contact(contact_id=contact.pk, reason="", by="element set", pass_gone=True)

    booked = planner.plan_span(NOON, NOON, contact.los_at)

    assert (contact.satellite, contact.antenna, contact.aos_at) in [
        (each.satellite, each.antenna, each.aos_at) for each in booked
    ]


def test_a_contact_that_failed_gives_its_pass_back(planned):
    contact = next(c for c in planned if c.aos_at > NOON + timedelta(minutes=20))
    Contact.objects.filter(pk=contact.pk).update(state=State.FAILED)
    now = contact.aos_at + timedelta(seconds=30)
    new = planner.plan_contacts(now)

    assert contact.satellite_id in {
        each.satellite_id for each in new if each.aos_at < contact.los_at
    }


def test_an_antenna_out_of_service_gives_its_contacts_back_and_others_take_the_passes(planned):
    clock.start(epoch=NOON)
    operator = APIClient()
    operator.force_authenticate(make_user(username="ann"))
    code = Counter(each.antenna.code for each in planned).most_common(1)[0][0]
    under_way, *ahead = Contact.objects.filter(antenna__code=code).order_by("aos_at")
    Contact.objects.filter(pk=under_way.pk).update(state=State.PASS)

    answer = operator.patch(f"/api/v1/antennas/{code}", {"is_active": False}, format="json")

    assert (answer.status_code, answer.json()["is_active"]) == (200, False)
    left = Contact.objects.filter(antenna__code=code).order_by("aos_at")
    assert [each.state for each in left] == [State.PASS] + [State.CANCELLED] * len(ahead)
    assert {each.reason for each in left[1:]} == {f"{code} is out of service (ann)"}
    booked = planner.plan_contacts(NOON)
    assert booked
    assert code not in {each.antenna.code for each in booked}
    again = operator.patch(f"/api/v1/antennas/{code}", {"is_active": True}, format="json")
    assert again.status_code == 200
    assert code in {each.antenna.code for each in planner.plan_contacts(NOON)}
