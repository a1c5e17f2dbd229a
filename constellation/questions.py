"""What callers of the API name, and how it answers: codes, spans and instants."""

from datetime import UTC, datetime, timedelta
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request

from ops.errors import Invalid

SPAN_MAX = timedelta(days=7)


def asked(question: type[serializers.Serializer], request: Request) -> dict[str, Any]:
    """Return the query of a request as `question` reads it; refuse parameters it does not know."""
    read = question(data=request.query_params)
    if unknown := sorted(set(request.query_params) - set(read.fields)):
        known = ", ".join(read.fields)
        raise Invalid(f"There is no parameter {', '.join(unknown)}; those known are {known}.")
    read.is_valid(raise_exception=True)
    return read.validated_data


def named(model: type, codes: str) -> list | None:
    """Return the rows of comma-separated codes, or None when none are given."""
    wanted = {code.strip() for code in codes.split(",") if code.strip()}
    if not wanted:
        return None
    rows = list(model.objects.filter(code__in=wanted))
    if missing := wanted - {row.code for row in rows}:
        raise Invalid(f"There is no {model.__name__.lower()} {', '.join(sorted(missing))}.")
    return rows


def check_span(start_at: datetime, end_at: datetime) -> None:
    """Refuse a span that is empty, too long or out of what element sets can tell."""
    if end_at <= start_at:
        raise Invalid("The span ends before it starts.")
    if end_at - start_at > SPAN_MAX:
        raise Invalid(f"The span is longer than {SPAN_MAX.days} days.")
    if not 1958 <= start_at.year <= 2056:
        raise Invalid("The span lies outside of 1958 to 2056.")


def rfc3339(instant: datetime) -> str:
    """Return an instant as the API writes it."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
