"""Instants as the archive keeps them: int64 nanoseconds since 1970-01-01 UTC. Pure."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_ns(instant: datetime) -> int:
    """Return an aware instant as ns since 1970."""
    return (instant - EPOCH) // timedelta(microseconds=1) * 1000


def from_ns(nanoseconds: int) -> datetime:
    """Return the instant, rounded down to a microsecond."""
    return EPOCH + timedelta(microseconds=nanoseconds // 1000)


def text(nanoseconds: int) -> str:
    """Return the instant as RFC 3339 writes it."""
    return from_ns(nanoseconds).isoformat().replace("+00:00", "Z")
