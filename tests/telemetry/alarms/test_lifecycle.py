"""Alarms live as ANSI/ISA-18.2-2016 draws it: every state, every event, and a tiny model beside."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from telemetry.alarms.lifecycle import CALLING, OPEN, Event, NotNow, State, Status, after

ACTIVE = Status(is_active=True, is_acknowledged=False)
KNOWN = Status(is_active=True, is_acknowledged=True)
BACK = Status(is_acknowledged=False)
LATCHED = Status(is_acknowledged=False, is_latched=True)
LATCHED_KNOWN = Status(is_latched=True)
STATUS = {
    State.NORMAL: Status(),
    State.UNACKNOWLEDGED: ACTIVE,
    State.ACKNOWLEDGED: KNOWN,
    State.RETURNED: BACK,
    State.LATCHED: LATCHED,
    State.LATCHED_ACKNOWLEDGED: LATCHED_KNOWN,
    State.SHELVED: Status(is_active=True, is_acknowledged=False, is_shelved=True),
    State.SUPPRESSED: Status(is_active=True, is_acknowledged=False, is_suppressed=True),
    State.OUT_OF_SERVICE: Status(is_active=True, is_acknowledged=False, is_removed=True),
}
N, A, K, R, L, F = list(State)[:6]
H, S, U = State.SHELVED, State.SUPPRESSED, State.OUT_OF_SERVICE
X = None  # refused
TABLE = {
    #                    N  A  K  R  L  F  H  S  U     as ISA-18.2's figure 4 has its arrows
    Event.RAISE: (A, A, A, A, A, A, H, S, U),
    Event.RETURN: (N, R, N, R, L, F, H, S, U),
    Event.ACKNOWLEDGE: (N, K, K, N, F, F, X, X, X),
    Event.RESET: (N, X, X, N, N, N, X, X, X),
    Event.WORSEN: (X, A, A, X, X, X, H, S, U),
    Event.EASE: (X, A, K, X, X, X, H, S, U),
    Event.SHELVE: (H, H, H, H, H, H, H, S, U),
    Event.UNSHELVE: (N, A, K, R, L, F, A, S, U),
    Event.SUPPRESS: (S, S, S, S, S, S, S, S, U),
    Event.UNSUPPRESS: (N, A, K, R, L, F, H, A, U),
    Event.REMOVE: (U, U, U, U, U, U, U, U, U),
    Event.RESTORE: (N, A, K, R, L, F, H, S, A),
}


@pytest.mark.parametrize("event", Event)
@pytest.mark.parametrize("before", State)
def test_every_event_in_every_state_does_what_the_standard_draws(before, event):
    expected = TABLE[event][list(State).index(before)]
    if expected is None:
        with pytest.raises(NotNow, match=r"cannot|no acknowledgement"):
            after(STATUS[before], event, is_latching=False)
    else:
        assert after(STATUS[before], event, is_latching=False).state == expected


@pytest.mark.parametrize(("before", "then"), [(ACTIVE, State.LATCHED), (KNOWN, F)])
def test_a_latching_alarm_stays_when_its_condition_is_over(before, then):
    assert after(before, Event.RETURN, is_latching=True).state == then


def test_what_is_let_go_while_it_holds_calls_anew_and_what_is_over_is_normal():
    for quiet, loud in [
        (Event.SHELVE, Event.UNSHELVE),
        (Event.SUPPRESS, Event.UNSUPPRESS),
        (Event.REMOVE, Event.RESTORE),
    ]:
        silenced = after(KNOWN, quiet, is_latching=True)
        assert after(silenced, loud, is_latching=True).state == State.UNACKNOWLEDGED
        over = after(silenced, Event.RETURN, is_latching=True)
        assert after(over, loud, is_latching=True).state == State.NORMAL


class Life(RuleBasedStateMachine):
    """Any sequence of events, beside a model that only knows what people would say of it."""

    def __init__(self):
        super().__init__()
        self.status = Status()
        self.holds = self.unseen = self.latched = False
        self.silent = set()

    latching = True

    @rule(event=st.sampled_from(list(Event)))
    def happen(self, event):
        try:
            self.status = after(self.status, event, is_latching=self.latching)
        except NotNow:
            return
        match event:
            case Event.RAISE:
                self.holds, self.unseen, self.latched = True, True, False
            case Event.WORSEN:
                self.unseen = True
            case Event.RETURN if self.holds:
                self.holds = False
                if self.silent:
                    self.unseen = False
                self.latched = self.latching and not self.silent
            case Event.ACKNOWLEDGE:
                self.unseen = False
            case Event.RESET:
                self.unseen = self.latched = False
            case Event.SHELVE | Event.SUPPRESS | Event.REMOVE:
                if not self.silent and not self.holds:
                    self.unseen = self.latched = False
                elif not self.silent:
                    self.unseen = False
                self.silent.add(event)
                if self.holds:
                    self.unseen = True
            case Event.UNSHELVE | Event.UNSUPPRESS | Event.RESTORE:
                back = {
                    Event.UNSHELVE: Event.SHELVE,
                    Event.UNSUPPRESS: Event.SUPPRESS,
                    Event.RESTORE: Event.REMOVE,
                }[event]
                if self.silent == {back}:
                    self.unseen = self.holds
                self.silent.discard(back)

    @invariant()
    def says_what_people_would_say(self):
        state = self.status.state
        assert (state in (H, S, U)) == bool(self.silent)
        if self.silent:
            return
        assert (state in (A, K)) == self.holds
        assert (state in CALLING) == self.unseen
        assert (state in (L, F)) == (self.latched and not self.holds)
        assert (state in OPEN) == (self.holds or self.unseen or self.latched)


class LifeWithoutLatch(Life):
    latching = False


TestLife = Life.TestCase
TestLifeWithoutLatch = LifeWithoutLatch.TestCase
TestLife.settings = settings(max_examples=60, stateful_step_count=25)
TestLifeWithoutLatch.settings = TestLife.settings
