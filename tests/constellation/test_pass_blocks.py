"""Passes are computed once for everybody, and never out of date."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from math import atan2, degrees

import pytest
from django.db import connection, transaction

from constellation import catalogue, pass_blocks, tasks, visibility
from constellation.models import ElementSet, PassBlock, Satellite, Station
from constellation.orbits import passes
from ops import clock
from tests.constellation.test_visibility import HIGH
from tests.factories import NOON, make_element_set, make_satellite, make_station

HOURS = timedelta(hours=1)
SPAN = (NOON, NOON + 6 * HOURS)


@pytest.fixture
def fleet(transactional_db):
    pass_blocks.forget()
    catalogue.load_reference(NOON)


@pytest.fixture
def computed(monkeypatch):
    """The satellites and blocks that are really computed, by code and start."""
    asked, find = [], passes.find_passes

    def counted(orbits, sites, start_s, end_s, **details):
        asked.extend((name, start_s) for name in orbits.names)
        return find(orbits, sites, start_s, end_s, **details)

    monkeypatch.setattr(passes, "find_passes", counted)
    return asked


def aos_of(seen):
    return [each.aos_at for each in seen.passes]


def test_another_process_finds_what_the_first_one_computed(fleet, computed):
    first = visibility.passes_between(*SPAN)
    assert len(computed) == 13 * 3
    computed.clear()

    pass_blocks.forget()
    again = visibility.passes_between(*SPAN)

    assert computed == []
    assert aos_of(again) == aos_of(first)
    assert again.refused == first.refused


def test_processes_that_lack_the_same_share_the_work(fleet, computed, monkeypatch):
    monkeypatch.setattr(pass_blocks, "CHUNK", 2)
    monkeypatch.setattr(pass_blocks, "_memory", pass_blocks._Memory())
    start = threading.Barrier(3)

    def one_process(_):
        start.wait(10)
        try:
            return aos_of(visibility.passes_between(*SPAN))
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        one, two, three = pool.map(one_process, range(3))

    assert one == two == three
    assert len(computed) == len(set(computed)) == 13 * 3


def test_only_the_satellite_with_a_new_element_set_is_computed_again(fleet, computed):
    before = visibility.passes_between(*SPAN)
    computed.clear()
    held = ElementSet.objects.get(satellite__code="SCS-01-A")
    moved = replace(catalogue.mean_elements(held), epoch_at=held.epoch_at + timedelta(minutes=10))
    make_element_set(elements=moved, satellite=held.satellite)

    after = visibility.passes_between(*SPAN)

    assert {code for code, _ in computed} == {"SCS-01-A"}

    def others(seen):
        return [each.aos_at for each in seen.passes if each.satellite.code != "SCS-01-A"]

    assert others(after) == others(before)
    assert aos_of(after) != aos_of(before)


def test_an_element_set_that_comes_in_the_middle_is_not_mixed_with_the_old(
    fleet, computed, monkeypatch
):
    held = ElementSet.objects.get(satellite__code="SCS-01-A")
    old = visibility.passes_between(*SPAN, satellites=[held.satellite]).passes
    pass_blocks.forget()
    PassBlock.objects.all().delete()
    find = passes.find_passes

    def overtaken(*args, **details):
        if ElementSet.objects.filter(satellite=held.satellite).count() == 1:
            mean = catalogue.mean_elements(held)
            moved = replace(mean, epoch_at=mean.epoch_at + timedelta(minutes=10))
            make_element_set(elements=moved, satellite=held.satellite)
        return find(*args, **details)

    monkeypatch.setattr(passes, "find_passes", overtaken)
    during = visibility.passes_between(*SPAN, satellites=[held.satellite]).passes
    after = visibility.passes_between(*SPAN, satellites=[held.satellite]).passes

    assert [each.aos_at for each in during] == [each.aos_at for each in old]
    assert {each.element_set for each in during} == {held}
    assert [each.aos_at for each in after] != [each.aos_at for each in old]
    assert held not in {each.element_set for each in after}


def test_a_station_that_changes_makes_other_passes_and_changed_back_the_old_ones(fleet, computed):
    before = visibility.passes_between(*SPAN)
    Station.objects.filter(code="SGS").update(mask_deg=30.0)
    changed = visibility.passes_between(*SPAN)
    Station.objects.filter(code="SGS").update(mask_deg=10.0)
    computed.clear()
    back = visibility.passes_between(*SPAN)

    assert aos_of(changed) != aos_of(before)
    assert aos_of(back) == aos_of(before)
    assert computed == []


def test_the_table_says_how_much_is_still_to_be_computed(fleet):
    view = visibility.view_at(NOON)
    blocks = visibility.blocks_of(*SPAN)
    assert pass_blocks.missing(view.element_sets, view.stations, blocks) == (39, 39)

    visibility.passes_between(*SPAN, satellites=[Satellite.objects.get(code="SCS-01-B")])

    assert pass_blocks.missing(view.element_sets, view.stations, blocks) == (36, 39)


def test_inside_a_transaction_nothing_is_stored_and_nobody_waits(fleet):
    with transaction.atomic():
        assert visibility.passes_between(*SPAN).passes
    assert not PassBlock.objects.exists()


def test_why_a_satellite_was_refused_is_stored_too(fleet, computed):
    falling = replace(catalogue.mean_elements(ElementSet.objects.first()), epoch_at=NOON)
    falling = replace(falling, mean_motion_rev_per_day=16.6, bstar_per_earth_radius=0.05)
    make_element_set(elements=falling, satellite=make_satellite(code="FALLING"))
    day = (NOON, NOON + 24 * HOURS)
    first = visibility.passes_between(*day).refused
    pass_blocks.forget()

    assert list(first) == ["FALLING"]
    assert visibility.passes_between(*day).refused == first


def test_the_sweep_leaves_what_still_counts(fleet, computed, monkeypatch):
    visibility.passes_between(*SPAN)
    kept = set(PassBlock.objects.values_list("pk", flat=True))
    visibility.passes_between(NOON - 60 * HOURS, NOON - 54 * HOURS)
    visibility.passes_between(NOON + 300 * HOURS, NOON + 306 * HOURS)
    Station.objects.filter(code="SGS").update(mask_deg=30.0)
    visibility.passes_between(*SPAN)
    Station.objects.filter(code="SGS").update(mask_deg=10.0)
    assert PassBlock.objects.count() > len(kept)

    monkeypatch.setattr(clock, "now", lambda: NOON)
    tasks.sweep_passes()
    assert set(PassBlock.objects.values_list("pk", flat=True)) == kept

    held = ElementSet.objects.get(satellite__code="SCS-01-A")
    moved = replace(catalogue.mean_elements(held), epoch_at=held.epoch_at + timedelta(minutes=10))
    make_element_set(elements=moved, satellite=held.satellite)
    tasks.sweep_passes()
    assert PassBlock.objects.count() == len(kept) - 3
    assert not PassBlock.objects.filter(orbit=held.pk).exists()


def test_a_process_keeps_no_more_than_it_may(fleet, monkeypatch):
    monkeypatch.setattr(pass_blocks, "MEMORY_BYTES", 10_000)
    whole = visibility.passes_between(*SPAN)

    assert 0 < pass_blocks._memory._bytes <= 10_000
    assert aos_of(visibility.passes_between(*SPAN)) == aos_of(whole)


def test_a_walk_tells_every_pass_once_and_in_order(fleet):
    start_at, end_at = NOON + timedelta(minutes=5), NOON + 31 * HOURS
    view = visibility.view_at(start_at)
    whole = visibility.table_between(view, start_at, end_at).rows

    walked = [table.rows for table in visibility.walk(view, start_at, end_at)]

    assert len(walked) == 6
    together = [row for rows in walked for row in rows.tolist()]
    assert together == whole.tolist()


def test_a_walk_meets_a_satellite_that_never_sets_once(fleet):
    row = make_element_set(elements=HIGH, satellite=make_satellite(code="HIGH"))
    x_m, y_m, _ = catalogue.orbits([row]).states([NOON.timestamp()]).position_m[0, 0]
    under = make_station(latitude_deg=0.0, longitude_deg=0.0)
    under.longitude_deg = degrees(atan2(y_m, x_m))
    under.save()
    end_at = NOON + 40 * HOURS
    view = visibility.view_at(NOON, [row.satellite], [under])

    (only,) = [p for table in visibility.walk(view, NOON, end_at) for p in table.passes()]

    assert only.aos_at <= NOON
    assert only.los_at >= end_at
    assert only.begun_before
    assert only.ends_after
