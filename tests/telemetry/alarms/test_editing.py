"""Limits change while everything runs: written in versions, activated, withdrawn, loaded."""

from pathlib import Path
from uuid import uuid4

import pytest
from django.core.management import call_command

from ops.errors import IdReused
from telemetry import definitions, xtce
from telemetry.alarms import editing, evaluation, from_xtce, limit_reading, plans, reference_limits
from telemetry.alarms.limit_reading import BadLimit
from telemetry.alarms.models import Cadence, Limit, Source
from tests.factories import NOON, make_profile, make_satellite
from tests.telemetry.alarms.test_watching import HOT

CONTENT = {"kind": "static", "levels": {"warning": {"high": 70}}}


def write(content=CONTENT, *, limit_id=None, parameter="accelerator_temperature", **details):
    return editing.write_limit(
        **{
            "limit_id": limit_id or uuid4(),
            "name": "Heat",
            "parameter": parameter,
            "content": content,
            "by": "ann",
            "now": NOON,
            **details,
        }
    )


def rules_of(satellite, edition=None):
    return plans.current().of(satellite.pk, edition or definitions.shipped()).rules


def hotter(high):
    return {"kind": "static", "levels": {"warning": {"high": high}}}


def test_writing_again_changes_nothing_and_a_change_is_another_version(db):
    limit, is_new = write()
    again, is_new_again = write(limit_id=limit.pk)
    changed, _ = write(hotter(75), limit_id=limit.pk)

    assert (is_new, is_new_again, limit, again) == (True, False, changed, changed)
    assert [row.version for row in limit.versions.all()] == [2, 1]
    assert changed.active is None


def test_a_version_is_activated_and_an_earlier_one_again(db):
    limit, _ = write(activate=True)
    write(hotter(75), limit_id=limit.pk, activate=True, reason="summer")
    editing.activate_limit(limit_id=limit.pk, version=1, by="bob", now=NOON, reason="autumn")
    editing.activate_limit(limit_id=limit.pk, version=1, by="bob", now=NOON)

    told = [(row.version.version, row.by, row.reason) for row in limit.activations.order_by("id")]
    assert told == [(1, "ann", ""), (2, "ann", "summer"), (1, "bob", "autumn")]


def test_who_saw_an_older_version_overwrites_nothing(db):
    limit, _ = write(seen_version=0)
    write(hotter(75), limit_id=limit.pk, seen_version=1)
    with pytest.raises(editing.Outdated, match="Version 2 is the last one"):
        write(hotter(80), limit_id=limit.pk, seen_version=1)


def test_an_id_names_one_parameter_for_good(db):
    limit, _ = write()
    with pytest.raises(IdReused):
        write(limit_id=limit.pk, parameter="battery_temperature")


@pytest.mark.parametrize(
    ("parameter", "content", "why"),
    [
        ("warp_factor", CONTENT, "no parameter warp_factor"),
        ("mode", CONTENT, "mode is enumerated: a limit of kind static needs numbers"),
        ("battery_charge", {"kind": "enumeration", "otherwise": "watch"}, "needs labels"),
        ("mode", {"kind": "enumeration", "labels": {"PARTY": "watch"}}, "no label PARTY; there"),
        (
            "battery_charge",
            CONTENT | {"suppressed_when": [{"parameter": "moon", "is": "full"}]},
            "no parameter moon",
        ),
    ],
)
def test_limits_on_what_no_packet_has_are_refused(db, parameter, content, why):
    with pytest.raises(BadLimit, match=why):
        write(content, parameter=parameter)
    assert not Limit.objects.exists()


def test_the_most_special_limit_holds(db):
    profile = make_profile(code="hot-profile")
    everywhere, _ = write(activate=True)
    write(hotter(60) | {"applies_to": {"roles": ["training"]}}, activate=True)
    write(hotter(90) | {"applies_to": {"profiles": ["hot-profile"]}}, activate=True)

    def limit_of(**details):
        [rule] = rules_of(make_satellite(**details))
        return rule.highest

    assert limit_of() == 70
    assert limit_of(role="training") == 60
    assert limit_of(profile=profile, role="training") == 90
    with pytest.raises(editing.ScopeTaken):
        write(hotter(71), activate=True)
    editing.withdraw_limit(limit_id=everywhere.pk, by="ann", now=NOON)
    assert rules_of(make_satellite()) == ()


def test_a_new_limit_holds_for_the_next_batch_without_a_restart(flown):
    flown.seconds(4, temperature_c=65.0)
    assert flown.states() == {}
    limit = Limit.objects.get(name=HOT)
    write(hotter(50), limit_id=limit.pk, name=HOT, activate=True)
    flown.seconds(2, temperature_c=65.0)
    assert flown.states() == {HOT: "unacknowledged"}

    editing.withdraw_limit(limit_id=limit.pk, by="ann", now=NOON, reason="sensor broken")
    assert flown.states() == {HOT: "returned"}
    flown.seconds(4, temperature_c=65.0)
    assert flown.states() == {HOT: "returned"}


def test_reference_limits_load_twice_alike_and_leave_operators_alone(db):
    count = reference_limits.load(NOON)
    Cadence.objects.filter(group="HK_LINK").update(in_contact_s=99)
    limit = Limit.objects.get(name=HOT)
    write(hotter(50), limit_id=limit.pk, name=HOT, activate=True)
    withdrawn = Limit.objects.get(name="Mode")
    editing.withdraw_limit(limit_id=withdrawn.pk, by="ann", now=NOON)

    assert reference_limits.load(NOON) == count == Limit.objects.count()
    limit.refresh_from_db()
    withdrawn.refresh_from_db()
    assert (limit.active.version, limit.active.source) == (2, Source.OPERATOR)
    assert withdrawn.active is None
    assert Cadence.objects.get(group="HK_LINK").in_contact_s == 99


# --- From XTCE ------------------------------------------------------------------------------

MODEL = xtce.model


def parameter(name, kind="float", **details):
    return MODEL.Parameter(name, MODEL.ParameterType(f"{name}_type", kind, None, **details))


def compared(name, operator, value, is_calibrated=True):
    return MODEL.Comparison(MODEL.Reference(name, is_calibrated), operator, value)


def system(*parameters):
    return MODEL.SpaceSystem("TEST", parameters={each.name: each for each in parameters})


def outside(level, low, high, **details):
    return MODEL.AlarmRange(level, MODEL.Bounds(low, high, **details))


MODES = parameter("mode", "enumerated", labels=((0, 0, "SAFE"), (1, 1, "IDLE"), (2, 2, "BUSY")))


def test_ranges_of_a_definition_become_limits_that_judge_alike():
    alarm = MODEL.Alarm(
        ranges=(outside("warning", 0, 10, excludes_high=True), outside("severe", -5, 20)),
        min_violations=2,
    )
    made = from_xtce.translate(system(parameter("heat", alarm=alarm)))
    [said] = made.limits
    limit = limit_reading.read(said.content)
    rule = evaluation.compile_rule("k", "heat", "G", limit)

    assert (made.left_out, limit.minimum_violations, rule.lowest) == ([], 2, 0)
    for value in (-6.0, -5.0, -1.0, 0.0, 9.9, 10.0, 20.0, 20.1):
        by_xtce = [each for each in alarm.ranges if each.is_violated(value)]
        ours = [band for band in limit.default.bands if value < band.low or value > band.high]
        assert [b.level.name.lower() for b in ours] == [each.level for each in by_xtce], value


def test_contexts_of_a_definition_become_contexts():
    criteria = MODEL.Or(
        (
            compared("mode", "!=", "SAFE"),
            MODEL.And(
                (
                    compared("mode", "==", "0", is_calibrated=False),
                    compared("sun", ">=", "0.5"),
                )
            ),
        )
    )
    context = MODEL.ContextAlarm(criteria, MODEL.Alarm(ranges=(outside("critical", 1, 2),)))
    heat = parameter("heat", context_alarms=(context,))
    [said] = from_xtce.translate(system(heat, MODES, parameter("sun"))).limits

    assert [each["when"] for each in said.content["contexts"]] == [
        [{"parameter": "mode", "is": ["IDLE", "BUSY"]}],
        [{"parameter": "mode", "is": ["SAFE"]}, {"parameter": "sun", "low": 0.5}],
    ]
    assert limit_reading.read(said.content).default.bands == ()


def in_context(context, *others, **details):
    """What becomes of an alarm that has a level in one context."""
    alarm = MODEL.Alarm(ranges=(outside("critical", 1, 2),), **details)
    heat = parameter("heat", context_alarms=(MODEL.ContextAlarm(context, alarm),))
    return from_xtce.translate(system(heat, *others))


SWITCH = parameter("on", "boolean", labels=((0, 0, "False"), (1, 1, "True")))


@pytest.mark.parametrize(
    ("context", "words"),
    [
        # As `criteria` reads them: a number beside labels is raw, and true or 1 is a boolean.
        (compared("mode", "==", "1"), ["IDLE"]),
        (compared("mode", "!=", "0x01"), ["SAFE", "BUSY"]),
        (compared("mode", "==", "02", is_calibrated=False), ["BUSY"]),
        (compared("on", "==", "true"), ["True"]),
        (compared("on", "==", "1"), ["True"]),
        (compared("on", "!=", "false"), ["True"]),
        (compared("on", "==", "0", is_calibrated=False), ["False"]),
    ],
)
def test_a_context_on_labels_holds_for_those_that_the_definition_means(context, words):
    [said] = in_context(context, MODES, SWITCH).limits
    assert [condition["is"] for [condition] in (c["when"] for c in said.content["contexts"])] == [
        words
    ]


@pytest.mark.parametrize(
    ("context", "why"),
    [
        (compared("mode", "==", "7", is_calibrated=False), '"7", which no label stands for'),
        (compared("at", ">", "7"), "a context on at, which is duration"),
        (
            MODEL.And(
                tuple(
                    MODEL.Or((compared("sun", "<", "1"), compared("sun", ">", "2")))
                    for _ in range(40)
                )
            ),
            "more than 100 contexts",
        ),
    ],
)
def test_a_context_that_limits_have_no_words_for_is_told(context, why):
    made = in_context(context, MODES, parameter("at", "duration"), parameter("sun"))
    assert made.limits == []
    assert why in made.left_out[0]


def test_the_patience_of_contexts_is_kept_and_several_are_told():
    context = compared("mode", "==", "SAFE")
    [said] = in_context(context, MODES, min_violations=3, min_conformance=2).limits
    assert (said.content["minimum_violations"], said.content["minimum_conformance"]) == (3, 2)
    one = MODEL.Alarm(ranges=(outside("critical", 1, 2),))
    other = MODEL.ContextAlarm(context, MODEL.Alarm(ranges=one.ranges, min_violations=5))
    both = parameter("heat", alarm=one, context_alarms=(other,))
    made = from_xtce.translate(system(both, MODES))
    assert made.limits == []
    assert "other numbers of violations" in made.left_out[0]


def test_changes_and_enumerations_of_a_definition_become_limits():
    change = MODEL.ChangeAlarm((outside("watch", -1, 1),), span_s=30.0)
    heat = parameter("heat", alarm=MODEL.Alarm(change=change))
    mode = parameter(
        "mode",
        "enumerated",
        labels=MODES.type.labels,
        alarm=MODEL.Alarm(labels=(("SAFE", "distress"),)),
    )
    first, second = from_xtce.translate(system(heat, mode)).limits

    read = limit_reading.read(first.content)
    assert (read.kind, read.basis, read.span_s) == ("change", "per_second", 30.0)
    assert limit_reading.read(second.content).default.labels == (("SAFE", 3),)


def test_alarms_of_a_definition_file_are_installed_as_limits_in_force(db):
    text = (Path(definitions.__file__).parent / "scs.xml").read_text()
    alarm = """<DefaultAlarm minViolations="2"><StaticAlarmRanges>
        <WarningRange minInclusive="0.5"/><CriticalRange minInclusive="0.2"/>
      </StaticAlarmRanges></DefaultAlarm></FloatParameterType>"""
    head, tail = text.split('<FloatParameterType name="battery_charge_type">')
    text = f'{head}<FloatParameterType name="battery_charge_type">' + tail.replace(
        "</FloatParameterType>", alarm, 1
    )
    for _ in range(2):
        assert reference_limits.install(xtce.load(text.encode()), NOON) == []

    limit = Limit.objects.get()
    assert (limit.parameter, limit.source, limit.active.version) == (
        "battery_charge",
        Source.DEFINITION,
        1,
    )
    assert limit.active.content["levels"] == {
        "warning": [{"low": 0.5}],
        "critical": [{"low": 0.2}],
    }
    assert limit.active.content["minimum_violations"] == 2


def test_what_our_limits_cannot_say_is_told_and_not_taken_in_part():
    odd = parameter("text", "string", alarm=MODEL.Alarm(patterns=(("^E", "watch"),)))
    made = from_xtce.translate(system(odd))

    assert made.limits == []
    assert made.left_out == ["DefaultAlarm of text: alarms by pattern or by condition"]


def test_the_command_loads_limits_and_says_how_many_hold(db, capsys):
    for _ in range(2):
        call_command("load_limits")
        assert capsys.readouterr().out == f"{Limit.objects.count()} limits in force.\n"
    assert Limit.objects.filter(active=None).count() == 0
