"""Encodings and types against bytes worked out by hand from their standards."""

import struct
from datetime import UTC, datetime, timedelta
from xml.sax.saxutils import escape, unescape

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skyfield.api import load

from telemetry import xtce
from telemetry.xtce import bits, leapseconds, packing
from tests.telemetry.xtce.test_decoding import decode, integer
from tests.telemetry.xtce.test_loading import make_definition


def coded(kind, encoding, inner="", name="T0", more=""):
    return f'<{kind}ParameterType name="{name}"{more}>{encoding}{inner}</{kind}ParameterType>'


@pytest.mark.parametrize(
    ("encoding", "packet", "value"),
    [
        ('encoding="BCD" sizeInBits="24"', "010907", 197),
        ('encoding="packedBCD" sizeInBits="16"', "1987", 1987),
        ('encoding="packedBCD" sizeInBits="12"', "9990", 999),
        ('encoding="twosComplement" sizeInBits="12"', "fff0", -1),
        ('encoding="unsigned" sizeInBits="32" byteOrder="1,0,3,2"', "0b0a0d0c", 0x0D0C0B0A),
        (
            'encoding="unsigned" sizeInBits="16" byteOrder="leastSignificantByteFirst"',
            "3412",
            0x1234,
        ),
        ('encoding="unsigned" sizeInBits="8" bitOrder="leastSignificantBitFirst"', "01", 0x80),
        ('encoding="unsigned" sizeInBits="4" bitOrder="leastSignificantBitFirst"', "10", 8),
        ('encoding="unsigned" sizeInBits="16" bitOrder="leastSignificantBitFirst"', "0180", 0x8001),
    ],
)
def test_integers(encoding, packet, value):
    table = decode(coded("Integer", f"<IntegerDataEncoding {encoding}/>"), [bytes.fromhex(packet)])
    assert table.raw["P0"].tolist() == [value]


def test_a_list_of_bytes_as_1_1_has_it():
    order = "".join(f'<Byte byteSignificance="{n}"/>' for n in (0, 1, 3, 2))
    encoding = (
        f'<IntegerDataEncoding sizeInBits="32"><ByteOrderList>{order}</ByteOrderList>'
        "</IntegerDataEncoding>"
    )
    table = decode(coded("Integer", encoding), [bytes.fromhex("0d0c0a0b")])
    assert table.raw["P0"].tolist() == [0x0A0B0C0D]


def test_what_is_no_decimal_digit_costs_its_packet_alone():
    kind = coded("Integer", '<IntegerDataEncoding encoding="packedBCD" sizeInBits="8"/>')
    definition = xtce.load(simple(kind))
    decoded = definition.decode([b"\x12", b"\x1a", b"\x34"])
    (table,) = decoded
    assert (table.indices, table.raw["P0"].tolist()) == ([0, 2], [12, 34])
    assert "P0 has a digit that is no decimal one" in decoded.refused[1]


def simple(types, count=1, containers=""):
    return make_definition(
        types,
        "".join(f'<Parameter name="P{n}" parameterTypeRef="T{n}"/>' for n in range(count)),
        "".join(f'<ParameterRefEntry parameterRef="P{n}"/>' for n in range(count)),
        containers,
    )


MILSTD = [
    # MIL-STD-1750A, Notice 1, table of 4.1.6: the examples of 32 and 48 bits
    ("7fffff7f", 0.9999998807907104 * 2.0**127),
    ("4000007f", 0.5 * 2.0**127),
    ("50000004", 0.625 * 2.0**4),
    ("40000001", 0.5 * 2.0**1),
    ("40000000", 0.5),
    ("400000ff", 0.5 * 2.0**-1),
    ("40000080", 0.5 * 2.0**-128),
    ("00000000", 0.0),
    ("80000000", -1.0),
    ("bfffff80", -0.5000001192092896 * 2.0**-128),
    ("40000000" + "0000", 0.5),
    ("a00000ff" + "0000", -0.75 * 2.0**-1),
]


@pytest.mark.parametrize(("packet", "value"), MILSTD)
def test_floats_of_milstd_1750a(packet, value):
    size = len(packet) * 4
    kind = coded("Float", f'<FloatDataEncoding encoding="MILSTD_1750A" sizeInBits="{size}"/>')
    table = decode(kind, [bytes.fromhex(packet)])
    assert table.values["P0"].tolist() == [value]


@given(st.floats(-1e30, 1e30), st.sampled_from([32, 48]))
def test_milstd_1750a_there_and_back(value, size):
    encoding = xtce.model.Encoding("milstd1750a", size)
    sent = packing.bits_of(encoding, value)
    (read,) = bits.number(encoding, np.array([sent], np.uint64)).tolist()
    assert read == pytest.approx(value, rel=2.0 ** -(22 if size == 32 else 38), abs=1e-38)


TEXTS = [
    ("<SizeInBits><Fixed><FixedValue>48</FixedValue></Fixed></SizeInBits>", b"ab\0\0\0\0", "ab", 6),
    (
        (
            "<SizeInBits><Fixed><FixedValue>48</FixedValue></Fixed>"
            "<TerminationChar>00</TerminationChar></SizeInBits>"
        ),
        *(b"ab\0zzz", "ab", 6),
    ),
    (
        (
            "<SizeInBits><Fixed><FixedValue>48</FixedValue></Fixed>"
            '<LeadingSize sizeInBitsOfSizeTag="8"/></SizeInBits>'
        ),
        *(b"\x18abczz", "abc", 6),
    ),
    ("<SizeInBits><TerminationChar>3B</TerminationChar></SizeInBits>", b"hello;", "hello", 6),
    ('<SizeInBits><LeadingSize sizeInBitsOfSizeTag="16"/></SizeInBits>', b"\0\x20abcd", "abcd", 6),
    (
        '<Variable maxSizeInBits="80"><TerminationChar>00</TerminationChar></Variable>',
        *(b"abcd\0", "abcd", 5),
    ),
]


@pytest.mark.parametrize(("size", "packet", "value", "length"), TEXTS)
def test_texts_and_what_follows_them(size, packet, value, length):
    kind = coded("String", f"<StringDataEncoding>{size}</StringDataEncoding>") + integer(1, 8)
    table = decode(kind, [packet + b"\x2a"])
    assert table.values["P0"] == [value]
    assert table.raw["P1"].tolist() == [42]


@pytest.mark.parametrize("characters", ["UTF-16BE", "UTF-16LE", "UTF-16", "ISO-8859-1", "UTF-32BE"])
def test_characters(characters):
    text = "Zürich"
    sent = text.encode(characters)
    kind = coded(
        "String",
        f'<StringDataEncoding encoding="{characters}"><SizeInBits><Fixed><FixedValue>'
        f"{len(sent) * 8}</FixedValue></Fixed></SizeInBits></StringDataEncoding>",
    )
    assert decode(kind, [sent]).values["P0"] == [text]


def timed(epoch, scale="1", size=32, units="seconds"):
    encoding = (
        f'<Encoding units="{units}" scale="{scale}"><IntegerDataEncoding sizeInBits="{size}"/>'
        f"</Encoding><ReferenceTime><Epoch>{epoch}</Epoch></ReferenceTime>"
    )
    return coded("AbsoluteTime", encoding)


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def instant(table):
    return EPOCH + timedelta(microseconds=int(table.values["P0"][0]) // 1000)


@pytest.mark.parametrize(
    ("epoch", "count", "at"),
    [
        # A billion seconds of GPS time were reached in 2011, 15 leap seconds after 1980.
        ("GPS", 1_000_000_000, datetime(2011, 9, 14, 1, 46, 25, tzinfo=UTC)),
        # On 2017-01-01 TAI was 37 s ahead: 59 years and 14 leap days after 1958.
        ("TAI", 59 * 31_536_000 + 15 * 86_400 + 37, datetime(2017, 1, 1, tzinfo=UTC)),
        ("UNIX", 1_483_228_800, datetime(2017, 1, 1, tzinfo=UTC)),
        ("2000-01-01T12:00:00Z", 60, datetime(2000, 1, 1, 12, 1, tzinfo=UTC)),
        ("2000-01-01", 60, datetime(2000, 1, 1, 0, 1, tzinfo=UTC)),
    ],
)
def test_epochs(epoch, count, at):
    assert instant(decode(timed(epoch), [struct.pack(">I", count)])) == at


@pytest.mark.parametrize(
    ("epoch", "scale", "count", "ns"),
    [
        # The ticks of .NET: 100 ns since the year 1, exact to the last one.
        ("0001-01-01T00:00:00Z", "0.0000001", 639_231_264_000_000_001, 1_787_529_600 * 10**9 + 100),
        # What int64 does not hold (1677 to 2262) stops at its ends, and comes round nowhere.
        ("0001-01-01T00:00:00Z", "1", 0, -(2**63)),
        ("9999-12-31T23:59:59Z", "1", 0, 2**63 - 1),
        ("2000-01-01T00:00:00Z", "1", 2**63, 2**63 - 1),
        ("2000-01-01T00:00:00Z", "-1", 2**63, -(2**63)),
    ],
)
def test_instants_far_away_are_exact_or_stop_at_the_ends(epoch, scale, count, ns):
    table = decode(timed(epoch, scale, 64), [struct.pack(">Q", count)])
    assert table.values["P0"].tolist() == [ns]


def test_units_have_their_powers_and_factors():
    units = '<Unit>kg</Unit><Unit power="2" factor="1000">m</Unit><Unit power="-3.0">s</Unit>'
    kind = integer(0, 8).replace("<IntegerData", f"<UnitSet>{units}</UnitSet><IntegerData", 1)
    data = make_definition(
        kind,
        '<Parameter name="P0" parameterTypeRef="T0"/>',
        '<ParameterRefEntry parameterRef="P0"/>',
    )
    assert xtce.load(data).parameters["P0"].type.unit == "kg 1000 m^2 s^-3.0"


def test_a_time_that_counts_from_another_stops_at_the_ends():
    far = timed("2000-01-01T00:00:00Z", "1", 64)
    late = far.replace('"T0"', '"T1"').replace(
        "<Epoch>2000-01-01T00:00:00Z</Epoch>", '<OffsetFrom parameterRef="P0"/>'
    )
    table = decode(far + late, [struct.pack(">QQ", 9 * 10**9, 9 * 10**9)])
    assert table.values["P1"].tolist() == [2**63 - 1]


def test_a_time_that_counts_from_what_is_no_time_is_refused():
    late = timed("x").replace('"T0"', '"T1"')
    late = late.replace("<Epoch>x</Epoch>", '<OffsetFrom parameterRef="P0"/>')
    with pytest.raises(xtce.BadDefinition, match="P0 is integer, and no time"):
        decode(integer(0, 32) + late, [bytes(8)])


def test_a_calculation_with_what_is_no_number_is_refused():
    words = "<StringDataEncoding><SizeInBits><Fixed><FixedValue>8</FixedValue></Fixed></SizeInBits>"
    words = coded("String", words + "</StringDataEncoding>")
    sum_of = '<ParameterInstanceRefOperand parameterRef="P0"/><Operator>+</Operator>'
    way = f"<MathOperationCalibrator><ThisParameterOperand/>{sum_of}</MathOperationCalibrator>"
    own = integer(1, 8, inner=f"<DefaultCalibrator>{way}</DefaultCalibrator>")
    with pytest.raises(xtce.BadDefinition, match="P0 is string, and no number"):
        decode(words + own, [b"ab"])


def test_leap_seconds_are_those_of_skyfield():
    scale = load.timescale(builtin=True)
    table = dict(zip(scale.leap_dates, scale.leap_offsets, strict=True))
    days = {2_440_587.5 + utc / 86_400: ahead for utc, ahead in leapseconds._TABLE}
    assert {day: ahead for day, ahead in table.items() if day >= 2_441_499.5} == days


def test_fractions_of_seconds_are_exact_to_the_rounding():
    # CCSDS unsegmented time: 4 bytes of seconds, 2 of fractions (301.0-B-4, 3.2).
    table = decode(timed("UNIX", scale="0.0000152587890625", size=48), [b"\x65\0\0\0\x80\x01"])
    assert table.values["P0"].tolist() == [0x65000000 * 10**9 + 500_015_259]


def test_durations():
    kind = coded(
        "RelativeTime", '<Encoding scale="0.001"><IntegerDataEncoding sizeInBits="16"/></Encoding>'
    )
    assert decode(kind, [struct.pack(">H", 1500)]).values["P0"].tolist() == [1_500_000_000]


POINTS = [(0, 0), (1, 1), (2, 8), (3, 27), (4, 64), (6, 216)]


@pytest.mark.parametrize(("order", "tolerance"), [(3, 1e-9), (4, 1e-9), (5, 1e-9)])
def test_a_spline_of_a_high_order_follows_its_polynomial(order, tolerance):
    points = "".join(f"<SplinePoint raw='{x}' calibrated='{y}'/>" for x, y in POINTS)
    inner = (
        f'<DefaultCalibrator><SplineCalibrator order="{order}">{points}</SplineCalibrator>'
        "</DefaultCalibrator>"
    )
    kind = coded("Float", f'<FloatDataEncoding sizeInBits="64">{inner}</FloatDataEncoding>')
    raws = [0.0, 0.5, 1.7, 2.2, 3.9, 5.0, 6.0]
    table = decode(kind, [struct.pack(">d", raw) for raw in raws])
    assert table.values["P0"].tolist() == pytest.approx([raw**3 for raw in raws], abs=tolerance)


@pytest.mark.parametrize(
    ("steps", "raw", "value"),
    [
        ("this 2 *", 21, 42),
        ("this 2 ^", 3, 9),
        ("2 this y^x", 3, 9),
        ("this ln", 1, 0),
        ("this 3 swap -", 1, 2),
        ("this dup *", 5, 25),
        ("1 this over + +", 5, 7),
        ("this 4 drop", 5, 5),
        ("this x!", 5, 120),
        ("this 3 %", 7, 1),
        ("this 2 div", 7, 3),
        ("this 3 min 9 max", 7, 9),
        ("this 1 << 8 |", 3, 14),
        ("this 4 &gt;", 5, 1),
        ("this 5 == 0 ||", 5, 1),
        ("this 1 atan2", 1, np.pi / 4),
        ("this 0 /", 5, np.inf),
    ],
)
def test_calculations(steps, raw, value):
    parts = ""
    for step in steps.split():
        if step == "this":
            parts += "<ThisParameterOperand/>"
        elif step.lstrip("-").isdigit():
            parts += f"<ValueOperand>{step}</ValueOperand>"
        else:
            parts += f"<Operator>{escape(unescape(step))}</Operator>"
    inner = (
        f"<DefaultCalibrator><MathOperationCalibrator>{parts}</MathOperationCalibrator>"
        "</DefaultCalibrator>"
    )
    kind = coded("Float", f'<IntegerDataEncoding sizeInBits="8">{inner}</IntegerDataEncoding>')
    assert decode(kind, [bytes([raw])]).values["P0"].tolist() == pytest.approx([value])


def test_a_context_chooses_the_calibrator():
    def line(slope):
        term = f'<Term coefficient="{slope}" exponent="1"/>'
        return f"<PolynomialCalibrator>{term}</PolynomialCalibrator>"

    contexts = "".join(
        f'<ContextCalibrator><ContextMatch><Comparison parameterRef="P0" value="{mode}"/>'
        f"</ContextMatch><Calibrator>{line(slope)}</Calibrator></ContextCalibrator>"
        for mode, slope in ((1, 10), (2, 100))
    )
    inner = (
        f"<DefaultCalibrator>{line(2)}</DefaultCalibrator>"
        f"<ContextCalibratorList>{contexts}</ContextCalibratorList>"
    )
    kinds = integer(0, 8) + coded(
        "Float", f'<IntegerDataEncoding sizeInBits="8">{inner}</IntegerDataEncoding>', name="T1"
    )
    table = decode(kinds, [bytes([mode, 3]) for mode in (0, 1, 2, 3)])
    assert table.values["P1"].tolist() == [6, 30, 300, 6]


def test_a_type_is_derived_from_another():
    base = integer(0, 8, inner="")
    unit = "<UnitSet><Unit>V</Unit></UnitSet>"
    derived = f'<IntegerParameterType name="T1" baseType="T0">{unit}</IntegerParameterType>'
    definition = xtce.load(simple(base + derived, 2))
    (table,) = definition.decode([b"\x01\x02"])
    assert table.raw["P1"].tolist() == [2]
    assert definition.parameters["P1"].type.unit == "V"


def in_text(kind, size=48, more="", inner=""):
    return coded(
        kind,
        f"<StringDataEncoding><SizeInBits><Fixed><FixedValue>{size}</FixedValue></Fixed>"
        "<TerminationChar>20</TerminationChar></SizeInBits></StringDataEncoding>",
        inner,
        more=more,
    )


LABELS = (
    '<EnumerationList><Enumeration value="1" label="ON"/><Enumeration value="2" label="OFF"/>'
    "</EnumerationList>"
)


@pytest.mark.parametrize(
    ("kind", "packets", "raw", "values"),
    [
        (in_text("Integer"), [b"-12   ", b"000777", b"0x1F  "], [-12, 777, 31], [-12, 777, 31]),
        (in_text("Float"), [b"-12.5 ", b"1e3   "], [-12.5, 1000.0], [-12.5, 1000.0]),
        (in_text("Boolean"), [b"True  ", b"0     "], [1, 0], [True, False]),
        (
            in_text("Boolean", more=' oneStringValue="yes!" zeroStringValue="nooo"'),
            [b"yes!  ", b"nooo  "],
            [1, 0],
            [True, False],
        ),
        (in_text("Enumerated", inner=LABELS), [b"2     ", b"9     "], [2, 9], ["OFF", None]),
    ],
)
def test_numbers_written_as_text(kind, packets, raw, values):
    table = decode(kind, packets)
    assert table.raw["P0"].tolist() == raw
    assert table.values["P0"].tolist() == values


def test_a_text_that_is_no_number_costs_its_packet_alone():
    decoded = xtce.load(simple(in_text("Integer"))).decode([b"12    ", b"twelve", b"13    "])
    (table,) = decoded
    assert table.raw["P0"].tolist() == [12, 13]
    assert "P0 is a text that is no integer" in decoded.refused[1]


def test_a_number_in_text_chooses_a_container():
    inside = (
        '<SequenceContainer name="D"><EntryList/><BaseContainer containerRef="C">'
        '<RestrictionCriteria><Comparison parameterRef="P0" value="12"/></RestrictionCriteria>'
        "</BaseContainer></SequenceContainer>"
    )
    loaded = xtce.load(simple(in_text("Integer"), containers=inside))
    assert [loaded.container_of(each) for each in (b"12    ", b"13    ")] == ["D", "C"]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (in_text("Integer"), -12),
        (in_text("Float"), 2.5),
        (in_text("Boolean"), True),
        (in_text("Enumerated", inner=LABELS), "OFF"),
    ],
)
def test_numbers_are_written_as_text_into_commands(kind, value):
    loaded = xtce.load(simple(kind))
    read = loaded.parameters["P0"].type
    sent, size = packing.octets_of(read.encoding, packing.raw_of(read, value), 48)
    (table,) = loaded.decode([sent.to_bytes(size // 8)])
    assert table.values["P0"].tolist() == [value]


PLAIN = (
    "<BinaryDataEncoding><SizeInBits><FixedValue>{}</FixedValue></SizeInBits></BinaryDataEncoding>"
)


def test_texts_and_numbers_in_plain_bits():
    table = decode(coded("String", PLAIN.format(40)), [b"hello", b"h\xc3\xa9lo"])
    assert list(table.values["P0"]) == ["hello", "h\u00e9lo"]
    table = decode(coded("Integer", PLAIN.format(24)), [b"\x01\x02\x03"])
    assert table.raw["P0"].tolist() == [0x010203]
    with pytest.raises(xtce.Unsupported, match="a number of bits other than 1 to 64"):
        xtce.load(simple(coded("Integer", PLAIN.format(72))))


def test_a_text_of_a_command_matches_its_pattern():
    kind = coded(
        "String",
        "<StringDataEncoding><SizeInBits><Fixed><FixedValue>32</FixedValue></Fixed></SizeInBits>"
        "</StringDataEncoding>",
        more=' restrictionPattern="[A-Z]+[0-9]?"',
    )
    read = xtce.load(simple(kind)).parameters["P0"].type
    assert packing.raw_of(read, "AB1") == b"AB1"
    with pytest.raises(packing.BadValue, match="does not match"):
        packing.raw_of(read, "AB12")
    with pytest.raises(xtce.BadDefinition, match="restrictionPattern="):
        xtce.load(simple(kind.replace("[A-Z]+", "(")))
