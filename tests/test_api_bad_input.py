"""What no caller should send, at every address of the API: a refusal each time, never a 500."""

import base64
import re
from urllib.parse import urlencode
from uuid import UUID

import pytest
from django.urls import get_resolver
from rest_framework.test import APIClient

from tests.factories import make_organisation, make_user

FILLED = {
    "int": "7",
    "sha256": "0" * 64,
    "slug": "NOBODY",
    "str": "NOBODY",
    "uuid": str(UUID(int=7)),
}


def addresses() -> list[str]:
    """Every address of the API, with names in it that nothing has."""
    found = []
    for entry in get_resolver().url_patterns:
        prefix = str(entry.pattern)
        if prefix == "api/v1/":
            for pattern in entry.url_patterns:
                address = f"/{prefix}{pattern.pattern}"
                for kind, word in FILLED.items():
                    address = re.sub(f"<{kind}:[a-z0-9_]+>", word, address)
                assert "<" not in address
                found.append(address)
    return sorted(set(found))


@pytest.fixture
def operator(db):
    """A caller who is known: the session of each request would be half of what these take."""
    client = APIClient(raise_request_exception=False)
    client.force_authenticate(make_user(organisation=make_organisation(operates_fleet=True)))
    return client


@pytest.mark.parametrize("address", addresses())
def test_no_address_fails_for_what_its_caller_sent(operator, address):
    deep = b'{"name":' + b"[" * 50_000 + b"]" * 50_000 + b"}"
    asked = [
        operator.get(address, {name: instant})
        for name in ("start", "end", "at")
        for instant in ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00Z")
    ]
    asked += [
        operator.get(address, {"cursor": base64.b64encode(urlencode({"p": place}).encode())})
        for place in ("1", "x", "\0", "2026-13-01", "1e400")
    ]
    asked += [operator.get(address.replace("NOBODY", "%00"))]
    asked += [
        operator.generic(method, address, body, content_type="application/json")
        for method in ("PUT", "POST", "PATCH", "DELETE")
        for body in (deep, b"\xff", b"[1]", b'{"name":"\\ud800"}')
    ]

    assert [answer.status_code for answer in asked if answer.status_code >= 500] == []
    assert all(
        answer["Content-Type"] == "application/problem+json"
        for answer in asked
        if answer.status_code >= 400
    )


RAW = ("artefacts/", "element-files/", "definitions/", "dictionaries/", "releases/", "uploads")
"""Bodies there are files, not fields."""
KEYED = ("calendars/", "clock")
"""Doors that ask for a token of their own first, and that which says first what it needs."""


@pytest.mark.parametrize(
    "address", [each for each in addresses() if not any(name in each for name in RAW + KEYED)]
)
def test_a_field_that_nobody_reads_is_refused_by_name(operator, address):
    for method in ("PUT", "POST", "PATCH"):
        body = b'{"unheard_of": 1}'
        answer = operator.generic(method, address, body, content_type="application/json")
        assert answer.status_code in (400, 403, 404, 405), answer.content
        assert answer.status_code != 400 or "unheard_of" in answer.content.decode()


def test_a_page_whose_name_has_a_nul_is_not_there(operator, client):
    client.force_login(make_user())
    assert client.get("/satellites/%00").status_code == 404
    assert operator.get("/api/v1/satellites/%00").json()["code"] == "not_found"


def test_a_cursor_whose_place_cannot_be_compared_is_refused(operator):
    cursor = base64.b64encode(b"p=yesterday").decode()

    answer = operator.get("/api/v1/contacts", {"cursor": cursor})

    assert (answer.status_code, answer.json()["detail"]) == (404, "Invalid cursor")


def test_json_nested_deeper_than_any_reader_follows_is_refused(operator):
    deep = b'{"horizon":' + b"[" * 50_000 + b"]" * 50_000 + b"}"

    answer = operator.patch("/api/v1/stations/SGS", deep, content_type="application/json")

    assert answer.status_code == 400
    assert "depth limit exceeded" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b'{"satellite":"A\\u0000","name":"NOOP"}', "satellite"),
        (b'{"satellite":"A","name":"NOOP","arguments":{"names":["a","\\u0000"]}}',
         "arguments.names[1]"),
        (b'{"satellite":"A","arguments":{"a\\u0000":1}}', "A name in arguments"),
    ],
)  # fmt: skip
def test_a_nul_in_a_body_is_refused_by_its_place(operator, body, place):
    address = f"/api/v1/commands/{UUID(int=7)}"

    answer = operator.put(address, body, content_type="application/json")

    assert answer.status_code == 400
    assert answer.json()["detail"] == f"{place} holds U+0000, which no text here has."


def test_a_backslash_before_u0000_is_no_nul(operator):
    address = f"/api/v1/commands/{UUID(int=7)}"

    answer = operator.put(
        address, b'{"satellite":"\\\\u0000","name":"NOOP"}', content_type="application/json"
    )

    assert answer.status_code == 400
    assert "U+0000" not in answer.json()["detail"]
