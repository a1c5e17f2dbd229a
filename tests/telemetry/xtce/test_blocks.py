"""Fields read together are what they are one by one."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry import xtce
from telemetry.xtce import memory
from tests.telemetry.xtce.test_loading import make_definition

FORMS = ["unsigned", "twosComplement"]


def laid_out(fields):
    """A definition of fields (size, form, coefficients), one behind the other."""
    types = "".join(
        f'<{"Float" if terms else "Integer"}ParameterType name="T{n}"><IntegerDataEncoding '
        f'sizeInBits="{size}" encoding="{form}">{curve(terms)}</IntegerDataEncoding>'
        f"</{'Float' if terms else 'Integer'}ParameterType>"
        for n, (size, form, terms) in enumerate(fields)
    )
    names = "".join(f'<Parameter name="P{n}" parameterTypeRef="T{n}"/>' for n in range(len(fields)))
    entries = "".join(f'<ParameterRefEntry parameterRef="P{n}"/>' for n in range(len(fields)))
    return xtce.load(make_definition(types, names, entries))


def curve(terms):
    written = "".join(f'<Term coefficient="{c!r}" exponent="{n}"/>' for n, c in enumerate(terms))
    if not terms:
        return ""
    return (
        f"<DefaultCalibrator><PolynomialCalibrator>{written}</PolynomialCalibrator>"
        "</DefaultCalibrator>"
    )


def expected(packet, at, size, form):
    bits = int.from_bytes(packet) >> (len(packet) * 8 - at - size) & ((1 << size) - 1)
    return bits - (1 << size) if form == "twosComplement" and bits >> (size - 1) else bits


FIELD = st.tuples(
    st.integers(1, 64),
    st.sampled_from(FORMS),
    st.one_of(st.just(()), st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=4).map(tuple)),
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(FIELD, min_size=1, max_size=30),
    st.sampled_from([1, 2, 40, 1_500]),
    st.booleans(),
    st.integers(0, 2**32),
)
def test_values_are_those_of_the_bits_one_by_one(fields, count, is_longer, seed):
    loaded = laid_out(fields)
    draw = random.Random(seed)
    size = -(-sum(size for size, _, _ in fields) // 8)
    packets = [draw.randbytes(size) for _ in range(count)]
    if is_longer:  # of several lengths, as more may lie behind a container
        packets = [each + bytes(draw.randrange(3)) for each in packets]
    (table,) = loaded.decode(packets)
    at = 0
    for n, (bits, form, terms) in enumerate(fields):
        raw = [expected(packet[:size], at, bits, form) for packet in packets]
        assert table.raw[f"P{n}"].tolist() == raw
        if terms:
            x = np.array(raw, np.float64)
            value = 0.0 + np.full(count, terms[0])
            for exponent, coefficient in enumerate(terms[1:], 1):
                value = value + coefficient * (x if exponent == 1 else x**exponent)
            assert table.values[f"P{n}"].tolist() == value.tolist()
        else:
            assert table.values[f"P{n}"].tolist() == raw
        at += bits


def test_columns_that_are_kept_do_not_change_when_others_are_read():
    loaded = laid_out([(16, "unsigned", ())] * 12)
    first = loaded.decode([bytes([1]) * 24] * 2_000).tables[0].raw["P3"]
    before = first.copy()
    for number in range(5):
        loaded.decode([bytes([number]) * 24] * 2_000)
    assert (first == before).all()


def test_memory_is_lent_again_once_nobody_looks_at_it():
    lent = memory.numbers(3, 100_000)
    place = lent.ctypes.data
    row = lent[1]
    del lent
    assert memory.numbers(3, 100_000).ctypes.data != place
    del row
    again = [memory.numbers(3, 100_000) for _ in range(2)]
    assert place in [each.ctypes.data for each in again]


@pytest.mark.parametrize("count", [1, 2_000])
def test_a_field_up_to_the_last_byte_of_the_last_packet_is_read(count):
    loaded = laid_out([(5, "unsigned", ()), (59, "twosComplement", ())])
    (table,) = loaded.decode([b"\xff" * 8] * count)
    assert table.raw["P0"].tolist() == [31] * count
    assert table.raw["P1"].tolist() == [-1] * count
