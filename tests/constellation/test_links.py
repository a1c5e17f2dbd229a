"""Windows between satellites of the fleet: as decisions, and over HTTP."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from rest_framework.test import APIClient

from constellation import catalogue, fleet_plan, links
from constellation.models import ElementSet, Satellite
from constellation.orbits import isl
from ops import clock
from ops.errors import Invalid
from tests.constellation.orbits import dense_isl
from tests.factories import NOON, make_element_set, make_user

URL = "/api/v1/links/windows"
TOGETHER = ["SCS-01-A", "SCS-01-C", "SCS-01-E"]
"""Published with the element sets: they keep together."""


@pytest.fixture
def fleet(db, monkeypatch):
    catalogue.load_reference(NOON)
    monkeypatch.setattr(clock, "now", lambda: NOON)
    links._kept.clear()


@pytest.fixture
def client(fleet):
    client = APIClient()
    client.force_authenticate(make_user(role="viewer"))
    return client


def satellites(*codes):
    return list(Satellite.objects.filter(code__in=codes))


def test_windows_of_the_fleet_are_those_of_brute_force(fleet):
    end_at = NOON + timedelta(hours=6)
    seen = links.windows_between(NOON, end_at)
    orbits = catalogue.orbits(seen.element_sets)
    told = [seen.window(number) for number in range(len(seen))]

    assert len(told) > 20
    assert [each.start_at for each in told] == sorted(each.start_at for each in told)
    assert all(each.first.code < each.second.code for each in told)
    for one, other in (("SCS-01-A", "SCS-01-B"), ("SCS-01-D", "SCS-01-L")):
        exact = dense_isl.windows(
            orbits,
            (orbits.names.index(one), orbits.names.index(other)),
            NOON.timestamp(),
            end_at.timestamp(),
            isl.Terminals(),
            step_s=2.0,
        )
        mine = [each for each in told if (each.first.code, each.second.code) == (one, other)]
        assert len(mine) == len(exact)
        for each, (begins_s, ends_s) in zip(mine, exact, strict=True):
            assert each.start_at.timestamp() == pytest.approx(begins_s, abs=0.02)
            assert each.end_at.timestamp() == pytest.approx(ends_s, abs=0.02)


def test_windows_of_some_satellites_with_anybody_and_with_each_other(fleet):
    end_at = NOON + timedelta(hours=3)

    def pairs(**how):
        seen = links.windows_between(NOON, end_at, **how)
        windows = [seen.window(number) for number in range(len(seen))]
        return {(each.first.code, each.second.code) for each in windows}

    everybody = pairs()
    chosen = satellites(*TOGETHER)
    assert pairs(satellites=chosen) == {each for each in everybody if set(each) & set(TOGETHER)}
    assert pairs(satellites=chosen, among=True) == {
        each for each in everybody if set(each) <= set(TOGETHER)
    }
    assert not any("STARCLOUD-1" in each for each in everybody)


def test_a_satellite_without_terminals_and_too_much_at_once_are_refused(fleet):
    with pytest.raises(Invalid, match=r"STARCLOUD-1 has no laser terminals\."):
        links.windows_between(NOON, NOON + timedelta(hours=1), satellites=satellites("STARCLOUD-1"))
    with pytest.raises(Invalid, match=r"66 pairs of satellites for 24\.0 hours, and at most 50"):
        links.windows_between(NOON, NOON + timedelta(hours=24), pair_days_most=50)


def test_new_elements_make_other_windows(fleet):
    span = NOON, NOON + timedelta(hours=3)
    before = links.windows_between(*span)
    assert links.windows_between(*span).windows is before.windows

    held = ElementSet.objects.get(satellite__code="SCS-01-D")
    mean = catalogue.mean_elements(held)
    moved = replace(
        mean,
        epoch_at=mean.epoch_at + timedelta(seconds=1),
        mean_anomaly_deg=(mean.mean_anomaly_deg + 20.0) % 360.0,
    )
    make_element_set(elements=moved, satellite=held.satellite, priority=held.priority)
    after = links.windows_between(*span)

    assert after.windows is not before.windows
    assert after.windows.start_s.tolist() != before.windows.start_s.tolist()


def test_one_of_the_announced_2800_asks_for_its_neighbours(db):
    fleet_plan.plan_fleet(NOON)
    seen = links.windows_between(
        NOON, NOON + timedelta(minutes=30), satellites=satellites("DDT-01-01")
    )
    names = [seen.element_sets[number].satellite.code for number in (0, 1)]
    windows = [seen.window(number) for number in range(len(seen))]

    assert names[0] == "DDT-01-01"
    assert len(windows) > 100
    assert all("DDT-01-01" in (each.first.code, each.second.code) for each in windows)
    beside = [each for each in windows if "DDT-01-02" in (each.first.code, each.second.code)]
    assert [each.begun_before and each.ends_after for each in beside] == [True]


def all_pages(client, url):
    results = []
    while url:
        answer = client.get(url)
        assert answer.status_code == 200, answer.content
        results.append(answer.json()["results"])
        url = answer.json()["next"]
    return results


def test_windows_come_in_pages_that_join_to_the_whole(client):
    query = "start=2026-08-22T12:00:00Z&end=2026-08-22T18:00:00Z"
    [whole] = all_pages(client, f"{URL}?{query}&limit=2000")
    pages = all_pages(client, f"{URL}?{query}&limit=7")

    assert len(pages) == -(-len(whole) // 7)
    assert [each for page in pages for each in page] == whole
    first = whole[0]
    assert first["begun_before"]
    assert first["start_at"] == "2026-08-22T12:00:00Z"
    assert first["bit_per_s"] == 100_000_000_000
    assert datetime.fromisoformat(first["nearest_at"]).tzinfo == UTC
    assert 0 < first["min_range_m"] <= 5_000_000


def test_windows_are_filtered(client):
    query = "start=2026-08-22T12:00:00Z&end=2026-08-22T18:00:00Z"
    [some] = all_pages(client, f"{URL}?{query}&satellites=SCS-01-A,SCS-01-C&among=true&limit=2000")
    [longer] = all_pages(client, f"{URL}?{query}&min_duration_s=1200&limit=2000")

    assert {tuple(each["satellites"]) for each in some} == {("SCS-01-A", "SCS-01-C")}
    assert all(
        each["duration_s"] >= 1200 or each["begun_before"] or each["ends_after"] for each in longer
    )
    body = client.get(URL).json()
    assert body["terminals"] == {
        "range_limit_m": 5_000_000.0,
        "grazing_height_m": 80_000.0,
        "slew_limit_deg_per_s": 1.0,
    }


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("satellite=SCS-01-A", "There is no parameter satellite; those known are satellites"),
        ("satellites=NOBODY", "There is no satellite NOBODY."),
        ("satellites=STARCLOUD-1", "STARCLOUD-1 has no laser terminals."),
        ("among=true", "among whom?"),
        ("start=2026-08-22T12:00:00Z&end=2026-08-22T12:00:00Z", "ends before it starts"),
        ("start=2026-08-22T12:00:00Z&end=2026-08-30T12:00:00Z", "longer than 7 days"),
        ("cursor=nonsense", "This cursor is not one that a page gave."),
        ("cursor=WzEsMl0", "This cursor is not one that a page gave."),
        ("min_duration_s=nan", "A valid number is required."),
        ("min_duration_s=-1", "greater than or equal to 0"),
        ("start=yesterday", "Datetime has wrong format"),
        ("limit=0", "greater than or equal to 1"),
    ],
)
def test_a_wrong_question_about_windows_is_told_so(client, query, said):
    answer = client.get(f"{URL}?{query}")
    assert answer.status_code == 400
    assert said in answer.content.decode()


def test_a_stranger_and_a_customer_see_no_windows(fleet):
    stranger, customer = APIClient(), APIClient()
    customer.force_authenticate(make_user(role="customer"))

    assert stranger.get(URL).status_code == 401
    assert customer.get(URL).status_code == 403
