"""Emptying the database after a test that committed.

Django truncates all our hundred tables and makes its permissions anew, a quarter of a second each
time. Most such tests fill a few tables with a few rows: those are deleted, and the rest stays.
"""

from django.db import connection, transaction
from django.test import TransactionTestCase

_STAYS = {"django_content_type", "auth_permission", "django_migrations"}
"""What migrations make, and no test changes."""
_ROWS_MOST = 300
"""Of one table: each row that goes is looked for in all that may refer to it."""

_truncate = TransactionTestCase._fixture_teardown


def install() -> None:
    """Have what tests left deleted from now on."""
    TransactionTestCase._fixture_teardown = _empty


def _empty(case: TransactionTestCase) -> None:
    tables = set(connection.introspection.django_table_names(only_existing=True)) - _STAYS
    with transaction.atomic(), connection.cursor() as cursor:
        rows = _rows(cursor, sorted(tables))
        if max(rows.values(), default=0) <= _ROWS_MOST:
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
            cursor.execute("".join(f'DELETE FROM "{table}";' for table in rows) or "SELECT")
            return
    _truncate(case)


def _rows(cursor, tables: list[str]) -> dict[str, int]:
    """Return how many rows tables have that have any, counted up to one more than `_ROWS_MOST`."""
    counts = (
        f"SELECT '{table}', count(*) FROM (SELECT FROM \"{table}\" LIMIT {_ROWS_MOST + 1}) found"
        for table in tables
    )
    cursor.execute(" UNION ALL ".join(counts))
    return {table: count for table, count in cursor.fetchall() if count}
