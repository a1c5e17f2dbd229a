"""What a flight asks of the broker."""

from uuid import uuid4

import pytest

from telemetry import tasks
from uplink.conduct import duties


@pytest.mark.parametrize(("awaited", "queue"), [(True, "answers"), (False, "decoding")])
def test_a_reception_with_an_awaited_answer_goes_before_all_others(monkeypatch, awaited, queue):
    queued = []
    monkeypatch.setattr(tasks.decode_reception, "apply_async", lambda **said: queued.append(said))
    contact_id = uuid4()

    duties.queue_decoding(contact_id, awaited=awaited)

    (said,) = queued
    assert said["queue"] == queue
    assert said["kwargs"] == {"contact_id": str(contact_id)}
    assert said["expires"] > 0
