"""The doors: what workers call, and who may read the stream."""

from ops.live import streams
from telemetry import tasks
from telemetry.models import Packet, RawBatch
from tests.factories import make_user


def test_a_batch_nobody_decoded_is_queued_again(contact, board, heard, monkeypatch):
    queued = []
    monkeypatch.setattr(tasks.decode_reception, "delay", queued.append)
    heard.store(board.frames([board.platform()]))

    tasks.requeue_undecoded()
    assert queued == [str(contact.id)]

    tasks.decode_reception(str(contact.id))
    tasks.decode_reception(str(contact.id))
    assert Packet.objects.count() == 1
    assert not RawBatch.objects.filter(decoded=False).exists()

    queued.clear()
    tasks.requeue_undecoded()
    assert queued == []


def test_operators_and_viewers_read_the_stream_and_customers_do_not(db):
    allowed = {
        role: streams.may_read(make_user(role=role), "telemetry:SCS-01-A")
        for role in ("operator", "viewer", "customer")
    }
    assert allowed == {"operator": True, "viewer": True, "customer": False}
