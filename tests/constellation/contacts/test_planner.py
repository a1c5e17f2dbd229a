"""The planner keeps the next day booked, quickly, and leaves alone what people decided."""

from datetime import timedelta
from io import StringIO
from uuid import uuid4

import pytest
from django.core.management import call_command
from kombu.exceptions import OperationalError

from constellation import catalogue, eclipses, visibility
from constellation.contacts import booking, planner, tasks
from constellation.contacts.models import Contact, Demand, State
from constellation.models import Antenna, Maintenance, Satellite
from ops import celery, clock
from tests.factories import NOON, make_organisation


@pytest.fixture
def operator(db):
    catalogue.load_reference(NOON)
    return make_organisation(operates_fleet=True)


def test_the_first_plan_of_a_day_joins_the_passes_under_way(operator):
    contacts = planner.plan_contacts(NOON)

    assert len(contacts) > 500
    assert all(contact.organisation == operator for contact in contacts)
    joined = [contact for contact in contacts if contact.aos_at <= NOON + timedelta(seconds=5)]
    under_way = visibility.passes_between(NOON, NOON + timedelta(seconds=1)).passes
    lasting = {
        each.satellite.pk
        for each in under_way
        if each.los_at - NOON > timedelta(seconds=planner.MINIMUM_S + planner.JOIN_S)
    }
    assert lasting
    assert {contact.satellite_id for contact in joined} == lasting


def test_what_is_booked_stays_and_is_planned_around(operator):
    seen = next(
        each
        for each in visibility.passes_between(NOON, NOON + timedelta(hours=2)).passes
        if each.aos_at > NOON + timedelta(minutes=5)
        and each.los_at - each.aos_at > timedelta(minutes=6)
    )
    mine, _ = booking.book_contact(
        contact_id=uuid4(),
        organisation=operator,
        satellite=seen.satellite,
        antenna=seen.station.antennas.first(),
        aos_at=seen.aos_at,
        los_at=seen.los_at,
        now=NOON,
        booked_by="ann",
    )
    planner.plan_contacts(NOON)
    mine.refresh_from_db()
    assert (mine.state, mine.booked_by) == (State.SCHEDULED, "ann")


def test_maintenance_and_resting_satellites_are_left_out(operator):
    antenna = Antenna.objects.get(code="SGS-1")
    Maintenance.objects.create(
        id=uuid4(),
        antenna=antenna,
        starts_at=NOON - timedelta(days=1),
        ends_at=NOON + timedelta(days=2),
        reason="bearings",
    )
    Antenna.objects.filter(code="SGS-2").update(is_active=False)
    Satellite.objects.filter(code="SCS-01-A").update(is_active=False)
    contacts = planner.plan_contacts(NOON)

    assert {"SGS-3", "SGS-4"} <= {contact.antenna.code for contact in contacts}
    assert not {"SGS-1", "SGS-2"} & {contact.antenna.code for contact in contacts}
    assert "SCS-01-A" not in {contact.satellite.code for contact in contacts}


def test_a_satellite_that_is_wanted_is_served_first(operator):
    # With one antenna in all the world, rivals for it are many.
    Antenna.objects.exclude(code="SGS-1").update(is_active=False)
    planner.plan_contacts(NOON)
    rival = Satellite.objects.get(code="SCS-01-M")

    def seconds():
        booked = Contact.objects.filter(satellite=rival)
        return sum((c.los_at - c.aos_at).total_seconds() for c in booked)

    before = seconds()
    Contact.objects.all().delete()
    Demand.objects.create(source="transfer:1", satellite=rival, up_bytes=10**12, value=10.0)
    planner.plan_contacts(NOON)
    assert seconds() > before


def test_without_an_operating_organisation_nobody_is_planned_for(db):
    catalogue.load_reference(NOON)
    with pytest.raises(planner.NobodyToPlanFor):
        planner.plan_contacts(NOON)


def test_beat_ticks_the_planner_on_its_own_queue(operator, monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: NOON)
    tasks.plan_contacts()
    assert Contact.objects.exists()

    entry = celery.app.conf.beat_schedule["plan-contacts"]
    assert entry["task"] == tasks.plan_contacts.name
    assert entry["options"]["expires"] <= entry["schedule"]
    route = celery.app.amqp.router.route({}, entry["task"])
    assert route["queue"].name == "planning"


def test_a_start_books_the_next_hours_once(operator, monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: NOON)
    out = StringIO()
    call_command("plan_contacts", soon=True, stdout=out)
    call_command("plan_contacts", soon=True, stdout=out)
    first, second = out.getvalue().splitlines()

    assert int(first.split()[0]) > 30
    assert second == "0 contacts booked."
    call_command("plan_contacts", stdout=out)
    assert Contact.objects.count() > 500


def test_a_jump_of_the_clock_asks_for_a_plan_at_once(
    db, monkeypatch, django_capture_on_commit_callbacks
):
    asked = []
    monkeypatch.setattr(tasks.plan_contacts, "apply_async", lambda **options: asked.append(options))
    clock.start(epoch=NOON)
    with django_capture_on_commit_callbacks(execute=True):
        clock.jump_by(timedelta(hours=30))
    assert asked == [{"expires": tasks.SOON_S, "retry": False}]

    def broken(**_):
        raise OperationalError("no broker")

    monkeypatch.setattr(tasks.plan_contacts, "apply_async", broken)
    tasks.plan_now()


def dark_s_by_eclipse(contacts, satellite):
    """Return the seconds of contact in each eclipse of the day."""
    seen = eclipses.eclipses_between(NOON, NOON + timedelta(hours=24), [satellite]).eclipses
    spans = [(each.aos_at, each.los_at) for each in contacts if each.satellite_id == satellite.pk]
    return [
        sum(
            max(0.0, (min(los, each.exit_at) - max(aos, each.entry_at)).total_seconds())
            for aos, los in spans
        )
        for each in seen
    ]


def test_an_eclipse_has_no_more_contact_than_the_battery_allows(operator):
    satellite = Satellite.objects.get(code="SCS-01-B")
    assert max(dark_s_by_eclipse(planner.plan_contacts(NOON), satellite)) > 200.0
    Contact.objects.all().delete()
    # A battery that an eclipse of 35 minutes all but uses up: 100 s of contact are left over.
    satellite.profile.battery_j = (2_150 * 232.0 + 100 * 360.0) / 0.3
    satellite.profile.save()

    contacts = planner.plan_contacts(NOON)
    dark_s = dark_s_by_eclipse(contacts, satellite)
    assert len(dark_s) >= 14
    assert 60.0 <= max(dark_s) < 200.0
    light = [each for each in contacts if each.satellite_id == satellite.pk]
    assert max((each.los_at - each.aos_at).total_seconds() for each in light) > 400.0
