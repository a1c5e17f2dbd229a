"""What contacts in the Earth's shadow cost: pure. Instants are POSIX seconds.

In the shadow a satellite lives on its battery. A second of contact there is worth less than one in
the light, and each eclipse allows so many seconds of contact in all, as the battery allows.
"""

from collections.abc import Iterable
from dataclasses import dataclass

DARK_WORTH = 0.7
"""What a second in the shadow is worth beside one in the light: of two satellites that want an
antenna, the one in the light gets it unless it stays much shorter. A planning value."""

Span = tuple[float, float]


@dataclass
class Eclipse:
    """One eclipse of one satellite, and how long it may still be talked to in it."""

    entry_s: float
    exit_s: float
    allowance_s: float = float("inf")

    def overlap_s(self, span: Span) -> float:
        """Return how much of a span lies in the shadow, in seconds."""
        return max(0.0, min(span[1], self.exit_s) - max(span[0], self.entry_s))


def allowance_s(
    dark_s: float, *, battery_j: float, discharge_most: float, load_w: float, contact_w: float
) -> float:
    """Return how many seconds of contact an eclipse of `dark_s` seconds leaves energy for.

    The satellite's own load is served first. Without a load of contacts there is no bound.
    """
    spare_j = discharge_most * battery_j - load_w * dark_s
    if spare_j <= 0.0:
        return 0.0
    return spare_j / contact_w if contact_w > 0.0 else float("inf")


def within_allowance(span: Span, eclipses: Iterable[Eclipse]) -> Span:
    """Return the longest part of a span in which no eclipse is used beyond its allowance."""
    for eclipse in eclipses:
        if eclipse.overlap_s(span) <= eclipse.allowance_s:
            continue
        until = (span[0], max(span[0], eclipse.entry_s) + eclipse.allowance_s)
        since = (min(span[1], eclipse.exit_s) - eclipse.allowance_s, span[1])
        span = max(until, since, key=lambda part: part[1] - part[0])
    return span


def worth_s(span: Span, eclipses: Iterable[Eclipse]) -> float:
    """Return the seconds of a span, those in the shadow at what they are worth."""
    dark_s = sum(eclipse.overlap_s(span) for eclipse in eclipses)
    return span[1] - span[0] - (1.0 - DARK_WORTH) * dark_s


def use(span: Span, eclipses: Iterable[Eclipse]) -> None:
    """Take a contact's time in the shadow off what its eclipses allow."""
    for eclipse in eclipses:
        eclipse.allowance_s = max(0.0, eclipse.allowance_s - eclipse.overlap_s(span))
