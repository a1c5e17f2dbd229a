"""Ephemerides: read in any form and frame, interpolated as they ask, refused by line."""

import pickle
from datetime import UTC, datetime

import numpy as np
import pytest

from constellation.orbits import elements, ephemeris, passes, propagation
from tests.constellation.orbits import fleet, oems

BETWEEN_S = fleet.NOON_S + np.arange(7.0, 3_600.0, 13.0)


def parse(text):
    return elements.parse(text.encode())


def only(text):
    parsed = parse(text)
    assert parsed.refused == []
    (found,) = parsed.ephemerides
    return found


def off_m(found, at_s=BETWEEN_S):
    """Return how far an ephemeris is from Skyfield's own flight, in metres and m/s."""
    position_m, velocity_m_s = found.states(at_s)
    true = oems.true_states(at_s) * 1000.0
    return (
        np.abs(position_m - true[:, :3]).max(),
        np.abs(velocity_m_s - true[:, 3:]).max(),
    )


@pytest.mark.parametrize("write", [str, oems.as_xml])
@pytest.mark.parametrize("frame", ["ITRF2020", "ITRF-93", "TEME", "EME2000", "GCRF", "ICRF"])
def test_an_ephemeris_in_any_frame_flies_as_skyfield_does(frame, write):
    lines = oems.states(frame="ITRF2020" if frame == "ITRF-93" else frame)
    found = only(write(oems.message(oems.segment(lines, REF_FRAME=frame))))

    # The states are given to a micrometre, a minute apart, and their epochs to a microsecond,
    # 8 mm of orbit; a polynomial of degree 7 leaves 0.1 mm of a low orbit.
    metres, metres_s = off_m(found)
    assert metres < 0.01
    assert metres_s < 1e-4
    assert (found.name, found.object_id, found.originator) == ("SCS-01 A", "2025-100A", "ZENITH")
    assert found.epoch_at == datetime(2026, 8, 22, 12, tzinfo=UTC)
    assert found.created_at == datetime(2026, 8, 22, 10, tzinfo=UTC)


@pytest.mark.parametrize("system", ["TAI", "GPS", "TT"])
def test_other_clocks_are_read_as_utc(system):
    found = only(oems.message(oems.segment(oems.states(system=system), TIME_SYSTEM=system)))
    assert abs(found.arcs[0].at_s - oems.fleet.NOON_S - 60.0 * np.arange(61)).max() < 1e-5
    assert off_m(found)[0] < 0.1


def test_ut1_and_tdb_are_within_a_second_of_theirs():
    lines = oems.states()
    ut1 = only(oems.message(oems.segment(lines, TIME_SYSTEM="UT1"))).arcs[0].at_s[0]
    assert ut1 + oems.time_at(ut1).dut1 == pytest.approx(fleet.NOON_S, abs=1e-4)
    tdb = only(oems.message(oems.segment(lines, TIME_SYSTEM="TDB"))).arcs[0].at_s[0]
    assert tdb + 69.184 == pytest.approx(fleet.NOON_S, abs=0.002)


@pytest.mark.parametrize(
    ("method", "degree", "metres"),
    # What each leaves in a low orbit at a minute's step: linear v²h²/8r = 3.6 km. SGP4's velocity
    # is up to 2 cm/s off the slope of its positions, which Hermite's way must meet: 0.8 m.
    [
        ("LINEAR", "1", 4_000),
        ("LAGRANGE", "5", 0.1),
        ("LAGRANGE", "9", 1e-3),
        ("HERMITE", "7", 1.0),
    ],
)
def test_each_interpolation_is_as_good_as_its_degree(method, degree, metres):
    text = oems.segment(INTERPOLATION=method, INTERPOLATION_DEGREE=degree)
    found = only(oems.message(text))
    assert off_m(found)[0] < metres
    # At the states themselves every one of them is exact.
    assert off_m(found, found.arcs[0].at_s)[0] < 1e-3


@pytest.mark.parametrize("degree", [3, 5, 7, 9])
def test_hermite_is_exact_for_a_polynomial_of_its_degree(degree):
    at_s = np.cumsum([0.0, 50.0, 70.0, 60.0, 61.0, 40.0, 60.0, 75.0])
    wave = np.polynomial.Polynomial(np.arange(1.0, degree + 2.0), domain=[0, 450], window=[-1, 1])
    columns = [wave(at_s)] * 3 + [wave.deriv()(at_s)] * 3
    arc = ephemeris.Arc(at_s, np.column_stack(columns), 0.0, 416.0, "HERMITE", degree)

    between_s = np.linspace(0.0, 416.0, 97)
    found = arc.at(between_s)
    np.testing.assert_allclose(found[:, 1], wave(between_s), rtol=1e-10)
    np.testing.assert_allclose(found[:, 4], wave.deriv()(between_s), rtol=1e-8, atol=1e-10)


def test_without_a_method_it_is_hermite_of_degree_7():
    found = only(oems.message(oems.segment(INTERPOLATION=None, INTERPOLATION_DEGREE=None)))
    assert (found.arcs[0].method, found.arcs[0].degree) == ("HERMITE", 7)


def test_nothing_is_interpolated_across_segments_nor_outside_of_what_is_useable():
    first = oems.segment(oems.states(count=21), USEABLE_START_TIME="2026-08-22T12:02:00")
    # A minute is missing, as around a manoeuvre.
    second = oems.segment(oems.states(fleet.NOON_S + 1_260.0, count=20))
    found = only(oems.message(first, second))

    at_s = fleet.NOON_S + np.array([119.9, 120.0, 1_200.0, 1_230.0, 1_260.0, 2_400.0, 2_400.1])
    known = np.isfinite(found.states(at_s)[0][:, 0])
    assert known.tolist() == [False, True, True, False, True, True, False]
    assert off_m(found, fleet.NOON_S + np.arange(121.0, 1_200.0, 7.0))[0] < 0.05


def test_a_jump_between_touching_segments_stays_a_jump():
    lines = oems.states(fleet.NOON_S + 1_200.0, count=20)
    moved = []
    for line in lines:
        words = line.split()
        moved.append(" ".join([words[0], f"{float(words[1]) + 5.0:.9f}", *words[2:]]))
    found = only(oems.message(oems.segment(oems.states(count=21)), oems.segment(moved)))

    just_before, at = found.states(fleet.NOON_S + np.array([1_199.999, 1_200.0]))[0]
    assert at[0] - just_before[0] == pytest.approx(5_000.0, abs=20.0)


def test_accelerations_and_covariances_are_passed_over():
    lines = [f"{line} 0.001 0.001 0.001" for line in oems.states()]
    covariance = (
        "COVARIANCE_START\nEPOCH = 2026-08-22T12:00:00\nCOV_REF_FRAME = RTN\n"
        + "\n".join(" ".join(["1e-3"] * count) for count in range(1, 7))
        + "\nCOVARIANCE_STOP\n"
    )
    found = only(
        oems.message(
            oems.segment(lines) + covariance,
        )
    )
    assert len(found.arcs[0].at_s) == 61


def test_it_comes_out_of_the_database_as_it_went_in():
    found = only(oems.message())
    again = ephemeris.unpack(ephemeris.pack(found))
    np.testing.assert_array_equal(again.states(BETWEEN_S)[0], found.states(BETWEEN_S)[0])
    assert (again.name, again.created_at) == (found.name, found.created_at)


def test_orbits_fly_an_ephemeris_inside_its_span_and_elements_outside():
    found = only(oems.message())
    mean = fleet.element_sets()[0]
    at_s = fleet.NOON_S + np.array([-600.0, 30.0, 1_800.0, 4_000.0])
    plain = propagation.Orbits([("other", mean), ("it", mean)]).states(at_s)

    alone = propagation.Orbits([("other", mean), ("it", found)])
    seen = alone.states(at_s)
    assert np.isfinite(seen.position_m[1, :, 0]).tolist() == [False, True, True, False]
    assert "not useable at 2026-08-22T11:50:00Z" in seen.refused["it"]
    np.testing.assert_array_equal(seen.position_m[0], plain.position_m[0])

    both = propagation.Orbits([("other", mean), ("it", found.flown_outside_by(mean))])
    seen = both.states(at_s)
    assert seen.refused == {}
    # The ephemeris was written by the same elements: they agree to its own rounding.
    np.testing.assert_allclose(seen.position_m, plain.position_m, atol=0.05)
    assert (seen.position_m[1, 1:3] != plain.position_m[1, 1:3]).any()

    for orbits in (alone, both, pickle.loads(pickle.dumps(both))):
        grid = orbits.states(at_s)
        which = np.repeat([1, 0], len(at_s))
        position_m, velocity_m_s = orbits.states_of(which, np.tile(at_s, 2))
        np.testing.assert_allclose(position_m[:4], grid.position_m[1], atol=1e-6)
        np.testing.assert_allclose(velocity_m_s[:4], grid.velocity_m_s[1], atol=1e-9)
        np.testing.assert_allclose(position_m[4:], grid.position_m[0], atol=1e-6)
        np.testing.assert_array_equal(
            orbits.part(1, 2).states(at_s).position_m[0], grid.position_m[1]
        )


def test_in_sgp4s_own_frame_an_ephemeris_is_where_its_elements_are():
    found, mean = only(oems.message()), fleet.element_sets()[0]
    at_s = fleet.NOON_S + np.array([-60.0, 30.0, 1_800.0])
    position_m, velocity_m_s = propagation.Orbits([("it", found)]).teme(at_s)
    right_m, right_m_s = propagation.Orbits([("it", mean)]).teme(at_s)

    assert np.isfinite(position_m[0, :, 0]).tolist() == [False, True, True]
    np.testing.assert_allclose(position_m[0, 1:], right_m[0, 1:], atol=0.05)
    np.testing.assert_allclose(velocity_m_s[0, 1:], right_m_s[0, 1:], atol=1e-3)


def test_passes_by_an_ephemeris_are_those_of_its_elements():
    day = oems.segment(oems.states(count=1_441))
    found = only(oems.message(day))
    sites = [fleet.site(each) for each in fleet.stations()]
    mean = fleet.element_sets()[0]
    start_s, end_s = fleet.NOON_S, fleet.NOON_S + 86_400.0

    def seen(orbit):
        return passes.find_passes(propagation.Orbits([("it", orbit)]), sites, start_s, end_s).passes

    theirs, ours = seen(mean), seen(found)
    assert len(ours) == len(theirs) > 20
    np.testing.assert_array_equal(ours.station, theirs.station)
    np.testing.assert_allclose(ours.aos_s, theirs.aos_s, rtol=0, atol=0.001)
    np.testing.assert_allclose(ours.los_s, theirs.los_s, rtol=0, atol=0.001)


def test_passes_end_where_an_ephemeris_does():
    found = only(oems.message(oems.segment(oems.states(count=361))))
    sites = [fleet.site(each) for each in fleet.stations()]
    seen = passes.find_passes(
        propagation.Orbits([("it", found)]), sites, fleet.NOON_S - 7_200, fleet.NOON_S + 36_000
    )
    assert len(seen.passes) > 3
    assert seen.passes.aos_s.min() >= fleet.NOON_S - 60
    assert seen.passes.los_s.max() <= fleet.NOON_S + 21_600 + 60
    assert "not useable" in seen.refused["it"]


LINES = oems.states(count=20)


def changed(row, column, word):
    words = LINES[row].split()
    words[column] = word
    return [*LINES[:row], " ".join(words), *LINES[row + 1 :]]


WRONG = [
    ({"REF_FRAME": "MOONBASE"}, LINES, "REF_FRAME is MOONBASE; right is ITRF"),
    ({"REF_FRAME": "TOD"}, LINES, "REF_FRAME is TOD; right is ITRF"),
    ({"REF_FRAME": None}, LINES, "REF_FRAME is missing"),
    ({"TIME_SYSTEM": "MET"}, LINES, "TIME_SYSTEM is MET; right is UTC, TAI"),
    ({"TIME_SYSTEM": None}, LINES, "TIME_SYSTEM is missing"),
    ({"CENTER_NAME": "MARS BARYCENTER"}, LINES, "CENTER_NAME is MARS BARYCENTER; right is EARTH"),
    ({"OBJECT_ID": None}, LINES, "OBJECT_ID is missing"),
    ({"INTERPOLATION": "SPLINE"}, LINES, "INTERPOLATION is SPLINE; right is HERMITE"),
    ({"INTERPOLATION_DEGREE": None}, LINES, "INTERPOLATION_DEGREE is missing"),
    ({"INTERPOLATION_DEGREE": "99"}, LINES, "INTERPOLATION_DEGREE is '99'; right is 1 to 25"),
    ({"INTERPOLATION_DEGREE": "7.5"}, LINES, "INTERPOLATION_DEGREE is '7.5'"),
    ({}, LINES[:1], "it has 1 states; LAGRANGE of degree 7 takes at least 8"),
    ({}, [], "it has 0 states"),
    ({"INTERPOLATION": "LAGRANGE"}, LINES[:7], "takes at least 8"),
    ({}, [LINES[1], LINES[0], *LINES[2:]], "is not after the one before it"),
    ({}, [*LINES[:9], LINES[8], *LINES[9:]], "is not after the one before it"),
    ({}, [*LINES[:6], *LINES[14:]], "540 s pass since the state before"),
    ({}, changed(5, 1, "NaN"), "a state's value is 'NaN'; right is a decimal number"),
    ({}, changed(5, 1, "1,5"), "right is a decimal number with a point, not a comma"),
    ({}, changed(5, 1, "1e400"), "a state's value is '1e400', which is too large"),
    ({}, changed(5, 0, "2026-08-22T12:05:00+02:00"), "the epoch ends in '+02:00'; right is UTC"),
    ({}, changed(5, 0, "2026-08-32T12:05:00"), "the epoch is '2026-08-32T12:05:00'"),
    ({}, changed(5, 4, ""), "6 columns; right is an epoch, X, Y, Z"),
    ({}, changed(5, 1, "0.1"), "of the states beside it"),
    ({}, changed(5, 1, "9000000"), "km from the centre of the Earth; right is 6300 to"),
    ({}, changed(5, 4, "77"), "the speed is 77"),
    ({"STOP_TIME": "2026-08-22T11:00:00"}, LINES, "STOP_TIME is not after START_TIME"),
    ({"USEABLE_STOP_TIME": "2026-08-22T15:00:00"}, LINES, "right is within them"),
    ({"USEABLE_STOP_TIME": "2026-08-22T12:00:00"}, LINES, "useable ends before it starts"),
    ({"OBJECT_NAME": "SCS\x07"}, LINES, "OBJECT_NAME holds the character"),
]


@pytest.mark.parametrize("write", [str, oems.as_xml])
@pytest.mark.parametrize(("meta", "lines", "problem"), WRONG)
def test_a_wrong_segment_is_refused_and_the_others_fly(meta, lines, problem, write):
    if write is oems.as_xml and "columns" in problem:
        problem = "Z_DOT is missing in a state"
    if write is oems.as_xml and "OBJECT_NAME" in meta:
        problem = "not XML"
    good = oems.segment(oems.states(fleet.NOON_S + 7_200.0, count=10), OBJECT_NAME="OTHER")
    parsed = parse(write(oems.message(oems.segment(lines, **meta), good)))

    assert problem in str(parsed.refused[0]), parsed.refused
    assert parsed.refused[0].line > 0
    if "not XML" not in problem:
        assert len(parsed.refused) == 1, parsed.refused
        assert [each.name for each in parsed.ephemerides] == ["OTHER"]


def test_the_line_of_a_wrong_state_is_named():
    text = oems.message(oems.segment(changed(5, 1, "NaN")))
    line = next(n for n, said in enumerate(text.splitlines(), 1) if "NaN" in said)
    assert parse(text).refused[0].line == line


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (oems.message(version="9.9"), "CCSDS_OEM_VERS is '9.9'; right is 1.0, 2.0, 3.0"),
        (oems.message().replace("META_STOP\n", ""), "right is KEYWORD = value, up to META_STOP"),
        (oems.message() + "META_START\nOBJECT_NAME = X\n", "META_START has no META_STOP after it"),
        (oems.message().replace("META_START\n", ""), "META_STOP has no META_START before it"),
        ("CCSDS_OEM_VERS = 3.0\nCREATION_DATE = 2026-08-22T10:00:00\n", "has no segment"),
        (oems.message() + "COVARIANCE_STOP\n", "COVARIANCE_STOP has no COVARIANCE_START"),
        (oems.message() + "COVARIANCE_START\n1 2\n", "COVARIANCE_START has no COVARIANCE_STOP"),
        ("stray\n" + oems.message(), "'stray' is wrong; right is KEYWORD = value"),
        (oems.message() + oems.segment(), "right is in order, touching at most"),
        (oems.message() + oems.message(), "stands on line 1 already"),
        ("CCSDS_AEM_VERS = 1.0\nX = 1\n", "CCSDS_AEM_VERS opens another kind of message"),
    ],
)
def test_a_message_that_is_put_together_wrong_is_told_so(text, problem):
    parsed = parse(text)
    assert any(problem in str(each) for each in parsed.refused), parsed.refused


def test_units_in_xml_must_be_what_the_standard_says():
    text = oems.as_xml(oems.message()).replace("<X>", '<X units="m">', 1)
    assert "X is in 'm'; right is km" in str(parse(text).refused[0])


def test_a_broken_message_in_xml_costs_itself_alone():
    first, second = oems.message(), oems.message(oems.segment(OBJECT_NAME="OTHER"))
    text = f"<ndm>{oems.as_xml(first)}{oems.as_xml(second)}</ndm>".replace("</metadata>", "", 1)
    parsed = parse(text)
    assert [each.name for each in parsed.ephemerides] == ["OTHER"]
    assert "not XML" in str(parsed.refused[0])
