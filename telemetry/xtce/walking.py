"""Packets whose layout depends on themselves: accessors made once a container, run a packet.

A walk only finds where the values are, and reads those alone on which something depends. All
values of one parameter are read afterwards, as one column.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from telemetry.xtce import amounts, bits, criteria, encodings, layout, model, values

_MOST_STEPS = 2 * layout.MOST_VALUES
_SPARE_STEPS, _STEPS_A_BIT = 20_000, 16
"""Of what is repeated in one packet, whether it takes anything of it or not: so many, some for each
of its bits, and never more than the first. Three octets of noise that ask for 65,535 repetitions
are refused in a tenth of the time."""
Accessor = Callable[["Walk"], None]


class TooShort(ValueError):
    """A packet ends before its container does, or tells sizes that cannot be."""


class Walk:
    """The way through one packet: `at` is the bit reached, `places` what was found: leaf, offset
    and size in bits."""

    __slots__ = (
        "_fixed",
        "_known",
        "at",
        "bases",
        "bits",
        "packet",
        "places",
        "rounds",
        "rounds_most",
        "where",
    )

    def __init__(self, program: Program, packet: bytes) -> None:
        self.packet = packet
        self.bits = len(packet) * 8
        self.at = program.at
        self.bases = list(program.bases)
        self.places: list[tuple[layout.Leaf, int, int]] = []
        self.where: dict[str, tuple[layout.Leaf, int, int]] = {}
        self.rounds = 0
        self.rounds_most = min(_MOST_STEPS, _SPARE_STEPS + _STEPS_A_BIT * self.bits)
        self._fixed = program.where
        self._known: dict[tuple[str, bool], Any] = dict(program.constants)

    def get(self, reference: model.Reference) -> Any:
        """Return the newest value that a reference names, None if there is none."""
        key = (reference.name, reference.is_calibrated)
        if key in self._known:
            return self._known[key]
        place = self.where.get(reference.name) or self._fixed.get(reference.name)
        if place is None:
            return None
        leaf, at, size = place
        if at + size > self.bits:
            raise TooShort(f"{len(self.packet)} bytes end before {leaf.parameter.name}")
        found = values.single(leaf, self.packet, at, size, reference.is_calibrated, self.get)
        self._known[key] = found
        return found

    def put(self, leaf: layout.Leaf, at: int, size: int) -> None:
        place = (leaf, at, size)
        self.places.append(place)
        self.where[leaf.key] = place
        self.where[leaf.parameter.name] = place
        # A newer instance takes the place of what was known.
        self._known.pop((leaf.key, True), None)
        self._known.pop((leaf.key, False), None)

    @property
    def end(self) -> int:
        end = self.bases[-1][1]
        return self.bits if end is None else end


class Program:
    """The accessors of a container: what lies fixed is known, the rest is walked."""

    def __init__(self, plan: layout.Plan, system: model.SpaceSystem) -> None:
        self.plan = plan
        self.at = plan.at_bits
        self.bases = plan.bases
        self.where: dict[str, tuple[layout.Leaf, int, int]] = {}
        for placed in plan.fields:
            if placed.offset_bits is not None:
                place = (placed.leaf, placed.offset_bits, placed.leaf.fixed_bits)
                self.where[placed.leaf.key] = self.where[placed.parameter.name] = place
        self.constants = {}
        for name, kind in plan.types.items():
            parameter = layout.find_parameter(system, name)
            if parameter is None or parameter.initial is None:
                continue
            if any(placed.leaf.key == name for placed in plan.fields):
                continue
            for is_calibrated in (False, True):
                found = values.constant(kind, parameter.initial, is_calibrated)
                self.constants[name, is_calibrated] = found
        self._steps = _accessors(plan.moving, plan)

    def walk(self, packet: bytes) -> Walk:
        """Return the way through a packet; TooShort when it does not reach its end."""
        walk = Walk(self, packet)
        if walk.bits < self.plan.fixed_bits:
            raise TooShort(f"{len(packet)} bytes are too few for {self.plan.container}")
        try:
            for step in self._steps:
                step(walk)
        except amounts.BadAmount as error:
            raise TooShort(str(error)) from None
        return walk


def _accessors(steps: tuple[layout.Step, ...], plan: layout.Plan) -> list[Accessor]:
    return [_accessor(step, plan) for step in steps]


def _accessor(step: layout.Step, plan: layout.Plan) -> Accessor:
    match step:
        case layout.Take(leaf=leaf):
            return _take(leaf, plan)
        case layout.Jump():
            return _jump(step, plan)
        case layout.Enter(size=size):

            def enter(walk: Walk) -> None:
                walk.bases.append((walk.at, walk.at + size if size is not None else None))

            return enter
        case layout.Leave():
            return _leave
        case layout.Branch():
            return _branch(step, plan)
        case layout.Choose():
            return _choose(step, plan)
    return _loop(step, plan)


def _leave(walk: Walk) -> None:
    _, end = walk.bases.pop()
    if end is not None:
        walk.at = end


def _take(leaf: layout.Leaf, plan: layout.Plan) -> Accessor:
    encoding = leaf.encoding
    if encoding.form == "text":
        return _take_text(leaf, plan)
    assert encoding.size is not None
    size_of = amounts.compiled(encoding.size, plan.type_of)
    if fixed := encoding.bits:

        def take_fixed(walk: Walk) -> None:
            at = walk.at
            walk.at = at + fixed
            if walk.at > walk.bits:
                raise _ends(walk, leaf)
            walk.put(leaf, at, fixed)

        return take_fixed

    def take(walk: Walk) -> None:
        at, size = walk.at, size_of(walk.get)
        if size < 0:
            raise TooShort(f"{leaf.parameter.name} would have {size} bits")
        walk.at = at + size
        if walk.at > walk.bits:
            raise _ends(walk, leaf)
        walk.put(leaf, at, size)

    return take


def _ends(walk: Walk, leaf: layout.Leaf) -> TooShort:
    return TooShort(f"{len(walk.packet)} bytes end before {leaf.parameter.name} does")


def _take_text(leaf: layout.Leaf, plan: layout.Plan) -> Accessor:
    """A text has a box of its own size or none; in it, a tag or a terminator may say more."""
    encoding, name = leaf.encoding, leaf.parameter.name
    size_of = amounts.compiled(encoding.size, plan.type_of) if encoding.size is not None else None
    tag, end, unit = (
        encoding.leading_bits,
        encoding.terminator,
        encodings.UNITS[encoding.characters],
    )

    def take(walk: Walk) -> None:
        at = start = walk.at
        size = min(walk.bits - at, encoding.longest_bits) if size_of is None else size_of(walk.get)
        if size < 0 or at + size > walk.bits:
            raise _ends(walk, leaf)
        if size_of is not None and (size % 8 or size > encoding.longest_bits):
            raise TooShort(f"{name} would have {size} bits")
        if tag:
            if tag > size:
                raise _ends(walk, leaf)
            told = bits.of_packet(walk.packet, at, tag)
            if told % 8 or told > size - tag:
                raise TooShort(f"{name} would have {told} bits")
            walk.at = at + (size if size_of is not None else tag + told)
            start, size = at + tag, told
        elif end:
            octets = bits.octets_of(walk.packet, at, size - size % 8)
            found = _find(octets, end, unit)
            if found < 0 and size_of is None:
                raise TooShort(f"{name} has no end")
            walk.at = at + (size if size_of is not None else (found + len(end)) * 8)
            size = size if found < 0 else found * 8
        else:
            walk.at = at + size
        walk.put(leaf, start, size)

    return take


def _find(octets: bytes, end: bytes, unit: int) -> int:
    """Return where a terminator begins, at a whole character; -1 if nowhere."""
    found = octets.find(end)
    while found >= 0 and found % unit:
        found = octets.find(end, found + 1)
    return found


def _jump(step: layout.Jump, plan: layout.Plan) -> Accessor:
    plus = [amounts.compiled(amount, plan.type_of) for amount in step.plus]
    minus = [amounts.compiled(amount, plan.type_of) for amount in step.minus]

    def jump(walk: Walk) -> None:
        if step.anchor == "containerStart":
            at = walk.bases[-1][0]
        else:
            at = walk.at if step.anchor == "previousEntry" else walk.end
        at += sum(way(walk.get) for way in plus) - sum(way(walk.get) for way in minus)
        if at < 0:
            raise TooShort(f"{step.entry}: lies before the packet")
        walk.at = at

    return jump


def _branch(step: layout.Branch, plan: layout.Plan) -> Accessor:
    holds = criteria.compiled(step.condition, plan.type_of)
    body = _accessors(step.steps, plan)

    def branch(walk: Walk) -> None:
        if holds(walk.get):
            for each in body:
                each(walk)

    return branch


def _choose(step: layout.Choose, plan: layout.Plan) -> Accessor:
    bodies = {name: _accessors(steps, plan) for name, steps in step.steps.items()}
    named = step.reference.name

    def choose(walk: Walk) -> None:
        value = walk.get(step.reference)
        name = value.hex().upper() if isinstance(value, bytes) else str(value)
        body = bodies.get(name)
        if body is None:
            raise TooShort(f"{step.entry}: {named} is {name[:60]}, which names no parameter")
        for each in body:
            each(walk)

    return choose


def _loop(step: layout.Loop, plan: layout.Plan) -> Accessor:
    first_of, spacing_of = (
        amounts.compiled(amount, plan.type_of) for amount in (step.first, step.spacing)
    )
    told = step.last if step.count is None else step.count
    assert told is not None
    last_of = amounts.compiled(told, plan.type_of)
    bodies: dict[int, tuple[list[Accessor], int]] = {}

    def loop(walk: Walk) -> None:
        first, last, spacing = first_of(walk.get), last_of(walk.get), spacing_of(walk.get)
        count = last - first + 1 if step.count is None else last
        if not 0 <= count <= layout.MOST_VALUES or first < 0:
            raise TooShort(f"{step.entry}: would be there {count} times")
        for number in range(first, first + count):
            if number not in bodies:
                steps = step.make(number)
                # Packets choose the numbers; what is kept for them has an end.
                if len(bodies) * _weight(steps) > _MOST_STEPS:
                    bodies.clear()
                bodies[number] = _accessors(steps, plan), _weight(steps)
            body, weight = bodies[number]
            walk.rounds += weight
            if walk.rounds > walk.rounds_most:
                raise TooShort(f"{step.entry}: more than {walk.rounds_most} values")
            if number > first and spacing:
                walk.at += spacing
                if walk.at < 0:
                    raise TooShort(f"{step.entry}: lies before the packet")
            for each in body:
                each(walk)

    return loop


def _weight(steps: tuple[layout.Step, ...]) -> int:
    """Return how much steps cost that may take nothing of a packet and still be taken often."""
    found = max(1, len(steps))
    for step in steps:
        if isinstance(step, layout.Branch):
            found += _weight(step.steps)
        elif isinstance(step, layout.Choose):
            found += sum(map(_weight, step.steps.values()))
    return found
