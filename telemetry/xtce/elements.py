"""The elements of XTCE 1.0 to 1.3 that are understood, with their attributes and children.

What an element may hold in one place and not in another is refused where it is read.
"""

from __future__ import annotations

_DESCRIBED = {"LongDescription", "ShortDescription", "AliasSet", "AncillaryDataSet"}
"""Children that say nothing about how to decode; what is inside them is not looked at. The standard
has the short description as an attribute; missions write it as an element all the same."""
NOTED = {
    # element: why what it asks for is not carried out
    "StreamSet": "frames are read as their link is described, not by this",
    "ServiceSet": "services are not told apart: packets are read by their containers",
    "ToString": "values are shown in the form of the console",
    "DefaultRateInStream": "when packets are late is said by limits, not by this",
    "RateInStreamSet": "when packets are late is said by limits, not by this",
}
"""Elements that ask for something beside decoding, which is told and not done: what is inside them
is not looked at."""
NOTED_ATTRIBUTES = {
    # attribute: why what it asks for is not carried out
    "idlePattern": "fill is not looked for",
    "changeThreshold": "every value is kept, however little it changed",
    "characterWidth": "the encoding says how wide characters are",
    "priority": "algorithms run in the order in which they can",
    "lastEntryForThisArrayInstance": "an array is whole in its packet",
}
OPAQUE = _DESCRIBED | set(NOTED) | {"Header", "PhysicalAddressSet", "SystemName", "Unit"}
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
        {"Header", "TelemetryMetaData", "CommandMetaData", "ServiceSet", "SpaceSystem", "include"}
        | _DESCRIBED,
    ),
    "TelemetryMetaData": (
        set(),
        {
            *("ParameterTypeSet", "ParameterSet", "ContainerSet", "AlgorithmSet"),
            *("MessageSet", "StreamSet"),
        },
    ),
    "CommandMetaData": (
        set(),
        {
            *("ParameterTypeSet", "ParameterSet", "ArgumentTypeSet", "MetaCommandSet"),
            *("CommandContainerSet", "AlgorithmSet", "StreamSet"),
        },
    ),
    "MessageSet": (_NAMED, {"Message"} | _DESCRIBED),
    "Message": (_NAMED, {"MatchCriteria", "ContainerRef", "ContainRef"} | _DESCRIBED),
    "MatchCriteria": (set(), _MATCH),
    "ContainRef": ({"containerRef"}, set()),  # as 1.0 and 1.1 spell it in messages
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
    "Polynomial": (set(), {"Term"}),
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
    "DimensionList": (set(), {"Dimension", "Size"}),
    "Size": (set(), _AMOUNT),
    "Dimension": (set(), {"StartingIndex", "EndingIndex"}),
    "StartingIndex": (set(), _AMOUNT),
    "EndingIndex": (set(), _AMOUNT),
    "MemberList": (set(), {"Member"}),
    # Members have no properties in the standard; missions give them some all the same.
    "Member": (_NAMED | {"typeRef", "initialValue"}, {"ParameterProperties"} | _DESCRIBED),
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
        {"SystemName", "PhysicalAddressSet", "ValidityCondition"},
    ),
    "ValidityCondition": (set(), _MATCH),
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
            "IndirectParameterRefEntry",
        },
    ),
    "IndirectParameterRefEntry": (
        {"aliasNameSpace", "shortDescription"},
        _ENTRY | {"ParameterInstance"},
    ),
    "ParameterInstance": (_INSTANCE, set()),
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
    "MetaCommandSet": (set(), {"MetaCommand", "MetaCommandRef", "BlockMetaCommand"}),
    "BlockMetaCommand": (_NAMED, {"MetaCommandStepList"} | _DESCRIBED),
    "MetaCommandStepList": (set(), {"MetaCommandStep"}),
    "MetaCommandStep": (
        {"metaCommandRef"},
        # 1.2 misspells it; 1.0 and 1.1 have a list of arguments with values.
        {"ArgumentAssignmentList", "ArgumentAssigmentList", "ArgumentList"},
    ),
    "ArgumentAssigmentList": (set(), {"ArgumentAssignment"}),
    "MetaCommandRef": (set(), set()),
    "MetaCommand": (
        _NAMED | {"abstract"},
        {
            *("BaseMetaCommand", "SystemName", "ArgumentList", "CommandContainer"),
            *("TransmissionConstraintList", "DefaultSignificance", "ContextSignificanceList"),
            *("VerifierSet", "ParameterToSetList", "ParametersToSuspendAlarmsOnSet", "Interlock"),
        }
        | _DESCRIBED,
    ),
    "ParameterToSetList": (set(), {"ParameterToSet"}),
    "ParameterToSet": (
        {"parameterRef", "setOnVerification"},
        {"ParameterRef", "NewValue", "Derivation"},
    ),
    "NewValue": (set(), set()),
    "Derivation": (
        _NAMED,
        {"ValueOperand", "ThisParameterOperand", "Operator", "ParameterInstanceRefOperand"}
        | _DESCRIBED,
    ),
    "ParametersToSuspendAlarmsOnSet": (set(), {"ParameterToSuspendAlarmsOn"}),
    "ParameterToSuspendAlarmsOn": (
        {"parameterRef", "suspenseTime", "verifierToTriggerOn"},
        {"ParameterRef"},
    ),
    "Interlock": (
        {"scopeToSpaceSystem", "verificationToWaitFor", "suspendable"},
        set(),
    ),
    "BaseMetaCommand": ({"metaCommandRef"}, {"ArgumentAssignmentList"}),
    "ArgumentAssignmentList": (set(), {"ArgumentAssignment"}),
    "ArgumentAssignment": ({"argumentName", "argumentValue"}, set()),
    "ArgumentRestrictionList": (set(), {"ArgumentRestriction", "ArgumentAssignment"}),
    "ArgumentRestriction": ({"argumentName", "argumentValue"}, set()),
    "ArgumentList": (set(), {"Argument"}),
    "Argument": (_NAMED | {"argumentTypeRef", "initialValue", "value"}, _DESCRIBED),
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
    # The sign of a label's number or a float is that of the encoding; missions write it here too.
    "Float": ({"signed"}, {"ValidRange", "ValidRangeSet", "ToString"}),
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
ELEMENTS["CompleteVerifier"][1].add("ReturnParmRef")
ELEMENTS["ReturnParmRef"] = ({"parameterRef"}, set())

VALUES: dict[tuple[str, str], set[str]] = {
    # (element, attribute): the values that are understood, when not all are
    ("ParameterInstanceRef", "instance"): {"0"},
    ("ArgumentInstanceRef", "instance"): {"0"},
    ("ParameterInstanceRefOperand", "instance"): {"0"},
    ("InputParameterInstanceRef", "instance"): {"0"},
    ("OffsetFrom", "instance"): {"0"},
    ("Comparison", "instance"): {"0"},
    ("ParameterInstance", "instance"): {"0"},
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
    ("FloatParameterType", "signed"): {"true", "false", "1", "0"},
    ("FloatArgumentType", "signed"): {"true", "false", "1", "0"},
}
