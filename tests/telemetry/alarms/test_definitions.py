"""Limits by the definitions that satellites are read by: checked, judged and taken over in time."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest

from telemetry import definitions, times
from telemetry.alarms import described, editing, plans, summary, taking_over
from telemetry.alarms.limit_reading import BadLimit
from telemetry.alarms.limits import Scope
from telemetry.alarms.models import Limit, LimitVersion, Source, Violation
from telemetry.definitions import keeping
from telemetry.models import Newest
from tests.factories import NOON, make_organisation, make_profile, make_satellite
from tests.telemetry.alarms.shared import find
from tests.telemetry.alarms.test_editing import hotter, write
from tests.telemetry.definitions.test_activation import RENAMED

LOW = {"kind": "static", "levels": {"warning": {"low": 0.5}}}
LATER = NOON + timedelta(days=1)
TYPE = b'<FloatParameterType name="charge_left_type">'
END = b"</FloatParameterType>"


def with_alarm(low):
    """A definition with an alarm on the battery's charge, which it calls `charge_left`."""
    head, tail = RENAMED.split(TYPE)
    alarm = b"<DefaultAlarm><StaticAlarmRanges>" + (
        f'<WarningRange minInclusive="{low}"/></StaticAlarmRanges></DefaultAlarm>'.encode()
    )
    return head + TYPE + tail.replace(END, alarm + END, 1)


def upload(data):
    row, _ = keeping.upload(
        uuid4(), data, organisation=make_organisation(), uploaded_by="ann", now=NOON
    )
    return row


def activate(data, *, at=NOON, profile=None, now=NOON, name=None):
    row, _ = keeping.activate(
        name or uuid4(),
        definition=upload(data),
        profile=profile,
        from_at=at,
        activated_by="ann",
        now=now,
    )
    return row


def low_of(limit):
    return limit.active.content["levels"]["warning"][0]["low"]


def test_a_limit_is_refused_by_the_definitions_of_its_satellites_and_the_refusal_names_them(db):
    own = make_profile(code="own")
    make_profile(code="other")
    row = activate(RENAMED, at=LATER, profile=own)
    title = definitions.load(row.definition_id).title

    write(LOW, parameter="charge_left")
    write(LOW | {"applies_to": {"profiles": ["own"]}}, parameter="charge_left")
    with pytest.raises(BadLimit, match=r"no parameter charge_left.*comes with Zenith") as refused:
        write(LOW | {"applies_to": {"profiles": ["other"]}}, parameter="charge_left")
    assert title not in str(refused.value)
    mine = LOW | {"applies_to": {"satellites": [make_satellite(profile=own).code]}}
    write(mine, parameter="battery_charge")
    with pytest.raises(BadLimit, match="no parameter battery_charge") as refused:
        write(mine, parameter="battery_charge", now=LATER)
    assert title in str(refused.value)
    assert {"charge_left", "battery_charge"} <= set(described.parameters(now=NOON))
    assert "battery_charge" in [n for e in described.editions(Scope(), now=LATER) for n in e.groups]


def test_a_satellite_is_judged_by_the_definition_that_reads_it(flown):
    change = NOON + timedelta(seconds=5)
    flown.seconds(4, charge=0.2)
    assert flown.states() == {"Battery charge": "unacknowledged"}
    activate(RENAMED, at=change, profile=flown.satellite.profile)
    limit, _ = write(LOW, name="Charge left", parameter="charge_left", activate=True)
    # One batch that both definitions read: a second of the old one, three of the new.
    flown.seconds(4, charge=0.2)

    assert flown.states() == {"Battery charge": "returned", "Charge left": "unacknowledged"}
    alarms = flown.alarms()
    assert "does not have its parameter" in alarms["Battery charge"].detail
    assert alarms["Battery charge"].returned_at == change
    assert alarms["Charge left"].raised_at == change
    assert alarms["Charge left"].detail == "0.2: below 0.5 (Warning)"
    watch = flown.satellite.watch
    watch.refresh_from_db()
    assert {group.partition("@")[0] for group in watch.newest_ns} == set(watch.newest_ns)
    flown.seconds(2, charge=0.9)
    assert flown.states()["Charge left"] == "returned"
    assert limit.pk


def test_a_value_out_of_its_valid_range_neither_raises_an_alarm_nor_ends_one(flown):
    ranged = RENAMED.replace(TYPE, TYPE + b'<ValidRange minInclusive="0.1"/>')
    activate(ranged, profile=flown.satellite.profile)
    write(LOW, name="Charge left", parameter="charge_left", activate=True)
    flown.seconds(2, charge=0.05)
    assert flown.states() == {}
    flown.seconds(2, charge=0.2)
    flown.seconds(2, charge=0.0)
    assert flown.states() == {"Charge left": "unacknowledged"}
    flown.seconds(1, charge=0.9)
    assert flown.states() == {"Charge left": "returned"}
    flown.seconds(3, charge=0.05, at=NOON, dump=True)
    assert not Violation.objects.exists()


def test_workers_judge_by_an_activation_from_the_next_batch_on(flown):
    flown.seconds(1)
    before = plans.current()
    activate(RENAMED, at=LATER)
    after = plans.current()
    satellite = flown.satellite.pk
    assert after.revision > before.revision
    assert after.timeline(satellite).at(times.to_ns(LATER)).groups.get("charge_left")
    assert not before.timeline(satellite).at(times.to_ns(LATER)).groups.get("charge_left")


def test_alarms_of_an_activated_definition_become_limits_of_its_satellites(db):
    own = make_profile(code="own")
    name, data = uuid4(), with_alarm(0.4)
    first = activate(data, profile=own, name=name)
    limit = Limit.objects.get()
    assert first.left_out == []
    assert (limit.parameter, limit.source, low_of(limit)) == ("charge_left", "definition", 0.4)
    assert limit.active.content["applies_to"] == {"profiles": ["own"]}

    edition = definitions.load(first.definition_id)
    [rule] = plans.current().of(make_satellite(profile=own).pk, edition).rules
    assert rule.lowest == 0.4
    assert plans.current().of(make_satellite().pk, definitions.shipped()).rules == ()
    again, is_new = keeping.activate(
        name, definition=first.definition, profile=own, from_at=NOON, activated_by="ann", now=LATER
    )
    assert (again, is_new, limit.versions.count()) == (first, False, 1)

    activate(with_alarm(0.3), at=NOON + timedelta(hours=1), profile=own, now=LATER)
    limit.refresh_from_db()
    assert (low_of(limit), limit.active.version, limit.activations.count()) == (0.3, 2, 2)


def test_a_definition_for_later_brings_its_limits_when_it_takes_over(db):
    activate(with_alarm(0.4))
    limit = Limit.objects.get()
    activate(with_alarm(0.3), at=LATER)
    assert taking_over.put_due_in_force(now=LATER - timedelta(seconds=1)) == 0
    limit.refresh_from_db()
    assert (low_of(limit), limit.versions.count()) == (0.4, 2)
    assert [taking_over.put_due_in_force(now=LATER) for _ in range(2)] == [1, 0]
    limit.refresh_from_db()
    assert low_of(limit) == 0.3
    told = activate(with_alarm(0.2), at=LATER - timedelta(hours=1), now=LATER)
    assert told.left_out == ["Its alarms: another definition is in force by now."]


def test_what_is_due_is_seen_over_rest_and_on_its_page(operator):
    activate(with_alarm(0.4))
    activate(with_alarm(0.3), at=LATER)
    limit = Limit.objects.get()
    told = operator.get(f"/api/v1/limits/{limit.pk}/versions").json()["results"]
    assert [each["due_at"] for each in told] == ["2026-08-23T12:00:00Z", None]
    assert "due 2026-235T12:00:00Z" in operator.get(f"/limits/{limit.pk}").content.decode()


def _wrote(limit):
    write(hotter(1), limit_id=limit.pk, name=limit.name, parameter="charge_left", activate=True)
    return "ann wrote version 2 of it, which stays"


def _withdrew(limit):
    editing.withdraw_limit(limit_id=limit.pk, by="bob", now=NOON)
    return "bob withdrew it"


@pytest.mark.parametrize("act", [_wrote, _withdrew])
def test_what_an_operator_did_stays_and_the_activation_says_so(db, act):
    activate(with_alarm(0.4))
    limit = Limit.objects.get()
    why = act(limit)
    limit.refresh_from_db()
    before = limit.active
    due = activate(with_alarm(0.3), at=LATER)
    assert due.left_out == [f"charge_left: range: {why}."]
    limit.refresh_from_db()
    assert limit.active == before


def test_an_operator_who_writes_before_a_definition_takes_over_has_the_last_word(db):
    activate(with_alarm(0.4))
    limit = Limit.objects.get()
    activate(with_alarm(0.3), at=LATER)
    write(LOW, limit_id=limit.pk, name=limit.name, parameter="charge_left", activate=True)
    assert taking_over.put_due_in_force(now=LATER) == 0
    limit.refresh_from_db()
    assert limit.active.source == Source.OPERATOR
    assert not LimitVersion.objects.exclude(due_at=None).exists()


def test_a_definition_takes_the_place_of_no_limit_that_an_operator_wrote(db):
    own = make_profile(code="own")
    activate(RENAMED, profile=own)
    theirs, _ = write(LOW, name="Mine", parameter="charge_left", activate=True)
    row = activate(with_alarm(0.4), at=NOON + timedelta(hours=1), profile=own, now=LATER)
    [told] = row.left_out
    assert f"take the place of Mine ({theirs.pk}), written by ann" in told
    assert Limit.objects.get() == theirs


def test_the_answer_to_an_activation_names_what_is_not_taken_over(operator):
    own = make_profile(code="own")
    data = with_alarm(0.4)
    head, tail = data.split(b'<StringParameterType name="event_text_type"', 1)
    odd = b'<DefaultAlarm><StringAlarmList><StringAlarm matchPattern="^E" alarmLevel="watch"/>'
    odd += b"</StringAlarmList></DefaultAlarm></StringParameterType>"
    data = (
        head
        + b'<StringParameterType name="event_text_type"'
        + tail.replace(b"</StringParameterType>", odd, 1)
    )
    body = {"definition": str(upload(data).pk), "profile": own.code, "from": NOON.isoformat()}
    url = f"/api/v1/definition-activations/{uuid4()}"
    answers = [operator.put(url, body, content_type="application/json") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 200]
    assert answers[0].json() == answers[1].json() == operator.get(url).json()
    (told,) = answers[0].json()["left_out"]
    assert re.fullmatch(
        r"line \d+: DefaultAlarm of event_text: alarms by pattern or by condition", told
    )


def test_a_cadence_may_be_of_any_group_in_force_or_to_come(operator):
    body = {"in_contact_s": 30, "out_of_contact_s": 60}
    url = "/api/v1/cadences/HK_NEW"
    refused = operator.put(url, body, content_type="application/json")
    assert refused.status_code == 400
    assert "comes with Zenith" in refused.json()["detail"]
    activate(RENAMED.replace(b'"HK_PLATFORM"', b'"HK_NEW"'), at=LATER, now=NOON)
    assert operator.put(url, body, content_type="application/json").status_code == 201


def test_members_of_a_cause_are_told_by_their_models_also_where_another_definition_reads(db):
    activate(RENAMED.replace(b'"HK_COMPUTE"', b'"HK_NEW"'), profile=make_profile(code="own"))
    for n in range(12):
        satellite = make_satellite()
        group = "HK_NEW" if n % 2 else "HK_COMPUTE"
        model = "bad" if n < 6 else "good"
        value = {"active_digest": model}
        Newest.objects.create(
            satellite=satellite, group=group, generated_ns=n, received_ns=n, raw={}, value=value
        )
        if n < 6:
            find(satellite)
    [group] = summary.groups()
    attributes, fleet = summary._attributes()
    assert fleet["model"] == {"bad": 6, "good": 6}
    assert len(attributes) == 12
    assert group.count == 6
