"""One message a contact: what the broker holds, read as it lies there."""

import ast
import json
from uuid import uuid4

import pytest
import redis
from django.conf import settings

from telemetry import queueing, tasks
from telemetry.models import Packet


class Broker:
    """The lists in which Celery's messages wait."""

    def __init__(self):
        self.valkey = redis.Redis.from_url(settings.REDIS_URL)
        self.valkey.flushall()

    def taken(self, queue):
        """Take the messages of a queue, and return what each says to its task."""
        said = []
        while message := self.valkey.rpop(queue):
            said.append(ast.literal_eval(json.loads(message)["headers"]["kwargsrepr"]))
        return said


@pytest.fixture
def broker():
    return Broker()


def test_one_message_waits_for_a_contact_whatever_comes(broker):
    one, other = uuid4(), uuid4()
    for _ in range(3):
        queueing.ask(one)
        queueing.ask(other)

    assert broker.taken("decoding") == [
        {"contact_id": str(one), "queue": "decoding"},
        {"contact_id": str(other), "queue": "decoding"},
    ]


def test_an_awaited_answer_does_not_wait_behind_the_message_that_is_there(broker):
    contact = uuid4()
    queueing.ask(contact)
    queueing.ask(contact, queue=queueing.ANSWERS)

    assert len(broker.taken("answers")) == len(broker.taken("decoding")) == 1


def test_what_is_stored_after_the_last_look_has_a_message_of_its_own(
    contact, board, heard, broker, monkeypatch
):
    def look_and_hear_more(*args, **kwargs):
        found = look(*args, **kwargs)
        if not found:  # the task goes home now
            heard.store(board.frames([board.platform()]))
            queueing.ask(contact.id)
        return found

    look = tasks.ingest.decode_reception
    monkeypatch.setattr(tasks.ingest, "decode_reception", look_and_hear_more)
    heard.store(board.frames([board.platform()]))
    queueing.ask(contact.id)

    (message,) = broker.taken("decoding")
    tasks.decode_reception(**message)
    assert Packet.objects.count() == 1
    (message,) = broker.taken("decoding")
    monkeypatch.setattr(tasks.ingest, "decode_reception", look)
    tasks.decode_reception(**message)
    assert Packet.objects.count() == 2


def test_a_message_that_was_lost_is_missed_for_seconds_only(broker):
    contact = uuid4()
    queueing.ask(contact)
    assert len(broker.taken("decoding")) == 1  # and nobody ever took it up

    assert 0 < broker.valkey.ttl(queueing._mark(contact, "decoding")) <= 8
    broker.valkey.flushall()
    queueing.ask(contact)
    assert len(broker.taken("decoding")) == 1


def test_without_marks_every_wish_is_a_message(broker, monkeypatch):
    gone = redis.Redis(port=1, socket_connect_timeout=0.2)
    monkeypatch.setattr(queueing, "_marks", lambda: gone)
    contact = uuid4()
    for _ in range(2):
        queueing.ask(contact)
    queueing.begun(contact, "decoding")

    assert len(broker.taken("decoding")) == 2
