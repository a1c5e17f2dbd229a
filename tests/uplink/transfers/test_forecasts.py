"""Forecasts as they are stored and told: from booked contacts, passes, and what contacts did."""

import random
from datetime import timedelta

import pytest
from rest_framework.test import APIClient

from constellation.contacts import booking
from constellation.contacts.models import State as ContactState
from tests.factories import (
    NOON,
    PASS,
    make_antenna,
    make_artefact,
    make_contact,
    make_element_set,
    make_organisation,
    make_satellite,
    make_station,
    make_transfer,
    make_user,
    make_version,
)
from tests.live import events_of
from tests.uplink.transfers.board import Board
from tests.uplink.transfers.test_flying import Pass
from uplink.registry import prices
from uplink.transfers import carriages, flying, forecasts, openings, packing
from uplink.transfers.forecasting import links
from uplink.transfers.models import Carriage, Shipment, Transfer

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
MBIT = 1_000_000


@pytest.fixture
def satellite():
    return make_satellite()


@pytest.fixture
def transfer(satellite):
    """300 MB to go up, at 4 Mbit/s: a contact of 8 minutes carries some 220 MB."""
    row = make_transfer(satellite=satellite)
    _grow(row, 300_000_000)
    return row


def _grow(transfer, size):
    """Say that the one pack is this large; nothing here reads it."""
    transfer.shipments.filter(number=0).update(size_bytes=size)


def book(satellite, hours, code):
    antenna = make_antenna(station=make_station(code=code))
    at = NOON + hours * HOUR
    return make_contact(satellite=satellite, antenna=antenna, aos_at=at, los_at=at + PASS)


def look(now=NOON):
    count = forecasts.look_after(now=now)
    return count, {row.pk: row.forecast for row in Transfer.objects.select_related("forecast")}


def test_a_forecast_names_the_instant_the_contacts_and_the_stations(satellite, transfer):
    for hours, code in [(1, "KIR"), (3, "SGS"), (5, "KIR2"), (7, "SVL"), (9, "PA")]:
        book(satellite, hours, code)
    count, rows = look()
    row = rows[transfer.pk]
    assert count == 1
    # With one of twenty contacts lost, the second suffices in nine of ten cases: at 95 % a third.
    assert NOON + 3 * HOUR < row.median_at < NOON + 3 * HOUR + PASS
    assert NOON + 5 * HOUR < row.by_at < NOON + 5 * HOUR + PASS
    assert (row.contacts, row.probability, row.reason) == (2, 1.0, "")
    assert "with 95 % confidence, 2 contacts, over" in forecasts.sentence(row)
    assert [leg["station"] for leg in row.legs][:3] == ["KIR", "SGS", "KIR2"]
    assert row.legs[0]["probability"] == pytest.approx(0.95, abs=0.04)
    told = events_of("transfers").filter(kind="forecast").get().payload
    assert told["sentence"] == forecasts.sentence(row)


def test_it_is_made_anew_when_a_contact_goes_and_left_alone_when_nothing_changed(
    satellite, transfer
):
    contacts = [book(satellite, hours, f"S{hours}") for hours in range(1, 9)]
    _, rows = look()
    before = rows[transfer.pk]
    assert look(NOON + timedelta(minutes=1))[0] == 0
    booking.cancel_contact(contact_id=contacts[1].pk, reason="rain", by="an operator")
    count, rows = look(NOON + timedelta(minutes=2))
    after = rows[transfer.pk]
    assert count == 1
    assert after.by_at > before.by_at
    assert after.first_by_at == before.first_by_at == before.by_at
    assert events_of("transfers").filter(kind="forecast").count() == 2


def test_what_was_acknowledged_is_not_forecast_again(satellite, transfer):
    for hours in range(1, 8):
        book(satellite, hours, f"S{hours}")
    _, rows = look()
    assert rows[transfer.pk].median_at > NOON + 2 * HOUR
    transfer.shipments.filter(number=0).update(acknowledged_bytes=290_000_000)
    _, rows = look(NOON + timedelta(minutes=2))
    assert rows[transfer.pk].median_at < NOON + HOUR + PASS
    assert rows[transfer.pk].left_bytes < 10_100_000


def test_too_few_contacts_are_said_plainly(satellite, transfer):
    book(satellite, 1, "KIR")
    row = look()[1][transfer.pk]
    assert (row.by_at, row.median_at, row.probability) == (None, None, 0.0)
    assert "carry 2" in row.reason
    assert "of 300,0" in row.reason
    assert "It has no element set." in row.reason
    assert forecasts.sentence(row).startswith("not certain to be delivered: The contacts up to 202")


def test_a_satellite_that_no_contact_reaches_is_told_so(transfer):
    row = look()[1][transfer.pk]
    assert row.reason.startswith("No contact up to 2026-08-29T12:00Z reaches the satellite.")
    assert (row.contacts, row.stations, row.legs) == (0, [], [])


def test_passes_that_nobody_booked_yet_are_counted_on_with_doubt():
    satellite = make_satellite()
    make_element_set(satellite=satellite)
    make_antenna(station=make_station(code="KIR"), uplink_bit_per_s=50 * MBIT)
    transfer = make_transfer(satellite=satellite)
    row = look()[1][transfer.pk]
    assert row.by_at is not None
    assert row.legs[0]["contact"] is None
    # Nine of eleven are booked in time, and one in twenty comes to nothing: 0.78 of 400 runs, whose
    # luck the satellite's number seeds (standard deviation 0.02).
    assert row.legs[0]["probability"] == pytest.approx(9 / 11 * 0.95, abs=0.1)


def test_a_forecast_and_a_price_of_the_same_bytes_agree():
    # The price takes each contact as sure and wholly used; in the median so does the forecast,
    # whose links are what prices count with as long as nothing was flown. They count the bytes of
    # headers apart: within 3 % of the time on air and the place's two seconds.
    satellite = make_satellite()
    artefact = make_artefact(random.Random(1).randbytes(30_000_000))
    version = make_version(organisation=make_organisation())
    version.artefact = artefact
    version.save()
    make_element_set(satellite=satellite)
    for hours, code in [(1, "KIR"), (3, "SGS"), (5, "SVL"), (7, "PA"), (9, "KIR2"), (11, "MG")]:
        antenna = make_antenna(station=make_station(code=code), uplink_bit_per_s=MBIT / 4)
        at = NOON + hours * HOUR
        make_contact(satellite=satellite, antenna=antenna, aos_at=at, los_at=at + PASS)
    transfer = make_transfer(satellite=satellite, artefact=artefact)
    price = prices.cost(version, [satellite], NOON).prices[satellite.code]
    row = look()[1][transfer.pk]
    assert price.contacts == 3
    assert len([leg for leg in row.legs if leg["probability"] > 0.9]) == 3
    apart_s = abs((row.median_at - price.ready_at).total_seconds())
    assert apart_s < 0.03 * price.air_time_s + 5


def test_few_carry_files_at_once_and_the_forecast_knows(settings):
    settings.ZENITH_BULK_UPLINKS = 1
    rows = []
    for number in range(3):
        satellite = make_satellite()
        at = NOON + HOUR + timedelta(seconds=number)
        los_at = at + (PASS if number < 2 else 2 * PASS)
        make_contact(satellite=satellite, aos_at=at, los_at=los_at)
        make_contact(satellite=satellite, aos_at=at + 2 * HOUR, los_at=at + 2 * HOUR + PASS)
        rows.append(make_transfer(satellite=satellite))
        _grow(rows[-1], 150_000_000)
    told = look()[1]
    first, second, third = (told[row.pk].median_at for row in rows)
    assert first < third < second
    assert first < NOON + HOUR + PASS < second


def test_other_paths_may_be_added_to_those_from_the_ground(satellite, transfer, monkeypatch):
    monkeypatch.setattr(openings, "_paths", [])
    asked = []

    def laser(satellites, now, until_at):
        asked.append(([each.pk for each in satellites], now))
        from_s = (NOON + HOUR).timestamp()
        return [
            openings.Opening(
                f"laser {number}", satellite.pk, "ISL SAT-2", from_s + number, from_s + 3600,
                100 * MBIT, takes_place=False,
            )
            for number in range(3)
        ]  # fmt: skip

    openings.register_paths(laser)
    row = look()[1][transfer.pk]
    assert asked[0] == ([satellite.pk], NOON)
    assert NOON + HOUR < row.by_at < NOON + HOUR + timedelta(minutes=1)
    assert row.stations == ["ISL SAT-2"]


def test_contacts_keep_what_they_carried_and_links_are_learnt_from_it(satellite, monkeypatch):
    monkeypatch.setattr(flying, "COMPARED_AFTER", timedelta(0))
    artefact = make_artefact(random.Random(5).randbytes(400_000))
    packing.pack(artefact, pack_bytes=64 * 1024)
    transfer = make_transfer(satellite=satellite, artefact=artefact)
    board = Board(satellite.entity_id)
    # A frame in a tenth of a second, and one in ten lost, over two contacts.
    for number in range(2):
        flight = Pass(satellite, board, at=NOON + number * HOUR, loss=0.1)
        for step in range(130 if number == 0 else 500):
            flight.step(frames=1)
            if step % 10 == 9:
                flight.checkpoint()
        flight.end()
        flight.contact.state = ContactState.COMPLETED
        flight.contact.save()
    first, second = Carriage.objects.filter(transfer=transfer)
    assert (first.began_at, second.began_at) == (NOON, NOON + HOUR)
    sizes = [row.size_bytes for row in Shipment.objects.filter(transfer=transfer)]
    assert first.arrived_bytes + second.arrived_bytes == sum(sizes)
    assert first.files + second.files == len(sizes)
    assert first.sent_bytes > first.arrived_bytes > 50_000

    flown = carriages.history()
    # 13 s of files say too little of a link; the rest of the file took longer.
    assert [each.share is None for each in flown] == [False, True]
    span_s = (second.last_at - second.began_at).total_seconds()
    assert flown[0].share == pytest.approx(second.arrived_bytes * 8 / 4e6 / span_s)
    assert links.estimate(flown)[1][flown[0].station].share < links.SHARE


def test_the_api_tells_forecast_expected_contacts_and_those_that_carried(satellite, transfer):
    contact = book(satellite, 1, "KIR")
    for hours in range(2, 8):
        book(satellite, hours, f"S{hours}")
    look()
    carriages.begin(contact, [transfer.pk], now=NOON)
    client = APIClient()
    client.force_authenticate(make_user(organisation=make_organisation(operates_fleet=True)))
    body = client.get(f"/api/v1/transfers/{transfer.pk}").json()
    assert body["forecast"]["sentence"].startswith("delivered by 2026-08-22T1")
    assert body["forecast"]["probability"] == 1.0
    assert body["expected_contacts"][0]["contact"] == str(contact.pk)
    assert body["contacts"][0]["station"] == "KIR"
    listed = client.get("/api/v1/transfers").json()["results"][0]
    assert listed["forecast"]["by_at"] == body["forecast"]["by_at"]
    transfer.state = "VERIFYING"
    transfer.save()
    over = client.get(f"/api/v1/transfers/{transfer.pk}").json()
    assert (over["forecast"], over["expected_contacts"]) == (None, [])
