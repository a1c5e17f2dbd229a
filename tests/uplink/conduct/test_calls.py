"""What the conductor's threads do with the database, when it is away or when they are stopped."""

import asyncio
import threading

import pytest
from django.db import InternalError, connection, transaction

from ops import db
from tests.factories import make_contact
from tests.running import wait_for
from tests.uplink.conduct.test_leases import claim, expire
from uplink.conduct import calls, leases

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def threads(monkeypatch):
    monkeypatch.setattr(calls, "SILENT_S", 0.3)
    threads = calls.Calls()
    yield threads
    threads.close()


def test_who_is_stopped_amid_a_transaction_keeps_nobody_from_its_contact(threads):
    contact = make_contact()
    (lease,) = claim("one")
    stopped, woken = threading.Event(), threading.Event()

    def write():
        try:
            with transaction.atomic():
                held = leases.hold(lease)
                stopped.set()
                assert woken.wait(90)
                held.save()
        finally:
            connection.close()

    async def fly():
        writing = asyncio.create_task(threads.database(write))
        assert await asyncio.to_thread(stopped.wait, 60)
        await asyncio.to_thread(others)
        woken.set()
        return (await asyncio.gather(writing, return_exceptions=True))[0]

    def others():
        try:
            expire(contact)  # waits for the lock, which the server takes from the sleeper
            wait_for("another has the contact", lambda: claim("two"), 60)
        finally:
            connection.close()

    error = asyncio.run(fly())

    assert isinstance(error, InternalError)
    assert db.passing_trouble(error)
    contact.refresh_from_db()
    assert (contact.owner, contact.fencing) == ("two", 2)


def test_it_insists_on_what_a_broken_connection_did_not_do(threads):
    ended = []

    def write():
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                (pid,) = cursor.fetchone()
                if not ended:
                    ended.append(pid)
                    threading.Event().wait(1.0)  # longer than the server listens
                cursor.execute("SELECT 7")
                return pid, cursor.fetchone()[0]
        finally:
            connection.close_if_unusable_or_obsolete()

    pid, seven = asyncio.run(threads.insist(write))

    assert seven == 7
    assert pid not in ended
