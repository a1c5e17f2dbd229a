"""COP-1: sender and receiver against the tables of the standard, and against each other."""

from hypothesis import assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from telemetry.frames import clcw, farm, tc
from telemetry.frames.clcw import Clcw
from telemetry.frames.farm import Farm
from telemetry.frames.fop import Fop
from telemetry.frames.fopoutput import (
    Alert,
    Answer,
    Kind,
    Suspended,
    TimeoutType,
    Told,
    Transmit,
)
from telemetry.frames.foptable import Event, State, cell


def ad(number, data=b"x"):
    return tc.Frame(1, 0, number, data, is_bypass=False)


def control(data):
    return tc.Frame(1, 0, 0, data, is_control=True)


# --- FARM-1 -----------------------------------------------------------------------------------


def test_frames_in_sequence_are_taken_and_others_are_not():
    first = farm.receive(Farm(v_r=255), ad(255))
    assert first.is_accepted
    assert first.farm.v_r == 0

    skipped = farm.receive(first.farm, ad(2))
    again = farm.receive(skipped.farm, ad(255))

    assert (skipped.is_accepted, again.is_accepted) == (False, False)
    assert again.farm.clcw().wants_retransmission
    assert farm.receive(again.farm, ad(0)).farm.clcw() == Clcw(following=1)


def test_outside_the_window_the_receiver_locks_until_it_is_unlocked():
    # The window of 20 is 10 ahead, the expected one among them, and 10 behind.
    near = Farm(v_r=100)
    assert [farm.receive(near, ad(n)).farm.state for n in (90, 109)] == [farm.State.OPEN] * 2
    for number in (89, 110):
        locked = farm.receive(near, ad(number)).farm
        assert locked.clcw().is_locked_out
        assert not farm.receive(locked, ad(100)).is_accepted
        assert farm.receive(locked, tc.Frame(1, 0, 0, b"BD")).is_accepted
        assert farm.receive(locked, control(tc.set_v_r(7))).farm.v_r == 100
        unlocked = farm.receive(locked, control(tc.UNLOCK)).farm
        assert farm.receive(unlocked, ad(100)).is_accepted


def test_without_room_the_receiver_waits_until_there_is():
    full = farm.receive(Farm(), ad(0), has_room=False)
    assert not full.is_accepted
    assert (full.farm.clcw().is_waiting, full.farm.clcw().wants_retransmission) == (True, True)
    assert not farm.receive(full.farm, ad(0)).is_accepted
    assert farm.receive(farm.release(full.farm), ad(0)).is_accepted
    assert not farm.receive(full.farm, control(tc.UNLOCK)).farm.is_waiting


def test_type_b_frames_are_counted_whatever_they_carry():
    state = Farm()
    for frame in (tc.Frame(1, 0, 9, b"BD"), control(tc.UNLOCK), control(tc.set_v_r(200))):
        state = farm.receive(state, frame).farm
    assert (state.clcw().type_b_frames, state.v_r) == (3, 200)
    assert farm.receive(state, control(b"?")).farm == state
    assert (
        farm.receive(state, tc.Frame(1, 0, 0, b"?", is_bypass=False, is_control=True)).farm == state
    )


# --- FOP-1 ------------------------------------------------------------------------------------


class Link:
    """A sender whose link takes everything at once."""

    def __init__(self, **options):
        self.fop = Fop(spacecraft=1, channel=0, **options)
        self.frames, self.told, self.alerts, self.suspensions = [], [], [], 0

    def do(self, outputs, now_s):
        for output in outputs:
            match output:
                case Transmit():
                    self.frames.append(output.frame)
                    self.do(self.fop.handed_over(output.kind, now_s=now_s), now_s)
                case Told():
                    self.told.append((output.tag, output.answer))
                case Alert():
                    self.alerts.append(output.reason)
                case Suspended():
                    self.suspensions += 1

    def begin(self, **how):
        self.do(self.fop.initiate("begin", now_s=0, **how), 0)
        return self

    def send(self, tag, now_s=0):
        self.do(self.fop.send(tag, str(tag).encode(), now_s=now_s), now_s)

    def report(self, following=0, now_s=0, **flags):
        self.do(self.fop.report(Clcw(following=following, **flags), now_s=now_s), now_s)

    def tick(self, now_s):
        self.do(self.fop.tick(now_s=now_s), now_s)

    def answers(self, tag):
        return [answer for each, answer in self.told if each == tag]


def test_the_service_begins_after_a_clean_report():
    link = Link().begin()
    link.send("early")
    assert link.answers("early") == [Answer.REJECTED]
    link.report(0)
    assert link.answers("begin") == [Answer.ACCEPTED, Answer.CONFIRMED]
    link.send("a")
    assert [(frame.number, frame.data, frame.is_bypass) for frame in link.frames] == [
        (0, b"a", False)
    ]
    link.report(1)
    assert link.answers("a") == [Answer.ACCEPTED, Answer.CONFIRMED]
    assert link.fop.timer_at_s is None


def test_a_locked_receiver_is_unlocked():
    link = Link().begin()
    link.report(0, is_locked_out=True)
    assert link.alerts == ["LOCKOUT"]
    assert link.answers("begin") == [Answer.ACCEPTED, Answer.UNKNOWN]
    link.begin(unlocks=True)
    assert link.frames[-1].data == tc.UNLOCK
    link.report(0, is_locked_out=True)  # of before
    assert link.fop.state == State.STARTING_BC
    link.report(0)
    assert link.fop.state == State.ACTIVE


def test_the_receiver_is_set_to_a_number():
    link = Link().begin(v_r=77)
    assert tc.set_v_r_of(link.frames[0].data) == 77
    link.tick(11)
    assert len(link.frames) == 2  # once more, since nobody answered
    link.report(77, now_s=12)
    link.send("a", 12)
    assert link.frames[-1].number == 77


def test_no_more_frames_are_under_way_than_the_window_allows():
    link = Link(window=2).begin(checks=False)
    for tag in "abcd":
        link.send(tag)
    assert [frame.data for frame in link.frames] == [b"a", b"b"]
    assert link.answers("d") == [Answer.REJECTED]  # c waits already
    link.report(1)
    assert link.frames[-1].data == b"c"


def test_what_is_not_acknowledged_goes_again_and_then_no_more():
    link = Link(limit=3, timer_s=5).begin(checks=False)
    link.send("a")
    link.send("b")
    for now_s in (5, 10, 15):
        link.tick(now_s)
    assert [frame.data for frame in link.frames] == [b"a", b"b"] * 3
    assert link.alerts == ["T1"]
    assert link.answers("a")[-1] == link.answers("b")[-1] == Answer.UNKNOWN
    assert link.fop.state == State.INITIAL


def test_a_report_of_a_gap_makes_the_rest_go_again():
    link = Link().begin(checks=False)
    for tag in "abc":
        link.send(tag)
    link.report(1, wants_retransmission=True)
    assert link.answers("a")[-1] == Answer.CONFIRMED
    assert [frame.number for frame in link.frames] == [0, 1, 2, 1, 2]
    link.report(1, wants_retransmission=True)  # of before they went again
    assert len(link.frames) == 5
    link.report(3)
    assert link.fop.is_idle


def test_nothing_goes_again_while_the_receiver_waits():
    link = Link().begin(checks=False)
    link.send("a")
    link.report(0, wants_retransmission=True, is_waiting=True)
    assert link.fop.state == State.AGAIN_WAITING
    assert len(link.frames) == 1
    link.report(0, wants_retransmission=True)
    assert len(link.frames) == 2


def test_reports_that_contradict_end_the_service():
    reasons = {}
    for name, flags in {
        "NN(R)": {"following": 9},
        "SYNCH": {"following": 1, "wants_retransmission": True},
        "CLCW": {"following": 1, "is_waiting": True},
        "LOCKOUT": {"following": 0, "is_locked_out": True},
    }.items():
        link = Link().begin(checks=False)
        link.send("a")
        link.report(**flags)
        reasons[name] = link.alerts
        assert link.answers("a")[-1] == Answer.UNKNOWN
    assert reasons == {name: [name] for name in reasons}


def test_a_service_rests_and_goes_on():
    link = Link(limit=1, timer_s=5, timeout_type=TimeoutType.SUSPEND).begin(checks=False)
    link.send("a")
    link.tick(5)
    assert (link.suspensions, link.fop.state) == (1, State.INITIAL)
    link.do(link.fop.set_v_s("number", 4, now_s=6), 6)
    assert link.answers("number") == [Answer.REJECTED]
    link.do(link.fop.resume("resume", now_s=7), 7)
    link.report(1, now_s=8)
    assert link.answers("a")[-1] == Answer.CONFIRMED
    link.do(link.fop.resume("again", now_s=9), 9)
    assert link.answers("again") == [Answer.REJECTED]


def test_expedited_units_go_in_any_state_and_one_at_a_time():
    sender = Fop(spacecraft=1, channel=0)
    out = sender.send_expedited("a", b"a", now_s=0)
    assert [type(each) for each in out] == [Told, Transmit]
    assert sender.send_expedited("b", b"b", now_s=0) == [Told("b", Answer.REJECTED)]
    assert sender.handed_over(Kind.BD, now_s=0) == [Told("a", Answer.CONFIRMED)]


def test_a_link_that_takes_nothing_ends_the_service():
    sender = Fop(spacecraft=1, channel=0)
    sender.initiate("begin", now_s=0, checks=False)
    sender.send("a", b"a", now_s=0)
    assert sender.refused(Kind.AD, now_s=0) == [Told("a", Answer.UNKNOWN), Alert("LLIF")]


def test_terminating_tells_what_nobody_knows():
    link = Link(window=1).begin(checks=False)
    link.send("a")
    link.send("b")
    link.do(link.fop.terminate("end", now_s=1), 1)
    assert link.answers("a")[-1] == Answer.UNKNOWN
    assert link.answers("b") == [Answer.REJECTED]
    assert link.answers("end") == [Answer.ACCEPTED, Answer.CONFIRMED]


def test_the_table_is_whole():
    assert all(cell(event, state) for event in Event if event.name not in _SET for state in State)


_SET = {"E36", "E37", "E38", "E39"}


# --- Both, over a bad link --------------------------------------------------------------------


class Uplink(RuleBasedStateMachine):
    """Frames and reports are lost, late and overtaken by time; both ends are what they are."""

    def __init__(self):
        super().__init__()
        self.farm, self.has_room = Farm(window=10), True
        self.link = Link(window=4, timer_s=5, limit=3)
        self.now_s, self.number = 0.0, 0
        self.under_way, self.reports = [], []
        self.got = []

    @property
    def sent(self):
        taken = [tag for tag, answer in self.link.told if answer == Answer.ACCEPTED]
        return [tag for tag in taken if isinstance(tag, int)]

    def move(self):
        self.under_way += self.link.frames
        self.link.frames.clear()

    @rule()
    def send(self):
        self.number += 1
        self.link.send(self.number, self.now_s)
        self.move()

    @precondition(lambda self: self.link.fop.state == State.INITIAL)
    @rule(how=st.sampled_from(["check", "unlock", "set"]))
    def begin(self, how):
        # Nobody begins anew while frames of before are still on their way: the number that they
        # carry could be one that is given again.
        self.under_way.clear()
        self.reports.clear()
        if how == "set":
            assume(self.farm.state != farm.State.LOCKOUT)
            self.link.begin(v_r=self.farm.v_r)
        else:
            self.link.do(self.link.fop.set_v_s("v_s", self.farm.v_r, now_s=self.now_s), self.now_s)
            self.link.begin(unlocks=how == "unlock")
        self.move()

    @precondition(lambda self: self.under_way)
    @rule(is_lost=st.booleans())
    def arrive(self, is_lost):
        frame = self.under_way.pop(0)
        if is_lost:
            return
        taken = farm.receive(self.farm, frame, has_room=self.has_room)
        self.farm = taken.farm
        if taken.is_accepted:
            self.got.append(int(frame.data))

    @rule()
    def tell(self):
        self.reports.append(self.farm.clcw())

    @precondition(lambda self: self.reports)
    @rule(is_lost=st.booleans())
    def hear(self, is_lost):
        word = self.reports.pop(0)
        if not is_lost:
            heard = clcw.decode(word.encode())
            self.link.do(self.link.fop.report(heard, now_s=self.now_s), self.now_s)
            self.move()

    @rule(passed_s=st.sampled_from([1.0, 6.0]))
    def wait(self, passed_s):
        self.now_s += passed_s
        self.link.tick(self.now_s)
        self.move()

    @rule(has_room=st.booleans())
    def room(self, has_room):
        self.has_room = has_room
        if has_room:
            self.farm = farm.release(self.farm)

    @invariant()
    def units_arrive_once_and_in_order(self):
        assert self.got == sorted(set(self.got))

    @invariant()
    def what_is_confirmed_has_arrived(self):
        confirmed = {tag for tag, answer in self.link.told if answer == Answer.CONFIRMED}
        assert {tag for tag in confirmed if isinstance(tag, int)} <= set(self.got)

    @invariant()
    def what_is_rejected_has_not_arrived(self):
        rejected = {tag for tag, answer in self.link.told if answer == Answer.REJECTED}
        assert not rejected & set(self.got)

    @invariant()
    def every_unit_is_told_of_once(self):
        ends = [t for t, a in self.link.told if a in (Answer.CONFIRMED, Answer.UNKNOWN)]
        units = [tag for tag in ends if isinstance(tag, int)]
        assert len(units) == len(set(units))
        under_way = {sent.tag for sent in self.link.fop._sent if not sent.frame.is_control}
        assert set(self.sent) == set(units) | under_way


TestUplink = Uplink.TestCase
TestUplink.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)


def test_over_a_link_that_loses_half_of_all_everything_arrives():
    import random

    dice, link, state, got = random.Random(1), Link(limit=99, timer_s=2), Farm(), []
    link.begin(checks=False)
    waiting = list(range(300))
    now_s = 0.0
    while waiting or not link.fop.is_idle:
        now_s += 0.5
        while waiting and link.fop.takes_more:
            link.send(waiting.pop(0), now_s)
        for frame in link.frames:
            if dice.random() < 0.5:
                taken = farm.receive(state, frame)
                state = taken.farm
                got += [int(frame.data)] * taken.is_accepted
        link.frames.clear()
        if dice.random() < 0.5:
            link.do(link.fop.report(state.clcw(), now_s=now_s), now_s)
        link.tick(now_s)
    assert got == list(range(300))
    assert link.alerts == []
