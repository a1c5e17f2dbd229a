"""Many are told at once: who answers slowly, or never, keeps nobody else waiting."""

import socket
import threading
from datetime import UTC, datetime, timedelta

import pytest

from telemetry.alarms import notices, sending, subscribing, webhooks
from telemetry.alarms.models import Delivery
from tests.factories import make_satellite
from tests.telemetry.alarms.shared import Hook, find, subscribe

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
PATIENCE_S = 20.0


def wall():
    return NOW


def deliveries():
    return list(Delivery.objects.order_by("pk").values_list("state", "error"))


@pytest.fixture
def other():
    hook = Hook()
    yield hook
    hook.close()


def due_to(*subscriptions):
    """Queue a message to each, in that order; return their ids."""
    made = [
        subscribing.send_test(subscription=row, wall=NOW - timedelta(seconds=10 - number))
        for number, row in enumerate(subscriptions)
    ]
    return [str(delivery.pk) for delivery in made]


def test_a_subscriber_that_answers_late_does_not_hold_up_the_next(db, hook, other):
    heard = threading.Event()
    hook.wait = lambda: None if heard.wait(PATIENCE_S) else hook.answers.append(500)
    other.wait = heard.set
    due_to(subscribe(hook.url), subscribe(other.url))

    assert sending.send_due(wall=wall) == 2
    assert deliveries() == [("sent", ""), ("sent", "")]


def test_one_subscriber_hears_one_message_after_the_other_in_their_order(db, hook):
    at_once, most = [], []

    def wait():
        at_once.append(1)
        most.append(len(at_once))
        threading.Event().wait(0.05)
        at_once.pop()

    hook.wait = wait
    queued = due_to(*[subscribe(hook.url)] * 4)

    assert sending.send_due(wall=wall) == 4
    assert max(most) == 1
    assert [body["id"] for body in hook.bodies()] == queued


def test_a_process_sends_in_one_thread_at_a_time(db, hook):
    subscribe(hook.url, digest_s=0)
    find(make_satellite())
    notices.distribute(wall=NOW)
    beside = []
    hook.wait = lambda: beside.append(sending.send_due(wall=wall))

    assert sending.send_due(wall=wall) == 1
    assert beside == [0]


def test_what_fails_in_an_unforeseen_way_fails_alone(db, hook, other, monkeypatch, caplog):
    sent = webhooks.post

    def post(url, *args, **kwargs):
        if url == hook.url:
            raise LookupError("nobody thought of this")
        sent(url, *args, **kwargs)

    monkeypatch.setattr(webhooks, "post", post)
    subscribe(hook.url, digest_s=0)
    subscribe(other.url, digest_s=0)
    find(make_satellite())
    notices.distribute(wall=NOW)

    assert sending.send_due(wall=wall) == 1
    assert "could not be sent" in caplog.text
    assert sorted(state for state, _ in deliveries()) == ["sending", "sent"]
    monkeypatch.undo()
    assert sending.send_due(wall=lambda: NOW + sending.LEASE) == 1


@pytest.fixture
def dripping():
    """A server that answers a word now and then, and never comes to an end."""
    server = socket.create_server(("127.0.0.1", 0))
    is_over = threading.Event()

    def serve():
        line, _ = server.accept()
        with line:
            while not is_over.wait(0.02):
                try:
                    line.sendall(b".")
                except OSError:
                    return

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"http://127.0.0.1:{server.getsockname()[1]}/"
    is_over.set()
    thread.join()
    server.close()


def test_an_answer_that_never_ends_is_given_up(db, hook, dripping, monkeypatch):
    monkeypatch.setattr(webhooks, "TIMEOUT_S", 1.5)  # the first word comes in time
    subscribe(dripping, digest_s=0)
    find(make_satellite())
    notices.distribute(wall=NOW)

    assert sending.send_due(wall=wall) == 0
    [(state, error)] = deliveries()
    assert state == "sending"
    assert error.startswith("no answer: BadStatusLine")
