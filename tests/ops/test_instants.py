"""Instants that people write in forms, as the console shows them or with month and day."""

from datetime import UTC, datetime

import pytest
from django import forms

from ops.pages import InstantField

NOON = datetime(2026, 8, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "words",
    [
        "2026-234T12:00:00Z",
        " 2026-234T12:00Z ",
        "2026-234T12:00",
        "2026-08-22T12:00:00Z",
        "2026-08-22 12:00",
        "2026-08-22T14:00:00+02:00",
        "2026-08-22T12:00:00.000Z",
    ],
)
def test_one_is_read_in_each_of_its_forms(words):
    assert InstantField().clean(words) == NOON
    assert InstantField().clean(words).tzinfo is UTC


@pytest.mark.parametrize(
    "words",
    ["soon", "2026-366T12:00:00Z", "2026-000T12:00Z", "2026-13-01", "12:00", "2026-234T25:00Z"],
)
def test_what_is_none_is_refused_with_what_would_be_one(words):
    with pytest.raises(forms.ValidationError, match=r"such as 2026-234T12:00:00Z or 2026-08-22T"):
        InstantField().clean(words)


def test_nothing_is_refused_only_where_one_is_needed():
    assert InstantField(required=False).clean("") is None
    with pytest.raises(forms.ValidationError, match="required"):
        InstantField().clean(" ")


def test_the_ends_of_time_are_no_failure():
    for words in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"):
        with pytest.raises(forms.ValidationError):
            InstantField().clean(words)
