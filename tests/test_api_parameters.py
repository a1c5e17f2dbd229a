"""A parameter that an address does not know is refused by name, wherever something is listed."""

import pytest
from django.urls import get_resolver

from tests.factories import make_organisation, make_user


def addresses() -> list[str]:
    """Every address of the API that needs no name in it."""
    found = []
    for entry in get_resolver().url_patterns:
        prefix = str(entry.pattern)
        if prefix == "api/v1/":
            found += [
                f"/{prefix}{pattern.pattern}"
                for pattern in entry.url_patterns
                if not pattern.pattern.converters
            ]
    return sorted(set(found) - {"/api/v1/clock"})  # which asks nothing and lists nothing


@pytest.fixture
def operator(client, db):
    client.force_login(make_user(organisation=make_organisation(operates_fleet=True)))
    return client


@pytest.mark.parametrize("address", addresses())
def test_no_filter_is_ignored_for_being_misspelt(operator, address):
    answer = operator.get(address, {"satelite": "SCS-01-A"})

    assert answer.status_code in (400, 405)
    if answer.status_code == 400:
        assert "There is no parameter satelite" in answer.json()["detail"]
