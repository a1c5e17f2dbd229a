"""What the readers of element sets share: lines, numbers and instants as CCSDS 502.0-B has them."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

from constellation.orbits.elements import BadEntry

LINE_MOST = 1_000
"""CCSDS 502.0-B-3, 7.3.2, allows 254 characters in KVN; rows of a CSV are longer."""
VALUE_MOST = 40
_EPOCH = re.compile(
    r"(\d{4})-(?:(\d\d)-(\d\d)|(\d{3}))T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,18}))?(\S*)", re.ASCII
)
_DECIMAL = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_LINE_ENDS = re.compile(r"\r\n|\n|\r")


def numbered_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines that say something, trimmed, with their numbers; any line ends do."""
    at, line = 0, 1
    for end in _LINE_ENDS.finditer(text):
        if said := text[at : end.start()].strip():
            yield line, said
        at, line = end.end(), line + 1
    if said := text[at:].strip():
        yield line, said


def decimal(what: str, text: str) -> float:
    """Return a decimal number, or raise what is wrong with it."""
    if len(text) > VALUE_MOST or not _DECIMAL.fullmatch(text):
        hint = " with a point, not a comma" if "," in text[:VALUE_MOST] else ""
        raise BadEntry(f"{what} is {short(text)}; right is a decimal number{hint}")
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise BadEntry(f"{what} is {short(text)}, which is too large for any number")
    return value


def instant(what: str, text: str) -> datetime:
    """Return an instant, or raise what is wrong with it."""
    parts = _EPOCH.fullmatch(text[:80])
    if not parts:
        raise BadEntry(f"{what} is {short(text)}; right is as 2026-08-22T12:00:00.000000")
    year, month, day, of_year, hour, minute, second, fraction, zone = parts.groups()
    if zone not in ("", "Z", "+00:00"):
        raise BadEntry(f"{what} ends in {zone[:20]!r}; right is UTC, with Z or nothing at its end")
    try:
        if of_year:
            midnight = datetime.strptime(f"{year}-{of_year}", "%Y-%j").replace(tzinfo=UTC)
        else:
            midnight = datetime(int(year), int(month), int(day), tzinfo=UTC)
        start = midnight.replace(hour=int(hour), minute=int(minute), second=int(second))
        return start + timedelta(microseconds=round(float(f"0.{fraction or 0}") * 1e6))
    except (ValueError, OverflowError) as error:
        raise BadEntry(f"{what} is {short(text)}: {error}") from error


def short(text: str) -> str:
    """Return a text as it may stand in a message."""
    return repr(text if len(text) <= VALUE_MOST else text[: VALUE_MOST - 3] + "...")


def check_printable(fields: Mapping[str, str]) -> None:
    """Refuse control characters, and what stands where bytes were no text."""
    for keyword, value in fields.items():
        if "\ufffd" in value:
            raise BadEntry(f"{keyword[:40]} holds bytes that are not UTF-8 text")
        if not value.isprintable() and (wrong := _first_control(value)):
            raise BadEntry(f"{keyword[:40]} holds the character {wrong}; right is printable text")


def printable(text: str) -> str:
    """Return a name as it may stand in a message, whatever was in it."""
    return "".join(c for c in text[:60] if c.isprintable() and c != "\ufffd")


def _first_control(value: str) -> str:
    return next((repr(c) for c in value if not c.isprintable() and c not in "\t\r\n"), "")


def as_lines(fields: Mapping[str, str]) -> str:
    """Return keywords and values as lines of KVN, cut to what one would read."""
    lines = (f"{keyword[:60]} = {value[:200]}" for keyword, value in list(fields.items())[:60])
    return "\n".join(lines)


def when(at_s: float) -> str:
    """Return an instant as messages write it."""
    return f"{datetime.fromtimestamp(float(at_s), UTC):%Y-%m-%dT%H:%M:%SZ}"
