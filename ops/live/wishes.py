"""What of a stream a client wishes to hear: some parts of its events, and no more often than that.

Nothing is left out in silence: an event that was joined with others says with how many, and every
message says after which number it goes on, so that a client knows that what lies between held
nothing it asked for. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Any

EVERY_MAX_S = 3600.0
ONLY_MAX = 5_000
LAST_NUMBER = 2**63 - 1
_KNOWN = ("stream", "after", "only", "every_s")


class BadWish(ValueError):
    """Says what is wrong with a wish."""


@dataclass(frozen=True, slots=True)
class Wish:
    """`only`: the members wanted of the part of a payload that can be chosen from, None: all.
    `every_s`: wall seconds from one message to the next at least; what comes between is joined."""

    only: frozenset[str] | None = None
    every_s: float = 0.0

    @property
    def is_plain(self) -> bool:
        return self.only is None and not self.every_s


def read(told: dict[str, Any]) -> Wish:
    """Read the wish in a subscription; BadWish says what is wrong."""
    if unknown := [name for name in told if name not in _KNOWN]:
        raise BadWish(f"{unknown[0][:40]} is not known; known are {', '.join(_KNOWN)}")
    only, every_s = told.get("only"), told.get("every_s", 0)
    if only is not None:
        if not isinstance(only, list) or not all(isinstance(each, str) for each in only):
            raise BadWish("only is a list of names")
        if not 1 <= len(only) <= ONLY_MAX:
            raise BadWish(f"only holds 1 to {ONLY_MAX} names")
    is_number = isinstance(every_s, int | float) and not isinstance(every_s, bool)
    if not is_number or not isfinite(every_s) or not 0 <= every_s <= EVERY_MAX_S:
        raise BadWish(f"every_s is a number of seconds, 0 to {EVERY_MAX_S:g}")
    return Wish(None if only is None else frozenset(only), float(every_s))


def after(told: dict[str, Any]) -> int | None:
    """Return the number after which a subscription goes on; None: from now on."""
    number = told.get("after")
    if number is None:
        return None
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= LAST_NUMBER:
        raise BadWish("after is the number of an event, or null for from now on")
    return number


def messages(
    events: list[dict[str, Any]], wish: Wish, part: str, *, since: int
) -> list[dict[str, Any]]:
    """Return what is sent of events, which are in order and follow number `since`.

    Events whose payload has no `part` are sent as they are.
    """
    found: list[dict[str, Any]] = []
    for event in events:
        wanted = event["payload"].get(part) if isinstance(event["payload"], dict) else None
        if not isinstance(wanted, dict):
            found.append({**event, "since": since, "merged": 1})
        else:
            if wish.only is not None:
                wanted = {name: value for name, value in wanted.items() if name in wish.only}
            if not wanted:
                continue
            before = found[-1] if found and wish.every_s else None
            if before is not None and before["kind"] == event["kind"] and part in before["payload"]:
                payload = {**event["payload"], part: {**before["payload"][part], **wanted}}
                joined = {"since": before["since"], "merged": before["merged"] + 1}
                found[-1] = {**event, "payload": payload, **joined}
            else:
                payload = {**event["payload"], part: wanted}
                found.append({**event, "payload": payload, "since": since, "merged": 1})
        since = event["number"]
    return found
