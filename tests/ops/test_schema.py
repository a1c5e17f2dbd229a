"""An empty database takes the whole schema at once, and gets what the migrations would make."""

import os

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader

from ops import schema
from tests.schema import migrate, scratch, text_of


def test_an_empty_database_has_the_schema_of_the_file():
    with scratch(os.environ["DATABASE_URL"]) as url:
        migrate(url)
        assert text_of(url) == schema.PATH.read_text()


@pytest.mark.django_db
def test_a_database_that_holds_something_is_left_alone():
    known = MigrationLoader(None).disk_migrations
    assert schema.load(connection, known) == 0
    call_command("migrate", verbosity=0)


@pytest.mark.django_db
def test_a_file_of_another_branch_is_left_alone(monkeypatch):
    monkeypatch.setattr(connection.introspection, "table_names", lambda cursor: [])
    known = dict.fromkeys(schema.migrations_of(schema.PATH.read_text())[1:])
    assert schema.load(connection, known) == 0


@pytest.mark.django_db
def test_what_the_server_refuses_leaves_the_database_as_it_was(monkeypatch):
    known = MigrationLoader(None).disk_migrations
    with monkeypatch.context() as blind, pytest.raises(DatabaseError, match="already exists"):
        blind.setattr(connection.introspection, "table_names", lambda cursor: [])
        schema.load(connection, known)
    assert len(MigrationLoader(connection).applied_migrations) == len(known)
