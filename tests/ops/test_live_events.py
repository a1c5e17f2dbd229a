"""Events are numbered without holes, in the order in which they are committed."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction

from ops import clock
from ops.live import events
from ops.live.models import Event


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


@pytest.mark.django_db
def test_forgotten_events_leave_the_count_going_on():
    events.publish("old", "first", {})
    assert events.forget_before(clock.wall() + timedelta(seconds=1)) == 1

    assert events.publish("old", "second", {}) == 2
    assert [event["number"] for event in events.after("old", 0)] == [2]
