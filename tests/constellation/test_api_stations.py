"""Changing what limits the view of a station, and being told precisely what is wrong."""

import pytest
from rest_framework.test import APIClient

from constellation import catalogue, fleet_plan
from constellation.models import Antenna, Carrier, Station
from tests.factories import NOON, make_user
from tests.live import events_of


@pytest.fixture
def fleet(db):
    catalogue.load_reference(NOON)


@pytest.fixture
def operator(fleet):
    client = APIClient()
    client.force_authenticate(make_user())
    return client


def change(client, address, **changes):
    return client.patch(f"/api/v1/{address}", changes, format="json")


@pytest.mark.parametrize("address", ["stations/SGS", "antennas/SGS-1"])
def test_only_operators_change_a_station(fleet, address):
    stranger, viewer = APIClient(), APIClient()
    viewer.force_authenticate(make_user(role="viewer"))

    assert change(stranger, address, mask_deg=5).status_code == 401
    assert change(viewer, address, mask_deg=5).status_code == 403
    assert stranger.get(f"/api/v1/{address}").status_code == 401
    assert viewer.get(f"/api/v1/{address}").status_code == 200


def test_a_horizon_is_kept_in_order_of_azimuth(operator):
    answer = change(operator, "stations/SGS", horizon=[[180, 12.5], [0, 5], [270.5, -1]])

    assert answer.status_code == 200
    assert answer.json()["horizon"] == [[0, 5], [180, 12.5], [270.5, -1]]
    assert Station.objects.get(code="SGS").horizon == [[0, 5], [180, 12.5], [270.5, -1]]
    told = events_of("fleet").get(kind="station")
    assert told.payload == {"code": "SGS", "changed": ["horizon"]}


@pytest.mark.parametrize(
    ("horizon", "says"),
    [
        ("flat", "A horizon is a list of corners [azimuth_deg, elevation_deg]"),
        ([[0, 5], [10]], "Corner 2 of the horizon is [10]; it must be"),
        ([[0, "5"]], "Corner 1 of the horizon is [0, '5']; it must be"),
        ([[True, 5]], "Corner 1 of the horizon is [True, 5]"),
        ([[361, 5]], "Corner 1 of the horizon: azimuth 361 is outside of 0 to 360."),
        ([[1, 5], [2, 95]], "Corner 2 of the horizon: elevation 95 is outside of -90 to below 90."),
        ([[0, 5], [360, 6]], "Corner 2 of the horizon: azimuth 0 is given twice."),
        ([[k / 3, 1] for k in range(721)], "The horizon has 721 corners; at most 720 are kept."),
    ],
)
def test_a_wrong_horizon_is_told_which_corner(operator, horizon, says):
    answer = change(operator, "stations/SGS", horizon=horizon)

    assert answer.status_code == 400
    assert says in answer.json()["errors"]["horizon"][0]
    assert Station.objects.get(code="SGS").horizon == []


def test_an_antenna_gets_the_limits_of_its_mount(operator):
    limits = {
        "azimuth_rate_max_deg_per_s": 4.5,
        "keyhole_deg": 86.0,
        "sun_limit_deg": 1.5,
        "moon_limit_deg": 0.5,
    }
    answer = change(operator, "antennas/SGS-1", **limits)

    assert answer.status_code == 200
    assert {name: answer.json()[name] for name in limits} == limits
    assert change(operator, "antennas/SGS-1", keyhole_deg=None).json()["keyhole_deg"] is None
    assert Antenna.objects.get(code="SGS-1").azimuth_rate_max_deg_per_s == 4.5


@pytest.mark.parametrize(
    ("address", "changes", "says"),
    [
        ("antennas/SGS-1", {"keyhole_deg": 91}, "less than or equal to 90"),
        ("antennas/SGS-1", {"azimuth_rate_max_deg_per_s": 0}, "greater than or equal to 0.01"),
        ("antennas/SGS-1", {"sun_limit_deg": "nan"}, "number is required."),
        ("antennas/SGS-1", {"sun_limit_deg": True}, "A finite number is required."),
        ("stations/SGS", {"latitude_deg": 91}, "less than or equal to 90"),
        ("stations/SGS", {"mask_deg": "steep"}, "A valid number is required."),
        ("stations/SGS", {"code": "X"}, "code cannot be changed here; what can be is latitude_deg"),
        ("stations/SGS", {}, "Nothing is changed; what can be is latitude_deg"),
    ],
)
def test_a_wrong_change_says_what_would_be_right(operator, address, changes, says):
    answer = change(operator, address, **changes)

    assert answer.status_code == 400
    assert says in answer.content.decode()


def test_a_change_that_is_no_object_and_a_code_that_is_none_are_refused(operator):
    assert operator.patch("/api/v1/stations/SGS", [1], format="json").status_code == 400
    assert change(operator, "stations/NOWHERE", mask_deg=5).status_code == 404
    assert change(operator, "antennas/NOWHERE", setup_s=5).status_code == 404
    unknown = operator.get("/api/v1/stations?lmit=3")
    assert unknown.status_code == 400
    assert "There is no parameter lmit; those known are limit, cursor." in unknown.json()["detail"]


def test_every_profile_of_the_reference_has_carriers_and_keeps_what_was_changed(fleet):
    fleet_plan.plan_fleet(NOON)
    assert Carrier.objects.filter(profile__code="scs-01").count() == 4
    assert Carrier.objects.filter(profile__code="planned-training").count() == 5
    down = Carrier.objects.get(profile__code="scs-01", code="s-down")
    up = Carrier.objects.get(profile__code="scs-01", code="s-up")
    # The coherent turn-around of CCSDS 401.0-B: 240/221, exactly.
    assert down.frequency_hz * 221 == up.frequency_hz * 240

    down.frequency_hz = 2_245_000_000
    down.save()
    catalogue.load_reference(NOON)
    down.refresh_from_db()
    assert down.frequency_hz == 2_245_000_000
