"""What FOP-1 has to say: frames to be transmitted, and what became of what it was asked for."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from telemetry.frames import tc


class Kind(StrEnum):
    """Types of frames: sequence controlled data, expedited data, control commands."""

    AD = "AD"
    BD = "BD"
    BC = "BC"


class Answer(StrEnum):
    """What becomes of a unit or a directive (5.2)."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    CONFIRMED = "confirmed"
    UNKNOWN = "unknown"
    """The negative confirm: it may have arrived or not."""


class TimeoutType(IntEnum):
    """What happens when the timer runs out and no transmission is left (5.1.10.3)."""

    ALERT = 0
    SUSPEND = 1


@dataclass(frozen=True, slots=True)
class Transmit:
    """Hand this frame to the link, and then call `Fop.handed_over`, or `refused`."""

    kind: Kind
    frame: tc.Frame
    tag: Hashable


@dataclass(frozen=True, slots=True)
class Told:
    """What became of the unit or directive that the caller named `tag`."""

    tag: Hashable
    answer: Answer


@dataclass(frozen=True, slots=True)
class Alert:
    """The service has ended, for a reason of table 5-1 (LIMIT, LOCKOUT, SYNCH, NN(R), CLCW, LLIF,
    T1, TERM)."""

    reason: str


@dataclass(frozen=True, slots=True)
class Suspended:
    """The service rests and can be resumed."""


Output = Transmit | Told | Alert | Suspended
