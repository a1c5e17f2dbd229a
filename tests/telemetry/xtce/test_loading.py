"""Definitions from outside: four namespaces, everything refused that would not be done."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry import xtce

TYPES = (
    '<IntegerParameterType name="u8"><IntegerDataEncoding sizeInBits="8"/></IntegerParameterType>'
)
PARAMETERS = '<Parameter name="A" parameterTypeRef="u8"/>'
ENTRIES = '<ParameterRefEntry parameterRef="A"/>'


def make_definition(
    types=TYPES, parameters=PARAMETERS, entries=ENTRIES, containers="", namespace="", extra=""
):
    """A definition of one container, of one line, so that the line of a refusal is 1."""
    return (
        f'<SpaceSystem name="S"{namespace}><TelemetryMetaData>'
        f"<ParameterTypeSet>{types}</ParameterTypeSet><ParameterSet>{parameters}</ParameterSet>"
        f'<ContainerSet><SequenceContainer name="C"><EntryList>{entries}</EntryList>'
        f"</SequenceContainer>{containers}</ContainerSet></TelemetryMetaData>{extra}</SpaceSystem>"
    ).encode()


@pytest.mark.parametrize(
    "namespace",
    [
        "",
        ' xmlns="http://www.omg.org/space/xtce"',
        ' xmlns="http://www.omg.org/spec/XTCE/20180204"',
        ' xmlns="http://www.omg.org/spec/XTCE/20231101"',
        ' xmlns="https://www.omg.org/spec/XTCE/20180204/SpaceSystem.xsd"',
    ],
)
def test_all_namespaces_are_read(namespace):
    definition = xtce.load(make_definition(namespace=namespace))
    (table,) = definition.decode([b"\x07"])
    assert table.raw["A"].tolist() == [7]


def test_a_foreign_namespace_is_refused():
    with pytest.raises(xtce.Unsupported, match="no SpaceSystem of XTCE"):
        xtce.load(make_definition(namespace=' xmlns="urn:other"'))


def test_missions_write_what_the_standard_has_otherwise():
    # Each of these stands in published definitions that other decoders read.
    definition = xtce.load(
        b"""<x:SpaceSystem name="S" xmlns:x="http://www.omg.org/spec/XTCE/20180204">
        <x:TelemetryMetaData><x:ParameterTypeSet>
        <x:IntegerParameterType name="none" signed="false"><x:IntegerDataEncoding sizeInBits="0"/>
        </x:IntegerParameterType>
        <x:IntegerParameterType name="i8"><IntegerDataEncoding sizeInBits="8" encoding="signed"/>
        </x:IntegerParameterType>
        <x:EnumeratedParameterType name="e8" signed="false"><x:IntegerDataEncoding sizeInBits="8"/>
        <x:EnumerationList><x:Enumeration value="1" label="ON"/></x:EnumerationList>
        </x:EnumeratedParameterType></x:ParameterTypeSet>
        <x:ParameterSet><x:Parameter name="A" parameterTypeRef="i8">
        <x:ShortDescription> Offset </x:ShortDescription></x:Parameter>
        <x:Parameter name="B" parameterTypeRef="e8"/></x:ParameterSet>
        <x:ContainerSet><x:SequenceContainer name="C"><x:EntryList>
        <x:ParameterRefEntry parameterRef="A"/><ParameterRefEntry parameterRef="B"/></x:EntryList>
        </x:SequenceContainer></x:ContainerSet></x:TelemetryMetaData></x:SpaceSystem>"""
    )
    (table,) = definition.decode([b"\xff\x01", b"\x7f\x02"])
    assert table.values["A"].tolist() == [-1, 127]
    assert list(table.values["B"]) == ["ON", None]
    assert definition.parameters["A"].description == "Offset"


ENCODED = '<{0}ParameterType name="u8"><{0}DataEncoding {1}/></{0}ParameterType>'
ALGORITHM = (
    '<TelemetryMetaData><AlgorithmSet><CustomAlgorithm name="a"><AlgorithmText language="{}">{}'
    '</AlgorithmText><InputSet><InputParameterInstanceRef parameterRef="A"/></InputSet><OutputSet>'
    '<OutputParameterRef parameterRef="A"/></OutputSet></CustomAlgorithm></AlgorithmSet>'
    "</TelemetryMetaData>"
)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"entries": '<StreamSegmentEntry streamRef="A" sizeInBits="8"/>'},
            "line 1: StreamSegmentEntry: not supported in EntryList",
        ),
        (
            {"entries": ENTRIES.replace("/>", "><TimeAssociation/></ParameterRefEntry>")},
            "line 1: TimeAssociation: not supported in ParameterRefEntry",
        ),
        (
            {"entries": '<ArgumentRefEntry argumentRef="A"/>'},
            "line 1: ArgumentRefEntry: not supported in a container of telemetry",
        ),
        (
            {"extra": "<TelemetryMetaData><FrameSet/></TelemetryMetaData>"},
            "FrameSet: not supported in TelemetryMetaData",
        ),
        ({"types": ENCODED.format("Integer", 'encoding="odd"')}, 'encoding="odd" is not supported'),
        ({"types": ENCODED.format("Integer", 'sizeInBits="65"')}, '"65" is not supported'),
        ({"types": ENCODED.format("Integer", 'sizeInBits="0"')}, "Parameter: type u8 has no bits"),
        ({"types": ENCODED.format("Integer", 'sizeInBits="-1"')}, '"-1" is not supported'),
        ({"types": ENCODED.format("Float", 'sizeInBits="80"')}, '"80" of IEEE754_1985 is not'),
        ({"types": ENCODED.format("Float", 'sizeInBits="128"')}, '"128" of IEEE754_1985 is not'),
        ({"types": ENCODED.format("Float", 'encoding="IBM"')}, 'encoding="IBM" is not supported'),
        (
            {"types": ENCODED.format("Float", 'encoding="MILSTD_1750A" sizeInBits="64"')},
            'sizeInBits="64" of MILSTD_1750A is not supported',
        ),
        (
            {
                "types": ENCODED.format(
                    "Integer", 'sizeInBits="12" byteOrder="leastSignificant'
                ).replace("leastSignificant/", 'leastSignificantByteFirst"/')
            },
            "12 bits with the least significant byte first",
        ),
        (
            {"types": TYPES.replace('name="u8"', 'name="u8" colour="3"')},
            "attribute colour is not supported",
        ),
        (
            {
                "entries": ENTRIES.replace("/>", ">{}</ParameterRefEntry>").format(
                    "<RepeatEntry><Count><FixedValue>100001</FixedValue></Count></RepeatEntry>"
                )
            },
            "is repeated 100001 times",
        ),
        ({"extra": ALGORITHM.format("JavaScript", "A + 1")}, 'language="JavaScript" is not'),
        ({"extra": ALGORITHM.format("python", "__import__('os')")}, "__import__() is not"),
    ],
)
def test_what_would_not_be_done_is_refused_by_its_line(changed, message):
    with pytest.raises(xtce.Unsupported) as refused:
        xtce.load(make_definition(**changed))
    assert message in str(refused.value)
    assert refused.value.line == 1


def test_the_line_is_that_of_the_element():
    data = make_definition(extra="\n\n<Services/>")
    with pytest.raises(xtce.Unsupported, match="line 3: Services"):
        xtce.load(data)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"parameters": '<Parameter name="A" parameterTypeRef="no"/>'},
            "line 1: Parameter: type no is not defined",
        ),
        ({"parameters": PARAMETERS * 2}, "A is defined twice"),
        ({"entries": '<ParameterRefEntry parameterRef="B"/>'}, "parameter B is not defined"),
        ({"entries": '<ContainerRefEntry containerRef="C"/>'}, "container C holds itself"),
        ({"types": TYPES.replace('"8"', '"eight"')}, 'sizeInBits="eight"'),
        ({"parameters": '<Parameter name="A"/>'}, "Parameter: has no parameterTypeRef"),
    ],
)
def test_contradictions_are_refused(changed, message):
    with pytest.raises(xtce.BadDefinition, match=message):
        xtce.load(make_definition(**changed))


BOMB = b"""<?xml version="1.0"?>
<!DOCTYPE lolz [ <!ENTITY lol "lol"> %s ]>
<SpaceSystem name="%s"/>"""


@pytest.mark.parametrize("place", [b"&lol9;", b"fine"])
def test_entities_are_refused_and_not_expanded(place):
    entities = [b'<!ENTITY lol0 "lol">'] + [
        b'<!ENTITY lol%d "%s">' % (n, b"&lol%d;" % (n - 1) * 10) for n in range(1, 10)
    ]
    with pytest.raises(xtce.BadDefinition):
        xtce.load(BOMB % (b"".join(entities), place))


def test_external_entities_are_refused(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("secret")
    data = f"""<!DOCTYPE S [ <!ENTITY x SYSTEM "{secret.as_uri()}"> ]>
        <SpaceSystem name="S"><LongDescription>&x;</LongDescription></SpaceSystem>"""
    with pytest.raises(xtce.Unsupported, match="document type declaration"):
        xtce.load(data.encode())


@given(st.binary(max_size=300))
def test_noise_is_refused(noise):
    with pytest.raises(xtce.BadDefinition):
        xtce.load(noise)


@given(st.integers(0), st.binary(min_size=1, max_size=3))
def test_a_damaged_file_never_crashes_the_loader(at, damage):
    data = bytearray(make_definition())
    at %= len(data)
    data[at : at + len(damage)] = damage
    refusal, loaded = "", None
    try:
        loaded = xtce.load(bytes(data))
    except xtce.BadDefinition as error:
        refusal = str(error)
    # Either it says what is wrong, or what it made of the file decodes.
    assert refusal if loaded is None else not loaded.decode([]).refused


def test_what_is_not_carried_out_is_told_by_line_and_element():
    data = make_definition(
        extra="\n<TelemetryMetaData>\n<StreamSet><VariableFrameStream/></StreamSet>"
        "</TelemetryMetaData>\n<ServiceSet/>",
        types='<IntegerParameterType name="u8"><IntegerDataEncoding sizeInBits="8" '
        'changeThreshold="3"/></IntegerParameterType>',
    )
    loaded = xtce.load(data)
    told = {(each.line, each.element): each.detail for each in loaded.left_out}
    assert set(told) == {(1, "IntegerDataEncoding"), (3, "StreamSet"), (4, "ServiceSet")}
    assert 'changeThreshold="3"' in told[1, "IntegerDataEncoding"]
    assert xtce.load(make_definition()).left_out == []


def test_what_is_not_carried_out_of_a_further_file_names_it():
    other = b'<SpaceSystem name="T"><ServiceSet/></SpaceSystem>'
    (told,) = xtce.load(make_definition(), {"other.xml": other}).left_out
    assert (told.file, told.line, told.element) == ("other.xml", 1, "ServiceSet")
