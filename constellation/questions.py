"""What callers of the API name, and how it answers: codes, spans and instants."""

from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request

from ops.api import Page
from ops.errors import Invalid

SPAN_MAX = timedelta(days=7)


class ByCode(Page):
    ordering = "code"


class NoQuestion(serializers.Serializer):
    """No parameters."""


class PageQuestion(serializers.Serializer):
    """The parameters of every list that comes in cursor pages."""

    limit = serializers.IntegerField(required=False, min_value=1, max_value=Page.max_page_size)
    cursor = serializers.CharField(required=False)


class Named(serializers.Serializer):
    """A body that has no names but those of its fields: what nobody reads is refused by name."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and (unknown := sorted(set(data) - set(self.fields))):
            known = (
                f"known are {', '.join(self.fields)}" if self.fields else "nothing is known here"
            )
            raise serializers.ValidationError({unknown[0]: [f"Not known; {known}."]})
        return super().to_internal_value(data)


class Number(serializers.FloatField):
    """A finite number: JSON has no other, and no limit refuses NaN."""

    def to_internal_value(self, data: Any) -> float:
        value = super().to_internal_value(data)
        if isinstance(data, bool) or not isfinite(value):
            raise serializers.ValidationError("A finite number is required.")
        return value


class Instant(serializers.DateTimeField):
    """An instant that an element set may tell of, in UTC unless it says otherwise."""

    def __init__(self, **options: Any) -> None:
        super().__init__(default_timezone=UTC, **options)

    def to_internal_value(self, value: Any) -> datetime:
        instant = super().to_internal_value(value)
        if not 1958 <= instant.year <= 2056:
            raise serializers.ValidationError(f"{rfc3339(instant)} lies outside of 1958 to 2056.")
        return instant


def asked(question: type[serializers.Serializer], request: Request) -> dict[str, Any]:
    """Return the query of a request as `question` reads it; refuse parameters it does not know."""
    read = question(data=request.query_params)
    if unknown := sorted(set(request.query_params) - set(read.fields)):
        known = f"those known are {', '.join(read.fields)}" if read.fields else "there is none here"
        raise Invalid(f"There is no parameter {', '.join(unknown)}; {known}.")
    read.is_valid(raise_exception=True)
    return read.validated_data


def sent(change: type[serializers.Serializer], request: Request) -> dict[str, Any]:
    """Return the fields that a PATCH changes; refuse none, and those that cannot be changed."""
    if not isinstance(request.data, dict):
        raise Invalid("A change is a JSON object of the fields to change.")
    read = change(data=request.data, partial=True)
    may = ", ".join(read.fields)
    if unknown := sorted(set(request.data) - set(read.fields)):
        raise Invalid(f"{', '.join(unknown)} cannot be changed here; what can be is {may}.")
    if not request.data:
        raise Invalid(f"Nothing is changed; what can be is {may}.")
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


def by_code(model: type, code: str) -> Any:
    """Return the row of a code that a body names; Invalid when nothing has it."""
    row = model.objects.filter(code=code).first()
    if row is None:
        raise Invalid(f"There is no {model.__name__.lower()} {code}.")
    return row


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
