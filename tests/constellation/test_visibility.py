"""Passes of the fleet: computed in blocks, joined over their seams, and never out of date."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from constellation import catalogue, pass_blocks, visibility
from constellation.models import ElementSet, Satellite, Station
from constellation.orbits import elements, passes
from tests.factories import NOON, make_element_set, make_satellite, make_station

HIGH = elements.ElementSet(
    name="HIGH",
    object_id="",
    catalogue_number="",
    epoch_at=NOON,
    mean_motion_rev_per_day=1.00273791,
    eccentricity=0.0002,
    inclination_deg=0.05,
    node_deg=0.0,
    perigee_argument_deg=0.0,
    mean_anomaly_deg=0.0,
)


@pytest.fixture
def fleet(db):
    catalogue.load_reference(NOON)


def test_blocks_joined_are_the_passes_of_the_whole_span(fleet):
    start_at, end_at = NOON - timedelta(hours=1), NOON + timedelta(hours=29)
    rows = catalogue.elements_of_record(start_at)
    sites = [pass_blocks.site(station) for station in Station.objects.all()]
    whole = passes.find_passes(
        catalogue.orbits(rows), sites, start_at.timestamp() - 1_800, end_at.timestamp() + 1_800
    ).passes
    inside = (whole.los_s > start_at.timestamp()) & (whole.aos_s < end_at.timestamp())

    seen = visibility.passes_between(start_at, end_at).passes

    assert len(seen) == inside.sum()
    for column, mine in (
        (whole.aos_s, [each.aos_at.timestamp() for each in seen]),
        (whole.los_s, [each.los_at.timestamp() for each in seen]),
        (whole.tca_s, [each.tca_at.timestamp() for each in seen]),
        (whole.max_elevation_rad, [each.max_elevation_rad for each in seen]),
    ):
        # Two ways to close in on the same crossing, each to a ten-thousandth of a second.
        np.testing.assert_allclose(np.sort(mine), np.sort(column[inside]), rtol=0, atol=1e-3)


def test_a_satellite_that_never_sets_is_one_pass_over_all_blocks(db):
    row = make_element_set(elements=HIGH, satellite=make_satellite(code="HIGH"))
    position_m = catalogue.orbits([row]).states([NOON.timestamp()]).position_m[0, 0]
    longitude_deg = float(np.degrees(np.arctan2(position_m[1], position_m[0])))
    make_station(latitude_deg=5.0, longitude_deg=longitude_deg)

    (seen,) = visibility.passes_between(NOON, NOON + timedelta(hours=24)).passes

    assert seen.begun_before
    assert seen.ends_after
    assert seen.aos_at <= NOON
    assert seen.los_at >= NOON + timedelta(hours=24)
    cut = visibility.cut_to(seen, NOON, NOON + timedelta(hours=24))
    assert (cut.aos_at, cut.los_at) == (NOON, NOON + timedelta(hours=24))


def test_a_satellite_that_sgp4_refuses_is_named_and_spares_the_rest(fleet):
    falling = replace(catalogue.mean_elements(ElementSet.objects.first()), epoch_at=NOON)
    falling = replace(falling, mean_motion_rev_per_day=16.6, bstar_per_earth_radius=0.05)
    make_element_set(elements=falling, satellite=make_satellite(code="FALLING"))

    seen = visibility.passes_between(NOON, NOON + timedelta(hours=24))

    assert list(seen.refused) == ["FALLING"]
    assert "SGP4 refuses it" in seen.refused["FALLING"]
    others = [each for each in seen.passes if each.satellite.code != "FALLING"]
    assert len(others) == 1304


def test_a_new_element_set_changes_the_passes(fleet):
    a = Satellite.objects.get(code="SCS-01-A")
    span = (NOON, NOON + timedelta(hours=6))
    before = visibility.passes_between(*span, satellites=[a]).passes
    held = ElementSet.objects.get(satellite=a)
    moved = replace(catalogue.mean_elements(held), epoch_at=held.epoch_at + timedelta(minutes=10))
    make_element_set(elements=moved, satellite=a)

    after = visibility.passes_between(*span, satellites=[a]).passes

    assert [each.aos_at for each in before] != [each.aos_at for each in after]


def test_a_station_that_moves_its_mask_gets_other_passes(fleet):
    station = Station.objects.get(code="SGS")
    span = (NOON, NOON + timedelta(hours=6))
    low = visibility.passes_between(*span, stations=[station]).passes
    station.mask_deg = 30.0
    high = visibility.passes_between(*span, stations=[station]).passes

    def in_view(seen):
        return sum((each.los_at - each.aos_at for each in seen), timedelta(0))

    assert in_view(high) < 0.7 * in_view(low)
