"""`manage.py up` as an operator lives it: start, accidents, stop, start again."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg
import pytest
import redis

from ops.up import valkey
from tests.running import EXPECTED, PROJECT, Zenith, is_running, up, wait_for


@pytest.fixture(scope="module")
def folder():
    # Deep and long: sockets must not care how long a path is.
    path = Path(tempfile.mkdtemp(prefix="zu-")) / ("deep" * 30)
    yield path
    shutil.rmtree(path.parent)


@pytest.fixture(scope="module")
def zenith(folder):
    zenith = Zenith(folder, valkey.free_port(), "--no-simulator")
    yield zenith
    zenith.end()


def test_it_starts_and_says_how_to_get_in(zenith):
    assert zenith.answers()
    assert zenith.word("Console") == f"http://127.0.0.1:{zenith.port}/"
    assert zenith.word("Customer key").startswith("zk_")
    assert "simulated: 2026-08-22T12:00" in zenith.word("Clock")
    assert set(zenith.pids()) == set(EXPECTED)


def test_its_folder_is_closed_to_others(zenith):
    assert zenith.folder.stat().st_mode & 0o077 == 0
    assert (zenith.folder / "secrets.json").stat().st_mode & 0o077 == 0


def test_a_second_instance_is_refused_in_one_line(zenith):
    second = up(zenith.folder, "--port", str(zenith.port))
    said, _ = second.communicate(timeout=20)
    assert second.returncode == 1
    assert said.count("\n") == 1
    assert f"already runs from {zenith.folder} at http://127.0.0.1:{zenith.port}/" in said


def test_a_port_in_use_is_refused_in_one_line(zenith, tmp_path):
    second = up(tmp_path / "home", "--port", str(zenith.port))
    said, _ = second.communicate(timeout=20)
    assert second.returncode == 1
    assert said == (
        f"Port {zenith.port} of 127.0.0.1 cannot be used (Address already in use); "
        "choose another with --port.\n"
    )


def test_another_command_finds_the_running_servers(zenith):
    kept = {n: v for n, v in os.environ.items() if n not in ("DATABASE_URL", "REDIS_URL")}
    code = "from ops.accounts.models import User; print(User.objects.get(role='operator'))"
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", code],
        cwd=PROJECT,
        env=kept | {"ZENITH_HOME": str(zenith.folder)},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.stdout == "operator\n"


@pytest.mark.parametrize("name", EXPECTED)
def test_a_killed_process_comes_back(zenith, name):
    killed = zenith.pids()[name]
    zenith.kill(name)
    assert not is_running(killed)
    assert is_running(zenith.pids()[name])


def test_after_the_kills_the_data_is_there(zenith):
    def users() -> int:
        try:
            with psycopg.connect(zenith.environment["DATABASE_URL"]) as connection:
                return connection.execute("SELECT count(*) FROM accounts_user").fetchone()[0]
        except psycopg.OperationalError:
            return 0

    def store_answers() -> bool:
        try:
            return redis.Redis.from_url(zenith.environment["REDIS_URL"]).ping()
        except redis.ConnectionError:
            return False

    assert wait_for("the database answers", users, 60) == 2
    assert wait_for("the store answers", store_answers, 60)
    assert wait_for("the pages answer", zenith.answers, 60)


def test_sigterm_stops_everything_and_the_next_start_finds_its_data(zenith, folder):
    family = zenith.family()
    zenith.process.terminate()
    assert zenith.process.wait(60) == 0
    assert not [pid for pid in family if is_running(pid)]
    zenith.process.stdout.close()

    again = Zenith(folder, zenith.port, "--no-simulator")
    assert again.word("Customer key") == zenith.word("Customer key")
    assert again.word("Operator") == zenith.word("Operator")

    # And now the worst that can happen to a supervisor.
    family = again.family()
    again.end()
    assert not [pid for pid in family if is_running(pid)]
