"""Each encoding and calibrator against Python's own arithmetic on the same bits."""

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry import xtce
from telemetry.xtce import bits
from tests.telemetry.xtce.test_loading import make_definition


def decode(types, packets):
    """Decode packets of parameters P0, P1, ... of types T0, T1, ..."""
    count = types.count(' name="T')
    definition = xtce.load(
        make_definition(
            types,
            "".join(f'<Parameter name="P{n}" parameterTypeRef="T{n}"/>' for n in range(count)),
            "".join(f'<ParameterRefEntry parameterRef="P{n}"/>' for n in range(count)),
        )
    )
    decoded = definition.decode(packets)
    assert decoded.refused == {}
    (table,) = decoded
    return table


def integer(number, size, encoding="unsigned", inner="", order="most", kind="Integer"):
    return (
        f'<{kind}ParameterType name="T{number}"><IntegerDataEncoding sizeInBits="{size}" '
        f'encoding="{encoding}" byteOrder="{order}SignificantByteFirst">{inner}'
        f"</IntegerDataEncoding></{kind}ParameterType>"
    )


sizes = st.integers(1, 64)


@given(st.lists(st.tuples(sizes, st.randoms(use_true_random=False)), min_size=1, max_size=8))
def test_unsigned_integers_of_any_size_lie_anywhere(fields):
    rows = [[random.getrandbits(size) for size, random in fields] for _ in range(3)]
    widths = [size for size, _ in fields]
    packets = []
    for row in rows:
        text = "".join(f"{value:0{size}b}" for value, size in zip(row, widths, strict=True))
        text += "1" * (-len(text) % 8)
        packets.append(int(text, 2).to_bytes(len(text) // 8))

    table = decode("".join(integer(n, size) for n, size in enumerate(widths)), packets)

    for n in range(len(widths)):
        assert table.raw[f"P{n}"].tolist() == [row[n] for row in rows]


def signed_value(form, pattern, size):
    """What the standard says a pattern of bits means, spelled out."""
    top = pattern >> (size - 1)
    rest = pattern & ((1 << (size - 1)) - 1)
    if form == "twosComplement":
        return pattern - (1 << size) * top
    if form == "signMagnitude":
        return -rest if top else rest
    return -(~pattern & ((1 << size) - 1)) if top else pattern


@given(
    form=st.sampled_from(["twosComplement", "signMagnitude", "onesComplement"]),
    size=st.integers(2, 64),
    pattern=st.integers(0, 2**64 - 1),
)
def test_signed_integers(form, size, pattern):
    pattern &= (1 << size) - 1
    packet = (pattern << (64 - size)).to_bytes(8)
    table = decode(integer(0, size, form), [packet])
    assert table.raw["P0"].tolist() == [signed_value(form, pattern, size)]


@pytest.mark.parametrize("size", [16, 24, 32, 40, 64])
def test_integers_with_the_least_significant_byte_first(size):
    packet = bytes(range(1, size // 8 + 1))
    table = decode(integer(0, size, order="least"), [packet])
    assert table.raw["P0"].tolist() == [int.from_bytes(packet, "little")]


@pytest.mark.parametrize(("size", "code"), [(16, "e"), (32, "f"), (64, "d")])
@pytest.mark.parametrize(("order", "sign"), [("most", ">"), ("least", "<")])
def test_floats(size, code, order, sign):
    values = [0.0, -1.5, 3.14159, math.inf, -0.0]
    kind = (
        f'<FloatParameterType name="T0"><FloatDataEncoding sizeInBits="{size}" '
        f'byteOrder="{order}SignificantByteFirst"/></FloatParameterType>'
    )
    packets = [struct.pack(sign + code, value) for value in values]
    table = decode(kind, packets)
    assert table.values["P0"].tolist() == [
        struct.unpack(sign + code, packet)[0] for packet in packets
    ]


def calibrated(inner):
    return integer(0, 16, "twosComplement", f"<DefaultCalibrator>{inner}</DefaultCalibrator>")


def test_a_polynomial():
    table = decode(
        calibrated(
            "<PolynomialCalibrator><Term coefficient='2' exponent='0'/>"
            "<Term coefficient='0.5' exponent='1'/><Term coefficient='-1' exponent='2'/>"
            "</PolynomialCalibrator>"
        ),
        [struct.pack(">h", raw) for raw in (-3, 0, 7)],
    )
    assert table.values["P0"].tolist() == [2 - 1.5 - 9, 2.0, 2 + 3.5 - 49]
    assert table.raw["P0"].tolist() == [-3, 0, 7]


def test_a_polynomial_beyond_what_a_float_holds_is_infinite():
    term = "<Term coefficient='1e308' exponent='3'/>"
    table = decode(
        calibrated(f"<PolynomialCalibrator>{term}</PolynomialCalibrator>"),
        [struct.pack(">h", raw) for raw in (0, 2, -2)],
    )
    assert table.values["P0"].tolist() == [0.0, math.inf, -math.inf]


@pytest.mark.parametrize(
    ("order", "extrapolates", "expected"),
    [
        (0, "true", [10, 10, 10, 20, 40, 40]),
        (0, "false", [None, 10, 10, 20, 40, None]),
        (1, "true", [0, 10, 15, 20, 40, 50]),
        (1, "false", [None, 10, 15, 20, 40, None]),
    ],
)
def test_a_spline(order, extrapolates, expected):
    points = "".join(
        f"<SplinePoint raw='{raw}' calibrated='{value}'/>"
        for raw, value in [(20, 20), (0, 10), (40, 40)]
    )
    table = decode(
        calibrated(
            f"<SplineCalibrator order='{order}' extrapolate='{extrapolates}'>{points}"
            "</SplineCalibrator>"
        ),
        [struct.pack(">h", raw) for raw in (-20, 0, 10, 20, 40, 50)],
    )
    shown = [None if math.isnan(value) else value for value in table.values["P0"]]
    assert shown == expected


def test_enumerations_have_ranges_and_values_without_a_label():
    kind = integer(0, 8, kind="Enumerated").replace(
        "</Enum",
        "<EnumerationList><Enumeration value='1' label='ONE'/>"
        "<Enumeration value='5' maxValue='7' label='SOME'/></EnumerationList></Enum",
    )
    table = decode(kind, [bytes([n]) for n in (1, 4, 5, 7, 8)])
    assert table.values["P0"].tolist() == ["ONE", None, "SOME", "SOME", None]


def test_booleans():
    table = decode(integer(0, 8, kind="Boolean"), [b"\0", b"\1"])
    assert table.values["P0"].tolist() == [False, True]


TEXT = (
    integer(0, 8)
    + "<StringParameterType name='T1'><StringDataEncoding><Variable maxSizeInBits='2040'>"
    "<DynamicValue><ParameterInstanceRef parameterRef='P0'/><LinearAdjustment slope='8'/>"
    "</DynamicValue></Variable></StringDataEncoding></StringParameterType>".replace("'T1'", '"T1"')
    + integer(2, 16)
)


@given(st.lists(st.text(max_size=20).filter(lambda text: not text.endswith("\0")), max_size=5))
def test_texts_of_varying_length_and_what_follows_them(texts):
    texts.append("always one")
    packets = []
    for number, text in enumerate(texts):
        body = text.encode()
        packets.append(bytes([len(body)]) + body + struct.pack(">H", number))
    table = decode(TEXT, packets)
    assert table.values["P1"] == texts
    assert table.raw["P2"].tolist() == list(range(len(texts)))


def test_fixed_strings_and_binaries_between_bits():
    kinds = (
        integer(0, 4)
        + '<StringParameterType name="T1"><StringDataEncoding><SizeInBits><Fixed><FixedValue>32'
        "</FixedValue></Fixed></SizeInBits></StringDataEncoding></StringParameterType>"
        '<BinaryParameterType name="T2"><BinaryDataEncoding><SizeInBits><FixedValue>16'
        "</FixedValue></SizeInBits></BinaryDataEncoding></BinaryParameterType>"
    )
    packet = bytes.fromhex("f" + b"ab\0\0".hex() + "1234" + "f")
    table = decode(kinds, [packet])
    assert table.values["P1"] == ["ab"]
    assert table.raw["P1"] == [b"ab\0\0"]
    assert table.values["P2"] == [b"\x12\x34"]


def test_a_time_of_day_counts_from_its_day():
    kinds = (
        '<AbsoluteTimeParameterType name="T0"><Encoding units="days"><IntegerDataEncoding '
        'sizeInBits="16"/></Encoding><ReferenceTime><Epoch>1958-01-01T00:00:00Z</Epoch>'
        '</ReferenceTime></AbsoluteTimeParameterType><AbsoluteTimeParameterType name="T1">'
        '<Encoding scale="0.001"><IntegerDataEncoding sizeInBits="32"/></Encoding>'
        '<ReferenceTime><OffsetFrom parameterRef="P0"/></ReferenceTime>'
        "</AbsoluteTimeParameterType>"
    )
    table = decode(kinds, [struct.pack(">HI", 4383, 86_399_999)])
    assert table.values["P1"].tolist() == [86_399_999 * 10**6]


def test_a_packet_cut_short_is_named_and_costs_no_other():
    definition = xtce.load(
        make_definition(
            TEXT,
            "".join(f'<Parameter name="P{n}" parameterTypeRef="T{n}"/>' for n in range(3)),
            "".join(f'<ParameterRefEntry parameterRef="P{n}"/>' for n in range(3)),
        )
    )
    decoded = definition.decode([b"\x01a\0\0", b"\x09a\0\0", b""])
    assert [table.indices for table in decoded] == [[0]]
    assert sorted(decoded.refused) == [1, 2]


def test_a_packet_longer_than_its_container_is_read_and_a_shorter_one_is_not():
    packets = [b"\x01", b"\x02more", b"", b"\x03!"]
    decoded = xtce.load(make_definition()).decode(packets)
    (table,) = decoded
    assert table.indices == [0, 1, 3]
    assert table.raw["A"].tolist() == [1, 2, 3]
    assert decoded.refused == {2: "0 bytes are too few for C"}


@given(st.lists(st.binary(max_size=12), max_size=6))
def test_noise_never_crashes_the_decoder(packets):
    definition = xtce.load(
        make_definition(
            TEXT,
            "".join(f'<Parameter name="P{n}" parameterTypeRef="T{n}"/>' for n in range(3)),
            "".join(f'<ParameterRefEntry parameterRef="P{n}"/>' for n in range(3)),
        )
    )
    decoded = definition.decode(packets)
    rows = sum(len(table.indices) for table in decoded)
    assert rows + len(decoded.refused) == len(packets)


def test_a_field_over_nine_bytes():
    row = bytes.fromhex("0123456789abcdef01")
    assert bits.read(row + bytes(8), 1, 9, 4, 64).tolist() == [0x123456789ABCDEF0]
    assert (
        bits.read(row * 2 + bytes(8), 2, 9, 7, 60).tolist()
        == [int.from_bytes(row) >> 5 & (1 << 60) - 1] * 2
    )
