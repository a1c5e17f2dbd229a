"""The table of FOP-1 (CCSDS 232.1-B-2, table 5-1): what to do about which event in which state."""

from __future__ import annotations

from enum import Enum, IntEnum


class State(IntEnum):
    """States S1 to S6."""

    ACTIVE = 1
    AGAIN = 2
    """Retransmit without wait."""
    AGAIN_WAITING = 3
    """Retransmit with wait."""
    STARTING = 4
    """Initialising without a BC frame."""
    STARTING_BC = 5
    """Initialising with a BC frame."""
    INITIAL = 6


Event = Enum("Event", [f"E{number}" for number in (*range(1, 47), *range(101, 105))])
"""Events by their number in the table."""


class Act(Enum):
    """Actions of section 5.2."""

    REMOVE = "remove acknowledged frames from the sent queue"
    LOOK = "look for a unit"
    LOOK_DIRECTIVE = "look for a directive"
    AGAIN = "initiate retransmission"
    CANCEL_TIMER = "cancel the timer"
    START_TIMER = "start the timer"
    QUEUE = "add to the wait queue"
    REJECT_UNIT = "reject the unit"
    EXPEDITE = "transmit a type BD frame"
    ACCEPT = "accept the directive"
    REJECT = "reject the directive"
    CONFIRM = "confirm the directive"
    AWAIT = "keep the directive until it can be confirmed"
    CONFIRM_START = "confirm the directive that is kept"
    RELEASE = "release the copy of the type BC frame"
    INITIALISE = "initialise"
    SET_NUMBERS = "set V(S) and NN(R)"
    UNLOCK = "transmit a type BC frame Unlock"
    SET_V_R = "transmit a type BC frame Set V(R)"
    SUSPEND = "suspend"
    RESUME = "resume"
    ALERT_SYNCH = "SYNCH"
    ALERT_CLCW = "CLCW"
    ALERT_LIMIT = "LIMIT"
    ALERT_NN_R = "NN(R)"
    ALERT_LOCKOUT = "LOCKOUT"
    ALERT_T1 = "T1"
    ALERT_LLIF = "LLIF"
    ALERT_TERM = "TERM"


Cell = tuple[tuple[Act, ...], State | None]
"""What to do, and the next state (None: the same)."""

_NOTHING: Cell = ((), None)


def _to(state: State | None, *acts: Act) -> Cell:
    return acts, state


def _stop(*acts: Act) -> Cell:
    """An alert, and back to the initial state."""
    return acts, State.INITIAL


def _stay(*acts: Act) -> Cell:
    return acts, None


_S1, _S2, _S3 = State.ACTIVE, State.AGAIN, State.AGAIN_WAITING
_SYNCH, _CLCW = _stop(Act.ALERT_SYNCH), _stop(Act.ALERT_CLCW)
_LIMIT, _T1 = _stop(Act.ALERT_LIMIT), _stop(Act.ALERT_T1)
_NN_R, _LOCKOUT = _stop(Act.ALERT_NN_R), _stop(Act.ALERT_LOCKOUT)
_LLIF, _IGNORE = _stop(Act.ALERT_LLIF), _NOTHING
_SUSPEND = _stop(Act.CANCEL_TIMER, Act.SUSPEND)
_REJECT, _REJECT_UNIT = _stay(Act.REJECT), _stay(Act.REJECT_UNIT)
_TAKEN = _to(_S1, Act.REMOVE, Act.CANCEL_TIMER, Act.LOOK)
_SOME = _to(_S1, Act.REMOVE, Act.LOOK)
_SOME_AGAIN = _to(_S2, Act.REMOVE, Act.AGAIN, Act.LOOK)
_ALL_AGAIN = _to(_S2, Act.AGAIN, Act.LOOK)
_HOLD = _to(_S3, Act.REMOVE)
_TERMINATE = _stop(Act.ACCEPT, Act.ALERT_TERM, Act.CONFIRM)
_BC_AGAIN = _stay(Act.AGAIN, Act.LOOK_DIRECTIVE)


def _only_initial(cell: Cell) -> tuple[Cell, ...]:
    """A directive that is obeyed in the initial state alone."""
    return (_REJECT,) * 5 + (cell,)


_BEGIN = (Act.ACCEPT, Act.INITIALISE)
_TABLE: dict[str, tuple[Cell, ...]] = {
    # CLCWs:  S1            S2           S3           S4       S5       S6
    "E1": (
        *(_IGNORE, _SYNCH, _SYNCH),
        _to(_S1, Act.CONFIRM_START, Act.CANCEL_TIMER),
        _to(_S1, Act.CONFIRM_START, Act.RELEASE, Act.CANCEL_TIMER),
        _IGNORE,
    ),
    "E2": (_TAKEN, _TAKEN, _TAKEN, _IGNORE, _IGNORE, _IGNORE),
    "E3": (_CLCW, _CLCW, _CLCW, _CLCW, _CLCW, _IGNORE),
    "E4": (_SYNCH, _SYNCH, _SYNCH, _SYNCH, _IGNORE, _IGNORE),
    "E5": (_IGNORE, _SYNCH, _SYNCH, _IGNORE, _IGNORE, _IGNORE),
    "E6": (_SOME, _SOME, _SOME, _IGNORE, _IGNORE, _IGNORE),
    "E7": (_CLCW, _CLCW, _CLCW, _IGNORE, _IGNORE, _IGNORE),
    "E101": (_stop(Act.REMOVE, Act.ALERT_LIMIT),) * 3 + (_IGNORE,) * 3,
    "E102": (_LIMIT, _LIMIT, _LIMIT, _IGNORE, _IGNORE, _IGNORE),
    "E8": (_SOME_AGAIN, _SOME_AGAIN, _SOME_AGAIN, _IGNORE, _IGNORE, _IGNORE),
    "E9": (_HOLD, _HOLD, _HOLD, _IGNORE, _IGNORE, _IGNORE),
    "E10": (_ALL_AGAIN, _IGNORE, _ALL_AGAIN, _IGNORE, _IGNORE, _IGNORE),
    "E11": (_to(_S3), _to(_S3), _IGNORE, _IGNORE, _IGNORE, _IGNORE),
    "E12": (_to(_S2), _IGNORE, _to(_S2), _IGNORE, _IGNORE, _IGNORE),
    "E103": (_to(_S3), _to(_S3), _IGNORE, _IGNORE, _IGNORE, _IGNORE),
    "E13": (_NN_R, _NN_R, _NN_R, _NN_R, _IGNORE, _IGNORE),
    "E14": (_LOCKOUT, _LOCKOUT, _LOCKOUT, _LOCKOUT, _IGNORE, _IGNORE),
    "E15": (_CLCW,) * 5 + (_IGNORE,),
    # The timer.
    "E16": (*(_stay(Act.AGAIN, Act.LOOK),) * 2, _IGNORE, _T1, _BC_AGAIN, _IGNORE),
    "E104": (*(_stay(Act.AGAIN, Act.LOOK),) * 2, _IGNORE, _SUSPEND, _BC_AGAIN, _IGNORE),
    "E17": (_T1,) * 5 + (_IGNORE,),
    "E18": (_SUSPEND, _SUSPEND, _SUSPEND, _SUSPEND, _T1, _IGNORE),
    # Units.
    "E19": (
        *(_stay(Act.QUEUE, Act.LOOK),) * 2,
        _stay(Act.QUEUE),
        *(_REJECT_UNIT,) * 3,
    ),
    "E20": (_REJECT_UNIT,) * 6,
    "E21": (_stay(Act.EXPEDITE),) * 6,
    "E22": (_REJECT_UNIT,) * 6,
    # Directives.
    "E23": _only_initial(_to(_S1, *_BEGIN, Act.CONFIRM)),
    "E24": _only_initial(_to(State.STARTING, *_BEGIN, Act.AWAIT, Act.START_TIMER)),
    "E25": _only_initial(_to(State.STARTING_BC, *_BEGIN, Act.AWAIT, Act.UNLOCK)),
    "E26": (_REJECT,) * 6,
    "E27": _only_initial(_to(State.STARTING_BC, *_BEGIN, Act.SET_NUMBERS, Act.AWAIT, Act.SET_V_R)),
    "E28": (_REJECT,) * 6,
    "E29": (_TERMINATE,) * 5 + (_stay(Act.ACCEPT, Act.CONFIRM),),
    "E30": (_REJECT,) * 6,
    "E31": _only_initial(_to(_S1, Act.ACCEPT, Act.RESUME, Act.CONFIRM)),
    "E32": _only_initial(_to(_S2, Act.ACCEPT, Act.RESUME, Act.CONFIRM)),
    "E33": _only_initial(_to(_S3, Act.ACCEPT, Act.RESUME, Act.CONFIRM)),
    "E34": _only_initial(_to(State.STARTING, Act.ACCEPT, Act.RESUME, Act.CONFIRM)),
    "E35": _only_initial(_stay(Act.ACCEPT, Act.SET_NUMBERS, Act.CONFIRM)),
    "E40": (_REJECT,) * 6,
    # The link.
    "E41": (_stay(Act.LOOK), _stay(Act.LOOK), *(_IGNORE,) * 4),
    "E42": (_LLIF, _LLIF, _LLIF, _IGNORE, _IGNORE, _IGNORE),
    "E43": (*(_IGNORE,) * 4, _stay(Act.LOOK_DIRECTIVE), _IGNORE),
    "E44": (*(_IGNORE,) * 4, _LLIF, _IGNORE),
    "E45": (_IGNORE,) * 6,
    "E46": (_LLIF,) * 5 + (_IGNORE,),
}


def cell(event: Event, state: State) -> Cell:
    """Return what to do about `event` in `state`. Set by attributes and never an event: E36 to E39
    (window, timer, limit, timeout type)."""
    return _TABLE[event.name][state - 1]
