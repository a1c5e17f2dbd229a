"""Element sets out of the files that carry them: OMM (JSON, XML, CSV, KVN) and legacy TLE.

`parse` takes what is good and says of the rest, entry by entry, on which line it stands, what
is wrong and what would be right. It never raises for what a file holds.

An `ElementSet` keeps the units of CCSDS 502.0-B-3 (degrees, revolutions a day), which its
fields name: it is a message, and comes back out as it went in. A catalogue number is text of
any length and may be missing; it never enters SGP4, whose own field ends at 339,999.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

MAX_FILE_BYTES = 64 * 1024 * 1024
"""About 400,000 TLEs or 130,000 OMMs: ten times the public catalogue."""
MAX_REFUSALS = 1_000
"""A file of pure garbage is told once that there is more of the same."""

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

    def __str__(self) -> str:
        about = f" ({self.name})" if self.name else ""
        return f"line {self.line}{about}: {self.problem}"


@dataclass(frozen=True)
class Parsed:
    """What a file held."""

    taken: list[ElementSet]
    refused: list[Refused]


class BadEntry(ValueError):
    """One entry cannot be taken; the message says what is wrong and what would be right."""


def parse(data: bytes) -> Parsed:
    """Read a file of element sets, whatever its format. Entries keep the file's order."""
    if len(data) > MAX_FILE_BYTES:
        return _nothing(
            f"the file has {len(data):,} bytes; at most {MAX_FILE_BYTES:,} are read, so split it"
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return _nothing(
            f"byte 0x{data[error.start]:02x} is not UTF-8 text; "
            "element sets are text: TLE, or OMM as JSON, XML, CSV or KVN",
            line,
        )
    if not text.strip():
        return _nothing("the file is empty; it should hold TLEs or OMMs")
    return _collected(_entries(text))


def _entries(text: str) -> Iterator[ElementSet | Refused]:
    # Imported here, since both modules build the `ElementSet` above.
    from constellation.orbits import omm, tle

    start = text.lstrip()
    first_line = start.split("\n", 1)[0]
    if start[0] == "<":
        return omm.from_xml(text)
    if start[0] in "[{":
        return omm.from_json(text)
    if "CCSDS_OMM_VERS" in first_line or "COMMENT" in first_line[:8]:
        return omm.from_kvn(text)
    if "," in first_line and "EPOCH" in first_line.upper():
        return omm.from_csv(text)
    return tle.from_lines(text)


def _collected(entries: Iterable[ElementSet | Refused]) -> Parsed:
    """Sort entries into taken and refused; the same object at the same epoch is taken once."""
    taken: list[ElementSet] = []
    refused: list[Refused] = []
    seen: dict[tuple[str, datetime], ElementSet] = {}
    more = 0
    for entry in entries:
        if isinstance(entry, ElementSet):
            first = seen.setdefault((entry.identity, entry.epoch_at), entry)
            if first is entry:
                taken.append(entry)
                continue
            entry = _repeated(entry, first)
        if len(refused) < MAX_REFUSALS:
            refused.append(entry)
        else:
            more += 1
    if more:
        refused.append(Refused(refused[-1].line, "", f"{more:,} more entries are wrong"))
    return Parsed(taken, refused)


def _repeated(entry: ElementSet, first: ElementSet) -> Refused:
    same = "the same elements" if entry == first else "other elements"
    return Refused(
        entry.line,
        entry.name,
        f"{entry.identity} at {entry.epoch_at.isoformat()} stands on line {first.line} already, "
        f"with {same}; an object has one element set an epoch, and the first was taken",
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
