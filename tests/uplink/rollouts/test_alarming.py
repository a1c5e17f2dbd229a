"""A satellite that runs another model than wanted has an alarm until it does not."""

from datetime import timedelta

from telemetry.alarms import conditions, looking
from telemetry.alarms.levels import Level
from telemetry.alarms.models import Alarm
from tests.factories import NOON, make_satellite, make_version
from uplink.rollouts import alarming
from uplink.rollouts.models import Divergence


def test_the_wrong_model_is_an_alarm_which_worsens_when_a_person_has_to_look(db):
    wanted = make_version(sha256="ab" * 32).artefact
    satellite = make_satellite()
    row = Divergence.objects.create(
        satellite=satellite, desired=wanted, reported_sha256="cd" * 32, since_at=NOON
    )

    def look(seconds):
        looking.look(now=NOON + timedelta(seconds=seconds), rate=1.0)
        return Alarm.objects.get(satellite=satellite, rule="model_digest")

    alarm = look(1)
    assert (alarm.state, alarm.level) == ("unacknowledged", Level.WARNING)
    assert alarm.detail == "Runs cdcdcdcdcdcd, wanted is abababababab"
    row.is_flagged = True
    row.save()
    assert look(2).level == Level.DISTRESS
    row.delete()
    assert look(3).state == "returned"
    assert alarming.CONDITION in conditions.registered()
