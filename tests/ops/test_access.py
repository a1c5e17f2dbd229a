"""Who gets in, and how a refusal reads."""

import pytest
from django.test import Client
from rest_framework.test import APIClient

from ops.accounts import keys
from tests.factories import make_user


@pytest.fixture
def operator(db):
    return make_user(role="operator")


@pytest.fixture
def customer(db):
    return make_user(role="customer")


def test_a_key_opens_what_its_user_may_and_nothing_else(operator, customer):
    client = APIClient()
    for user, status in ((operator, 200), (customer, 403)):
        _, key = keys.issue(user=user, name="test")
        assert client.get("/api/v1/clock", HTTP_AUTHORIZATION=f"Bearer {key}").status_code == status


def test_a_stranger_is_asked_who_he_is(db):
    answer = APIClient().get("/api/v1/clock")

    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Bearer"
    assert answer["Content-Type"] == "application/problem+json"


def test_a_wrong_key_is_refused_even_with_a_session(operator):
    client = APIClient(HTTP_AUTHORIZATION="Bearer zk_wrong")
    client.force_login(operator)

    assert client.get("/api/v1/clock").status_code == 401


def test_a_revoked_key_is_refused(operator):
    row, key = keys.issue(user=operator, name="test")
    row.revoked_at = row.created_at
    row.save()

    assert keys.recognise(key) is None


def test_the_database_holds_no_key(operator):
    row, key = keys.issue(user=operator, name="test")

    assert key not in (row.digest, row.prefix)
    assert keys.recognise(key) == row


def test_an_address_that_leads_nowhere_is_a_problem(operator):
    client = Client()
    client.force_login(operator)

    answer = client.get("/api/v1/nowhere")

    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"


def test_a_bad_change_of_the_clock_says_what_is_missing(operator):
    client = APIClient()
    client.force_login(operator)

    answer = client.post("/api/v1/clock", {"action": "rate"}, format="json")

    assert answer.status_code == 400
    assert answer.json()["errors"] == {"rate": ["`rate` needs `rate`."]}


@pytest.mark.parametrize("path", ["/v1/nothing", "/v1/queries/not-a-uuid"])
def test_openais_clients_read_a_lost_address_in_their_own_form(db, path):
    answer = Client().get(path)

    assert answer.status_code == 404
    assert answer.json()["error"]["message"] == f"There is nothing at {path}."


@pytest.mark.django_db(transaction=True)  # the door recognises keys in a thread of its own
def test_a_body_that_is_too_large_says_how_large_it_may_be(settings):
    operator = make_user(role="operator")
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    _, key = keys.issue(user=operator, name="test")

    answer = Client().post(
        "/v1/chat/completions",
        b"{" + b" " * 2000,
        content_type="application/json",
        HTTP_AUTHORIZATION=f"Bearer {key}",
    )

    assert answer.status_code == 413
    assert answer.json()["error"]["message"] == (
        "The body has 2001 bytes; at most 1000 are taken here."
    )


def test_a_person_at_a_lost_address_is_told_so_in_a_page(operator):
    client = Client()
    client.force_login(operator)

    answer = client.get("/nowhere")

    assert answer.status_code == 404
    assert "There is nothing at /nowhere." in answer.content.decode()
