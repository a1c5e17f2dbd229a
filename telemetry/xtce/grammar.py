"""The XTCE elements and attributes that are understood; every other one is refused by its line.

A definition that is half obeyed gives wrong values that look right, so that nothing is passed over
but what only describes. The table knows the elements of 1.0 to 1.3; what an element may hold in
one place and not in another is refused where it is read.
"""

from __future__ import annotations

from collections.abc import Iterator

from telemetry.xtce.model import Unsupported
from telemetry.xtce.xml import Node

MOST_TOLD = 100

_DESCRIBED = {"LongDescription", "ShortDescription", "AliasSet", "AncillaryDataSet"}
"""Children that say nothing about how to decode; what is inside them is not looked at. The standard
has the short description as an attribute; missions write it as an element all the same."""
_OPAQUE = _DESCRIBED | {"Header", "ToString", "PhysicalAddressSet", "SystemName", "Unit"}
_NAMED = {"name", "shortDescription"}
_SIZED = {"initialValue", "sizeInBits"}
_KINDS = ("Integer", "Float", "Enumerated", "Boolean", "String", "Binary", "RelativeTime")
_ORDERED = {"bitOrder", "byteOrder"}
_ENCODED = {"ErrorDetectCorrect", "ByteOrderList"}
_CALIBRATED = {"DefaultCalibrator", "ContextCalibratorList"}
_MATCH = {"Comparison", "ComparisonList", "BooleanExpression"}
_AMOUNT = {"FixedValue", "DynamicValue", "DiscreteLookupList"}
_INSTANCE = {"parameterRef", "argumentRef", "useCalibratedValue", "instance"}
_RANGE = {"minInclusive", "maxInclusive", "minExclusive", "maxExclusive"}
_ALARM = {"minViolations", "minConformance", "name", "shortDescription", "disabled"}
_ALARMED = {"DefaultAlarm", "ContextAlarmList", "BinaryContextAlarmList"}
_ALARM_PARTS = {
    *("StaticAlarmRanges", "ChangeAlarmRanges", "AlarmMultiRanges", "ChangePerSecondAlarmRanges"),
    *("EnumerationAlarmList", "StringAlarmList", "AlarmConditions", "AncillaryDataSet"),
}
_LEVELS = ("Watch", "Warning", "Distress", "Critical", "Severe")
_ENCODINGS = {
    *("IntegerDataEncoding", "FloatDataEncoding", "StringDataEncoding", "BinaryDataEncoding")
}
_ENTRY = {
    *("LocationInContainerInBits", "RepeatEntry", "IncludeCondition"),
    *("LongDescription", "AncillaryDataSet"),
}
_TYPE = _NAMED | {"baseType", "initialValue"}
_TYPED = {"UnitSet"} | _DESCRIBED | _ENCODINGS | _ALARMED
_VERIFIED = _MATCH | {"ContainerRef", "ParameterValueChange", "CheckWindow"} | _DESCRIBED
_VERIFIED |= {"ArgumentRestrictionList"}
_STAGES = (
    *("TransferredToRange", "SentFromRange", "Received", "Accepted", "Queued", "Execution"),
    *("Complete", "Failed"),
)
_TYPES = [*_KINDS, "AbsoluteTime", "Array", "Aggregate"]
_CODE = {"bitsFromReference", "reference", "parameterRef"}

ELEMENTS: dict[str, tuple[set[str], set[str]]] = {
    # element: (its attributes, its children)
    "SpaceSystem": (
        _NAMED | {"operationalStatus", "systemType", "assetType"},
        {"Header", "TelemetryMetaData", "CommandMetaData", "SpaceSystem", "include"} | _DESCRIBED,
    ),
    "TelemetryMetaData": (
        set(),
        {"ParameterTypeSet", "ParameterSet", "ContainerSet", "AlgorithmSet"},
    ),
    "CommandMetaData": (
        set(),
        {
            *("ParameterTypeSet", "ParameterSet", "ArgumentTypeSet", "MetaCommandSet"),
            *("CommandContainerSet", "AlgorithmSet"),
        },
    ),
    "ParameterTypeSet": (set(), {f"{kind}ParameterType" for kind in _TYPES}),
    "ArgumentTypeSet": (
        set(),
        # 1.0 to 1.2 have a misspelling in the standard itself.
        {f"{kind}ArgumentType" for kind in _TYPES} | {"RelativeTimeAgumentType"},
    ),
    "UnitSet": (set(), {"Unit"}),
    "ValidRange": (
        _RANGE | {"validRangeAppliesToCalibrated", "rangeAppliesToCalibrated"},
        set(),
    ),
    "ValidRangeSet": ({"validRangeAppliesToCalibrated"}, {"ValidRange"}),
    "SizeRangeInCharacters": ({"minInclusive", "maxInclusive"}, set()),
    # --- Encodings
    "IntegerDataEncoding": (
        {"sizeInBits", "encoding", "changeThreshold"} | _ORDERED,
        _CALIBRATED | _ENCODED,
    ),
    "FloatDataEncoding": (
        {"sizeInBits", "encoding", "changeThreshold"} | _ORDERED,
        _CALIBRATED | _ENCODED,
    ),
    "StringDataEncoding": ({"encoding"} | _ORDERED, {"SizeInBits", "Variable"} | _ENCODED),
    "BinaryDataEncoding": (_ORDERED, {"SizeInBits"} | _ENCODED),
    "BinaryEncoding": (_ORDERED, {"SizeInBits"} | _ENCODED),
    "ByteOrderList": (set(), {"Byte"}),
    "Byte": ({"byteSignificance"}, set()),
    "SizeInBits": (set(), {"Fixed", "TerminationChar", "LeadingSize"} | _AMOUNT),
    "Variable": (
        {"maxSizeInBits"},
        {"DynamicValue", "DiscreteLookupList", "TerminationChar", "LeadingSize"},
    ),
    "Fixed": (set(), {"FixedValue"}),
    "FixedValue": (set(), set()),
    "TerminationChar": (set(), set()),
    "LeadingSize": ({"sizeInBitsOfSizeTag"}, set()),
    "DynamicValue": (
        set(),
        {"ParameterInstanceRef", "ArgumentInstanceRef", "LinearAdjustment"},
    ),
    "ParameterInstanceRef": (_INSTANCE, set()),
    "ArgumentInstanceRef": (_INSTANCE, set()),
    "LinearAdjustment": ({"slope", "intercept"}, set()),
    "DiscreteLookupList": ({"defaultValue"}, {"DiscreteLookup"}),
    "DiscreteLookup": ({"value"}, _MATCH),
    "ErrorDetectCorrect": (set(), {"CRC", "Checksum", "Parity", "XOR"}),
    "CRC": (
        {"width", "reflectData", "reflectRemainder", "direction"} | _CODE,
        {"Polynomial", "InitRemainder", "FinalXOR"},
    ),
    "Polynomial": (set(), set()),
    "InitRemainder": (set(), set()),
    "FinalXOR": (set(), set()),
    "Checksum": ({"name", "hashSizeInBits"} | _CODE, set()),
    "Parity": ({"type"} | _CODE, set()),
    "XOR": (_CODE, set()),
    "EnumerationList": (set(), {"Enumeration", "RangeEnumeration"}),
    "Enumeration": ({"value", "maxValue", "label", "shortDescription"}, set()),
    "RangeEnumeration": ({"label", "shortDescription"} | _RANGE, set()),
    "Encoding": ({"units", "scale", "offset"}, _ENCODINGS),
    "ReferenceTime": (set(), {"Epoch", "OffsetFrom"}),
    "Epoch": (set(), set()),
    "OffsetFrom": (_INSTANCE, set()),
    "DimensionList": (set(), {"Dimension"}),
    "Dimension": (set(), {"StartingIndex", "EndingIndex"}),
    "StartingIndex": (set(), _AMOUNT),
    "EndingIndex": (set(), _AMOUNT),
    "MemberList": (set(), {"Member"}),
    "Member": (_NAMED | {"typeRef", "initialValue"}, _DESCRIBED),
    # --- Calibrators
    "DefaultCalibrator": (
        _NAMED,
        {"PolynomialCalibrator", "SplineCalibrator", "MathOperationCalibrator"} | _DESCRIBED,
    ),
    "Calibrator": (
        _NAMED,
        {"PolynomialCalibrator", "SplineCalibrator", "MathOperationCalibrator"} | _DESCRIBED,
    ),
    "PolynomialCalibrator": (_NAMED, {"Term"} | _DESCRIBED),
    "Term": ({"coefficient", "exponent"}, set()),
    "SplineCalibrator": (_NAMED | {"order", "extrapolate"}, {"SplinePoint"} | _DESCRIBED),
    "SplinePoint": ({"raw", "calibrated", "order"}, set()),
    "MathOperationCalibrator": (
        _NAMED,
        {"ValueOperand", "ThisParameterOperand", "Operator", "ParameterInstanceRefOperand"}
        | _DESCRIBED,
    ),
    "ValueOperand": (set(), set()),
    "ThisParameterOperand": (set(), set()),
    "Operator": (set(), set()),
    "ParameterInstanceRefOperand": (_INSTANCE, set()),
    "ContextCalibratorList": (set(), {"ContextCalibrator"}),
    "ContextCalibrator": (set(), {"ContextMatch", "Calibrator"}),
    "ContextMatch": (set(), _MATCH),
    # --- What must hold
    "ComparisonList": (set(), {"Comparison"}),
    "Comparison": (
        {"value", "comparisonOperator"} | _INSTANCE,
        {"ParameterInstanceRef", "ArgumentInstanceRef"},
    ),
    "BooleanExpression": (set(), {"Condition", "ANDedConditions", "ORedConditions"}),
    "ANDedConditions": (set(), {"Condition", "ORedConditions"}),
    "ORedConditions": (set(), {"Condition", "ANDedConditions"}),
    "Condition": (
        {"comparisonOperator"},
        {"ParameterInstanceRef", "ArgumentInstanceRef", "ComparisonOperator", "Value"},
    ),
    "ComparisonOperator": (set(), set()),
    "Value": (set(), set()),
    # --- Alarms
    "DefaultAlarm": (_ALARM | {"defaultAlarmLevel"}, _ALARM_PARTS),
    "ContextAlarmList": (set(), {"ContextAlarm"}),
    "BinaryContextAlarmList": (set(), {"ContextAlarm"}),
    "ContextAlarm": (_ALARM | {"defaultAlarmLevel"}, _ALARM_PARTS | {"ContextMatch"}),
    "StaticAlarmRanges": (
        _NAMED | {"rangeForm", "timeUnits"},
        {f"{level}Range" for level in _LEVELS} | {"AncillaryDataSet"},
    ),
    "ChangeAlarmRanges": (
        _NAMED
        | {"rangeForm", "changeType", "changeBasis"}
        | {"spanOfInterestInSamples", "spanOfInterestInSeconds"},
        {f"{level}Range" for level in _LEVELS} | {"AncillaryDataSet"},
    ),
    "ChangePerSecondAlarmRanges": (
        _NAMED | {"rangeForm", "timeUnits"},
        {f"{level}Range" for level in _LEVELS} | {"AncillaryDataSet"},
    ),
    "AlarmMultiRanges": (_NAMED, {"Range", "AncillaryDataSet"}),
    "Range": (_RANGE | {"rangeForm", "level"}, set()),
    "EnumerationAlarmList": (set(), {"EnumerationAlarm"}),
    "EnumerationAlarm": ({"alarmLevel", "enumerationLabel", "enumerationValue"}, set()),
    "StringAlarmList": (set(), {"StringAlarm"}),
    "StringAlarm": ({"alarmLevel", "matchPattern"}, set()),
    "AlarmConditions": (set(), {f"{level}Alarm" for level in _LEVELS}),
    # --- Parameters and containers
    "ParameterSet": (set(), {"Parameter", "ParameterRef"}),
    "Parameter": (
        _NAMED | {"parameterTypeRef", "initialValue"},
        {"ParameterProperties"} | _DESCRIBED,
    ),
    "ParameterRef": ({"parameterRef"}, set()),
    "ParameterProperties": (
        {"dataSource", "readOnly", "persistence"},
        {"SystemName", "PhysicalAddressSet"},
    ),
    "ContainerSet": (set(), {"SequenceContainer"}),
    "CommandContainerSet": (set(), {"SequenceContainer", "CommandContainer"}),
    "SequenceContainer": (
        _NAMED | {"abstract", "idlePattern"},
        {"EntryList", "BaseContainer", "BinaryEncoding", "DefaultRateInStream", "RateInStreamSet"}
        | _DESCRIBED,
    ),
    "DefaultRateInStream": ({"basis", "minimumValue", "maximumValue"}, set()),
    "RateInStreamSet": (set(), {"RateInStream"}),
    "RateInStream": ({"basis", "minimumValue", "maximumValue", "streamRef"}, set()),
    "EntryList": (
        set(),
        {
            *("ParameterRefEntry", "ContainerRefEntry", "ArrayParameterRefEntry"),
            *("ArgumentRefEntry", "ArrayArgumentRefEntry", "FixedValueEntry"),
        },
    ),
    "ParameterRefEntry": ({"parameterRef", "shortDescription"}, _ENTRY),
    "ContainerRefEntry": ({"containerRef", "shortDescription"}, _ENTRY),
    "ArrayParameterRefEntry": (
        {"parameterRef", "shortDescription", "lastEntryForThisArrayInstance"},
        _ENTRY | {"DimensionList"},
    ),
    "ArgumentRefEntry": ({"argumentRef", "shortDescription"}, _ENTRY),
    "ArrayArgumentRefEntry": (
        {"argumentRef", "shortDescription", "lastEntryForThisArrayInstance"},
        _ENTRY | {"DimensionList"},
    ),
    "FixedValueEntry": (_NAMED | {"binaryValue", "sizeInBits"}, _ENTRY),
    "LocationInContainerInBits": ({"referenceLocation"}, _AMOUNT),
    "RepeatEntry": (set(), {"Count", "Offset"}),
    "Count": (set(), _AMOUNT),
    "Offset": (set(), _AMOUNT),
    "IncludeCondition": (set(), _MATCH),
    "BaseContainer": ({"containerRef"}, {"RestrictionCriteria"}),
    "RestrictionCriteria": (set(), _MATCH),
    # --- Algorithms
    "AlgorithmSet": (set(), {"CustomAlgorithm", "MathAlgorithm"}),
    "CustomAlgorithm": (
        _NAMED | {"triggerContainer", "priority", "thread"},
        {"AlgorithmText", "InputSet", "OutputSet", "TriggerSet"} | _DESCRIBED,
    ),
    "AlgorithmText": ({"language"}, set()),
    "InputSet": (set(), {"InputParameterInstanceRef", "Constant"}),
    "InputParameterInstanceRef": (_INSTANCE | {"inputName"}, set()),
    "Constant": ({"constantName", "value"}, set()),
    "OutputSet": (set(), {"OutputParameterRef"}),
    "OutputParameterRef": ({"parameterRef", "outputName"}, set()),
    "TriggerSet": (
        {"name", "triggerRate"},
        {"OnParameterUpdateTrigger", "OnContainerUpdateTrigger"},
    ),
    "OnParameterUpdateTrigger": ({"parameterRef"}, set()),
    "OnContainerUpdateTrigger": ({"containerRef"}, set()),
    "MathAlgorithm": (_NAMED, {"MathOperation"} | _DESCRIBED),
    "MathOperation": (
        _NAMED | {"outputParameterRef"},
        {"ValueOperand", "ThisParameterOperand", "Operator", "ParameterInstanceRefOperand"}
        | {"TriggerSet"}
        | _DESCRIBED,
    ),
    # --- Commands
    "MetaCommandSet": (set(), {"MetaCommand", "MetaCommandRef"}),
    "MetaCommandRef": (set(), set()),
    "MetaCommand": (
        _NAMED | {"abstract"},
        {
            *("BaseMetaCommand", "SystemName", "ArgumentList", "CommandContainer"),
            *("TransmissionConstraintList", "DefaultSignificance", "ContextSignificanceList"),
            "VerifierSet",
        }
        | _DESCRIBED,
    ),
    "BaseMetaCommand": ({"metaCommandRef"}, {"ArgumentAssignmentList"}),
    "ArgumentAssignmentList": (set(), {"ArgumentAssignment"}),
    "ArgumentAssignment": ({"argumentName", "argumentValue"}, set()),
    "ArgumentRestrictionList": (set(), {"ArgumentRestriction", "ArgumentAssignment"}),
    "ArgumentRestriction": ({"argumentName", "argumentValue"}, set()),
    "ArgumentList": (set(), {"Argument"}),
    "Argument": (_NAMED | {"argumentTypeRef", "initialValue"}, _DESCRIBED),
    "CommandContainer": (
        _NAMED | {"abstract", "idlePattern"},
        {"EntryList", "BaseContainer", "BinaryEncoding", "DefaultRateInStream", "RateInStreamSet"}
        | _DESCRIBED,
    ),
    "TransmissionConstraintList": (set(), {"TransmissionConstraint"}),
    "TransmissionConstraint": (
        {"timeOut", "suspendable"},
        _MATCH | {"ArgumentRestrictionList"},
    ),
    "DefaultSignificance": ({"spaceSystemAtRisk", "reasonForWarning", "consequenceLevel"}, set()),
    "Significance": ({"spaceSystemAtRisk", "reasonForWarning", "consequenceLevel"}, set()),
    "ContextSignificanceList": (set(), {"ContextSignificance"}),
    "ContextSignificance": (set(), {"ContextMatch", "Significance"}),
    "VerifierSet": (set(), {f"{stage}Verifier" for stage in _STAGES}),
    "ContainerRef": ({"containerRef"}, set()),
    "ParameterValueChange": (set(), {"ParameterRef", "Change"}),
    "Change": ({"value"}, set()),
    "CheckWindow": (
        {"timeToStartChecking", "timeToStopChecking", "timeWindowIsRelativeTo"},
        set(),
    ),
}
for _kind, _more in {
    "Integer": ({"signed"}, {"ValidRange", "ValidRangeSet", "ToString"}),
    "Float": (set(), {"ValidRange", "ValidRangeSet", "ToString"}),
    # The sign of a label's number is that of the encoding; missions write it at the type too.
    "Enumerated": ({"signed"}, {"EnumerationList"}),
    "Boolean": ({"oneStringValue", "zeroStringValue"}, set()),
    "String": ({"restrictionPattern", "characterWidth"}, {"SizeRangeInCharacters"}),
    "Binary": (set(), set()),
}.items():
    for _sort in ("Parameter", "Argument"):
        ELEMENTS[f"{_kind}{_sort}Type"] = (
            _TYPE | _SIZED | _more[0] | {"validRangeAppliesToCalibrated"},
            _TYPED | _more[1],
        )
for _name in ("AbsoluteTimeParameterType", "AbsoluteTimeArgumentType"):
    ELEMENTS[_name] = (_TYPE, {"Encoding", "ReferenceTime", "UnitSet"} | _DESCRIBED)
for _name in (
    *("RelativeTimeParameterType", "RelativeTimeArgumentType"),
    "RelativeTimeAgumentType",
):
    ELEMENTS[_name] = (_TYPE, {"Encoding", "ReferenceTime", "UnitSet"} | _DESCRIBED | _ALARMED)
for _sort in ("Parameter", "Argument"):
    ELEMENTS[f"Array{_sort}Type"] = (
        _NAMED | {"arrayTypeRef", "numberOfDimensions", "initialValue"},
        {"DimensionList"} | _DESCRIBED,
    )
    ELEMENTS[f"Aggregate{_sort}Type"] = (_NAMED | {"initialValue"}, {"MemberList"} | _DESCRIBED)
for _level in _LEVELS:
    ELEMENTS[f"{_level}Range"] = (_RANGE, set())
    ELEMENTS[f"{_level}Alarm"] = (set(), _MATCH)
for _stage in _STAGES:
    ELEMENTS[f"{_stage}Verifier"] = (_NAMED, set(_VERIFIED))

VALUES: dict[tuple[str, str], set[str]] = {
    # (element, attribute): the values that are understood, when not all are
    ("ParameterInstanceRef", "instance"): {"0"},
    ("ArgumentInstanceRef", "instance"): {"0"},
    ("ParameterInstanceRefOperand", "instance"): {"0"},
    ("InputParameterInstanceRef", "instance"): {"0"},
    ("OffsetFrom", "instance"): {"0"},
    ("Comparison", "instance"): {"0"},
    ("CRC", "direction"): {"mostSignificantBitFirst"},
    ("TriggerSet", "triggerRate"): {"1"},
    ("BinaryDataEncoding", "bitOrder"): {"mostSignificantBitFirst"},
    ("BinaryDataEncoding", "byteOrder"): {"mostSignificantByteFirst"},
    ("BinaryEncoding", "bitOrder"): {"mostSignificantBitFirst"},
    ("BinaryEncoding", "byteOrder"): {"mostSignificantByteFirst"},
    ("StringDataEncoding", "bitOrder"): {"mostSignificantBitFirst"},
    ("CustomAlgorithm", "thread"): {"false", "0"},
    ("EnumeratedParameterType", "signed"): {"true", "false", "1", "0"},
    ("EnumeratedArgumentType", "signed"): {"true", "false", "1", "0"},
}

_XINCLUDE = "http://www.w3.org/2001/XInclude"


def check(root: Node) -> None:
    """Refuse `root` if anything in it is not understood; the refusal lists all that is not."""
    found = []
    for refusal in _refusals(root):
        found.append(refusal)
        if len(found) == MOST_TOLD:
            break
    if found:
        found[0].others = list(found)
        raise found[0]


def _refusals(root: Node) -> Iterator[Unsupported]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        attributes, allowed = ELEMENTS[node.name]
        for key, value in node.attributes.items():
            known = VALUES.get((node.name, key))
            if key not in attributes:
                yield node.unsupported(f"attribute {key.rpartition(' ')[2]} is not supported")
            elif known is not None and value not in known:
                yield node.unsupported(f'{key}="{value[:60]}" is not supported')
        understood = []
        for child in node.children:
            is_include = child.name == "include" and child.namespace == _XINCLUDE
            # Where the root has a prefix, elements without one are its own all the same.
            is_ours = child.namespace in (root.namespace, "") and child.name != "include"
            if child.name not in allowed or not (is_ours or is_include):
                yield child.unsupported(f"not supported in {node.name}")
            elif child.name not in _OPAQUE and not is_include:
                understood.append(child)
        waiting += reversed(understood)
