"""Orbit Mean-Elements Messages (CCSDS 502.0-B-3, section 4) as JSON, CSV and KVN.

All of them, and XML (`ndm_xml`), carry the same keywords; each reader yields them as text with
the line they stand on, and one function makes them an element set. Public catalogues leave out
what is the same for all (centre, frame, time system, theory); where a file says them, they are
checked.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping

from constellation.orbits import text
from constellation.orbits.elements import BadEntry, ElementSet, Refused, check

Fields = Mapping[str, str]

FIXED = {
    "CCSDS_OMM_VERS": ("3.0", "2.0", "1.0"),
    "CENTER_NAME": ("EARTH",),
    "REF_FRAME": ("TEME",),
    "TIME_SYSTEM": ("UTC",),
    "MEAN_ELEMENT_THEORY": ("SGP4", "SGP/SGP4"),
    "EPHEMERIS_TYPE": ("0", "2"),
}
"""What may stand there, the usual first. Ephemeris type 2 is SGP4, 4 is SGP4-XP, another theory."""
NAME_MOST = 100
REPEATED = "\0repeated"
"""Beside the keywords of a message: the one that stands in it twice."""
ENTRY_MOST = 16_384
"""Characters of one message in JSON; a real one has a tenth."""
BREAKS_MOST = 900
"""Broken messages in JSON, after which the file is not read on."""
LARGEST_WHOLE = 10**9
_NEXT_OBJECT = re.compile(r"\}\s*(?:,\s*)?(?=\{)")
_SPACE = re.compile(r"\s*")
_UNIT = re.compile(r"[ \t]*\[[^][]{0,20}\]$")


def element_set(fields: Fields, line: int) -> ElementSet | Refused:
    """Make an element set of a message's keywords, or say what is wrong with them."""
    name = fields.get("OBJECT_NAME", "").strip()
    try:
        return check(_elements(fields, name, line))
    except BadEntry as bad:
        about = fields.get("NORAD_CAT_ID", "").strip() or fields.get("OBJECT_ID", "").strip()
        return Refused(line, text.printable(name), str(bad), about[:40], text.as_lines(fields))


def text_of(elements: ElementSet) -> str:
    """Return an element set as the KVN of its message."""
    return text.as_lines({key: str(value) for key, value in to_fields(elements).items()})


def _elements(fields: Fields, name: str, line: int) -> ElementSet:
    if REPEATED in fields:
        raise BadEntry(f"{fields[REPEATED][:40]} stands there twice; right is once")
    text.check_printable(fields)
    for keyword, right in FIXED.items():
        given = fields.get(keyword, "").strip().upper()
        if given and given not in right:
            raise BadEntry(f"{keyword} is {given[:40]}; right is {right[0]}")
    if len(name) > NAME_MOST:
        raise BadEntry(f"OBJECT_NAME has {len(name)} characters; right is at most {NAME_MOST}")
    return ElementSet(
        name=name,
        object_id=_known(fields.get("OBJECT_ID", "")),
        catalogue_number=_catalogue_number(fields.get("NORAD_CAT_ID", "")),
        epoch_at=text.instant("EPOCH", _needed(fields, "EPOCH")),
        mean_motion_rev_per_day=_number(fields, "MEAN_MOTION"),
        eccentricity=_number(fields, "ECCENTRICITY"),
        inclination_deg=_number(fields, "INCLINATION"),
        node_deg=_number(fields, "RA_OF_ASC_NODE"),
        perigee_argument_deg=_number(fields, "ARG_OF_PERICENTER"),
        mean_anomaly_deg=_number(fields, "MEAN_ANOMALY"),
        bstar_per_earth_radius=_number(fields, "BSTAR", 0.0),
        mean_motion_dot=_number(fields, "MEAN_MOTION_DOT", 0.0),
        mean_motion_ddot=_number(fields, "MEAN_MOTION_DDOT", 0.0),
        revolution=_whole(fields, "REV_AT_EPOCH"),
        element_set_number=_whole(fields, "ELEMENT_SET_NO"),
        classification=fields.get("CLASSIFICATION_TYPE", "").strip()[:1] or "U",
        line=line,
    )


def _known(text: str) -> str:
    given = text.strip()
    return "" if given.upper() == "UNKNOWN" else given[:40]


def _catalogue_number(text: str) -> str:
    given = text.strip()
    if given and not (given.isascii() and given.isdigit() and len(given) <= 20):
        raise BadEntry(f"NORAD_CAT_ID is {given[:40]!r}; right is up to 20 digits, or nothing")
    return given.lstrip("0") or ("0" if given else "")


def _needed(fields: Fields, keyword: str) -> str:
    text = fields.get(keyword, "").strip()
    if not text:
        raise BadEntry(f"{keyword} is missing")
    return text


def _number(fields: Fields, keyword: str, default: float | None = None) -> float:
    said = fields.get(keyword, "").strip() if default is not None else _needed(fields, keyword)
    if not said and default is not None:
        return default
    return text.decimal(keyword, said)


def _whole(fields: Fields, keyword: str) -> int:
    value = _number(fields, keyword, 0.0)
    if not (0 <= value < LARGEST_WHOLE and value == int(value)):
        said = text.short(fields[keyword].strip())
        raise BadEntry(f"{keyword} is {said}; right is a whole number below {LARGEST_WHOLE:,}")
    return int(value)


def from_csv(lines: Iterable[tuple[int, str]]) -> Iterator[ElementSet | Refused]:
    """Read rows under a line of keywords, as CelesTrak and Space-Track give them."""
    # A quote that never closes would swallow all that follows: a line is a row here.
    header: list[str] = []
    for at, line in lines:
        row = _row(line)
        if isinstance(row, str):
            yield Refused(at, "", row)
        elif not header:
            header = [keyword.strip().upper() for keyword in row]
            if problem := _bad_header(header):
                yield Refused(at, "", problem)
                return
        elif len(row) != len(header):
            hint = "; right is a point in a number, not a comma" if len(row) > len(header) else ""
            name = text.printable(row[0])
            yield Refused(at, name, f"{len(row)} columns; right is {len(header)}{hint}")
        else:
            yield element_set(dict(zip(header, row, strict=True)), at)


def _row(line: str) -> list[str] | str:
    """Return the columns of a line, or what is wrong with it."""
    if len(line) > ENTRY_MOST:
        return f"the row has {len(line):,} characters; right is at most {ENTRY_MOST:,}"
    try:
        return next(csv.reader(io.StringIO(line)))
    except csv.Error as error:
        return f"the row is not CSV: {error}"


def _bad_header(header: list[str]) -> str:
    if len(header) == 1:
        return "the keywords are not separated by commas; right is OBJECT_NAME,OBJECT_ID,EPOCH,…"
    twice = next((keyword for keyword in header if header.count(keyword) > 1), "")
    return f"the column {twice[:40]} stands there twice; right is once" if twice else ""


def from_kvn(lines: Iterable[tuple[int, str]]) -> Iterator[ElementSet | Refused]:
    """Read `KEYWORD = value` lines; each `CCSDS_OMM_VERS` or repeated name opens a message."""
    fields: dict[str, str] = {}
    opened = 1
    for at, line in lines:
        if line.startswith("COMMENT"):
            continue
        if len(line) > text.LINE_MOST:
            yield Refused(at, "", f"the line has {len(line):,} characters; right is 254 at most")
            continue
        keyword, equals, value = line.partition("=")
        keyword = keyword.strip()
        if not equals:
            yield Refused(at, "", f"{text.short(line)} is wrong; right is KEYWORD = value")
            continue
        if keyword.startswith("CCSDS_") or (keyword == "OBJECT_NAME" and keyword in fields):
            if "OBJECT_NAME" in fields or "EPOCH" in fields:
                yield element_set(fields, opened)
            fields, opened = {}, at
        if keyword in fields:
            fields.setdefault(REPEATED, keyword)
        fields[keyword] = _UNIT.sub("", value.strip())
        if keyword.startswith("CCSDS_") and keyword != "CCSDS_OMM_VERS":
            yield Refused(
                at, "", f"{keyword[:40]} opens another kind of message; right is OMM or OEM"
            )
    if fields:
        yield element_set(fields, opened)


def from_json(whole: str) -> Iterator[ElementSet | Refused]:
    """Read one message or a list of them; past a broken one it goes on at the next."""
    decoder = json.JSONDecoder(
        parse_int=str, parse_float=str, parse_constant=str, object_pairs_hook=_pairs
    )
    lines = _LineNumbers(whole)
    breaks = 0
    is_open = whole.lstrip().startswith("[")
    at = _skip(whole, 0, "[")
    while (at := _skip(whole, at, ",")) < len(whole):
        line = lines.at(at)
        if whole[at] == "]" and is_open:
            is_open, at = False, at + 1
            continue
        if whole[at] == "[" and not is_open:
            is_open, at = True, at + 1
            continue
        try:
            # A piece of the text: otherwise each broken message costs a walk over all of it.
            entry, length = decoder.raw_decode(whole[at : at + ENTRY_MOST])
        except (json.JSONDecodeError, RecursionError) as error:
            place = at + getattr(error, "pos", 0)
            yield Refused(line, "", _json_problem(error, lines.at(place)))
            breaks += 1
            following = _NEXT_OBJECT.search(whole, place)
            if following is None:
                return
            if breaks >= BREAKS_MOST:
                problem = f"{BREAKS_MOST} messages before this line are not JSON: not read on"
                yield Refused(lines.at(following.end()), "", problem)
                return
            at = following.end()
            continue
        at += length
        if not isinstance(entry, dict):
            yield Refused(line, "", "a message is an object of keywords, {...}")
            continue
        yield element_set({k: "" if v is None else str(v) for k, v in entry.items()}, line)
    if is_open:
        yield Refused(lines.at(len(whole)), "", "the list has no ] at its end; the file is cut off")


def _pairs(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            found.setdefault(REPEATED, key)
        found[key] = value
    return found


def _json_problem(error: Exception, line: int) -> str:
    if not isinstance(error, json.JSONDecodeError):
        return "not JSON: nested too deeply; a message is flat"
    if error.pos >= ENTRY_MOST - 1:
        return f"the message is longer than {ENTRY_MOST:,} characters"
    return f"not JSON: {error.msg} on line {line}, character {error.pos + 1} of the message"


def _skip(whole: str, at: int, optional: str) -> int:
    """Return the place after white space and at most one `optional` character."""
    at = _SPACE.match(whole, at).end()
    if at < len(whole) and whole[at] == optional:
        at = _SPACE.match(whole, at + 1).end()
    return at


class _LineNumbers:
    """Line numbers of rising places in a text, each newline counted once."""

    def __init__(self, text: str) -> None:
        self._text, self._at, self._line = text, 0, 1

    def at(self, place: int) -> int:
        if place > self._at:
            self._line += self._text.count("\n", self._at, place)
            self._at = place
        return self._line


def to_fields(elements: ElementSet) -> dict[str, str | float | int]:
    """Return the keywords of a message, as a JSON OMM has them; `parse` reads them back."""
    return {
        "OBJECT_NAME": elements.name,
        "OBJECT_ID": elements.object_id,
        "CENTER_NAME": "EARTH",
        "REF_FRAME": "TEME",
        "TIME_SYSTEM": "UTC",
        "MEAN_ELEMENT_THEORY": "SGP4",
        "EPOCH": elements.epoch_at.strftime("%Y-%m-%dT%H:%M:%S.%f"),
        "MEAN_MOTION": elements.mean_motion_rev_per_day,
        "ECCENTRICITY": elements.eccentricity,
        "INCLINATION": elements.inclination_deg,
        "RA_OF_ASC_NODE": elements.node_deg,
        "ARG_OF_PERICENTER": elements.perigee_argument_deg,
        "MEAN_ANOMALY": elements.mean_anomaly_deg,
        "EPHEMERIS_TYPE": 0,
        "CLASSIFICATION_TYPE": elements.classification,
        "NORAD_CAT_ID": elements.catalogue_number,
        "ELEMENT_SET_NO": elements.element_set_number,
        "REV_AT_EPOCH": elements.revolution,
        "BSTAR": elements.bstar_per_earth_radius,
        "MEAN_MOTION_DOT": elements.mean_motion_dot,
        "MEAN_MOTION_DDOT": elements.mean_motion_ddot,
    }


def to_json(many: Iterable[ElementSet]) -> bytes:
    """Write messages as a JSON list, one a line, that `elements.parse` reads back."""
    rows = (json.dumps(to_fields(elements)) for elements in many)
    return ("[\n" + ",\n".join(rows) + "\n]\n").encode()
