"""Definitions changed at random: read, or refused with a reason, and never anything else."""

import random
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry import definitions, xtce
from tests.telemetry.xtce import test_commands as commands
from tests.telemetry.xtce import test_containers as containers
from tests.telemetry.xtce import test_selection as selection
from tests.telemetry.xtce import test_validity as validity
from tests.telemetry.xtce.test_loading import make_definition
from tests.telemetry.xtce.test_types import LABELS, coded, in_text, simple

WRITTEN = [
    (definitions._FOLDER / "scs.xml").read_bytes(),
    commands.written(),
    simple(
        coded("Integer", '<IntegerDataEncoding encoding="packedBCD" sizeInBits="8"/>')
        + coded(
            "String",
            "<StringDataEncoding><SizeInBits><TerminationChar>00</TerminationChar></SizeInBits>"
            "</StringDataEncoding>",
            name="T1",
        ),
        2,
    ),
    commands.with_other(commands.FOLLOWED),
    commands.written(commands=commands.BLOCK),
    selection.messages_written(*selection.MESSAGES),
    validity.WRITTEN,
    containers.written(
        containers.REF.format("A") + containers.INDIRECT.format("ids"),
        parameters=containers.ALIASED,
    ),
    simple(in_text("Float")),
    simple(in_text("Enumerated", inner=LABELS)),
]
TREES = [ET.fromstring(data) for data in WRITTEN]
VALUES = ["", "0", "-1", "64", "65", "99999999999", "inf", "nan", "1e309", "abc", "..", "/", "x.y"]


def changed(draw):
    """A definition with a value or two changed, an element taken away, doubled or put elsewhere."""
    tree = ET.fromstring(WRITTEN[draw.randrange(len(WRITTEN))])
    for _ in range(draw.randint(1, 3)):
        node = draw.choice(list(tree.iter()))
        match draw.randrange(6):
            case 0 | 1 if node.attrib:
                node.set(draw.choice(list(node.attrib)), draw.choice(VALUES))
            case 2 if node.attrib:
                node.attrib.pop(draw.choice(list(node.attrib)))
            case 3 if len(node):
                node.remove(draw.choice(list(node)))
            case 4:
                node.append(draw.choice(list(draw.choice(TREES).iter())))
            case _:
                node.text = draw.choice(VALUES)
    return ET.tostring(tree)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32))
def test_a_changed_definition_is_read_or_refused(seed):
    draw = random.Random(seed)
    data = changed(draw)
    try:
        loaded = xtce.load(data)
    except xtce.BadDefinition:
        return
    packets = [draw.randbytes(draw.choice([0, 1, 6, 30, 200])) for _ in range(4)]
    decoded = loaded.decode(packets)
    rows = {index for table in decoded for index in table.indices}
    assert not rows & set(decoded.refused)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"<SpaceSystem name='S'>" * 200, "line 1: SpaceSystem: more than 100 elements inside"),
        (make_definition(extra="<X>" * 200 + "</X>" * 200), "more than 100 elements inside"),
        (b'<SpaceSystem name="%s"/>' % (b"x" * 100_000), "a value of 100000 characters"),
        (b"<?xml version='1.0' encoding='nonsense'?><SpaceSystem/>", "no well-formed XML"),
        (b"\x00" * 10, "no well-formed XML"),
        (b"", "no well-formed XML"),
    ],
)
def test_what_would_take_the_process_with_it_is_refused(data, message):
    with pytest.raises(xtce.BadDefinition, match=message):
        xtce.load(data)


def container(name, more):
    return f'<SequenceContainer name="{name}">{more}</SequenceContainer>'


@pytest.mark.parametrize(
    ("containers", "message"),
    [
        (
            container("X", '<EntryList/><BaseContainer containerRef="Y"/>')
            + container("Y", '<EntryList/><BaseContainer containerRef="X"/>'),
            "inherits from itself",
        ),
        (
            container("X", '<EntryList><ContainerRefEntry containerRef="Y"/></EntryList>')
            + container("Y", '<EntryList><ContainerRefEntry containerRef="X"/></EntryList>'),
            "holds itself",
        ),
        (
            "".join(
                container(
                    f"X{n}",
                    "<EntryList>"
                    + f'<ContainerRefEntry containerRef="X{n + 1}"/>' * 2
                    + "</EntryList>",
                )
                for n in range(25)
            )
            + container("X25", "<EntryList/>"),
            "more than 100000 entries",
        ),
        (
            "".join(
                container(f"X{n}", f'<EntryList/><BaseContainer containerRef="X{n + 1}"/>')
                for n in range(2_000)
            )
            + container("X2000", "<EntryList/>"),
            "container X2000 is the base of 2000 in a row",
        ),
    ],
)
def test_definitions_without_an_end_are_refused_by_line(containers, message):
    with pytest.raises(xtce.BadDefinition, match=message) as refused:
        xtce.load(make_definition(containers=containers))
    assert refused.value.line == 1


ARRAY = (
    '<ArrayParameterType name="t{}" arrayTypeRef="t{}"><DimensionList><Dimension><StartingIndex>'
    "<FixedValue>0</FixedValue></StartingIndex><EndingIndex><FixedValue>0</FixedValue>"
    "</EndingIndex></Dimension></DimensionList></ArrayParameterType>"
)
MEMBER = (
    '<AggregateParameterType name="t{}"><MemberList><Member name="m" typeRef="t{}"/></MemberList>'
    "</AggregateParameterType>"
)
DERIVED = '<IntegerParameterType name="t{}" baseType="t{}"/>'


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(
    ("written", "message"),
    [
        (ARRAY, "20 (types )?deep"),
        (MEMBER, "20 (types )?deep"),
        (DERIVED, "more than 100 base types"),
    ],
)
def test_types_without_an_end_are_refused_by_line_in_whatever_order(written, message, order):
    first = '<IntegerParameterType name="t0"><IntegerDataEncoding/></IntegerParameterType>'
    types = [first, *(written.format(n + 1, n) for n in range(1_200))]
    parameters = '<Parameter name="A" parameterTypeRef="t1200"/>'
    with pytest.raises(xtce.BadDefinition, match=message) as refused:
        xtce.load(make_definition(types="".join(types[::order]), parameters=parameters))
    assert refused.value.line == 1


def test_commands_without_an_end_are_refused_by_line():
    commands = "".join(
        f'<MetaCommand name="M{n}"><BaseMetaCommand metaCommandRef="M{n + 1}"/></MetaCommand>'
        for n in range(1_200)
    )
    extra = f"<CommandMetaData><MetaCommandSet>{commands}</MetaCommandSet></CommandMetaData>"
    with pytest.raises(xtce.BadDefinition, match="base of more than 100 in a row") as refused:
        xtce.load(make_definition(extra=extra))
    assert refused.value.line == 1
