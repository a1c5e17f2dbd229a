"""The schema that all migrations make of an empty database, kept as SQL and loaded at once.

Django makes every model anew for each of some hundred operations, which takes a minute of patience
at the first start of a small machine; the same statements without the models take a second. The
file names the migrations that it stands for. Those that came after it are applied as always, so an
old file is slower and not wrong; a test holds it to the migrations, and `make schema` writes it.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.recorder import MigrationRecorder

PATH = Path(__file__).with_name("schema.sql")
_MARK = "-- migration "

Key = tuple[str, str]
"""A migration: its app's label and its name."""


def text_of(statements: str, migrations: Collection[Key]) -> str:
    """Return the file of a schema and of the migrations that made it."""
    heads = [f"{_MARK}{app} {name}\n" for app, name in migrations]
    return "".join(heads) + "\n" + statements


def migrations_of(text: str) -> list[Key]:
    """Return the migrations that a file stands for, in the order in which they were applied."""
    lines = [line for line in text.splitlines() if line.startswith(_MARK)]
    return [tuple(line.removeprefix(_MARK).split()) for line in lines]


def load(connection: BaseDatabaseWrapper, known: Collection[Key]) -> int:
    """Load the file into an empty database; return how many migrations that spares.

    Nothing is done in a database that holds a table, in another schema than `public`, or when the
    file stands for a migration that is not among the `known`. Raises `DatabaseError` when the
    server refuses it; the database is as it was then.
    """
    text = PATH.read_text()
    migrations = migrations_of(text)
    if not set(migrations) <= set(known):
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        if cursor.fetchone()[0] != "public" or connection.introspection.table_names(cursor):
            return 0
    recorder = MigrationRecorder(connection)
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        cursor.execute("SET LOCAL check_function_bodies = false")
        cursor.execute(text)
        recorder.migration_qs.bulk_create(
            recorder.Migration(app=app, name=name) for app, name in migrations
        )
    return len(migrations)
