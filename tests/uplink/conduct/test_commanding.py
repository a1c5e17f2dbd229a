"""Telecommands over one link: in sequence, again when lost, never twice, over takeovers."""

import random
from dataclasses import replace

import pytest

from telemetry.frames import farm, tc
from telemetry.frames.farm import Farm
from uplink.conduct import commanding
from uplink.conduct.commanding import Commander


class Sky:
    """A satellite's receiver and a link that loses what it is told to lose."""

    def __init__(self, receiver=None):
        self.farm = receiver or Farm()
        self.obeyed, self.left = [], []
        self.now_s = 1000.0
        self.commander = None
        self.open()

    def open(self):
        """A link begins, by whoever has the contact now."""
        self.commander = Commander(7, opened_s=self.now_s, rate=1.0)

    def carry(self, lost=lambda frame: False):
        """Let the frames of now fly up."""
        self.commander.tick(self.now_s, rate=1.0)
        for octets, command_id in self.commander.frames():
            if command_id is not None:
                self.left.append(command_id)
            frame = tc.decode(octets)
            if not lost(frame):
                taken = farm.receive(self.farm, frame)
                self.farm = taken.farm
                if taken.is_accepted:
                    self.obeyed.append(frame.data)

    def report(self, *, old_s=0.0):
        """A frame comes down, with the word of now."""
        word = int.from_bytes(self.farm.clcw().encode())
        self.commander.heard(word, received_s=self.now_s - old_s, now_s=self.now_s)

    def wait(self, seconds, *, lost=lambda frame: False, silent=False):
        for _ in range(round(seconds)):
            self.now_s += 1.0
            self.carry(lost)
            if not silent:
                self.report()
        self.carry(lost)

    def send(self, *names):
        for name in names:
            self.commander.add(name, name.encode(), now_s=self.now_s)
        self.carry()


def test_nothing_is_claimed_before_a_fresh_report():
    sky = Sky()
    sky.report()
    assert sky.commander.claims(sky.now_s) == 0
    sky.now_s += 1
    sky.report(old_s=0.9)  # of a batch that is delivered again
    assert sky.commander.claims(sky.now_s) == 0
    sky.report()
    assert sky.commander.claims(sky.now_s) == commanding.WINDOW


def test_telecommands_go_on_from_the_number_that_the_satellite_expects():
    sky = Sky(Farm(v_r=200))
    sky.wait(1)
    sky.send("a", "b")
    assert sky.obeyed == [b"a", b"b"]
    assert sky.farm.v_r == 202
    assert sky.left == ["a", "b"]


def test_no_more_are_claimed_than_can_be_under_way():
    sky = Sky()
    sky.wait(1)
    sky.send(*"abcdef")
    assert sky.commander.claims(sky.now_s) == commanding.WINDOW - 6
    sky.report()
    assert sky.commander.claims(sky.now_s) == commanding.WINDOW


def test_a_lost_telecommand_goes_again_with_its_number_and_is_obeyed_once():
    sky = Sky()
    sky.wait(1)
    sky.commander.add("a", b"a", now_s=sky.now_s)
    sky.carry(lost=lambda frame: True)
    sky.commander.add("b", b"b", now_s=sky.now_s)
    sky.carry()
    assert sky.obeyed == []
    sky.wait(2)
    assert sky.obeyed == [b"a", b"b"]
    assert sky.left == ["a", "b"]  # each is told as sent once


def test_lost_reports_make_frames_go_again_and_nobody_obeys_twice():
    sky = Sky()
    sky.wait(1)
    sky.send("a")
    sky.wait(9, silent=True)
    assert sky.obeyed == [b"a"]
    sky.wait(1)
    assert sky.commander.claims(sky.now_s) == commanding.WINDOW


def test_who_takes_over_goes_on_and_sends_nothing_again():
    sky = Sky()
    sky.wait(1)
    sky.send("a", "b")
    sky.commander.add("c", b"c", now_s=sky.now_s)
    sky.carry(lost=lambda frame: True)  # killed before it could go again
    sky.open()
    sky.wait(1)
    sky.send("d")
    assert sky.obeyed == [b"a", b"b", b"d"]
    assert sky.farm.v_r == 3


@pytest.mark.parametrize("trouble", [{"state": farm.State.LOCKOUT}, {"wants_retransmission": True}])
def test_a_receiver_in_trouble_is_unlocked_first(trouble):
    sky = Sky(replace(Farm(v_r=9), **trouble))
    sky.wait(2)
    sky.send("a")
    assert sky.obeyed == [b"a"]


def test_a_receiver_that_counts_anew_is_followed():
    sky = Sky()
    sky.wait(1)
    sky.send(*"abc")
    sky.wait(1)
    sky.farm = Farm()  # it has booted
    sky.wait(3)
    sky.send("d")
    sky.wait(1)
    assert sky.obeyed[-1] == b"d"
    assert sky.farm.v_r == 1


def test_without_reports_telecommands_go_once_and_unnumbered():
    sky = Sky()
    sky.wait(commanding.PATIENCE_S, silent=True)
    assert sky.commander.claims(sky.now_s) == 0
    sky.wait(2, silent=True)
    assert sky.commander.claims(sky.now_s) == commanding.WINDOW
    sky.send("a", "b")
    sky.wait(9, silent=True)
    assert sky.obeyed == [b"a", b"b"]
    assert (sky.farm.v_r, sky.farm.farm_b) == (0, 2)


def test_what_never_left_waits_when_the_sequence_breaks_off():
    sky = Sky()
    sky.wait(1)
    for name in "abcdefghijk":
        sky.commander.add(name, name.encode(), now_s=sky.now_s)
    sky.carry(lost=lambda frame: True)
    assert sky.left == list("abcdefgh")
    sky.wait(commanding.TIMER_S * commanding.LIMIT + 4, lost=lambda frame: not frame.is_control)
    sky.wait(4)
    assert sky.obeyed[-3:] == [b"i", b"j", b"k"]
    assert sky.left == list("abcdefghijk")


def test_garbage_for_a_control_word_is_passed_over():
    sky = Sky()
    sky.now_s += 1
    for word in (0xFFFFFFFF, 0xC0000000, 0x01FC0000, 0x00000000):
        sky.commander.heard(word, received_s=sky.now_s, now_s=sky.now_s)
    assert sky.commander.claims(sky.now_s) == 0


@pytest.mark.parametrize("seed", range(5))
def test_over_a_link_that_loses_a_third_all_are_obeyed_once_and_in_order(seed):
    dice, sky = random.Random(seed), Sky()
    names, waiting = [], [f"{n:03}" for n in range(60)]
    while waiting or sky.commander.claims(sky.now_s) < commanding.WINDOW:
        for _ in range(min(len(waiting), sky.commander.claims(sky.now_s))):
            names.append(waiting.pop(0))
            sky.commander.add(names[-1], names[-1].encode(), now_s=sky.now_s)
        sky.carry(lost=lambda frame: dice.random() < 0.33)
        if dice.random() > 0.33:
            sky.report()
        sky.now_s += 0.5
    assert [data.decode() for data in sky.obeyed] == names
