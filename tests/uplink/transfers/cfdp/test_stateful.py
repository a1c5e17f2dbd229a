"""The engine under whatever a pass can do to it: the file is identical, or refused by name."""

import json
import random

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.uplink.transfers.cfdp.link import LIMITS, SEGMENT_BYTES, Disk, make_receiver, make_sender
from uplink.transfers import cfdp


class Flight(RuleBasedStateMachine):
    """Two engines, two queues of PDUs in flight, and everything that happens to them."""

    @initialize(
        size=st.integers(0, 25 * SEGMENT_BYTES), seed=st.integers(0, 1000), now=st.booleans()
    )
    def start(self, size, seed, now):
        self.data = random.Random(seed).randbytes(size)
        self.disk = Disk()
        self.immediate = now
        self.sender = make_sender(self.data)
        self.receiver = make_receiver(self.disk, immediate=now)
        self.saved_sender = self.saved_receiver = None
        self.up, self.down = [], []
        self.now_s = 0.0

    @rule(count=st.integers(1, 8))
    def radiate(self, count):
        self.up += self.sender.next_pdus(count, self.now_s)

    @rule(count=st.integers(1, 8))
    def deliver_up(self, count):
        arriving, self.up = self.up[:count], self.up[count:]
        for pdu in arriving:
            self.receiver.receive(pdu, self.now_s)

    @rule()
    def answer(self):
        pending = self.receiver.pending_pdus()
        if pending:  # the promise to whom runs a receiver: save, then radiate
            self.saved_receiver = json.dumps(self.receiver.to_json())
            self.down += pending

    @rule(count=st.integers(1, 8))
    def deliver_down(self, count):
        arriving, self.down = self.down[:count], self.down[count:]
        for pdu in arriving:
            self.sender.receive(pdu, self.now_s)

    @rule(where=st.sampled_from(["up", "down"]), dice=st.randoms(use_true_random=False))
    def disturb(self, where, dice):
        flying = getattr(self, where)
        flying = [pdu for pdu in flying for _ in range(dice.choice([0, 1, 1, 2]))]
        dice.shuffle(flying)
        setattr(self, where, flying)

    @rule(span_s=st.sampled_from([0.5, 2.5, 25.0]))
    def wait(self, span_s):
        self.now_s += span_s
        self.sender.tick(self.now_s)
        self.receiver.tick(self.now_s)

    @rule(away_s=st.sampled_from([10.0, 5400.0]))
    def cut(self, away_s):
        self.sender.freeze(self.now_s)
        self.receiver.freeze(self.now_s)
        self.up, self.down = [], []
        self.now_s += away_s
        self.sender.resume(self.now_s)
        self.receiver.thaw(self.now_s)

    @rule()
    def checkpoint(self):
        self.saved_sender = json.dumps(self.sender.to_json())

    @rule()
    def crash_the_ground(self):
        if self.saved_sender is None:
            return
        data = self.data
        self.sender = cfdp.Sender.from_json(
            json.loads(self.saved_sender), lambda at, n: data[at : at + n], limits=LIMITS
        )
        self.sender.resume(self.now_s)

    @rule()
    def crash_the_satellite(self):
        if self.saved_receiver is None:
            self.receiver = make_receiver(self.disk, immediate=self.immediate)
            return
        self.receiver = cfdp.Receiver.from_json(
            json.loads(self.saved_receiver),
            self.disk.write,
            self.disk.checksum,
            self.disk.keep,
            now_s=self.now_s,
            most_bytes=1 << 20,
            immediate=self.immediate,
            limits=LIMITS,
        )

    @invariant()
    def what_was_kept_is_the_file(self):
        if hasattr(self, "disk") and self.disk.kept is not None:
            assert self.disk.kept == self.data

    @invariant()
    def nobody_claims_success_without_the_file(self):
        if not hasattr(self, "disk"):
            return
        assert self.sender.state is not cfdp.SenderState.FAILED
        if self.sender.state is cfdp.SenderState.FINISHED:
            assert self.disk.kept == self.data

    @invariant()
    def what_is_acknowledged_is_on_board(self):
        if hasattr(self, "disk"):
            for start, end in self.sender.acked:
                assert bytes(self.disk.bytes[start:end]) == self.data[start:end]

    def teardown(self):
        """A clean pass always brings the rest."""
        if not hasattr(self, "disk"):
            return
        self.cut(10.0)
        for _ in range(400):
            self.radiate(20)
            self.deliver_up(len(self.up))
            self.answer()
            self.deliver_down(len(self.down))
            if self.sender.state.is_over:
                break
            self.wait(0.5)
            if self.sender.state is cfdp.SenderState.SUSPENDED:
                self.sender.resume(self.now_s)
        assert self.sender.state is cfdp.SenderState.FINISHED
        assert self.disk.kept == self.data


TestFlight = Flight.TestCase
TestFlight.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
