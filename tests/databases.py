"""Other databases in the place of the tests' own, in the same cluster."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit
from uuid import uuid4

from django.db import connection


def make(of: str = "template1") -> str:
    """Make an empty database, or a copy of one in which nobody is; return its name."""
    name = f"beside_{uuid4().hex[:12]}"
    with connection._nodb_cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name} TEMPLATE {of}")
    return name


def drop(name: str) -> None:
    """Drop a database in which nobody is."""
    with connection._nodb_cursor() as cursor:
        cursor.execute(f"DROP DATABASE {name}")


def url() -> str:
    """Return the URL of the database that this process is connected to."""
    return (
        urlsplit(os.environ["DATABASE_URL"])
        ._replace(path=f"/{connection.settings_dict['NAME']}")
        .geturl()
    )


@contextmanager
def connected_to(name: str) -> Iterator[None]:
    """Let all connections that this process makes go to that database."""
    was = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = name
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = was


def times_connected_to() -> int:
    """Return how often anybody has connected to the current database, ever."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT sessions FROM pg_stat_database WHERE datname = current_database()")
        return cursor.fetchone()[0]
