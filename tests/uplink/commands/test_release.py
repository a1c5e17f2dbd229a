"""A telecommand leaves once or not at all, and what became of it is reported."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from rest_framework.test import APIClient

from ops import errors
from telemetry import onboard
from telemetry.onboard import Apid, CommandCode, CommandStage
from telemetry.packets import space
from tests.factories import NOON, make_contact, make_organisation, make_satellite, make_user
from tests.live import events_of
from tests.uplink.transfers.board import command_report, hear
from uplink.commands import release
from uplink.commands.models import Command, State

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def key_file(settings, tmp_path):
    settings.COMMAND_KEY_FILE = tmp_path / "command-master.key"


def make_command(**details):
    satellite = details.pop("satellite", None) or make_satellite()
    command, _ = release.request(
        **{
            "command_id": uuid4(),
            "satellite": satellite,
            "name": "ACTIVATE_SLOT",
            "arguments": {"slot": "A"},
            "organisation": make_organisation(),
            "source": "user:test",
            "now": NOON,
            **details,
        }
    )
    return command


def counter_of(claimed: release.Claimed) -> int:
    body = claimed.packet[space.HEADER_BYTES :]
    return onboard.TELECOMMAND_LAYOUT.unpack_from(body)[1]


@pytest.mark.django_db(transaction=True)
def test_a_command_is_claimed_once():
    command, contact = make_command(), make_contact()
    assert release.waiting(command.satellite_id) == [command.pk]

    claimed = release.claim(command.pk, contact_id=contact.pk, now=NOON)
    assert release.claim(command.pk, contact_id=contact.pk, now=NOON) is None
    assert release.waiting(command.satellite_id) == []
    command.refresh_from_db()
    assert (command.state, command.sent_at) == (State.SENDING, NOON)
    assert counter_of(claimed) == claimed.counter == command.counter

    release.sent(command.pk)
    command.refresh_from_db()
    assert command.state == State.SENT
    assert release.claim(command.pk, contact_id=contact.pk, now=NOON) is None


@pytest.mark.django_db(transaction=True)
def test_of_many_that_claim_at_once_one_gets_it_and_no_counter_is_given_twice():
    satellite, contact = make_satellite(), make_contact()
    commands = [make_command(satellite=satellite).pk for _ in range(5)] * 8

    def claim(command_id):
        try:
            return release.claim(command_id, contact_id=contact.pk, now=NOON)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        frames = [frame for frame in threads.map(claim, commands) if frame is not None]

    assert len(frames) == 5
    assert len({counter_of(frame) for frame in frames}) == 5


@pytest.mark.django_db(transaction=True)
def test_counters_grow_and_do_not_begin_at_one():
    # A satellite remembers what it accepted from a database that was lost since.
    satellite, contact = make_satellite(), make_contact()
    counters = []
    for _ in range(3):
        command = make_command(satellite=satellite)
        counters.append(counter_of(release.claim(command.pk, contact_id=contact.pk, now=NOON)))
    assert counters == sorted(set(counters))
    assert 2**27 < counters[0] < 2**32


@pytest.mark.django_db(transaction=True)
def test_what_a_link_did_not_take_waits_again_and_leaves_under_a_new_counter():
    command, contact = make_command(), make_contact()
    first = release.claim(command.pk, contact_id=contact.pk, now=NOON)

    assert release.put_back(command.pk, first.counter, now=NOON)
    assert not release.put_back(command.pk, first.counter, now=NOON)
    command.refresh_from_db()
    assert (command.state, command.contact, command.sent_at) == (State.RELEASED, None, None)

    second = release.claim(command.pk, contact_id=contact.pk, now=NOON)
    assert second.counter > first.counter
    # Whoever settles the first link late takes nothing from the second.
    assert not release.put_back(command.pk, first.counter, now=NOON)
    release.sent(command.pk)
    assert not release.put_back(command.pk, second.counter, now=NOON)


def test_asking_again_changes_nothing():
    command = make_command()
    fields = {
        "satellite": command.satellite,
        "organisation": command.organisation,
        "source": "user:test",
        "now": NOON + timedelta(hours=1),
        "name": "ACTIVATE_SLOT",
        "arguments": {"slot": "A"},
    }
    again, is_new = release.request(command_id=command.pk, **fields)
    assert (again, is_new, again.created_at) == (command, False, NOON)
    with pytest.raises(errors.IdReused):
        release.request(command_id=command.pk, **{**fields, "arguments": {"slot": "B"}})


def report(command, stage, code=CommandCode.NONE, text=""):
    hear(
        command.satellite,
        Apid.COMMAND_REPORT,
        command_report(command.pk, stage, code, text),
        now=NOON,
    )
    command.refresh_from_db()
    return command.state


def test_reports_move_a_command_on_and_never_back():
    command = make_command()
    Command.objects.update(state=State.SENT)
    assert report(command, CommandStage.ACCEPTED) == State.ACCEPTED
    assert report(command, CommandStage.COMPLETED) == State.COMPLETED
    assert report(command, CommandStage.ACCEPTED) == State.COMPLETED
    assert report(command, CommandStage.FAILED) == State.COMPLETED
    release.sent(command.pk)
    command.refresh_from_db()
    assert command.state == State.COMPLETED
    assert command.finished_at == NOON
    states = events_of("commands")
    assert [one.payload["state"] for one in states] == ["RELEASED", "ACCEPTED", "COMPLETED"]


def test_a_refusal_says_why():
    command = make_command()
    assert report(command, CommandStage.REFUSED, CommandCode.REPLAYED, "counter 7") == State.FAILED
    assert command.reason == "replayed: counter 7"
    assert command.code == CommandCode.REPLAYED


def test_reports_of_unknown_commands_and_of_other_satellites_change_nothing():
    command = make_command()
    body = command_report(command.pk, CommandStage.COMPLETED)
    hear(make_satellite(), Apid.COMMAND_REPORT, body, now=NOON)
    hear(
        command.satellite,
        Apid.COMMAND_REPORT,
        command_report(uuid4(), CommandStage.COMPLETED),
        now=NOON,
    )
    command.refresh_from_db()
    assert command.state == State.RELEASED


@pytest.fixture
def operator():
    client = APIClient()
    client.force_login(make_user(role="operator"))
    return client


def body_for(satellite):
    return {"satellite": satellite.code, "name": "ACTIVATE_SLOT", "arguments": {"slot": "A"}}


def test_put_releases_a_command_and_may_be_repeated(operator):
    url, body = f"/api/v1/commands/{uuid4()}", body_for(make_satellite())
    first, again = (operator.put(url, body, format="json") for _ in range(2))

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json() == operator.get(url).json()
    assert operator.get("/api/v1/commands?state=RELEASED").json()["results"] == [first.json()]
    nobody = operator.get("/api/v1/commands?satellite=NONE")
    assert (nobody.status_code, nobody.json()["detail"]) == (400, "There is no satellite NONE.")
    assert operator.put(url, {**body, "arguments": {"slot": "B"}}, format="json").status_code == 422


def test_a_command_is_taken_back_until_it_is_sent(operator):
    url, body = f"/api/v1/commands/{uuid4()}", body_for(make_satellite())
    operator.put(url, body, format="json")
    assert operator.delete(url).json()["state"] == "CANCELLED"
    assert operator.delete(url).status_code == 200
    Command.objects.update(state=State.SENDING)
    assert operator.delete(url).status_code == 409
    assert operator.delete(f"/api/v1/commands/{uuid4()}").status_code == 404


def test_a_wrong_command_is_a_problem(operator):
    body = {**body_for(make_satellite()), "arguments": {"slot": "C"}}
    answer = operator.put(f"/api/v1/commands/{uuid4()}", body, format="json")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_command")


@pytest.mark.parametrize("role", ["customer", "viewer", None])
def test_a_stranger_commands_nothing(role):
    client = APIClient()
    if role:
        client.force_login(make_user(role=role))
    url = f"/api/v1/commands/{uuid4()}"
    kept_out = 403 if role else 401
    seen = {"viewer": (200, 404), "customer": (403, 403), None: (401, 401)}[role]
    assert client.put(url, body_for(make_satellite()), format="json").status_code == kept_out
    assert client.delete(url).status_code == kept_out
    assert (client.get("/api/v1/commands").status_code, client.get(url).status_code) == seen
    assert not Command.objects.exists()
