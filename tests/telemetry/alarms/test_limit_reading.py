"""Limits as people write them: what is wrong is refused with its place."""

import pytest

from telemetry.alarms.levels import Level
from telemetry.alarms.limit_reading import BadLimit, read
from telemetry.alarms.limits import Band, Condition

STATIC = {"kind": "static", "levels": {"warning": {"high": 70}, "critical": {"high": 90}}}


def test_a_limit_is_read_with_all_it_says():
    limit = read(
        STATIC
        | {
            "contexts": [
                {
                    "when": [{"parameter": "mode", "is": "SAFE"}, {"fact": "eclipsed"}],
                    "levels": {"severe": {"low": 1, "high": 2, "inside": True}},
                }
            ],
            "applies_to": {"roles": ["training"], "profiles": ["b", "a"]},
            "minimum_violations": 3,
            "dead_band": 2,
            "latching": True,
            "suppressed_when": [{"parameter": "sun", "low": 0.5}],
        }
    )
    assert limit.default.bands == (Band(Level.WARNING, high=70), Band(Level.CRITICAL, high=90))
    assert limit.contexts[0].when == (Condition("mode", ("SAFE",)), Condition(fact="eclipsed"))
    assert limit.contexts[0].judgement.bands == (Band(Level.SEVERE, 1, 2, is_inside=True),)
    assert limit.scope.profiles == ("a", "b")
    assert (limit.minimum_violations, limit.dead_band, limit.is_latching) == (3, 2.0, True)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ([], "limit: a JSON object"),
        ({}, "kind: one of static"),
        ({"kind": ["static"]}, "kind: one of"),
        ({"kind": "static"}, "levels: at least one"),
        ({"kind": "static", "levels": {"awful": {"low": 1}}}, "levels.awful: one of normal, watch"),
        ({"kind": "static", "levels": {"normal": {"low": 1}}}, "levels.normal: normal is"),
        ({"kind": "static", "levels": {"watch": {}}}, "levels.watch: a range has a low"),
        ({"kind": "static", "levels": {"watch": {"low": "1"}}}, "levels.watch.low: a finite"),
        ({"kind": "static", "levels": {"watch": {"low": True}}}, "levels.watch.low: a finite"),
        ({"kind": "static", "levels": {"watch": {"low": 3, "high": 2}}}, "low 3 lies above high 2"),
        (STATIC | {"levels": {"warning": {"high": 90}, "critical": {"high": 70}}}, "lies below"),
        (STATIC | {"levels": {"warning": {"low": 1}, "critical": {"low": 2}}}, "lies above"),
        (STATIC | {"dead_band": -1}, "dead_band: lies between"),
        (STATIC | {"levels": {"watch": {"low": 0, "high": 4}}, "dead_band": 2}, "never return"),
        (STATIC | {"minimum_violations": 0}, "minimum_violations: a whole number"),
        (STATIC | {"minimum_conformance": 1.5}, "minimum_conformance: a whole number"),
        (STATIC | {"latching": "yes"}, "latching: true or false"),
        (STATIC | {"colour": "red"}, "colour is not known; known are"),
        (STATIC | {"labels": {"SAFE": "watch"}}, "only a limit of kind enumeration"),
        (STATIC | {"contexts": {}}, "contexts: a list"),
        (STATIC | {"contexts": [{"levels": {"watch": {"low": 1}}}]}, r"contexts\[0\].when"),
        (STATIC | {"suppressed_when": [{"fact": "tired"}]}, r"suppressed_when\[0\].fact: one of"),
        (STATIC | {"suppressed_when": [{"parameter": "mode"}]}, "says either which labels"),
        (STATIC | {"suppressed_when": [{"fact": "sunlit", "is": "x"}]}, "a fact stands alone"),
        (STATIC | {"applies_to": {"roles": "all"}}, "applies_to.roles: a list"),
        (STATIC | {"kind": "change", "basis": "per_day"}, "basis: one of per_second"),
        (STATIC | {"kind": "change", "span_s": 0}, "span_s: lies between"),
        ({"kind": "enumeration", "labels": {}}, "labels: at least one label"),
        ({"kind": "enumeration", "labels": {"A": 3}}, "labels.A: one of"),
        ({"kind": "enumeration", "levels": {}}, "an enumeration has labels"),
        ({"kind": "enumeration", "labels": {"A\0": "watch"}}, r"U\+0000 is in no label"),
        (STATIC | {"applies_to": {"roles": ["a\0"]}}, r"U\+0000"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(said, why):
    with pytest.raises(BadLimit, match=why):
        read(said)
