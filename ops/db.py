"""What the database says when a promise would be broken, and bulk data on its way to it."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.db import Error, InterfaceError, OperationalError, connection


@contextmanager
def bulk_cursor() -> Iterator[psycopg.Cursor]:
    """Give a cursor of the same connection, in the same transaction, whose parameters travel apart
    from the statement: bytes as they are, where Django's own would write them out as text.

    Errors are those of `django.db`, as everywhere.
    """
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        yield cursor


def broken_rule(error: Error) -> str | None:
    """Return the name of the constraint that refused a write, or None when it was no constraint."""
    diagnostic = getattr(error.__cause__, "diag", None)
    return diagnostic.constraint_name if diagnostic is not None else None


_TIES = ("40P01", "40001")  # deadlock_detected, serialization_failure (PostgreSQL, appendix A)


def passing_trouble(error: BaseException) -> str | None:
    """Say what the database could not do just now and may do in a second; None when `error` is
    something else.

    It broke a tie between two transactions (this one was undone whole), or it is away: restarting,
    out of connections, shutting down.
    """
    if not isinstance(error, OperationalError | InterfaceError):
        return None
    state = getattr(error.__cause__, "sqlstate", None)
    if state in _TIES:
        return "Somebody else changed the same things at the same moment; nothing of this was done."
    return "The database cannot be reached at the moment."
