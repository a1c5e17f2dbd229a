"""`python -m tests.schema` writes `ops/schema.sql`: what the migrations make of an empty database.

Without it a first start applies them one by one. Needs nothing but the test environment; it starts
a PostgreSQL of its own.
"""

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg

from ops import schema
from ops.up import postgres
from tests import services
from tests.running import PROJECT

_LEFT_OUT = ("--", "SET ", "SELECT pg_catalog.set_config", "\\")
"""Beginnings of lines that say nothing of the schema, or change with every run."""


@contextmanager
def scratch(url: str) -> Iterator[str]:
    """Make an empty database beside the one of `url`, and drop it in the end."""
    name = f"scratch_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
        try:
            yield urlsplit(url)._replace(path=f"/{name}").geturl()
        finally:
            # Without FORCE, which must not end an autovacuum that is there: this waits for it.
            server.execute(f"DROP DATABASE {name}")


def made_by_migrations(url: str) -> str:
    """Return the text of the schema that the migrations make, one after the other."""
    with scratch(url) as database:
        migrate(database, "--step-by-step")
        return text_of(database)


def migrate(url: str, *options: str) -> None:
    """Run `migrate` on the empty database of `url`."""
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0", *options]
    subprocess.run(command, cwd=PROJECT, env=os.environ | {"DATABASE_URL": url}, check=True)


def text_of(url: str) -> str:
    """Return the text of the schema of a database that has all migrations.

    It is what a server says that took it from such a text already: the first time PostgreSQL
    writes lists of words in a form that it reads as another.
    """
    with psycopg.connect(url) as database:
        rows = database.execute("SELECT app, name FROM django_migrations ORDER BY id").fetchall()
    with scratch(url) as again:
        with psycopg.connect(again) as database:
            database.execute("SET check_function_bodies = false")
            database.execute(_dumped(url))
        return schema.text_of(_dumped(again), rows)


def _dumped(url: str) -> str:
    command = [
        postgres.binary("pg_dump"),
        "--schema-only",
        "--no-owner",
        "--no-privileges",
        "--no-comments",
        url,
    ]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    lines = [line for line in said.splitlines() if not line.startswith(_LEFT_OUT)]
    # Comments and what stood between them leave nothing but empty lines.
    kept = [line for line, before in zip(lines, ["", *lines[:-1]], strict=True) if line or before]
    return "\n".join(kept) + "\n"


def main() -> None:
    ours = services.prepare()
    services.start(ours)
    try:
        schema.PATH.write_text(made_by_migrations(os.environ["DATABASE_URL"]))
    finally:
        services.stop(ours)


if __name__ == "__main__":
    main()
