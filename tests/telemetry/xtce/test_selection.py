"""Which container a packet is."""

import pytest

from telemetry import xtce
from tests.telemetry.xtce.test_loading import ENTRIES, PARAMETERS, TYPES, make_definition

KIND = (
    '<EnumeratedParameterType name="kind"><IntegerDataEncoding sizeInBits="8"/><EnumerationList>'
    '<Enumeration value="1" label="ONE"/><Enumeration value="2" label="TWO"/></EnumerationList>'
    "</EnumeratedParameterType>"
)
BETWEEN = (
    '<ComparisonList><Comparison parameterRef="A" comparisonOperator="&gt;" value="3"/>'
    '<Comparison parameterRef="A" comparisonOperator="&lt;=" value="5"/></ComparisonList>'
)


def make(*children, abstract="false"):
    """Containers that inherit from C, which begins with A (a number) and K (a label)."""
    containers = "".join(
        f'<SequenceContainer name="{name}"><EntryList/><BaseContainer containerRef="{base}">'
        f"<RestrictionCriteria>{criteria}</RestrictionCriteria></BaseContainer></SequenceContainer>"
        for name, base, criteria in children
    )
    data = make_definition(
        TYPES + KIND,
        PARAMETERS + '<Parameter name="K" parameterTypeRef="kind"/>',
        ENTRIES + '<ParameterRefEntry parameterRef="K"/>',
        containers,
    )
    return xtce.load(data.replace(b'name="C"', f'name="C" abstract="{abstract}"'.encode()))


def named(definition, packet):
    decoded = definition.decode([packet])
    return decoded.tables[0].container if decoded.tables else decoded.refused[0]


@pytest.mark.parametrize(
    ("criteria", "matching", "other"),
    [
        ('<Comparison parameterRef="A" value="7"/>', 7, 8),
        ('<Comparison parameterRef="A" value="0x10"/>', 16, 17),
        ('<Comparison parameterRef="A" comparisonOperator="!=" value="7"/>', 8, 7),
        ('<Comparison parameterRef="A" comparisonOperator="&lt;" value="7"/>', 6, 7),
        ('<Comparison parameterRef="A" comparisonOperator="&gt;=" value="7"/>', 7, 6),
        (BETWEEN, 5, 6),
    ],
)
def test_comparisons(criteria, matching, other):
    definition = make(("D", "C", criteria))
    assert named(definition, bytes([matching, 0])) == "D"
    assert named(definition, bytes([other, 0])) == "C"


def test_a_label_is_compared_calibrated_unless_told_otherwise():
    definition = make(
        ("D", "C", '<Comparison parameterRef="K" value="TWO"/>'),
        ("E", "C", '<Comparison parameterRef="K" value="1" useCalibratedValue="false"/>'),
    )
    assert [named(definition, bytes([0, kind])) for kind in (2, 1, 3)] == ["D", "E", "C"]


def test_the_most_particular_container_is_taken():
    definition = make(
        ("D", "C", '<Comparison parameterRef="A" value="1"/>'),
        ("E", "D", '<Comparison parameterRef="K" value="ONE"/>'),
    )
    assert named(definition, b"\x01\x01") == "E"
    assert named(definition, b"\x01\x02") == "D"


def test_an_abstract_container_is_no_answer():
    definition = make(("D", "C", '<Comparison parameterRef="A" value="1"/>'), abstract="true")
    assert "nothing more particular than C" in named(definition, b"\x02\x00")


def test_a_list_of_no_comparisons_holds():
    assert named(make(("X", "C", "<ComparisonList/>")), b"\x07\x01") == "X"


@pytest.mark.parametrize("value", ["5", "PT5S", "0x5"])
def test_durations_are_compared_in_seconds_and_as_xml_schema_writes_them(value):
    kind = (
        '<RelativeTimeParameterType name="u8"><Encoding><IntegerDataEncoding sizeInBits="8"/>'
        "</Encoding></RelativeTimeParameterType>"
    )
    child = (
        '<SequenceContainer name="X"><EntryList/><BaseContainer containerRef="C">'
        f'<RestrictionCriteria><Comparison parameterRef="A" value="{value}"/>'
        "</RestrictionCriteria></BaseContainer></SequenceContainer>"
    )
    parameter = '<Parameter name="A" parameterTypeRef="u8"/>'
    entry = '<ParameterRefEntry parameterRef="A"/>'
    loaded = xtce.load(make_definition(kind, parameter, entry, child))
    assert [named(loaded, packet) for packet in (b"\5", b"\6")] == ["X", "C"]


def test_two_answers_are_none():
    definition = make(
        ("D", "C", '<Comparison parameterRef="A" value="1"/>'),
        ("E", "C", '<Comparison parameterRef="K" value="ONE"/>'),
    )
    assert named(definition, b"\x01\x01") == "D and E both describe it"


@pytest.mark.parametrize(
    ("criteria", "message"),
    [
        ('<Comparison parameterRef="B" value="1"/>', "parameter B is not defined"),
        ('<Comparison parameterRef="A" value="one"/>', '"one" is no number'),
        ("<BooleanExpression/>", "BooleanExpression: needs one condition"),
        ("<NextContainer containerRef='C'/>", "NextContainer: not supported"),
        (
            '<Comparison parameterRef="A" comparisonOperator="=~" value="1"/>',
            'comparisonOperator="=~" is not supported',
        ),
    ],
)
def test_criteria_that_cannot_be_checked_are_refused(criteria, message):
    with pytest.raises(xtce.BadDefinition, match=message):
        make(("D", "C", criteria))


def messages_written(*messages):
    """A definition of M1 and M2, each a number and more, that messages alone lead to."""
    containers = "".join(
        f'<SequenceContainer name="{name}"><EntryList>{ENTRIES}<ParameterRefEntry '
        f'parameterRef="K"/></EntryList></SequenceContainer>'
        for name in ("M1", "M2")
    )
    listed = "".join(
        f'<Message name="{name}{number}"><MatchCriteria>{criteria}</MatchCriteria>'
        f'<ContainerRef containerRef="{name}"/></Message>'
        for number, (name, criteria) in enumerate(messages)
    )
    data = make_definition(
        TYPES + KIND,
        PARAMETERS + '<Parameter name="K" parameterTypeRef="kind"/>',
        ENTRIES + '<ParameterRefEntry parameterRef="K"/>',
        containers,
    )
    return data.replace(
        b"</ContainerSet>", f"</ContainerSet><MessageSet>{listed}</MessageSet>".encode()
    )


MESSAGES = [
    ("M1", '<Comparison parameterRef="A" value="1"/>'),
    ("M2", '<Comparison parameterRef="K" value="TWO"/>'),
    ("M2", '<Comparison parameterRef="A" value="9"/>'),
]


def test_a_message_leads_to_a_container_that_inherits_from_nothing():
    definition = xtce.load(messages_written(*MESSAGES))
    found = [named(definition, bytes(each)) for each in ([1, 1], [5, 2], [9, 2], [9, 1], [5, 5])]
    assert found == ["M1", "M2", "M2", "M2", "C"]
    assert "both describe it" in named(definition, bytes([1, 2]))
    # The same for many packets at once, of one length and of several.
    packets = [bytes([1, 1]), bytes([5, 2, 0]), bytes([5, 5])]
    where = {i: t.container for t in definition.decode(packets) for i in t.indices}
    assert where == {0: "M1", 1: "M2", 2: "C"}


def test_a_message_that_leads_nowhere_is_refused():
    with pytest.raises(xtce.BadDefinition, match="container M3 is not defined"):
        xtce.load(messages_written(("M3", '<Comparison parameterRef="A" value="1"/>')))
