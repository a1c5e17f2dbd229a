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


def end_if_silent(seconds: float) -> None:
    """Have the server end a transaction of this session when nothing is said in it for so long.

    A process that is stopped in the midst of one keeps its locks otherwise until it goes on, and
    nobody else gets past them. In a transaction it holds to its end, outside for the session;
    where that transaction is part of another it is for the other to say.
    """
    if connection.savepoint_ids:
        return
    local = "LOCAL " if connection.in_atomic_block else ""
    with connection.cursor() as cursor:
        cursor.execute(f"SET {local}idle_in_transaction_session_timeout = {round(seconds * 1e3)}")


def broken_rule(error: Error) -> str | None:
    """Return the name of the constraint that refused a write, or None when it was no constraint."""
    diagnostic = getattr(error.__cause__, "diag", None)
    return diagnostic.constraint_name if diagnostic is not None else None


_TIES = ("40P01", "40001")  # deadlock_detected, serialization_failure (PostgreSQL, appendix A)
_SILENT = "25P03"  # idle_in_transaction_session_timeout


def passing_trouble(error: BaseException) -> str | None:
    """Say what the database could not do just now and may do in a second; None when `error` is
    something else.

    It broke a tie between two transactions (this one was undone whole), it ended one in which
    nothing was said (`end_if_silent`), or it is away: restarting, out of connections, shutting
    down.
    """
    state = getattr(error.__cause__, "sqlstate", None)
    if not isinstance(error, OperationalError | InterfaceError) and state != _SILENT:
        return None
    if state in _TIES:
        return "Somebody else changed the same things at the same moment; nothing of this was done."
    return "The database cannot be reached at the moment."
