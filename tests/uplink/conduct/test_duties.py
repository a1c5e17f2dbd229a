"""What a flight asks of the broker."""

from uuid import uuid4

import pytest

from telemetry import queueing
from uplink.conduct import duties


@pytest.mark.parametrize(("awaited", "queue"), [(True, "answers"), (False, "decoding")])
def test_a_reception_with_an_awaited_answer_goes_before_all_others(monkeypatch, awaited, queue):
    queued = []
    monkeypatch.setattr(queueing, "ask", lambda contact, queue: queued.append((contact, queue)))
    contact_id = uuid4()

    duties.queue_decoding(contact_id, awaited=awaited)

    assert queued == [(contact_id, queue)]
