"""The engine under whatever a pass can do to it: the file is identical, or refused by name."""

import json
import random
from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from tests.uplink.transfers.cfdp.link import LIMITS, SEGMENT_BYTES, Disk, make_receiver, make_sender
from uplink.transfers import cfdp
from uplink.transfers.cfdp import pdu as pdus

OVER = cfdp.SenderState.CANCELLED, cfdp.SenderState.FAILED
checksums = st.sampled_from(list(cfdp.Checksum))


class Flight(RuleBasedStateMachine):
    """Two engines, two queues of PDUs in flight, and everything that happens to them."""

    @initialize(
        size=st.integers(0, 25 * SEGMENT_BYTES),
        seed=st.integers(0, 1000),
        now=st.booleans(),
        crc=st.booleans(),
        checksum=checksums,
        every_s=st.sampled_from([0.0, 1.0]),
    )
    def start(self, size, seed, now, crc, checksum, every_s):
        self.data = random.Random(seed).randbytes(size)
        self.disk = Disk()
        self.limits = replace(LIMITS, prompt_s=every_s, keep_alive_s=every_s)
        self.crc = crc
        self.options = {"most_bytes": 1 << 20, "immediate": now, "limits": self.limits}
        self.sender = make_sender(
            self.data,
            limits=self.limits,
            checksum=cfdp.checksum_of(checksum, self.read, size),
            checksum_type=checksum,
            form=pdus.Form(2, 4, crc=crc),
        )
        self.receiver = make_receiver(self.disk, **self.options)
        self.saved_sender = self.saved_receiver = None
        self.is_cancelled = False
        self.up, self.down = [], []
        self.now_s = 0.0

    def read(self, offset, count):
        return self.data[offset : offset + count]

    @rule(count=st.integers(1, 8))
    def radiate(self, count):
        self.up += self.sender.next_pdus(count, self.now_s)

    @rule(count=st.integers(1, 8))
    def deliver_up(self, count):
        arriving, self.up = self.up[:count], self.up[count:]
        self.receiver.receive_many(arriving, self.now_s)

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
            try:
                self.sender.receive(pdu, self.now_s)
            except cfdp.Malformed:
                assert self.crc

    @rule(where=st.sampled_from(["up", "down"]), dice=st.randoms(use_true_random=False))
    def disturb(self, where, dice):
        flying = getattr(self, where)
        flying = [pdu for pdu in flying for _ in range(dice.choice([0, 1, 1, 2]))]
        dice.shuffle(flying)
        setattr(self, where, flying)

    @precondition(lambda self: self.crc and (self.up or self.down))
    @rule(where=st.integers(0, 1 << 16), bits=st.integers(1, 255))
    def damage(self, where, bits):
        flying = self.up or self.down
        spoilt = bytearray(flying[0])
        spoilt[where % len(spoilt)] ^= bits
        flying[0] = bytes(spoilt)

    @rule(response=st.sampled_from(pdus.Response))
    def prompt(self, response):
        self.sender.prompt(response)

    @rule()
    def ask(self):
        self.receiver.ask(self.now_s)

    @rule(sender=st.booleans())
    def suspend(self, sender):
        (self.sender if sender else self.receiver).suspend()

    @rule(sender=st.booleans())
    def resume(self, sender):
        (self.sender if sender else self.receiver).resume(self.now_s)

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
        self.sender = cfdp.Sender.from_json(
            json.loads(self.saved_sender), self.read, limits=self.limits
        )
        self.sender.resume(self.now_s)

    @rule()
    def crash_the_satellite(self):
        if self.saved_receiver is None:
            self.receiver = make_receiver(self.disk, **self.options)
            return
        self.receiver = cfdp.Receiver.from_json(
            json.loads(self.saved_receiver),
            self.disk.write,
            self.disk.checksum,
            self.disk.keep,
            now_s=self.now_s,
            **self.options,
        )

    @invariant()
    def what_was_kept_is_the_file(self):
        if hasattr(self, "disk") and self.disk.kept is not None:
            assert self.disk.kept == self.data

    @invariant()
    def nobody_claims_success_without_the_file(self):
        if not hasattr(self, "disk"):
            return
        if self.sender.state in OVER:
            assert self.is_cancelled
            assert self.sender.fault is cfdp.Condition.CANCEL_REQUEST_RECEIVED
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
        self.receiver.resume(self.now_s)
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
        if self.is_cancelled and self.sender.state in OVER:
            return
        assert self.sender.state is cfdp.SenderState.FINISHED
        assert self.disk.kept == self.data


class CancelledFlight(Flight):
    """The same, where either side may give up."""

    @rule(sender=st.booleans())
    def cancel(self, sender):
        (self.sender if sender else self.receiver).cancel(self.now_s)
        self.is_cancelled = True


TestFlight = Flight.TestCase
TestFlight.settings = settings(max_examples=120, stateful_step_count=60, deadline=None)
TestCancelledFlight = CancelledFlight.TestCase
TestCancelledFlight.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
