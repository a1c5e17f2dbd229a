"""From a fault on board, over radio, station and decoder, to an alarm."""

import asyncio

import pytest

from constellation.stations import control
from telemetry.alarms.models import Alarm, Watch
from telemetry.models import Rejected
from telemetry.packets import handlers
from tests.constellation.simulator import flight
from tests.constellation.simulator.conftest import simulator as simulator
from tests.factories import make_contact, make_profile, make_satellite
from tests.telemetry.test_manifest import Receiver


def judged(satellite):
    """Say whether live telemetry of all three groups was judged."""
    row = Watch.objects.filter(satellite=satellite).first()
    return row is not None and len(row.newest_ns) >= 3


@pytest.mark.django_db(transaction=True)
def test_what_fails_on_board_is_an_alarm_and_what_does_not_is_none(simulator, limits, monkeypatch):
    monkeypatch.setattr(handlers, "_handlers", {})
    code = flight.SATELLITE
    satellite = make_satellite(
        code=code, spacecraft_id=flight.SCID[code], profile=make_profile(code="scs-01")
    )
    receiver = Receiver(simulator, make_contact(satellite=satellite))
    control.set_troubles(simulator.control, code, charge_most=0.25)

    def is_told() -> bool:
        return judged(satellite) and Alarm.objects.filter(satellite=satellite).exists()

    asyncio.run(receiver.fly(is_told))
    assert not Rejected.objects.exists()  # a follower that failed would be here
    raised = dict(Alarm.objects.filter(satellite=satellite).values_list("name", "state"))
    assert raised["Battery charge"] == "unacknowledged"
    assert set(raised) <= {"Battery charge", "Bus voltage"}
