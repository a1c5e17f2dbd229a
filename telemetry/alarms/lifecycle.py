"""The life of one alarm, as ANSI/ISA-18.2-2016 draws it (figure 4, states A to I). Pure.

What the process does (raise, worsen, ease, return) and what people do are told apart: an alarm that
is shelved, suppressed or out of service goes on knowing whether its condition holds, and announces
it anew when it is let go.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from ops import errors


class State(StrEnum):
    """ISA-18.2's letters: A, B, C, D, E (latched), F (latched, acknowledged), G, H, I."""

    NORMAL = "normal"
    UNACKNOWLEDGED = "unacknowledged"
    ACKNOWLEDGED = "acknowledged"
    RETURNED = "returned"
    LATCHED = "latched"
    LATCHED_ACKNOWLEDGED = "latched_acknowledged"
    SHELVED = "shelved"
    SUPPRESSED = "suppressed"
    OUT_OF_SERVICE = "out_of_service"


class Event(StrEnum):
    """What happens to an alarm."""

    RAISE = "raise"
    WORSEN = "worsen"
    EASE = "ease"
    RETURN = "return"
    ACKNOWLEDGE = "acknowledge"
    RESET = "reset"
    SHELVE = "shelve"
    UNSHELVE = "unshelve"
    SUPPRESS = "suppress"
    UNSUPPRESS = "unsuppress"
    REMOVE = "remove"
    RESTORE = "restore"


INHIBITED = (State.SHELVED, State.SUPPRESSED, State.OUT_OF_SERVICE)
"""States in which an alarm is kept from the list of what needs somebody."""
CALLING = (State.UNACKNOWLEDGED, State.RETURNED, State.LATCHED)
"""States that wait for somebody to acknowledge."""
OPEN = (*CALLING, State.ACKNOWLEDGED, State.LATCHED_ACKNOWLEDGED)
"""States that are listed by default."""


class NotNow(errors.Conflict):
    """What is asked cannot be done to an alarm in the state it is in."""

    code = "alarm_state"


@dataclass(frozen=True, slots=True)
class Status:
    """An alarm as it stands."""

    is_active: bool = False
    """The condition holds."""
    is_acknowledged: bool = True
    """Somebody knows of it, or there is nothing to know."""
    is_latched: bool = False
    is_shelved: bool = False
    is_suppressed: bool = False
    is_removed: bool = False
    """Out of service."""

    @property
    def state(self) -> State:
        if self.is_removed:
            return State.OUT_OF_SERVICE
        if self.is_suppressed:
            return State.SUPPRESSED
        if self.is_shelved:
            return State.SHELVED
        if self.is_active:
            return State.ACKNOWLEDGED if self.is_acknowledged else State.UNACKNOWLEDGED
        if self.is_latched:
            return State.LATCHED_ACKNOWLEDGED if self.is_acknowledged else State.LATCHED
        return State.NORMAL if self.is_acknowledged else State.RETURNED

    @property
    def is_inhibited(self) -> bool:
        return self.is_shelved or self.is_suppressed or self.is_removed


_FLAGS = {
    Event.SHELVE: ("is_shelved", True),
    Event.UNSHELVE: ("is_shelved", False),
    Event.SUPPRESS: ("is_suppressed", True),
    Event.UNSUPPRESS: ("is_suppressed", False),
    Event.REMOVE: ("is_removed", True),
    Event.RESTORE: ("is_removed", False),
}


def after(status: Status, event: Event, *, is_latching: bool) -> Status:
    """Return what becomes of `status`; `NotNow` says why `event` does not apply to it.

    What changes nothing (acknowledging twice) returns an equal status, so that it may be repeated.
    """
    if event in _FLAGS:
        return _inhibited(status, *_FLAGS[event])
    match event:
        case Event.RAISE:
            return replace(status, is_active=True, is_acknowledged=False, is_latched=False)
        case Event.WORSEN if status.is_active:
            return replace(status, is_acknowledged=False)
        case Event.EASE if status.is_active:
            return status
        case Event.RETURN:
            return _returned(status, is_latching)
        case Event.ACKNOWLEDGE:
            return _acknowledged(status)
        case Event.RESET:
            return _reset(status)
    raise NotNow(f"An alarm that is {status.state} cannot {event}.")


def _inhibited(status: Status, flag: str, value: bool) -> Status:
    """Set or clear a reason to inhibit; the first one silences, the last one announces anew."""
    changed = replace(status, **{flag: value})
    if changed.is_inhibited == status.is_inhibited:
        return changed
    if changed.is_inhibited and not changed.is_active:
        return replace(changed, is_acknowledged=True, is_latched=False)
    return replace(changed, is_acknowledged=not changed.is_active)


def _returned(status: Status, is_latching: bool) -> Status:
    if not status.is_active:
        return status
    if status.is_inhibited:
        return replace(status, is_active=False, is_acknowledged=True)
    return replace(status, is_active=False, is_latched=is_latching)


def _acknowledged(status: Status) -> Status:
    if status.is_inhibited:
        raise NotNow(f"An alarm that is {status.state} asks for no acknowledgement.")
    return replace(status, is_acknowledged=True)


def _reset(status: Status) -> Status:
    if status.is_inhibited:
        raise NotNow(f"An alarm that is {status.state} cannot be cleared; let it go first.")
    if status.is_active:
        raise NotNow(
            "The condition still holds: an active alarm cannot be cleared. Acknowledge it, or "
            "shelve it for a while."
        )
    return replace(status, is_acknowledged=True, is_latched=False)
