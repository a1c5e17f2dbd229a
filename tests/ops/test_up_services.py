"""The embedded servers keep strangers out and their data in."""

import os
import socket
from urllib.parse import urlsplit

import psycopg
import pytest


@pytest.fixture
def database_url() -> str:
    return os.environ["DATABASE_URL"]


def test_the_role_may_do_its_work_and_no_more(database_url):
    with psycopg.connect(database_url) as connection:
        row = connection.execute(
            "SELECT current_user, rolsuper, rolcreatedb, version() "
            "FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        assert row[:3] == ("zenith", False, True)
        connection.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
        connection.rollback()


def test_a_wrong_password_is_refused(database_url):
    password = urlsplit(database_url).password
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(database_url.replace(password, "guess"))


def test_valkey_refuses_a_stranger():
    url = urlsplit(os.environ["REDIS_URL"])
    with socket.create_connection((url.hostname, url.port), 5) as link:
        link.sendall(b"PING\r\n")
        assert link.recv(64).startswith(b"-NOAUTH")
