"""What two other CFDP engines said over lossy links, played to ours again.

`python -m tests.oracles.cfdp_peers --record FILE` writes the conversations; it runs the peers.
"""

import json
import random
from pathlib import Path

import pytest

from tests.oracles import cfdp_peers
from tests.uplink.transfers.cfdp.link import kind
from uplink.transfers import cfdp
from uplink.transfers.cfdp import pdu as pdus

SPOKEN = json.loads((Path(__file__).parent / "conversations.json").read_text())
DATA = random.Random(SPOKEN["seed"]).randbytes(SPOKEN["size"])


def flights(*, sends):
    return [
        pytest.param([(at_s, bytes.fromhex(pdu)) for at_s, pdu in one["heard"]], id=one["flight"])
        for one in SPOKEN["flights"]
        if one["sends"] is sends
    ]


@pytest.mark.parametrize("heard", flights(sends=False))
def test_a_file_of_another_engine_is_received_over_losses(heard):
    content = bytearray(len(DATA))
    receiver = cfdp_peers.make_receiver(cfdp.decode_head(heard[0][1]).transaction, content)
    events, said = [], []
    for at_s, pdu in heard:
        receiver.tick(at_s)
        events += receiver.receive(pdu, at_s)
        said += [kind(answer) for answer in receiver.pending_pdus()]
    assert bytes(content) == DATA
    assert events == [cfdp.Event.METADATA, cfdp.Event.KEPT, cfdp.Event.CLOSED]
    assert {"Ack(EOF)", "Nak", "Finished"} <= set(said)


@pytest.mark.parametrize("heard", flights(sends=True))
def test_another_engine_asks_for_what_it_lost_and_gets_it(heard):
    sender = cfdp_peers.make_sender(DATA, SPOKEN["segment_bytes"])
    left: list[pdus.FileData] = []

    def radiate(at_s):
        sent = [pdus.decode(pdu)[1] for pdu in sender.next_pdus(50, at_s)]
        left.extend(one for one in sent if isinstance(one, pdus.FileData))

    radiate(0.0)
    first, asked = len(left), set()
    for at_s, pdu in heard:
        sender.tick(at_s)
        _, said = pdus.decode(pdu)
        if isinstance(said, pdus.Nak):
            asked |= {byte for start, end in said.missing for byte in range(start, end)}
        sender.receive(pdu, at_s)
        radiate(at_s)
    again = {byte for one in left[first:] for byte in range(one.offset, one.offset + len(one.data))}
    assert sender.state is cfdp.SenderState.FINISHED
    assert asked == again != set()
    assert all(one.data == DATA[one.offset : one.offset + len(one.data)] for one in left)
