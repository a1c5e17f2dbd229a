"""Questions by REST: under the caller's id, one's own and nobody else's."""

from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from constellation.contacts.models import State as ContactState
from ops import clock
from tests.factories import make_contact, make_organisation, make_query, make_user, make_version
from uplink.inference.models import State
from uplink.transfers.models import Deployment

pytestmark = pytest.mark.django_db


@pytest.fixture
def version():
    contact = make_contact(aos_at=clock.now(), state=ContactState.PASS)
    version = make_version()
    Deployment.objects.create(satellite=contact.satellite, active_sha256=version.artefact_id)
    return version


def client_of(user) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


@pytest.fixture
def customer():
    return make_user(role="customer")


def question(version, text="hello"):
    return {"model": str(version), "messages": [{"role": "user", "content": text}]}


def test_put_asks_and_may_be_repeated(version, customer):
    client, url = client_of(customer), f"/api/v1/queries/{uuid4()}"
    first = client.put(url, question(version), format="json")
    again = client.put(url, question(version), format="json")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert first.json()["state"] == State.ROUTED

    other = client.put(url, question(version, "something else"), format="json")
    assert (other.status_code, other.json()["code"]) == (422, "query_reused")


def test_what_is_off_is_refused_by_name(version, customer):
    client, url = client_of(customer), f"/api/v1/queries/{uuid4()}"
    refused = client.put(url, question(version) | {"n": 2}, format="json")
    assert (refused.status_code, refused.json()["param"]) == (400, "n")
    unknown = client.put(url, question("gpt-9"), format="json")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "model_not_found")


def test_delete_takes_a_question_back(version, customer):
    client, url = client_of(customer), f"/api/v1/queries/{uuid4()}"
    client.put(url, question(version), format="json")
    assert client.delete(url).json()["state"] == State.CANCELLED
    assert client.get(url).json()["state"] == State.CANCELLED


def test_a_list_holds_ones_own_questions_and_an_operator_sees_all(customer):
    mine = make_query(organisation=customer.organisation)
    make_query()
    listed = client_of(customer).get("/api/v1/queries").json()["results"]
    assert [each["query"] for each in listed] == [str(mine.pk)]

    operator = make_user(organisation=make_organisation(operates_fleet=True))
    assert len(client_of(operator).get("/api/v1/queries").json()["results"]) == 2


@pytest.mark.parametrize("method", ["get", "delete"])
def test_a_stranger_finds_nothing(method, customer):
    query = make_query()
    answer = getattr(client_of(customer), method)(f"/api/v1/queries/{query.pk}")
    assert (answer.status_code, answer.json()["code"]) == (404, "query_not_found")


def test_who_may_not_ask_is_refused(version):
    url = f"/api/v1/queries/{uuid4()}"
    viewer = client_of(make_user(role="viewer"))
    assert viewer.put(url, question(version), format="json").status_code == 403
    assert APIClient().get(url).status_code == 401
