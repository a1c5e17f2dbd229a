"""How the console writes instants, sizes, rates and digests."""

from datetime import UTC, datetime
from typing import Any

from django import template

register = template.Library()


@register.filter
def ordinal(at: datetime | None) -> str:
    """`2026-234T12:00:00Z`: ISO 8601 with the day of the year."""
    return at.astimezone(UTC).strftime("%Y-%jT%H:%M:%SZ") if at else "–"


@register.filter
def iso(at: datetime | None) -> str:
    """RFC 3339, for scripts and `<time datetime>`."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z") if at else ""


@register.filter
def hms(at: datetime | None) -> str:
    """`12:00:00`, where the day is clear from elsewhere."""
    return at.astimezone(UTC).strftime("%H:%M:%S") if at else "–"


@register.filter
def of_ns(nanoseconds: int) -> datetime:
    """An instant out of nanoseconds since 1970."""
    return datetime.fromtimestamp(nanoseconds / 1e9, UTC)


@register.filter
def counted(count: Any) -> str:
    """Return a number with its thousands apart, and a dash for none."""
    return "–" if count is None or count == "" else f"{count:,}"


@register.filter
def size(count: Any) -> str:
    """Bytes in decimal units: `98.4 MB`."""
    return _scaled(count, ["B", "kB", "MB", "GB", "TB", "PB"])


@register.filter
def bitrate(rate: Any) -> str:
    """Bits a second in decimal units: `20 Mbit/s`."""
    return _scaled(rate, ["bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"])


@register.filter
def kilometres(distance_m: Any) -> str:
    """`1,234 km`."""
    return f"{float(distance_m) / 1000:,.0f} km"


@register.filter
def kilohertz(shift_hz: Any) -> str:
    """A shift, with its sign: `+41.3 kHz`."""
    return f"{float(shift_hz) / 1000:+,.1f} kHz"


@register.filter
def digest(sha256: str | None) -> str:
    """The first twelve hexadecimal digits: enough to tell artefacts apart."""
    return sha256[:12] if sha256 else "–"


@register.filter
def duration(span_s: Any) -> str:
    """`7 min 40 s`; under ten seconds with one decimal."""
    if span_s is None:
        return "–"
    seconds = float(span_s)
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{int(seconds // 60)} min {int(seconds % 60)} s"
    return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60)} min"


def _scaled(count: Any, units: list[str]) -> str:
    if count is None:
        return "–"
    value = float(count)
    for unit in units:
        if abs(value) < 1000 or unit == units[-1]:
            break
        value /= 1000
    figures = f"{value:.0f}" if value == int(value) or value >= 100 else f"{value:.3g}"
    return f"{figures} {unit}"
