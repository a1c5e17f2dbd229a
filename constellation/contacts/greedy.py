"""Choosing contacts out of passes, greedily: pure, the first of the planners behind one seam.

A `Problem` goes in and `Choice`s come out; a better planner takes the same. Instants are POSIX
seconds. Highest value goes first, what earlier choices have used up lowers what is left, and a
pass that is partly taken is cut to its longest free part. Time in the Earth's shadow is worth
less, and bounded by what the battery allows (`shadow`).
"""

import heapq
from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import exp

from constellation.contacts import shadow

PATIENCE_S = 6 * 3_600.0
"""What is wanted is worth less the later it is served, by 1/e over this span."""
REFERENCE_BIT_PER_S = 20_000_000.0
HEALTH_VALUE = 900.0
"""Seconds of ordinary contact that a satellite not heard of in time is worth."""

Span = tuple[float, float]


@dataclass(frozen=True)
class Window:
    """A pass that may become a contact."""

    satellite: int
    station: int
    aos_s: float
    los_s: float


@dataclass(frozen=True)
class Dish:
    """An antenna of a station."""

    antenna: int
    station: int
    setup_s: float
    teardown_s: float
    uplink_bit_per_s: float


@dataclass
class Wish:
    """What a satellite wants of contacts."""

    up_bytes: float = 0.0
    value: float = 0.0
    """Of serving all of it, in the planner's own unit."""
    health_due_s: float = float("inf")
    """When it was to be heard of at the latest."""


@dataclass
class Problem:
    """All that a planner may look at."""

    start_s: float
    """Nothing is booked to begin before this; windows under way are joined here."""
    windows: Sequence[Window]
    dishes: Sequence[Dish]
    wishes: dict[int, Wish]
    minimum_s: float
    antenna_busy: dict[int, list[Span]] = field(default_factory=dict)
    """Padded spans, by antenna."""
    satellite_busy: dict[int, list[Span]] = field(default_factory=dict)
    eclipses: dict[int, list[shadow.Eclipse]] = field(default_factory=dict)
    """By satellite; what booked contacts have used is off their allowances already."""


@dataclass(frozen=True)
class Choice:
    """A contact to book, within `window`."""

    window: Window
    antenna: int
    aos_s: float
    los_s: float


def plan(problem: Problem) -> list[Choice]:
    """Return contacts that conflict neither with each other nor with what is busy.

    A window may give several contacts when others cut it into long enough parts.
    """
    state = _State(problem)
    heap = []
    for number, window in enumerate(problem.windows):
        if offer := state.best_offer(window):
            heap.append((-state.value(window, offer), number, offer))
    heapq.heapify(heap)
    choices = []
    while heap:
        _, number, _ = heapq.heappop(heap)
        window = problem.windows[number]
        offer = state.best_offer(window)
        if offer is None:
            continue
        value = state.value(window, offer)
        if heap and value < -heap[0][0] - 1e-9:
            heapq.heappush(heap, (-value, number, offer))
            continue
        choices.append(state.take(window, offer))
        # What is left of the window may be long enough to be offered again.
        heapq.heappush(heap, (0.0, number, offer))
    return choices


Offer = tuple[Dish, float, float]


class _State:
    """What is taken so far."""

    def __init__(self, problem: Problem) -> None:
        self.start_s, self.minimum_s = problem.start_s, problem.minimum_s
        self.dishes: dict[int, list[Dish]] = {}
        for dish in problem.dishes:
            self.dishes.setdefault(dish.station, []).append(dish)
        self.antenna_busy = {key: sorted(spans) for key, spans in problem.antenna_busy.items()}
        self.satellite_busy = {key: sorted(spans) for key, spans in problem.satellite_busy.items()}
        self.wishes = {
            key: Wish(wish.up_bytes, wish.value, wish.health_due_s)
            for key, wish in problem.wishes.items()
        }
        self.eclipses = {
            key: [replace(eclipse) for eclipse in eclipses]
            for key, eclipses in problem.eclipses.items()
        }

    def best_offer(self, window: Window) -> Offer | None:
        """Return the dish and the longest free part of a window, or None when too short."""
        best: Offer | None = None
        for dish in self.dishes.get(window.station, ()):
            aos_s, los_s = shadow.within_allowance(self._free(window, dish), self._dark(window))
            if los_s - aos_s < self.minimum_s:
                continue
            if best is None or los_s - aos_s > best[2] - best[1] + 1e-6:
                best = dish, aos_s, los_s
        return best

    def _dark(self, window: Window) -> Sequence[shadow.Eclipse]:
        return self.eclipses.get(window.satellite, ())

    def _free(self, window: Window, dish: Dish) -> Span:
        low_s, high_s = max(window.aos_s, self.start_s), window.los_s
        best = (low_s, low_s)
        at_s = low_s
        for busy_from_s, busy_to_s in self._obstacles(window, dish):
            if busy_to_s + dish.setup_s <= at_s:
                continue
            if busy_from_s - dish.teardown_s >= high_s:
                break
            end_s = busy_from_s - dish.teardown_s
            if end_s - at_s > best[1] - best[0]:
                best = (at_s, end_s)
            at_s = max(at_s, busy_to_s + dish.setup_s)
        if high_s - at_s > best[1] - best[0]:
            best = (at_s, high_s)
        return best

    def _obstacles(self, window: Window, dish: Dish) -> list[Span]:
        low_s = window.aos_s - dish.setup_s
        high_s = window.los_s + dish.teardown_s
        spans = [
            span
            for busy in (
                self.antenna_busy.get(dish.antenna, ()),
                self.satellite_busy.get(window.satellite, ()),
            )
            for span in busy
            if span[1] > low_s and span[0] < high_s
        ]
        spans.sort()
        return spans

    def value(self, window: Window, offer: Offer) -> float:
        """Return what an offer is worth, in seconds of ordinary contact in the light."""
        dish, aos_s, los_s = offer
        seconds = shadow.worth_s((aos_s, los_s), self._dark(window))
        value = seconds
        wish = self.wishes.get(window.satellite)
        if wish is None:
            return value
        patience = exp(-max(0.0, aos_s - self.start_s) / PATIENCE_S)
        carried = self._carried(wish, dish, los_s - aos_s)
        rate = dish.uplink_bit_per_s / REFERENCE_BIT_PER_S
        if wish.value:
            share = carried / wish.up_bytes if wish.up_bytes else 1.0
            value += wish.value * seconds * rate * share * patience
        if wish.health_due_s <= los_s:
            value += HEALTH_VALUE
        return value

    def _carried(self, wish: Wish, dish: Dish, seconds: float) -> float:
        return min(wish.up_bytes, seconds * dish.uplink_bit_per_s / 8.0)

    def take(self, window: Window, offer: Offer) -> Choice:
        """Take an offer: its antenna and satellite are busy, and its wish is served."""
        dish, aos_s, los_s = offer
        span = (aos_s - dish.setup_s, los_s + dish.teardown_s)
        insort(self.antenna_busy.setdefault(dish.antenna, []), span)
        insort(self.satellite_busy.setdefault(window.satellite, []), span)
        shadow.use((aos_s, los_s), self._dark(window))
        wish = self.wishes.get(window.satellite)
        if wish is not None:
            before = wish.up_bytes
            wish.up_bytes -= self._carried(wish, dish, los_s - aos_s)
            if before:
                wish.value *= wish.up_bytes / before
            if wish.health_due_s <= los_s:
                wish.health_due_s = float("inf")
        return Choice(window, dish.antenna, aos_s, los_s)
