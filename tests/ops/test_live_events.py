"""Events are numbered without holes, in the order in which they are committed."""

import itertools
import random
import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction

from ops import clock
from ops.accounts.models import Organisation, User
from ops.live import events
from ops.live.models import Event
from tests.factories import make_organisation


@pytest.mark.django_db(transaction=True)
def test_a_reader_never_sees_a_number_before_the_one_below_it():
    # Writers hold their transactions open for a while; with a sequence the reader below would see
    # 2 before 1.
    seen, stop = [], threading.Event()

    def write(pause_s):
        try:
            with transaction.atomic():
                events.publish("race", "tick", {"pause_s": pause_s})
                threading.Event().wait(pause_s)
        finally:
            connection.close()

    def read():
        try:
            last = 0
            while not stop.is_set() or events.after("race", last):
                for event in events.after("race", last):
                    seen.append(event["number"])
                    last = event["number"]
        finally:
            connection.close()

    reader = threading.Thread(target=read)
    reader.start()
    writers = [threading.Thread(target=write, args=(0.05 * (n % 3),)) for n in range(12)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    stop.set()
    reader.join()

    assert seen == list(range(1, 13))


@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_leaves_no_hole():
    events.publish("calm", "first", {})
    with pytest.raises(RuntimeError), transaction.atomic():
        events.publish("calm", "undone", {})
        raise RuntimeError
    events.publish("calm", "second", {})

    assert [(e["number"], e["kind"]) for e in events.after("calm", 0)] == [
        (1, "first"),
        (2, "second"),
    ]
    assert Event.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_forgotten_events_leave_the_count_going_on():
    events.publish("old", "first", {})
    assert events.forget_before(clock.wall() + timedelta(seconds=1)) == 1

    events.publish("old", "second", {})
    assert [event["number"] for event in events.after("old", 0)] == [2]


def together(*works):
    """Run each work in a thread with its own connection; return what they raised."""
    raised = []

    def run(work):
        try:
            work()
        except Exception as error:
            raised.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


@pytest.mark.django_db(transaction=True)
def test_two_transactions_that_publish_in_opposite_order_both_commit():
    # With counters locked as events are published each would hold what the other waits for.
    both = threading.Barrier(2, timeout=30)

    def write(first, second):
        with transaction.atomic():
            events.publish(first, "one", {})
            both.wait()
            events.publish(second, "two", {})
            both.wait()

    assert together(lambda: write("ebb", "flow"), lambda: write("flow", "ebb")) == []

    for stream in ("ebb", "flow"):
        told = events.after(stream, 0)
        assert [event["number"] for event in told] == [1, 2]
        assert sorted(event["kind"] for event in told) == ["one", "two"]


@pytest.mark.django_db(transaction=True)
def test_events_in_any_order_of_streams_are_dense_and_whole():
    streams = [f"soak:{n}" for n in range(5)]

    def write(writer):
        chance = random.Random(writer)
        for turn in range(30):
            with transaction.atomic():
                for place, stream in enumerate(chance.choices(streams, k=6)):
                    events.publish(stream, "tick", {"by": [writer, turn, place]})

    assert together(*(lambda n=n: write(n) for n in range(6))) == []

    told = {stream: events.after(stream, 0, limit=10_000) for stream in streams}
    for stream in streams:
        assert [event["number"] for event in told[stream]] == list(range(1, len(told[stream]) + 1))
        # One transaction's events stand together, in the order in which they were published.
        by = [event["payload"]["by"] for event in told[stream]]
        blocks = [key for n, (*key, _) in enumerate(by) if n == 0 or by[n - 1][:2] != key]
        assert len(blocks) == len({tuple(key) for key in blocks})
        assert all(a[2] < b[2] for a, b in itertools.pairwise(by) if a[:2] == b[:2])
    assert sum(map(len, told.values())) == 6 * 30 * 6


@pytest.mark.django_db(transaction=True)
def test_a_foreign_key_that_is_checked_at_the_commit_does_not_meet_a_counter():
    # One transaction refers to a row that the other holds FOR UPDATE; both publish. Were counters
    # taken before the foreign key is checked, each would wait for the other.
    organisation = make_organisation()
    held, referred = threading.Event(), threading.Event()

    def hold():
        with transaction.atomic():
            Organisation.objects.select_for_update().get(pk=organisation.pk)
            held.set()
            referred.wait(30)
            events.publish("tied", "held", {})
            threading.Event().wait(0.3)  # the other stands at its commit by now

    def refer():
        held.wait(30)
        with transaction.atomic():
            events.publish("tied", "referred", {})
            User.objects.create(username="referred", organisation=organisation)
            referred.set()

    assert together(hold, refer) == []
    assert [event["kind"] for event in events.after("tied", 0)] == ["held", "referred"]


@pytest.mark.django_db(transaction=True)
def test_an_undone_savepoint_takes_its_events_with_it():
    with transaction.atomic():
        events.publish("kept", "before", {})
        with pytest.raises(RuntimeError), transaction.atomic():
            events.publish("kept", "undone", {})
            raise RuntimeError
        events.publish("kept", "after", {})

    assert [(e["number"], e["kind"]) for e in events.after("kept", 0)] == [
        (1, "before"),
        (2, "after"),
    ]
