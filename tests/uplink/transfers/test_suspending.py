"""Transfers that operators hold back: nothing leaves, nothing is forgotten, nothing runs."""

import random
from datetime import timedelta

import pytest
from django.urls import reverse
from rest_framework.test import APIClient

from constellation.contacts.models import Demand
from telemetry import onboard
from tests.factories import (
    NOON,
    make_artefact,
    make_contact,
    make_satellite,
    make_transfer,
    make_user,
)
from tests.live import events_of
from tests.uplink.transfers.board import Board, hear, store_report
from tests.uplink.transfers.test_flying import Pass
from uplink.commands.models import Command
from uplink.registry import formats
from uplink.transfers import flying, forecasts, packing, requests, suspending
from uplink.transfers.models import Forecast, State, Transfer

pytestmark = pytest.mark.django_db
PACK_BYTES = 64 * 1024
CONTENT = random.Random(11).randbytes(5 * PACK_BYTES)
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def no_comparing(monkeypatch):
    monkeypatch.setattr(flying, "COMPARED_AFTER", timedelta(0))


@pytest.fixture
def satellite():
    return make_satellite()


@pytest.fixture
def transfer(satellite):
    artefact = make_artefact(CONTENT)
    packing.pack(artefact, pack_bytes=PACK_BYTES)
    return make_transfer(satellite=satellite, artefact=artefact)


def hold(transfer, now=NOON):
    return suspending.suspend(transfer.pk, now=now, reason="suspended by ada")


@pytest.mark.parametrize("steps", [0, 1, 5, 9, 17])
def test_what_is_suspended_in_a_contact_goes_on_in_the_next_and_repeats_nothing(
    satellite, transfer, steps
):
    board = Board(satellite.entity_id)
    flight = Pass(satellite, board)
    for _ in range(steps):
        flight.step()
    hold(transfer, flight.now)
    flight.checkpoint()
    heard = board.heard_bytes
    flight.run(40)
    assert board.heard_bytes == heard
    assert not flight.uplinker.is_busy
    flight.end()
    # Another contact, flown by another process, finds it suspended still.
    idle = Pass(satellite, board, at=NOON + HOUR)
    idle.run(20)
    idle.end()
    assert board.heard_bytes == heard
    assert Transfer.objects.get().state == State.SUSPENDED

    suspending.resume(transfer.pk, now=NOON + 2 * HOUR)
    last = Pass(satellite, board, at=NOON + 2 * HOUR)
    last.run(80)
    last.end()
    assert board.assemble(transfer.artefact_id) == formats.ECHO_MAGIC + CONTENT
    assert board.heard_bytes == sum(row.size_bytes for row in transfer.shipments.all())
    assert Transfer.objects.get().state == State.VERIFYING
    assert not transfer.shipments.exclude(fault="").exists()


def test_it_is_resumed_in_the_same_contact_before_or_after_it_was_put_aside(satellite, transfer):
    board = Board(satellite.entity_id)
    flight = Pass(satellite, board)
    for wait in (1, 3, 12):
        flight.run(3)
        hold(transfer, flight.now)
        flight.checkpoint()
        for _ in range(wait):
            flight.checkpoint()
        suspending.resume(transfer.pk, now=flight.now)
        flight.checkpoint()
    flight.run(120)
    flight.end()
    assert board.assemble(transfer.artefact_id) == formats.ECHO_MAGIC + CONTENT
    assert board.heard_bytes == sum(row.size_bytes for row in transfer.shipments.all())


def test_a_killed_conductor_does_not_wake_what_was_suspended(satellite, transfer):
    board = Board(satellite.entity_id)
    flight = Pass(satellite, board)
    flight.run(11)
    hold(transfer, flight.now)
    flight.uplinker.close()  # it dies without having heard of it
    heard = board.heard_bytes
    again = Pass(satellite, board, contact=flight.contact)
    again.run(30)
    assert board.heard_bytes == heard
    again.end()


def test_other_transfers_take_the_link(satellite, transfer):
    other = make_transfer(satellite=satellite, artefact=make_artefact(b"other"))
    board = Board(satellite.entity_id)
    hold(transfer)
    flight = Pass(satellite, board)
    flight.run(60)
    flight.end()
    other.refresh_from_db()
    transfer.refresh_from_db()
    assert other.state == State.VERIFYING
    assert (transfer.state, transfer.shipments.filter(delivered=True).exists()) == (
        State.SUSPENDED, False,
    )  # fmt: skip


def test_forecast_demand_and_events_say_that_it_is_suspended(satellite, transfer):
    for hours in (1, 2, 3, 4):
        make_contact(satellite=satellite, aos_at=NOON + hours * HOUR)
    assert Demand.objects.filter(source=f"transfer:{transfer.pk}").exists()
    forecasts.look_after(now=NOON)
    first = Forecast.objects.get().first_by_at
    assert first is not None
    hold(transfer)
    for _ in range(2):  # nor does the tick make another of it
        known = Forecast.objects.get()
        assert known.by_at is None
        assert forecasts.sentence(known).startswith("suspended")
        forecasts.look_after(now=NOON + timedelta(minutes=5))
    assert not Demand.objects.filter(source=f"transfer:{transfer.pk}").exists()
    told = [one.payload for one in events_of("transfers") if "state" in one.payload]
    assert (told[-1]["state"], told[-1]["reason"]) == ("SUSPENDED", "suspended by ada")

    suspending.resume(transfer.pk, now=NOON)
    row = Transfer.objects.select_related("forecast").get()
    assert forecasts.shown(row) is None  # until it is made anew
    assert Demand.objects.filter(source=f"transfer:{transfer.pk}").exists()
    forecasts.look_after(now=NOON)
    known = Forecast.objects.get()
    assert known.by_at is not None
    assert known.first_by_at == first


def test_what_becomes_whole_meanwhile_is_loaded_only_when_it_is_resumed(satellite, transfer):
    hold(transfer)
    report = store_report(onboard.StoreEvent.ARTEFACT_VERIFIED, transfer.artefact_id)
    transfer.shipments.filter(number=packing.RELEASE).update(delivered=True)
    hear(satellite, onboard.Apid.STORE_REPORT, report, now=NOON + HOUR)
    transfer.refresh_from_db()
    assert (transfer.state, transfer.verified_at) == (State.SUSPENDED, NOON + HOUR)
    assert not Command.objects.exists()
    suspending.resume(transfer.pk, now=NOON + 2 * HOUR)
    transfer.refresh_from_db()
    assert transfer.state == State.ACTIVATING
    assert Command.objects.get().name == "LOAD_SLOT"


def test_only_what_is_being_carried_is_suspended_and_only_that_is_resumed(transfer):
    with pytest.raises(requests.NotPossible, match="CANCELLED; only what is QUEUED or SENDING"):
        requests.cancel(transfer.pk, now=NOON)
        hold(transfer)
    with pytest.raises(requests.NotPossible, match="only what is SUSPENDED can be resumed"):
        suspending.resume(transfer.pk, now=NOON)
    requests.retry(transfer.pk, now=NOON)
    assert hold(transfer).state == State.SUSPENDED
    with pytest.raises(requests.NotPossible):
        requests.retry(transfer.pk, now=NOON)
    assert requests.cancel(transfer.pk, now=NOON).state == State.CANCELLED


def test_suspend_and_resume_by_rest():
    operator = APIClient()
    operator.force_login(make_user(role="operator", username="ada"))
    transfer = make_transfer()
    url = f"/api/v1/transfers/{transfer.pk}"
    answer = operator.post(f"{url}/suspend", {"reason": "the link is wanted"}, format="json")
    assert answer.status_code == 200
    said = answer.json()
    assert (said["state"], said["reason"]) == (
        "SUSPENDED", "suspended by ada: the link is wanted",
    )  # fmt: skip
    assert said["forecast"]["sentence"].startswith("suspended")
    assert operator.post(f"{url}/suspend").json()["reason"] == said["reason"]  # once is enough
    listed = operator.get("/api/v1/transfers", {"state": "SUSPENDED"}).json()["results"]
    assert [one["id"] for one in listed] == [str(transfer.pk)]
    assert operator.post(f"{url}/suspend", {"reason": "x" * 201}, format="json").status_code == 400
    assert operator.post(f"{url}/resume").json()["state"] == "QUEUED"
    assert operator.post(f"{url}/resume").status_code == 200
    operator.post(f"{url}/cancel")
    for change in ("suspend", "resume"):
        refused = operator.post(f"{url}/{change}")
        assert (refused.status_code, refused.json()["code"]) == (409, "not_possible")
        unknown = "/api/v1/transfers/00000000-0000-0000-0000-000000000000"
        assert operator.post(f"{unknown}/{change}").status_code == 404


@pytest.mark.parametrize("role", ["customer", "viewer", None])
def test_a_stranger_suspends_nothing(role, client):
    transfer = make_transfer()
    stranger = APIClient()
    if role:
        user = make_user(role=role)
        stranger.force_login(user)
        client.force_login(user)
    for change in ("suspend", "resume"):
        answer = stranger.post(f"/api/v1/transfers/{transfer.pk}/{change}")
        assert answer.status_code == (403 if role else 401)
        page = client.post(reverse("change-transfer", args=[transfer.pk, change]))
        assert page.status_code == (403 if role else 302)
    transfer.refresh_from_db()
    assert transfer.state == State.QUEUED


def test_the_page_of_a_transfer_suspends_and_resumes(client):
    client.force_login(make_user(role="operator", username="ada"))
    transfer = make_transfer()
    url = reverse("transfer", args=[transfer.pk])

    def post(change):
        address = reverse("change-transfer", args=[transfer.pk, change])
        return client.post(address, follow=True).content.decode()

    assert ">Suspend<" in client.get(url).content.decode()
    page = post("suspend")
    assert "The transfer is suspended." in page
    assert "suspended by ada" in page
    assert "Suspended: nothing of it is sent" in page
    assert ">Suspend<" not in page
    assert ">Resume<" in page
    assert ">Cancel<" in page
    assert ">Resume<" not in post("resume")
