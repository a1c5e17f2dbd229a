"""Commands: arguments into bytes as a tiny encoder of our own makes them, and what is refused."""

import struct
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry import xtce
from telemetry.xtce import verification

TYPES = """
<IntegerArgumentType name="u8" signed="false"><IntegerDataEncoding sizeInBits="8"/>
<ValidRangeSet><ValidRange minInclusive="1" maxInclusive="9"/>
<ValidRange minInclusive="20" maxInclusive="30"/></ValidRangeSet></IntegerArgumentType>
<FloatArgumentType name="volts"><IntegerDataEncoding sizeInBits="16" encoding="twosComplement">
<DefaultCalibrator><PolynomialCalibrator><Term coefficient="1" exponent="0"/>
<Term coefficient="0.5" exponent="1"/></PolynomialCalibrator></DefaultCalibrator>
</IntegerDataEncoding></FloatArgumentType>
<EnumeratedArgumentType name="state"><IntegerDataEncoding sizeInBits="4"/><EnumerationList>
<Enumeration value="0" label="OFF"/><Enumeration value="1" label="ON"/></EnumerationList>
</EnumeratedArgumentType>
<StringArgumentType name="text"><StringDataEncoding><SizeInBits>
<LeadingSize sizeInBitsOfSizeTag="16"/></SizeInBits></StringDataEncoding></StringArgumentType>
<IntegerArgumentType name="count"><IntegerDataEncoding sizeInBits="8"/></IntegerArgumentType>
<ArrayArgumentType name="list" arrayTypeRef="count"><DimensionList><Dimension><StartingIndex>
<FixedValue>0</FixedValue></StartingIndex><EndingIndex><DynamicValue><ArgumentInstanceRef
 argumentRef="n"/><LinearAdjustment intercept="-1"/></DynamicValue></EndingIndex></Dimension>
</DimensionList></ArrayArgumentType>"""
COMMANDS = """
<MetaCommand name="Base" abstract="true"><ArgumentList><Argument name="op" argumentTypeRef="count"/>
</ArgumentList><CommandContainer name="BaseContainer"><EntryList>
<FixedValueEntry binaryValue="1ACF" sizeInBits="16"/><ArgumentRefEntry argumentRef="op"/>
</EntryList></CommandContainer>
<DefaultSignificance consequenceLevel="vital" reasonForWarning="It moves."/>
<VerifierSet><AcceptedVerifier><ContainerRef containerRef="Report"/>
<CheckWindow timeToStopChecking="PT30S"/></AcceptedVerifier>
<CompleteVerifier><Comparison parameterRef="seen" value="1"/></CompleteVerifier></VerifierSet>
</MetaCommand>
<MetaCommand name="Set"><BaseMetaCommand metaCommandRef="Base"><ArgumentAssignmentList>
<ArgumentAssignment argumentName="op" argumentValue="7"/></ArgumentAssignmentList></BaseMetaCommand>
<ArgumentList><Argument name="a" argumentTypeRef="u8"/><Argument name="v" argumentTypeRef="volts"/>
<Argument name="s" argumentTypeRef="state" initialValue="OFF"/></ArgumentList>
<CommandContainer name="SetContainer"><EntryList><ArgumentRefEntry argumentRef="a"/>
<ArgumentRefEntry argumentRef="v"/><FixedValueEntry binaryValue="0F" sizeInBits="4"/>
<ArgumentRefEntry argumentRef="s"/></EntryList><BaseContainer containerRef="BaseContainer"/>
</CommandContainer>
<TransmissionConstraintList><TransmissionConstraint timeOut="PT10S"><Comparison parameterRef="seen"
 value="0"/></TransmissionConstraint></TransmissionConstraintList>
<VerifierSet><CompleteVerifier><ParameterValueChange><ParameterRef parameterRef="seen"/>
<Change value="1"/></ParameterValueChange></CompleteVerifier></VerifierSet></MetaCommand>
<MetaCommand name="Say"><BaseMetaCommand metaCommandRef="Base"/><ArgumentList>
<Argument name="t" argumentTypeRef="text"/><Argument name="n" argumentTypeRef="count"/>
<Argument name="l" argumentTypeRef="list"/></ArgumentList><CommandContainer name="SayContainer">
<EntryList><ArgumentRefEntry argumentRef="t"/><ArgumentRefEntry argumentRef="n"/>
<ArrayArgumentRefEntry argumentRef="l"/></EntryList><BaseContainer containerRef="BaseContainer"/>
</CommandContainer></MetaCommand>"""


def written(types=TYPES, commands=COMMANDS):
    return (
        f"""<SpaceSystem name="S"><TelemetryMetaData><ParameterTypeSet>
<IntegerParameterType name="p8">
<IntegerDataEncoding sizeInBits="8"/></IntegerParameterType></ParameterTypeSet><ParameterSet>
<Parameter name="seen" parameterTypeRef="p8"/></ParameterSet><ContainerSet>
<SequenceContainer name="Report"><EntryList><ParameterRefEntry parameterRef="seen"/></EntryList>
</SequenceContainer></ContainerSet></TelemetryMetaData><CommandMetaData>
<ArgumentTypeSet>{types}</ArgumentTypeSet><MetaCommandSet>{commands}</MetaCommandSet>
</CommandMetaData></SpaceSystem>"""
    ).encode()


def definition(types=TYPES, commands=COMMANDS):
    return xtce.load(written(types, commands))


LOADED = definition()


@given(
    st.integers(1, 9) | st.integers(20, 30),
    st.integers(-32_768, 32_767),
    st.sampled_from(["OFF", "ON"]),
)
def test_arguments_become_the_bytes_that_they_mean(a, raw, state):
    sent = LOADED.commands["Set"].encode({"a": a, "v": 1 + 0.5 * raw, "s": state})
    assert sent == struct.pack(">HBBhB", 0x1ACF, 7, a, raw, 0xF0 | (state == "ON"))


@pytest.mark.parametrize(
    ("entry", "sent"),
    [
        # XTCE 1.2, FixedValueEntryType: the most significant bits that are too many are dropped.
        ('binaryValue="11" sizeInBits="4"', b"\x10"),
        ('binaryValue="AB" sizeInBits="16"', b"\x00\xab"),
        # 1.0 and 1.1 need no size: it is that of the digits.
        ('binaryValue="1e"', b"\x1e"),
        ('binaryValue="001E"', b"\x00\x1e"),
    ],
)
def test_a_fixed_value_has_the_last_bits_of_its_digits(entry, sent):
    packed = f"<EntryList><FixedValueEntry {entry}/></EntryList>"
    command = f'<MetaCommand name="F"><CommandContainer name="FC">{packed}'
    made = definition(commands=command + "</CommandContainer></MetaCommand>")
    assert made.commands["F"].encode({}) == sent


ANY = """<MetaCommand name="F"><ArgumentList><Argument name="x" argumentTypeRef="x"/></ArgumentList>
<CommandContainer name="FC"><EntryList><ArgumentRefEntry argumentRef="x"/></EntryList>
</CommandContainer></MetaCommand>"""
HALF = '<FloatArgumentType name="x"><FloatDataEncoding sizeInBits="16"/></FloatArgumentType>'
SPAN = """<RelativeTimeArgumentType name="x"><Encoding><IntegerDataEncoding sizeInBits="16"/>
</Encoding></RelativeTimeArgumentType>"""


@pytest.mark.parametrize(
    ("kind", "value", "wanted"),
    [
        (HALF, 2**63, "is too large for 16 bits"),
        (HALF, 10**400, "is too large"),
        (HALF, str(10**400), "is too large"),
        (SPAN, "PT1M5S", b"\0\x41"),
        (SPAN, 65, b"\0\x41"),
        (SPAN, "P1M", "is no number"),
        (SPAN, "-PT1S", "is not from 0"),
    ],
)
def test_numbers_of_any_size_and_durations_are_packed_or_refused(kind, value, wanted):
    command = definition(types=kind, commands=ANY).commands["F"]
    if isinstance(wanted, bytes):
        assert command.encode({"x": value}) == wanted
    else:
        with pytest.raises(xtce.BadArguments, match=wanted):
            command.encode({"x": value})


TIMES = """<AbsoluteTimeParameterType name="coarse"><Encoding><IntegerDataEncoding
 sizeInBits="32"/></Encoding><ReferenceTime><Epoch>1958-01-01</Epoch></ReferenceTime>
</AbsoluteTimeParameterType><AbsoluteTimeParameterType name="fine"><Encoding scale="0.001">
<IntegerDataEncoding sizeInBits="16"/></Encoding><ReferenceTime>
<OffsetFrom parameterRef="{}"/></ReferenceTime></AbsoluteTimeParameterType>
</ParameterTypeSet><ParameterSet><Parameter name="Seconds" parameterTypeRef="coarse"/>
<Parameter name="Fine" parameterTypeRef="fine"/>"""
DATED = """<MetaCommand name="At"><CommandContainer name="AtC"><EntryList>
<ParameterRefEntry parameterRef="Seconds"/><ParameterRefEntry parameterRef="Fine"/></EntryList>
</CommandContainer></MetaCommand>"""


def dated(counts_from):
    kinds = b"</ParameterTypeSet><ParameterSet>"
    data = written(commands=DATED).replace(kinds, TIMES.format(counts_from).encode())
    return xtce.load(data)


def test_a_time_in_a_command_counts_from_another_as_that_is_packed():
    # As the example of CCSDS 660.1-G has it: milliseconds behind whole seconds.
    at = "2026-08-22T12:00:01.234"
    command = dated("Seconds").commands["At"]
    seconds = (datetime(2026, 8, 22, 12, 0, 1) - datetime(1958, 1, 1)).total_seconds()
    sent = command.encode({}, {"Seconds": at, "Fine": at})
    assert sent == struct.pack(">IH", int(seconds), 234)
    with pytest.raises(xtce.BadArguments, match="parameter Seconds is missing"):
        command.encode({}, {"Fine": at})


def test_a_time_in_a_command_that_counts_from_itself_is_refused():
    with pytest.raises(xtce.BadDefinition, match="counts from itself"):
        dated("Fine")


@given(st.text(max_size=40), st.lists(st.integers(0, 255), max_size=9))
def test_texts_and_lists_of_varying_size(text, numbers):
    sent = LOADED.commands["Say"].encode({"op": 1, "t": text, "n": len(numbers), "l": numbers})
    body = text.encode()
    head = struct.pack(">HBH", 0x1ACF, 1, len(body) * 8)
    assert sent == head + body + bytes([len(numbers)]) + bytes(numbers)


@pytest.mark.parametrize(
    ("command", "arguments", "message"),
    [
        ("Set", {"a": 10, "v": 1}, "a: 10 is not from 1 to 9 or from 20 to 30"),
        ("Set", {"a": 1, "v": 1e9}, "v: .* is not from -32768 to 32767"),
        ("Set", {"a": 1}, "v is missing"),
        ("Set", {"a": 1, "v": 1, "s": "MAYBE"}, "s: 'MAYBE' is none of OFF, ON"),
        ("Set", {"a": 1, "v": 1, "op": 3}, "op is fixed: 7"),
        ("Set", {"a": 1, "v": 1, "x": 3}, "Set has no argument x"),
        ("Set", {"a": "one", "v": 1}, "a: 'one' is no number"),
        ("Set", {"a": 1.5, "v": 1}, "a: 1.5 is no whole number"),
        ("Set", {"a": True, "v": 1}, "a: True is no number"),
        ("Say", {"op": 1, "t": "x", "n": 2, "l": [1]}, "l has 2 elements"),
        ("Say", {"op": 1, "t": "x", "n": 1, "l": "a"}, "l is a list"),
        ("Say", {"op": 1, "t": "x", "n": 1, "l": [256]}, "256 is not from 0 to 255"),
        ("Say", {"op": 1, "t": "x" * 9000, "n": 0, "l": []}, "more than its leading size"),
        ("Base", {"op": 1}, "Base is abstract"),
    ],
)
def test_arguments_are_held_to_their_types(command, arguments, message):
    with pytest.raises(xtce.BadArguments, match=message):
        LOADED.commands[command].encode(arguments)


def test_a_command_has_what_its_base_has():
    command = LOADED.commands["Set"].command
    assert command.significance == xtce.model.Significance("vital", "It moves.")
    assert [(each.stage, each.window and each.window.stop_s) for each in command.verifiers] == [
        ("accepted", 30.0),
        ("complete", None),
        ("complete", None),
    ]
    assert [each.timeout_s for each in command.constraints] == [10.0]


CURVE = TYPES.replace('exponent="1"', 'exponent="2"')


@pytest.mark.parametrize(
    ("types", "commands", "message"),
    [
        (CURVE, COMMANDS, "the calibrator of volts has no inverse"),
        (
            TYPES,
            COMMANDS.replace('argumentRef="v"', 'argumentRef="w"'),
            "argument w is not defined",
        ),
        (
            TYPES,
            COMMANDS.replace('metaCommandRef="Base"', 'metaCommandRef="B"'),
            "command B is not",
        ),
        (
            TYPES,
            COMMANDS.replace('argumentName="op"', 'argumentName="o"'),
            "Base has no argument o",
        ),
        (TYPES, COMMANDS.replace("PT30S", "soon"), "is no duration such as PT30S"),
        (TYPES, COMMANDS.replace('value="0"/></Trans', 'value="x"/></Trans'), '"x" is no number'),
        (
            TYPES,
            COMMANDS.replace("<VerifierSet>", "<CheckWindowAlgorithms/><VerifierSet>"),
            "CheckWindowAlgorithms: not supported in MetaCommand",
        ),
    ],
)
def test_commands_that_could_not_be_sent_are_refused(types, commands, message):
    with pytest.raises(xtce.BadDefinition, match=message):
        definition(types, commands)


def progress(name="Set", **arguments):
    state = {"seen": 0}

    def get(reference):
        return state[reference.name]

    made = verification.Progress(LOADED.commands[name], arguments, 100.0, get)
    return made, state, get


def test_a_command_is_complete_when_all_its_verifiers_say_so():
    made, state, get = progress(a=1, v=1)
    made.look(101, get, {"Report"})
    assert made.has_passed("accepted")
    assert not made.is_complete
    state["seen"] = 2  # it changed, but is not what the other verifier waits for
    made.look(102, get)
    assert not made.is_complete
    state["seen"] = 1
    made.look(103, get)
    assert made.is_complete
    assert not made.has_failed


def test_a_verifier_whose_window_closed_fails_the_command():
    made, state, get = progress(a=1, v=1)
    made.look(130, get)
    assert not made.has_failed
    state["seen"] = 1
    made.look(131, get, {"Report"})
    assert not made.has_passed("accepted")
    assert made.has_failed
    assert not made.is_complete


FOLLOWED = COMMANDS.replace(
    '<Change value="1"/></ParameterValueChange></CompleteVerifier></VerifierSet></MetaCommand>',
    """<Change value="1"/></ParameterValueChange><ReturnParmRef parameterRef="seen"/>
</CompleteVerifier></VerifierSet><ParameterToSetList>
<ParameterToSet parameterRef="seen" setOnVerification="release"><NewValue>0x10</NewValue>
</ParameterToSet><ParameterToSet parameterRef="other"><Derivation>
<ParameterInstanceRefOperand parameterRef="seen"/><ValueOperand>3</ValueOperand>
<Operator>*</Operator></Derivation></ParameterToSet></ParameterToSetList>
<ParametersToSuspendAlarmsOnSet><ParameterToSuspendAlarmsOn parameterRef="seen"
 suspenseTime="PT20S"/><ParameterToSuspendAlarmsOn parameterRef="other" suspenseTime="PT20S"
 verifierToTriggerOn="accepted"/></ParametersToSuspendAlarmsOnSet></MetaCommand>""",
).replace(
    "<VerifierSet><CompleteVerifier><ParameterValue",
    """<Interlock
 scopeToSpaceSystem="/S" verificationToWaitFor="accepted"/><VerifierSet>
<CompleteVerifier><ParameterValue""",
)


def with_other(commands):
    return written(TYPES, commands).replace(
        b"</ParameterSet>", b'<Parameter name="other" parameterTypeRef="p8"/></ParameterSet>'
    )


def test_a_command_sets_parameters_and_silences_alarms_by_what_it_has_reached():
    loaded = xtce.load(with_other(FOLLOWED))
    state = {"seen": 0}
    made = verification.Progress(
        loaded.commands["Set"], {"a": 1, "v": 1}, 100.0, lambda ref: state[ref.name]
    )

    def get(reference):
        return state[reference.name]

    assert made.settings(get) == {"seen": 16}
    assert made.suspended(100) == {"seen"}
    assert made.holds_others_back
    made.look(115, get, {"Report"})
    assert not made.holds_others_back
    assert made.suspended(116) == {"seen", "other"}
    assert made.suspended(121) == {"other"}
    state["seen"] = 1
    made.look(125, get)
    assert made.is_complete
    assert made.settings(get) == {"seen": 16, "other": 3.0}
    assert [look.returned for look in made.looks if look.verifier.returns] == [1]


BLOCK = (
    COMMANDS
    + """<BlockMetaCommand name="Both"><MetaCommandStepList>
<MetaCommandStep metaCommandRef="Set"><ArgumentAssignmentList>
<ArgumentAssignment argumentName="a" argumentValue="3"/></ArgumentAssignmentList></MetaCommandStep>
<MetaCommandStep metaCommandRef="Set"><ArgumentAssigmentList>
<ArgumentAssignment argumentName="a" argumentValue="4"/>
<ArgumentAssignment argumentName="v" argumentValue="2"/></ArgumentAssigmentList></MetaCommandStep>
</MetaCommandStepList></BlockMetaCommand>"""
)


OLD_BLOCK = BLOCK.replace(
    """metaCommandRef="Set"><ArgumentAssignmentList>
<ArgumentAssignment argumentName="a" argumentValue="3"/></ArgumentAssignmentList>""",
    """metaCommandRef="Set"><ArgumentList><Argument name="a" value="3"/></ArgumentList>""",
)
"""As 1.0 and 1.1 have it."""


@pytest.mark.parametrize("commands", [BLOCK, OLD_BLOCK])
def test_a_block_is_its_commands_one_behind_the_other(commands):
    loaded = definition(commands=commands)
    single = loaded.commands["Set"]
    sent = loaded.blocks["Both"].encode({"v": 1}, {})
    assert sent == [single.encode({"a": 3, "v": 1}), single.encode({"a": 4, "v": 2})]
    for steps, message in [
        ([{"v": 1}], "has 2 commands"),
        ([{}, {}], "v is missing"),
        ([{"v": 1}, {"v": 1}], "v is fixed"),
    ]:
        with pytest.raises(xtce.BadArguments, match=message):
            loaded.blocks["Both"].encode(*steps)


@pytest.mark.parametrize(
    ("commands", "message"),
    [
        (FOLLOWED.replace("0x10", "warm"), "ParameterToSet: warm is no value of seen"),
        (FOLLOWED.replace('"/S"', '"/T"'), "space system /T is not defined"),
        (FOLLOWED.replace("PT20S", "20"), "is no duration such as PT30S"),
        (FOLLOWED.replace('"release"', '"landed"'), 'setOnVerification="landed" is none of'),
        (BLOCK.replace('Value="4"', 'Value="99"'), "a: 99 is not"),
        (
            BLOCK.replace('Ref="Set"><ArgumentAssigm', 'Ref="Sat"><ArgumentAssigm'),
            "command Sat is not",
        ),
        (
            BLOCK.replace('Name="v" argumentValue="2"', 'Name="op" argumentValue="2"'),
            "takes no argument op",
        ),
        (
            BLOCK.replace('Ref="Set"><ArgumentAssigm', 'Ref="Both"><ArgumentAssigm'),
            "command Both is not",
        ),
    ],
)
def test_what_a_command_could_not_set_or_send_is_refused(commands, message):
    with pytest.raises(xtce.BadDefinition, match=message):
        xtce.load(with_other(commands))
