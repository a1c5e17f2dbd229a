"""Values that mean nothing are decoded like all others, and marked."""

import math

from telemetry import xtce
from telemetry.xtce import validity
from tests.telemetry.xtce.test_loading import make_definition

TYPES = """<IntegerParameterType name="u8"><IntegerDataEncoding sizeInBits="8"/>
<ValidRange minInclusive="10" maxExclusive="20"/></IntegerParameterType>
<FloatParameterType name="half"><IntegerDataEncoding sizeInBits="8"><DefaultCalibrator>
<PolynomialCalibrator><Term coefficient="0.5" exponent="1"/></PolynomialCalibrator>
</DefaultCalibrator></IntegerDataEncoding><ValidRangeSet validRangeAppliesToCalibrated="false">
<ValidRange maxInclusive="3"/><ValidRange minInclusive="8"/></ValidRangeSet></FloatParameterType>
<BooleanParameterType name="switch"><IntegerDataEncoding sizeInBits="8"/></BooleanParameterType>"""
PARAMETERS = """<Parameter name="A" parameterTypeRef="u8"/>
<Parameter name="H" parameterTypeRef="half"><ParameterProperties><ValidityCondition>
<Comparison parameterRef="ON" value="True"/></ValidityCondition></ParameterProperties></Parameter>
<Parameter name="ON" parameterTypeRef="switch"/>"""
ENTRIES = "".join(f'<ParameterRefEntry parameterRef="{name}"/>' for name in ("A", "H", "ON"))


WRITTEN = make_definition(TYPES, PARAMETERS, ENTRIES)


def loaded():
    return xtce.load(WRITTEN)


def test_values_are_marked_by_range_and_by_condition_and_kept():
    packets = [bytes(each) for each in ([10, 3, 1], [9, 4, 1], [20, 8, 0], [15, 2, 1])]
    (table,) = loaded().decode(packets)
    assert table.raw["A"].tolist() == [10, 9, 20, 15]
    assert table.invalid["A"].tolist() == [False, True, True, False]
    # 4 lies in no range of raw values; with 8 the condition does not hold.
    assert table.values["H"].tolist() == [1.5, 2.0, 4.0, 1.0]
    assert table.invalid["H"].tolist() == [False, True, True, False]
    assert "ON" not in table.invalid


def test_a_column_without_an_invalid_value_has_no_marks():
    (table,) = loaded().decode([bytes([10, 3, 1])])
    assert table.invalid == {}


def test_one_value_says_why_it_means_nothing():
    definition = loaded()
    parameters, state = definition.parameters, {"ON": True}

    def why(name, raw, value):
        def get(reference):
            return state.get(reference.name)

        return validity.why(parameters[name], raw, value, get, definition.type_of)

    assert why("A", 10, 10) == ""
    assert why("A", 20, 20) == "is not from 10 to under 20"
    assert why("A", math.nan, math.nan) == "is not from 10 to under 20"
    assert why("H", 3, 1.5) == ""
    state["ON"] = False
    assert why("H", 3, 1.5) == "the condition on ON does not hold"
    state.clear()
    assert why("H", 3, 1.5) == "the condition on ON does not hold"
