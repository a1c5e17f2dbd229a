"""Element sets: what is good is taken, and each wrong entry is told what is wrong with it."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sgp4 import omm as sgp4_omm
from sgp4.alpha5 import to_alpha5
from sgp4.api import Satrec
from sgp4.exporter import export_tle

from constellation.orbits import elements, omm, propagation, tle
from tests.constellation.orbits import fleet

LINES = fleet.TLE.read_text().splitlines()
NAME, FIRST, SECOND = LINES[:3]
GOOD = "\n".join(LINES[3:6]) + "\n"
FIELDS = {key: str(value) for key, value in omm.to_fields(fleet.element_sets()[0]).items()}


def parse(text):
    return elements.parse(text.encode())


def problem_of(text):
    """Return the only refusal of a file whose one other entry is good."""
    parsed = parse(text)
    assert [taken.name for taken in parsed.taken] == ["SCS-01 B"], parsed.refused
    assert len(parsed.refused) == 1, parsed.refused
    return str(parsed.refused[0])


def resummed(line):
    return line[:68] + str(tle.checksum(line))


def test_the_reference_file_is_read_whole():
    parsed = elements.parse(fleet.TLE.read_bytes())

    assert parsed.refused == []
    assert len(parsed.taken) == 13
    first = parsed.taken[0]
    assert (first.name, first.object_id, first.catalogue_number) == (
        "SCS-01 A",
        "2025-100A",
        "63982",
    )
    assert first.bstar_per_earth_radius == pytest.approx(0.71936e-3)
    assert first.line == 2


def test_sgp4_gets_the_same_record_as_from_its_own_reader():
    theirs = Satrec.twoline2rv(FIRST, SECOND)
    ours = propagation.satrec(fleet.element_sets()[0])

    for name in ("bstar", "ecco", "argpo", "inclo", "mo", "no_kozai", "nodeo", "ndot", "nddot"):
        assert getattr(ours, name) == pytest.approx(getattr(theirs, name), rel=1e-12), name
    # Epochs are kept to the microsecond.
    epochs = [record.jdsatepoch + record.jdsatepochF for record in (ours, theirs)]
    assert epochs[0] == pytest.approx(epochs[1], abs=1e-9)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"{NAME}\n{FIRST[:-1]}5\n{SECOND}\n", "checksum 5; right is 2"),
        (f"{NAME}\n{FIRST}\n{SECOND[:20]}9{SECOND[21:]}\n", "line 2 ends in the checksum 3"),
        (f"{NAME}\n{SECOND}\n{FIRST}\n{GOOD}", None),
        (f"{NAME}\n{FIRST[:50]}\n{SECOND}\n", "line 1 has 50 characters; right is 69"),
        (f"{NAME}\n{FIRST}\n", "line 1"),
        (f"{NAME}\n{SECOND}\n", "line 2 stands before its line 1 or without it"),
        (f"{NAME}\n{FIRST}\n{resummed(SECOND.replace('63982', '63983'))}\n", "of 63982 and line 2"),
        (f"{NAME}\n{resummed(FIRST.replace('26233.', '26366.'))}\n{SECOND}\n", "day 366"),
        (f"{NAME}\n{resummed(FIRST.replace('26233.', '26000.'))}\n{SECOND}\n", "day 0"),
        (f"{NAME}\n{FIRST}\n{resummed(SECOND.replace(' 97.3629', '197.3629'))}\n", "inclination"),
        (f"{NAME}\n{FIRST}\n{resummed(SECOND.replace('15.212', '35.212'))}\n", "mean motion 35"),
        (f"{NAME}\n{FIRST}\n{resummed(SECOND.replace('15.212', '1x.212'))}\n", "not a number"),
        (f"{NAME}\n{resummed(FIRST.replace(' 71936-3', ' 7!936-3'))}\n{SECOND}\n", "B*"),
        (f"{NAME}\n{resummed(FIRST.replace('25100A', '2510!A'))}\n{SECOND}\n", "designator"),
        ("what is this\n", "no part of an element set"),
    ],
)
def test_a_malformed_tle_is_refused_and_the_rest_is_taken(text, problem):
    parsed = parse(text if text.endswith(GOOD) else text + GOOD)
    assert [taken.name for taken in parsed.taken] == ["SCS-01 B"]
    assert parsed.refused
    if problem:
        assert problem in str(parsed.refused[0])
        assert len(parsed.refused) == 1


def test_swapped_lines_say_what_is_right():
    parsed = parse(f"{NAME}\n{SECOND}\n{FIRST}\n{GOOD}")
    assert str(parsed.refused[0]) == (
        "line 2 (SCS-01 A): line 2 stands before its line 1 or without it; "
        "right is the name, line 1, line 2"
    )


def test_a_name_line_may_be_missing_or_numbered():
    assert parse(f"{FIRST}\n{SECOND}\n").taken[0].name == ""
    assert parse(f"0 {NAME}\r\n{FIRST}\r\n{SECOND}\r\n").taken[0].name == NAME


def test_two_names_in_a_row_cost_only_the_first():
    assert "'STRAY' is no part" in problem_of("STRAY\n" + GOOD)


def test_a_repeated_element_set_is_taken_once():
    assert "stands on line 2 already, with the same elements" in problem_of(GOOD + GOOD)
    other = GOOD.splitlines()
    other[2] = resummed(other[2].replace("97.3585", "97.3586"))
    assert "with other elements" in problem_of(GOOD + "\n".join(other))


def test_two_epochs_of_one_satellite_are_both_taken():
    earlier = GOOD.splitlines()
    earlier[1] = resummed(earlier[1].replace("26234.", "26233."))
    assert len(parse(GOOD + "\n".join(earlier)).taken) == 2


@pytest.mark.parametrize("number", [5, 99_999, 100_000, 148_493, 182_931, 234_018, 339_999])
def test_alpha_5_agrees_with_sgp4(number):
    assert tle.catalogue_number(to_alpha5(number)) == str(number)


@pytest.mark.parametrize("field", ["I0001", "O0001", "A001", "a0001", "1A000", "     "])
def test_wrong_catalogue_numbers_are_refused(field):
    with pytest.raises(elements.BadEntry, match="Alpha-5"):
        tle.catalogue_number(field)


def as_xml(*many, head="", tag="ndm"):
    messages = "".join(
        "<omm><header/><body><segment><metadata/><data>"
        + "".join(f"<{key}>{value}</{key}>" for key, value in fields.items())
        + "</data></segment></body></omm>\n"
        for fields in many
    )
    return f'<?xml version="1.0"?>{head}\n<{tag}>\n{messages}</{tag}>'


def as_kvn(*many):
    return "".join(
        "CCSDS_OMM_VERS = 3.0\nCOMMENT of the catalogue\n"
        + "".join(f"{key:20} = {value}\n" for key, value in fields.items())
        for fields in many
    )


def as_csv(*many):
    header = ",".join(many[0])
    return "\n".join([header, *(",".join(fields.values()) for fields in many)])


def as_json(*many):
    return "[" + ",\n".join(json.dumps(fields) for fields in many) + "]"


FORMATS = [as_json, as_xml, as_csv, as_kvn]


@pytest.mark.parametrize("write", FORMATS)
def test_every_form_of_an_omm_says_the_same(write):
    second = {**FIELDS, "OBJECT_NAME": "LONG", "NORAD_CAT_ID": "1234567890"}
    third = {**FIELDS, "OBJECT_NAME": "NEW", "NORAD_CAT_ID": "", "OBJECT_ID": ""}

    parsed = parse(write(FIELDS, second, third))

    assert parsed.refused == []
    assert parsed.taken == [
        fleet.element_sets()[0],
        replace(fleet.element_sets()[0], name="LONG", catalogue_number="1234567890"),
        replace(fleet.element_sets()[0], name="NEW", catalogue_number="", object_id=""),
    ]
    assert propagation.Orbits([("long", parsed.taken[1])]).states(fleet.NOON_S).refused == {}


WRONG_FIELDS = [
    ({"ECCENTRICITY": "1.0"}, "eccentricity 1.0 is wrong; right is 0 to below 1"),
    ({"ECCENTRICITY": "-0.1"}, "eccentricity -0.1"),
    ({"ECCENTRICITY": "NaN"}, "ECCENTRICITY is 'NaN'; right is a decimal number"),
    ({"MEAN_MOTION": "0"}, "mean motion 0.0"),
    ({"MEAN_MOTION": ""}, "MEAN_MOTION is missing"),
    ({"MEAN_MOTION": "0x10"}, "MEAN_MOTION is '0x10'"),
    ({"INCLINATION": "1e400"}, "INCLINATION is '1e400', which is too large for any number"),
    ({"EPOCH": "2026-08-22T12:00:00+08:00"}, "EPOCH ends in '+08:00'; right is UTC"),
    ({"EPOCH": "2126-08-22T12:00:00"}, "is outside of 1957-10-04 to 2057-01-01"),
    ({"EPOCH": "2026-13-22T12:00:00"}, "month must be in 1..12"),
    ({"EPOCH": "2026-02-30T12:00:00"}, "day"),
    ({"EPOCH": "yesterday"}, "EPOCH is 'yesterday'; right is as 2026-08-22T12:00:00.000000"),
    ({"TIME_SYSTEM": "TAI"}, "TIME_SYSTEM is TAI; right is UTC"),
    ({"REF_FRAME": "ICRF"}, "REF_FRAME is ICRF; right is TEME"),
    ({"CENTER_NAME": "MARS"}, "CENTER_NAME is MARS; right is EARTH"),
    ({"MEAN_ELEMENT_THEORY": "SGP4-XP"}, "MEAN_ELEMENT_THEORY is SGP4-XP; right is SGP4"),
    ({"NORAD_CAT_ID": "12a"}, "NORAD_CAT_ID is '12a'"),
    ({"NORAD_CAT_ID": "9" * 21}, "right is up to 20 digits"),
    ({"NORAD_CAT_ID": "", "OBJECT_ID": "UNKNOWN", "OBJECT_NAME": ""}, "neither a catalogue"),
]


@pytest.mark.parametrize("write", FORMATS)
@pytest.mark.parametrize(("wrong", "problem"), WRONG_FIELDS)
def test_a_wrong_field_refuses_one_message_and_spares_the_rest(write, wrong, problem):
    good = {**FIELDS, "OBJECT_NAME": "SCS-01 B", "NORAD_CAT_ID": "63983"}
    assert problem in problem_of(write({**FIELDS, **wrong}, good))


def test_epochs_by_day_of_year_and_with_z():
    for epoch in ("2026-233T19:03:38.061792", "2026-08-21T19:03:38.061792Z"):
        assert parse(as_json({**FIELDS, "EPOCH": epoch})).taken == [fleet.element_sets()[0]]


def test_numbers_in_json_may_be_numbers():
    fields = omm.to_fields(fleet.element_sets()[0])
    assert parse(json.dumps(fields)).taken == [fleet.element_sets()[0]]


def test_a_broken_json_message_costs_itself_alone():
    good = json.dumps({**FIELDS, "OBJECT_NAME": "SCS-01 B"})
    text = f'[{json.dumps(FIELDS)[:-1]}, "X": }},\n{good}]'
    assert "not JSON: Expecting value on line 1" in problem_of(text)
    assert "a message is an object" in problem_of(f"[17, {good}]")


def test_a_csv_row_too_short_is_named():
    good = {**FIELDS, "OBJECT_NAME": "SCS-01 B"}
    text = as_csv(FIELDS, good).replace(",0,U,63982", "", 1)
    assert "columns; right is" in problem_of(text)


def test_xml_with_its_own_namespace_is_read():
    text = as_xml(FIELDS).replace("<ndm>", '<ndm xmlns="urn:ccsds:schema:ndmxml">')
    assert parse(text).taken == [fleet.element_sets()[0]]


def test_xml_that_breaks_off_is_read_up_to_there():
    text = as_xml({**FIELDS, "OBJECT_NAME": "SCS-01 B"}, FIELDS)
    assert "line 4: not XML" in problem_of(text[: text.rindex("<BSTAR>")])


@pytest.mark.parametrize(
    "head",
    [
        '<!DOCTYPE ndm [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]>',
        '<!DOCTYPE ndm [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE ndm SYSTEM "http://example.org/evil.dtd">',
    ],
)
def test_xml_bombs_are_refused(head):
    parsed = parse(as_xml({**FIELDS, "OBJECT_NAME": "&b;"}, head=head))
    assert parsed.taken == []
    assert "document types and entities are refused" in str(parsed.refused[0])


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "the file is empty"),
        (b" \n\n", "the file is empty"),
        (b"\x89PNG\r\n\x1a\n", "is not UTF-8 text"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a": ' * 100_000, "message is"),  # flat, or longer than may be: by the interpreter
        (b"[", None),
        (b"<ndm></ndm>", "no <omm> and no <oem> is in it"),
        (b"EPOCH,MEAN_MOTION\n", None),
        (b"CCSDS_OMM_VERS = 2.0\nnonsense", "right is KEYWORD = value"),
    ],
)
def test_garbage_is_refused_and_never_raises(data, problem):
    parsed = elements.parse(data)
    assert parsed.taken == []
    if problem:
        assert problem in str(parsed.refused[0])


def test_ten_megabytes_of_garbage_are_refused_in_a_few_lines():
    parsed = elements.parse(b"all work and no play makes a dull file\n" * 260_000)
    assert parsed.taken == []
    assert len(parsed.refused) <= elements.MAX_REFUSALS + 1
    assert "more entries are wrong" in str(parsed.refused[-1])


def test_a_file_too_large_is_refused_whole():
    parsed = elements.parse(b" " * (elements.MAX_FILE_BYTES + 1))
    assert "so split it" in str(parsed.refused[0])


angles = st.floats(0.0, 359.9999)
element_sets = st.builds(
    elements.ElementSet,
    name=st.from_regex(r"[A-Z][A-Z0-9 -]{0,18}[A-Z0-9]", fullmatch=True),
    object_id=st.from_regex(r"20[0-4][0-9]-[0-9]{3}[A-Z]{1,3}", fullmatch=True),
    catalogue_number=st.integers(1, 10**15).map(str),
    epoch_at=st.timedeltas(timedelta(0), timedelta(days=35_000)).map(
        lambda later: elements.FIRST_EPOCH + later
    ),
    mean_motion_rev_per_day=st.floats(0.1, 17.0),
    eccentricity=st.floats(0.0, 0.9),
    inclination_deg=st.floats(0.0, 180.0),
    node_deg=angles,
    perigee_argument_deg=angles,
    mean_anomaly_deg=angles,
    bstar_per_earth_radius=st.floats(-0.01, 0.01).map(lambda value: round(value, 6)),
    revolution=st.integers(0, 99_999),
    element_set_number=st.integers(0, 9_999),
)


@given(element_sets)
def test_an_omm_comes_back_as_it_went_out(wanted):
    assert elements.parse(omm.to_json([wanted])).taken == [wanted]
    fields = {key: str(value) for key, value in omm.to_fields(wanted).items()}
    assert parse(as_xml(fields)).taken == [wanted]
    assert parse(as_kvn(fields)).taken == [wanted]


@given(element_sets, st.integers(1, 339_999))
def test_a_tle_written_by_sgp4_is_read_to_its_last_digit(wanted, number):
    record = Satrec()
    sgp4_omm.initialize(
        record, omm.to_fields(wanted) | {"NORAD_CAT_ID": 1, "OBJECT_ID": "2025-100A"}
    )
    # Its exporter spells 180000 and 230000 with the letters that Alpha-5 leaves out (sgp4 2.27);
    # its own `to_alpha5` does not.
    first, second = (
        resummed(line.replace("00001", to_alpha5(number), 1)) for line in export_tle(record)
    )

    parsed = parse(f"{first}\n{second}\n")

    assert parsed.refused == []
    read = parsed.taken[0]
    assert read.catalogue_number == str(number)
    # A TLE has eight decimals of a day, four of a degree and seven of the eccentricity.
    assert abs(read.epoch_at - wanted.epoch_at) < timedelta(milliseconds=1)
    assert read.inclination_deg == pytest.approx(wanted.inclination_deg, abs=6e-5)
    assert read.eccentricity == pytest.approx(wanted.eccentricity, abs=6e-8)
    assert read.mean_motion_rev_per_day == pytest.approx(wanted.mean_motion_rev_per_day, abs=6e-9)


@given(st.binary(max_size=300))
def test_any_bytes_are_taken_or_refused_with_words(data):
    parsed = elements.parse(data)
    assert parsed.taken or parsed.ephemerides or parsed.refused
    assert all(each.problem for each in parsed.refused)


@given(st.integers(0, 68), st.characters(codec="ascii"), st.booleans())
def test_one_wrong_character_is_noticed_or_harmless(place, character, in_first):
    lines = [FIRST, SECOND]
    line = lines[not in_first]
    lines[not in_first] = line[:place] + character + line[place + 1 :]
    parsed = parse(NAME + "\n" + "\n".join(lines) + "\n" + GOOD)

    names = [taken.name for taken in parsed.taken]
    assert "SCS-01 B" in names
    if "SCS-01 A" in names:
        # The checksum does not see letters, points, pluses and blanks.
        read = parsed.taken[names.index("SCS-01 A")]
        right = fleet.element_sets()[0]
        assert replace(
            read, object_id=right.object_id, classification="U", element_set_number=999
        ) == right or {line[place], character} & set(" +.-")


def test_what_follows_a_list_is_read_or_refused_and_never_dropped():
    one, other = (json.dumps(omm.to_fields(each)) for each in fleet.element_sets()[1:3])

    assert len(parse(f"[{one}]\n[{other}]").taken) == 2
    assert len(parse(f"{one}\n{other}").taken) == 2
    assert "line 2: not JSON" in problem_of(f"[{one}]\n{LINES[6]}\n{LINES[7]}\n{LINES[8]}")
    assert "the list has no ] at its end" in problem_of(f"[{one}")


@pytest.mark.parametrize("nothing", [b"[]", b"OBJECT_NAME,EPOCH\n"])
def test_a_file_that_is_whole_and_holds_nothing_says_so(nothing):
    parsed = elements.parse(nothing)
    (said,) = parsed.refused
    assert "no element set" in said.problem
