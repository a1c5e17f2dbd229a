"""The fast way to passes gives those of the slow one, for every orbit, mask and span."""

from dataclasses import replace
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from constellation.orbits import elements, frames, look, low, nodes, passes, propagation
from constellation.orbits.nodes import Nodes, Polynomials
from tests.constellation.orbits import fleet

DAY_S = 86_400.0
CATALOGUE = Path(__file__).parents[2] / "reference" / "elements" / "leo-2800.tle"


@cache
def catalogue():
    """Return every 56th of 2,800 real low orbits."""
    taken = elements.parse(CATALOGUE.read_bytes()).taken[::56]
    return propagation.Orbits([(str(number), each) for number, each in enumerate(taken)])


def slowly(monkeypatch, *asked):
    """Find passes as of an orbit that nothing is supposed of."""
    with monkeypatch.context() as patch:
        patch.setattr(low, "suits", lambda grid: np.zeros(len(grid.position_m), dtype=bool))
        return passes.find_passes(*asked).passes


def assert_same(one, other):
    """Compare passes, except for the shortest: 5 ms of either may be seen by one alone."""
    keys = []
    for each in (one, other):
        kept = np.flatnonzero(each.los_s - each.aos_s > 0.005)
        order = np.lexsort((each.aos_s[kept], each.station[kept], each.satellite[kept]))
        keys.append(kept[order])
    mine, theirs = keys
    assert len(mine) == len(theirs)
    for name in ("satellite", "station", "begun_before", "ends_after"):
        np.testing.assert_array_equal(getattr(one, name)[mine], getattr(other, name)[theirs])
    for name, within in (
        ("aos_s", 1e-3),
        ("los_s", 1e-3),
        ("tca_s", 0.01),  # Flat: 1e-9 radians at the top of a low pass.
        ("max_elevation_rad", 1e-7),
        ("aos_range_m", 10.0),
        ("tca_range_rate_m_s", 1.0),
        # SGP4's own velocity is not the derivative of its position, by some 0.03 m/s.
        ("los_range_rate_m_s", 0.1),
    ):
        np.testing.assert_allclose(
            getattr(one, name)[mine], getattr(other, name)[theirs], rtol=0, atol=within
        )


@pytest.mark.parametrize("mask_deg", [-3.0, 0.0, 10.0, 60.0, 88.0])
def test_real_low_orbits_have_the_passes_of_the_slow_way(monkeypatch, mask_deg):
    sites = [
        replace(fleet.site(station), mask_rad=np.radians(mask_deg))
        for station in fleet.stations()[::4]
    ]
    asked = catalogue(), sites, fleet.NOON_S, fleet.NOON_S + DAY_S / 2

    found = passes.find_passes(*asked).passes

    assert len(found) > 5
    assert low.suits(Nodes.over(*asked[:1], *asked[2:])).all()
    assert_same(found, slowly(monkeypatch, *asked))


@pytest.mark.parametrize("lasts_s", [60.0, 400.0, 7_000.0, 8 * DAY_S])
def test_any_span_has_the_passes_of_the_slow_way(monkeypatch, lasts_s):
    orbits = catalogue().part(0, 50 if lasts_s < DAY_S else 2)
    sites = [fleet.site(station) for station in fleet.stations()[::3]]
    asked = orbits, sites, fleet.NOON_S + 777.0, fleet.NOON_S + 777.0 + lasts_s

    found = passes.find_passes(*asked).passes

    assert len(found) > 0
    assert_same(found, slowly(monkeypatch, *asked))


def test_poles_and_the_equator(monkeypatch):
    sites = [frames.Site.from_degrees(latitude_deg, 0.0, 0.0, 5.0) for latitude_deg in (-90, 0, 90)]
    asked = catalogue(), sites, fleet.NOON_S, fleet.NOON_S + DAY_S / 2
    found = passes.find_passes(*asked).passes
    assert set(found.station.tolist()) == {0, 1, 2}
    assert_same(found, slowly(monkeypatch, *asked))


def test_polynomials_hold_their_tolerance_and_know_where():
    grid = Nodes.over(catalogue(), fleet.NOON_S, fleet.NOON_S + DAY_S)
    reach = grid.reach_steps()
    assert (reach > 2.0).all()
    which = np.arange(len(catalogue()))
    polynomials = Polynomials(grid, which, np.full(len(which), fleet.NOON_S + 40_000.0))
    for part in np.linspace(-1.0, 1.0, 41):
        at_s = polynomials.middle_s + part * reach * nodes.STEP_S
        position_m, velocity_m_s = polynomials.states(at_s)
        truth_m, truth_m_s = catalogue().states_of(which, at_s)
        assert np.linalg.norm(position_m.T - truth_m, axis=1).max() < 0.01
        # As above: the polynomial's is the derivative of the position.
        assert np.linalg.norm(velocity_m_s.T - truth_m_s, axis=1).max() < 0.2


def test_an_orbit_that_jumps_or_ends_is_not_carried():
    grid = Nodes.over(catalogue().part(0, 3), fleet.NOON_S, fleet.NOON_S + DAY_S)
    position_m = grid.position_m.copy()
    position_m[0, 200:] += 10.0
    position_m[1, 300:] = np.nan
    bent = replace(grid, position_m=position_m)
    assert (bent.reach_steps() < 0.5).tolist() == [True, True, False]
    assert low.suits(bent).tolist() == [True, False, True]


def test_a_satellite_cut_by_the_span_while_it_climbs_is_highest_at_the_end(monkeypatch):
    sites = [fleet.site(station) for station in fleet.stations()]
    whole = passes.find_passes(fleet.orbits(), sites, fleet.NOON_S, fleet.NOON_S + 7_200.0).passes
    k = int(np.flatnonzero(~whole.begun_before & (whole.tca_s < fleet.NOON_S + 6_000.0))[0])
    end_s = whole.tca_s[k] - 30.0
    asked = fleet.orbits(), sites, fleet.NOON_S, end_s
    for found in (passes.find_passes(*asked).passes, slowly(monkeypatch, *asked)):
        mine = (found.satellite == whole.satellite[k]) & (found.station == whole.station[k])
        mine &= found.ends_after
        assert found.tca_s[mine].tolist() == [end_s]


orbits_of_any_kind = st.fixed_dictionaries(
    {
        "perigee_m": st.one_of(st.floats(160_000.0, 3_000_000.0), st.floats(3e6, 4e7)),
        "eccentricity": st.one_of(st.floats(0.0, 0.02), st.floats(0.0, 0.8)),
        "inclination_deg": st.floats(0.0, 179.0),
        "node_deg": st.floats(0.0, 359.0),
        "perigee_argument_deg": st.floats(0.0, 359.0),
        "mean_anomaly_deg": st.floats(0.0, 359.0),
    }
)


def orbit(*, perigee_m, eccentricity, **angles):
    radius_m = (6_378_135.0 + perigee_m) / (1.0 - eccentricity)
    return elements.ElementSet(
        name="any",
        object_id="",
        catalogue_number="",
        epoch_at=fleet.element_sets()[0].epoch_at,
        mean_motion_rev_per_day=np.sqrt(3.986008e14 / radius_m**3) * DAY_S / (2 * np.pi),
        eccentricity=eccentricity,
        **angles,
    )


@settings(max_examples=60, deadline=None)
@given(
    shape=orbits_of_any_kind,
    latitude_deg=st.floats(-90.0, 90.0),
    longitude_deg=st.floats(-180.0, 180.0),
    mask_deg=st.floats(-5.0, 89.0),
    start_s=st.floats(0.0, DAY_S),
    lasts_s=st.floats(30.0, 30_000.0),
)
def test_any_orbit_over_any_site_agrees_with_sgp4_every_second(
    shape, latitude_deg, longitude_deg, mask_deg, start_s, lasts_s
):
    orbits = propagation.Orbits([("any", orbit(**shape))])
    site = frames.Site.from_degrees(latitude_deg, longitude_deg, 0.0, mask_deg)
    start_s += fleet.NOON_S
    end_s = start_s + lasts_s
    found = passes.find_passes(orbits, [site], start_s, end_s).passes

    grid_s = np.append(np.arange(start_s, end_s, 1.0), end_s)
    seen = look.look_angles(site, orbits.states(grid_s).position_m[0]).elevation_rad
    inside = np.zeros(len(grid_s), dtype=bool)
    for k in range(len(found)):
        here = (grid_s >= found.aos_s[k]) & (grid_s <= found.los_s[k])
        inside |= here
        if here.any():
            # A second moves a satellite at 160 km by three degrees at most.
            assert -1e-8 <= found.max_elevation_rad[k] - seen[here].max() < 0.03
        for cut, at_s, edge_s in (
            (found.begun_before[k], found.aos_s[k], start_s),
            (found.ends_after[k], found.los_s[k], end_s),
        ):
            assert not cut or at_s == edge_s
    clear = np.abs(seen - site.mask_rad) > 1e-6
    np.testing.assert_array_equal(inside[clear], (seen > site.mask_rad)[clear])


def test_more_processes_find_the_same_and_tell_how_far_they_are():
    sites = [fleet.site(station) for station in fleet.stations()]
    asked = catalogue(), sites, fleet.NOON_S, fleet.NOON_S + DAY_S
    told = []

    together = passes.find_passes(*asked, workers=2, progress=told.append).passes

    alone = passes.find_passes(*asked).passes
    for name in alone.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(together, name), getattr(alone, name))
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert len(told) > 1


def count_in_a_daemon(answers):
    sites = [fleet.site(station) for station in fleet.stations()]
    asked = catalogue(), sites, fleet.NOON_S, fleet.NOON_S + DAY_S
    answers.put(len(passes.find_passes(*asked, workers=2).passes))


def test_nobody_shared_among_processes_has_no_passes():
    found = passes.find_passes(propagation.Orbits([]), [], 0.0, 60.0, workers=2)
    assert len(found.passes) == 0


def test_a_process_that_may_have_no_children_does_the_work_itself():
    context = get_context("spawn")
    answers = context.Queue()
    daemon = context.Process(target=count_in_a_daemon, args=(answers,), daemon=True)
    daemon.start()
    assert answers.get(timeout=60) > 1_000
    daemon.join(60)
    assert daemon.exitcode == 0
