"""Who uploads what: packs go up once for all that can pass them on, again only if that is quicker.

Every pack that is wanted is looked at, the rarest first. Where nobody in reach holds it, the
contact is chosen that brings it soonest to all (least sum of arrivals). When each pack has its
first upload, contacts that have time left may bring a pack again to a satellite that would else
wait longer by `QUICKER_S`. Packs of one plight are planned together when there are many.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf

from uplink.transfers.spreading.graph import Graph
from uplink.transfers.spreading.terminals import Terminals

QUICKER_S = 120.0
"""A second upload saves at least this, or it is not worth its place on the air."""
STICKS_S = 30.0
"""An upload that was planned or has begun moves to another contact for no less than this."""
CONTACTS_MOST = 6
"""Contacts that are weighed for one pack: those that could bring it soonest."""
BLOCKS_MOST = 96
FIRST, QUICKER = "first copy", "quicker than by laser"


@dataclass(frozen=True, slots=True)
class Contact:
    """A span in which a satellite can be sent files; unix seconds."""

    id: object
    satellite: int
    aos_s: float
    los_s: float
    byte_per_s: float


@dataclass(frozen=True)
class Problem:
    """What is known. Satellites are numbers, packs are numbers from 0."""

    now_s: float
    sizes: Sequence[int]
    wants: Mapping[int, frozenset[int]]
    """Packs that each satellite still lacks; only these satellites are uploaded to."""
    holds: Mapping[int, frozenset[int]]
    """Packs that each satellite can give to others."""
    contacts: Sequence[Contact]
    graph: Graph
    ready_s: Mapping[int, float]
    """When each satellite may begin to fetch: it has its order, or gets it then."""
    coming_s: Mapping[int, float] = field(default_factory=dict)
    """Satellites that get all packs another way, and when; they want nothing here."""
    begun: Mapping[tuple[int, int], int] = field(default_factory=dict)
    """Uploads given out: (satellite, pack), and the bytes that are left of it."""
    terminals: Mapping[int, int] = field(default_factory=dict)
    """Laser terminals of each satellite: copies at a time, given or taken. Who is not in it has as
    many as it takes."""
    refused: frozenset[tuple[int, int]] = frozenset()
    """Pairs (receiver, sender) that do not deal with each other any more."""


@dataclass(frozen=True, slots=True)
class Upload:
    """One pack to one satellite in one contact."""

    pack: int
    satellite: int
    contact: object
    done_s: float
    why: str


@dataclass(frozen=True)
class Plan:
    """What to do, and what comes of it."""

    uploads: tuple[Upload, ...]
    arrives_s: Mapping[int, float]
    """When each satellite has all that it wants; `inf` where that is not in sight."""
    by_laser: Mapping[int, frozenset[int]]
    """Packs that come from other satellites."""
    from_held_s: Mapping[int, float]
    """When each satellite has all that others hold already and can give to it."""

    def uploads_to(self, satellite: int) -> frozenset[int]:
        return frozenset(one.pack for one in self.uploads if one.satellite == satellite)


@dataclass(slots=True)
class _Block:
    packs: list[int]
    size: int
    wanting: list[int]
    sources: dict[int, float]
    begun: dict[int, int]
    arrives_s: dict[int, float] = field(default_factory=dict)
    uploaded: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Choice:
    """A contact that could bring a block, and what would come of it.

    A block that is too long for what is left of a contact goes on in the satellite's next.
    """

    contact: Contact
    done_s: float
    free_s: dict[object, float]
    """From when on each contact that it takes is free then."""
    arrives_s: dict[int, float] = field(default_factory=dict)


class _Planner:
    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.uploads: list[Upload] = []
        self._contacts: dict[int, list[Contact]] = defaultdict(list)
        for one in sorted(problem.contacts, key=lambda one: one.aos_s):
            self._contacts[one.satellite].append(one)
        self._free_s = {one.id: max(one.aos_s, problem.now_s) for one in problem.contacts}
        self.terminals = Terminals(problem.terminals)

    def reach(
        self, block: _Block, sources: Mapping[int, float], terminals: Terminals | None = None
    ) -> dict[int, float]:
        """Return when everybody has a block, given who holds it and from when on. The copies take
        `terminals`, if those are given."""
        problem = self.problem
        return problem.graph.earliest(
            sources,
            max(block.size / max(len(block.packs), 1), 1.0),
            ready_s=problem.ready_s,
            refused=problem.refused,
            count=len(block.packs),
            terminals=terminals or self.terminals.branch(),
        )

    def choices(self, block: _Block, satellites: Iterable[int]) -> list[_Choice]:
        """Return what the contacts that can bring a block soonest would do, in order of time."""
        found = [
            self._carried(contacts[number:], block.begun.get(satellite, block.size))
            for satellite in set(satellites) - block.uploaded
            for contacts in [self._contacts[satellite]]
            for number, contact in enumerate(contacts)
            if self._free_s[contact.id] < contact.los_s
        ]
        soonest = sorted(
            (one for one in found if one is not None),
            key=lambda one: (one.done_s, one.contact.satellite),
        )
        return [
            replace(one, arrives_s=self.reach(block, block.sources | {satellite: one.done_s}))
            for one in soonest[:CONTACTS_MOST]
            for satellite in [one.contact.satellite]
        ]

    def _carried(self, contacts: list[Contact], left: float) -> _Choice | None:
        """Return what comes of sending so many bytes from the first contact on."""
        free_s: dict[object, float] = {}
        for contact in contacts:
            at_s = self._free_s[contact.id]
            done_s = at_s + left / contact.byte_per_s
            if done_s <= contact.los_s:
                free_s[contact.id] = done_s
                return _Choice(contacts[0], done_s, free_s)
            free_s[contact.id] = max(at_s, contact.los_s)
            left -= (free_s[contact.id] - at_s) * contact.byte_per_s
        return None

    def take(self, block: _Block, choice: _Choice, why: str) -> None:
        """Put a block into a contact."""
        satellite = choice.contact.satellite
        self.uploads += [
            Upload(pack, satellite, choice.contact.id, choice.done_s, why) for pack in block.packs
        ]
        self._free_s |= choice.free_s
        block.sources[satellite] = choice.done_s
        block.uploaded.add(satellite)
        block.arrives_s = choice.arrives_s


def plan(problem: Problem) -> Plan:
    """Return who uploads what, and when all will have all."""
    planner = _Planner(problem)
    blocks = _blocks(problem)
    terminals = Terminals(problem.terminals)
    for block in blocks:
        block.arrives_s = planner.reach(block, block.sources, terminals)
    held_s = {
        satellite: max(
            (b.arrives_s[satellite] for b in blocks if satellite in _fetching(b)), default=0.0
        )
        for satellite in problem.wants
    }
    for block in blocks:
        if problem.terminals:  # those of blocks before are taken
            block.arrives_s = planner.reach(block, block.sources)
        _bring_first(planner, block)
        if problem.terminals:
            block.arrives_s = planner.reach(block, block.sources, planner.terminals)
    for block in blocks:
        _bring_again(planner, block)
    return _told(problem, planner, blocks, held_s)


def _fetching(block: _Block) -> list[int]:
    return [one for one in block.wanting if one in block.arrives_s]


def _bring_first(planner: _Planner, block: _Block) -> None:
    """Upload a block as often as there are groups that nobody who holds it can reach."""
    while True:
        lacking = [one for one in block.wanting if one not in block.arrives_s]
        found = planner.choices(block, lacking)
        if not found:
            return
        planner.take(block, _best(block, found), FIRST)


def _bring_again(planner: _Planner, block: _Block) -> None:
    """Upload a block again to whoever would have it much sooner than by laser."""
    late = sorted(_fetching(block), key=lambda one: -block.arrives_s[one])
    for satellite in late:
        found = planner.choices(block, [satellite])
        if found and found[0].done_s < block.arrives_s[satellite] - QUICKER_S:
            planner.take(block, found[0], QUICKER)


def _best(block: _Block, found: list[_Choice]) -> _Choice:
    """Return the choice that leaves fewest without, then the least waiting; what has begun stays
    unless another is better by a margin."""

    def cost(choice: _Choice) -> tuple[int, float, float]:
        reached = [one for one in block.wanting if one in choice.arrives_s]
        waiting_s = sum(choice.arrives_s[one] for one in reached)
        if choice.contact.satellite in block.begun:
            waiting_s -= STICKS_S * len(block.wanting)
        return -len(reached), waiting_s, choice.done_s

    return min(found, key=cost)


def _blocks(problem: Problem) -> list[_Block]:
    """Return the packs that are wanted, those of one plight together when there are many; what has
    begun first, then the rarest."""
    alike: dict[tuple, list[int]] = defaultdict(list)
    for pack in range(len(problem.sizes)):
        wanting = tuple(one for one, packs in problem.wants.items() if pack in packs)
        if not wanting:
            continue
        holding = tuple(one for one, packs in problem.holds.items() if pack in packs)
        begun = tuple(s for s in wanting if (s, pack) in problem.begun)
        alike[wanting, holding, begun].append(pack)
    total = sum(map(len, alike.values()))
    each = max(1, -(-total // BLOCKS_MOST))
    blocks = []
    for (wanting, holding, begun), packs in alike.items():
        for at in range(0, len(packs), each):
            part = packs[at : at + each]
            sources = dict.fromkeys(holding, problem.now_s) | {
                one: at_s for one, at_s in problem.coming_s.items() if one not in holding
            }
            left = {s: sum(problem.begun[s, pack] for pack in part) for s in begun}
            size = sum(problem.sizes[pack] for pack in part)
            blocks.append(_Block(part, size, list(wanting), sources, left))
    blocks.sort(key=lambda one: (not one.begun, len(one.sources), one.packs[0]))
    return blocks


def _told(
    problem: Problem, planner: _Planner, blocks: list[_Block], held_s: Mapping[int, float]
) -> Plan:
    arrives_s = dict.fromkeys(problem.wants, problem.now_s)
    by_laser: dict[int, set[int]] = {satellite: set() for satellite in problem.wants}
    for block in blocks:
        for satellite in block.wanting:
            at_s = block.arrives_s.get(satellite, inf)
            arrives_s[satellite] = max(arrives_s[satellite], at_s)
            if at_s < inf and satellite not in block.uploaded:
                by_laser[satellite] |= set(block.packs)
    return Plan(
        uploads=tuple(planner.uploads),
        arrives_s=arrives_s,
        by_laser={satellite: frozenset(packs) for satellite, packs in by_laser.items()},
        from_held_s=held_s,
    )
