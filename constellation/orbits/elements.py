"""Element sets out of the files that carry them: OMM, OEM (both CCSDS 502.0-B-3), legacy TLE.

`parse` takes what is good and says of the rest, entry by entry, on which line it stands, what
is wrong and what would be right. It never raises for what a file holds.

An `ElementSet` keeps the units of CCSDS 502.0-B-3 (degrees, revolutions a day), which its
fields name: it is a message, and comes back out as it went in. A catalogue number is text of
any length and may be missing; it never enters SGP4, whose own field ends at 339,999.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from constellation.orbits.ephemeris import Ephemeris

MAX_FILE_BYTES = 64 * 1024 * 1024
"""About 400,000 TLEs or 130,000 OMMs: ten times the public catalogue."""
MAX_REFUSALS = 1_000
"""A file of pure garbage is told once that there is more of the same."""
GARBAGE_MOST = 100_000
"""So many wrong entries, twice the public catalogue, and a file is not read on."""

FIRST_EPOCH = datetime(1957, 10, 4, tzinfo=UTC)
LAST_EPOCH = datetime(2057, 1, 1, tzinfo=UTC)
"""TLE years end in 2056; an epoch past it is an error in any format."""


@dataclass(frozen=True, slots=True)
class ElementSet:
    """Mean elements for SGP4, in TEME, of one object at one epoch."""

    name: str
    object_id: str
    """International designator, as `2025-100A`; empty when there is none yet."""
    catalogue_number: str
    """Digits, of any length; empty when there is none yet."""
    epoch_at: datetime
    mean_motion_rev_per_day: float
    eccentricity: float
    inclination_deg: float
    node_deg: float
    """Right ascension of the ascending node."""
    perigee_argument_deg: float
    mean_anomaly_deg: float
    bstar_per_earth_radius: float = 0.0
    mean_motion_dot: float = 0.0
    """Half the first derivative of the mean motion, rev/day²; SGP4 does not use it."""
    mean_motion_ddot: float = 0.0
    """A sixth of the second derivative, rev/day³; SGP4 does not use it."""
    revolution: int = 0
    element_set_number: int = 0
    classification: str = "U"
    line: int = field(default=0, compare=False)
    """Where its file had it; 0 when it comes from no file."""

    @property
    def identity(self) -> str:
        """Name the object as exactly as the message does."""
        return self.catalogue_number or self.object_id or self.name


@dataclass(frozen=True, slots=True)
class Refused:
    """One entry that was not taken, and why."""

    line: int
    name: str
    problem: str
    about: str = field(default="", compare=False)
    """The catalogue number or international designator it gives, if that could be read."""
    given: str = field(default="", compare=False, repr=False)
    """The entry, as far as it can be told from the rest of the file."""

    def __post_init__(self) -> None:
        # These are stored, and no database of text holds a NUL or half a character.
        for name in ("name", "problem", "given"):
            said = getattr(self, name)
            if not said.isascii() or "\0" in said:
                clean = said.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
                object.__setattr__(self, name, clean)

    def __str__(self) -> str:
        about = f" ({self.name})" if self.name else ""
        return f"line {self.line}{about}: {self.problem}"


@dataclass(frozen=True)
class Parsed:
    """What a file held."""

    taken: list[ElementSet]
    refused: list[Refused]
    ephemerides: list["Ephemeris"] = field(default_factory=list)
    form: str = ""
    """`xml`, `json`, `oem`, `kvn`, `csv` or `tle`; empty when it was not read at all."""


class BadEntry(ValueError):
    """One entry cannot be taken; the message says what is wrong and what would be right."""


def parse(data: bytes) -> Parsed:
    """Read a file of element sets, whatever its format. Entries keep the file's order."""
    if len(data) > MAX_FILE_BYTES:
        return _nothing(
            f"the file has more than {MAX_FILE_BYTES:,} bytes; no more are read, so split it"
        )
    whole, no_text = _decoded(data)
    if not whole.strip():
        return _nothing("the file is empty; it should hold TLEs, OMMs or OEMs")
    form = form_of(whole)
    parsed = _collected(_entries(whole, form), form)
    if no_text is not None and not parsed.taken and not parsed.ephemerides:
        return Parsed([], [no_text])
    if not (parsed.taken or parsed.ephemerides or parsed.refused):
        return _nothing(f"there is no element set in this file, read as {form.upper()}")
    return parsed


def _decoded(data: bytes) -> tuple[str, Refused | None]:
    """Return the text of a file, and what stands in the way when it is none.

    What cannot be decoded becomes U+FFFD, which costs the entry that it stands in.
    """
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", errors="replace"), None
    try:
        return data.decode("utf-8-sig"), None
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        problem = (
            f"byte 0x{data[error.start]:02x} is not UTF-8 text; "
            "element sets are text: TLE, OMM as JSON, XML, CSV or KVN, OEM as KVN or XML"
        )
        return data.decode("utf-8-sig", errors="replace"), Refused(line, "", problem)


_KVN = re.compile(r"^[ \t]*CCSDS_(O[EM]M|OPM|OCM|AEM|TDM|CDM)_VERS\b", re.MULTILINE)
_SNIFFED = 65_536
"""So far into a file its form may show."""


def form_of(whole: str) -> str:
    """Return which form a text has, by how it starts; whatever is nothing else is TLE."""
    start = whole.lstrip()[:_SNIFFED]
    first_line = re.split(r"[\r\n]", start, maxsplit=1)[0]
    if start[0] == "<":
        return "xml"
    if start[0] in "[{":
        return "json"
    if known := _KVN.search(start):
        return "oem" if known.group(1) == "OEM" else "kvn"
    if re.match(r"COMMENT\b|OBJECT_NAME[ \t]*=", start):
        return "kvn"
    if "EPOCH" in first_line.upper() and re.search(r"[,;\t]", first_line):
        return "csv"
    return "tle"


def _entries(whole: str, form: str) -> Iterator["ElementSet | Ephemeris | Refused"]:
    # Imported here, since these modules build the `ElementSet` above.
    from constellation.orbits import ndm_xml, omm, text, tle

    if form == "xml":
        return ndm_xml.read(whole)
    if form == "json":
        return omm.from_json(whole)
    lines = text.numbered_lines(whole)
    if form in ("kvn", "oem"):
        return _kvn(lines)
    return omm.from_csv(lines) if form == "csv" else tle.from_lines(lines)


def _kvn(lines: Iterator[tuple[int, str]]) -> Iterator["ElementSet | Ephemeris | Refused"]:
    """Read messages one after the other, of either kind."""
    from constellation.orbits import oem, omm

    is_ephemeris = False

    def kind(numbered: tuple[int, str]) -> bool:
        nonlocal is_ephemeris
        if numbered[1].startswith("CCSDS_"):
            is_ephemeris = numbered[1].startswith("CCSDS_OEM_VERS")
        return is_ephemeris

    for of_ephemeris, group in groupby(lines, key=kind):
        reader = oem.from_kvn if of_ephemeris else omm.from_kvn
        yield from reader(group)


def _collected(entries: Iterable["ElementSet | Ephemeris | Refused"], form: str) -> Parsed:
    """Sort entries into taken and refused; the same object at the same epoch is taken once."""
    parsed = Parsed([], [], [], form)
    seen: dict[tuple[str, datetime, bool], object] = {}
    more = 0
    for entry in entries:
        if not isinstance(entry, Refused):
            of_mean = isinstance(entry, ElementSet)
            first = seen.setdefault((entry.identity, entry.epoch_at, of_mean), entry)
            if first is entry:
                (parsed.taken if of_mean else parsed.ephemerides).append(entry)
                continue
            entry = _repeated(entry, first)
        if len(parsed.refused) < MAX_REFUSALS:
            parsed.refused.append(entry)
        else:
            more += 1
            if more >= GARBAGE_MOST:
                problem = f"{more:,} more entries are wrong up to here: not read on"
                parsed.refused.append(Refused(entry.line, "", problem))
                return parsed
    if more:
        last = parsed.refused[-1].line
        parsed.refused.append(Refused(last, "", f"{more:,} more entries are wrong"))
    return parsed


def _repeated(entry: "ElementSet | Ephemeris", first: "ElementSet | Ephemeris") -> Refused:
    same = "the same elements" if entry == first else "other elements"
    return Refused(
        entry.line,
        entry.name,
        f"{entry.identity} at {entry.epoch_at.isoformat()} stands on line {first.line} already, "
        f"with {same}; an object has one element set an epoch, and the first was taken",
        getattr(entry, "catalogue_number", "") or entry.object_id,
    )


def _nothing(problem: str, line: int = 1) -> Parsed:
    return Parsed([], [Refused(line, "", problem)])


def check(elements: ElementSet) -> ElementSet:
    """Return `elements` if SGP4 could fly them, else raise `BadEntry`."""
    _within("eccentricity", elements.eccentricity, 0.0, 1.0, "an orbit that closes")
    _within("inclination", elements.inclination_deg, 0.0, 180.0 + 1e-9, "degrees")
    _within("mean motion", elements.mean_motion_rev_per_day, 1e-3, 18.0, "revolutions a day")
    _within("node", elements.node_deg, -360.0, 360.0 + 1e-9, "degrees")
    _within("argument of perigee", elements.perigee_argument_deg, -360.0, 360.0 + 1e-9, "degrees")
    _within("mean anomaly", elements.mean_anomaly_deg, -360.0, 360.0 + 1e-9, "degrees")
    _within("B*", elements.bstar_per_earth_radius, -10.0, 10.0, "inverse Earth radii")
    _within("the mean motion's derivative", elements.mean_motion_dot, -10.0, 10.0, "rev/day²")
    _within("its second derivative", elements.mean_motion_ddot, -1e3, 1e3, "rev/day³")
    if not FIRST_EPOCH <= elements.epoch_at < LAST_EPOCH:
        raise BadEntry(
            f"the epoch {elements.epoch_at.isoformat()} is outside of "
            f"{FIRST_EPOCH:%Y-%m-%d} to {LAST_EPOCH:%Y-%m-%d}"
        )
    if not elements.identity:
        raise BadEntry("neither a catalogue number, an object id nor a name says what it is of")
    return elements


def _within(what: str, value: float, low: float, high: float, unit: str) -> None:
    if not low <= value < high:  # Also refuses what is not a number.
        raise BadEntry(f"{what} {value} is wrong; right is {low:g} to below {high:g} ({unit})")
