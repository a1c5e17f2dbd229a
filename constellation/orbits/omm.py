"""Orbit Mean-Elements Messages (CCSDS 502.0-B-3, section 4) as JSON, XML, CSV and KVN.

All four carry the same keywords; each reader below yields them as text with the line they
stand on, and one function makes them an element set. Public catalogues leave out what is the
same for all (centre, frame, time system, theory); where a file says them, they are checked.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException, ElementTree

from constellation.orbits.elements import BadEntry, ElementSet, Refused, check

Fields = Mapping[str, str]

FIXED = {
    "CENTER_NAME": ("EARTH",),
    "REF_FRAME": ("TEME",),
    "TIME_SYSTEM": ("UTC",),
    "MEAN_ELEMENT_THEORY": ("SGP4", "SGP/SGP4"),
}
_EPOCH = re.compile(r"(\d{4})-(?:(\d\d)-(\d\d)|(\d{3}))T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,12}))?(.*)")
_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")
_NEXT_OBJECT = re.compile(r"\}\s*,?\s*(?=\{)")


def element_set(fields: Fields, line: int) -> ElementSet | Refused:
    """Make an element set of a message's keywords, or say what is wrong with them."""
    name = fields.get("OBJECT_NAME", "").strip()
    try:
        return check(_elements(fields, name, line))
    except BadEntry as bad:
        about = fields.get("NORAD_CAT_ID", "").strip() or fields.get("OBJECT_ID", "").strip()
        return Refused(line, name[:60], str(bad), about[:40], _as_text(fields))


def text_of(elements: ElementSet) -> str:
    """Return an element set as the KVN of its message."""
    return _as_text({key: str(value) for key, value in to_fields(elements).items()})


def _as_text(fields: Fields) -> str:
    lines = (f"{keyword[:60]} = {value[:200]}" for keyword, value in list(fields.items())[:60])
    return "\n".join(lines)


def _elements(fields: Fields, name: str, line: int) -> ElementSet:
    for keyword, right in FIXED.items():
        given = fields.get(keyword, "").strip().upper()
        if given and given not in right:
            raise BadEntry(f"{keyword} is {given[:40]}; right is {right[0]}")
    return ElementSet(
        name=name,
        object_id=_known(fields.get("OBJECT_ID", "")),
        catalogue_number=_catalogue_number(fields.get("NORAD_CAT_ID", "")),
        epoch_at=_epoch(_needed(fields, "EPOCH")),
        mean_motion_rev_per_day=_number(fields, "MEAN_MOTION"),
        eccentricity=_number(fields, "ECCENTRICITY"),
        inclination_deg=_number(fields, "INCLINATION"),
        node_deg=_number(fields, "RA_OF_ASC_NODE"),
        perigee_argument_deg=_number(fields, "ARG_OF_PERICENTER"),
        mean_anomaly_deg=_number(fields, "MEAN_ANOMALY"),
        bstar_per_earth_radius=_number(fields, "BSTAR", 0.0),
        mean_motion_dot=_number(fields, "MEAN_MOTION_DOT", 0.0),
        mean_motion_ddot=_number(fields, "MEAN_MOTION_DDOT", 0.0),
        revolution=int(_number(fields, "REV_AT_EPOCH", 0)),
        element_set_number=int(_number(fields, "ELEMENT_SET_NO", 0)),
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
    text = fields.get(keyword, "").strip() if default is not None else _needed(fields, keyword)
    if not text and default is not None:
        return default
    if not _DECIMAL.fullmatch(text):
        raise BadEntry(f"{keyword} is {text[:40]!r}; right is a decimal number")
    return float(text)


def _epoch(text: str) -> datetime:
    parts = _EPOCH.fullmatch(text)
    if not parts:
        raise BadEntry(f"EPOCH is {text[:40]!r}; right is as 2026-08-22T12:00:00.000000")
    year, month, day, of_year, hour, minute, second, fraction, zone = parts.groups()
    if zone not in ("", "Z", "+00:00"):
        raise BadEntry(f"EPOCH ends in {zone[:20]!r}; right is UTC, with Z or nothing at its end")
    try:
        if of_year:
            midnight = datetime.strptime(f"{year}-{of_year}", "%Y-%j").replace(tzinfo=UTC)
        else:
            midnight = datetime(int(year), int(month), int(day), tzinfo=UTC)
        start = midnight.replace(hour=int(hour), minute=int(minute), second=int(second))
    except ValueError as error:
        raise BadEntry(f"EPOCH is {text[:40]!r}: {error}") from error
    return start + timedelta(microseconds=round(float(f"0.{fraction or 0}") * 1e6))


def from_csv(text: str) -> Iterator[ElementSet | Refused]:
    """Read rows under a line of keywords, as CelesTrak and Space-Track give them."""
    # A quote that never closes would swallow all that follows: a line is a row here.
    header: list[str] = []
    for at, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = next(csv.reader(io.StringIO(line)))
        except csv.Error as error:
            yield Refused(at, "", f"the row is not CSV: {error}")
            continue
        if not header:
            header = [keyword.strip().upper() for keyword in row]
        elif len(row) != len(header):
            yield Refused(at, row[0][:60], f"{len(row)} columns; right is {len(header)}")
        else:
            yield element_set(dict(zip(header, row, strict=True)), at)


def from_kvn(text: str) -> Iterator[ElementSet | Refused]:
    """Read `KEYWORD = value` lines; each `CCSDS_OMM_VERS` or repeated name opens a message."""
    fields: dict[str, str] = {}
    opened = 1
    for at, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith("COMMENT"):
            continue
        keyword, equals, value = line.partition("=")
        keyword = keyword.strip()
        if not equals:
            yield Refused(at, "", f"{line[:40]!r} is wrong; right is KEYWORD = value")
            continue
        if keyword == "CCSDS_OMM_VERS" or (keyword == "OBJECT_NAME" and keyword in fields):
            if "OBJECT_NAME" in fields or "EPOCH" in fields:
                yield element_set(fields, opened)
            fields, opened = {}, at
        fields[keyword] = re.sub(r"\s*\[[^]]*\]$", "", value.strip())
    if fields:
        yield element_set(fields, opened)


def from_json(text: str) -> Iterator[ElementSet | Refused]:
    """Read one message or a list of them; past a broken one it goes on at the next."""
    decoder = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)
    lines = _LineNumbers(text)
    at = _skip(text, 0, "[")
    while (at := _skip(text, at, ",")) < len(text) and text[at] != "]":
        line = lines.at(at)
        try:
            entry, at = decoder.raw_decode(text, at)
        except (json.JSONDecodeError, RecursionError) as error:
            yield Refused(line, "", f"not JSON: {_json_problem(error)}")
            following = _NEXT_OBJECT.search(text, getattr(error, "pos", at))
            at = following.end() if following else len(text)
            continue
        if not isinstance(entry, dict):
            yield Refused(line, "", "a message is an object of keywords, {...}")
            continue
        yield element_set({k: "" if v is None else str(v) for k, v in entry.items()}, line)


def _json_problem(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} on line {error.lineno}, column {error.colno}"
    return "nested too deeply; a message is flat"


def _skip(text: str, at: int, optional: str) -> int:
    """Return the place after white space and at most one `optional` character."""
    space = re.compile(r"\s*")
    at = space.match(text, at).end()
    if at < len(text) and text[at] == optional:
        at = space.match(text, at + 1).end()
    return at


class _LineNumbers:
    """Line numbers of rising places in a text, each newline counted once."""

    def __init__(self, text: str) -> None:
        self._text, self._at, self._line = text, 0, 1

    def at(self, place: int) -> int:
        self._line += self._text.count("\n", self._at, place)
        self._at = place
        return self._line


class _Messages:
    """Gathers the leaves of each `<omm>` while the parser walks; it builds no tree."""

    def __init__(self) -> None:
        self.done: list[tuple[dict[str, str], int]] = []
        self.line = lambda: 0
        self._fields: dict[str, str] | None = None
        self._opened = 0
        self._text: list[str] = []

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._text = []
        if _local(tag) in ("omm", "segment") and self._fields is None:
            self._fields, self._opened = {}, self.line()

    def data(self, text: str) -> None:
        self._text.append(text)

    def end(self, tag: str) -> None:
        name = _local(tag)
        if self._fields is not None:
            if name in ("omm", "segment"):
                if self._fields.keys() - {"ORIGINATOR", "CREATION_DATE"}:
                    self.done.append((self._fields, self._opened))
                self._fields = {} if name == "segment" else None
            elif name.isupper():
                self._fields[name] = "".join(self._text)
        self._text = []

    def close(self) -> None:
        return None


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def from_xml(text: str) -> Iterator[ElementSet | Refused]:
    """Read `<omm>` messages, alone or in an `<ndm>`; a broken file is read up to its break.

    Document types and entities are refused: no message has them, and bombs are made of them.
    """
    target = _Messages()
    parser = ElementTree.XMLParser(target=target, forbid_dtd=True)
    target.line = lambda: parser.parser.CurrentLineNumber
    problem = None
    try:
        parser.feed(text)
        parser.close()
    except DefusedXmlException as error:
        problem = Refused(1, "", f"{type(error).__name__}: document types and entities are refused")
    except ParseError as error:
        line, column = error.position
        problem = Refused(line, "", f"not XML from column {column} on: {error}")
    yield from _read_all(target.done)
    if problem:
        yield problem
    elif not target.done:
        yield Refused(1, "", "no <omm> is in it")


def _read_all(messages: Iterable[tuple[Fields, int]]) -> Iterator[ElementSet | Refused]:
    for fields, line in messages:
        yield element_set(fields, line)


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
