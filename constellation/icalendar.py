"""Calendars as RFC 5545 has them: lines, folding, escaping, nothing else."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

MEDIA_TYPE = "text/calendar; charset=utf-8"
LINE_OCTETS = 75
"""RFC 5545, section 3.1, without the line break."""


@dataclass(frozen=True)
class Event:
    """One event. Instants are told in whole seconds of UTC."""

    uid: str
    stamp_at: datetime
    """When what it says was last revised (section 3.8.7.2)."""
    start_at: datetime
    end_at: datetime
    summary: str
    description: str
    location: str
    latitude_deg: float
    longitude_deg: float
    category: str
    status: str
    """TENTATIVE, CONFIRMED or CANCELLED (section 3.8.1.11)."""
    is_busy: bool
    sequence: int = 0


def calendar(name: str, events: Iterable[Event]) -> bytes:
    """Return a whole calendar."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Zenith//Passes and contacts//EN",
        "CALSCALE:GREGORIAN",
        f"NAME:{escaped(name)}",
        f"X-WR-CALNAME:{escaped(name)}",
        "REFRESH-INTERVAL;VALUE=DURATION:PT15M",
        "X-PUBLISHED-TTL:PT15M",
    ]
    for event in events:
        lines += _event(event)
    lines.append("END:VCALENDAR")
    return b"".join(folded(line) for line in lines)


def _event(event: Event) -> list[str]:
    start, end = _instant(event.start_at), _instant(event.end_at)
    if end <= start:
        # An end has to lie after the start (section 3.8.2.2): the shortest second.
        end = _instant(datetime.fromtimestamp(event.start_at.timestamp() + 1.0, UTC))
    return [
        "BEGIN:VEVENT",
        f"UID:{escaped(event.uid)}",
        f"DTSTAMP:{_instant(event.stamp_at)}",
        f"DTSTART:{start}",
        f"DTEND:{end}",
        f"SEQUENCE:{event.sequence}",
        f"SUMMARY:{escaped(event.summary)}",
        f"DESCRIPTION:{escaped(event.description)}",
        f"LOCATION:{escaped(event.location)}",
        f"GEO:{event.latitude_deg:.6f};{event.longitude_deg:.6f}",
        f"CATEGORIES:{escaped(event.category)}",
        f"STATUS:{event.status}",
        f"TRANSP:{'OPAQUE' if event.is_busy else 'TRANSPARENT'}",
        "END:VEVENT",
    ]


def escaped(text: str) -> str:
    """Return text as a value of type TEXT (section 3.3.11); other control characters go."""
    for character, escape in (("\\", "\\\\"), (";", "\\;"), (",", "\\,"), ("\r\n", "\n")):
        text = text.replace(character, escape)
    text = text.replace("\n", "\\n").replace("\r", "\\n")
    return "".join(character for character in text if character >= " " or character == "\t")


def folded(line: str) -> bytes:
    """Return a line of at most 75 octets, and its rest on lines that begin with a blank.

    Never cut within a character.
    """
    parts, part = [], b""
    for character in line:
        octets = character.encode()
        if len(part) + len(octets) > LINE_OCTETS:
            parts.append(part)
            part = b" "
        part += octets
    return b"\r\n".join([*parts, part]) + b"\r\n"


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
