"""Orbit Ephemeris Messages (CCSDS 502.0-B-3, section 5), as KVN; `ndm_xml` reads them as XML.

A message has segments, each with metadata and states. A segment is taken whole or refused whole,
and the good segments of an object make its ephemeris: interpolation never crosses from one to
the next. Accelerations and covariances are left out, since nothing here uses them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from constellation.orbits import reference, text
from constellation.orbits.elements import FIRST_EPOCH, LAST_EPOCH, BadEntry, Refused
from constellation.orbits.ephemeris import METHODS, Arc, Ephemeris
from constellation.orbits.frames import FloatArray

VERSIONS = ("1.0", "2.0", "3.0")
NEEDED = ("OBJECT_NAME", "OBJECT_ID", "CENTER_NAME", "REF_FRAME", "TIME_SYSTEM")
NEAREST_KM, FARTHEST_KM = 6_300.0, 2_000_000.0
"""From the centre of the Earth: below the ground at the poles, and past its sphere of influence."""
FASTEST_KM_S = 15.0
MOST_DEGREE = 25
HOLE = 5.0
"""A step so many times its neighbours is a hole in the table and not a change of step."""
GRAVITY_KM3_S2 = 398_600.4418
"""Of the Earth (IERS Conventions 2010, table 1.1)."""


@dataclass
class Segment:
    """A segment as its file has it: keywords, and rows of words, with their lines."""

    line: int
    meta: dict[str, str] = field(default_factory=dict)
    rows: list[tuple[int, list[str]]] = field(default_factory=list)
    problem: Refused | None = None

    def blame(self, line: int, problem: str) -> None:
        """Keep the first thing that is wrong with it."""
        if self.problem is None:
            self.problem = Refused(line, "", problem)


@dataclass
class Message:
    """A message as its file has it."""

    line: int
    header: dict[str, str] = field(default_factory=dict)
    segments: list[Segment] = field(default_factory=list)
    problem: Refused | None = None
    given: str = ""


def ephemerides(message: Message) -> Iterator[Ephemeris | Refused]:
    """Yield the ephemeris of each object of a message, and what is wrong with its segments."""
    if message.problem is None:
        message.problem = _bad_version(message)
    if message.problem is not None:
        yield message.problem
        return
    if not message.segments:
        yield Refused(message.line, "", "the message has no segment; right is META_START and on")
    arcs: dict[tuple[str, str], list[Arc]] = {}
    for segment in message.segments:
        name, object_id = (segment.meta.get(key, "").strip() for key in NEEDED[:2])
        try:
            if segment.problem is not None:
                raise _Blamed(segment.problem.line, segment.problem.problem)
            arc = _arc(segment)
            _after_the_others(arc, arcs.get((name, object_id), []))
        except BadEntry as bad:
            line = getattr(bad, "line", segment.line)
            given = text.as_lines(segment.meta)
            yield Refused(line, name[:60], str(bad), object_id[:40], given)
        else:
            arcs.setdefault((name, object_id), []).append(arc)
    for (name, object_id), own in arcs.items():
        yield _ephemeris(message, name, object_id, own)


class _Blamed(BadEntry):
    """Wrong at a line of its own."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(problem)
        self.line = line


def _bad_version(message: Message) -> Refused | None:
    version = message.header.get("CCSDS_OEM_VERS", "").strip()
    if version in VERSIONS:
        return None
    problem = f"CCSDS_OEM_VERS is {version[:40]!r}; right is {', '.join(VERSIONS)}"
    return Refused(message.line, "", problem)


def _ephemeris(message: Message, name: str, object_id: str, arcs: list[Arc]) -> Ephemeris:
    created = message.header.get("CREATION_DATE", "")
    try:
        created_at = text.instant("CREATION_DATE", created) if created else None
    except BadEntry:
        created_at = None  # It only decides between equals, where being loaded last does as well.
    return Ephemeris(
        name=name,
        object_id="" if object_id.upper() == "UNKNOWN" else object_id[:40],
        arcs=tuple(arcs),
        created_at=created_at,
        originator=message.header.get("ORIGINATOR", "")[:100],
        line=message.line,
        given=message.given,
    )


def _after_the_others(arc: Arc, others: list[Arc]) -> None:
    for other in others:
        if arc.start_s < other.stop_s:
            raise BadEntry(
                f"it is useable from {text.when(arc.start_s)}, before the segment on line "
                f"{other.line} ends at {text.when(other.stop_s)}; right is in order, touching "
                "at most"
            )


def _arc(segment: Segment) -> Arc:
    """Make an arc of a segment, or raise what is wrong with it and where."""
    meta = segment.meta
    for keyword in NEEDED:
        if not meta.get(keyword, "").strip():
            raise BadEntry(f"{keyword} is missing")
    text.check_printable(meta)
    centre = meta["CENTER_NAME"].strip().upper()
    if centre != "EARTH":
        raise BadEntry(f"CENTER_NAME is {centre[:40]}; right is EARTH")
    method, degree = _interpolation(meta)
    least = Arc(np.empty(0), np.empty((0, 6)), 0.0, 0.0, method, degree).nodes
    if len(segment.rows) < max(2, least):
        raise BadEntry(
            f"it has {len(segment.rows)} states; {method} of degree {degree} takes at least "
            f"{max(2, least)}"
        )
    scale_s, states_km = _table(segment)
    _check_states(segment, scale_s, states_km)
    system = meta["TIME_SYSTEM"].strip().upper()
    at_s = reference.utc_s(system, scale_s)
    first, last = float(at_s[0]), float(at_s[-1])
    if first < FIRST_EPOCH.timestamp() or last > LAST_EPOCH.timestamp():
        raise BadEntry(
            f"its states are from {text.when(first)} to {text.when(last)}; right is within "
            f"{FIRST_EPOCH:%Y-%m-%d} and {LAST_EPOCH:%Y-%m-%d}"
        )
    start_s, stop_s = _useable(meta, system, at_s)
    frame = meta["REF_FRAME"].strip().upper()
    states = reference.itrs(frame, states_km * 1000.0, at_s)
    return Arc(at_s, states, start_s, stop_s, method, degree, segment.line)


def _interpolation(meta: dict[str, str]) -> tuple[str, int]:
    method = meta.get("INTERPOLATION", "").strip().upper()
    said = meta.get("INTERPOLATION_DEGREE", "").strip()
    if not method:
        return "HERMITE", 7
    if method not in METHODS:
        raise BadEntry(f"INTERPOLATION is {method[:40]}; right is {', '.join(METHODS)}")
    if method == "LINEAR":
        return method, 1
    if not said:
        raise BadEntry("INTERPOLATION_DEGREE is missing, which INTERPOLATION needs")
    if not re.fullmatch(r"[0-9]{1,3}", said) or not 1 <= int(said) <= MOST_DEGREE:
        raise BadEntry(f"INTERPOLATION_DEGREE is {said[:40]!r}; right is 1 to {MOST_DEGREE}")
    return method, max(int(said), 3) if method == "HERMITE" else int(said)


def _table(segment: Segment) -> tuple[FloatArray, FloatArray]:
    """Return instants in the segment's own time system and states in km and km/s."""
    scale_s = np.empty(len(segment.rows))
    states_km = np.empty((len(segment.rows), 6))
    for row, (line, words) in enumerate(segment.rows):
        try:
            if len(words) not in (7, 10):
                raise BadEntry(
                    f"{len(words)} columns; right is an epoch, X, Y, Z, X_DOT, Y_DOT, Z_DOT, and "
                    "no acceleration or three more columns of it"
                )
            scale_s[row] = text.instant("the epoch", words[0]).timestamp()
            states_km[row] = [text.decimal("a state's value", word) for word in words[1:7]]
        except BadEntry as bad:
            raise _Blamed(line, str(bad)) from bad
    return scale_s, states_km


def _check_states(segment: Segment, at_s: FloatArray, states_km: FloatArray) -> None:
    """Refuse a table that is not the motion of one thing around the Earth."""
    lines = [line for line, _ in segment.rows]
    steps_s = np.diff(at_s)
    _blame_first(steps_s <= 0, lines[1:], lambda k: (
        f"the epoch {text.when(at_s[k + 1])} is not after the one before it, "
        f"{text.when(at_s[k])}; right is rising epochs"
    ))  # fmt: skip
    radius_km = np.linalg.norm(states_km[:, :3], axis=1)
    speed_km_s = np.linalg.norm(states_km[:, 3:], axis=1)
    _blame_first(~((radius_km >= NEAREST_KM) & (radius_km <= FARTHEST_KM)), lines, lambda k: (
        f"the position is {radius_km[k]:g} km from the centre of the Earth; right is "
        f"{NEAREST_KM:g} to {FARTHEST_KM:g} km"
    ))  # fmt: skip
    _blame_first(~(speed_km_s <= FASTEST_KM_S), lines, lambda k: (
        f"the speed is {speed_km_s[k]:g} km/s; right is at most {FASTEST_KM_S:g}"
    ))  # fmt: skip
    if len(steps_s) >= 3:
        beside_s = np.maximum(np.append(steps_s[1:], 0.0), np.insert(steps_s[:-1], 0, 0.0))
        _blame_first(steps_s > HOLE * beside_s, lines[1:], lambda k: (
            f"{steps_s[k]:g} s pass since the state before, and {beside_s[k]:g} s at most "
            "between those beside; right is another segment after the hole"
        ))  # fmt: skip
        _check_smooth(lines, at_s, states_km)


def _check_smooth(lines: list[int], at_s: FloatArray, states_km: FloatArray) -> None:
    """Hold every state to the cubic through its neighbours.

    What a cubic leaves is at most h⁴/384 of the fourth derivative, which on an orbit is about
    (angular rate)⁴ times the radius; twenty times that, and a kilometre for manoeuvres.
    """
    before, after = states_km[:-2], states_km[2:]
    span_s = (at_s[2:] - at_s[:-2])[:, None]
    part = (at_s[1:-1] - at_s[:-2])[:, None] / span_s
    inverse = 1.0 - part
    cubic_km = (
        (1.0 + 2.0 * part) * inverse**2 * before[:, :3]
        + part * inverse**2 * span_s * before[:, 3:]
        + part**2 * (3.0 - 2.0 * part) * after[:, :3]
        - part**2 * inverse * span_s * after[:, 3:]
    )
    off_km = np.linalg.norm(cubic_km - states_km[1:-1, :3], axis=1)
    radius_km = np.minimum.reduce(
        [np.linalg.norm(states_km[k : len(states_km) - 2 + k, :3], axis=1) for k in range(3)]
    )
    rate = np.sqrt(2.0 * GRAVITY_KM3_S2 / radius_km**3)
    limit_km = 1.0 + 20.0 / 384.0 * (rate * span_s[:, 0]) ** 4 * radius_km
    _blame_first(off_km > limit_km, lines[1:], lambda k: (
        f"the position is {off_km[k]:,.1f} km off the motion of the states beside it; right is "
        "km, km/s and one motion, and another segment after a large manoeuvre"
    ))  # fmt: skip


def _blame_first(wrong: np.ndarray, lines: list[int], problem) -> None:
    if wrong.any():
        first = int(np.argmax(wrong))
        raise _Blamed(lines[first], problem(first))


def _useable(meta: dict[str, str], system: str, at_s: FloatArray) -> tuple[float, float]:
    """Return from when to when the states may be interpolated."""
    first, last = float(at_s[0]), float(at_s[-1])

    def told(keyword: str, default_s: float) -> float:
        said = meta.get(keyword, "").strip()
        if not said:
            return default_s
        return float(
            reference.utc_s(system, np.array([text.instant(keyword, said).timestamp()]))[0]
        )

    begin_s, end_s = told("START_TIME", first), told("STOP_TIME", last)
    if end_s <= begin_s:
        raise BadEntry("STOP_TIME is not after START_TIME; right is a span")
    start_s = told("USEABLE_START_TIME", max(begin_s, first))
    stop_s = told("USEABLE_STOP_TIME", min(end_s, last))
    if stop_s <= start_s:
        raise BadEntry("what is useable ends before it starts; right is a span within the states")
    if start_s < first or stop_s > last:
        raise BadEntry(
            f"it is said to be useable from {text.when(start_s)} to {text.when(stop_s)}, and its "
            f"states are from {text.when(first)} to {text.when(last)}; right is within them"
        )
    return start_s, stop_s


def from_kvn(lines: Iterator[tuple[int, str]]) -> Iterator[Ephemeris | Refused]:
    """Read messages of numbered lines; each `CCSDS_OEM_VERS` opens one."""
    message: Message | None = None
    reader = _Reader()
    said: list[str] = []
    for at, line in lines:
        if line.startswith("CCSDS_OEM_VERS"):
            if message is not None:
                yield from _closed(message, reader, said)
            message, reader, said = Message(at), _Reader(), []
            message.header["CCSDS_OEM_VERS"] = line.partition("=")[2].strip()
        elif message is None:
            yield Refused(at, "", f"{text.short(line)} stands before CCSDS_OEM_VERS")
            continue
        else:
            refused = reader.take(message, at, line)
            if refused is not None:
                yield refused
        said.append(line)
    if message is not None:
        yield from _closed(message, reader, said)


def _closed(message: Message, reader: "_Reader", said: list[str]) -> Iterator[Ephemeris | Refused]:
    refused = reader.end(message)
    if refused is not None:
        yield refused
    message.given = "\n".join(said)
    yield from ephemerides(message)


class _Reader:
    """Where in a message a line stands: header, metadata, states or covariance."""

    def __init__(self) -> None:
        self._place, self._opened = "header", 0

    def take(self, message: Message, at: int, line: str) -> Refused | None:
        """Put a line where it belongs; say so if it belongs nowhere."""
        if line.startswith("COMMENT"):
            return None
        match line:
            case "META_START":
                refused = self.end(message)
                message.segments.append(Segment(at))
                self._place, self._opened = "meta", at
                return refused
            case "META_STOP":
                if self._place != "meta":
                    return Refused(at, "", "META_STOP has no META_START before it")
                self._place = "states"
                return None
            case "COVARIANCE_START":
                if self._place != "states":
                    return Refused(at, "", "COVARIANCE_START stands outside of a segment's data")
                self._place, self._opened = "covariance", at
                return None
            case "COVARIANCE_STOP":
                if self._place != "covariance":
                    return Refused(at, "", "COVARIANCE_STOP has no COVARIANCE_START before it")
                self._place = "states"
                return None
        return self._content(message, at, line)

    def _content(self, message: Message, at: int, line: str) -> Refused | None:
        if self._place == "covariance":
            return None
        if self._place == "states":
            message.segments[-1].rows.append((at, line.split()))
            return None
        keyword, equals, value = line.partition("=")
        if not equals:
            if self._place == "meta":
                message.segments[-1].blame(
                    at, f"{text.short(line)} is wrong; right is KEYWORD = value, up to META_STOP"
                )
                return None
            return Refused(at, "", f"{text.short(line)} is wrong; right is KEYWORD = value")
        fields = message.header if self._place == "header" else message.segments[-1].meta
        fields[keyword.strip()] = value.strip()
        return None

    def end(self, message: Message) -> Refused | None:
        """End a segment, or the message; what was opened and not closed is wrong."""
        place, self._place = self._place, "header"
        if place == "meta":
            message.segments[-1].blame(
                self._opened, "META_START has no META_STOP after it; right is a pair"
            )
        if place == "covariance":
            return Refused(
                self._opened,
                "",
                "COVARIANCE_START has no COVARIANCE_STOP after it; covariances are not used, "
                "and the states before it are taken",
            )
        return None
