"""The names of what a satellite refuses (TUF 1.0 section 1.5.2, Uptane 2.1 section 4.3)."""

from __future__ import annotations

from enum import IntEnum


class Attack(IntEnum):
    """What it looked like; the numbers travel in inventory reports and are never given again."""

    NONE = 0
    MALFORMED = 1
    """Not documents at all, or documents that contradict themselves."""
    ROLLBACK = 2
    """Something older than what is known already."""
    EXPIRED = 3
    """Metadata past its time: a freeze. What runs goes on, nothing new is installed."""
    MIX_AND_MATCH = 4
    """Documents that are each signed and do not belong together."""
    ARBITRARY_ARTEFACT = 5
    """Bytes that no release names."""
    WRONG_HARDWARE = 6
    WRONG_SATELLITE = 7
    FAST_FORWARD = 8
    """A number so high that nothing honest could follow it."""
    KEY_COMPROMISE = 9
    """Fewer good signatures than the threshold, or by keys that are not trusted (any more)."""
    ENDLESS_DATA = 10
    """More bytes than there may be."""
    DELTA_CONFUSION = 11
    """A delta that says to make something else than the release, or in an unknown way."""
    REVOKED = 12
    """A release that was withdrawn."""
    BAD_WEIGHTS = 13
    """A release's file whose header cannot be what it claims to be."""
    NO_ROOT = 14
    """The satellite was never told whom to trust."""


class Refused(Exception):
    """A satellite does not take it; `attack` names why and the message says what was seen."""

    def __init__(self, attack: Attack, detail: str) -> None:
        super().__init__(f"{attack.name.lower()}: {detail}")
        self.attack, self.detail = attack, detail
