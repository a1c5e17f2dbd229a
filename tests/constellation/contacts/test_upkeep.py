"""Antennas that serve nobody: contacts keep maintenance out, and maintenance keeps contacts out."""

from datetime import timedelta
from uuid import uuid4

import pytest

from constellation.contacts import booking, upkeep
from constellation.contacts.models import State
from constellation.models import Maintenance
from ops.errors import IdReused, Invalid, NotFound
from tests.factories import NOON, make_antenna, make_contact
from tests.live import events_of

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def reservation(antenna, **details):
    return {
        "maintenance_id": uuid4(),
        "antenna": antenna,
        "starts_at": NOON - HOUR,
        "ends_at": NOON + HOUR,
        "reason": "bearings",
        "by": "somebody",
        **details,
    }


def kinds():
    told = events_of("contacts").values_list("kind", "payload")
    return [(kind, payload.get("what", payload.get("reason"))) for kind, payload in told]


def test_it_is_reserved_once_and_given_back_once():
    wanted = reservation(make_antenna())

    row, is_new = upkeep.reserve(**wanted)
    again, is_new_again = upkeep.reserve(**wanted)

    assert (is_new, is_new_again) == (True, False)
    assert row == again == Maintenance.objects.get()
    with pytest.raises(IdReused):
        upkeep.reserve(**wanted | {"reason": "motor"})
    assert upkeep.give_back(row.pk).pk == wanted["maintenance_id"]
    with pytest.raises(NotFound, match=str(wanted["maintenance_id"])):
        upkeep.give_back(wanted["maintenance_id"])
    assert kinds() == [("maintenance", "reserved"), ("maintenance", "given_back")]


def test_one_that_ends_before_it_starts_is_refused():
    with pytest.raises(Invalid, match="ends before it starts"):
        upkeep.reserve(**reservation(make_antenna(), ends_at=NOON - 2 * HOUR))


@pytest.mark.parametrize("state", [State.SCHEDULING, State.SCHEDULED, State.PASS])
def test_what_is_booked_refuses_it_and_stays(state):
    contact = make_contact(state=state)

    with pytest.raises(booking.AntennaBusy, match=r"is promised: [^,]*\.$"):
        upkeep.reserve(**reservation(contact.antenna))

    contact.refresh_from_db()
    assert contact.state == state
    assert not Maintenance.objects.exists()


def test_what_is_booked_is_cancelled_where_that_is_asked_for():
    inside = make_contact(state=State.SCHEDULED)
    outside = make_contact(antenna=inside.antenna, aos_at=NOON + 2 * HOUR, state=State.SCHEDULED)
    elsewhere = make_contact(state=State.SCHEDULED)

    upkeep.reserve(**reservation(inside.antenna), cancels_booked=True)

    for contact in (inside, outside, elsewhere):
        contact.refresh_from_db()
    assert (inside.state, outside.state, elsewhere.state) == ("CANCELLED", "SCHEDULED", "SCHEDULED")
    assert inside.reason == f"maintenance of {inside.antenna}: bearings (somebody)"
    assert inside.pass_gone, "the planner may book the pass on another antenna"
    assert kinds() == [("cancelled", inside.reason), ("maintenance", "reserved")]


def test_what_is_under_way_is_never_cancelled_for_it():
    flown = make_contact(state=State.PASS)
    booked = make_contact(antenna=flown.antenna, aos_at=NOON + HOUR / 2, state=State.SCHEDULED)

    with pytest.raises(booking.AntennaBusy, match="is promised"):
        upkeep.reserve(**reservation(flown.antenna), cancels_booked=True)

    for contact, state in ((flown, "PASS"), (booked, "SCHEDULED")):
        contact.refresh_from_db()
        assert contact.state == state


def test_out_of_service_everything_booked_is_cancelled_but_what_is_under_way():
    flown = make_contact(state=State.PASS)
    booked = make_contact(antenna=flown.antenna, aos_at=NOON + HOUR, state=State.SCHEDULED)

    upkeep.set_service(flown.antenna, is_active=False, by="somebody", now=NOON)

    for row in (flown, booked, flown.antenna):
        row.refresh_from_db()
    assert (flown.state, booked.state, flown.antenna.is_active) == ("PASS", "CANCELLED", False)
    assert booked.reason == f"{flown.antenna} is out of service (somebody)"
    upkeep.set_service(flown.antenna, is_active=True, by="somebody", now=NOON)
    flown.antenna.refresh_from_db()
    assert flown.antenna.is_active
