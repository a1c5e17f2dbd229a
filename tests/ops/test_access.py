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
