"""Two-line element sets, as CelesTrak and Space-Track publish them, catalogue Alpha-5 included.

The columns are those of the format's own description (Space-Track, "Basic description of the
two-line element set format"). The C library reads whatever stands there; this reads only what
is right, because a wrong digit is a satellite in another place.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from constellation.orbits import text
from constellation.orbits.elements import BadEntry, ElementSet, Refused, check

LENGTH = 69
NAME_MOST = 100
ALPHA5 = "ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Letters for 10 to 33 in front of four digits; I and O are left out."""

_NUMBER = re.compile(r"[ +-]?[ \d]*\.?\d*")
_LOOKS_LIKE_1 = re.compile(r"1 [ 0-9A-Z][ 0-9]{4}[ A-Z]?\s")
_LOOKS_LIKE_2 = re.compile(r"2 [ 0-9A-Z][ 0-9]{4}\s")


def from_lines(lines: Iterable[tuple[int, str]]) -> Iterator[ElementSet | Refused]:
    """Read pairs of numbered lines, each with an optional line of name before it."""
    name, name_line, first, first_at = "", 0, "", 0
    for at, line in lines:
        if _LOOKS_LIKE_1.match(line):
            if first:
                yield Refused(first_at, name, "line 1 has no line 2 after it")
                name = ""
            first, first_at = line, at
        elif _LOOKS_LIKE_2.match(line):
            if first:
                yield _read(name, first, line, first_at)
            else:
                yield Refused(
                    at,
                    name,
                    "line 2 stands before its line 1 or without it; "
                    "right is the name, line 1, line 2",
                )
            name, first = "", ""
        else:
            if first:
                yield Refused(
                    first_at, name, f"line 1 is followed by {text.short(line)}; right is its line 2"
                )
                first = ""
            elif name:
                yield Refused(name_line, "", f"{text.short(name)} is no part of an element set")
            name, name_line = _name(line), at
    if first:
        yield Refused(first_at, name, "line 1 has no line 2 after it; the file is cut off")
    elif name:
        yield Refused(name_line, "", f"{text.short(name)} is no part of an element set")


def _name(line: str) -> str:
    return (line[2:] if line.startswith("0 ") else line).strip()


def _read(name: str, first: str, second: str, at: int) -> ElementSet | Refused:
    try:
        _check_line(first, 1)
        _check_line(second, 2)
        _check_name(name)
        if first[62] == "4":
            raise BadEntry("line 1 says ephemeris type 4 (SGP4-XP); right is 0 (SGP4)")
        return check(_elements(name, first, second, at))
    except BadEntry as bad:
        given = f"{name[:100]}\n{first[:200]}\n{second[:200]}"
        called = text.printable(name) or first[2:7].strip()
        return Refused(at, called, str(bad), _about(first), given)


def _about(line: str) -> str:
    """Return the catalogue number of a line that may be wrong, or nothing."""
    try:
        return catalogue_number(line[2:7])
    except BadEntry:
        return ""


def _check_line(line: str, number: int) -> None:
    if len(line) != LENGTH:
        raise BadEntry(f"line {number} has {len(line)} characters; right is {LENGTH}")
    if not line.isascii():
        raise BadEntry(f"line {number} holds characters that are not ASCII")
    right = checksum(line)
    if line[68] != str(right):
        raise BadEntry(f"line {number} ends in the checksum {line[68]}; right is {right}")


def _check_name(name: str) -> None:
    text.check_printable({"the name": name})
    if len(name) > NAME_MOST:
        raise BadEntry(f"the name has {len(name):,} characters; right is at most {NAME_MOST}")


def checksum(line: str) -> int:
    """Return the sum of the digits of the first 68 characters, each minus as 1, modulo 10."""
    body = line[:68]
    return (sum(int(c) for c in body if c in "0123456789") + body.count("-")) % 10


def _elements(name: str, first: str, second: str, at: int) -> ElementSet:
    if first[2:7] != second[2:7]:
        raise BadEntry(
            f"line 1 is of {first[2:7].strip()} and line 2 of {second[2:7].strip()}; "
            "right is the same number on both"
        )
    return ElementSet(
        name=name,
        object_id=designator(first[9:17]),
        catalogue_number=catalogue_number(first[2:7]),
        epoch_at=_epoch(first[18:32]),
        mean_motion_rev_per_day=_decimal("mean motion", second[52:63]),
        eccentricity=_decimal("eccentricity", "." + second[26:33].replace(" ", "0")),
        inclination_deg=_decimal("inclination", second[8:16]),
        node_deg=_decimal("node", second[17:25]),
        perigee_argument_deg=_decimal("argument of perigee", second[34:42]),
        mean_anomaly_deg=_decimal("mean anomaly", second[43:51]),
        bstar_per_earth_radius=_exponential("B*", first[53:61]),
        mean_motion_dot=_decimal("first derivative of mean motion", first[33:43]),
        mean_motion_ddot=_exponential("second derivative of mean motion", first[44:52]),
        revolution=_whole("revolution number", second[63:68]),
        element_set_number=_whole("element set number", first[64:68]),
        classification=first[7].strip() or "U",
        line=at,
    )


def catalogue_number(field: str) -> str:
    """Return the digits of a catalogue number, Alpha-5 undone: `A0001` is 100001."""
    said = field.strip()
    if said and said[0] in ALPHA5 and len(said) == 5 and said[1:].isdigit():
        return f"{ALPHA5.index(said[0]) + 10}{said[1:]}"
    if not (said.isascii() and said.isdigit()):
        raise BadEntry(
            f"the catalogue number {said!r} is wrong; right is up to five digits, or a letter "
            "but I and O before four digits (Alpha-5)"
        )
    return said.lstrip("0") or "0"


def designator(field: str) -> str:
    """Return `25100A` as `2025-100A`; empty when there is none."""
    said = field.strip()
    if not said:
        return ""
    if not re.fullmatch(r"\d{5}[A-Z]{1,3}", said):
        raise BadEntry(f"the designator {said!r} is wrong; right is as 25100A, or nothing")
    return f"{_century(int(said[:2]))}-{said[2:]}"


def _century(two_digits: int) -> int:
    return two_digits + (1900 if two_digits >= 57 else 2000)


def _epoch(field: str) -> datetime:
    if not re.fullmatch(r"\d\d[ \d]{3}\.[\d ]{8}", field):
        raise BadEntry(f"the epoch {field!r} is wrong; right is as 26233.79419053")
    year, day = _century(int(field[:2])), _decimal("epoch", field[2:])
    days = 366 if year % 4 == 0 else 365  # Good from 1957 to 2056.
    if not 1.0 <= day < days + 1:
        raise BadEntry(f"day {day} is not in {year}; right is 1 to below {days + 1}")
    return datetime(year, 1, 1, tzinfo=UTC) + timedelta(days=day - 1.0)


def _decimal(what: str, field: str) -> float:
    said = field.strip()
    if not said or not _NUMBER.fullmatch(said) or not any(c.isdigit() for c in said):
        raise BadEntry(f"{what} {field!r} is not a number")
    return float(said.replace(" ", ""))


def _exponential(what: str, field: str) -> float:
    """Read ` 71936-3`: a decimal point is assumed before the digits, the end is a power of 10."""
    if not field.strip():
        return 0.0
    parts = re.fullmatch(r"([ +-])([ \d]{5})([+-]\d)", field)
    if not parts:
        raise BadEntry(f"{what} {field!r} is wrong; right is as ' 71936-3'")
    sign, digits, power = parts.groups()
    value = float(f"0.{digits.replace(' ', '0')}e{power}")
    return -value if sign == "-" else value


def _whole(what: str, field: str) -> int:
    said = field.strip()
    if said and not said.isdigit():
        raise BadEntry(f"{what} {field!r} is not a whole number")
    return int(said or 0)
