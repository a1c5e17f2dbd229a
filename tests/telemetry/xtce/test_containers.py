"""Entries in their places: arrays, aggregates, conditions, repetitions, systems and codes."""

import binascii
import struct
import zlib
from xml.sax.saxutils import escape

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry import xtce
from telemetry.xtce import errorcontrol

U = "".join(
    f'<IntegerParameterType name="u{n}"><IntegerDataEncoding sizeInBits="{n}"/>'
    "</IntegerParameterType>"
    for n in (4, 8, 16)
)
NAMES = "".join(f'<Parameter name="{n}" parameterTypeRef="u8"/>' for n in "ABCDN")
REF = '<ParameterRefEntry parameterRef="{}"/>'
INSIDE = '<ParameterRefEntry parameterRef="{}">{}</ParameterRefEntry>'


def definition(*entries, **more):
    return xtce.load(written(*entries, **more))


def written(entries, types="", parameters="", containers="", extra="", attributes=""):
    return (
        f'<SpaceSystem name="S"><TelemetryMetaData><ParameterTypeSet>{U}{types}</ParameterTypeSet>'
        f"<ParameterSet>{NAMES}{parameters}</ParameterSet><ContainerSet>"
        f'<SequenceContainer name="K">{attributes}<EntryList>{entries}</EntryList>'
        f"</SequenceContainer>{containers}</ContainerSet>{extra}</TelemetryMetaData>"
        "</SpaceSystem>".encode()
    )


def rows(loaded, packets):
    """Return for each packet its raw values by name."""
    decoded = loaded.decode(packets)
    assert decoded.refused == {}
    found = [{} for _ in packets]
    for table in decoded:
        for name, column in table.raw.items():
            for index, value in zip(table.indices, column, strict=True):
                assert name not in found[index]
                found[index][name] = value if isinstance(value, bytes) else value.item()
    return found


def place(reference, bits):
    return (
        f'<LocationInContainerInBits referenceLocation="{reference}"><FixedValue>{bits}'
        "</FixedValue></LocationInContainerInBits>"
    )


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        (INSIDE.format("A", place("containerStart", 8)), {"A": 2}),
        (REF.format("A") + INSIDE.format("B", place("previousEntry", 16)), {"A": 1, "B": 4}),
        (REF.format("A") + INSIDE.format("B", place("previousEntry", -8)), {"A": 1, "B": 1}),
        (INSIDE.format("A", place("containerEnd", 0)), {"A": 5}),
        (INSIDE.format("A", place("containerEnd", 8)) + REF.format("B"), {"A": 4, "B": 5}),
        (
            INSIDE.format("A", place("nextEntry", 8))
            + INSIDE.format("B", place("containerEnd", 0)),
            {"A": 3, "B": 5},
        ),
        (
            INSIDE.format("A", place("nextEntry", 0))
            + INSIDE.format("B", place("containerStart", 24)),
            {"A": 3, "B": 4},
        ),
        (
            INSIDE.format("A", place("containerStart", 32))
            + INSIDE.format("B", place("containerStart", 0))
            + REF.format("C"),
            {"A": 5, "B": 1, "C": 2},
        ),
    ],
)
def test_places_from_all_four_references(entries, expected):
    assert rows(definition(entries), [bytes([1, 2, 3, 4, 5])]) == [expected]


CONDITION = '<IncludeCondition><Comparison parameterRef="A" value="{}"/></IncludeCondition>'


def test_what_a_condition_includes_is_in_a_table_of_its_own():
    loaded = definition(
        REF.format("A")
        + INSIDE.format("B", CONDITION.format(1))
        + INSIDE.format("C", CONDITION.format(2))
        + REF.format("D")
    )
    packets = [b"\x01\x0b\x0d", b"\x02\x0c\x0d", b"\x03\x0d"]
    assert rows(loaded, packets) == [
        {"A": 1, "B": 11, "D": 13},
        {"A": 2, "C": 12, "D": 13},
        {"A": 3, "D": 13},
    ]
    groups = {table.group: table.indices for table in loaded.decode(packets)}
    assert groups == {"K": [0, 1, 2], "K:B": [0], "K:C": [1]}


def counted(count, offset=""):
    return f"<RepeatEntry><Count>{count}</Count>{offset}</RepeatEntry>"


FIXED = "<FixedValue>{}</FixedValue>"
BY_A = '<DynamicValue><ParameterInstanceRef parameterRef="A"/></DynamicValue>'


def test_an_entry_is_repeated_as_often_as_it_says():
    loaded = definition(
        INSIDE.format("B", counted(FIXED.format(2), f"<Offset>{FIXED.format(8)}</Offset>"))
        + REF.format("C")
    )
    assert rows(loaded, [bytes([1, 9, 2, 3])]) == [{"B[0]": 1, "B[1]": 2, "C": 3}]


def test_a_container_is_repeated_as_often_as_the_packet_says():
    inner = (
        '<SequenceContainer name="I"><EntryList><ParameterRefEntry parameterRef="N"/>'
        + INSIDE.format("C", counted(BY_A.replace('"A"', '"N"')))
        + "</EntryList></SequenceContainer>"
    )
    loaded = definition(
        REF.format("A")
        + f'<ContainerRefEntry containerRef="I">{counted(BY_A)}</ContainerRefEntry>'
        + REF.format("D"),
        containers=inner,
    )
    packets = [bytes([2, 1, 7, 2, 8, 9, 5]), bytes([0, 6])]
    assert rows(loaded, packets) == [
        {"A": 2, "N[0]": 1, "C[0][0]": 7, "N[1]": 2, "C[1][0]": 8, "C[1][1]": 9, "D": 5},
        {"A": 0, "D": 6},
    ]
    assert loaded.parameters["C[1][1]"].type.kind == "integer"
    assert "line 1: would be" in loaded.decode([bytes([255, 1, 1])]).refused[0] or (
        "end before" in loaded.decode([bytes([255, 1, 1])]).refused[0]
    )


ARRAY = (
    '<ArrayParameterType name="grid" arrayTypeRef="u8"><DimensionList>'
    "<Dimension><StartingIndex><FixedValue>0</FixedValue></StartingIndex><EndingIndex>{}"
    "</EndingIndex></Dimension><Dimension><StartingIndex><FixedValue>0</FixedValue>"
    "</StartingIndex><EndingIndex><FixedValue>1</FixedValue></EndingIndex></Dimension>"
    "</DimensionList></ArrayParameterType>"
)
GRID = '<Parameter name="G" parameterTypeRef="grid"/>'
GRID_ENTRY = '<ArrayParameterRefEntry parameterRef="G"/>'


def test_arrays_of_two_dimensions():
    loaded = definition(GRID_ENTRY, ARRAY.format(FIXED.format(1)), GRID)
    assert loaded.plans["K"].is_fixed
    assert rows(loaded, [bytes([1, 2, 3, 4])]) == [
        {"G[0][0]": 1, "G[0][1]": 2, "G[1][0]": 3, "G[1][1]": 4}
    ]


def test_arrays_whose_size_is_in_the_packet():
    last = BY_A.replace("</DynamicValue>", '<LinearAdjustment intercept="-1"/></DynamicValue>')
    loaded = definition(REF.format("A") + GRID_ENTRY + REF.format("B"), ARRAY.format(last), GRID)
    assert rows(loaded, [bytes([2, 1, 2, 3, 4, 9]), bytes([1, 5, 6, 7]), bytes([0, 8])]) == [
        {"A": 2, "G[0][0]": 1, "G[0][1]": 2, "G[1][0]": 3, "G[1][1]": 4, "B": 9},
        {"A": 1, "G[0][0]": 5, "G[0][1]": 6, "B": 7},
        {"A": 0, "B": 8},
    ]


def test_aggregates_and_what_refers_to_their_members():
    kind = (
        '<AggregateParameterType name="pair"><MemberList><Member name="x" typeRef="u8"/>'
        '<Member name="y" typeRef="u4"/><Member name="z" typeRef="u4"/></MemberList>'
        "</AggregateParameterType>"
    )
    condition = CONDITION.replace('"A"', '"P.y"').format(3)
    loaded = definition(
        REF.format("P") + INSIDE.format("B", condition),
        kind,
        '<Parameter name="P" parameterTypeRef="pair"/>',
    )
    assert rows(loaded, [bytes([1, 0x34, 7]), bytes([1, 0x54])]) == [
        {"P.x": 1, "P.y": 3, "P.z": 4, "B": 7},
        {"P.x": 1, "P.y": 5, "P.z": 4},
    ]


def test_a_size_is_looked_up():
    cases = "".join(
        f'<DiscreteLookup value="{value}"><Comparison parameterRef="A" value="{case}"/>'
        "</DiscreteLookup>"
        for case, value in ((1, 8), (2, 24))
    )
    kind = (
        '<BinaryParameterType name="blob"><BinaryDataEncoding><SizeInBits><DiscreteLookupList>'
        f"{cases}</DiscreteLookupList></SizeInBits></BinaryDataEncoding></BinaryParameterType>"
    )
    loaded = definition(
        REF.format("A") + REF.format("X") + REF.format("B"),
        kind,
        '<Parameter name="X" parameterTypeRef="blob"/>',
    )
    assert rows(loaded, [b"\x01\xaa\x05", b"\x02\xaa\xbb\xcc\x06"]) == [
        {"A": 1, "X": b"\xaa", "B": 5},
        {"A": 2, "X": b"\xaa\xbb\xcc", "B": 6},
    ]
    assert "no case" in loaded.decode([b"\x03\x00"]).refused[0]


def test_conditions_joined_by_and_and_or():
    def one(name, value, compare="=="):
        return (
            f'<Condition><ParameterInstanceRef parameterRef="{name}"/><ComparisonOperator>'
            f"{compare}</ComparisonOperator><Value>{value}</Value></Condition>"
        )

    same = (
        '<Condition><ParameterInstanceRef parameterRef="A"/><ComparisonOperator>==</Comparison'
        'Operator><ParameterInstanceRef parameterRef="B"/></Condition>'
    )
    expression = (
        f"<BooleanExpression><ORedConditions>{same}<ANDedConditions>{one('A', 1)}"
        f"{one('B', 5, '&gt;')}</ANDedConditions></ORedConditions></BooleanExpression>"
    )
    child = (
        '<SequenceContainer name="L"><EntryList/><BaseContainer containerRef="K">'
        f"<RestrictionCriteria>{expression}</RestrictionCriteria></BaseContainer>"
        "</SequenceContainer>"
    )
    loaded = definition(REF.format("A") + REF.format("B"), containers=child)
    chosen = [loaded.container_of(bytes(p)) for p in ((3, 3), (1, 6), (1, 5), (2, 6))]
    assert chosen == ["L", "L", "K", "K"]


def test_inheritance_goes_deeper_than_the_stack():
    deep = "".join(
        f'<SequenceContainer name="L{n}"><EntryList>{REF.format("A") if n == 1_199 else ""}'
        f'</EntryList><BaseContainer containerRef="{"K" if n == 0 else f"L{n - 1}"}"/>'
        "</SequenceContainer>"
        for n in range(1_200)
    )
    loaded = definition(REF.format("N"), containers=deep)
    (row,) = rows(loaded, [b"\x05\x06"])
    assert row == {"N": 5, "A": 6}
    assert loaded.container_of(b"\x05\x06") == "L1199"


# --- Several space systems ------------------------------------------------------------------

OUTER = f"""<SpaceSystem name="Sat"><TelemetryMetaData><ParameterTypeSet>{U}</ParameterTypeSet>
<ParameterSet><Parameter name="id" parameterTypeRef="u8"/></ParameterSet>
<ContainerSet><SequenceContainer name="Top" abstract="true"><EntryList>
<ParameterRefEntry parameterRef="id"/></EntryList></SequenceContainer></ContainerSet>
</TelemetryMetaData>{{}}</SpaceSystem>"""
INNER = """<SpaceSystem name="{name}"><TelemetryMetaData>
<ParameterSet><Parameter name="id" parameterTypeRef="{kind}"/></ParameterSet>
<ContainerSet><SequenceContainer name="Packet"><EntryList><ParameterRefEntry parameterRef="id"/>
<ParameterRefEntry parameterRef="{other}"/></EntryList><BaseContainer containerRef="{base}">
<RestrictionCriteria><Comparison parameterRef="{outer}" value="{value}"/></RestrictionCriteria>
</BaseContainer></SequenceContainer></ContainerSet></TelemetryMetaData></SpaceSystem>"""


def test_names_are_resolved_from_where_they_stand():
    systems = INNER.format(
        name="A", kind="u8", other="../B/id", base="Top", outer="/Sat/id", value=1
    ) + INNER.format(
        name="B", kind="/Sat/u16", other="./../A/id", base="/Sat/Top", outer="../id", value=2
    )
    loaded = xtce.load(OUTER.format(systems).encode())
    assert set(loaded.plans) == {"Top", "A/Packet", "B/Packet"}
    assert rows(loaded, [bytes([1, 7, 0, 9]), bytes([2, 0, 9, 7])]) == [
        {"id": 1, "A/id": 7, "B/id": 9},
        {"id": 2, "B/id": 9, "A/id": 7},
    ]


def test_several_files_make_one_definition():
    inner = INNER.format(
        name="A", kind="u8", other="/Sat/id", base="/Sat/Top", outer="/Sat/id", value=1
    )
    include = '<include xmlns="http://www.w3.org/2001/XInclude" href="a.xml"/>'
    for main, files in (
        (OUTER.format(include), {"a.xml": inner.encode()}),
        (OUTER.format(""), {"a.xml": inner.replace('"u8"', '"/Sat/u8"').encode()}),
    ):
        loaded = xtce.load(main.encode(), files)
        (row,) = rows(loaded, [bytes([1, 7, 5])])
        assert row == {"id": 1, "A/id": 7, "id#2": 5}
    with pytest.raises(xtce.BadDefinition, match=r"a\.xml line 1: Nonsense"):
        xtce.load(
            OUTER.format("").encode(), {"a.xml": b"<SpaceSystem name='A'><Nonsense/></SpaceSystem>"}
        )
    with pytest.raises(xtce.BadDefinition, match="not among the files"):
        xtce.load(OUTER.format(include).encode())


# --- Codes ----------------------------------------------------------------------------------

CRC = (
    '<CRC width="16" reference="start" bitsFromReference="{skip}"><Polynomial>1021</Polynomial>'
    "<InitRemainder>FFFF</InitRemainder></CRC>"
)


@given(st.binary(max_size=64))
def test_a_crc_of_32_bits_is_that_of_zlib(data):
    code = xtce.model.ErrorControl(
        "crc", 32, 0x04C11DB7, 0xFFFFFFFF, 0xFFFFFFFF, reflects_data=True, reflects_remainder=True
    )
    assert errorcontrol.compute(code, int.from_bytes(data), len(data) * 8) == zlib.crc32(data)


@given(st.binary(max_size=64))
def test_other_codes_are_those_of_others(data):
    ccitt = xtce.model.ErrorControl("crc", 16, 0x1021, 0xFFFF)
    number, size = int.from_bytes(data), len(data) * 8
    assert errorcontrol.compute(ccitt, number, size) == binascii.crc_hqx(data, 0xFFFF)
    assert errorcontrol._crc_bits(ccitt, number, size) == binascii.crc_hqx(data, 0xFFFF)
    adler = xtce.model.ErrorControl("adler32", 32)
    assert errorcontrol.compute(adler, number, size) == zlib.adler32(data)
    total = xtce.model.ErrorControl("sum8", 8)
    assert errorcontrol.compute(total, number, size) == sum(data) % 256
    parity = xtce.model.ErrorControl("parity", 1)
    assert errorcontrol.compute(parity, number, size) == number.bit_count() % 2


def test_fletcher_is_that_of_its_examples():
    # Fletcher 1982: "abcde" gives 0xC8F0 with sums of 8 bits, 0x04F0 xor'd by none.
    code = xtce.model.ErrorControl("fletcher16", 16)
    data = b"abcde"
    assert errorcontrol.compute(code, int.from_bytes(data), 40) == 0xC8F0


def test_packets_whose_code_does_not_agree_are_refused_with_both():
    kind = (
        '<IntegerParameterType name="crc"><IntegerDataEncoding sizeInBits="16">'
        f"<ErrorDetectCorrect>{CRC.format(skip=0)}</ErrorDetectCorrect></IntegerDataEncoding>"
        "</IntegerParameterType>"
    )
    loaded = definition(
        REF.format("A") + REF.format("B") + REF.format("E"),
        kind,
        '<Parameter name="E" parameterTypeRef="crc"/>',
    )
    good = b"\x05\x06" + struct.pack(">H", binascii.crc_hqx(b"\x05\x06", 0xFFFF))
    bad = good[:3] + bytes([good[3] ^ 1])
    decoded = loaded.decode([good, bad, good])
    (table,) = decoded
    assert table.indices == [0, 2]
    assert decoded.refused[1].startswith("E: crc is ")


# --- Algorithms -----------------------------------------------------------------------------


def algorithm(text, inputs="AB", output="Y"):
    listed = "".join(f'<InputParameterInstanceRef parameterRef="{name}"/>' for name in inputs)
    return (
        f'<AlgorithmSet><CustomAlgorithm name="a"><AlgorithmText language="expression">{text}'
        f"</AlgorithmText><InputSet>{listed}<Constant constantName='k' value='10'/></InputSet>"
        f'<OutputSet><OutputParameterRef parameterRef="{output}"/></OutputSet>'
        "</CustomAlgorithm></AlgorithmSet>"
    )


MADE = '<FloatParameterType name="made"/>'
Y = '<Parameter name="Y" parameterTypeRef="made"/>'


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("A + B * k", [1 + 20, 3 + 40]),
        ("Y = A / B", [0.5, 0.75]),
        ("max(A, B, 3) if A &lt; 2 else sqrt(A * 3)", [3, 3]),
        ("A &amp; 1 | B &lt;&lt; 2", [9, 17]),
        ("1 &lt;= A &lt; 3 and not B == 4", [1, 0]),
        ("round(A / 3, 2)", [0.33, 1.0]),
        ("2 ** 2000", [np.inf, np.inf]),
    ],
)
def test_expressions_make_parameters(text, values):
    loaded = definition(REF.format("A") + REF.format("B"), MADE, Y, extra=algorithm(text))
    (table,) = loaded.decode([bytes([1, 2]), bytes([3, 4])])
    assert table.values["Y"].tolist() == pytest.approx(values)


@pytest.mark.parametrize(
    "text",
    [
        "A.__class__",
        "(lambda: A)()",
        "[A for A in B]",
        "open('x')",
        "A[0]",
        "import os",
        "f'{A}'",
        "C",
        "",
        "(" * 500 + "A" + ")" * 500,
        "-" * 3000 + "A",
        "A" + "+A" * 900,
        "A := 1",
        "A + 1j",
        "max()",
    ],
)
def test_anything_else_is_refused(text):
    with pytest.raises(xtce.Unsupported, match="line 1: AlgorithmText"):
        definition(REF.format("A") + REF.format("B"), MADE, Y, extra=algorithm(escape(text)))


@pytest.mark.parametrize("text", ['A * "x"', 'A == "x"', 'max(A, "x")', '"b" &lt; "a"', '-"x"'])
def test_an_algorithm_that_packets_could_not_be_computed_by_is_refused(text):
    with pytest.raises(xtce.Unsupported, match="line 1: a: cannot be computed"):
        definition(REF.format("A") + REF.format("B"), MADE, Y, extra=algorithm(text))


def test_a_label_is_compared_with_words_and_counts_nothing():
    kind = (
        '<EnumeratedParameterType name="switch"><IntegerDataEncoding sizeInBits="8"/>'
        '<EnumerationList><Enumeration value="1" label="ON"/></EnumerationList>'
        "</EnumeratedParameterType>"
    )
    held = '<Parameter name="E" parameterTypeRef="switch"/>' + Y
    made = algorithm('1 if E == "ON" else 2', "E")
    (table,) = definition(REF.format("E"), MADE + kind, held, extra=made).decode([b"\1", b"\2"])
    assert table.values["Y"].tolist() == [1, 2]
    with pytest.raises(xtce.Unsupported, match="cannot be computed"):
        definition(REF.format("E"), MADE + kind, held, extra=algorithm("E + 1", "E"))


@pytest.mark.parametrize("name", ["A[", "A.", "A[x]", "A..x", "A[0", "A]"])
def test_a_path_to_nothing_is_not_taken_for_what_it_begins_with(name):
    assert definition(REF.format("A")).parameters.get(name) is None


def test_an_algorithm_that_would_never_run_is_refused():
    with pytest.raises(xtce.Unsupported, match="no packet has all that it needs"):
        definition(REF.format("A"), MADE, Y, extra=algorithm("A + B"))


def test_one_algorithm_takes_what_another_makes():
    chain = algorithm("A + 1", "A").replace("</AlgorithmSet>", "") + algorithm(
        "Y * 2", "Y", "Z"
    ).replace("<AlgorithmSet>", "").replace('"a"', '"b"')
    loaded = definition(
        REF.format("A"), MADE, Y + '<Parameter name="Z" parameterTypeRef="made"/>', extra=chain
    )
    (table,) = loaded.decode([b"\x04"])
    assert (table.values["Y"].tolist(), table.values["Z"].tolist()) == ([5], [10])


INDIRECT = (
    '<IndirectParameterRefEntry aliasNameSpace="{}"><ParameterInstance parameterRef="A"/>'
    "</IndirectParameterRefEntry>"
)
ALIASED = "".join(
    f'<Parameter name="{name}" parameterTypeRef="{kind}"><AliasSet><Alias nameSpace="ids" '
    f'alias="{alias}"/></AliasSet></Parameter>'
    for name, kind, alias in (("X", "u16", 1), ("Y", "u8", 2))
)


def test_a_value_names_the_parameter_behind_it():
    entries = REF.format("A") + INDIRECT.format("ids") + REF.format("N")
    loaded = definition(entries, parameters=ALIASED)
    assert rows(loaded, [b"\x01\x12\x34\x07", b"\x02\x56\x08"]) == [
        {"A": 1, "X": 0x1234, "N": 7},
        {"A": 2, "Y": 0x56, "N": 8},
    ]
    decoded = loaded.decode([b"\x03\x00\x00\x00"])
    assert "A is 3, which names no parameter" in decoded.refused[0]


def test_each_of_several_values_names_its_parameter():
    entries = REF.format("A") + INDIRECT.format("ids")
    loaded = definition(entries + entries, parameters=ALIASED)
    (found,) = rows(loaded, [b"\x02\x11\x01\x12\x34"])
    assert found["Y"] == 0x11
    assert found["X"] == 0x1234


@pytest.mark.parametrize(
    ("entries", "parameters", "message"),
    [
        (INDIRECT.format("ids"), ALIASED, "needs A, which is not before it"),
        (REF.format("A") + INDIRECT.format("other"), ALIASED, "in the name space other"),
        (
            REF.format("A") + INDIRECT.format("ids"),
            ALIASED.replace('alias="2"', 'alias="1"'),
            "1 names X and Y",
        ),
    ],
)
def test_what_names_no_parameter_is_refused(entries, parameters, message):
    with pytest.raises(xtce.BadDefinition, match=message):
        definition(entries, parameters=parameters)


def test_the_size_of_an_array_alone_as_1_0_has_it():
    kind = (
        '<ArrayParameterType name="list" arrayTypeRef="u8"><DimensionList><Size><DynamicValue>'
        '<ParameterInstanceRef parameterRef="N"/></DynamicValue></Size></DimensionList>'
        "</ArrayParameterType>"
    )
    loaded = definition(
        REF.format("N") + REF.format("L"), kind, '<Parameter name="L" parameterTypeRef="list"/>'
    )
    assert rows(loaded, [b"\x02\x07\x08"]) == [{"N": 2, "L[0]": 7, "L[1]": 8}]


def test_a_polynomial_of_a_crc_term_by_term_as_1_0_has_it():
    terms = "".join(f'<Term coefficient="1" exponent="{n}"/>' for n in (16, 12, 5, 0))
    kind = (
        '<IntegerParameterType name="crc"><IntegerDataEncoding sizeInBits="16">'
        f"<ErrorDetectCorrect><CRC><Polynomial>{terms}</Polynomial>"
        "<InitRemainder>0</InitRemainder></CRC></ErrorDetectCorrect></IntegerDataEncoding>"
        "</IntegerParameterType>"
    )
    loaded = definition(
        REF.format("A") + REF.format("E"), kind, '<Parameter name="E" parameterTypeRef="crc"/>'
    )
    code = binascii.crc_hqx(b"\x42", 0)
    assert rows(loaded, [b"\x42" + code.to_bytes(2)]) == [{"A": 0x42, "E": code}]
    assert "crc is" in loaded.decode([b"\x42\x00\x00"]).refused[0]


def test_what_takes_nothing_of_a_packet_is_not_taken_without_end():
    # Repeated as often as the packet says, and each time back at the start of its container.
    inside = "".join(INSIDE.format(name, place("containerStart", 0)) for name in "BCD")
    held = f'<SequenceContainer name="H"><EntryList>{inside}</EntryList></SequenceContainer>'
    again = (
        '<ContainerRefEntry containerRef="H"><LocationInContainerInBits referenceLocation='
        '"containerStart"><FixedValue>0</FixedValue></LocationInContainerInBits><RepeatEntry>'
        '<Count><DynamicValue><ParameterInstanceRef parameterRef="W"/></DynamicValue></Count>'
        "<Offset><FixedValue>-8</FixedValue></Offset></RepeatEntry></ContainerRefEntry>"
    )
    wide = '<Parameter name="W" parameterTypeRef="u16"/>'
    loaded = definition(REF.format("W") + again, parameters=wide, containers=held)
    decoded = loaded.decode([b"\x00\x02\x07", b"\xff\xff\x07"])
    assert "more than 20384 values" in decoded.refused[1]  # of 24 bits
    assert {table.indices[0] for table in decoded} == {0}


def test_a_container_repeated_very_often_is_read_packet_after_packet():
    inside = "".join(REF.format(name) for name in "ABCD")
    held = f'<SequenceContainer name="H"><EntryList>{inside}</EntryList></SequenceContainer>'
    entry = (
        '<ContainerRefEntry containerRef="H"><RepeatEntry><Count><DynamicValue>'
        '<ParameterInstanceRef parameterRef="W"/></DynamicValue></Count></RepeatEntry>'
        "</ContainerRefEntry>"
    )
    wide = '<Parameter name="W" parameterTypeRef="u16"/>'
    loaded = definition(REF.format("W") + entry, parameters=wide, containers=held)
    packet = struct.pack(">H", 6_000) + bytes(range(4)) * 6_000
    for _ in range(3):
        (found,) = rows(loaded, [packet])
        assert found["D[5999]"] == 3
