"""Makers of rows for tests: each fills in what a test does not care about."""

from itertools import count
from typing import Any

from ops.accounts.models import Organisation, User

_numbers = count(1)


def make_organisation(**details: Any) -> Organisation:
    number = next(_numbers)
    return Organisation.objects.create(
        **{"slug": f"org-{number}", "name": f"Organisation {number}", **details}
    )


def make_user(**details: Any) -> User:
    details.setdefault("organisation", details.pop("organisation", None) or make_organisation())
    password = details.pop("password", "correct horse battery")
    user = User(**{"username": f"user-{next(_numbers)}", "role": "operator", **details})
    user.set_password(password)
    user.save()
    return user
