"""What is done to many costs no more statements than what is done to few, and each is told of."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from telemetry.alarms import operating, taking_over
from telemetry.alarms.models import Alarm, Limit, LimitVersion, Transition
from tests.factories import NOON, make_satellite
from tests.telemetry.alarms.shared import find
from tests.telemetry.alarms.test_definitions import activate

HOUR = timedelta(hours=1)


def statements(call):
    with CaptureQueriesContext(connection) as made:
        answer = call()
    return answer, len(made)


@pytest.fixture
def alarms(db):
    """Twelve: calling, acknowledged, returned, shelved, of several levels and occurrences."""
    found = [find(make_satellite(), level=2 + n % 3, value=n) for n in range(12)]
    ids = [alarm.pk for alarm in found]
    find(found[0].satellite, level=0)
    find(found[1].satellite, level=0)
    find(found[1].satellite, level=3, value=99)
    operating.acknowledge(ids[2:4], by="bob", now=NOON)
    operating.shelve(ids[4:6], until=NOON + HOUR, by="bob", now=NOON, reason="known")
    return ids


def test_acknowledging_writes_of_each_what_doing_it_alone_would(alarms):
    before = Transition.objects.count()
    done = operating.acknowledge(alarms, by="ann", now=NOON + HOUR / 2, reason="seen")

    assert (done.changed, set(done.refused)) == (8, set(alarms[4:6]))
    told = Transition.objects.filter(event="acknowledge", by="ann").select_related("alarm")
    assert len(told) == 8 == Transition.objects.count() - before
    for each in told:
        alarm = each.alarm
        assert (each.after, each.at, each.reason) == (alarm.state, NOON + HOUR / 2, "seen")
        said = (each.level, each.occurrence, each.value, each.is_told, each.generated_at)
        assert said == (alarm.level, alarm.occurrence, alarm.value, False, None)
        assert each.before == ("returned" if alarm.pk == alarms[0] else "unacknowledged")
        assert (alarm.acknowledged_by, alarm.acknowledged_at) == ("ann", NOON + HOUR / 2)
    states = dict(Alarm.objects.values_list("pk", "state"))
    assert states[alarms[0]] == "normal"
    assert states[alarms[1]] == "acknowledged"
    assert states[alarms[4]] == "shelved"
    assert Alarm.objects.get(pk=alarms[2]).acknowledged_by == "bob"
    assert operating.acknowledge(alarms, by="ann", now=NOON + HOUR).changed == 0


def test_many_are_moved_by_the_statements_of_few(db):
    many = [find(make_satellite()).pk for _ in range(40)]
    few = [find(make_satellite()).pk for _ in range(2)]
    for call in (
        lambda ids: operating.acknowledge(ids, by="ann", now=NOON),
        lambda ids: operating.shelve(ids, until=NOON + HOUR, by="ann", now=NOON, reason="x"),
        lambda ids: operating.unshelve(ids, by="ann", now=NOON),
        lambda ids: operating.take_out_of_service(ids, by="ann", now=NOON, reason="x"),
        lambda ids: operating.put_in_service(ids, by="ann", now=NOON),
    ):
        done, cost = statements(lambda call=call: call(many))
        assert done.changed == 40
        assert statements(lambda call=call: call(few))[1] == cost


def wide(count, high):
    """A definition of so many parameters, each with an alarm above `high`."""
    types = "".join(
        f'<IntegerParameterType name="t{n}"><IntegerDataEncoding sizeInBits="8"/><DefaultAlarm>'
        f'<StaticAlarmRanges><WarningRange maxInclusive="{high}"/></StaticAlarmRanges>'
        "</DefaultAlarm></IntegerParameterType>"
        for n in range(count)
    )
    parameters = "".join(f'<Parameter name="p{n}" parameterTypeRef="t{n}"/>' for n in range(count))
    entries = "".join(f'<ParameterRefEntry parameterRef="p{n}"/>' for n in range(count))
    return (
        '<SpaceSystem name="W" xmlns="http://www.omg.org/spec/XTCE/20180204"><TelemetryMetaData>'
        f"<ParameterTypeSet>{types}</ParameterTypeSet><ParameterSet>{parameters}</ParameterSet>"
        f'<ContainerSet><SequenceContainer name="C"><EntryList>{entries}</EntryList>'
        "</SequenceContainer></ContainerSet></TelemetryMetaData></SpaceSystem>"
    ).encode()


def test_a_definition_of_many_alarms_is_taken_over_by_the_statements_of_one_of_few(db):
    few, cost = statements(lambda: activate(wide(2, 9)))
    many, again = statements(lambda: activate(wide(60, 9), at=NOON + HOUR / 9, now=NOON + HOUR))
    assert again <= cost + 2  # names that may have to change
    assert (few.left_out, many.left_out) == ([], [])
    assert Limit.objects.exclude(active=None).count() == 60
    assert LimitVersion.objects.count() == 60

    _, renewed = statements(lambda: activate(wide(60, 8), at=NOON + HOUR, now=NOON + HOUR))
    assert renewed <= cost + 2
    assert LimitVersion.objects.count() == 120
    assert set(Limit.objects.values_list("active__version", flat=True)) == {2}


def test_many_limits_that_are_due_are_put_in_force_by_the_statements_of_few(db):
    activate(wide(2, 9), at=NOON + HOUR)
    _, cost = statements(lambda: taking_over.put_due_in_force(now=NOON + HOUR))
    activate(wide(40, 8), at=NOON + 2 * HOUR)
    count, again = statements(lambda: taking_over.put_due_in_force(now=NOON + 2 * HOUR))
    assert count == 40
    assert again <= cost
