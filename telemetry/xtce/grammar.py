"""The XTCE elements and attributes that are understood; every other one is refused by its line.

A definition that is half obeyed gives wrong values that look right, so that nothing is passed over
but what only describes.
"""

from __future__ import annotations

from lxml import etree

from telemetry.xtce.model import Unsupported

_DESCRIBED = {"LongDescription", "AliasSet", "AncillaryDataSet"}
"""Children that say nothing about how to decode; what is inside them is not looked at."""
_OPAQUE = _DESCRIBED | {"Header"}
_NAMED = {"name", "shortDescription"}

_INTEGER_LIKE = {"UnitSet", "IntegerDataEncoding"} | _DESCRIBED
_NUMBER_LIKE = _INTEGER_LIKE | {"FloatDataEncoding"}

ELEMENTS: dict[str, tuple[set[str], set[str]]] = {
    # element: (its attributes, its children)
    "SpaceSystem": (_NAMED | {"operationalStatus"}, {"Header", "TelemetryMetaData"} | _DESCRIBED),
    "TelemetryMetaData": (set(), {"ParameterTypeSet", "ParameterSet", "ContainerSet"}),
    "ParameterTypeSet": (
        set(),
        {
            "IntegerParameterType",
            "FloatParameterType",
            "EnumeratedParameterType",
            "BooleanParameterType",
            "StringParameterType",
            "BinaryParameterType",
            "AbsoluteTimeParameterType",
        },
    ),
    "IntegerParameterType": (_NAMED | {"signed", "sizeInBits"}, _INTEGER_LIKE),
    "FloatParameterType": (_NAMED | {"sizeInBits"}, _NUMBER_LIKE),
    "EnumeratedParameterType": (_NAMED, {"EnumerationList"} | _INTEGER_LIKE),
    "BooleanParameterType": (_NAMED | {"oneStringValue", "zeroStringValue"}, _INTEGER_LIKE),
    "StringParameterType": (_NAMED, {"UnitSet", "StringDataEncoding"} | _DESCRIBED),
    "BinaryParameterType": (_NAMED, {"UnitSet", "BinaryDataEncoding"} | _DESCRIBED),
    "AbsoluteTimeParameterType": (_NAMED, {"Encoding", "ReferenceTime"} | _DESCRIBED),
    "UnitSet": (set(), {"Unit"}),
    "Unit": ({"description", "power", "factor", "form"}, set()),
    "IntegerDataEncoding": (
        {"sizeInBits", "encoding", "byteOrder", "bitOrder"},
        {"DefaultCalibrator"},
    ),
    "FloatDataEncoding": (
        {"sizeInBits", "encoding", "byteOrder", "bitOrder"},
        {"DefaultCalibrator"},
    ),
    "StringDataEncoding": ({"encoding", "bitOrder", "byteOrder"}, {"SizeInBits", "Variable"}),
    "BinaryDataEncoding": ({"bitOrder", "byteOrder"}, {"SizeInBits"}),
    "SizeInBits": (set(), {"Fixed", "FixedValue", "DynamicValue"}),
    "Variable": ({"maxSizeInBits"}, {"DynamicValue"}),
    "Fixed": (set(), {"FixedValue"}),
    "FixedValue": (set(), set()),
    "DynamicValue": (set(), {"ParameterInstanceRef", "LinearAdjustment"}),
    "ParameterInstanceRef": ({"parameterRef", "useCalibratedValue", "instance"}, set()),
    "LinearAdjustment": ({"slope", "intercept"}, set()),
    "EnumerationList": (set(), {"Enumeration"}),
    "Enumeration": ({"value", "maxValue", "label", "shortDescription"}, set()),
    "Encoding": ({"units", "scale", "offset"}, {"IntegerDataEncoding", "FloatDataEncoding"}),
    "ReferenceTime": (set(), {"Epoch", "OffsetFrom"}),
    "Epoch": (set(), set()),
    "OffsetFrom": ({"parameterRef", "useCalibratedValue", "instance"}, set()),
    "DefaultCalibrator": ({"name"}, {"PolynomialCalibrator", "SplineCalibrator"}),
    "PolynomialCalibrator": (set(), {"Term"}),
    "Term": ({"coefficient", "exponent"}, set()),
    "SplineCalibrator": ({"order", "extrapolate"}, {"SplinePoint"}),
    "SplinePoint": ({"raw", "calibrated", "order"}, set()),
    "ParameterSet": (set(), {"Parameter"}),
    "Parameter": (_NAMED | {"parameterTypeRef"}, {"ParameterProperties"} | _DESCRIBED),
    "ParameterProperties": ({"dataSource", "readOnly", "persistence"}, set()),
    "ContainerSet": (set(), {"SequenceContainer"}),
    "SequenceContainer": (
        _NAMED | {"abstract"},
        {"EntryList", "BaseContainer"} | _DESCRIBED,
    ),
    "EntryList": (set(), {"ParameterRefEntry", "ContainerRefEntry"}),
    "ParameterRefEntry": ({"parameterRef", "shortDescription"}, _DESCRIBED),
    "ContainerRefEntry": ({"containerRef", "shortDescription"}, _DESCRIBED),
    "BaseContainer": ({"containerRef"}, {"RestrictionCriteria"}),
    "RestrictionCriteria": (set(), {"Comparison", "ComparisonList"}),
    "ComparisonList": (set(), {"Comparison"}),
    "Comparison": (
        {"parameterRef", "value", "comparisonOperator", "useCalibratedValue", "instance"},
        set(),
    ),
}

VALUES: dict[tuple[str, str], set[str]] = {
    # (element, attribute): the values that are understood, when not all are
    ("IntegerDataEncoding", "bitOrder"): {"mostSignificantBitFirst"},
    ("FloatDataEncoding", "bitOrder"): {"mostSignificantBitFirst"},
    ("StringDataEncoding", "bitOrder"): {"mostSignificantBitFirst"},
    ("StringDataEncoding", "byteOrder"): {"mostSignificantByteFirst"},
    ("BinaryDataEncoding", "bitOrder"): {"mostSignificantBitFirst"},
    ("BinaryDataEncoding", "byteOrder"): {"mostSignificantByteFirst"},
    ("FloatDataEncoding", "encoding"): {"IEEE754", "IEEE754_1985"},
    ("ParameterInstanceRef", "useCalibratedValue"): {"true", "false", "1", "0"},
    ("ParameterInstanceRef", "instance"): {"0"},
    ("OffsetFrom", "instance"): {"0"},
    ("Comparison", "instance"): {"0"},
    ("SplineCalibrator", "order"): {"0", "1"},
}

_XSI = "{http://www.w3.org/2001/XMLSchema-instance}"
_XML = "{http://www.w3.org/XML/1998/namespace}"


def children(element: etree._Element) -> list[etree._Element]:
    """Return the child elements, without comments and processing instructions."""
    return [child for child in element if isinstance(child.tag, str)]


def name(element: etree._Element) -> str:
    """Return the element's name without its namespace."""
    return etree.QName(element).localname


def refuse(element: etree._Element, what: str) -> Unsupported:
    """Return the refusal of something about `element`, with its line."""
    return Unsupported(f"line {element.sourceline}: {name(element)}: {what}")


def check(element: etree._Element, namespace: str | None) -> None:
    """Refuse the first thing in `element` or below that is not understood."""
    attributes, allowed = ELEMENTS[name(element)]
    for key, value in element.attrib.items():
        if key.startswith((_XSI, _XML)):
            continue
        known = VALUES.get((name(element), key))
        if key not in attributes:
            raise refuse(element, f"attribute {key} is not supported")
        if known is not None and value not in known:
            raise refuse(element, f'{key}="{value}" is not supported')
    for child in children(element):
        if etree.QName(child).namespace != namespace or name(child) not in allowed:
            raise refuse(child, f"not supported in {name(element)}")
        if name(child) not in _OPAQUE:
            check(child, namespace)
