"""The stock `openai` package, over HTTP, against the real server: streams, usage, refusals."""

import json
import threading
import time
from itertools import count
from uuid import UUID, uuid4

import httpx
import openai
import pytest
from django.db import connection

from constellation.contacts.models import State as ContactState
from ops import clock
from ops.accounts import keys
from telemetry.onboard import TokenKind
from tests.factories import make_contact, make_organisation, make_query, make_user, make_version
from tests.uplink.inference.serving import serve
from tests.uplink.inference.test_answers import answer_of, packet
from uplink.inference import answers, queries
from uplink.inference.models import Query, State
from uplink.transfers.models import Deployment

pytestmark = pytest.mark.django_db(transaction=True)
HELLO = [{"role": "user", "content": "hello"}]
TEXT = ("Hel", "lo, Earth — ", "здравствуй")
_names = count(1)


@pytest.fixture(scope="module")
def server():
    with serve() as url:
        yield url


@pytest.fixture
def contact():
    contact = make_contact(aos_at=clock.now(), state=ContactState.PASS)
    version = make_version(name=f"tiny-{next(_names)}")
    Deployment.objects.create(satellite=contact.satellite, active_sha256=version.artefact_id)
    contact.version = version
    return contact


@pytest.fixture
def user():
    return make_user(role="customer")


@pytest.fixture
def client(server, user):
    _, key = keys.issue(user=user, name="test")
    with openai.OpenAI(base_url=f"{server}/v1", api_key=key, max_retries=0, timeout=20) as client:
        yield client


class Satellite(threading.Thread):
    """Answers the first question that comes, a segment at a time."""

    def __init__(self, contact, text=TEXT, end=None) -> None:
        super().__init__(daemon=True)
        self.contact, self.text, self.end = contact, text, end
        self.start()

    def run(self) -> None:
        try:
            while (query := Query.objects.filter(state=State.ROUTED).first()) is None:
                time.sleep(0.01)
            segments = list(answer_of(query, self.text))
            if self.end is not None:
                segments[-1] = self.end
            for number, kind, text in segments:
                time.sleep(0.02)
                answers.take(
                    packet(query.pk, number, kind, text, contact=self.contact), now=clock.now()
                )
        finally:
            connection.close()


def test_an_answer_as_one_object(client, contact):
    satellite = Satellite(contact)
    answer = client.chat.completions.create(model=contact.version.model.name, messages=HELLO)
    satellite.join()

    (choice,) = answer.choices
    assert (choice.message.role, choice.message.content) == ("assistant", "".join(TEXT))
    assert choice.finish_reason == "stop"
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (11, 2)
    assert answer.usage.total_tokens == 13
    assert answer.zenith["satellite"] == contact.satellite.code
    assert answer.zenith["model_digest"] == contact.version.artefact_id
    assert answer.zenith["legs"]["delivered"]


def test_an_answer_as_a_stream_with_usage(client, contact):
    satellite = Satellite(contact)
    stream = client.chat.completions.create(
        model=str(contact.version),
        messages=HELLO,
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    satellite.join()

    first, *pieces, last, usage = chunks
    assert first.choices[0].delta.role == "assistant"
    assert [piece.choices[0].delta.content for piece in pieces] == list(TEXT)
    assert last.choices[0].finish_reason == "stop"
    assert last.zenith["downlink_station"] == contact.antenna.station.code
    assert usage.choices == []
    assert usage.usage.total_tokens == 13
    assert len({chunk.id for chunk in chunks}) == 1


def test_a_stream_without_usage_has_none(client, contact):
    Satellite(contact)
    chunks = list(
        client.chat.completions.create(model=str(contact.version), messages=HELLO, stream=True)
    )
    assert all(chunk.usage is None for chunk in chunks)
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_a_failure_on_board_reaches_the_caller(client, contact):
    error = (len(TEXT) + 1, TokenKind.ERROR, json.dumps({"code": "x", "detail": "out of power"}))
    Satellite(contact, end=error)
    with pytest.raises(openai.APIError, match="out of power"):
        list(
            client.chat.completions.create(model=str(contact.version), messages=HELLO, stream=True)
        )

    Satellite(contact, end=error)
    with pytest.raises(openai.InternalServerError, match="out of power") as refusal:
        client.chat.completions.create(model=str(contact.version), messages=HELLO)
    assert refusal.value.code == "query_failed"


def test_models_are_listed_with_how_many_satellites_run_them(client, contact):
    listed = {model.id: model for model in client.models.list()}
    name = contact.version.model.name
    assert listed[name].zenith["satellites"] == 1
    assert str(contact.version) in listed
    assert client.models.retrieve(name).zenith["digest"] == contact.version.artefact_id


def test_a_wrong_key_is_refused(server):
    client = openai.OpenAI(base_url=f"{server}/v1", api_key="zk_wrong", max_retries=0)
    with pytest.raises(openai.AuthenticationError) as refusal:
        client.models.list()
    assert refusal.value.code == "invalid_api_key"


def test_a_role_without_the_permission_is_refused(server):
    _, key = keys.issue(user=make_user(role="viewer"), name="test")
    client = openai.OpenAI(base_url=f"{server}/v1", api_key=key, max_retries=0)
    with pytest.raises(openai.PermissionDeniedError):
        client.chat.completions.create(model="any", messages=HELLO)


def test_an_unknown_model_is_not_found(client):
    with pytest.raises(openai.NotFoundError) as refusal:
        client.chat.completions.create(model="gpt-9", messages=HELLO)
    assert (refusal.value.code, refusal.value.param) == ("model_not_found", "model")


def test_a_field_that_is_off_is_named(client, contact):
    with pytest.raises(openai.BadRequestError) as refusal:
        client.chat.completions.create(model=str(contact.version), messages=HELLO, n=3)
    assert (refusal.value.param, refusal.value.code) == ("n", "unsupported_parameter")


def test_a_model_that_flies_nowhere_is_unavailable(client):
    version = make_version()
    with pytest.raises(openai.InternalServerError) as refusal:
        client.chat.completions.create(model=str(version), messages=HELLO)
    assert (refusal.value.status_code, refusal.value.code) == (503, "model_not_in_orbit")


def test_a_method_that_is_not_offered_is_answered_with_those_that_are(client):
    head = {"Authorization": f"Bearer {client.api_key}"}
    with httpx.Client(base_url=str(client.base_url), headers=head) as caller:
        got, asked = caller.get("chat/completions"), caller.options("models")
        looked, listed = caller.head("models"), caller.get("models")

    assert (got.status_code, got.headers["Allow"]) == (405, "POST")
    assert "GET is not allowed here; right is POST" in got.json()["error"]["message"]
    assert (asked.status_code, asked.headers["Allow"]) == (405, "GET, HEAD")
    assert (looked.status_code, looked.content) == (200, b"")
    assert looked.headers["Content-Length"] == listed.headers["Content-Length"]


def test_too_many_open_questions_are_refused(client, contact, user, monkeypatch):
    monkeypatch.setattr(queries, "OPEN_MAX", 1)
    make_query(organisation=user.organisation, version=contact.version)
    with pytest.raises(openai.RateLimitError):
        client.chat.completions.create(model=str(contact.version), messages=HELLO)


def test_asking_again_under_the_same_key_is_the_same_question(client, contact):
    wanted = {"model": str(contact.version), "messages": HELLO}
    again = {"Idempotency-Key": "the one and only"}
    Satellite(contact)
    first = client.chat.completions.create(**wanted, extra_headers=again)
    second = client.chat.completions.create(**wanted, extra_headers=again)
    assert first.id == second.id
    assert second.choices[0].message.content == "".join(TEXT)
    assert Query.objects.count() == 1


def test_hanging_up_loses_nothing_and_the_rest_can_be_read_later(client, contact, server):
    stream = client.chat.completions.create(model=str(contact.version), messages=HELLO, stream=True)
    query_id = UUID(next(iter(stream)).zenith["query"])
    stream.close()
    satellite = Satellite(contact)
    satellite.join()

    url = f"{server}/v1/queries/{query_id}"
    headers = {"Authorization": f"Bearer {client.api_key}"}
    body = httpx.get(url, headers=headers).json()
    assert (body["text"], body["zenith"]["state"]) == ("".join(TEXT), "DELIVERED")

    resumed = headers | {"Accept": "text/event-stream", "Last-Event-ID": "2"}
    events = httpx.get(url, headers=resumed).text
    assert [line for line in events.splitlines() if line.startswith("id:")] == ["id: 3"]
    assert events.endswith("data: [DONE]\n\n")


def test_a_stranger_finds_no_question_and_takes_none_back(server):
    query = make_query()
    _, key = keys.issue(user=make_user(role="customer"), name="test")
    headers = {"Authorization": f"Bearer {key}"}
    url = f"{server}/v1/queries/{query.pk}"
    for answer in (httpx.get(url, headers=headers), httpx.delete(url, headers=headers)):
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "query_not_found"
    assert httpx.get(f"{server}/v1/queries/{uuid4()}").status_code == 401


def test_a_question_is_taken_back_by_its_owner(server):
    user = make_user(role="customer", organisation=make_organisation())
    query = make_query(organisation=user.organisation)
    _, key = keys.issue(user=user, name="test")
    answer = httpx.delete(
        f"{server}/v1/queries/{query.pk}", headers={"Authorization": f"Bearer {key}"}
    )
    assert answer.json()["zenith"]["state"] == "CANCELLED"
