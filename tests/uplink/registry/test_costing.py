"""What a version costs: frames counted as the link does, contacts as a satellite can keep them."""

import itertools
import math
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constellation.contacts.models import State
from telemetry import onboard
from tests.factories import (
    NOON,
    PASS,
    make_antenna,
    make_contact,
    make_element_set,
    make_satellite,
    make_version,
)
from uplink.registry import costing, prices
from uplink.registry.costing import Window

MINUTE = timedelta(minutes=1)
RATE = 20_000_000


def window(start_min, end_min, rate=RATE, station="KIR", booked=False):
    return Window(NOON + start_min * MINUTE, NOON + end_min * MINUTE, rate, station, booked)


def test_a_load_counts_every_frame():
    segment = onboard.FILE_SEGMENT_BYTES
    one = costing.load([10 * segment], pack_bytes=4 * segment)
    # Packs of 4, 4 and 2 segments with Metadata and EOF each, and a manifest of one segment.
    assert (one.packs, one.frame_bytes) == (3, (6 + 6 + 4 + 3) * onboard.FRAME_BYTES)
    assert one.on_air_bytes == math.ceil(one.frame_bytes * 1.05)
    two = costing.load([10 * segment, 10 * segment], pack_bytes=4 * segment)
    assert (two.packs, two.frame_bytes) == (6, 2 * one.frame_bytes)


def test_a_price_uses_windows_one_after_another():
    first, second = window(0, 8, booked=True), window(95, 103, station="SGS")
    load = int(first.carries_bytes + second.carries_bytes / 2)
    said = costing.price(load, [first, second, window(190, 198)])
    assert (said.contacts, said.booked_contacts, said.stations) == (2, 1, ("KIR", "SGS"))
    assert said.air_time_s == pytest.approx(load * 8 / RATE)
    assert said.ready_at == second.aos_at + timedelta(seconds=5 + 475 / 2)


def test_what_does_not_come_up_in_time_is_counted_on():
    one = window(0, 8)
    said = costing.price(int(10 * one.carries_bytes), [one, window(95, 103)])
    assert (said.ready_at, said.contacts) == (None, 10)
    none = costing.price(1000, [])
    assert (none.contacts, none.first_aos_at, none.carried_bytes) == (None, None, 0)


@given(
    st.lists(
        st.tuples(st.integers(0, 60), st.integers(1, 12), st.sampled_from([5, 20, 50])), max_size=8
    )
)
def test_the_best_windows_are_those_that_trying_all_finds(spans):
    windows = [window(start, start + size, rate * 10**6) for start, size, rate in spans]
    best = 0.0
    for count in range(len(windows) + 1):
        for some in itertools.combinations(windows, count):
            ordered = sorted(some, key=lambda each: each.aos_at)
            if all(b.aos_at - a.los_at >= MINUTE for a, b in itertools.pairwise(ordered)):
                best = max(best, sum(each.carries_bytes for each in some))
    found = costing.chosen(windows, apart=MINUTE)
    assert all(b.aos_at - a.los_at >= MINUTE for a, b in itertools.pairwise(found))
    assert sum(each.carries_bytes for each in found) == pytest.approx(best)


@pytest.mark.django_db
def test_booked_contacts_come_first_and_passes_after_them():
    antenna = make_antenna(uplink_bit_per_s=RATE)
    satellite = make_satellite()
    make_element_set(satellite=satellite)
    contact = make_contact(satellite=satellite, antenna=antenna, aos_at=NOON - PASS / 2)
    make_contact(satellite=satellite, aos_at=NOON + 2 * PASS, state=State.CANCELLED)
    version = make_version()
    version.artefact.size_bytes = 2 * 10**9
    quote = prices.cost(version, [satellite], NOON)

    said = quote.prices[satellite.code]
    assert (said.booked_contacts, said.first_aos_at) == (1, NOON)
    assert said.contacts > 1
    assert said.stations[0] == contact.antenna.station.code
    assert quote.load.on_air_bytes == costing.load([2 * 10**9]).on_air_bytes
    assert said.ready_at is not None


@pytest.mark.django_db
def test_a_satellite_without_an_orbit_is_refused_by_name_and_spares_the_rest():
    make_antenna()
    silent, known = make_satellite(), make_satellite()
    make_element_set(satellite=known)
    quote = prices.cost(make_version(), [silent, known], NOON)
    assert quote.refused == {silent.code: "It has no element set."}
    assert list(quote.prices) == [known.code]


@pytest.mark.django_db
def test_too_many_satellites_are_refused():
    with pytest.raises(prices.TooManySatellites, match="51 satellites are more than 50"):
        prices.cost(make_version(), [make_satellite()] * 51, NOON)
