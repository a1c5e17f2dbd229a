"""Trouble of the database that passes: asked again later, never a 500."""

import threading

import pytest
from django.db import InterfaceError, OperationalError, connection, connections, transaction
from django.test import Client
from rest_framework.test import APIClient

from ops import clock
from ops.accounts import keys, roles
from ops.accounts.models import Organisation
from ops.db import passing_trouble
from tests.factories import make_organisation, make_user

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _as_in_a_web_process(monkeypatch):
    # Web processes keep no connection in a thread; a kept one would outlive its event loop.
    monkeypatch.setitem(connections.settings["default"], "CONN_MAX_AGE", 0)


def a_deadlock():
    """Let two transactions wait for each other; return the error of the one that is ended."""
    rows = [make_organisation().pk, make_organisation().pk]
    both, raised = threading.Barrier(2, timeout=30), []

    def lock(first, second):
        try:
            with transaction.atomic():
                Organisation.objects.select_for_update().get(pk=first)
                both.wait()
                Organisation.objects.select_for_update().get(pk=second)
        except OperationalError as error:
            raised.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=lock, args=order) for order in (rows, rows[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (error,) = raised
    return error


def raising(error):
    def fail(*args, **kwargs):
        raise error

    return fail


def test_a_request_that_loses_a_deadlock_is_told_to_ask_again(monkeypatch):
    _, key = keys.issue(user=make_user(role="operator"), name="test")
    monkeypatch.setattr(clock, "reading", raising(a_deadlock()))

    answer = APIClient().get("/api/v1/clock", HTTP_AUTHORIZATION=f"Bearer {key}")

    assert (answer.status_code, answer["Retry-After"]) == (503, "1")
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "unavailable"
    assert "nothing of this was done" in answer.json()["detail"]


@pytest.mark.parametrize("error", [OperationalError("the server is starting"), InterfaceError()])
def test_pages_and_openai_clients_are_told_too(monkeypatch, error):
    client = Client(raise_request_exception=False)
    client.force_login(make_user(role="operator"))
    _, key = keys.issue(user=make_user(role="customer"), name="test")
    monkeypatch.setattr(roles, "may", raising(error))

    page = client.get("/")
    asked = client.get("/v1/models", headers={"Authorization": f"Bearer {key}"})

    assert (page.status_code, page["Retry-After"]) == (503, "1")
    assert (asked.status_code, asked["Retry-After"]) == (503, "1")
    assert asked.json()["error"]["type"] == "service_unavailable_error"


def test_a_bug_stays_a_bug(monkeypatch):
    client = Client(raise_request_exception=False)
    client.force_login(make_user(role="operator"))
    monkeypatch.setattr(roles, "may", raising(KeyError("forgotten")))

    assert client.get("/").status_code == 500


def test_only_trouble_that_passes_is_called_so():
    assert passing_trouble(KeyError("forgotten")) is None
    assert "cannot be reached" in passing_trouble(OperationalError("gone"))
