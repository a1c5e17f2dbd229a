"""The doors: what workers call, and who may read the stream."""

from ops.live import streams
from telemetry import ingest, joining, queueing, tasks
from telemetry.models import Packet, RawBatch
from tests.factories import make_satellite, make_user


def test_a_batch_nobody_decoded_is_queued_again(contact, board, heard, monkeypatch):
    queued = []
    monkeypatch.setattr(queueing, "ask", queued.append)
    heard.store(board.frames([board.platform()]))

    tasks.requeue_undecoded()
    assert queued == [contact.id]

    tasks.decode_reception(str(contact.id))
    tasks.decode_reception(str(contact.id))
    assert Packet.objects.count() == 1
    assert not RawBatch.objects.filter(decoded=False).exists()

    queued.clear()
    tasks.requeue_undecoded()
    assert queued == []


def test_a_long_reception_lets_others_have_the_worker(contact, board, heard, monkeypatch):
    queued = []
    monkeypatch.setattr(queueing, "ask", lambda *said, **more: queued.append((*said, more)))
    monkeypatch.setattr(tasks, "SLICE_S", 0.0)
    monkeypatch.setattr(joining, "BATCHES_MAX", 1)
    for _ in range(3):
        heard.store(board.frames([board.platform()]))

    tasks.decode_reception(str(contact.id))
    assert RawBatch.objects.filter(decoded=False).count() == 2
    assert queued == [(contact.id, {"queue": "decoding"})]

    for _ in range(2):
        tasks.decode_reception(str(contact.id))
    assert Packet.objects.count() == 3


def test_what_comes_while_a_worker_decodes_is_read_at_a_later_time(
    contact, board, heard, monkeypatch
):
    heard.store(board.frames([board.platform()]))
    times = []
    decode_next = ingest._decode_next

    def decode_and_hear_more(*args, now):
        times.append(now)
        done = decode_next(*args, now=now)
        if len(times) < 3:
            heard.store(board.frames([board.platform()]))
        return done

    monkeypatch.setattr(ingest, "_decode_next", decode_and_hear_more)
    tasks.decode_reception(str(contact.id))

    assert len(times) == len(set(times)) == 3
    assert Packet.objects.count() == 3


def test_operators_and_viewers_read_the_stream_and_customers_do_not(db):
    stream = f"telemetry:{make_satellite().code}"
    allowed = {
        role: streams.may_read(make_user(role=role), stream)
        for role in ("operator", "viewer", "customer")
    }
    assert allowed == {"operator": True, "viewer": True, "customer": False}
    assert not streams.may_read(make_user(role="operator"), "telemetry:NOPE")
